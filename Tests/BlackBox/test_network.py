"""E-11 and E-12: the network between a core and PostgreSQL breaks, swallows and slows down.

The core answers throughout: verification without the database goes on, everything else is 503 within its deadline, and
all is well within two seconds after the network is.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable, Iterator

import pytest
from fault_proxy import FaultProxy
from harness import HOST, Server, until
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\n"
CALLERS = 16
RECOVERY_SECONDS = 2.0
SAMPLE_SECONDS = 20.0
"""The same for a sample, which has to hold on a machine that is ten times slower."""
DEADLINE_SECONDS = 7.0
POOL = 4
LATENCIES = (1, 10, 100, 1000)
"""In milliseconds."""
CROWDS = (16, 64, 128)
"""How many callers there are at once; the first saturate the core."""


@dataclass
class Sample:
    """What callers saw."""

    refreshed: list[float] = field(default_factory=list)
    """When refreshes succeeded."""
    verified: int = 0
    refused: int = 0
    slowest: float = 0.0
    wrong: list[str] = field(default_factory=list)


class Traffic:
    """Callers that refresh, verify offline and verify with the database, until they are told to stop."""

    def __init__(self, server: Server) -> None:
        self.sample = Sample()
        self._server = server
        self._end = threading.Event()
        self._lock = threading.Lock()
        core = server.core()
        self._sessions = [core.create(f"caller-{n}").json for n in range(CALLERS)]
        self._pool = ThreadPoolExecutor(CALLERS + 1)
        self._work_done = [self._pool.submit(self._work, session) for session in self._sessions]
        self._work_done.append(self._pool.submit(self._verify, self._sessions[0]))

    def _work(self, session: dict[str, dict[str, str]]) -> None:
        core = self._server.core()
        access, token = session["accessToken"]["token"], session["refreshToken"]["token"]
        while not self._end.is_set():
            for name, step in (("verify", lambda: core.verify(access)), ("refresh", lambda: core.refresh(token)),
                               ("database", lambda: core.verify(access, True))):
                begun = time.monotonic()
                reply = step()
                now = time.monotonic()
                with self._lock:
                    self.sample.slowest = max(self.sample.slowest, now - begun)
                    if reply.ok and name == "refresh":
                        self.sample.refreshed.append(now)
                    elif reply.ok and name == "verify":
                        self.sample.verified += 1
                    elif reply.status == 503 and name != "verify" and "retry-after" in reply.headers:
                        self.sample.refused += 1
                    elif not reply.ok:
                        self.sample.wrong.append(f"{name}: {reply.outcome}")

    def _verify(self, session: dict[str, dict[str, str]]) -> None:
        core = self._server.core()
        while not self._end.is_set():
            reply = core.verify(session["accessToken"]["token"])
            with self._lock:
                self.sample.verified += 1
                if not reply.ok:
                    self.sample.wrong.append(f"verify: {reply.outcome}")
            time.sleep(0.005)

    def stop(self) -> Sample:
        self._end.set()
        for work in self._work_done:
            work.result()
        return self.sample


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> FaultProxy:
    """The network between the core and the database."""
    return FaultProxy(cluster.port)


@pytest.fixture(scope="module")
def recovery(quick: bool) -> float:
    """Within how many seconds the core notices what the database or the network does."""
    return SAMPLE_SECONDS if quick else RECOVERY_SECONDS


@pytest.fixture(scope="module")
def server(proxy: FaultProxy) -> Iterator[Server]:
    """A core behind it, which lives through everything."""
    uri = f"postgresql://tessera@{HOST}:{proxy.port}/tessera?gssencmode=disable"
    with Server(database=uri, config=FAST) as running:
        running.core().create("warm")
        yield running
        assert running.alive, running.output[-2000:]


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_health_says_that_the_database_stopped_and_came_back(server: Server, cluster: Cluster, recovery: float,
                                                             mode: str) -> None:
    core = server.core()
    assert core.get("/health/ready").status == 200
    cluster.stop(mode)
    assert until(lambda: core.get("/health/ready").status != 200, recovery, 0.01), "not ready soon after the database stopped"
    reply = core.get("/health/ready")
    assert reply.status == 503 and "retry-after" in reply.headers
    assert core.get("/health/live").status == 200, "the process is alive"
    refused = core.create("nobody")
    assert refused.status == 503 and "retry-after" in refused.headers
    cluster.start()
    assert until(lambda: core.get("/health/ready").status == 200, recovery, 0.05), "ready again soon after the database"
    assert core.create("somebody").ok


BREAKS = {"hold": (0.1, 1.0, 10.0, 60.0), "swallow": (1.0, 10.0), "refuse": (1.0, 10.0)}


@pytest.mark.parametrize(("name", "seconds"), [
    pytest.param(name, seconds, marks=[] if seconds == 1 else pytest.mark.long)
    for name, many in BREAKS.items() for seconds in many])
def test_E11_the_network_breaks_and_heals(server: Server, proxy: FaultProxy, cluster: Cluster, name: str,
                                          seconds: float, recovery: float, say: Callable[[str], None]) -> None:
    traffic = Traffic(server)
    try:
        time.sleep(0.3)
        proxy.set(name)
        time.sleep(seconds / 2)
        before = traffic.sample.verified
        time.sleep(seconds / 2)
        during = traffic.sample.verified - before
        proxy.set("pass")
        healed = time.monotonic()
        time.sleep(RECOVERY_SECONDS + 1)
        until(lambda: any(moment > healed for moment in list(traffic.sample.refreshed)), recovery, 0.05)
    finally:
        sample = traffic.stop()
    after = [moment - healed for moment in sample.refreshed if moment > healed]
    say(f"{name} for {seconds:g} s: well again after {min(after, default=-1):.2f} s, {sample.refused} refused, "
        f"{during} verified offline, slowest {sample.slowest:.2f} s")
    assert after and after[0] < recovery
    assert sample.wrong == [], "every answer is right or 503"
    assert sample.slowest < DEADLINE_SECONDS and (during or seconds < 1), "offline verification goes on"
    seen: list[list[str]] = []

    def at_rest() -> bool:
        """At some moment: the core itself asks twice a second."""
        seen.append(backends(cluster))
        return len(seen[-1]) <= POOL and set(seen[-1]) <= {"idle"}

    assert until(at_rest, 10, 0.05), f"no stuck connection: {seen[-3:]}"


def backends(cluster: Cluster) -> list[str]:
    """The states of the core's connections, as PostgreSQL sees them."""
    return cluster.query("SELECT state FROM pg_stat_activity WHERE application_name = 'tessera'")


