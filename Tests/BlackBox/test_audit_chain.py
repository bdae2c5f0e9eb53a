"""finding E7: who ended a session and how, the chain over the audit log, and the erasure of a user."""

from __future__ import annotations

import json
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing

import pytest
from harness import Core, Server, binary, until
from machine import Machine
from postgres import Cluster


def tessera(machine: Machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    return machine.run(*arguments, "--data-dir", f"{machine.path}/log")


def entries(machine: Machine, *arguments: str) -> list[dict[str, object]]:
    done = tessera(machine, "audit", "--json", "--limit", "1000", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(machine: Machine, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Changes or reads the database as somebody who can write the file."""
    with closing(sqlite3.connect(f"{machine.path}/log/tessera.sqlite", timeout=10)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def head(machine: Machine) -> str:
    done = tessera(machine, "audit", "verify")
    assert done.returncode == 0, done.stderr
    found = re.search(r"Head +([0-9a-f]{64})", done.stdout)
    assert found, done.stdout
    return found[1]


def filled(machine: Machine) -> tuple[int, Core]:
    """A core with a few sessions that were ended in different ways."""
    pid, port = machine.start("log")
    core = Core(port)
    for user in ("alice", "bob", "carol"):
        handles = [core.create(user).json["session"]["handle"] for _ in range(3)]
        assert core.post("/recipe/session/remove", {"sessionHandles": handles[:1]}).ok
    assert core.post("/recipe/session/remove", {"userId": "alice"}).ok
    return pid, core


def test_finding_e7_who_and_how_are_told_apart(machine: Machine) -> None:
    _, port = machine.start("log")
    for actor, expected in ((None, "driver"), ("user", "user"), ("admin", "admin")):
        core = Core(port, headers={} if actor is None else {"Tessera-Actor": actor})
        handles = [core.create(expected).json["session"]["handle"] for _ in range(2)]
        assert core.post("/recipe/session/remove", {"sessionHandles": handles[:1]}).ok
        assert core.post("/recipe/session/remove", {"userId": expected}).ok
        found = [(one["sessionHandle"], one["actor"], one["means"]) for one in entries(
            machine, "--user", expected, "--event", "revoked")]
        assert found == [(handles[0], expected, "handle"), (handles[1], expected, "all")]
    assert {one["userId"] for one in entries(machine, "--actor", "admin", "--kind", "revoked")} == {"admin"}
    refused = Core(port, headers={"Tessera-Actor": "core"}).post("/recipe/session/remove", {"userId": "x"})
    assert refused.status == 400 and "user, admin or driver" in refused.text
    assert all(one["actor"] == "core" for one in entries(machine, "--event", "key_created"))


def test_finding_e7_entries_are_found_by_time(machine: Machine) -> None:
    filled(machine)

    def of_sessions(*arguments: str) -> list[object]:
        """A key may be made in the background meanwhile, and entries of a time are in the order of their times."""
        return sorted(one["sequence"] for one in entries(machine, *arguments) if "sessionHandle" in one)

    everything = of_sessions()
    assert of_sessions("--since", "1h") == everything == of_sessions("--since", "2001-01-01T00:00:00Z")
    assert entries(machine, "--until", "1h") == [] == entries(machine, "--since", "2999-01-01T00:00:00+01:00")
    assert entries(machine, "--since", "1d", "--user", "bob") == entries(machine, "--user", "bob")
    for wrong in ("yesterday", "2h30m", "-1h", "2026-02-30T00:00:00Z", ""):
        done = tessera(machine, "audit", f"--since={wrong}")
        assert done.returncode == 64 and "--since" in done.stderr, wrong


def test_finding_e7_entries_are_followed_until_an_interrupt(machine: Machine) -> None:
    _, core = filled(machine)
    child = subprocess.Popen(
        [str(binary()), "audit", "--follow", "--json", "--user", "dave", "--data-dir", f"{machine.path}/log"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        for _ in range(3):
            handle = core.create("dave").json["session"]["handle"]
            core.create("erin")
            assert json.loads(child.stdout.readline())["sessionHandle"] == handle
        child.send_signal(signal.SIGINT)
        rest, errors = child.communicate(timeout=30)
        assert (child.returncode, rest, errors) == (0, "", "")
    finally:
        child.kill()
    assert tessera(machine, "audit", "--follow", "--until", "1h").returncode == 64


Change = Callable[[Machine], object]
CHANGES: dict[str, tuple[Change, str]] = {
    "who": (lambda m: rows(m, "UPDATE audit_trail SET actor = 'user' WHERE sequence = 9"), "entry 9: the entry was changed"),
    "how": (lambda m: rows(m, "UPDATE audit_trail SET means = NULL WHERE sequence = (SELECT max(sequence) FROM "
                              "audit_trail WHERE means = 'all')"), "the entry was changed"),
    "time": (lambda m: rows(m, "UPDATE audit_trail SET time = time - 1 WHERE sequence = 4"), "entry 4: the entry was"),
    "user": (lambda m: rows(m, "UPDATE audit_trail SET user_id = 'bob' WHERE user_id = 'alice'"), "the entry was changed"),
    "details": (lambda m: rows(m, "UPDATE audit_trail SET details = '{}' WHERE event = 'key_created'"), "was changed"),
    "one less": (lambda m: rows(m, "DELETE FROM audit_trail WHERE sequence = 7"), "an entry was removed after entry 6"),
    "the oldest": (lambda m: rows(m, "DELETE FROM audit_trail WHERE sequence < 4"), "an entry was removed"),
    "one more": (lambda m: rows(m, "INSERT INTO audit_trail (app_id, sequence, time, event, details) "
                                   "VALUES ('public', -5, 0, 'created', '{}')"), "an entry was inserted"),
    "a salt": (lambda m: rows(m, "DELETE FROM audit_salts WHERE user_id = 'carol'"), "the entry was changed"),
    "a page": (lambda m: rows(m, "UPDATE audit_pages SET made_at = 0"), "the page itself was changed"),
    "its hash": (lambda m: rows(m, "UPDATE audit_pages SET entries_hash = hash"), "was changed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_finding_e7_a_change_is_noticed(machine: Machine, name: str) -> None:
    pid, _ = filled(machine)
    assert machine.run("stop", f"--id={pid}").returncode == 0
    noted = head(machine)
    whole = tessera(machine, "audit", "verify", "--head", noted)
    assert whole.returncode == 0 and "found" in whole.stdout and "Not chained" not in whole.stdout
    change, words = CHANGES[name]
    change(machine)
    done = tessera(machine, "audit", "verify", "--head", noted)
    assert done.returncode == 1 and "page 1" in done.stderr and words in done.stderr, done.stderr


def test_finding_e7_a_chain_that_was_made_anew_is_noticed_by_a_noted_head(machine: Machine) -> None:
    pid, _ = filled(machine)
    assert machine.run("stop", f"--id={pid}").returncode == 0
    noted = head(machine)
    rows(machine, "DELETE FROM audit_pages")
    rows(machine, "DELETE FROM audit_trail WHERE sequence = 5")
    pid, _ = machine.start("log")
    assert machine.run("stop", f"--id={pid}").returncode == 0
    assert tessera(machine, "audit", "verify").returncode == 0, "as the pages say: who can write all can do that"
    done = tessera(machine, "audit", "verify", "--head", noted)
    assert done.returncode == 1 and "another chain" in done.stderr
    assert tessera(machine, "audit", "verify", "--head", "abc").returncode == 64


def test_finding_e7_a_user_is_erased_and_the_chain_stays_whole(machine: Machine) -> None:
    pid, core = filled(machine)
    assert until(lambda: "Head" in tessera(machine, "audit", "verify").stdout, 120, 1), "while the core runs"
    noted = head(machine)
    for confirm in ((), ("--confirm", "alice"), ("--confirm", "")):
        done = tessera(machine, "users", "forget", "bob", *confirm)
        assert done.returncode == 1 and "nothing was done" in done.stderr
    assert core.handles("bob") != []
    done = tessera(machine, "users", "forget", "bob", "--confirm", "bob")
    assert done.returncode == 0, done.stderr
    assert re.search(r"Sessions ended +2\n", done.stdout) and re.search(r"Audit entries +6 ", done.stdout)
    pseudonym = re.search(r"erased-[0-9a-f]{16}", done.stdout)
    assert pseudonym
    assert core.handles("bob") == [] and core.handles("carol") != []
    assert machine.run("stop", f"--id={pid}").returncode == 0
    verified = tessera(machine, "audit", "verify", "--head", noted)
    assert verified.returncode == 0, verified.stderr
    tables = [str(name) for (name,) in rows(machine, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    found = [(table, row) for table in tables for row in rows(machine, f"SELECT * FROM {table}") if "bob" in row]
    assert found == [], "the user's id is nowhere"
    kinds = [one["event"] for one in entries(machine, "--user", pseudonym[0])]
    assert kinds.count("created") == 3 and kinds.count("revoked") == 3 and kinds[-1] == "user_erased"
    erased = entries(machine, "--event", "user_erased")
    assert [(one["actor"], one["details"]) for one in erased] == [("admin", {"sessions": 2, "entries": 6})]
    again = tessera(machine, "users", "forget", "bob", "--confirm", "bob")
    assert again.returncode == 0 and re.search(r"Audit entries +0\n", again.stdout)
    assert tessera(machine, "users", "forget", "x", "--confirm", "x", "--app", "none").returncode == 1


def test_finding_e7_two_nodes_on_postgresql_make_one_chain(cluster: Cluster, machine: Machine) -> None:
    uri = cluster.create_database("chain")
    place = {"POSTGRESQL_CONNECTION_URI": uri}

    def verify(*arguments: str) -> subprocess.CompletedProcess[str]:
        return machine.run("audit", "verify", *arguments, **place)

    with Server(database=uri) as first, Server(database=uri) as second:
        cores = [first.core(), second.core()]
        for number in range(40):
            handle = cores[number % 2].create(f"u{number % 4}").json["session"]["handle"]
            if number % 5 == 0:
                assert cores[(number + 1) % 2].revoke([handle]).ok
        assert until(lambda: "Head" in verify().stdout, 120, 1), "one of the nodes chains the log"
        noted = re.search(r"Head +([0-9a-f]{64})", verify().stdout)
        assert noted
        done = machine.run("users", "forget", "u1", "--confirm", "u1", **place)
        assert done.returncode == 0 and re.search(r"Audit entries +20 ", done.stdout), done.stdout + done.stderr
        assert until(lambda: "Not chained" not in verify().stdout, 120, 1), "and all of it"
        whole = verify("--head", noted[1])
        assert whole.returncode == 0, whole.stderr
        assert cluster.query("SELECT count(*) FROM tessera_audit_trail WHERE user_id = 'u1'", "chain") == ["0"]
        assert cores[0].handles("u1") == [] and len(cores[1].handles("u2")) == 8
        since = machine.run("audit", "--since", "1h", "--actor", "driver", "--json", **place)
        assert since.returncode == 0 and len(since.stdout.splitlines()) == 8
        entry = cluster.query("SELECT max(sequence) FROM tessera_audit_trail WHERE event = 'revoked'", "chain")[0]
        cluster.query(f"UPDATE tessera_audit_trail SET actor = 'core' WHERE sequence = {entry}", "chain")
        faulty = verify()
        assert faulty.returncode == 1 and f"entry {entry}: the entry was changed" in faulty.stderr, faulty.stderr
