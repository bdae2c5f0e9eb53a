"""`tessera audit`: the trail of a folder, while a core runs on it and afterwards."""

from __future__ import annotations

import json
import re
from typing import Protocol

from harness import Checks, Core


class Commands(Protocol):
    """What the checks need of a machine: see `Machine` in operation.py."""

    path: object

    def run(self, *arguments: str, **environment: str): ...  # noqa: ANN201,ANN003

    def start(self, name: str, *arguments: str, **environment: str) -> tuple[int, int]: ...


class Trail:
    """Entries are printed for people and as JSON, chosen by user, session and kind."""

    def __init__(self, checks: Checks, machine: Commands) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._machine = machine

    def _audit(self, *arguments: str) -> list[str]:
        done = self._machine.run("audit", "--data-dir", f"{self._machine.path}/trail", *arguments)
        self._checks.equal(f"audit {' '.join(arguments)}: exit 0", (done.returncode, done.stderr), (0, ""))
        return done.stdout.splitlines()

    def _late(self, core: Core) -> None:
        """A late refresh token is told of once, and is neither a refresh nor a reuse."""
        made = core.create("carol").json
        handle, token = made["session"]["handle"], made["refreshToken"]["token"]
        core.verify(core.refresh(token).json["accessToken"]["token"])
        found = [core.refresh(token) for _ in range(2)]
        self._checks.equal("a late refresh token is refused", [(one.status, one.text) for one in found], [
            (503, "A refresh with this token was finished a moment ago. Try again with the new token.\n")] * 2)
        self._checks.equal("of its session", [line.split("  ")[1] for line in self._audit("--session", handle)],
                           ["created", "refreshed", "late_parent"])
        late = [json.loads(line) for line in self._audit("--json", "--event", "late_parent")]
        self._checks.equal("of late ones", [(one["sessionHandle"], one["userId"]) for one in late], [(handle, "carol")])

    def run(self) -> None:
        """Runs the checks."""
        equal, check = self._checks.equal, self._checks.check
        pid, port = self._machine.start("trail", TESSERA_REFRESH_TOKEN_SHARING_WINDOW="0")
        core = Core(port)
        names = ["alice", "bob \x1b[2J\nx", "alice"]
        handles = [core.create(name).json["session"]["handle"] for name in names]
        core.post("/recipe/session/remove", {"sessionHandles": [handles[0]]})
        self._late(core)
        running = self._audit()
        stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  [a-z_]+  ")
        check("each line begins with its time and its kind", all(stamp.match(line) for line in running), running)
        check("what a user is called cannot break a line", any('user="bob \\u001b[2J\\nx"' in line for line in running))
        equal("of a user", [line.split("  ")[1] for line in self._audit("--user", "alice")],
              ["created", "created", "revoked"])
        equal("of a session", [line.split("  ")[1] for line in self._audit("--session", handles[0])],
              ["created", "revoked"])
        entries = [json.loads(line) for line in self._audit("--json", "--event", "revoked")]
        equal("as JSON", [(entry["sessionHandle"], entry["details"]) for entry in entries],
              [(handles[0], {"by": "user"})])
        equal("the newest", len(self._audit("--limit", "2")), 2)
        equal("it stops", self._machine.run("stop", f"--id={pid}").returncode, 0)
        # A signing key may have been made in the background since.
        check("the trail is there without a core", set(running) <= set(self._audit()), running)
        equal("of nobody", self._audit("--user", "nobody"), ["There are no such entries."])
        none = self._machine.run("audit", "--data-dir", f"{self._machine.path}/nothing")
        check("a folder without a database is told", none.returncode == 1 and "no database" in none.stderr, none)
