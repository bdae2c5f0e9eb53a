"""Hostile surroundings: a second server, open networks, wrong keys, wrong configuration, a full disk."""

from __future__ import annotations

import atexit
import os
import stat
import subprocess
import time
from pathlib import Path

from harness import HOST, Checks, Child, Core, Json, Reply, Server, TemporaryFolder, free_port

KEY = "hostile-test-key-0123456789"
OTHER_KEY = "another-test-key-0123456789"
END_SECONDS = 15.0
DISK_BYTES = 4 << 20
ROOM_BYTES = 1 << 20
FILL_LIMIT = 2000


class Starts:
    """Starts that must not succeed, and what they say."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks beside a running server."""
        self._checks = checks
        self._server = server

    def run(self) -> None:
        """Runs the checks."""
        if self._server.database is None:
            second = Server(self._server.data)
            self._fails("a second server on the same folder", second, second.launch(), "folder",
                        str(self._server.data))
        self._checks.equal("the first server still answers", self._server.core().get("/hello").status, 200)
        self._port_in_use()
        away = Server()
        self._fails("0.0.0.0 without API keys", away, away.launch("0.0.0.0"), "api_keys", "127.0.0.1")
        for name, config, *words in (
                ("a short API key", "api_keys: short\n", "too short", "20"),
                ("an API key with odd characters", f"api_keys: '{KEY}!'\n", "Invalid characters"),
                ("a validity of zero", "access_token_validity: 0\n", "access_token_validity"),
                ("a validity that is no number", "access_token_validity: long\n", "access_token_validity"),
                ("a configuration that is no YAML", "a: [\n", "config.yaml"),
                ("a configuration that is a list", "- a\n- b\n", "config.yaml")):
            server = Server(config=config)
            self._fails(name, server, server.launch(), *words)
        self._missing_file()

    def _fails(self, name: str, server: Server, child: Child, *words: str) -> None:
        code = child.wait(END_SECONDS)
        output = child.output
        self._checks.check(f"{name}: exits non-zero", code > 0, f"exit {code}: {output}")
        for word in words:
            self._checks.check(f"{name}: says '{word}'", word.lower() in output.lower(), output)
        self._checks.check(f"{name}: no crash report", "fatal error" not in output.lower() and code < 128, output)

    def _port_in_use(self) -> None:
        server = Server()
        server.port = self._server.port
        child = Child(server.arguments())
        self._fails("a port in use", server, child, str(self._server.port), "in use")

    def _missing_file(self) -> None:
        server = Server(config="")
        server.port = free_port()
        arguments = server.arguments()
        child = Child(arguments[:-1] + [arguments[-1] + ".missing"])
        self._fails("a missing configuration file", server, child, ".missing")


class Keys:
    """API keys guard everything that needs guarding."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks on a server with two keys."""
        with Server(config=f"api_keys: {KEY}, {OTHER_KEY}\n") as server:
            self._refusals(server)
            for name, headers in (("api-key", {"api-key": KEY}), ("the second key", {"api-key": OTHER_KEY}),
                                  ("Authorization", {"authorization": KEY}),
                                  ("Bearer", {"authorization": f"bearer {KEY}"})):
                self._checks.check(f"{name} opens", server.core(headers=headers).create("keyed").ok)
            for path in ("/hello", "/.well-known/jwks.json"):
                self._checks.equal(f"{path} needs no key", server.core().get(path).status, 200)
            self._checks.equal("/apiversion needs a key", server.core().get("/apiversion").status, 401)
            self._checks.equal("an unknown path is 404 without a key", server.core().get("/nothing").status, 404)
            self._checks.equal("a wrong key beats a wrong version",
                               server.core("9.9", {"api-key": "x"}).create("keyed").status, 401)
            self._side_doors(server)
            self._checks.check("no key is ever printed", KEY not in server.output, server.output)

    def _refusals(self, server: Server) -> None:
        for name, headers in (("no key", {}), ("a wrong key", {"api-key": "x" * 27}), ("an empty key", {"api-key": ""}),
                              ("a longer key", {"api-key": KEY + "0"}), ("a shorter key", {"api-key": KEY[:-1]}),
                              ("both keys at once", {"api-key": f"{KEY},{OTHER_KEY}"}),
                              ("Basic", {"authorization": f"Basic {KEY}"}),
                              ("a wrong key beside a right one", {"api-key": "x", "authorization": KEY})):
            reply = server.core(headers=headers).create("unkeyed")
            self._checks.equal(f"{name} is refused", (reply.status, reply.text), (401, "Invalid API key\n"))
            self._checks.check(f"{name}: as text", reply.headers.get("content-type", "").startswith("text/html"))

    def _side_doors(self, server: Server) -> None:
        """Tries other spellings of guarded paths."""
        for path in ("/RECIPE/Session/user", "/recipe/session/user/", "//recipe/session/user", "/recipe//session/user",
                     "/%72ecipe/session/user", "/recipe%2fsession/user", "/public/recipe/session/user",
                     "/appid-public/public/recipe/session/user", "/nowhere/recipe/session/user",
                     "/appid-x/y/recipe/session/user", "/hello/../recipe/session/user", "/./recipe/session/user",
                     "/.well-known/jwks.json/../../recipe/session/user", f"http://{HOST}/recipe/session/user",
                     "/session/user", "/SESSION/USER"):
            for cdi in (None, "5.4"):
                status = server.core(cdi).get(path, userId="keyed").status
                self._checks.check(f"{path} at {cdi} stays shut", status in (400, 401, 404), status)


