"""The bars of issue 14: what a request of each kind costs in units of a bare NIO request (*h*) and of its cryptography.

All servers of a run stay up, and the scenarios go round in turns: each round measures every scenario of every server
once for a short time. What counts is the median over the rounds, as CPU time of the server per request.
"""

from __future__ import annotations

import os
import re
import socket
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from harness import HOST, Child, Core, Server, ServerFailed, TemporaryFolder, free_port

CONNECTIONS = 16
TICKS = os.sysconf("SC_CLK_TCK")
ALGORITHMS = ("RS256", "ES256")
HELLO, VERIFY, CHECKED, CREATE, REFRESH, INFORMATION = (
    "hello", "verify", "verify checkDatabase", "create", "refresh", "information")


@dataclass(frozen=True)
class Bar:
    """A figure that was promised and the one that was measured."""

    name: str
    unit: str
    limit: float
    measured: float

    @property
    def held(self) -> bool:
        """Whether the measurement is within the limit."""
        return self.measured <= self.limit


def units(program: Path, count: int = 300) -> dict[str, float]:
    """The CPU microseconds of `tessera speed`: a signature and a check of each algorithm, a derivation."""
    done = subprocess.run([program, "speed", "--count", str(count)], capture_output=True, text=True, check=True)
    return {name: float(value) for name, value in re.findall(r"^([\w ]+): ([\d.]+) us$", done.stdout, re.M)}


def rsa_provider(program: Path) -> str:
    """What makes RSA signatures, as `tessera speed` tells it."""
    done = subprocess.run([program, "speed", "--count", "1"], capture_output=True, text=True, check=True)
    return next(iter(re.findall(r"^RSA signatures are .*$", done.stdout, re.M)), "")


class Program(Server):
    """A server of a given executable, whose start is timed finely."""

    def __init__(self, program: Path, config: str) -> None:
        """Prepares it."""
        super().__init__(config=config)
        self._program = program

    def arguments(self, host: str = HOST) -> list[str]:
        """The command line of a run."""
        return [str(self._program), *super().arguments(host)[1:]]

    def wait_until_ready(self, child: Child, poll: float = 0.001) -> None:
        """Polls GET /hello until it answers 200."""
        super().wait_until_ready(child, poll)


