"""Hostile bytes: too much, too slow, not HTTP."""

from __future__ import annotations

import http.client
import json
import select
import socket
import threading
import time
from dataclasses import dataclass

from harness import CDI, HOST, Checks, Reply, Server

BODY_LIMIT = 1 << 20
UNKNOWN = (501, 505)
"""What is not an error of the server: a method, a coding or a version that it does not know (RFC 9110 15.6)."""
HEAD_SECONDS = 10
REQUEST_SECONDS = 30
SLACK_SECONDS = 4
SLOW_CROWD = 100
HEAD = f"POST /recipe/session HTTP/1.1\r\nHost: localhost\r\ncdi-version: {CDI}\r\n".encode()


class Wire:
    """A bare connection that sends bytes as they are."""

    def __init__(self, port: int) -> None:
        """Connects."""
        self.socket = socket.create_connection((HOST, port), timeout=10)

    def send(self, data: bytes) -> bool:
        """Sends bytes and tells whether the server still wanted them."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def replied(self, seconds: float) -> bool:
        """Waits for the server to say something or to hang up."""
        return bool(select.select([self.socket], [], [], seconds)[0])

    def reply(self, seconds: float = 10) -> Reply | None:
        """Reads one answer; nothing when the server closed the connection without one."""
        self.socket.settimeout(seconds)
        answer = http.client.HTTPResponse(self.socket)
        try:
            answer.begin()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (ConnectionError, http.client.HTTPException):
            return None

    def closed(self) -> bool:
        """Looks whether the server has hung up, and drops what it said before that."""
        try:
            return self.replied(0) and self.socket.recv(65_536) == b""
        except OSError:
            return True

    def close(self) -> None:
        """Hangs up."""
        self.socket.close()


def creation(length: int) -> bytes:
    """A valid request body of exactly so many bytes."""
    body = {"userId": "large", "userDataInJWT": {}, "userDataInDatabase": {"x": ""}, "enableAntiCsrf": False}
    body["userDataInDatabase"] = {"x": "x" * (length - len(json.dumps(body)))}
    return json.dumps(body).encode()


def exchange(port: int, request: bytes, body: bytes = b"") -> Reply | None:
    """Sends a request, its body only if the server has not answered the head, and reads the answer."""
    wire = Wire(port)
    try:
        wire.send(request)
        if body and not wire.replied(0.3):
            wire.send(body)
        return wire.reply()
    finally:
        wire.close()


def sized(length: int) -> bytes:
    """A request head that announces a body."""
    return HEAD + f"Content-Length: {length}\r\n\r\n".encode()


def chunked(body: bytes) -> bytes:
    """A body in chunks of 64 KiB."""
    parts = [body[at:at + 65_536] for at in range(0, len(body), 65_536)]
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"


class Sizes:
    """Bodies and heads at their limits and over them."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._port = server.port

    def run(self) -> None:
        """Runs the checks."""
        self._bodies()
        self._heads()

    def _bodies(self) -> None:
        for length, expected in ((BODY_LIMIT - 1, 200), (BODY_LIMIT, 200), (BODY_LIMIT + 1, 413),
                                 (3 * BODY_LIMIT, 413)):
            reply = exchange(self._port, sized(length), creation(length))
            self._checks.equal(f"a body of {length} bytes", reply and reply.status, expected)
        head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        reply = exchange(self._port, head, chunked(creation(BODY_LIMIT)))
        self._checks.equal("a chunked body at the limit", reply and reply.status, 200)
        reply = exchange(self._port, head, chunked(creation(3 * BODY_LIMIT)))
        self._checks.check("a chunked body over the limit is refused", reply is None or reply.status == 413, reply)
        reply = exchange(self._port, sized(10_000_000_000))
        self._checks.equal("10 GB announced and nothing sent", reply and reply.status, 413)

    def _heads(self) -> None:
        for name, fields in (
                ("a header of 100,000 bytes", b"X-Long: " + b"x" * 100_000 + b"\r\n"),
                ("1,000 headers", b"".join(b"X-%d: y\r\n" % n for n in range(1000))),
                ("200,000 bytes of headers", b"".join(b"X-%d: %b\r\n" % (n, b"y" * 2000) for n in range(100))),
                ("a cookie of 60,000 bytes", b"Cookie: " + b"a=b; " * 12_000 + b"\r\n")):
            refused(self._checks, self._port, name, b"GET /hello HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n")
        refused(self._checks, self._port, "a path of 100,000 bytes",
                b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        refused(self._checks, self._port, "a query of 100,000 bytes",
                b"GET /recipe/session?sessionHandle=" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")


def refused(checks: Checks, port: int, name: str, request: bytes) -> None:
    """Checks that a request is answered as wrong or as unknown (501, 505), or not at all."""
    try:
        reply = exchange(port, request)
    except TimeoutError:
        checks.check(f"{name}: refused", False, "neither answered nor cut within 10 s")
        return
    checks.check(f"{name}: refused", reply is None or 400 <= reply.status < 500 or reply.status in UNKNOWN,
                 reply and reply.outcome)


BODY = creation(200)
MALFORMED: list[tuple[str, bytes]] = [
    ("garbage", b"\x00\x01\x02\xff\xfe\r\n\r\n"),
    ("a TLS greeting", bytes.fromhex("160301020001000001fc0303") + bytes(64)),
    ("no version", b"GET /hello\r\n\r\n"),
    ("version 9.9", b"GET /hello HTTP/9.9\r\nHost: localhost\r\n\r\n"),
    ("an unknown method", b"BREW /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("a space before the colon", b"GET /hello HTTP/1.1\r\nHost : localhost\r\n\r\n"),
    ("a NUL in a header", b"GET /hello HTTP/1.1\r\nHost: local\x00host\r\n\r\n"),
    ("a header without a colon", b"GET /hello HTTP/1.1\r\nHost localhost\r\n\r\n"),
    ("a space in the path", b"GET /hel lo HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ("a negative length", HEAD + b"Content-Length: -1\r\n\r\n" + BODY),
    ("a length that is no number", HEAD + b"Content-Length: 5x\r\n\r\n" + BODY),
    ("a length beyond 64 bits", HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY),
    ("two lengths", HEAD + b"Content-Length: 200\r\nContent-Length: 5\r\n\r\n" + BODY),
    ("a length and chunks", HEAD + b"Content-Length: 200\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(BODY)),
    ("an unknown encoding", HEAD + b"Transfer-Encoding: gzip, identity\r\n\r\n" + BODY),
    ("a chunk size that is no number", HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY),
    ("a chunk size beyond 64 bits", HEAD + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + BODY),
]


class Malformed:
    """What is not HTTP, and what is HTTP in an odd way."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._server = server

    def run(self) -> None:
        """Runs the checks."""
        for name, request in MALFORMED:
            refused(self._checks, self._server.port, name, request)
        self._half_a_body()
        self._pipelined()
        self._odd_methods()
        self._odd_paths()

    def _half_a_body(self) -> None:
        wire = Wire(self._server.port)
        wire.send(sized(200) + BODY[:100])
        wire.close()
        core = self._server.core()
        self._checks.check("half a body makes no session", core.handles("large-half") == [])
        self._checks.equal("a client that hangs up disturbs nobody", core.get("/hello").status, 200)

    def _pipelined(self) -> None:
        wire = Wire(self._server.port)
        count = 50
        wire.send(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" * (count - 1)
                  + b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b""
        while True:
            part = wire.socket.recv(65_536)
            if not part:
                break
            received += part
        wire.close()
        self._checks.equal("pipelined requests are all answered", received.count(b"HTTP/1.1 200"), count)

    def _odd_methods(self) -> None:
        core = self._server.core()
        for method, path in (("PUT", "/recipe/session"), ("DELETE", "/recipe/session/verify"),
                             ("PATCH", "/recipe/session"), ("OPTIONS", "/recipe/session/refresh"),
                             ("TRACE", "/recipe/session"), ("GET", "/recipe/session/remove"), ("POST", "/apiversion"),
                             ("POST", "/recipe/session/user")):
            reply = core.send(method, path)
            self._checks.equal(f"{method} {path}", (reply.status, reply.text), (405, "Method not supported\n"))
        reply = core.send("HEAD", "/recipe/session/verify")
        self._checks.equal("HEAD /recipe/session/verify", (reply.status, reply.text), (405, ""))
        self._checks.equal("an unknown path", core.get("/nothing").outcome, "404 Not found")

    def _odd_paths(self) -> None:
        for path in ("/recipe%2fsession", "//recipe//session", "/recipe/session/../session", "/%00", "/%", "/%zz",
                     "/recipe/session;x=1", "/é", "/recipe/session?sessionHandle=%zz",
                     "/recipe/session?sessionHandle=%ff", "/recipe/session?sessionHandle",
                     "/recipe/session?" + "&".join(f"a{n}=b" for n in range(500)),
                     "/recipe/session?sessionHandle=%00", "/recipe/session?sessionHandle=a_b_c",
                     "/appid-x/recipe/session", "/appid-/hello", "/recipe/session/user?userId=" + "%F0%9F%90%8E" * 200):
            reply = exchange(self._server.port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            good = reply is None or reply.status < 500
            self._checks.check(f"GET {path[:60]}: no server error", good, reply)


@dataclass(frozen=True)
class Slow:
    """A client that takes its time."""

    name: str
    first: bytes
    drip: bytes
    limit: float
    """Within how many seconds it has to be cut."""


SLOW = [
    Slow("a head that stops", HEAD + b"Content-Le", b"", HEAD_SECONDS),
    Slow("a head byte by byte", HEAD + b"X-Slow: ", b"x", HEAD_SECONDS),
    Slow("a head that never ends", b"GET /hello HTTP/1.1\r\n", b"X-More: y\r\n", HEAD_SECONDS),
    Slow("a second head that stops", b"GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD, b"", HEAD_SECONDS),
    Slow("a body that never comes", sized(500), b"", REQUEST_SECONDS),
    Slow("a body byte by byte", sized(500), b"x", REQUEST_SECONDS),
    Slow("chunks byte by byte", HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", REQUEST_SECONDS),
    Slow("a large body that stops", sized(1_000_000) + b"x" * 500_000, b"", REQUEST_SECONDS),
]


HONEST_SECONDS = 14


class Patience:
    """Slow clients are cut, and nobody waits for them."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._server = server
        self._lock = threading.Lock()

    def run(self) -> None:
        """Runs all slow clients side by side."""
        crowd = [Wire(self._server.port) for _ in range(SLOW_CROWD)]
        for wire in crowd:
            wire.send(HEAD)
        threads = [threading.Thread(target=self._cut, args=(slow,)) for slow in SLOW]
        threads.append(threading.Thread(target=self._honest))
        for thread in threads:
            thread.start()
        self._others()
        for thread in threads:
            thread.join()
        # The first look takes what the server said before it hung up.
        left = [wire for wire in crowd if not wire.closed() and not wire.closed()]
        self._checks.check(f"{SLOW_CROWD} half heads are all cut", not left, f"{len(left)} left")
        for wire in crowd:
            wire.close()

    def _cut(self, slow: Slow) -> None:
        wire, begun = Wire(self._server.port), time.monotonic()
        wire.send(slow.first)
        latest = slow.limit + SLACK_SECONDS
        while not wire.closed() and time.monotonic() - begun < latest:
            if slow.drip and not wire.send(slow.drip):
                break
            time.sleep(0.5)
        lasted = time.monotonic() - begun
        wire.close()
        with self._lock:
            self._checks.check(f"{slow.name}: cut after {lasted:.0f} s (at most {slow.limit})", lasted < latest,
                               "still open")

    def _honest(self) -> None:
        """A phone on a bad line is slow and steady, and has to be served."""
        body, wire = creation(400_000), Wire(self._server.port)
        wire.send(sized(len(body)))
        step = len(body) // (2 * HONEST_SECONDS)
        for at in range(0, len(body), step):
            wire.send(body[at:at + step])
            time.sleep(0.5)
        reply = wire.reply()
        wire.close()
        with self._lock:
            self._checks.check(f"a body that takes {HONEST_SECONDS} s at a steady pace is served",
                               reply is not None and reply.ok, reply and reply.outcome)

    def _others(self) -> None:
        worst = 0.0
        for number in range(20):
            begun, core = time.monotonic(), self._server.core()
            good = core.create(f"patient-{number}").ok
            worst = max(worst, time.monotonic() - begun)
            core.close()
            if not good:
                self._checks.check("others are served beside slow clients", False)
        self._checks.check("others do not wait for slow clients", worst < 1, f"{worst:.2f} s")
