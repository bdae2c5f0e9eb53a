"""Plays scripts on many connections at once and reads every reply by the letter."""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import time
from collections import Counter
from typing import Callable

from door_wire import NotHTTP, take
from harness import HOST
from storm_requests import Script

QUIET = 0.12
"""How long nothing has to come before a connection without a known end is given up."""
PATIENCE = 8.0
LEFT_PATIENCE = 34.0
ALLOWED = {200, 400, 401, 403, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 505}
SOURCES = (HOST, HOST, "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6")
LINGER_NOT = struct.pack("ii", 1, 0)


class Player:
    """One connection and its script."""

    def __init__(self, script: Script, port: int, source: str) -> None:
        self.script, self.data, self.ended, self.broken = script, b"", False, False
        self.statuses: list[int] = []
        self._steps = list(script.steps)
        self._sending = self._steps.pop(0)
        self._sent = 0
        self._not_before = 0.0
        self.all_sent = False
        self.begun = self.last = time.monotonic()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((source, 0))
        self.failed = self.socket.connect_ex((HOST, port)) not in (0, errno.EINPROGRESS)

    @property
    def wants_to_write(self) -> bool:
        """Whether there is something to send now."""
        return not self.all_sent and time.monotonic() >= self._not_before

    def write(self) -> None:
        data, pause = self._sending
        try:
            self._sent += self.socket.send(data[self._sent:self._sent + 262_144])
        except BlockingIOError:
            return
        except OSError:
            self.all_sent = self.broken = True
            return
        self.last = time.monotonic()
        if self._sent < len(data):
            return
        self._not_before, self._sent = self.last + pause, 0
        if self._steps:
            self._sending = self._steps.pop(0)
            return
        self.all_sent = True
        if self.script.finish:
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.broken = True

    def read(self) -> None:
        """Takes what is there and counts replies."""
        try:
            part = self.socket.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            part = b""
            self.broken = True
        self.last = time.monotonic()
        self.ended = not part
        self.data += part
        while (found := take(self.data)) is not None:
            answer, length = found
            self.data = self.data[length:]
            if answer.status >= 200:
                self.statuses.append(answer.status)

    def done(self, now: float) -> bool:
        """Whether nothing more is to be expected."""
        if self.ended or self.failed:
            return True
        if self.script.left:
            return now - self.begun > LEFT_PATIENCE
        if not self.all_sent:
            return now - self.last > PATIENCE
        if self.script.reset:
            return now >= self._not_before
        if self.script.wanted:
            return len(self.statuses) >= len(self.script.wanted) or now - self.last > PATIENCE
        return now - self.last > (PATIENCE if self.script.finish else QUIET)

    def verdict(self) -> str:
        """What was wrong, or nothing."""
        script, found = self.script, self.statuses
        if self.failed:
            return "cannot connect"
        if script.left:
            return "" if self.ended else "never cut"
        if script.wanted:
            return "" if tuple(found) == script.wanted else f"wanted {len(script.wanted)} times 200, got {found[-6:]}"
        if set(found) - ALLOWED:
            return f"statuses {sorted(set(found) - ALLOWED)}"
        if script.finish and not self.ended and not self.broken:
            return f"neither answered nor closed {PATIENCE:g} s after the end, got {found[-6:]}"
        return ""

    def close(self) -> None:
        """Breaks off; a reset leaves no port behind."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
        self.socket.close()


class Stage:
    """Keeps so many players on at once."""

    def __init__(self, port: int, next_script: Callable[[], Script], wide: int) -> None:
        self._port, self._next, self._wide = port, next_script, wide
        self._selector = selectors.DefaultSelector()
        self._players: dict[int, Player] = {}
        self.kinds: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.wrong: list[str] = []

    def run(self, requests: int) -> None:
        begun = 0
        while begun < requests or self._players:
            while begun < requests and len(self._players) < self._wide:
                self._begin(SOURCES[begun % len(SOURCES)])
                begun += 1
            for key, events in self._selector.select(0.005):
                self._step(self._players[key.fd], events)
            self._sweep()

    def _begin(self, source: str) -> None:
        player = Player(self._next(), self._port, source)
        self.kinds[player.script.kind] += 1
        self._players[player.socket.fileno()] = player
        self._selector.register(player.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _step(self, player: Player, events: int) -> None:
        if events & selectors.EVENT_WRITE and player.wants_to_write:
            player.write()
        if events & selectors.EVENT_READ and player.script.kind != "deaf":
            try:
                player.read()
            except NotHTTP as error:
                self._fault(player, f"not HTTP: {error}")
                player.ended = True
        if not player.ended and not player.failed:
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if player.wants_to_write else 0)
            self._selector.modify(player.socket, mask)

    def _sweep(self) -> None:
        now = time.monotonic()
        for number, player in list(self._players.items()):
            if player.done(now):
                self._selector.unregister(player.socket)
                del self._players[number]
                self.statuses.update(player.statuses)
                if wrong := player.verdict():
                    self._fault(player, wrong)
                player.close()
            elif player.wants_to_write:
                self._selector.modify(player.socket, selectors.EVENT_READ | selectors.EVENT_WRITE)

    def _fault(self, player: Player, wrong: str) -> None:
        sent = b"".join(data for data, _ in player.script.steps)
        self.wrong.append(f"{player.script.kind}: {wrong}; sent {len(sent)} bytes, "
                          f"{sent[:700]!r}{'...' if len(sent) > 700 else ''}")
