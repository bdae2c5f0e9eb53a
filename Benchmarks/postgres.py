#!/usr/bin/env python3
"""Measures a core on PostgreSQL, with pgbench on the same statements beside it, and how cost grows with the table.

What is judged is CPU time per request, of the core and of PostgreSQL, and ratios within one run: the core, PostgreSQL
and the load share this machine's processors.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "Tests" / "BlackBox"))

from bench import FAST_CONFIG, Bar, Fixtures, Result, Wrk, cpu_seconds, signatures  # noqa: E402
from harness import Core, Server, TemporaryFolder, exit_on_signals  # noqa: E402
from postgres import Cluster, program  # noqa: E402

CONNECTIONS = (1, 16, 64)
JUDGED = 16
PGBENCH_CLIENTS = 8
PGBENCH_ROWS = 100_000
GROWTH = (100_000, 1_000_000)
TYPES = {1: "text", 2: "text", 3: "bigint", 4: "text", 5: "text", 6: "bigint", 7: "boolean", 8: "text", 9: "bigint",
         10: "boolean", 11: "bigint", 12: "bigint", 13: "text", 14: "text", 15: "text", 16: "text", 17: "text"}
"""The parameters of the statement that rotates a session and writes its entry of the audit log."""


@dataclass(frozen=True)
class Cost:
    """What one run cost."""

    result: Result
    database_microseconds: float


class Bench:
    """All measurements on one cluster."""

    def __init__(self, cluster: Cluster, seconds: float) -> None:
        """Prepares measurements of so many seconds each."""
        self._cluster = cluster
        self._seconds = seconds
        self.costs: dict[tuple[str, str, int], Cost] = {}
        self.pgbench: dict[str, tuple[float, float]] = {}
        self.growth: dict[str, list[float]] = {}
        self.errors = 0
        self.signature: dict[str, float] = {}

    def measure(self, wrk: Wrk, scenario: str, script: str, connections: int, *arguments: str) -> Cost:
        """Runs wrk and notes the CPU time of PostgreSQL around it."""
        before = self._cluster.processor_seconds
        result = wrk.run(scenario, script, connections, self._seconds, *arguments)
        used = self._cluster.processor_seconds - before
        self.errors += result.errors
        return Cost(result, used / max(1, result.requests) * 1e6)

    def requests(self, algorithm: str) -> None:
        """Every scenario at every number of connections."""
        config = FAST_CONFIG if algorithm == "ES256" else ""
        database = self._cluster.create_database(f"bench_{algorithm.lower()}")
        with Server(database=database, config=config) as server:
            core, wrk = server.core(), Wrk(server)
            core.verify(core.create("warm-up").json["accessToken"]["token"])
            fixtures = Fixtures(core)
            print(f"\n{algorithm:24}{'conn.':>6}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'errors':>8}{'core us':>9}"
                  f"{'PostgreSQL us':>15}")
            self.signature[algorithm] = signatures()[algorithm]
            for name, script, arguments in (
                    ("create", "create.lua", list), ("verify", "replay.lua", lambda: [fixtures.verify(False)]),
                    ("verify checkDatabase", "replay.lua", lambda: [fixtures.verify(True)]),
                    ("refresh", "chain.lua", lambda: [fixtures.fresh_tokens()]),
                    ("information", "replay.lua", lambda: [fixtures.information()])):
                for connections in CONNECTIONS:
                    self._show(algorithm, self.measure(wrk, name, script, connections, *arguments()))

    def _show(self, algorithm: str, cost: Cost) -> None:
        result = cost.result
        self.costs[algorithm, result.scenario, result.connections] = cost
        print(f"{result.scenario:24}{result.connections:6}{result.requests_per_second:9.0f}{result.p50_ms:9.2f}"
              f"{result.p99_ms:9.2f}{result.errors:8}{result.cpu_microseconds:9.0f}{cost.database_microseconds:15.0f}",
              flush=True)

    def with_pgbench(self) -> None:
        """The statements of a refresh and of a look, sent by pgbench."""
        name = "pgbench"
        uri = self._cluster.create_database(name)
        with Server(database=uri, config=FAST_CONFIG) as server:
            core = server.core()
            first = core.create("one").json
            child = core.refresh(first["refreshToken"]["token"]).json
            self._cluster.query("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()", name)
            core.refresh(child["refreshToken"]["token"])
            # As the core sends them, with its comments and all.
            texts = self._cluster.query(
                "SELECT replace(query, E'\\n', ' ') FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
                f"WHERE datname = '{name}' AND query LIKE '%session_info%'", name)
        self.fill(name, PGBENCH_ROWS)
        look = next(text for text in texts if text.startswith("SELECT session_handle, tenant_id"))
        rotate = next(text for text in texts if text.startswith("WITH written AS (UPDATE"))
        look = look.replace("$1", "'public'").replace("$2", "'h' || :id")
        values = {1: "'public'", 2: "'h' || :id", 3: ":tessera_version", 4: ":'hash'", 5: "md5(:n::text)",
                  6: "4102444800000", 7: "false", 8: ":'hash'", 9: ":n", 10: "false", 11: "1", 12: ":n",
                  13: "'refreshed'", 14: "'h' || :id", 15: "'public'", 16: "'u'", 17: "'{}'"}
        rotate = re.sub(r"\$(\d+)", lambda found: f"({values[int(found[1])]})::{TYPES[int(found[1])]}"
                        if int(found[1]) in values else "1", rotate)  # pg_stat_statements numbers constants too
        folder = TemporaryFolder("tessera-pgbench-")
        draw = f"\\set id random(1, {PGBENCH_ROWS})\n\\set n random(1, 1000000000)\n"
        # pgbench puts variables in as parameters, without quotes.
        rotate = rotate.replace(":'hash'", ":hash")
        select = look.replace("refresh_token_hash_2,", "refresh_token_hash_2 AS hash,", 1)
        for kind, text in (("look", f"{draw}{look};\n"), ("refresh", f"{draw}{select} \\gset\n{rotate};\n")):
            script = folder.path / f"{kind}.sql"
            script.write_text(text)
            for clients in (1, PGBENCH_CLIENTS):
                self._pgbench(uri, kind, script, clients)

        self._storage_alone(uri)

    def _storage_alone(self, uri: str) -> None:
        """The same two statements through the core's own storage: no HTTP, no tokens, no signatures."""
        trials = HERE.parent / ".build" / "release" / "Trials"
        before = self._cluster.processor_seconds
        done = subprocess.run([str(trials), "storage-speed", "--uri", uri], capture_output=True, text=True, check=True,
                              timeout=120)
        used = self._cluster.processor_seconds - before
        rate = float(re.findall(r"refreshes a second: (\d+)", done.stdout)[0])
        self.pgbench["storage alone"] = (rate, used / 64_000 * 1e6)
        print(f"the core's storage alone, 64 callers: refresh  {rate:9.0f} a second, PostgreSQL {used / 64_000 * 1e6:.0f} us",
              flush=True)

    def _pgbench(self, uri: str, kind: str, script: Path, clients: int) -> None:
        before = self._cluster.processor_seconds
        done = subprocess.run(
            [program("pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", f"{self._seconds:.0f}", "-f",
             str(script), uri], capture_output=True, text=True, check=False, timeout=self._seconds + 60)
        time.sleep(0.5)  # until the server has noticed the end of its children
        used = self._cluster.processor_seconds - before
        count = re.findall(r"actually processed: (\d+)", done.stdout)
        rate = re.findall(r"tps = ([\d.]+)", done.stdout)
        if not count or not rate or done.returncode != 0:
            raise RuntimeError(f"pgbench failed: {done.stdout}{done.stderr}")
        self.pgbench[f"{kind} {clients}"] = (float(rate[0]), used / int(count[0]) * 1e6)
        print(f"pgbench -M prepared -c {clients}: {kind:8} {float(rate[0]):9.0f} a second, PostgreSQL "
              f"{used / int(count[0]) * 1e6:.0f} us", flush=True)

    def fill(self, database: str, rows: int) -> None:
        """Fills the table of sessions up to so many rows."""
        have = int(self._cluster.query("SELECT count(*) FROM session_info WHERE session_handle LIKE 'h%'", database)[0])
        self._cluster.query(
            "INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, "
            "jwt_user_payload, expires_at, created_at_time, use_static_key) SELECT 'public', 'public', 'h' || n, "
            "'u' || n / 4, encode(sha256(n::text::bytea), 'hex'), '{\"cart\":[1,2,3]}', '{\"role\":\"user\"}', "
            f"4102444800000, n, false FROM generate_series({have + 1}, {rows}) AS n", database)
        self._cluster.query("VACUUM ANALYZE session_info", database)
        self._cluster.query("CHECKPOINT", database)

    def grows(self) -> None:
        """What operations cost with a table ten times as large."""
        database = self._cluster.create_database("growth")
        with Server(database=database, config=FAST_CONFIG) as server:
            core, wrk = server.core(), Wrk(server)
            core.create("warm-up")
            for rows in GROWTH:
                self.fill("growth", rows)
                fixtures = Fixtures(core)
                for name, script, arguments in (
                        ("create", "create.lua", []), ("verify", "replay.lua", [fixtures.verify(True)]),
                        ("refresh", "chain.lua", [fixtures.fresh_tokens()])):
                    cost = self.measure(wrk, name, script, JUDGED, *arguments)
                    self.growth.setdefault(name, []).append(
                        cost.result.cpu_microseconds + cost.database_microseconds)
                self.growth.setdefault("revoke", []).append(self._revoke(core, server))
        print(f"\ncost in us of core and PostgreSQL at {GROWTH[0]} and {GROWTH[1]} rows")
        for name, (small, large) in self.growth.items():
            print(f"{name:12}{small:8.0f}{large:8.0f}   x {large / small:.2f}")

    def _revoke(self, core: Core, server: Server) -> float:
        handles = [core.create("leaver").json["session"]["handle"] for _ in range(2000)]
        before = self._cluster.processor_seconds + cpu_seconds(server.pid)
        begun = time.monotonic()
        for handle in handles:
            if core.revoke([handle]).json.get("sessionHandlesRevoked") != [handle]:
                self.errors += 1
        used = self._cluster.processor_seconds + cpu_seconds(server.pid) - before
        print(f"  {len(handles) / (time.monotonic() - begun):.0f} revocations a second over one connection")
        return used / len(handles) * 1e6

    def bars(self) -> list[Bar]:
        """The promises and what became of them."""
        def core(algorithm: str, scenario: str) -> float:
            return self.costs[algorithm, scenario, JUDGED].result.cpu_microseconds

        refresh = self.costs["ES256", "refresh", JUDGED]
        fastest = max(self.costs["ES256", "refresh", connections].result.requests_per_second
                      for connections in CONNECTIONS)
        rate, database = self.pgbench[f"refresh {PGBENCH_CLIENTS}"]
        found = [
            Bar("PostgreSQL CPU of a refresh, against pgbench's", "x", 1.2, refresh.database_microseconds / database),
            Bar("verify checkDatabase: core CPU", "us", 150, core("RS256", "verify checkDatabase")),
            Bar(f"storage alone: 1.2 x pgbench's {rate:.0f}/s, against {self.pgbench['storage alone'][0]:.0f}/s", "x", 1.0,
                1.2 * rate / self.pgbench["storage alone"][0]),
        ]
        for algorithm, signature in self.signature.items():
            found.append(Bar(f"refresh {algorithm}: 1.2 signatures of {signature:.0f} us + 400 us", "us",
                             1.2 * signature + 400, core(algorithm, "refresh")))
        found.append(Bar(f"refreshes: 1.2 x pgbench's {rate:.0f}/s, against {fastest:.0f}/s", "x", 1.0,
                         1.2 * rate / fastest))
        found += [Bar(f"{name}: {GROWTH[1]} rows against {GROWTH[0]}", "x", 1.5, large / small)
                  for name, (small, large) in self.growth.items()]
        return found


def main() -> int:
    """Measures, judges and reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="the length of each run (default: 4)")
    parser.add_argument("--strict", action="store_true", help="exit non-zero when a bar is missed")
    options = parser.parse_args()
    exit_on_signals()
    with Cluster({"shared_buffers": "'512MB'", "max_wal_size": "'4GB'"}) as cluster:
        bench = Bench(cluster, options.seconds)
        print(f"{os.cpu_count()} processors, {cluster.query('SELECT version()')[0]}")
        bench.requests("ES256")
        bench.requests("RS256")
        print()
        bench.with_pgbench()
        bench.grows()
    print(f"\nbars (at {JUDGED} connections)")
    for bar in bench.bars():
        print(f"{bar.name:66}{bar.measured:9.2f} {bar.unit:3} at most {bar.limit:8.2f}  {'ok' if bar.held else 'MISSED'}")
    missed = [bar for bar in bench.bars() if not bar.held]
    print(f"{bench.errors} requests failed, {len(missed)} bars missed")
    return 1 if bench.errors or (missed and options.strict) else 0


if __name__ == "__main__":
    sys.exit(main())
