"""P1: `Expect: 100-continue` is answered from the head alone, at once."""

from __future__ import annotations

import subprocess
import time

from door_wire import BODY, GET, KEY, Answer, Peer, chunked, head, post
from harness import HOST, Checks, Server

EXPECT = "Expect: 100-continue"
AT_ONCE = 0.25
LIMIT = 1 << 20


class Expectations:
    """A client that waits to be asked for its body."""

    def __init__(self, checks: Checks, server: Server, keyed: Server) -> None:
        """Prepares the checks for a server without a key and one with."""
        self._checks, self._port, self._keyed = checks, server.port, keyed.port

    def run(self) -> None:
        """Runs the checks."""
        self._invited()
        self._refused()
        self._unknown()
        self._old()
        self._later_on_a_connection()
        self._curl()

    def _invited(self) -> None:
        for name, field in (("as everybody writes it", EXPECT), ("with a capital", "Expect: 100-Continue"),
                            ("in capitals", "EXPECT: 100-CONTINUE"), ("without a space", "expect:100-continue"),
                            ("with spaces after it", "Expect: 100-continue \t")):
            self._invite(name, post("/recipe/session", b"", field, length=len(BODY)), BODY)
        self._invite("of chunks", chunked(b"", EXPECT), b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY))
        large = BODY[:-1] + b" " * (LIMIT - len(BODY)) + b"}"
        self._invite("of the greatest length", post("/recipe/session", b"", EXPECT, length=LIMIT), large)

    def _invite(self, name: str, request: bytes, body: bytes) -> None:
        with Peer(self._port) as peer:
            begun = time.monotonic()
            peer.send(request)
            first = peer.answer(2)
            took = time.monotonic() - begun
            self._checks.check(f"finding P1: an expectation {name}: 100 at once ({took * 1000:.0f} ms)",
                               first is not None and (first.status, first.body) == (100, b"") and took < AT_ONCE, first)
            self._checks.check(f"finding P1: an expectation {name}: nothing more before the body",
                               peer.quiet(0.05), peer.rest)
            peer.send(body)
            last = peer.answer()
            self._checks.check(f"finding P1: an expectation {name}: 200 after the body",
                               last is not None and last.status == 200, last)

    def _refused(self) -> None:
        for name, port, status, request in (
                ("an unknown path", self._port, 404, post("/nothing", b"", EXPECT, length=40)),
                ("a method that is not served", self._port, 405,
                 head("PUT /recipe/session HTTP/1.1", EXPECT, "Content-Length: 40")),
                ("no key", self._keyed, 401, post("/recipe/session", b"", EXPECT, length=40)),
                ("a wrong key", self._keyed, 401, post("/recipe/session", b"", EXPECT, f"api-key: {KEY}x", length=40)),
                ("a body over the limit", self._port, 413, post("/recipe/session", b"", EXPECT, length=LIMIT + 1)),
                ("two lengths", self._port, 400,
                 post("/recipe/session", b"", EXPECT, "Content-Length: 41", length=40)),
                ("an unknown coding", self._port, 501,
                 head("POST /recipe/session HTTP/1.1", EXPECT, "Transfer-Encoding: gzip")),
                ("a foreign Host", self._port, 403,
                 head("POST /recipe/session HTTP/1.1", EXPECT, "Content-Length: 40", host="rebind.example"))):
            with Peer(port) as peer:
                begun = time.monotonic()
                peer.send(request)
                answer = peer.answer(2)
                took = time.monotonic() - begun
                self._checks.check(f"finding P1: {name}: {status} and no 100 ({took * 1000:.0f} ms)",
                                   answer is not None and answer.status == status and took < AT_ONCE, answer)
                self._body_is_no_request(name, peer)

    def _body_is_no_request(self, name: str, peer: Peer) -> None:
        """The body of a refused request may come all the same; it must never be taken for a request."""
        peer.send(GET)
        answer = peer.answer(0.15)
        self._checks.check(f"finding P1: {name}: the body is not taken for a request", answer is None, answer)

    def _unknown(self) -> None:
        for value in ("200-ok", "100-continue, x", "100-continue; q=1", "100", "x", "continue", "100-continue x=y"):
            with Peer(self._port) as peer:
                peer.send(post("/recipe/session", b"", f"Expect: {value}", length=len(BODY)))
                answer = peer.answer(2)
                self._checks.check(f"finding P1: Expect: {value} is 417 with a text",
                                   answer is not None and answer.status == 417 and answer.body != b"", answer)

        for fields in (["Expect: x", EXPECT], [EXPECT, "Expect: x"]):
            with Peer(self._port) as peer:
                peer.send(post("/recipe/session", b"", *fields, length=len(BODY)))
                answer = peer.answer(2)
                self._checks.check(f"finding P1: {' and '.join(fields)}: 417",
                                   answer is not None and answer.status == 417, answer)

    def _old(self) -> None:
        with Peer(self._port) as peer:
            request = post("/recipe/session", b"", EXPECT, length=len(BODY), version="1.0")
            peer.send(request)
            self._checks.check("finding P1: HTTP/1.0 with an expectation gets no 100", peer.quiet(0.3), peer.rest)
            peer.send(BODY)
            answer = peer.answer()
            self._checks.check("finding P1: and 200 after the body", answer is not None and answer.status == 200, answer)

    def _final(self, peer: Peer) -> tuple[list[int], Answer | None]:
        """The statuses up to a final reply, and that reply."""
        seen: list[int] = []
        while (answer := peer.answer(2)) is not None:
            seen.append(answer.status)
            if answer.status >= 200:
                return seen, answer
        return seen, None

    def _later_on_a_connection(self) -> None:
        with Peer(self._port) as peer:
            peer.send(GET + post("/recipe/session", b"", EXPECT, length=len(BODY)))
            seen = [answer and answer.status for answer in (peer.answer(2), peer.answer(2))]
            self._checks.equal("finding P1: the second request of a connection is asked for after the first reply",
                               seen, [200, 100])
            peer.send(BODY + GET)
            seen = [answer and answer.status for answer in (peer.answer(2), peer.answer(2))]
            self._checks.equal("finding P1: and the connection goes on", seen, [200, 200])
        for name, request in (("a body that came along", post("/recipe/session", BODY, EXPECT)),
                              ("no body", head("GET /hello HTTP/1.1", EXPECT)),
                              ("an empty body", head("GET /hello HTTP/1.1", EXPECT, "Content-Length: 0"))):
            with Peer(self._port) as peer:
                peer.send(request)
                seen, _ = self._final(peer)
                self._checks.check(f"finding P1: an expectation with {name}: 200 after at most one 100",
                                   seen in ([200], [100, 200]), seen)

    def _curl(self) -> None:
        begun = time.monotonic()
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--expect100-timeout", "5", "-H", EXPECT,
             "-H", "Content-Type: application/json", "-d", BODY.decode(), f"http://{HOST}:{self._port}/recipe/session"],
            capture_output=True, text=True, timeout=30, check=False)
        took = time.monotonic() - begun
        self._checks.check(f"finding P1: curl does not wait ({took:.2f} s)", done.stdout == "200" and took < 2, done)
