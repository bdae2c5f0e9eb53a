"""A server of the debug build that can be told at which named place to die, and that tells which places it passed."""

from __future__ import annotations

import socket
import statistics
from collections import Counter
from pathlib import Path

from harness import HOST, READY_SECONDS, ROOT, Child, Server, free_port

DEBUG_BINARY = ROOT / ".build" / "debug" / "tessera"
CONFIG = "access_token_signing_algorithm: ES256\n"
STARTED = "Started SuperTokens on"


class PointServer(Server):
    """One run after another on one data folder, each armed or not; every run writes a trace."""

    def __init__(self, config: str = CONFIG, data: Path | None = None) -> None:
        super().__init__(data=data, config=config)
        self._base = self._told = config
        self._environment: dict[str, str] = {}
        self._runs = 0
        self._trace = self._folder.path / "trace"
        self.restarts: list[float] = []

    def configure(self, more: str) -> bool:
        """Tells the next runs something besides their configuration; whether the last one was told something else."""
        before, self._told = self._told, self._base + more
        self._write(self._told)
        return self._told != before

    def arm(self, name: str, count: int) -> "PointServer":
        """Makes the next runs die when they reach a place for the count-th time."""
        self._environment = {"TESSERA_FAILPOINT": f"{name}:{count}"}
        return self

    def disarm(self) -> "PointServer":
        self._environment = {}
        return self

    def launch(self, host: str = HOST) -> Child:
        """Starts a run on a fresh port with a trace of its own, without waiting for it."""
        self._runs += 1
        self._trace = self._folder.path / f"trace-{self._runs}"
        self.port = free_port()
        self.child = Child(self.arguments(host), {**self._environment, "TESSERA_FAILPOINT_TRACE": str(self._trace)})
        return self.child

    def _answers(self) -> bool:
        """Whether the run says that it has started, and listens; no request is sent, because requests pass places."""
        if STARTED not in self.output:
            return False
        try:
            socket.create_connection((HOST, self.port), timeout=2).close()
        except OSError:
            return False
        return True

    def restart(self) -> "PointServer":
        """Starts an unarmed run after a death and notes how long that took."""
        self.disarm().start()
        self.restarts.append(self.ready_after)
        return self

    def passed(self) -> list[str]:
        """The places that the current run has passed, in order."""
        return self._trace.read_text().split() if self._trace.exists() else []

    def has_died(self) -> bool:
        """Whether the current run, which its client lost, was ended by `kill -9`."""
        return self._running().wait(READY_SECONDS) == -9


def numbered(places: list[str], begin: int) -> list[tuple[str, int]]:
    """The places from an index on, each with how often it had been reached by then."""
    seen: Counter[str] = Counter()
    found = []
    for index, place in enumerate(places):
        seen[place] += 1
        if index >= begin:
            found.append((place, seen[place]))
    return found


def milliseconds(seconds: list[float]) -> str:
    """The middle and the longest of some times."""
    if not seconds:
        return "none"
    return f"median {statistics.median(seconds) * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms"
