#!/usr/bin/env python3
"""Storms at the core's door: 50,000 hostile requests, and crowds that are silent, deaf or too many (findings W3 and W7).

While each of them lasts, a health check every 50 ms, from the same peer and from another, is answered within 100 ms; the
server stays below 64 MiB, never exits, does not spin, and afterwards all is as before. The seed repeats a run's requests.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
from pathlib import Path
from typing import Callable

from door_wire import LimitedServer
from harness import HOST, Checks, exit_on_signals
from storm_crowds import Crowd
from storm_engine import Stage
from storm_probe import Probers
from storm_requests import Hostility

CONFIG = "access_token_signing_algorithm: ES256\nlog_level: INFO\n"
BAR_SECONDS = 0.1
MEMORY_KIB = 64 * 1024
GROWTH_KIB = 16 * 1024
ONE_PEER = 8_192
KEPT_KIB = 4_096
SPARE = 300
OTHER = "127.0.0.2"


class Storm:
    """One server and what comes over it."""

    def __init__(self, checks: Checks, server: LimitedServer) -> None:
        """Looks how the server is before."""
        self._checks, self._server = checks, server
        self.well("before")
        time.sleep(0.3)
        self._descriptors, self._memory = server.descriptors, server.resident

    def phase(self, name: str, work: Callable[[], None], is_crowded_out: bool = False) -> None:
        """Does something to the server and watches it meanwhile and afterwards.

        Where a peer crowds itself out by coming again at once whenever it is ended, some of its own checks may be ended too.
        """
        checks, server, before = self._checks, self._server, self._peak()
        starved = self._starved()
        probers = Probers(server.port, server.pid, (HOST, OTHER))
        begun = time.monotonic()
        checks.run(name, work)
        took = time.monotonic() - begun
        for health in probers.stop():
            allowed = len(health.waits) // 2 if is_crowded_out and health.source == HOST else 0
            checks.check(f"{name}: health within 100 ms throughout: {health}", len(health.failures) <= allowed
                         and health.worst <= BAR_SECONDS and health.share(95) <= BAR_SECONDS, health.failures[:3])
        peak = self._peak()
        if not checks.check(f"{name}: the server lives", server.alive, server.output[-2000:]):
            return
        checks.check(f"{name}: resident memory at most {peak / 1024:.1f} MiB", peak <= MEMORY_KIB)
        print(f"      {name}: {took:.1f} s; {before / 1024:.1f} MiB before; the server's threads waited "
              f"{self._starved() - starved:.2f} s for a processor", flush=True)
        self._afterwards(name)

    def _afterwards(self, name: str) -> None:
        server, end = self._server, time.monotonic() + 15
        while time.monotonic() < end and (server.descriptors > self._descriptors + 2
                                          or server.resident > self._memory + GROWTH_KIB):
            time.sleep(0.05)
        self._checks.check(f"{name}: {server.descriptors} descriptors afterwards, {self._descriptors} at the start",
                           server.descriptors <= self._descriptors + 2)
        self._checks.check(f"{name}: {server.resident} KiB afterwards, {self._memory} at the start",
                           server.resident <= self._memory + GROWTH_KIB)
        self._checks.run(f"{name}: afterwards", lambda: self.well(f"{name}: afterwards"))

    def well(self, name: str) -> None:
        """A session lives its life."""
        core = self._server.core()
        made = core.create("steady").json
        token, handle = made["accessToken"]["token"], made["session"]["handle"]
        steps = [core.verify(token).ok, core.verify(token, True).ok, core.refresh(made["refreshToken"]["token"]).ok,
                 handle in core.revoke([handle]).text, not core.verify(token, True).ok]
        core.close()
        self._checks.equal(f"{name}: create, verify, refresh and revoke", steps, [True] * 5)

    def idle(self, name: str, seconds: float = 1.0) -> None:
        """The crowd is there and asks nothing; only the two probers do."""
        end = time.monotonic() + 20
        # What was asked for before is done first.
        while (share := self._server.processor_share(seconds)) >= 0.2 and time.monotonic() < end:
            pass
        self._checks.check(f"{name}: does not spin ({share * 100:.0f} % of a processor)", share < 0.2)

    def _peak(self) -> int:
        """The peak of resident memory since it was last asked for, in KiB."""
        folder = Path(f"/proc/{self._server.pid}")
        try:
            lines = (folder / "status").read_text().splitlines()
            (folder / "clear_refs").write_text("5")
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)

    def _starved(self) -> float:
        """How long the server's threads have been ready and without a processor."""
        waited = 0
        for task in Path(f"/proc/{self._server.pid}/task").glob("*/schedstat"):
            try:
                waited += int(task.read_text().split()[1])
            except (OSError, ValueError):
                continue
        return waited / 1e9