class Bare:
    """The bare NIO responder, whose request is the unit *h*."""

    def __init__(self, program: Path) -> None:
        """Starts it."""
        self.port = free_port()
        self._child = Child([str(program), str(self.port)])
        self.pid = self._child.pid
        end = time.monotonic() + 10
        while not self._answers():
            if not self._child.alive or time.monotonic() > end:
                raise ServerFailed(f"the bare responder does not start: {self._child.output}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
            return True
        except OSError:
            return False


@dataclass
class Scenario:
    """Requests of one kind to one server, with the figures of all rounds."""

    subject: str
    name: str
    algorithm: str
    port: int
    pid: int
    script: str
    arguments: Callable[[], list[str]]
    costs: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def cost(self) -> float:
        """CPU microseconds of a request, the median of the rounds."""
        return statistics.median(self.costs)

    @property
    def rate(self) -> float:
        """Requests per second, the median of the rounds."""
        return statistics.median(self.rates)


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Costs:
    """All scenarios of one run and what became of the bars."""

    def __init__(self, program: Path, bare: Path, beside: Path | None, rounds: int, seconds: float,
                 prepare: Callable[[Core], object]) -> None:
        """Prepares a run.

        `prepare` makes the prepared requests of a core: an object with verify(check_database), information() and
        fresh_tokens(), each of which writes a file and returns its name.
        """
        self._program, self._bare, self._beside = program, bare, beside
        self._rounds, self._seconds = rounds, seconds
        self._prepare = prepare
        self._here = Path(__file__).resolve().parent
        self._folder = TemporaryFolder("tessera-costs-")
        self._units: dict[str, list[float]] = {}
        self.scenarios: list[Scenario] = []
        self.provider = rsa_provider(program)

    def run(self) -> None:
        """Measures in rounds."""
        bare = Bare(self._bare)
        hello = self._folder.path / "hello"
        hello.write_text("GET /hello\n")
        self.scenarios = [Scenario("bare NIO", "h", "", bare.port, bare.pid, "hello.lua", lambda: [str(hello)])]
        servers: list[Server] = []
        try:
            for subject, program in (("tessera", self._program), ("beside", self._beside)):
                if program is not None:
                    self._add(subject, program, str(hello), servers)
            for number in range(self._rounds + 1):
                for scenario in self.scenarios:
                    self._measure(scenario, counts=number > 0)
                if number > 0:
                    for name, value in units(self._program).items():
                        self._units.setdefault(name, []).append(value)
                print(f"  round {number} of {self._rounds}{' (warm-up)' if number == 0 else ''}", flush=True)
        finally:
            for server in servers:
                server.stop()

    def _add(self, subject: str, program: Path, hello: str, servers: list[Server]) -> None:
        for algorithm in ALGORITHMS:
            server = Program(program, f"access_token_signing_algorithm: {algorithm}\n").start()
            servers.append(server)
            core = server.core()
            core.verify(core.create("warm-up").json["accessToken"]["token"])
            self.scenarios += self._of(server, subject, algorithm, hello, self._prepare(core))

    @staticmethod
    def _of(server: Server, subject: str, algorithm: str, hello: str, requests: object) -> Iterator[Scenario]:
        def scenario(name: str, script: str, arguments: Callable[[], list[str]]) -> Scenario:
            return Scenario(subject, name, algorithm, server.port, server.pid, script, arguments)

        verify, checked, information = requests.verify(False), requests.verify(True), requests.information()
        if algorithm == ALGORITHMS[0]:
            yield scenario(HELLO, "hello.lua", lambda: [hello])
        yield scenario(VERIFY, "replay.lua", lambda: [verify])
        yield scenario(CHECKED, "replay.lua", lambda: [checked])
        yield scenario(CREATE, "create.lua", lambda: [])
        yield scenario(REFRESH, "chain.lua", lambda: [requests.fresh_tokens()])
        if algorithm == ALGORITHMS[0]:
            yield scenario(INFORMATION, "replay.lua", lambda: [information])

    def _measure(self, scenario: Scenario, counts: bool) -> None:
        seconds = max(1, round(self._seconds if counts else 1))
        arguments = scenario.arguments()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s",
                   "-s", str(self._here / scenario.script), f"http://{HOST}:{scenario.port}", "--", *arguments]
        before = cpu_seconds(scenario.pid)
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        used = cpu_seconds(scenario.pid) - before
        found = dict(re.findall(r"(\w+)=([\d.]+)", done.stdout.partition("RESULT ")[2].partition("\n")[0]))
        if not found:
            raise RuntimeError(f"wrk said nothing usable: {done.stdout}{done.stderr}")
        for line in re.findall(r"^SAMPLE (.*)$", done.stdout, re.M):
            print(f"  a failed request of {scenario.subject} {scenario.name}: {line}")
        scenario.errors += int(found["bad"]) + int(found["socket"])
        if counts:
            requests = int(found["requests"])
            scenario.costs.append(used / max(1, requests) * 1e6)
            scenario.rates.append(requests / float(found["seconds"]))

    def find(self, name: str, algorithm: str, subject: str = "tessera") -> Scenario | None:
        """A scenario by its name; one that has no algorithm is there once."""
        return next((scenario for scenario in self.scenarios if scenario.subject == subject and scenario.name == name
                     and scenario.algorithm in (algorithm, "")), None)

    def unit(self, name: str) -> float:
        """A unit cost in CPU microseconds, the median of the rounds."""
        return statistics.median(self._units[name])

    @property
    def h(self) -> float:
        """What a request of the bare responder costs."""
        return self.scenarios[0].cost

    @property
    def errors(self) -> int:
        """How many requests failed."""
        return sum(scenario.errors for scenario in self.scenarios)

    def bars(self) -> list[Bar]:
        """The promises and what became of them."""
        derivation = self.unit("derivation")
        bars: list[Bar] = []
        for algorithm in ALGORITHMS:
            check, sign = self.unit(f"{algorithm} check"), self.unit(f"{algorithm} sign")
            for name, cryptography, share, text in (
                (HELLO, 0.0, 1.3, "1.3 h"),
                (VERIFY, check, 2, "a check + 2 h"),
                (CHECKED, check, 3.5, "a check + 3.5 h"),
                (CREATE, sign + derivation, 6, "a signature + a derivation + 6 h"),
                (REFRESH, sign + 2 * derivation, 8, "a signature + 2 derivations + 8 h"),
                (INFORMATION, 0.0, 3.5, "3.5 h"),
            ):
                scenario = self.find(name, algorithm)
                if scenario is not None:
                    title = f"{name}{'' if not cryptography else ' ' + algorithm}: {text}"
                    bars.append(Bar(title, "us CPU", cryptography + share * self.h, scenario.cost))
        return bars

    def show(self) -> None:
        """Prints every figure, and how many *h* a request takes beyond its cryptography."""
        print(f"\n{self.provider}")
        for name in sorted(self._units):
            print(f"{'a ' + name:58}{self.unit(name):10.1f} us CPU")
        print(f"\n{'subject':10}{'scenario':24}{'algorithm':>10}{'req/s':>10}{'CPU us/req':>12}{'lowest':>9}"
              f"{'highest':>9}{'errors':>8}")
        for scenario in self.scenarios:
            print(f"{scenario.subject:10}{scenario.name:24}{scenario.algorithm:>10}{scenario.rate:10.0f}"
                  f"{scenario.cost:12.1f}{min(scenario.costs):9.1f}{max(scenario.costs):9.1f}{scenario.errors:8}")
