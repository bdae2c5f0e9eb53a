#!/usr/bin/env python3
"""Finding W5: all sessions of a user end at once, and handles in bulk, while others refresh.

    Tests/BlackBox/mass_revocation.py [--quick]                              # SQLite
    scripts/postgres-cluster Tests/BlackBox/mass_revocation.py [--quick]     # PostgreSQL

Prints what it measures: how long until the ended sessions are refused, what refreshes of others took meanwhile, and how
much the resident memory grew.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from harness import Checks, Core, Json, Server, exit_on_signals

CONFIG = "access_token_signing_algorithm: ES256\n"
MANY = 100_000
SAMPLE = 20_000
RATE = 200
"""Refreshes of others in a second."""
CALLERS = 16
AT_ONCE = "5.6"
"""The version at which each refresh is a write."""
REAL = 12
"""Sessions of the user whose tokens are known."""
EFFECTIVE_SECONDS = 0.050
OTHERS_SECONDS = 0.100
GROWTH_MIB = 24.0
SWEEP_SECONDS = 120.0

COPY = """
INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data,
    jwt_user_payload, created_at_time, expires_at, use_static_key)
SELECT app_id, tenant_id, {handle}, '{user}', refresh_token_hash_2, session_data, jwt_user_payload,
    created_at_time - {number}, expires_at, use_static_key
FROM {numbers} CROSS JOIN (SELECT * FROM session_info LIMIT 1) AS model
"""


class Rows:
    """The database, looked at and filled beside the core."""

    def __init__(self, server: Server) -> None:
        """Finds it."""
        self._uri = server.database
        self._path = Path(server.data) / "tessera.sqlite"
        self.log = "tessera_audit_trail" if self._uri else "audit_trail"

    def run(self, sql: str) -> list[str]:
        """Runs a statement and gives the first column."""
        if self._uri:
            done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-d", self._uri, "-c", sql], check=True,
                                  capture_output=True, text=True)
            return done.stdout.split()
        with closing(sqlite3.connect(self._path, timeout=30)) as connection, connection:
            return [str(row[0]) for row in connection.execute(sql)]

    def add(self, user: str, count: int) -> None:
        """Adds sessions of a user; nobody has their tokens."""
        if self._uri:
            self.run(COPY.format(handle="gen_random_uuid()::text", user=user, number="n",
                                 numbers=f"generate_series(1, {count}) AS n"))
            self.run("ANALYZE session_info")
        else:
            numbers = (f"(WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
                       "SELECT i FROM n)")
            handle = "printf('%s-%s', lower(hex(randomblob(8))), lower(hex(randomblob(9))))"
            self.run(COPY.format(handle=handle, user=user, number="i", numbers=numbers))

    def sessions(self, user: str) -> int:
        """How many rows a user has."""
        return int(self.run(f"SELECT count(*) FROM session_info WHERE user_id = '{user}'")[0])


class Others:
    """Users who refresh at a steady rate, whatever the core does."""

    def __init__(self, server: Server) -> None:
        """Signs them in."""
        self.took: list[tuple[float, float]] = []
        """When each refresh was due, and how long after that it was answered."""
        self.failed: list[str] = []
        self._end = threading.Event()
        cores = [server.core(AT_ONCE) for _ in range(CALLERS)]
        self._threads = [threading.Thread(target=self._work, args=(number, core, core.create(f"other-{number}").json))
                         for number, core in enumerate(cores)]

    def start(self) -> None:
        """Begins."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _work(self, number: int, core: Core, session: Json) -> None:
        token = session["refreshToken"]["token"]
        due = time.monotonic() + number / RATE
        while not self._end.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            reply = core.refresh(token)
            self.took.append((due, time.monotonic() - due))
            if reply.ok:
                token = reply.json["refreshToken"]["token"]
            else:
                self.failed.append(reply.outcome)
            due += CALLERS / RATE

    def slowest(self, begin: float, end: float) -> tuple[int, float, float]:
        """How many there were between two times, the 99th percentile and the slowest."""
        found = sorted(took for due, took in list(self.took) if begin <= due < end)
        return (len(found), found[int(len(found) * 0.99)] if found else 0.0, found[-1] if found else 0.0)