class Runs:
    """Ordinary starts and ends."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        with Server(config="acess_token_validity: 100\nlog_level: INFO\n") as server:
            self._checks.check("an unknown configuration key is reported", "acess_token_validity" in server.output,
                               server.output)
            idle = server.core()
            kept = idle.create("keeper", {}, {"kept": True}).json
            if server.database is None:
                self._checks.check("the data folder is private", self._private(server.data), self._modes(server.data))
            begun = time.monotonic()
            self._checks.equal("SIGTERM exits 0 beside an idle client", server.stop(), 0)
            self._checks.check("SIGTERM takes less than 10 s", time.monotonic() - begun < 10)
            idle.close()
            server.start()
            read = server.core().information(kept["session"]["handle"])
            self._checks.equal("what was there is there again", read.json.get("userDataInDatabase"), {"kept": True})
            self._checks.check("old tokens verify again", server.core().verify(kept["accessToken"]["token"], True).ok)

    def _modes(self, folder: Path) -> dict[str, str]:
        return {str(path): stat.filemode(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}

    def _private(self, folder: Path) -> bool:
        return all(not path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")])


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

    def fill(self, name: str, leave: int) -> Path:
        """Writes a file that leaves so many bytes free."""
        path, free = self.path / name, os.statvfs(self.path)
        path.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - leave)))
        return path


class FullDisk:
    """A full disk stops what writes, says so, and nothing else."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks, or says why not."""
        disk = Disk(DISK_BYTES)
        obstacle = disk.mount()
        if obstacle:
            print(f"SKIP  full disk: {obstacle}")
            return
        with Server(disk.path / "data") as server:
            self._scenario(server, disk)
        disk.unmount()

    def _scenario(self, server: Server, disk: Disk) -> None:
        core = server.core()
        first = core.create("first", {}, {"first": True}).json
        spare, other = (core.create(user).json for user in ("spare", "other"))
        for _ in range(2):  # opens the window of its token, and notes that it was shared; further ones write nothing
            self._checks.check("a refresh before the disk is full", core.refresh(first["refreshToken"]["token"]).ok)
        filler = disk.fill("filler", ROOM_BYTES)
        handles, failure = self._fill(core)
        self._failure(failure)
        self._alive(core, first)
        kept = set(core.handles("filler"))
        self._checks.check("no acknowledged session is missing on a full disk", set(handles) <= kept,
                           set(handles) - kept)
        refused = core.refresh(other["refreshToken"]["token"])
        self._checks.check(f"a refresh that writes succeeds or is a 5xx ({refused.outcome})",
                           refused.ok or 500 <= refused.status < 600, refused.outcome)
        self._revocation(core, spare)
        self._checks.check("no failed creation is listed", len(kept) == len(handles), f"{len(kept)} of {len(handles)}")
        filler.unlink()
        self._recovered(core, server)
        self._alive(core, first)
        again = core.refresh(other["refreshToken"]["token"])
        self._checks.check("whoever was refused refreshes", again.ok, again.outcome)
        if refused.ok:
            self._checks.equal("to the same token", again.json["refreshToken"]["token"],
                               refused.json["refreshToken"]["token"])
        server.kill()
        server.start()
        self._checks.check("everything is there after a crash", set(handles) <= set(server.core().handles("filler")))

    def _fill(self, core: Core) -> tuple[list[str], Reply | None]:
        handles: list[str] = []
        for number in range(FILL_LIMIT):
            reply = core.create("filler", {}, {"n": number, "filler": "x" * 8_000})
            if not reply.ok:
                return handles, reply
            handles.append(reply.json["session"]["handle"])
        return handles, None

    def _failure(self, reply: Reply | None) -> None:
        if not self._checks.check("a full disk stops creations", reply is not None, "still going"):
            return
        assert reply is not None
        self._checks.check(f"a full disk is a 5xx ({reply.outcome})", 500 <= reply.status < 600, reply.outcome)
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
        self._checks.check("a refresh that writes nothing stays alive", core.refresh(first["refreshToken"]["token"]).ok)

    def _revocation(self, core: Core, spare: Json) -> None:
        """Whatever a revocation answers on a full disk has to be true."""
        handle = spare["session"]["handle"]
        reply = core.revoke([handle])
        gone = core.information(handle).outcome == "UNAUTHORISED"
        self._checks.check(f"revoking on a full disk tells the truth ({reply.outcome})", reply.ok == gone,
                           f"{reply.outcome}, gone: {gone}")

    def _recovered(self, core: Core, server: Server) -> None:
        deadline, reply = time.monotonic() + 10, core.create("later")
        while not reply.ok and time.monotonic() < deadline:
            time.sleep(0.2)
            reply = core.create("later")
        self._checks.check("creations work again without a restart", reply.ok, f"{reply.outcome}\n{server.output}")
