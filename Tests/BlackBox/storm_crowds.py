"""Crowds that keep connections: silent ones, deaf ones, more than there are descriptors, all of one peer."""

from __future__ import annotations

import errno
import select
import socket
import time

from door_wire import BODY, GET, Peer, head, post
from harness import CDI, HOST

KINDS = (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3_600, GET * 3_600, post("/recipe/session", BODY) * 300,
         head("GET /.well-known/jwks.json HTTP/1.1") * 3_600,
         head("GET /recipe/session?sessionHandle=x HTTP/1.1", f"cdi-version: {CDI}") * 3_600)


class Crowd:
    """Connections that are held."""

    def __init__(self, port: int, wanted: int, first: bytes = b"", receive_buffer: int = 0, pace: int = 200) -> None:
        """Opens them, with a short pause after each `pace` of them."""
        self._port, self._first, self._buffer = port, first, receive_buffer
        self.peers: list[Peer] = []
        self.refused = 0
        for number in range(wanted):
            self._open()
            if number % pace == pace - 1:
                time.sleep(0.01)

    def _open(self) -> None:
        try:
            peer = Peer(self._port, HOST, self._buffer, timeout=0)
        except OSError as error:
            if error.errno == errno.EMFILE:
                raise
            self.refused += 1
            return
        if self._first:
            try:
                peer.socket.send(self._first)
            except OSError:
                pass
        self.peers.append(peer)

    def ended(self) -> int:
        """How many the server has ended; they are let go."""
        poller = select.poll()
        places = {peer.socket.fileno(): peer for peer in self.peers}
        for number in places:
            poller.register(number, select.POLLIN | select.POLLRDHUP)
        gone = []
        for number, events in poller.poll(0):
            if events & (select.POLLRDHUP | select.POLLHUP | select.POLLERR):
                gone.append(places[number])
        for peer in gone:
            peer.close()
        left = set(map(id, gone))
        self.peers = [peer for peer in self.peers if id(peer) not in left]
        return len(gone)

    def churn(self, seconds: float) -> int:
        """Opens another for each that is ended, as a rude client does; tells how many."""
        begun, opened = time.monotonic(), 0
        while time.monotonic() - begun < seconds:
            for _ in range(self.ended()):
                self._open()
                opened += 1
            time.sleep(0.01)
        return opened

    def push(self) -> None:
        """Sends long pipelines and reads nothing."""
        for number, peer in enumerate(self.peers):
            data, sent = KINDS[0 if number % 2 else number % len(KINDS)], 0
            while sent < len(data) and select.select([], [peer.socket], [], 0.02)[1]:
                try:
                    sent += peer.socket.send(data[sent:sent + 65_536])
                except OSError:
                    break

    def close(self, rudely: bool = False) -> None:
        for peer in self.peers:
            if rudely:
                peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            peer.close()
        self.peers = []