class Memory:
    """The resident memory of the core, looked at all the time."""

    def __init__(self, pid: int) -> None:
        """Begins."""
        self._path = Path(f"/proc/{pid}/status")
        self.first = self.most = self._now()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _now(self) -> float:
        line = next(line for line in self._path.read_text().splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def _work(self) -> None:
        while not self._end.wait(0.02):
            self.most = max(self.most, self._now())

    def stop(self) -> float:
        """Ends; how much it grew at most, in MiB."""
        self._end.set()
        self._thread.join()
        return self.most - self.first


@dataclass
class Probe:
    """A session whose end is waited for."""

    core: Core
    handle: str
    token: str
    refused_after: float = -1.0

    def look(self, begun: float) -> bool:
        """Asks for the session and refreshes it; whether both were refused, from one time on."""
        sent = time.monotonic() - begun
        known = self.core.information(self.handle).ok
        reply = self.core.refresh(self.token)
        if reply.ok:
            self.token = reply.json["refreshToken"]["token"]
        if known or reply.ok:
            self.refused_after = -1.0
        elif self.refused_after < 0:
            self.refused_after = sent
        return self.refused_after >= 0


class Measurement:
    """One run on one store."""

    def __init__(self, checks: Checks, server: Server, count: int) -> None:
        """Fills the store."""
        self._checks, self._server, self._count = checks, server, count
        self._rows = Rows(server)
        self._core = server.core(AT_ONCE)
        self._real = [self._core.create("many").json for _ in range(REAL)]
        for user in ("many", "bulk"):
            self._rows.add(user, count - (REAL if user == "many" else 0))
        self._others = Others(server)

    def run(self) -> None:
        """Measures everything."""
        self._others.start()
        time.sleep(2)
        self._report("before", time.monotonic() - 2)
        memory = Memory(self._server.pid)
        try:
            begun = time.monotonic()
            self._end_all()
            self._report("while all of a user's sessions end", begun)
            self._wait_for_sweep()
            begun = time.monotonic()
            self._give_back()
            self._report("while handles in bulk end", begun)
        finally:
            grown = memory.stop()
            self._others.stop()
        self._checks.check(f"the resident memory grew by {grown:.1f} MiB at most", grown <= GROWTH_MIB,
                           f"from {memory.first:.1f} to {memory.most:.1f} MiB")
        self._checks.equal("others are never refused", self._others.failed[:3], [])

    def _report(self, what: str, begun: float) -> None:
        count, late, most = self._others.slowest(begun, time.monotonic())
        self._checks.check(f"{what}: {count} refreshes of others, p99 {late * 1000:.1f} ms, slowest {most * 1000:.1f} ms",
                           late < OTHERS_SECONDS, f"p99 {late * 1000:.1f} ms")

    def _end_all(self) -> None:
        replies: list[tuple[int, int, float]] = []
        begun = time.monotonic()

        def revoke() -> None:
            reply = self._server.core(AT_ONCE).post("/recipe/session/remove", {"userId": "many"})
            took = time.monotonic() - begun
            replies.append((reply.status, len(set(reply.json.get("sessionHandlesRevoked", []))), took))

        caller = threading.Thread(target=revoke)
        probes = [Probe(self._server.core(AT_ONCE), each["session"]["handle"], each["refreshToken"]["token"])
                  for each in self._real[:3]]
        for probe in probes:
            probe.look(begun)
        begun = time.monotonic()
        caller.start()
        while time.monotonic() - begun < 30:
            if all([probe.look(begun) for probe in probes]):
                break
        effective = max(probe.refused_after for probe in probes)
        self._checks.check(f"ended sessions are refused {effective * 1000:.1f} ms after the call began",
                           0 <= effective < EFFECTIVE_SECONDS, effective)
        caller.join()
        status, found, took = replies[0]
        self._checks.equal(f"the call tells all handles, after {took:.2f} s", (status, found), (200, self._count))
        refused = [not self._core.refresh(each["refreshToken"]["token"]).ok for each in self._real[3:]]
        self._checks.equal("no session of the user is refreshed", refused, [True] * (REAL - 3))
        self._checks.equal("the list of the user is empty", self._core.handles("many"), [])
        late = self._core.create("many").json
        self._checks.check("a sign-in after it lives", self._core.information(late["session"]["handle"]).ok)
        self._late = late["session"]["handle"]

    def _wait_for_sweep(self) -> None:
        """The rows go by themselves, and leave an entry of the log each."""
        begun = time.monotonic()
        while self._rows.sessions("many") > 1 and time.monotonic() - begun < SWEEP_SECONDS:
            time.sleep(0.5)
        took = time.monotonic() - begun
        self._checks.equal(f"the rows are gone after {took:.1f} s", self._rows.sessions("many"), 1)
        self._report("while the rows go", begun)
        entries = self._rows.run(f"SELECT count(*) FROM {self._rows.log} WHERE event = 'revoked' AND user_id = 'many'")
        single = self._rows.run(f"SELECT count(DISTINCT session_handle) FROM {self._rows.log} "
                                "WHERE event = 'revoked' AND user_id = 'many'")
        self._checks.equal("the log has one entry for each", (int(entries[0]), int(single[0])), (self._count,) * 2)
        self._checks.check("the session that began after it lives", self._core.information(self._late).ok)

    def _give_back(self) -> None:
        """The handles that a list gives out can be given back."""
        begun = time.monotonic()
        handles = self._core.handles("bulk")
        self._checks.equal(f"a list has all handles, after {time.monotonic() - begun:.2f} s", len(handles), self._count)
        begun = time.monotonic()
        reply = self._core.revoke(handles)
        ended = (reply.json or {}).get("sessionHandlesRevoked", [])
        took = time.monotonic() - begun
        self._checks.check(f"all handles that the list gave out are ended in order, after {took:.2f} s",
                           ended == handles, f"{reply.status}, {len(ended)} of {len(handles)}")
        self._checks.equal("nothing is left of them", self._rows.sessions("bulk"), 0)


def main() -> int:
    """Runs the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"{SAMPLE} sessions instead of {MANY}")
    arguments = parser.parse_args()
    exit_on_signals()
    checks = Checks()
    with Server(config=CONFIG) as server:
        print(f"{'PostgreSQL' if server.database else 'SQLite'}, {SAMPLE if arguments.quick else MANY} sessions")
        checks.run("mass revocation", Measurement(checks, server, SAMPLE if arguments.quick else MANY).run)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
