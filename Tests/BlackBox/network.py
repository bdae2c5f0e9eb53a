#!/usr/bin/env python3
"""E-11 and E-12: the network between a core and PostgreSQL breaks, swallows and slows down.

The core answers throughout: verification without the database goes on, everything else is 503 within its deadline, and
all is well within two seconds after the network is.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Callable

from harness import HOST, Checks, Server, exit_on_signals
from fault_proxy import FaultProxy
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\n"
CALLERS = 16
RECOVERY_SECONDS = 2.0
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
        """Makes a session for each caller and starts."""
        self.sample = Sample()
        self._server = server
        self._end = threading.Event()
        self._lock = threading.Lock()
        core = server.core()
        self._sessions = [core.create(f"caller-{n}").json for n in range(CALLERS)]
        self._threads = [threading.Thread(target=self._work, args=(session,)) for session in self._sessions]
        self._threads.append(threading.Thread(target=self._verify, args=(self._sessions[0],)))
        for thread in self._threads:
            thread.start()

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
        """Ends the callers."""
        self._end.set()
        for thread in self._threads:
            thread.join()
        return self.sample


def partition(name: str, server: Server, proxy: FaultProxy, break_: Callable[[], None], seconds: float,
              cluster: Cluster, checks: Checks) -> None:
    """Breaks the network for a while under load."""
    traffic = Traffic(server)
    time.sleep(0.3)
    break_()
    time.sleep(seconds / 2)
    before = traffic.sample.verified
    time.sleep(seconds / 2)
    during = traffic.sample.verified - before
    proxy.heal()
    healed = time.monotonic()
    time.sleep(RECOVERY_SECONDS + 1)
    sample = traffic.stop()
    after = [moment for moment in sample.refreshed if moment > healed]
    took = after[0] - healed if after else float("inf")
    checks.check(f"{name} for {seconds:g} s: well again after {took:.2f} s", took < RECOVERY_SECONDS)
    checks.check(f"{name} for {seconds:g} s: every answer is right or 503 ({sample.refused})", not sample.wrong,
                 sample.wrong[:5])
    checks.check(f"{name} for {seconds:g} s: no answer took longer than {DEADLINE_SECONDS:g} s",
                 sample.slowest < DEADLINE_SECONDS, sample.slowest)
    if seconds >= 1:
        checks.check(f"{name} for {seconds:g} s: offline verification goes on ({during})", during > 0)
    end = time.monotonic() + 5
    while len(connections := backends(cluster)) > POOL and time.monotonic() < end:
        time.sleep(0.05)
    stuck = [state for state in connections if state != "idle"]
    checks.check(f"{name} for {seconds:g} s: no stuck connection, {len(connections)} open",
                 not stuck and len(connections) <= POOL, connections)


def backends(cluster: Cluster) -> list[str]:
    """The states of the core's connections, as PostgreSQL sees them."""
    return cluster.query("SELECT state FROM pg_stat_activity WHERE application_name = 'tessera'")


def latencies(server: Server, proxy: FaultProxy, checks: Checks, wanted: tuple[int, ...],
              crowds: tuple[int, ...]) -> None:
    """E-12: at each latency, twice the callers that saturate the core get as much done, and nobody waits for ever."""
    for milliseconds in wanted:
        proxy.latency = milliseconds / 2000
        wait_until_ready(server)
        goodput: dict[int, float] = {}
        answers = Answers()
        for callers in crowds:
            goodput[callers] = answers.collect(server, callers, 2.0 if milliseconds < 1000 else 6.0)
        peak = max(goodput.values())
        checks.check(f"latency {milliseconds} ms: {', '.join(f'{c} callers {g:.0f}/s' for c, g in goodput.items())}",
                     goodput[128] >= 0.9 * peak, goodput)
        checks.check(f"latency {milliseconds} ms: answers are right or 503, none after {DEADLINE_SECONDS:g} s",
                     not answers.wrong and answers.slowest < DEADLINE_SECONDS, (answers.wrong[:5], answers.slowest))
    proxy.latency = 0.0


class Answers:
    """What many callers were told, who read sessions with the database."""

    def __init__(self) -> None:
        """Begins with nothing."""
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


def wait_until_ready(server: Server, seconds: float = 30) -> None:
    """Waits until the core says that it is ready."""
    end = time.monotonic() + seconds
    while server.core().get("/health/ready").status != 200 and time.monotonic() < end:
        time.sleep(0.05)


def readiness(server: Server, cluster: Cluster, checks: Checks) -> None:
    """The database stops and comes back: health says so, and the process lives."""
    core = server.core()
    checks.equal("ready while the database is there", core.get("/health/ready").status, 200)
    for mode in ("fast", "immediate"):
        cluster.stop(mode)
        begun = time.monotonic()
        while (reply := core.get("/health/ready")).status == 200 and time.monotonic() - begun < 5:
            time.sleep(0.01)
        took = time.monotonic() - begun
        checks.check(f"{mode} stop: not ready {took:.2f} s after the database stopped", took < 2)
        checks.check("503 has Retry-After", reply.status == 503 and "retry-after" in reply.headers, reply.headers)
        checks.equal("the process is alive", core.get("/health/live").status, 200)
        refused = core.create("nobody")
        checks.check("a request meanwhile is 503 with Retry-After",
                     refused.status == 503 and "retry-after" in refused.headers, refused.outcome)
        cluster.start()
        begun = time.monotonic()
        wait_until_ready(server)
        checks.check(f"ready again {time.monotonic() - begun:.2f} s after the database",
                     time.monotonic() - begun < 2)
        checks.check("and it serves", core.create("somebody").ok)


def main() -> int:
    """Runs all experiments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--longest", type=float, default=60, help="the longest partition in seconds")
    parser.add_argument("--quick", action="store_true", help="short partitions, and one latency")
    options = parser.parse_args()
    longest, latency, crowds = (1.0, (100,), (16, 128)) if options.quick else (options.longest, LATENCIES, CROWDS)
    exit_on_signals()
    checks = Checks()
    with Cluster() as cluster:
        proxy = FaultProxy(cluster.port)
        uri = f"postgresql://tessera@127.0.0.1:{proxy.port}/tessera?gssencmode=disable"
        with Server(database=uri, config=FAST) as server:
            server.core().create("warm")
            checks.run("readiness", lambda: readiness(server, cluster, checks))
            for seconds in (1.0,) if options.quick else (0.1, 1.0, 10.0, 60.0):
                if seconds <= longest:
                    checks.run("partition", lambda s=seconds: partition(
                        "partition", server, proxy, proxy.hold, s, cluster, checks))
            for seconds in (1.0,) if options.quick else (1.0, 10.0):
                checks.run("half open", lambda s=seconds: partition(
                    "half open", server, proxy, proxy.swallow, s, cluster, checks))
                checks.run("refused", lambda s=seconds: partition(
                    "connections broken", server, proxy, proxy.refuse, s, cluster, checks))
            checks.run("latencies", lambda: latencies(server, proxy, checks, latency, crowds))
            checks.check("the core lived through it all", server.alive, server.output[-2000:])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
