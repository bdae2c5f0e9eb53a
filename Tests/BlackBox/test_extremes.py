"""No value of any row ends the process (finding O2): every column of every table at its extremes, every operation.

On SQLite, whose columns can be made to hold any type; with TESSERA_TEST_POSTGRES on PostgreSQL.
"""

from __future__ import annotations

import json
import random
import time
from typing import Any, Iterator

import pytest
from extremes_store import Change, Clients, PostgresStore, SQLiteStore, command
from harness import CDI, HOST, Child, Core, Server, free_port

FIRST = [("session_info", "generation"), ("session_info", "tessera_generation")]
MOST_SECONDS = 20.0


class World:
    """A store with its users, and a core that is started on each change of it."""

    def __init__(self) -> None:
        self.server = Server().start()
        self.clients = Clients(self.server)
        self.server.stop()
        self.store = PostgresStore(self.server) if self.server.database else SQLiteStore(self.server)

    def changes(self, dice: random.Random, most: int | None) -> list[Change]:
        """All changes, or a sample with at least one of each column."""
        found = self.store.changes(self.clients.handle)
        if most is None:
            return found
        dice.shuffle(found)
        columns: dict[tuple[str, str], Change] = {}
        for change in found:
            columns.setdefault((change.table, change.column), change)
        return [*columns.values(), *found[:max(0, most - len(columns))]]

    def judge(self, change: Change) -> str | None:
        """Starts a core on a changed store and asks everything; says what is wrong."""
        if not self.store.apply(change):
            return None
        self.server.port = free_port()
        child = Child(self.server.arguments(), self.server.environment)
        try:
            return self.ask(child, change)
        finally:
            child.kill()

    def ask(self, child: Child, change: Change) -> str | None:
        if not self.started(child):
            return None if 0 < child.process.returncode < 128 and child.output.strip() else (
                f"the start ended with {child.process.returncode}: {child.output[-600:]}")
        core = Core(self.server.port, CDI, timeout=MOST_SECONDS)
        for version, method, path, body in self.clients.requests():
            fields = {"cdi-version": version, "content-type": "application/json"}
            try:
                reply = core.send(method, path, None if body is None else json.dumps(body).encode(), fields)
            except OSError as error:
                return f"{version} {method} {path}: {error!r} {child.process.poll()} {child.output[-600:]}"
            if change.table == "session_info" and body and body.get("accessToken") == self.bystander:
                if reply.status != 200 or reply.json["status"] not in ("OK", "UNAUTHORISED", "TRY_REFRESH_TOKEN"):
                    return f"the bystander's {path}: {reply.status} {reply.text[:200]}"
        core.close()
        code = child.stop()
        return None if code == 0 else f"the stop: {code} {child.output[-600:]}"

    @property
    def bystander(self) -> str:
        return str(self.clients.bystander["accessToken"]["token"])

    def started(self, child: Child) -> bool:
        end = time.monotonic() + MOST_SECONDS
        while child.alive and time.monotonic() < end:
            if "Started SuperTokens" in child.output:
                return True
            time.sleep(0.005)
        return child.alive

    def commands(self) -> str | None:
        """The commands that read or write a store, on the one that is there; says what is wrong."""
        for arguments in (["audit", "--json"], ["audit"], ["restore", "--accept-undone-revocations"],
                          ["restore", "--sign-out-all"]):
            done = command(self.server, *arguments)
            if done.returncode not in (0, 1, 64) or done.returncode and not done.stderr.strip():
                return f"{arguments}: {done.returncode} {done.stderr[-600:]}"
        return None


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.server.kill()


def test_no_value_of_any_row_ends_the_process(world: World, quick: bool, dice: random.Random, say: Any) -> None:
    """finding O2: an error for that session or app, and never the end of the process."""
    changes = world.changes(dice, 60 if quick else None)
    wrong: list[str] = []
    for number, change in enumerate(changes):
        said = world.judge(change) or (world.commands() if number % 4 == 0 or not quick else None)
        wrong += [f"{change}: {said}"] if said else []
    say(f"{len(changes)} values in columns: {len(wrong)} ended or stopped the core")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("value", [(1 << 63) - 1, -(1 << 63), -1, 255 << 32, (1 << 40) - 1])
def test_a_rotation_count_beyond_all_is_that_session_s_matter(world: World, value: int) -> None:
    """finding O2: `generation` at its end, one verify, and everybody goes on."""
    column = "tessera_generation" if world.server.database else "generation"
    change = Change("session_info", column, value, f"session_handle = '{world.clients.handle}'")
    assert world.judge(change) is None