class Answers:
    """What many callers were told, who read sessions with the database."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.slowest = 0.0

    def collect(self, server: Server, callers: int, seconds: float) -> float:
        """Reads for a while with wrk; how many answers a second were good."""
        handle = server.core().create("reader").json["session"]["handle"]
        done = subprocess.run(
            ["wrk", "-t1", f"-c{callers}", f"-d{seconds:.0f}s", "--timeout", "20s", "-H", "cdi-version: 5.4",
             f"http://{HOST}:{server.port}/recipe/session?sessionHandle={handle}"],
            capture_output=True, text=True, check=True, timeout=seconds + 60).stdout
        rate = float(re.findall(r"Requests/sec:\s+([\d.]+)", done)[0])
        answers = int(re.findall(r"(\d+) requests in", done)[0])
        refused = int((re.findall(r"Non-2xx or 3xx responses: (\d+)", done) or ["0"])[0])
        errors = re.findall(r"Socket errors: (.*)", done)
        number, unit = re.findall(r"Latency +\S+ +\S+ +([\d.]+)(us|ms|s|m)", done)[0]
        self.slowest = max(self.slowest, float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[unit])
        self.wrong += errors
        return rate * (1 - refused / max(1, answers))


@pytest.mark.parametrize("milliseconds", [
    pytest.param(each, marks=[] if each == 100 else pytest.mark.long) for each in LATENCIES])
def test_E12_twice_the_callers_get_as_much_done(server: Server, proxy: FaultProxy, quick: bool, milliseconds: int,
                                                say: Callable[[str], None]) -> None:
    """At each latency more callers than saturate the core get as much done, and nobody waits for ever."""
    proxy.latency = milliseconds / 2000
    try:
        assert until(lambda: server.core().get("/health/ready").status == 200, 30, 0.05)
        answers, seconds = Answers(), 2.0 if milliseconds < 1000 else 6.0
        goodput = {callers: answers.collect(server, callers, seconds)
                   for callers in CROWDS if callers != 64 or not quick}
    finally:
        proxy.latency = 0.0
    say(f"latency {milliseconds} ms: {', '.join(f'{c} callers {g:.0f}/s' for c, g in goodput.items())}")
    assert goodput[128] >= 0.9 * max(goodput.values())
    assert answers.wrong == [] and answers.slowest < DEADLINE_SECONDS, "answers are right or 503"