def hostile(checks: Checks, server: LimitedServer, storm: Storm, seed: int, number: int, whole: bool) -> None:
    """Requests of every kind that is wrong, with right ones among them."""
    made = server.core().create("stormy").json
    source = Hostility(seed, (made["accessToken"]["token"], made["refreshToken"]["token"]), whole)
    stage = Stage(server.port, source.script, 100 if whole else 60)
    storm.phase(f"{number} hostile requests", lambda: stage.run(number))
    print(f"      kinds {dict(stage.kinds)}\n      replies {dict(sorted(stage.statuses.items()))}", flush=True)
    checks.check(f"{number} hostile requests: each answered rightly or ended", not stage.wrong,
                 f"{len(stage.wrong)} wrong:\n" + "\n".join(stage.wrong[:12]))


def crowds(checks: Checks, server: LimitedServer, storm: Storm, whole: bool) -> None:
    """Silent, deaf, and all of one peer."""
    def held(name: str, number: int, first: bytes, pause: float) -> None:
        crowd = Crowd(server.port, number, first)
        time.sleep(pause)
        storm.idle(name)
        print(f"      {name}: {crowd.refused} not connected, {crowd.ended()} ended by the server, "
              f"{server.descriptors} descriptors", flush=True)
        crowd.close(rudely=number > 4000)

    def deaf() -> None:
        crowd = Crowd(server.port, 50, receive_buffer=4096)
        crowd.push()
        time.sleep(5 if whole else 1)
        storm.idle("50 that do not read")
        crowd.close()

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    most = min(ONE_PEER, soft - SPARE)
    storm.phase("2,000 silent", lambda: held("2,000 silent", 2_000, b"", 5 if whole else 1))
    storm.phase("2,000 half heads", lambda: held("2,000 half heads", 2_000, b"GET /hello HT", 3 if whole else 0.5))
    kept = server.resident
    for _ in range(3):
        Crowd(server.port, 2_000, b"GET /hello HT").close(rudely=True)
        time.sleep(0.3)
    end = time.monotonic() + 15
    while server.resident - kept >= KEPT_KIB and time.monotonic() < end:
        time.sleep(0.05)
    checks.check(f"2,000 half heads: three more times keep {server.resident - kept} KiB more",
                 server.resident - kept < KEPT_KIB)
    storm.phase("50 that do not read", deaf)
    storm.phase(f"{most} of one peer", lambda: held(f"{most} of one peer", most, b"", 5 if whole else 1))


def scarce(checks: Checks, server: LimitedServer, whole: bool) -> None:
    """Few descriptors: 200 connections that stay, then 200 that come again whenever they are ended."""
    name, storm = "200 connections, 96 descriptors", Storm(checks, server)

    def hold() -> None:
        crowd = Crowd(server.port, 200)
        time.sleep(3 if whole else 0.5)
        storm.idle(name)
        crowd.close()

    def churn() -> None:
        crowd = Crowd(server.port, 200)
        opened = crowd.churn(5 if whole else 1)
        print(f"      {name}: {opened} more opened, {server.descriptors} descriptors", flush=True)
        crowd.close()

    storm.phase(name, hold)
    storm.phase(f"{name}, that come again", churn, is_crowded_out=True)
    lines = [line for line in server.output.splitlines() if "WARN" in line]
    checks.check(f"{name}: told in the log ({len(lines)} lines)", 1 <= len(lines) <= 5, lines[:8])


def main() -> int:
    """Runs all storms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the requests, short crowds")
    options = parser.parse_args()
    exit_on_signals()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000) if hard != resource.RLIM_INFINITY else 20_000, hard))
    print(f"seed {options.seed}", flush=True)
    checks, begun = Checks(), time.monotonic()
    whole, number = not options.quick, options.requests // (10 if options.quick else 1)
    with LimitedServer(config=CONFIG) as server, LimitedServer(96, config=CONFIG) as small:
        # The storm's own work in Python is not the server's and must not take its processors away.
        os.nice(10)
        storm = Storm(checks, server)
        checks.run("hostile", lambda: hostile(checks, server, storm, options.seed, number, whole))
        checks.run("crowds", lambda: crowds(checks, server, storm, whole))
        checks.equal("SIGTERM exits 0 after all that", server.stop(), 0)
        checks.run("scarce", lambda: scarce(checks, small, whole))
    print(f"{time.monotonic() - begun:.0f} s")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
