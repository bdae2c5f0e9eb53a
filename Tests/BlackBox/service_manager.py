"""What a service manager does for a core: it opens its socket, starts one core after the other on it, and listens to them."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Mapping

from harness import HOST, Child, ServerFailed, TemporaryFolder, binary, until

# Takes the place of the process as a service manager does: the socket is descriptor 3, and the process is told so.
HAND_OVER = """
import fcntl, os, sys
given = [int(each) for each in sys.argv[1].split(",")]
moved = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 64) for each in given]
for number, descriptor in enumerate(moved, 3):
    os.dup2(descriptor, number)
for descriptor in set(given) - set(range(3, 3 + len(given))):
    os.close(descriptor)
os.environ["LISTEN_FDS"] = str(len(given))
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""
READY_SECONDS = 60.0


class ServiceManager:
    """One service with its socket, as a service manager has it."""

    def __init__(self, host: str = HOST, config: str | None = None) -> None:
        self._folder = TemporaryFolder("tessera-service-")
        self.path = self._folder.path
        self.listener = socket.create_server((host, 0), backlog=1_024)
        self.port = int(self.listener.getsockname()[1])
        self.word = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.word.bind(str(self.path / "notify"))
        self.child: Child | None = None
        self.heard: list[str] = []
        self._config = self.path / "config.yaml"
        self._config.write_text(f"data_dir: {self.path}/data\n{config or ''}")

    def launch(self, *descriptors: int, program: Path | None = None,
               environment: Mapping[str, str] | None = None) -> Child:
        """Starts a core without waiting for it."""
        given = descriptors or (self.listener.fileno(),)
        self.heard.clear()
        self.child = Child(
            [sys.executable, "-c", HAND_OVER, ",".join(map(str, given)), str(program or binary()), "serve", "--config",
             str(self._config)], {"NOTIFY_SOCKET": str(self.path / "notify"), **(environment or {})}, given)
        self.child.is_core = True
        return self.child

    def start(self, program: Path | None = None, environment: Mapping[str, str] | None = None) -> Child:
        """Starts a core and waits until it says that it is ready."""
        child = self.launch(program=program, environment=environment)
        if not self.hears("READY=1", READY_SECONDS):
            raise ServerFailed(f"not ready\n{child.output}")
        return child

    def hears(self, line: str, seconds: float = READY_SECONDS) -> bool:
        """Waits until the core has said something."""
        return until(lambda: self._listen() or line in self.heard or not self._alive(), seconds, 0.001) and line in self.heard

    def forget(self) -> None:
        """Forgets what the core has said so far, also what was not read yet."""
        self._listen()
        self.heard.clear()

    def _alive(self) -> bool:
        return self.child is not None and self.child.alive

    def _listen(self) -> None:
        try:
            while True:
                self.heard += self.word.recv(4_096, socket.MSG_DONTWAIT).decode().split("\n")
        except BlockingIOError:
            return

    def replace(self, program: Path | None = None) -> float:
        """Ends the core and starts the next one; tells how long none was ready."""
        assert self.child is not None
        begun = time.monotonic()
        code = self.child.stop()
        if code != 0:
            raise ServerFailed(f"the core ended with {code}\n{self.child.output}")
        self.start(program)
        return time.monotonic() - begun

    def __enter__(self) -> "ServiceManager":
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self.child is not None:
            self.child.kill()
        self.listener.close()
        self.word.close()
        self._folder.remove()


def old_program() -> Path | None:
    """The release that is upgraded from, where one is at hand."""
    named = os.environ.get("TESSERA_OLD_BINARY")
    return Path(named) if named else None
