"""A disk that is full (E-05): what ends sessions goes on, what would begin or continue them is refused."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import Core, Json, Reply, Server, TemporaryFolder, until

DISK_BYTES = 16 << 20
ROOM_BYTES = 384 << 10
FILL_LIMIT = 20_000
RECOVERY_SECONDS = 1.0
ROUNDS, EACH_ROUND = 4, 4
"""How often the last room is taken at most, and how many refreshes are then to use it up."""


class Disk:
    """A small file system of our own, unmounted when the script ends."""

    def __init__(self, size: int) -> None:
        self._folder = TemporaryFolder()
        self._size = size
        self.path = self._folder.path

    def mount(self) -> str | None:
        """Mounts the file system, or says why that is impossible."""
        if os.geteuid() != 0:
            return "only root can mount a small file system"
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size},mode=0700", "tmpfs", str(self.path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            return f"mount: {error}"
        if done.returncode == 0:
            atexit.register(self.unmount)
            return None
        return f"mount: {done.stderr.strip()}"

    def unmount(self) -> None:
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", str(self.path)], check=False)

    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def fill(self, name: str, leave: int) -> Path:
        """Writes a file that leaves so many bytes free."""
        path = self.path / name
        with path.open("ab", buffering=0) as file:
            while (missing := self.free() - leave) > 0:
                # The server may be faster: then there is nothing left to take.
                with contextlib.suppress(OSError):
                    file.write(bytes(missing))
        return path


class People:
    """Sessions in every state that matters, made while there was room."""

    def __init__(self, core: Core) -> None:
        self.first = core.create("first", {}, {"first": True}).json
        self.spare = core.create("spare").json
        self.fresh = core.create("fresh").json
        self.unused = core.refresh(core.create("unused").json["refreshToken"]["token"]).json
        self.others = [core.create("other").json["refreshToken"]["token"] for _ in range(ROUNDS * EACH_ROUND)]
        self.stale = self._robbed(core)
        self.stale_at_once = self._robbed(core)

    def _robbed(self, core: Core) -> Json:
        """A session whose first refresh token was used up two rotations ago."""
        session = core.create("robbed").json
        token = session["refreshToken"]["token"]
        for _ in range(2):
            child = core.refresh(token).json
            core.verify(child["accessToken"]["token"])
            token = child["refreshToken"]["token"]
        return session


@pytest.fixture
def disk() -> Iterator[Disk]:
    """A small file system, where this machine allows one."""
    made = Disk(DISK_BYTES)
    if obstacle := made.mount():
        pytest.skip(obstacle)
    yield made
    made.unmount()


@pytest.fixture
def full(disk: Disk) -> Iterator[Server]:
    """A server on it."""
    with Server(disk.path / "data") as running:
        yield running


def test_somebody_else_filled_it(full: Server, disk: Disk, quick: bool) -> None:
    core = full.core()
    people = People(core)
    crowd = [core.create("crowd").json["session"]["handle"] for _ in range(40)]
    filler = disk.fill("filler", ROOM_BYTES)
    handles, failure = fill(core, 1_000)
    disk.fill("filler", 0)
    is_told(failure)
    handles += use_up(core, people)
    alive(core, people.first)
    kept = set(core.handles("filler"))
    assert kept == set(handles), "no acknowledged session is missing on a full disk, and no failed one is there"
    refused(core, people)
    vital(full, people)
    one_by_one(core, crowd, lambda: disk.fill("filler", 0))
    one_by_one(core, handles[:10])
    refused(core, people)
    full.kill()
    # What a clean stop removes: the start has to find room for it.
    (full.data / "tessera.sqlite-shm").unlink()
    disk.fill("filler", 0)
    full.start()
    assert full.says("nearly full"), ("the start says that the disk is full", full.output)
    core = full.core()
    alive(core, people.first)
    refused(core, people)
    one_by_one(core, handles[10:15])
    filler.unlink()
    recovered(core, full, people, quick)
    alive(core, people.first)
    full.kill()
    full.start()
    assert set(full.core().handles("filler")) == set(handles[15:]), "everything is there after a crash"


def test_sessions_filled_it(full: Server) -> None:
    core = full.core()
    people = People(core)
    handles, failure = fill(core, 3_000)
    is_told(failure)
    handles += use_up(core, people)
    refused(core, people)
    vital(full, people)
    one_by_one(core, handles)
    assert core.create("later").ok, (
        "what they freed inside the database is used without a restart", full.output[-2000:])
    alive(core, people.first)


def fill(core: Core, size: int) -> tuple[list[str], Reply | None]:
    handles: list[str] = []
    for number in range(FILL_LIMIT):
        reply = core.create("filler", {}, {"n": number, "filler": "x" * size})
        if not reply.ok:
            return handles, reply
        handles.append(reply.json["session"]["handle"])
    return handles, None


def use_up(core: Core, people: People) -> list[str]:
    """Uses the room for smaller and smaller writes, until not one page more can be written.

    The core's own flush of its log gives room back at any moment, which is then taken too.
    """
    handles: list[str] = []
    number, handle = 0, people.spare["session"]["handle"]
    for begin in range(0, len(people.others), EACH_ROUND):
        handles += fill(core, 1)[0]
        while core.update_data(handle, {"n": number}).ok:
            number += 1
        used = [core.refresh(token).ok for token in people.others[begin:begin + EACH_ROUND]]
        if not used[-1]:
            return handles
    raise AssertionError(f"no page more can be written {ROUNDS} times in turn")


def is_told(reply: Reply | None) -> None:
    assert reply is not None, "a full disk stops creations"
    assert reply.status == 507, "a full disk is a 507"
    text = reply.text.lower()
    assert "full" in text or "space" in text, ("the answer says what is wrong", reply.text)
    assert "sqlite" not in text and "/" not in text, ("the answer tells no secrets", reply.text)


def alive(core: Core, first: Json) -> None:
    handle, token = first["session"]["handle"], first["accessToken"]["token"]
    assert core.verify(token).ok, "verify stays alive"
    assert core.verify(token, True).ok, "verify with the database stays alive"
    read = core.information(handle)
    assert read.json.get("userDataInDatabase") == {"first": True}, "reads stay alive"
    assert core.handles("first") == [handle], "lists stay alive"
    assert core.get("/hello").status == 200, "/hello stays alive"


def refused(core: Core, people: People) -> None:
    """Nothing is given that storage could not note."""
    token = people.fresh["refreshToken"]["token"]
    for name, reply in (("a sign-in", core.create("late")), ("a refresh", core.refresh(token)),
                        ("a refresh by a new token", core.refresh(people.unused["refreshToken"]["token"])),
                        ("new data", core.update_data(people.first["session"]["handle"], {"late": 1}))):
        assert reply.status == 507, f"{name} is refused on a full disk"
        assert "token" not in reply.text.lower(), f"{name} gives nothing"
        assert "retry-after" in reply.headers, f"{name} says when to come back"
    assert core.verify(people.unused["accessToken"]["token"]).ok, "a new access token is good"


def vital(server: Server, people: People) -> None:
    core, newest = server.core(), server.core("5.6")
    for name, caller, session in (("5.4", core, people.stale), ("5.6", newest, people.stale_at_once)):
        reply = caller.refresh(session["refreshToken"]["token"])
        assert reply.outcome == "TOKEN_THEFT_DETECTED", f"a used-up token is theft on a full disk, CDI {name}"
        assert core.information(session["session"]["handle"]).outcome == "UNAUTHORISED", (
            f"and its session is gone, CDI {name}")
    one_by_one(core, [people.spare["session"]["handle"]])
    trail = core.get("/tessera/audit", event="reuse_detected")
    assert trail.text.count("reuse_detected") == 2, "both verdicts are on record"


def one_by_one(core: Core, handles: list[str], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Revokes sessions, while somebody else takes what was freed for it."""
    failed: list[str] = []
    for handle in handles:
        reply = core.revoke([handle])
        failed += [] if reply.ok else [reply.outcome]
        meanwhile()
    left = [handle for handle in handles if core.information(handle).outcome != "UNAUTHORISED"]
    assert (not failed and not left), (f"{len(handles)} revocations on a full disk succeed and hold",
                                       f"{len(failed)} failed: {failed[:1]}, {len(left)} are there")


def recovered(core: Core, server: Server, people: People, quick: bool) -> None:
    begun = time.monotonic()
    assert until(lambda: core.create("later").ok), server.output[-2000:]
    seconds = time.monotonic() - begun
    assert seconds < RECOVERY_SECONDS * (10 if quick else 1), "creations work again soon after there is room, without a restart"
    for session in (people.fresh, people.unused):
        assert core.refresh(session["refreshToken"]["token"]).ok, "and the refresh that was refused"
