#!/usr/bin/env python3
"""Measures the server with wrk: rates, latencies, CPU per request, start-up and memory, and judges the bars.

What is judged is the server's CPU time per request, because it does not depend on what else the machine is doing as
much as a rate does; in units of a bare NIO request and of its cryptography, all measured in turns (costs.py). Every
reply is read: one that is not a 200 with status OK is an error, and an error fails the run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests" / "BlackBox"))

from costs import Bar, Costs, Program, cpu_seconds, units  # noqa: E402
from harness import HOST, ROOT, Core, Server, TemporaryFolder, binary, exit_on_signals  # noqa: E402

CONNECTIONS = (1, 16, 64)
JUDGED_CONNECTIONS = 16
SESSIONS = 256
MANY = 100_000
STARTS = 5
FAST_CONFIG = "access_token_signing_algorithm: ES256\n"


@dataclass(frozen=True)
class Result:
    """What one run of wrk found."""

    scenario: str
    connections: int
    requests: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_microseconds: float
    """The server's CPU time, user and system, per completed request."""


def memory(pid: int) -> dict[str, float]:
    """The resident memory of a process in MiB: all of it, and the part that no file backs."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {name: int(re.findall(rf"^{name}:\s+(\d+) kB", text, re.M)[0]) / 1024 for name in ("VmRSS", "RssAnon")}


def signatures() -> dict[str, float]:
    """The CPU time of one signature of each algorithm in microseconds, as the machine is at this moment."""
    return {name.removesuffix(" sign"): value for name, value in units(binary(), 500).items() if name.endswith(" sign")}


class Wrk:
    """Runs wrk against a server and reads what its script prints."""

    def __init__(self, server: Server) -> None:
        """Prepares runs against a server."""
        self._server = server

    def run(self, scenario: str, script: str, connections: int, seconds: float, *arguments: str) -> Result:
        """Runs a script and measures the server's CPU time around it."""
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "--timeout", "10s",
                   "-s", str(HERE / script), f"http://{HOST}:{self._server.port}", "--", *arguments]
        before = cpu_seconds(self._server.pid)
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        used = cpu_seconds(self._server.pid) - before
        found = dict(re.findall(r"(\w+)=([\d.]+)", done.stdout.partition("RESULT ")[2].partition("\n")[0]))
        if not found:
            raise RuntimeError(f"wrk said nothing usable: {done.stdout}{done.stderr}")
        for line in re.findall(r"^SAMPLE (.*)$", done.stdout, re.M):
            print(f"  a failed request of {scenario}: {line}")
        requests = int(found["requests"])
        return Result(
            scenario, connections, requests, requests / float(found["seconds"]), int(found["p50"]) / 1000,
            int(found["p99"]) / 1000, int(found["bad"]) + int(found["socket"]), used / max(1, requests) * 1e6)


class Fixtures:
    """Sessions and the files of prepared requests that the scripts send."""

    def __init__(self, core: Core) -> None:
        """Makes the sessions."""
        self._core = core
        self._folder = TemporaryFolder("tessera-bench-")
        self._made = [core.create(f"bench-{n}", {"role": "user"}, {"cart": [1, 2, 3]}).json for n in range(SESSIONS)]

    def _file(self, name: str, lines: list[str]) -> str:
        path = self._folder.path / name
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    def _posts(self, name: str, path: str, bodies: list[dict[str, object]]) -> str:
        return self._file(name, [f"POST {path} {json.dumps(body, separators=(',', ':'))}" for body in bodies])

    def verify(self, check_database: bool) -> str:
        """Verifications of all sessions."""
        return self._posts(f"verify-{check_database}", "/recipe/session/verify", [
            {"accessToken": made["accessToken"]["token"], "doAntiCsrfCheck": False, "enableAntiCsrf": False,
             "checkDatabase": check_database} for made in self._made])

    def refresh_again(self) -> str:
        """Refreshes of tokens that stay current."""
        return self._posts("refresh", "/recipe/session/refresh", [
            {"refreshToken": made["refreshToken"]["token"], "enableAntiCsrf": False, "useDynamicSigningKey": True}
            for made in self._made])

    def information(self) -> str:
        """Reads of all sessions by handle."""
        return self._file("information", [f"GET /recipe/session?sessionHandle={made['session']['handle']}"
                                          for made in self._made])

    def fresh_tokens(self) -> str:
        """Refresh tokens of new sessions, so that no other run has used them."""
        tokens = [self._core.create(f"chain-{n}").json["refreshToken"]["token"] for n in range(SESSIONS)]
        return self._file("chain", tokens)


