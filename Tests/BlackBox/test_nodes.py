"""Several nodes on one PostgreSQL: one truth about keys, sessions, apps and the schema.

Covers experiment E-01 with three nodes, E-10 (rolling restart between two schema versions under load), the number of
statements of each operation, keys that are made once and replaced under load, and apps that another node makes.
"""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from harness import HOST, ROOT, Core, Json, Reply, Server, binary, together, until
from lock_watch import LockWatch
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\nrefresh_token_rotation_grace_period: 30\n"
SHORT_KEYS = "test_mode: true\naccess_token_dynamic_signing_key_update_interval: 0.0006\n"
"""A new key about every two seconds."""
LOAD_THREADS = 8


@contextmanager
def together_on(database: str, count: int, config: str | None = None,
                kind: Callable[..., Any] = Server) -> Iterator[list[Any]]:
    """Nodes that start at the same moment on one database."""
    nodes = [kind(database=database, config=config) for _ in range(count)]
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.kill)
        together(*(node.start for node in nodes))
        yield nodes


def test_the_number_of_statements_of_each_operation(cluster: Cluster) -> None:
    """Counts what PostgreSQL was asked for each operation."""
    database = cluster.create_database("counted")
    cluster.query("CREATE EXTENSION pg_stat_statements", "counted")
    with Server(database=database, config=FAST) as server:
        core = server.core("5.4")
        made = core.create("warm").json
        core.verify(made["accessToken"]["token"], True)

        def counted(step: Callable[[], Reply], most: int, least: int | None = None) -> Reply:
            cluster.query("SELECT pg_stat_statements_reset()", "counted")
            reply = step()
            found = cluster.query(
                "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid "
                "WHERE datname = 'counted' AND query NOT LIKE '%pg_stat_statements%' AND toplevel "
                # What a node does by itself: it follows keys twice a second, notes when users were seen every five seconds,
                # and chains the audit log every ten.
                "AND query NOT LIKE 'SELECT app_id, key_id FROM %' AND query !~ "
                "'user_last_active|tessera_audit_pages|tessera_audit_salts|pg_snapshot_xmax|SELECT DISTINCT app_id'", "counted")
            assert reply.ok and (most if least is None else least) <= int(found[0]) <= most, found
            return reply

        session = counted(lambda: core.create("u"), 1).json
        access, token = session["accessToken"]["token"], session["refreshToken"]["token"]
        counted(lambda: core.verify(access), 0)
        counted(lambda: core.verify(access, True), 1)
        child = counted(lambda: core.refresh(token), 2, 1).json["refreshToken"]["token"]
        counted(lambda: core.refresh(child), 2)  # A child that nobody used.
        newest = server.core("5.6")
        counted(lambda: newest.refresh(newest.create("u").json["refreshToken"]["token"]), 3, 3)
        counted(lambda: core.information(session["session"]["handle"]), 1)
        counted(lambda: core.revoke([session["session"]["handle"]]), 1)


def test_nodes_that_start_together_make_keys_once(cluster: Cluster) -> None:
    """Starts three nodes on an empty database at the same moment."""
    for number in range(3):
        name = f"together_{number}"
        database = cluster.create_database(name)
        with together_on(database, 3) as nodes:
            sets = [sorted(key["kid"] for key in node.core().get("/.well-known/jwks.json").json["keys"])
                    for node in nodes]
            assert sets[0] == sets[1] == sets[2], f"three nodes publish the same keys ({number})"
            assert sorted(kid[:2] for kid in sets[0]) == ["d-", "s-"], (
                f"one dynamic and one static key were made ({number})")
            made = nodes[0].core().create("u").json
            for node in nodes[1:]:
                assert node.core().verify(made["accessToken"]["token"], True).ok, (
                    "a token of one node is good at another")
            refreshed = nodes[1].core().refresh(made["refreshToken"]["token"])
            assert refreshed.ok, "a refresh token of one node is good at another"


