"""Finding W5: all sessions of a user end at once, and handles in bulk, while others refresh.

Tells what it measures: how long until the ended sessions are refused, what refreshes of others took meanwhile, and how
much the resident memory grew. On SQLite, and under scripts/postgres-cluster on PostgreSQL.
"""

from __future__ import annotations

import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from harness import Core, Json, Server, until

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
        return int(self.run(f"SELECT count(*) FROM session_info WHERE user_id = '{user}'")[0])


class Others:
    """Users who refresh at a steady rate, whatever the core does."""

    def __init__(self, server: Server) -> None:
        self.took: list[tuple[float, float]] = []
        """When each refresh was due, and how long after that it was answered."""
        self.failed: list[str] = []
        self._end = threading.Event()
        cores = [server.core(AT_ONCE) for _ in range(CALLERS)]
        pool = ThreadPoolExecutor(CALLERS)
        self._callers = [pool.submit(self._work, number, core, core.create(f"other-{number}").json)
                         for number, core in enumerate(cores)]

    def stop(self) -> None:
        """Ends; nobody was ever refused."""
        self._end.set()
        for caller in self._callers:
            caller.result()
        assert self.failed == []

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

    def judge(self, what: str, begun: float, say: Callable[[str], None]) -> None:
        """Nobody waited long since some time."""
        found = sorted(took for due, took in list(self.took) if begun <= due) or [0.0]
        late = found[int(len(found) * 0.99)]
        say(f"{what}: {len(found)} refreshes of others, p99 {late * 1000:.1f} ms, slowest {found[-1] * 1000:.1f} ms")
        assert late < OTHERS_SECONDS


class Memory:
    """The resident memory of the core, looked at all the time."""

    def __init__(self, pid: int) -> None:
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


def end_all(server: Server, core: Core, real: list[Json], count: int, say: Callable[[str], None]) -> str:
    """All sessions of a user end with one call; gives the handle of one that began after it."""
    probes = [Probe(server.core(AT_ONCE), each["session"]["handle"], each["refreshToken"]["token"])
              for each in real[:3]]
    for probe in probes:
        probe.look(time.monotonic())
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        call = pool.submit(lambda: server.core(AT_ONCE).post("/recipe/session/remove", {"userId": "many"}))
        assert until(lambda: all([probe.look(begun) for probe in probes]), 30, 0)
        effective, reply = max(probe.refused_after for probe in probes), call.result()
    say(f"ended sessions are refused {effective * 1000:.1f} ms after the call began, which took "
        f"{time.monotonic() - begun:.2f} s")
    assert effective < EFFECTIVE_SECONDS
    assert reply.status == 200 and len(set(reply.json["sessionHandlesRevoked"])) == count, "the call tells all handles"
    assert not any(core.refresh(each["refreshToken"]["token"]).ok for each in real[3:])
    assert core.handles("many") == []
    late = core.create("many").json["session"]["handle"]
    assert core.information(late).ok, "a sign-in after it lives"
    return str(late)


def sweep(rows: Rows, count: int) -> None:
    """The rows go by themselves, and leave an entry of the log each."""
    assert until(lambda: rows.sessions("many") == 1, SWEEP_SECONDS, 0.5)
    found = f"FROM {rows.log} WHERE event = 'revoked' AND user_id = 'many'"
    assert rows.run(f"SELECT count(*) {found}") == [str(count)]
    assert rows.run(f"SELECT count(DISTINCT session_handle) {found}") == [str(count)]


def give_back(rows: Rows, core: Core, count: int) -> None:
    """The handles that a list gives out can be given back."""
    handles = core.handles("bulk")
    assert len(handles) == count
    assert core.revoke(handles).json.get("sessionHandlesRevoked") == handles, "ended in order"
    assert rows.sessions("bulk") == 0


def test_finding_W5_ending_many_sessions_stops_nobody_else(serve: Callable[..., Server], quick: bool,
                                                           say: Callable[[str], None]) -> None:
    server, count = serve(CONFIG), SAMPLE if quick else MANY
    rows, core = Rows(server), server.core(AT_ONCE)
    real = [core.create("many").json for _ in range(REAL)]
    rows.add("many", count - REAL)
    rows.add("bulk", count)
    others, begun = Others(server), time.monotonic()
    memory = Memory(server.pid)
    try:
        time.sleep(2)
        others.judge("before", begun, say)
        begun = time.monotonic()
        late = end_all(server, core, real, count, say)
        others.judge("while all of a user's sessions end", begun, say)
        begun = time.monotonic()
        sweep(rows, count)
        others.judge("while the rows go", begun, say)
        assert core.information(late).ok, "the session that began after it lives"
        begun = time.monotonic()
        give_back(rows, core, count)
        others.judge("while handles in bulk end", begun, say)
    finally:
        grown = memory.stop()
        others.stop()
    say(f"the resident memory grew by {grown:.1f} MiB at most")
    assert grown <= GROWTH_MIB
