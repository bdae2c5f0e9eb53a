"""A reader of the feed of ended sessions, written from docs/feed.md alone; it knows what it may claim, and when."""

from __future__ import annotations

import base64
import hashlib
import http.client
import random
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlencode

from harness import Core

REQUEST_SECONDS = 5.0


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode().rstrip("=")


class Ended:
    """What revokers know: which sessions have ended for sure, since when, and which may have."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.returned: list[tuple[float, str]] = []
        """When a revocation had returned, in the order of time, with the digest of the session."""
        self.asked: set[str] = set()
        self.seen: dict[str, dict[str, float]] = {}
        """When which reader had a digest first."""

    def ask(self, handle: str) -> None:
        with self.lock:
            self.asked.add(digest(handle))

    def note(self, handle: str) -> None:
        with self.lock:
            self.returned.append((time.monotonic(), digest(handle)))

    def before(self, moment: float) -> set[str]:
        with self.lock:
            return {name for at, name in self.returned if at <= moment}


@dataclass
class Reader:
    """Follows the feed over any of some cores, and checks each answer that makes it fresh."""

    ports: list[int]
    ended: Ended
    name: str
    slack: float = 1.0
    """Seconds after which an end must be known to a reader that is fresh."""
    entries: set[str] = field(default_factory=set)
    answers: int = 0
    resets: int = 0
    failures: int = 0
    disconnects: int = 0
    freshest: float = 0.0
    """The newest moment of which it knows all ends."""
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.name)
        self.cursor: str | None = None
        self.stream = ""
        self.building: set[str] | None = None
        self.core: Core | None = None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._follow, daemon=True)

    def start(self) -> "Reader":
        self.thread.start()
        return self

    def stop(self) -> None:
        self.stopped.set()
        self.thread.join(REQUEST_SECONDS * 2)

    def disconnect(self) -> None:
        """Breaks the connection in whatever it does."""
        self.disconnects += 1
        if self.core is not None and (connection := self.core._connection.sock) is not None:  # noqa: SLF001
            try:
                connection.shutdown(2)
            except OSError:
                pass

    def _follow(self) -> None:
        while not self.stopped.is_set():
            if self.core is None:
                self.core = Core(self.random.choice(self.ports), timeout=REQUEST_SECONDS)
            try:
                self.ask(self.core, wait=1)
            except (OSError, http.client.HTTPException, ValueError, KeyError, AttributeError):
                self.failures += 1
                self.core.close()
                self.core = None
                self.stopped.wait(self.random.uniform(0.05, 0.2))

    def ask(self, core: Core, wait: int = 0) -> bool:
        """One question; returns whether more is to be asked at once."""
        begun = time.monotonic()
        query = {"wait": str(0 if self.building is not None else wait)}
        if self.cursor:
            query["after"] = self.cursor
        reply = core.send("GET", "/tessera/feed?" + urlencode(query))
        if not reply.ok:
            raise ValueError(reply.outcome)
        page = reply.json
        if page["reset"]:
            self.building = set()
            self.resets += 1
        new = {entry["v"] for entry in page["entries"]}
        (self.entries if self.building is None else self.building).update(new)
        self.cursor, self.stream = page["next"], page["stream"]
        self.answers += 1
        now = time.monotonic()
        with self.ended.lock:
            for name in new:
                self.ended.seen.setdefault(name, {}).setdefault(self.name, now)
        if page["more"]:
            return True
        if self.building is not None:
            # What a restored store has forgotten stays ended.
            self.entries |= self.building
            self.building = None
        self._check(begun - page["age"] / 1000)
        return False

    def _check(self, fresh: float) -> None:
        """Whether all that had ended a second before this moment is known, and nothing that has not ended."""
        self.freshest = max(self.freshest, fresh)
        missing = self.ended.before(fresh - self.slack) - self.entries
        if missing:
            self.wrong.append(f"{self.name}: {len(missing)} are missing at an answer of age {time.monotonic() - fresh:.3f} s")
        with self.ended.lock:
            invented = {name for name in self.entries if name not in self.ended.asked}
        if invented:
            self.wrong.append(f"{self.name}: {len(invented)} that have not ended")


class Revokers:
    """Creates sessions and ends them, some each second."""

    def __init__(self, ports: list[int], ended: Ended, rate: float, threads: int = 4,
                 patience: float = REQUEST_SECONDS) -> None:
        self.ports, self.ended, self.pause, self.patience = ports, ended, threads / rate, patience
        self.stopped = threading.Event()
        self.failures = 0
        self.threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(threads)]
        for thread in self.threads:
            thread.start()

    def _work(self, number: int) -> None:
        core: Core | None = None
        count = 0
        due = time.monotonic()
        while not self.stopped.is_set():
            try:
                core = core or Core(self.ports[(number + count) % len(self.ports)], timeout=self.patience)
                count += 1
                handle = core.create(f"user-{number}-{count}").json["session"]["handle"]
                self.ended.ask(handle)
                if core.revoke([handle]).ok:
                    self.ended.note(handle)
            except (OSError, http.client.HTTPException, KeyError):
                self.failures += 1
                if core is not None:
                    core.close()
                core = None
            due += self.pause
            self.stopped.wait(max(0.0, due - time.monotonic()))

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(self.patience * 2)