class Bench:
    """All measurements."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Prepares measurements of so many seconds each."""
        self._seconds: float = options.seconds
        self._sessions: int = options.sessions
        self._short: bool = options.short
        self.costs = Costs(binary(), options.bare, options.beside, options.rounds, options.seconds, Fixtures)
        self.results: list[Result] = []
        self.facts: dict[str, float] = {}

    def run(self) -> None:
        """Measures everything."""
        print("costs per request, all in turns", flush=True)
        self.costs.run()
        self.costs.show()
        self._starts()
        with Server() as server:
            self._requests(server)
        self._memory()

    def _starts(self) -> None:
        print()
        cold, warm = [], []
        server = Program(binary(), "")
        for _ in range(STARTS):
            with Program(binary(), "") as new:
                cold.append(new.ready_after * 1000)
        with server:
            for _ in range(STARTS):
                server.stop()
                warm.append(server.start().ready_after * 1000)
        self._fact("ready with a new data folder, ms", statistics.median(cold))
        self._fact("ready with an old data folder, ms", statistics.median(warm))

    def _fact(self, name: str, value: float) -> None:
        self.facts[name] = value
        print(f"{name:58}{value:10.1f}", flush=True)

    def _requests(self, server: Server) -> None:
        core, wrk = server.core(), Wrk(server)
        core.verify(core.create("warm-up").json["accessToken"]["token"])
        for name, value in memory(server.pid).items():
            self._fact(f"{name} after start, MiB", value)
        if self._short:
            return
        fixtures = Fixtures(core)
        print(f"\n{'scenario':24}{'conn.':>6}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'CPU us/req':>12}")
        scenarios: list[tuple[str, str, Callable[[], list[str]]]] = [
            ("create", "create.lua", lambda: []),
            ("verify", "replay.lua", lambda: [fixtures.verify(False)]),
            ("verify checkDatabase", "replay.lua", lambda: [fixtures.verify(True)]),
            ("refresh same token", "replay.lua", lambda: [fixtures.refresh_again()]),
            ("refresh chain", "chain.lua", lambda: [fixtures.fresh_tokens()]),
            ("information", "replay.lua", lambda: [fixtures.information()]),
        ]
        for name, script, arguments in scenarios:
            for connections in CONNECTIONS:
                self._show(wrk.run(name, script, connections, self._seconds, *arguments()))

    def _show(self, result: Result) -> None:
        self.results.append(result)
        print(f"{result.scenario:24}{result.connections:6}{result.requests_per_second:10.0f}{result.p50_ms:9.2f}"
              f"{result.p99_ms:9.2f}{result.errors:8}{result.cpu_microseconds:12.0f}", flush=True)

    def _memory(self) -> None:
        print(f"\ncreating {self._sessions} sessions (ES256)", flush=True)
        with Server(config=FAST_CONFIG) as server:
            self._create_many(Wrk(server))
            for name, value in memory(server.pid).items():
                self._fact(f"{name} with {self._sessions} sessions, under load, MiB", value)
            size = sum(path.stat().st_size for path in server.data.rglob("*")) / (1 << 20)
            self._fact(f"data folder after {self._sessions} sessions, MiB", size)
            server.stop()
            self._fact(f"ready with {self._sessions} sessions, ms", server.start().ready_after * 1000)

    def _create_many(self, wrk: Wrk) -> None:
        """Creates at least the wanted number of sessions, as long as the rate says, because wrk counts in seconds."""
        missing, seconds = self._sessions, 2.0
        while missing > 0:
            result = wrk.run("create ES256", "create.lua", JUDGED_CONNECTIONS, seconds)
            self._show(result)
            if result.errors:
                raise RuntimeError("sessions could not be created")
            missing -= result.requests
            seconds = missing / result.requests_per_second * 1.05

    def bars(self) -> list[Bar]:
        """The promises and what became of them."""
        loaded = f"VmRSS with {self._sessions} sessions, under load, MiB"
        return self.costs.bars() + [
            Bar("ready with a new data folder", "ms", 25, self.facts["ready with a new data folder, ms"]),
            Bar("ready with an old data folder", "ms", 25, self.facts["ready with an old data folder, ms"]),
            Bar("resident after the start", "MiB", 20, self.facts["VmRSS after start, MiB"]),
            Bar(f"resident with {self._sessions} sessions, under load", "MiB", 40, self.facts[loaded]),
        ]

    @property
    def errors(self) -> int:
        """How many requests failed."""
        return self.costs.errors + sum(result.errors for result in self.results)