def test_keys_are_replaced_under_load(cluster: Cluster, quick: bool, say: Callable[[str], None]) -> None:
    """Replaces keys every two seconds while each token is verified at a node that did not sign it."""
    database = cluster.create_database("rotating")
    with together_on(database, 3, FAST + SHORT_KEYS) as nodes:
        begun = time.monotonic()
        kids: set[str] = set()
        count = [0] * LOAD_THREADS

        def lasts() -> bool:
            """For some periods; a sample for longer where a busy machine changes keys later than they are due."""
            took = time.monotonic() - begun
            return took < (5 if quick else 8) or (quick and len(kids) < 3 and took < 60)

        def work(number: int) -> None:
            cores = [node.core() for node in nodes]
            while lasts():
                maker, other = random.sample(cores, 2)
                token = maker.create(f"u{number}").json["accessToken"]["token"]
                kids.add(token.split(".")[0])
                verified = other.verify(token)
                assert verified.ok, verified.outcome
                count[number] += 1

        together(*(lambda number=number: work(number) for number in range(LOAD_THREADS)))
        say(f"{sum(count)} tokens of {len(kids)} keys were good at another node")
        assert len(kids) >= 3


def test_apps_that_another_node_makes(cluster: Cluster) -> None:
    """Makes, changes and removes an app at one node and meets it at another."""
    database = cluster.create_database("apps")
    with together_on(database, 2, FAST) as nodes:
        one, two = nodes[0].core("5.0"), nodes[1].core("5.0")

        def create(core: Core) -> int:
            return core.post("/appid-a/public/recipe/session", {
                "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}).status

        assert create(two) >= 400, "an app that nobody made is unknown"
        assert one.put("/recipe/multitenancy/app", {"appId": "a"}).status == 200, "an app is made"
        time.sleep(1.1)
        assert create(two) == 200, "another node knows it within a second of a question in vain"
        assert one.post("/recipe/multitenancy/app/remove", {"appId": "a"}).status == 200, "the app is removed"
        time.sleep(1.1)
        assert create(two) >= 400, "another node knows that within a second"
        assert one.put("/recipe/multitenancy/app", {"appId": "b"}).status == 200, "an app is made that nobody asked for"
        assert two.get("/appid-b/recipe/session/user", userId="u").status == 200, "another node knows it at once"


def test_keys_that_another_node_sealed(cluster: Cluster) -> None:
    """Nodes with the key-encryption key work together; one without it says what is missing and changes nothing."""
    database = cluster.create_database("sealed")
    key = {"TESSERA_KEY_ENCRYPTION_KEY": "ab" * 32}
    with Server(database=database, environment=key) as one, Server(database=database, environment=key) as two:
        made = one.core().create("u").json
        assert two.core().refresh(made["refreshToken"]["token"]).ok, "a node with the key reads what another sealed"
        assert "unencrypted" not in one.output, "nothing is said of unencrypted keys"
        stored = cluster.query("SELECT encode(substring(private_key from 1 for 4), 'escape') FROM tessera_signing_keys "
                               "UNION ALL SELECT left(value, 5) FROM key_value WHERE name = 'refresh_token_key'",
                               "sealed")
        assert set(stored) == {"TSK2", "TSK1:"}, "every key is encrypted"
    for name, environment in (("no key", {}), ("another key", {"TESSERA_KEY_ENCRYPTION_KEY": "cd" * 32})):
        child = Server(database=database, environment=environment).launch()
        code = child.wait(60)
        assert code == 1 and "encrypted" in child.output, f"{name}: the start ends and says why"
    audit = subprocess.run([str(binary()), "audit", "--limit", "5"], capture_output=True, text=True, check=False,
                           env={**os.environ, "POSTGRESQL_CONNECTION_URI": database})
    assert (audit.returncode == 0 and "created" in audit.stdout), (
        "tessera audit reads the database", audit.stdout + audit.stderr)


@pytest.mark.parametrize(("count", "sample", "whole"), [(2, 10, 200), (3, 50, 1000)])
def test_E01_many_callers_with_one_refresh_token(cluster: Cluster, rounds: Callable[[int, int], int],
                                                 say: Callable[[str], None], count: int, sample: int,
                                                 whole: int) -> None:
    """64 callers present it to several nodes, and there is one winner in each round."""
    trials = os.environ.get("TRIALS", str(ROOT / ".build/release/Trials"))
    with together_on(cluster.create_database(f"same_{count}"), count, FAST) as nodes:
        done = subprocess.run([trials, "same-token", "--rounds", str(rounds(whole, sample)), "--ports",
                               *[str(node.port) for node in nodes]], capture_output=True, text=True, timeout=1200)
        say(done.stdout.strip())
        assert done.returncode == 0, done.stdout + done.stderr


class Balancer:
    """Sends each request to a node that takes part; a node leaves before it stops."""

    def __init__(self, nodes: list[Server]) -> None:
        self._nodes = list(nodes)
        self._ports = [node.port for node in nodes]
        self._lock = threading.Lock()
        self._busy: dict[int, int] = {}

    def request(self, cores: dict[int, Core], step: Callable[[Core], Reply]) -> Reply:
        with self._lock:
            port = random.choice(self._ports)
            self._busy[port] = self._busy.get(port, 0) + 1
        try:
            core = cores.setdefault(port, Core(port, "5.4"))
            return step(core)
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
        with self._lock:
            self._ports.append(port)


class Node(Server):
    """A core of one of two releases."""

    def __init__(self, program: Path, **more: Any) -> None:
        super().__init__(**more)
        self.program = program

    def arguments(self, host: str = HOST) -> list[str]:
        return [str(self.program), *super().arguments(host)[1:]]


def forget_newer_steps(cluster: Cluster) -> None:
    """Makes the schema older, as far as this release's own statements go on: its newer steps are done once more."""
    cluster.query("DELETE FROM tessera_schema_migrations WHERE level > 1; ALTER TABLE session_info RESET (fillfactor, "
                  "autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor)", "rolling")


def test_E10_a_rolling_restart_between_two_schemas(cluster: Cluster, quick: bool, say: Callable[[str], None]) -> None:
    """E-10: three nodes are restarted one by one from an older schema to a newer one and back, under load.

    TESSERA_OLD_BINARY names an older release; without it this one is both, and does the newer steps once more.
    """
    database, new, rows = cluster.create_database("rolling"), binary(), 50_000 if quick else 1_000_000
    old = Path(os.environ.get("TESSERA_OLD_BINARY", new)).resolve()
    with together_on(database, 3, FAST, partial(Node, old)) as nodes:
        cluster.query(
            "INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, expires_at, "
            "created_at_time, use_static_key) SELECT 'public', 'public', 'h' || n, 'u' || n, md5(n::text), "
            f"4102444800000, n, false FROM generate_series(1, {rows}) AS n", "rolling")
        if old == new:
            forget_newer_steps(cluster)
        before = cluster.query("SELECT name FROM tessera_schema_migrations ORDER BY name", "rolling")
        balancer, end = Balancer(nodes), threading.Event()
        counts = [0] * LOAD_THREADS

        def work(number: int) -> None:
            cores: dict[int, Core] = {}

            def ask(step: Callable[[Core], Reply]) -> Json:
                reply = balancer.request(cores, step)
                assert reply.ok, reply.outcome
                counts[number] += 1
                return reply.json

            made = ask(lambda core: core.create(f"roller-{number}"))
            while not end.is_set():
                made = ask(lambda core, made=made: core.refresh(made["refreshToken"]["token"]))
                ask(lambda core, made=made: core.verify(made["accessToken"]["token"], True))

        def restart() -> float:
            locks = LockWatch(cluster, "rolling")
            try:
                for program in (new, old, new):
                    for node in nodes:
                        balancer.leave(node.port)
                        assert node.stop() == 0
                        node.program = program
                        node.start()
                        balancer.join(node.port)
                time.sleep(0.5)
            finally:
                end.set()
            return locks.stop()

        longest = together(restart, *(lambda number=number: work(number) for number in range(LOAD_THREADS)))[0]
        steps = cluster.query("SELECT name FROM tessera_schema_migrations ORDER BY name", "rolling")
        say(f"E-10: {sum(counts)} requests over nine restarts, {rows} rows, longest lock {longest * 1000:.0f} ms")
        assert len(steps) > len(before), "the schema has gone on"
        # A sample has to hold on a machine that is ten times slower too.
        assert longest < (2.0 if quick else 0.1), "no lock stops others for 100 ms"


class Verifier:
    """Checks tokens by a key set that it keeps exactly as long as its header says, as an API behind a driver does."""

    def __init__(self) -> None:
        self._kids: set[str] = set()
        self._until = 0.0
        self.unknown: list[str] = []
        self.checked = 0

    def check(self, token: str, core: Core) -> None:
        now = time.monotonic()
        if now >= self._until:
            reply = core.get("/.well-known/jwks.json")
            seconds = int(dict(reply.headers)["cache-control"].split("max-age=")[1].split(",")[0])
            # The set is as old as its request.
            self._kids, self._until = {key["kid"] for key in reply.json["keys"]}, now + seconds
        self.checked += 1
        kid = key_header(token)["kid"]
        if kid not in self._kids:
            self.unknown.append(kid)


def key_header(token: str) -> dict[str, str]:
    part = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_keys_change_under_load_on_three_nodes(cluster: Cluster, say: Callable[[str], None]) -> None:
    """finding K2, finding K3: RS256 to ES256 and back, a key made by hand and one retired, while sessions are made.

    No token is signed by a key that a verifier who keeps the key set by its headers does not know, and a retired key is
    refused by every node.
    """
    short = "test_mode: true\naccess_token_dynamic_signing_key_update_interval: 0.004\n"
    configs = [short + f"access_token_signing_algorithm: {name}\n" for name in ("RS256", "ES256")]
    database = cluster.create_database("keys")
    with together_on(database, 3, configs[0]) as nodes:
        balancer, end, verifiers = Balancer(nodes), threading.Event(), [Verifier() for _ in range(4)]
        algorithms: set[str] = set()

        def work(verifier: Verifier) -> None:
            cores: dict[int, Core] = {}
            while not end.is_set():
                token = balancer.request(cores, lambda core: core.create("u")).json["accessToken"]["token"]
                algorithms.add(key_header(token)["alg"])
                balancer.request(cores, lambda core, token=token: (verifier.check(token, core), core.verify(token))[1])
                end.wait(0.02)

        def restart_all(config: str) -> None:
            for index, node in enumerate(nodes):
                balancer.leave(node.port)
                assert node.stop() == 0
                nodes[index] = Server(database=database, config=config).start()
                balancer.join(nodes[index].port)

        def signs_with(name: str) -> Callable[[], bool]:
            def asked() -> bool:
                return all(key_header(node.core().create("u").json["accessToken"]["token"])["alg"] == name
                           for node in nodes)
            return asked

        def keys(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run([str(binary()), "keys", *arguments], capture_output=True, text=True, timeout=90,
                                  env={**os.environ, "POSTGRESQL_CONNECTION_URI": database})

        def change() -> float:
            try:
                for config, name in ((configs[1], "ES256"), (configs[0], "RS256")):
                    restart_all(config)
                    assert until(signs_with(name), 120, 0.2), name
                assert keys("rotate").returncode == 0
            finally:
                end.set()
            token = nodes[0].core().create("u").json["accessToken"]["token"]
            kid = key_header(token)["kid"]
            assert all(node.core().verify(token).outcome == "OK" for node in nodes)
            begun = time.monotonic()
            assert keys("retire", kid, "--confirm", kid).returncode == 0
            assert until(lambda: all(node.core().verify(token).outcome == "TRY_REFRESH_TOKEN" for node in nodes))
            return time.monotonic() - begun

        try:
            took = together(change, *(lambda verifier=verifier: work(verifier) for verifier in verifiers))[0]
        finally:
            for node in nodes:
                node.kill()
        checked, unknown = sum(v.checked for v in verifiers), [kid for v in verifiers for kid in v.unknown]
        say(f"keys: {checked} tokens checked by cached sets, {len(unknown)} of unknown keys; retired in {took:.2f} s, "
            "the command included")
        assert algorithms == {"RS256", "ES256"} and checked > 100 and not unknown, unknown
