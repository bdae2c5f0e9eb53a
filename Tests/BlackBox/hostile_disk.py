"""A disk that is full (E-05): what ends sessions goes on, what would begin or continue them is refused."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import Callable

from harness import Checks, Core, Json, Reply, Server, TemporaryFolder

DISK_BYTES = 16 << 20
ROOM_BYTES = 384 << 10
FILL_LIMIT = 20_000
RECOVERY_SECONDS = 1.0


class Disk:
    """A small file system of our own, unmounted when the script ends."""

    def __init__(self, size: int) -> None:
        """Prepares the mount point."""
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
        """Takes the file system away."""
        if os.path.ismount(self.path):
            subprocess.run(["umount", "-l", str(self.path)], check=False)

    def free(self) -> int:
        """How many bytes are free."""
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
        """Signs everybody in."""
        self.first = core.create("first", {}, {"first": True}).json
        self.spare = core.create("spare").json
        self.fresh = core.create("fresh").json
        self.unused = core.refresh(core.create("unused").json["refreshToken"]["token"]).json
        self.others = [core.create("other").json["refreshToken"]["token"] for _ in range(8)]
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


class FullDisk:
    """A full disk stops what writes, says so, and nothing else; revocation and detection go on (I8)."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks, or says why not."""
        self._on_disk("somebody else filled it", self._filled_by_others)
        self._on_disk("sessions filled it", self._filled_by_sessions)

    def _on_disk(self, name: str, scenario: Callable[[Server, Disk], None]) -> None:
        disk = Disk(DISK_BYTES)
        obstacle = disk.mount()
        if obstacle:
            print(f"SKIP  full disk, {name}: {obstacle}")
            return
        with Server(disk.path / "data") as server:
            self._checks.run(f"full disk, {name}", lambda: scenario(server, disk))
        disk.unmount()

    def _filled_by_others(self, server: Server, disk: Disk) -> None:
        core = server.core()
        people = People(core)
        crowd = [core.create("crowd").json["session"]["handle"] for _ in range(40)]
        filler = disk.fill("filler", ROOM_BYTES)
        handles, failure = self._fill(core, 1_000)
        disk.fill("filler", 0)
        self._failure(failure)
        handles += self._use_up(core, people)
        self._alive(core, people.first)
        kept = set(core.handles("filler"))
        self._checks.equal("no acknowledged session is missing on a full disk, and no failed one is there",
                           kept, set(handles))
        self._refused(core, people)
        self._vital(server, people)
        self._one_by_one(core, crowd, lambda: disk.fill("filler", 0))
        self._one_by_one(core, handles[:10])
        self._refused(core, people)
        server.kill()
        # What a clean stop removes: the start has to find room for it.
        (server.data / "tessera.sqlite-shm").unlink()
        disk.fill("filler", 0)
        server.start()
        self._checks.check("the start says that the disk is full", server.says("nearly full"), server.output)
        core = server.core()
        self._alive(core, people.first)
        self._refused(core, people)
        self._one_by_one(core, handles[10:15])
        filler.unlink()
        self._recovered(core, server, people)
        self._alive(core, people.first)
        server.kill()
        server.start()
        self._checks.equal("everything is there after a crash", set(server.core().handles("filler")), set(handles[15:]))

    def _filled_by_sessions(self, server: Server, _: Disk) -> None:
        core = server.core()
        people = People(core)
        handles, failure = self._fill(core, 3_000)
        self._failure(failure)
        handles += self._use_up(core, people)
        self._refused(core, people)
        self._vital(server, people)
        self._one_by_one(core, handles)
        self._checks.check("what they freed inside the database is used without a restart", core.create("later").ok,
                           server.output[-2000:])
        self._alive(core, people.first)

    def _fill(self, core: Core, size: int) -> tuple[list[str], Reply | None]:
        handles: list[str] = []
        for number in range(FILL_LIMIT):
            reply = core.create("filler", {}, {"n": number, "filler": "x" * size})
            if not reply.ok:
                return handles, reply
            handles.append(reply.json["session"]["handle"])
        return handles, None

    def _use_up(self, core: Core, people: People) -> list[str]:
        """Uses the room for smaller and smaller writes, until not one page more can be written."""
        handles, _ = self._fill(core, 1)
        number, handle = 0, people.spare["session"]["handle"]
        while core.update_data(handle, {"n": number}).ok:
            number += 1
        used = [core.refresh(token).ok for token in people.others]
        self._checks.check("no page more can be written", not used[-1], used)
        return handles

    def _failure(self, reply: Reply | None) -> None:
        if not self._checks.check("a full disk stops creations", reply is not None, "still going"):
            return
        assert reply is not None
        self._checks.equal("a full disk is a 507", reply.status, 507)
        text = reply.text.lower()
        self._checks.check("the answer says what is wrong", "full" in text or "space" in text, reply.text)
        self._checks.check("the answer tells no secrets", "sqlite" not in text and "/" not in text, reply.text)

    def _alive(self, core: Core, first: Json) -> None:
        handle, token = first["session"]["handle"], first["accessToken"]["token"]
        self._checks.check("verify stays alive", core.verify(token).ok)
        self._checks.check("verify with the database stays alive", core.verify(token, True).ok)
        read = core.information(handle)
        self._checks.equal("reads stay alive", read.json.get("userDataInDatabase"), {"first": True})
        self._checks.equal("lists stay alive", core.handles("first"), [handle])
        self._checks.equal("/hello stays alive", core.get("/hello").status, 200)

    def _refused(self, core: Core, people: People) -> None:
        """Nothing is given that storage could not note."""
        token = people.fresh["refreshToken"]["token"]
        for name, reply in (("a sign-in", core.create("late")), ("a refresh", core.refresh(token)),
                            ("a refresh by a new token", core.refresh(people.unused["refreshToken"]["token"])),
                            ("new data", core.update_data(people.first["session"]["handle"], {"late": 1}))):
            self._checks.equal(f"{name} is refused on a full disk", reply.status, 507)
            self._checks.check(f"{name} gives nothing", "token" not in reply.text.lower(), reply.text)
            self._checks.check(f"{name} says when to come back", "retry-after" in reply.headers, reply.headers)
        self._checks.check("a new access token is good", core.verify(people.unused["accessToken"]["token"]).ok)

    def _vital(self, server: Server, people: People) -> None:
        core, newest = server.core(), server.core("5.6")
        for name, caller, session in (("5.4", core, people.stale), ("5.6", newest, people.stale_at_once)):
            reply = caller.refresh(session["refreshToken"]["token"])
            self._checks.equal(f"a used-up token is theft on a full disk, CDI {name}", reply.outcome,
                               "TOKEN_THEFT_DETECTED")
            self._checks.equal(f"and its session is gone, CDI {name}",
                               core.information(session["session"]["handle"]).outcome, "UNAUTHORISED")
        self._one_by_one(core, [people.spare["session"]["handle"]])
        trail = core.get("/tessera/audit", event="reuse_detected")
        self._checks.equal("both verdicts are on record", trail.text.count("reuse_detected"), 2)

    def _one_by_one(self, core: Core, handles: list[str], meanwhile: Callable[[], object] = lambda: None) -> None:
        """Revokes sessions, while somebody else takes what was freed for it."""
        failed: list[str] = []
        for handle in handles:
            reply = core.revoke([handle])
            failed += [] if reply.ok else [reply.outcome]
            meanwhile()
        left = [handle for handle in handles if core.information(handle).outcome != "UNAUTHORISED"]
        self._checks.check(f"{len(handles)} revocations on a full disk succeed and hold", not failed and not left,
                           f"{len(failed)} failed: {failed[:1]}, {len(left)} are there")

    def _recovered(self, core: Core, server: Server, people: People) -> None:
        begun, reply = time.monotonic(), core.create("later")
        while not reply.ok and time.monotonic() < begun + 10 * RECOVERY_SECONDS:
            time.sleep(0.02)
            reply = core.create("later")
        seconds = time.monotonic() - begun
        self._checks.check(f"creations work again {seconds:.2f} s after there is room, without a restart",
                           reply.ok and seconds < RECOVERY_SECONDS, f"{reply.outcome}\n{server.output[-2000:]}")
        for session in (people.fresh, people.unused):
            self._checks.check("and the refresh that was refused", core.refresh(session["refreshToken"]["token"]).ok)