def judge(bench: Bench) -> list[Bar]:
    """Prints every bar and returns those that were missed."""
    h = bench.costs.h
    print(f"\nbars (CPU at {JUDGED_CONNECTIONS} connections; h = {h:.1f} us)")
    for bar in bench.bars():
        verdict = "ok" if bar.held else f"MISSED by {bar.measured - bar.limit:.1f} {bar.unit}"
        if bar.unit == "us CPU" and not bar.held:
            verdict += f" ({(bar.measured - bar.limit) / h:.1f} h)"
        print(f"{bar.name:58}{bar.measured:10.1f} {bar.unit:8}at most {bar.limit:8.1f}  {verdict}")
    return [bar for bar in bench.bars() if not bar.held]


def write(path: Path, bench: Bench) -> None:
    """Writes all figures as JSON."""
    scenarios = [{"subject": scenario.subject, "scenario": scenario.name, "algorithm": scenario.algorithm,
                  "costs": scenario.costs, "rates": scenario.rates, "errors": scenario.errors}
                 for scenario in bench.costs.scenarios]
    path.write_text(json.dumps({
        "machine": {"processors": os.cpu_count(), "system": platform.platform()}, "costs": scenarios,
        "results": [asdict(result) for result in bench.results], "facts": bench.facts,
        "bars": [asdict(bar) | {"held": bar.held} for bar in bench.bars()]}, indent=2) + "\n")


def main() -> int:
    """Measures, judges and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2, help="the length of each run of wrk (default: 2)")
    parser.add_argument("--rounds", type=int, default=5, help="how often all costs are measured in turns (default: 5)")
    parser.add_argument("--bare", type=Path, default=ROOT / "Benchmarks" / ".build" / "release" / "BareResponder",
                        help="the bare NIO responder")
    parser.add_argument("--beside", type=Path, metavar="BINARY", help="another release, measured in the same rounds")
    parser.add_argument("--short", action="store_true", help="only what is judged: no latencies at 1, 16 and 64 connections")
    parser.add_argument("--sessions", type=int, default=MANY, help="how many sessions the memory is measured with")
    parser.add_argument("--strict", action="store_true", help="exit non-zero when a bar is missed")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    options = parser.parse_args()
    exit_on_signals()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: install the Debian package wrk")
    for program in filter(None, (options.bare, options.beside)):
        if not program.is_file():
            sys.exit(f"{program} is missing: `make bench` builds what is measured")
    bench = Bench(options)
    bench.run()
    missed = judge(bench)
    if options.json:
        write(options.json, bench)
    held, failed = len(bench.bars()) - len(missed), len(missed)
    if bench.errors:
        print(f"{bench.errors} requests failed")
    print(f"{held} passed, {failed} failed")
    return 1 if bench.errors or (missed and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
