"""`tessera audit`: the log of a folder, while a core runs on it and afterwards, for people and as JSON."""

from __future__ import annotations

import json
import re

from harness import Core
from machine import Machine

STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  [a-z_]+  ")


def audit(machine: Machine, *arguments: str) -> list[str]:
    """The lines of the log."""
    done = machine.run("audit", "--data-dir", f"{machine.path}/trail", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def events(machine: Machine, *arguments: str) -> list[str]:
    """The kinds of the entries."""
    return [line.split("  ")[1] for line in audit(machine, *arguments) if STAMP.match(line)]


def late(machine: Machine, core: Core) -> None:
    """A late refresh token is told of once, and is neither a refresh nor a reuse."""
    made = core.create("carol").json
    handle, token = made["session"]["handle"], made["refreshToken"]["token"]
    core.verify(core.refresh(token).json["accessToken"]["token"])
    found = [core.refresh(token) for _ in range(2)]
    text = "A refresh with this token was finished a moment ago. Try again with the new token.\n"
    assert [(one.status, one.text) for one in found] == [(503, text)] * 2
    assert events(machine, "--session", handle) == ["created", "refreshed", "late_parent"]
    told = [json.loads(line) for line in audit(machine, "--json", "--event", "late_parent")]
    assert [(one["sessionHandle"], one["userId"]) for one in told] == [(handle, "carol")]


def test_the_log_is_printed_by_user_session_and_kind(machine: Machine) -> None:
    pid, port = machine.start("trail", TESSERA_REFRESH_TOKEN_SHARING_WINDOW="0")
    core = Core(port)
    handles = [core.create(name).json["session"]["handle"] for name in ("alice", "bob \x1b[2J\nx", "alice")]
    core.post("/recipe/session/remove", {"sessionHandles": [handles[0]]})
    late(machine, core)
    running = audit(machine)
    assert all(STAMP.match(line) for line in running)
    assert any('user="bob \\u001b[2J\\nx"' in line for line in running), "what a user is called cannot break a line"
    assert events(machine, "--user", "alice") == ["created", "created", "revoked"]
    assert events(machine, "--session", handles[0]) == ["created", "revoked"]
    assert re.fullmatch(r"Ended \S+: Ended by the application\.", audit(machine, "--session", handles[0])[-1])
    assert audit(machine, "--session", handles[2])[-1] == "No entry says that the session has ended."
    entries = [json.loads(line) for line in audit(machine, "--json", "--event", "revoked")]
    assert [(entry["sessionHandle"], entry["actor"], entry["means"], entry["details"]) for entry in entries] == [
        (handles[0], "driver", "handle", {})]
    assert len(audit(machine, "--limit", "2")) == 2
    assert machine.run("stop", f"--id={pid}").returncode == 0
    # A signing key may have been made in the background since.
    assert set(running) <= set(audit(machine)), "it is there without a core"
    assert audit(machine, "--user", "nobody") == ["There are no such entries."]


def test_a_folder_without_a_database_is_told(machine: Machine) -> None:
    none = machine.run("audit", "--data-dir", f"{machine.path}/nothing")
    assert none.returncode == 1 and "no database" in none.stderr
