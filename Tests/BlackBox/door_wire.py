"""A client that counts bytes: sends exactly what it is given and reads replies by the letter of RFC 9112."""

from __future__ import annotations

import json
import re
import select
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from harness import CDI, HOST, Server

GUARDS = {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'",
          "cross-origin-resource-policy": "same-origin", "referrer-policy": "no-referrer"}
"""What keeps a browser from taking a reply for a page (finding C1)."""
KEY = "door-test-key-0123456789"
GET = b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b'{"userId":"door","userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false}'
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) ([\x20-\x7e]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*")


class NotHTTP(Exception):
    """The server sent something that is no reply, or one that nothing guards."""


def head(line: str, *fields: str, host: str | None = "localhost") -> bytes:
    """A request's head from its first line and its fields, in which every letter is one byte."""
    lines = [line, *([f"Host: {host}"] if host is not None else []), *fields]
    return "".join(text + "\r\n" for text in lines).encode("latin-1") + b"\r\n"


def post(path: str, body: bytes = BODY, *fields: str, length: int | None = None, version: str = "1.1") -> bytes:
    """A request with a JSON body; with a length the body may be another than was announced."""
    size = len(body) if length is None else length
    return head(f"POST {path} HTTP/{version}", f"cdi-version: {CDI}", "Content-Type: application/json",
                f"Content-Length: {size}", *fields) + body


def revocation(handle: str) -> bytes:
    return post("/recipe/session/remove", json.dumps({"sessionHandles": [handle]}).encode())


def chunked(body: bytes, *fields: str, path: str = "/recipe/session") -> bytes:
    """A request whose body is what its caller wrote as chunks."""
    return head(f"POST {path} HTTP/1.1", f"cdi-version: {CDI}", "Transfer-Encoding: chunked", *fields) + body


@dataclass(frozen=True)
class Answer:
    """A reply as it came."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a field."""
        return [value for key, value in self.fields if key == name]

    def field(self, name: str) -> str:
        """The value of a field; empty when it is absent."""
        return ", ".join(self.all(name))

    @property
    def closes(self) -> bool:
        return "close" in self.field("connection").lower().replace(" ", "").split(",")

    @property
    def unguarded(self) -> list[str]:
        """What is missing against browsers."""
        if self.status < 200:
            return []
        return [name for name, value in GUARDS.items() if not self.field(name).startswith(value)]


def take(data: bytes, of_head: bool = False) -> tuple[Answer, int] | None:
    """The first reply of some bytes and its length; nothing when it is not complete."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        if len(data) > 65_536 or (len(data) > 7 and not data.startswith(b"HTTP/1.")):
            raise NotHTTP(repr(data[:120]))
        return None
    lines = data[:end].split(b"\r\n")
    first = STATUS_LINE.fullmatch(lines[0])
    if first is None:
        raise NotHTTP(repr(data[:120]))
    fields = []
    for line in lines[1:]:
        found = FIELD_LINE.fullmatch(line)
        if found is None:
            raise NotHTTP(repr(line[:120]))
        fields.append((found[1].decode().lower(), found[2].decode()))
    answer, at = Answer(int(first[1]), tuple(fields), b""), end + 4
    lengths = answer.all("content-length")
    if answer.status < 200 or answer.status in (204, 304):
        return answer, at
    if len(lengths) != 1 or not lengths[0].isdigit() or answer.all("transfer-encoding"):
        raise NotHTTP(f"no single length: {data[:end]!r}")
    if of_head:
        return answer, at
    size = int(lengths[0])
    if len(data) < at + size:
        return None
    return Answer(answer.status, answer.fields, data[at:at + size]), at + size


class Peer:
    """A connection; finding C1: each reply has to be guarded against browsers."""

    def __init__(self, port: int, source: str = HOST, receive_buffer: int = 0, timeout: float = 10) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.bind((source, 0))
        self.socket.connect((HOST, port))
        self.socket.settimeout(timeout)
        self._data = b""
        self.ended = False

    def send(self, data: bytes) -> bool:
        """Sends bytes and tells whether the server still wanted them."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def finish(self) -> None:
        """Ends the own direction only."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def answer(self, seconds: float = 5, of_head: bool = False) -> Answer | None:
        """The next reply, also an interim one; nothing when the server hangs up or says nothing in that time."""
        end = time.monotonic() + seconds
        while (found := take(self._data, of_head)) is None:
            if not self._receive(end - time.monotonic()):
                return None
        answer, length = found
        self._data = self._data[length:]
        if answer.unguarded:
            raise NotHTTP(f"finding C1: {answer.status} {answer.body[:60]!r} lacks {answer.unguarded}")
        return answer

    def statuses(self, seconds: float = 3, most: int = 1_000) -> list[int]:
        """The statuses of the replies that still come."""
        found: list[int] = []
        while len(found) < most and (answer := self.answer(seconds)) is not None:
            found.append(answer.status)
        return found

    def final(self, seconds: float = 5, of_head: bool = False) -> tuple[list[int], Answer | None]:
        """The statuses up to a final reply, and that reply."""
        seen: list[int] = []
        while (answer := self.answer(seconds, of_head)) is not None:
            seen.append(answer.status)
            if answer.status >= 200:
                break
        return seen, answer

    def _receive(self, seconds: float, most: int = 65_536) -> bool:
        if self.ended or not select.select([self.socket], [], [], max(0, seconds))[0]:
            return False
        try:
            part = self.socket.recv(most)
        except OSError:
            part = b""
        self.ended = not part
        self._data += part
        return bool(part)

    def quiet(self, seconds: float) -> bool:
        """Whether the server neither says anything nor hangs up for some time."""
        return not self._data and not self.ended and not select.select([self.socket], [], [], seconds)[0]

    def closed(self, seconds: float = 3) -> bool:
        """Whether the server hangs up within some time, whatever it says before; see ``rest``."""
        end = time.monotonic() + seconds
        while not self.ended and time.monotonic() < end:
            self._receive(end - time.monotonic())
        return self.ended

    @property
    def rest(self) -> bytes:
        """What was received and not read as a reply."""
        return self._data

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def ask(port: int, request: bytes, source: str = HOST, finish: bool = False, seconds: float = 5) -> Answer | None:
    """Sends a request on a connection of its own and gives the first final reply."""
    with Peer(port, source) as peer:
        peer.send(request)
        if finish:
            peer.finish()
        return peer.final(seconds, request.startswith(b"HEAD "))[1]


class LimitedServer(Server):
    """A server that may open so many descriptors only."""

    def __init__(self, descriptors: int = 0, config: str | None = None, database: str | None = None,
                 environment: Mapping[str, str] | None = None) -> None:
        """Prepares it; 0 leaves the limit of the script."""
        super().__init__(config=config, database=database, environment=environment)
        self._descriptors = descriptors

    def arguments(self, host: str = HOST) -> list[str]:
        limit = ["sh", "-c", f'ulimit -n {self._descriptors}; exec "$@"', "sh"] if self._descriptors else []
        return limit + super().arguments(host)

    @property
    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    @property
    def resident(self) -> int:
        """Its resident memory in KiB."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * 4

    def processor_share(self, seconds: float = 1.0) -> float:
        """Which part of one processor the run uses over some time."""
        before = self._ticks()
        begun = time.monotonic()
        time.sleep(seconds)
        return (self._ticks() - before) / 100 / (time.monotonic() - begun)

    def _ticks(self) -> int:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
