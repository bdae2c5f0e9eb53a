"""A store with sessions that is broken in many ways, and put right again: what test_faults.py does to cores."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from harness import Child, Core, Json, Server, binary, free_port
from postgres import Cluster

FILE = "tessera.sqlite"
PEOPLE = 6


@dataclass(frozen=True)
class Fault:
    """A fault as docs/faults.md has it: what is broken, what the operator sees, what to do."""

    name: str
    title: str
    breaks: Callable[["Case"], None]
    words: tuple[str, ...]
    way_out: str
    starts: bool = False
    """Whether the core serves with it; otherwise the start is refused."""
    waits: bool = False
    """Whether the start says so again and again until the fault is undone."""
    running: bool = False
    """Whether it comes while a core runs."""
    killed: bool = False
    """Whether the core before was killed, so that its newest writes are in the log."""


def people(core: Core) -> list[Json]:
    """Sessions as their owners have them."""
    made = [core.create(f"person-{number}").json for number in range(PEOPLE)]
    assert all(one["status"] == "OK" for one in made), made
    return made


class Pristine:
    """A data folder with sessions: stopped, killed, and as a backup; every case has a copy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        data = folder / "first"
        server = Server(data).start()
        core = server.core()
        self.people = people(core)
        done = subprocess.run([str(binary()), "backup", str(self.backup), "--data-dir", str(data)], check=False,
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        core.close()
        server.kill()
        shutil.copytree(data, folder / "killed")
        server.start()
        assert server.stop() == 0
        shutil.copytree(data, folder / "stopped")

    @property
    def backup(self) -> Path:
        return self.folder / "sessions.backup"


@dataclass
class Case:
    """One copy of the store, what was done to it, and how that is undone."""

    path: Path
    people: list[Json]
    backup: Path | None = None
    cluster: Cluster | None = None
    database: str | None = None
    config: str | None = None
    options: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    undo: ExitStack = field(default_factory=ExitStack)
    unmounts: ExitStack = field(default_factory=ExitStack)
    server: Server | None = None
    made: list[Json] = field(default_factory=list)
    clock: Callable[[float], None] = lambda _: None

    @property
    def data(self) -> Path:
        return self.path / "data"

    @property
    def file(self) -> Path:
        return self.data / FILE

    def launch(self) -> Child:
        """Starts a core on what there is now."""
        uri = {"POSTGRESQL_CONNECTION_URI": self.database} if self.database else {}
        self.server = Server(self.data, environment={**uri, **self.environment})
        self.server.port = free_port()
        config = self.path / "config.yaml"
        if self.config is not None:
            config.write_text(self.config)
            self.options = ["--config", str(config)]
        self.server.child = Child([*self.server.arguments(), *self.options], self.server.environment)
        return self.server.child

    def ask(self) -> None:
        """What clients do meanwhile. Who is told that a session was made has to find it later."""
        assert self.server
        core = self.server.core()
        made = core.create("meanwhile")
        if made.ok:
            self.made.append(made.json)
        core.verify(self.people[0]["accessToken"]["token"], True)
        for one in self.people:
            core.information(one["session"]["handle"])
        core.handles("person-1")
        first = min(self.people, key=lambda one: str(one["session"]["handle"]))
        core.refresh(first["refreshToken"]["token"])
        core.close()

    def missing(self) -> list[str]:
        """What is not there any more of what was acknowledged; a core on the mended store is asked."""
        assert self.server
        core, lost = self.server.core(), []
        for one in [*self.people, *self.made]:
            if not core.information(one["session"]["handle"]).ok:
                lost.append(f"the session of {one['session']['userId']}")
            if not core.verify(one["accessToken"]["token"], True).ok:
                lost.append(f"the access token of {one['session']['userId']}")
            if not (answer := core.refresh(one["refreshToken"]["token"])).ok:
                lost.append(f"the refresh token of {one['session']['userId']}: {answer.text}")
        core.close()
        return lost

    # What breaks and how that is undone.

    def restored(self) -> None:
        """The way out is the backup."""
        self.undo.callback(self._restore)

    def _restore(self) -> None:
        done = subprocess.run([str(binary()), "restore", str(self.backup), "--data-dir", str(self.data),
                               "--accept-undone-revocations"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self.made.clear()  # newer than the backup, as the operator was told

    def write(self, content: bytes, path: Path | None = None, at: int | None = None) -> None:
        """Overwrites a file, or a part of it, where it lies."""
        path = path or self.file
        with path.open("r+b" if path.exists() else "wb") as file:
            if at is None:
                file.truncate(0)
            file.seek(at or 0)
            file.write(content)

    def cut(self, size: int, path: Path | None = None) -> None:
        os.truncate(path or self.file, size)

    def move(self, path: Path) -> None:
        """Moves a file or folder away, and later back."""
        away = self.path / f"away-{path.name}"
        path.rename(away)

        def back() -> None:
            if path.is_symlink() or path.is_file():
                path.unlink()
            elif path.is_dir():
                shutil.rmtree(path)
            away.rename(path)
        self.undo.callback(back)

    def mode(self, path: Path, mode: int) -> None:
        self.undo.callback(path.chmod, path.stat().st_mode & 0o7777)
        path.chmod(mode)

    def owner(self, path: Path, owner: int) -> None:
        self.undo.callback(os.chown, path, path.stat().st_uid, path.stat().st_gid)
        os.chown(path, owner, owner)

    def sql(self, text: str, undo: str | None = None) -> None:
        """Changes the database beside the core."""
        def run(text: str) -> None:
            if self.cluster:
                assert self.database
                done = subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self._owner, "-c", text],
                                      capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            else:
                with closing(sqlite3.connect(self.file, timeout=20)) as database:
                    database.executescript(text)
        run(text)
        if undo is not None:
            self.undo.callback(run, undo)

    @property
    def _owner(self) -> str:
        assert self.cluster
        return self.cluster.uri(self.name)

    @property
    def name(self) -> str:
        """The database of the case."""
        assert self.database
        return self.database.partition("?")[0].rpartition("/")[2]

    def setting(self, config: str) -> None:
        """Another configuration, and later the one of before."""
        self.undo.callback(setattr, self, "config", self.config or "")
        self.config = config

    def variable(self, name: str, value: str) -> None:
        self.undo.callback(self.environment.pop, name)
        self.environment[name] = value

    def argument(self, *options: str) -> None:
        self.undo.callback(setattr, self, "options", list(self.options))
        self.options = list(options)
