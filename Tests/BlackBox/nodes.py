#!/usr/bin/env python3
"""Several nodes on one PostgreSQL: one truth about keys, sessions, apps and the schema.

Covers experiment E-01 with three nodes, E-10 (rolling restart between two schema versions under load), the number of
statements of each operation, keys that are made once and replaced under load, and apps that another node makes.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from harness import HOST, ROOT, Checks, Core, Json, Reply, Server, binary, exit_on_signals
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\nrefresh_token_rotation_grace_period: 30\n"
SHORT_KEYS = "test_mode: true\naccess_token_dynamic_signing_key_update_interval: 0.0006\n"
"""A new key about every two seconds."""
LOAD_THREADS = 8


def start_together(nodes: list[Server]) -> None:
    """Starts nodes at the same moment."""
    threads = [threading.Thread(target=node.start) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def statement_counts(cluster: Cluster, checks: Checks) -> None:
    """Counts what PostgreSQL was asked for each operation."""
    database = cluster.create_database("counted")
    cluster.query("CREATE EXTENSION pg_stat_statements", "counted")
    with Server(database=database, config=FAST) as server:
        core = server.core("5.4")
        made = core.create("warm").json
        core.verify(made["accessToken"]["token"], True)

        def counted(name: str, step: object, most: int, least: int | None = None) -> Reply:
            cluster.query("SELECT pg_stat_statements_reset()", "counted")
            reply = step()  # type: ignore[operator]
            found = cluster.query(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
                "WHERE datname = 'counted' AND query NOT LIKE '%pg_stat_statements%' AND toplevel", "counted")
            count = int(found[0])
            checks.check(f"{name}: {count} statements", (most if least is None else least) <= count <= most, count)
            checks.check(f"{name} succeeds", reply.ok, reply.outcome)
            return reply

        session = counted("create", lambda: core.create("u"), 1).json
        access, token = session["accessToken"]["token"], session["refreshToken"]["token"]
        counted("verify", lambda: core.verify(access), 0)
        counted("verify with the database", lambda: core.verify(access, True), 1)
        child = counted("refresh", lambda: core.refresh(token), 2, 1).json["refreshToken"]["token"]
        counted("refresh of a child that nobody used", lambda: core.refresh(child), 2)
        newest = server.core("5.6")
        counted("refresh that rotates at once", lambda: newest.refresh(
            newest.create("u").json["refreshToken"]["token"]), 3, 3)
        counted("information", lambda: core.information(session["session"]["handle"]), 1)
        counted("revoke", lambda: core.revoke([session["session"]["handle"]]), 1)


def keys_are_made_once(cluster: Cluster, checks: Checks) -> None:
    """Starts three nodes on an empty database at the same moment."""
    for number in range(3):
        name = f"together_{number}"
        database = cluster.create_database(name)
        with ExitStack() as stack:
            nodes = [Server(database=database) for _ in range(3)]
            for node in nodes:
                stack.callback(node.kill)
            start_together(nodes)
            sets = [sorted(key["kid"] for key in node.core().get("/.well-known/jwks.json").json["keys"])
                    for node in nodes]
            checks.check(f"three nodes publish the same keys ({number})", sets[0] == sets[1] == sets[2], sets)
            checks.equal(f"one dynamic and one static key were made ({number})",
                         sorted(kid[:2] for kid in sets[0]), ["d-", "s-"])
            made = nodes[0].core().create("u").json
            for node in nodes[1:]:
                checks.check("a token of one node is good at another",
                             node.core().verify(made["accessToken"]["token"], True).ok)
            refreshed = nodes[1].core().refresh(made["refreshToken"]["token"])
            checks.check("a refresh token of one node is good at another", refreshed.ok, refreshed.outcome)


def rotation_under_load(cluster: Cluster, checks: Checks, seconds: float) -> None:
    """Replaces keys every two seconds while each token is verified at a node that did not sign it."""
    database = cluster.create_database("rotating")
    with ExitStack() as stack:
        nodes = [Server(database=database, config=FAST + SHORT_KEYS) for _ in range(3)]
        for node in nodes:
            stack.callback(node.kill)
        start_together(nodes)
        end = time.monotonic() + seconds
        bad: list[str] = []
        kids: set[str] = set()
        count = [0] * LOAD_THREADS

        def work(number: int) -> None:
            cores = [node.core() for node in nodes]
            while time.monotonic() < end:
                maker, other = random.sample(cores, 2)
                made = maker.create(f"u{number}")
                if not made.ok:
                    bad.append(f"create: {made.outcome}")
                    continue
                token = made.json["accessToken"]["token"]
                kids.add(token.split(".")[0])
                verified = other.verify(token)
                count[number] += 1
                if not verified.ok:
                    bad.append(f"verify: {verified.outcome}")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(LOAD_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        checks.check(f"{sum(count)} tokens of {len(kids)} keys were good at another node at once", not bad, bad[:5])
        checks.check("keys were replaced under load", len(kids) >= 3, len(kids))


def apps_of_others(cluster: Cluster, checks: Checks) -> None:
    """Makes, changes and removes an app at one node and meets it at another."""
    database = cluster.create_database("apps")
    with ExitStack() as stack:
        nodes = [Server(database=database, config=FAST) for _ in range(2)]
        for node in nodes:
            stack.callback(node.kill)
        start_together(nodes)
        one, two = nodes[0].core("5.0"), nodes[1].core("5.0")

        def create(core: Core) -> int:
            return core.post("/appid-a/public/recipe/session", {
                "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}).status

        checks.check("an app that nobody made is unknown", create(two) >= 400)
        checks.equal("an app is made", one.put("/recipe/multitenancy/app", {"appId": "a"}).status, 200)
        time.sleep(1.1)
        checks.equal("another node knows it within a second of a question in vain", create(two), 200)
        checks.equal("the app is removed", one.post("/recipe/multitenancy/app/remove", {"appId": "a"}).status, 200)
        time.sleep(1.1)
        checks.check("another node knows that within a second", create(two) >= 400)
        checks.equal("an app is made that nobody asked for", one.put("/recipe/multitenancy/app", {"appId": "b"}).status, 200)
        checks.equal("another node knows it at once", two.get("/appid-b/recipe/session/user", userId="u").status, 200)


def sealed_keys(cluster: Cluster, checks: Checks) -> None:
    """Nodes with the key-encryption key work together; one without it says what is missing and changes nothing."""
    database = cluster.create_database("sealed")
    key = {"TESSERA_KEY_ENCRYPTION_KEY": "ab" * 32}
    with Server(database=database, environment=key) as one, Server(database=database, environment=key) as two:
        made = one.core().create("u").json
        checks.check("a node with the key reads what another sealed",
                     two.core().refresh(made["refreshToken"]["token"]).ok)
        checks.check("nothing is said of keys in the clear", "in the clear" not in one.output, one.output)
        stored = cluster.query("SELECT encode(substring(private_key from 1 for 4), 'escape') FROM tessera_signing_keys "
                               "UNION ALL SELECT left(value, 5) FROM key_value WHERE name = 'refresh_token_key'", "sealed")
        checks.check("every key is sealed", set(stored) == {"TSK1", "TSK1:"}, stored)
    for name, environment in (("no key", {}), ("another key", {"TESSERA_KEY_ENCRYPTION_KEY": "cd" * 32})):
        child = Server(database=database, environment=environment).launch()
        code = child.wait(15)
        checks.check(f"{name}: the start ends and says why", code == 1 and "sealed" in child.output, child.output)
    audit = subprocess.run([str(binary()), "audit", "--limit", "5"], capture_output=True, text=True, check=False,
                           env={**os.environ, "POSTGRESQL_CONNECTION_URI": database})
    checks.check("tessera audit reads the database", audit.returncode == 0 and "created" in audit.stdout,
                 audit.stdout + audit.stderr)


def same_token(cluster: Cluster, checks: Checks, rounds: int) -> None:
    """E-01: 64 callers present one refresh token to two and to three nodes."""
    trials = Path(os.environ.get("TRIALS", ROOT / ".build/release/Trials"))
    for count, part in ((2, max(1, rounds // 5)), (3, rounds)):
        database = cluster.create_database(f"same_{count}")
        with ExitStack() as stack:
            nodes = [Server(database=database, config=FAST) for _ in range(count)]
            for node in nodes:
                stack.callback(node.kill)
            start_together(nodes)
            done = subprocess.run(
                [str(trials), "same-token", "--rounds", str(part), "--ports", *[str(node.port) for node in nodes]],
                capture_output=True, text=True, timeout=1200, check=False)
            print(done.stdout.strip())
            checks.check(f"E-01: {part} rounds at {count} nodes, one winner in each", done.returncode == 0,
                         done.stdout + done.stderr)


class Balancer:
    """Sends each request to a node that takes part; a node leaves before it stops."""

    def __init__(self, nodes: list[Server]) -> None:
        """Begins with all nodes."""
        self._nodes = list(nodes)
        self._ports = [node.port for node in nodes]
        self._lock = threading.Lock()
        self._busy: dict[int, int] = {}

    def request(self, cores: dict[int, Core], step: object) -> Reply:
        """Does a step at any node."""
        with self._lock:
            port = random.choice(self._ports)
            self._busy[port] = self._busy.get(port, 0) + 1
        try:
            core = cores.setdefault(port, Core(port, "5.4"))
            return step(core)  # type: ignore[operator]
        finally:
            with self._lock:
                self._busy[port] -= 1

    def leave(self, port: int) -> None:
        """Sends nothing to a node any more and waits until what it has is answered."""
        with self._lock:
            self._ports.remove(port)
        while self._busy.get(port, 0):
            time.sleep(0.002)

    def join(self, port: int) -> None:
        """Sends requests to a node."""
        with self._lock:
            self._ports.append(port)


class Node(Server):
    """A core of one of two releases."""

    program = binary()

    def arguments(self, host: str = HOST) -> list[str]:
        """The command line of a run."""
        return [str(self.program), *super().arguments(host)[1:]]


def forget_newer_steps(cluster: Cluster) -> None:
    """Makes the schema older, as far as this release's own statements go on: its newer steps are done once more."""
    cluster.query("DELETE FROM tessera_schema_migrations WHERE level > 1; ALTER TABLE session_info RESET (fillfactor, "
                  "autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)", "rolling")


