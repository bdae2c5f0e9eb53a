"""PostgreSQL clusters of our own: made in a temporary folder, run unprivileged on a free port, and gone afterwards."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from harness import HOST, TemporaryFolder, free_port, until

USER = "tessera"
DATABASE = "tessera"
BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) or [Path("/usr/local/bin"), Path("/opt/homebrew/bin")]


class ClusterFailed(Exception):
    """PostgreSQL did not do what it was told."""


def program(name: str) -> str:
    for folder in reversed(BINARIES):
        if (folder / name).is_file():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise ClusterFailed(f"{name} is missing: install PostgreSQL (apt-get install postgresql)")
    return found


def unprivileged() -> dict[str, object]:
    """How to start a process that PostgreSQL accepts: it refuses to run as root."""
    if os.getuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        entry = pwd.getpwnam("nobody")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class Cluster:
    """A server with its data; `with` starts it, and the end of the block removes it."""

    def __init__(self, settings: dict[str, str] | None = None, port: int | None = None,
                 data: "Cluster | None" = None) -> None:
        """Prepares a cluster; with another's data it is that one's standby."""
        self._folder = TemporaryFolder("tessera-postgres-")
        self.folder = self._folder.path
        self.data = self.folder / "data"
        self.port = port or free_port()
        self._settings = {
            "listen_addresses": f"'{HOST}'", "unix_socket_directories": f"'{self.folder}'", "fsync": "on",
            "synchronous_commit": "on", "max_connections": "100", "shared_preload_libraries": "'pg_stat_statements'",
            "shared_buffers": "'128MB'", "log_min_messages": "warning", **(settings or {})}
        self._primary = data
        self._make()
        atexit.register(self.remove)

    def _run(self, *arguments: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(arguments, capture_output=True, text=True, timeout=timeout, cwd=self.folder,
                              stdin=subprocess.DEVNULL, check=False, **unprivileged())  # type: ignore[call-overload]
        if check and done.returncode != 0:
            raise ClusterFailed(f"{' '.join(arguments)}\n{done.stdout}{done.stderr}")
        return done

    def _make(self) -> None:
        how = unprivileged()
        if how:
            os.chown(self.folder, int(str(how["user"])), int(str(how["group"])))
        if self._primary is None:
            self._run(program("initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C",
                      "-N")
        else:
            self._run(program("pg_basebackup"), "-D", str(self.data), "-R", "-X", "stream", "-c", "fast",
                      "-d", f"{self._primary.uri('postgres')}&application_name=standby")
        self.configure(self._settings)

    def configure(self, settings: dict[str, str]) -> None:
        """Adds settings; they hold from the next start or reload."""
        with (self.data / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = {value}\n" for name, value in {"port": str(self.port), **settings}.items())

    def start(self) -> "Cluster":
        self._run(program("pg_ctl"), "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "60", "start")
        if self._primary is None and not self.query("SELECT 1 FROM pg_database WHERE datname = 'tessera'", "postgres"):
            self.query(f"CREATE DATABASE {DATABASE}", "postgres")
        return self

    def stop(self, mode: str = "fast") -> None:
        """Stops the server; `immediate` is what a crash does."""
        self._run(program("pg_ctl"), "-D", str(self.data), "-m", mode, "-w", "stop", check=False)

    def promote(self) -> None:
        self._run(program("pg_ctl"), "-D", str(self.data), "-w", "promote")

    def reload(self) -> None:
        self._run(program("pg_ctl"), "-D", str(self.data), "reload")

    def uri(self, database: str = DATABASE, port: int | None = None) -> str:
        return f"postgresql://{USER}@{HOST}:{port or self.port}/{database}?gssencmode=disable"

    def query(self, sql: str, database: str = DATABASE) -> list[str]:
        return self._run("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.uri(database), "-c",
                         sql).stdout.splitlines()

    def create_database(self, name: str) -> str:
        self.query(f"CREATE DATABASE {name}", "postgres")
        return self.uri(name)

    @property
    def processor_seconds(self) -> float:
        """The CPU time that the server and its children have used so far."""
        ticks = 0
        head = int((self.data / "postmaster.pid").read_text().split()[0])
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(entry.name) == head:
                # With those of its children that have ended.
                ticks += sum(int(fields[place]) for place in (11, 12, 13, 14))
            elif int(fields[1]) == head:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def wait_for_standby(self, seconds: float = 30) -> None:
        """Waits until a synchronous standby follows this primary."""
        if not until(lambda: self.query("SELECT 1 FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')",
                                        "postgres"), seconds, 0.05):
            raise ClusterFailed("no synchronous standby came")

    def remove(self) -> None:
        """Stops the server, if it runs, and removes its data."""
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")
        self._folder.remove()

    def __enter__(self) -> "Cluster":
        return self.start()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.remove()
