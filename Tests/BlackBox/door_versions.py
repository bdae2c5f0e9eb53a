"""P2, P3 and P4: how long a connection lives by version and idleness, and which Host a request has to name."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from door_wire import BODY, GET, Answer, LimitedServer, Peer, ask, head, post
from harness import Checks, Server, ServerFailed

OLD = b"GET /hello HTTP/1.0\r\n\r\n"
IDLE = 2
USUAL_IDLE = 75


class Versions:
    """P2: HTTP/1.0 and `Connection`."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks, self._port = checks, server.port

    def run(self) -> None:
        """Runs the checks."""
        old = "finding P2: HTTP/1.0"
        self._once(f"{old} without a Host", OLD, 200)
        self._once(f"{old} with a Host", head("GET /hello HTTP/1.0"), 200)
        self._once(f"{old} HEAD", b"HEAD /health/live HTTP/1.0\r\n\r\n", 200)
        self._once(f"{old} POST", post("/recipe/session", BODY, version="1.0"), 200)
        self._once(f"{old} of an unknown path", b"GET /nothing HTTP/1.0\r\n\r\n", 404)
        self._once(f"{old} with Connection: close", head("GET /hello HTTP/1.0", "Connection: close"), 200)
        self._once(f"{old} twice at once", OLD + OLD, 200)
        self._once(f"{old} with another Connection", head("GET /hello HTTP/1.0", "Connection: x-keep-alive"), 200)
        for value in ("close", "Close", "keep-alive, close", "close ,x", "x,\tCLOSE"):
            self._once(f"finding P2: HTTP/1.1 with Connection: {value}",
                       head("GET /hello HTTP/1.1", f"Connection: {value}"), 200)
        self._once("finding P2: HTTP/1.1 with two Connection fields",
                   head("GET /hello HTTP/1.1", "Connection: x", "Connection: close"), 200)
        for value in ("keep-alive", "Keep-Alive", "x, keep-alive"):
            self._kept(f"{old} with Connection: {value}", head("GET /hello HTTP/1.0", f"Connection: {value}"), True)
        self._kept("finding P2: HTTP/1.1", GET, False)
        self._kept("finding P2: HTTP/1.1 with an unknown Connection", head("GET /hello HTTP/1.1", "Connection: x"), False)
        answer = ask(self._port, head("POST /recipe/session HTTP/1.0", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
        self._checks.check(f"{old} with chunks is refused and closed (RFC 9112 6.1)",
                           answer is not None and answer.status in (400, 501) and answer.closes, answer)

    def _once(self, name: str, request: bytes, status: int) -> None:
        with Peer(self._port) as peer:
            begun = time.monotonic()
            peer.send(request)
            answer = peer.answer(2, request.startswith(b"HEAD "))
            self._checks.check(f"{name}: {status} with Connection: close",
                               answer is not None and answer.status == status and answer.closes, answer)
            closed = peer.closed(1.5)
            self._checks.check(f"{name}: closed after it ({time.monotonic() - begun:.2f} s), and nothing more",
                               closed and peer.rest == b"", peer.rest or "still open")

    def _kept(self, name: str, request: bytes, says_so: bool) -> None:
        with Peer(self._port) as peer:
            found: list[Answer | None] = []
            for _ in range(3):
                peer.send(request)
                found.append(peer.answer(2))
            good = all(each is not None and each.status == 200 and not each.closes for each in found)
            self._checks.check(f"{name}: three replies on one connection", good, found)
            if says_so:
                said = [each.field("connection").lower() for each in found if each is not None]
                self._checks.equal(f"{name}: says so", said, ["keep-alive"] * 3)


HOSTS: list[tuple[str, list[str], tuple[int, ...]]] = [
    ("no Host", [], (400,)),
    ("two Hosts", ["Host: localhost", "Host: localhost"], (400,)),
    ("two different Hosts", ["Host: localhost", "Host: rebind.example"], (400,)),
    ("two Hosts of which one is empty", ["Host: localhost", "Host:"], (400,)),
    ("a space in it", ["Host: local host"], (400,)),
    ("a port that is no number", ["Host: localhost:80x"], (400,)),
    ("two ports", ["Host: localhost:1:2"], (400,)),
    ("a negative port", ["Host: localhost:-1"], (400,)),
    ("an open bracket", ["Host: [::1"], (400,)),
    ("no address in brackets", ["Host: [localhost]"], (400,)),
    ("text after brackets", ["Host: [::1]x"], (400,)),
    ("a bare IPv6 address", ["Host: ::1"], (400,)),
    ("a user", ["Host: user@localhost"], (400,)),
    ("a path", ["Host: localhost/x"], (400,)),
    ("a query", ["Host: localhost?x"], (400,)),
    ("a fragment", ["Host: localhost#x"], (400,)),
    ("a scheme", ["Host: http://localhost"], (400,)),
    ("markup", ["Host: <img>"], (400,)),
    ("a quotation mark", ["Host: \"localhost\""], (400,)),
    ("a backslash", ["Host: localhost\\@x"], (400,)),
    ("a byte over 127", ["Host: localh\xf6st"], (400,)),
    ("half an escape", ["Host: localhost%4"], (400, 403)),
    ("nothing", ["Host:"], (400, 403)),
    ("a list", ["Host: localhost,localhost"], (400, 403)),
]
GOOD_HOSTS = ("localhost", "LOCALHOST", "localhost:3567", "localhost:", "a.localhost", "a.b.LocalHost:1", "127.0.0.1",
              "127.1.2.3:80", "127.255.255.255", "[::1]", "[::1]:3567")


class Hosts:
    """P3: exactly one well-formed Host."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks, self._port = checks, server.port

    def run(self) -> None:
        """Runs the checks."""
        for name, fields, statuses in HOSTS:
            answer = ask(self._port, head("GET /hello HTTP/1.1", *fields, host=None))
            self._checks.check(f"finding P3: HTTP/1.1, {name}: {statuses[0]} with a text",
                               answer is not None and answer.status in statuses and answer.body != b"", answer)
        for host in GOOD_HOSTS:
            self._status(f"Host: {host}", head("GET /hello HTTP/1.1", host=host), 200)
        for target in ("http://localhost/hello", "HTTP://localhost:3567/hello", "http://[::1]:1/hello?x=http://y/"):
            self._status(f"the target {target}", head(f"GET {target} HTTP/1.1"), 200)
        self._status("a target's authority goes before Host (RFC 9112 3.2.2)",
                     head("GET http://localhost/hello HTTP/1.1", host="rebind.example"), 200)
        self._status("a foreign authority in the target", head("GET http://rebind.example/hello HTTP/1.1"), 403)
        self._status("a malformed Host beside an absolute target",
                     head("GET http://localhost/hello HTTP/1.1", host="local host"), 400)
        self._status("an authority with a user", head("GET http://localhost@rebind.example/hello HTTP/1.1"), 400)
        self._status("a target's authority does not stand in for a Host that is missing (RFC 9112 3.2)",
                     head("GET http://localhost/hello HTTP/1.1", host=None), 400)

    def _status(self, name: str, request: bytes, status: int) -> None:
        answer = ask(self._port, request)
        self._checks.check(f"finding P3: {name}: {status}", answer is not None and answer.status == status, answer)


class Idleness:
    """P4: idle connections last longer than those of balancers, and as long as somebody set."""

    def __init__(self, checks: Checks, usual: Server, whole: bool) -> None:
        """Prepares the checks; the whole of them takes 80 s."""
        self._checks, self._usual, self._whole = checks, usual, whole

    def run(self) -> None:
        """Runs the checks."""
        answer = ask(self._usual.port, GET)
        self._checks.equal("finding P4: 75 s is told", answer and answer.field("keep-alive"), f"timeout={USUAL_IDLE}")
        with (LimitedServer(config=f"server_idle_timeout: {IDLE}\n") as one,
              LimitedServer(config="server_idle_timeout: 9\n", environment={
                  "TESSERA_SERVER_IDLE_TIMEOUT": str(IDLE)}) as other, ThreadPoolExecutor(8) as pool):
            work = [(name, server.port, step) for name, server in (("in the file", one), ("in the environment", other))
                    for step in (self._silent, self._after_requests, self._busy)]
            if self._whole:
                work.append(("in the file", one.port, self._crumbs))
            list(pool.map(lambda each: self._checks.run(f"finding P4 {each[0]}", lambda: each[2](each[0], each[1])), work))
        for value in ("abc", "1.5", "-1"):
            self._wrong(value)
        if self._whole:
            self._checks.run("finding P4: 75 s", self._usual_length)

    def _silent(self, name: str, port: int) -> None:
        with Peer(port) as peer:
            begun = time.monotonic()
            ended = peer.closed(IDLE + 9)
            took = time.monotonic() - begun
            self._checks.check(f"finding P4: set {name}: a connection that never says anything ends ({took:.1f} s)",
                               ended and peer.rest == b"", peer.rest)

    def _after_requests(self, name: str, port: int) -> None:
        with Peer(port) as peer:
            for pause in (0, IDLE - 0.5, IDLE - 0.5):
                time.sleep(pause)
                peer.send(GET)
                answer = peer.answer(2)
                self._checks.check(f"finding P4: set {name}: served after {pause:g} s, and told timeout={IDLE}",
                                   answer is not None and answer.field("keep-alive") == f"timeout={IDLE}", answer)
            begun = time.monotonic()
            ended = peer.closed(IDLE + 3)
            took = time.monotonic() - begun
            self._checks.check(f"finding P4: set {name}: ends {took:.2f} s after the last reply, not earlier than told",
                               ended and IDLE <= took + 0.05 < IDLE + 1.5 and peer.rest == b"", peer.rest)

    def _busy(self, name: str, port: int) -> None:
        """A request that takes longer than the idle time is not idle."""
        with Peer(port) as peer:
            peer.send(post("/recipe/session", BODY[:10], length=len(BODY)))
            time.sleep(IDLE + 1)
            peer.send(BODY[10:])
            answer = peer.answer(2)
            self._checks.check(f"finding P4: set {name}: a slow body is not idle",
                               answer is not None and answer.status == 200, answer)

    def _crumbs(self, name: str, port: int) -> None:
        """Empty lines before a request keep nothing open for ever."""
        with Peer(port) as peer:
            begun = time.monotonic()
            while time.monotonic() - begun < 14 and not peer.closed(0.3):
                peer.send(b"\r\n")
            self._checks.check(f"finding P4: set {name}: a connection of empty lines ends "
                               f"({time.monotonic() - begun:.1f} s)", peer.ended, "still open")

    def _wrong(self, value: str) -> None:
        try:
            with LimitedServer(config=f"server_idle_timeout: {value}\n"):
                self._checks.check(f"finding P4: server_idle_timeout: {value} is refused", False, "it started")
        except ServerFailed as error:
            self._checks.check(f"finding P4: server_idle_timeout: {value} is refused by name",
                               "server_idle_timeout" in str(error), error)

    def _usual_length(self) -> None:
        with Peer(self._usual.port) as one, Peer(self._usual.port) as other:
            for peer in (one, other):
                peer.send(GET)
                peer.answer()
            begun = time.monotonic()
            time.sleep(61)
            other.send(GET)
            self._checks.check("finding P4: served 61 s later, when a balancer of 60 s still uses it",
                               (answer := other.answer()) is not None and answer.status == 200)
            ended = one.closed(20)
            took = time.monotonic() - begun
            self._checks.check(f"finding P4: ends after 75 s by default ({took:.1f} s)", ended and 75 <= took + 0.1 < 80)