def rolling_restart(cluster: Cluster, checks: Checks, rows: int) -> None:
    """E-10: three nodes are restarted one by one from an older schema to a newer one and back, under load.

    TESSERA_OLD_BINARY names an older release; without it this one is both, and does the newer steps once more.
    """
    database = cluster.create_database("rolling")
    new = binary()
    old = Path(os.environ.get("TESSERA_OLD_BINARY", new)).resolve()
    nodes = [Node(database=database, config=FAST) for _ in range(3)]
    for node in nodes:
        node.program = old
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.kill)
        start_together(nodes)
        cluster.query(
            "INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, expires_at, "
            "created_at_time, use_static_key) SELECT 'public', 'public', 'h' || n, 'u' || n, md5(n::text), "
            f"4102444800000, n, false FROM generate_series(1, {rows}) AS n", "rolling")
        if old == new:
            forget_newer_steps(cluster)
        before = cluster.query("SELECT name FROM tessera_schema_migrations ORDER BY name", "rolling")
        balancer, end = Balancer(nodes), threading.Event()
        bad: list[str] = []
        counts = [0] * LOAD_THREADS

        def work(number: int) -> None:
            cores: dict[int, Core] = {}

            def ask(what: str, step: object) -> Json:
                try:
                    reply = balancer.request(cores, step)
                except (OSError, http.client.HTTPException) as error:
                    bad.append(f"{what}: {error!r}")
                    return {}
                counts[number] += 1
                if not reply.ok:
                    bad.append(f"{what}: {reply.outcome}")
                return reply.json

            made = ask("create", lambda core: core.create(f"roller-{number}"))
            while made and not end.is_set():
                made = ask("refresh", lambda core, made=made: core.refresh(made["refreshToken"]["token"]))
                if made:
                    ask("verify", lambda core, made=made: core.verify(made["accessToken"]["token"], True))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(LOAD_THREADS)]
        for thread in threads:
            thread.start()
        locks = LockWatch(cluster, "rolling")
        for program in (new, old, new):
            for node in nodes:
                port = node.port
                balancer.leave(port)
                checks.equal("a node that is told to stop stops", node.stop(), 0)
                node.program = program
                node.start()
                balancer.join(node.port)
        time.sleep(0.5)
        end.set()
        for thread in threads:
            thread.join()
        longest = locks.stop()
        steps = cluster.query("SELECT name FROM tessera_schema_migrations ORDER BY name", "rolling")
        checks.check(f"the schema has gone on from {len(before)} steps to {len(steps)}", len(steps) > len(before), steps)
        checks.check(f"E-10: {sum(counts)} requests over nine restarts, none failed, nobody was logged out", not bad,
                     bad[:5])
        checks.check(f"E-10: no lock that stops others for 100 ms ({rows} rows; longest {longest * 1000:.0f} ms)",
                     longest < 0.1)


class LockWatch:
    """Looks all the time for locks above SHARE UPDATE EXCLUSIVE on tables, and for how long each is seen."""

    QUERY = ("SELECT l.pid || ' ' || l.relation FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
             "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' AND l.granted "
             "AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')")

    def __init__(self, cluster: Cluster, database: str) -> None:
        """Starts to look, and returns once it does."""
        self._seen: dict[str, tuple[float, float]] = {}
        self._process = subprocess.Popen(
            ["psql", "-X", "-A", "-t", "-q", "-d", cluster.uri(database)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self._end = threading.Event()
        self._looks = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        if not self._looks.wait(60):
            raise RuntimeError("nobody looks for locks")

    def _look(self) -> None:
        assert self._process.stdin and self._process.stdout
        while not self._end.is_set():
            self._process.stdin.write(self.QUERY + ";\nSELECT 'end';\n")
            self._process.stdin.flush()
            now = time.monotonic()
            for line in self._process.stdout:
                if line.strip() == "end":
                    break
                begun, last = self._seen.get(line, (now, now))
                self._seen[line] = (begun if now - last < 0.05 else now, now)
                self.longest = max(self.longest, now - self._seen[line][0])
            self._looks.set()
            time.sleep(0.003)

    longest = 0.0

    def stop(self) -> float:
        """Ends, and tells how long the longest was seen, in seconds."""
        self._end.set()
        self._thread.join()
        self._process.kill()
        return self.longest


def main() -> int:
    """Runs all checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000, help="rounds of E-01 with three nodes")
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions in the table of E-10")
    parser.add_argument("--only", help="the name of one step")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, fewer sessions and fewer keys")
    options = parser.parse_args()
    seconds, rounds, rows = (5, 50, 50_000) if options.quick else (8, options.rounds, options.rows)
    exit_on_signals()
    checks = Checks()
    with Cluster() as cluster:
        for name, step in (
                ("statements", lambda: statement_counts(cluster, checks)),
                ("keys", lambda: keys_are_made_once(cluster, checks)),
                ("rotation", lambda: rotation_under_load(cluster, checks, seconds)),
                ("apps", lambda: apps_of_others(cluster, checks)),
                ("sealed", lambda: sealed_keys(cluster, checks)),
                ("rolling", lambda: rolling_restart(cluster, checks, rows)),
                ("same", lambda: same_token(cluster, checks, rounds))):
            if options.only in (None, name):
                begun = time.monotonic()
                checks.run(name, step)
                print(f"      {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
