"""The same bytes are the same requests, wherever the network cuts them."""

from __future__ import annotations

import time

from door_wire import BODY, GET, LIVE, LimitedServer, Peer, chunked, head, post
from harness import CDI, Checks

PAUSE = 0.001
CHUNKS = b"%x;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nX-Trailer: y\r\n\r\n" % (5, BODY[:5], len(BODY) - 5, BODY[5:])
EMPTY = b'{"userId":"a\r\n\r\nb","userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false}'
STREAMS: list[tuple[str, bytes, list[int]]] = [
    ("two requests", LIVE + GET, [200, 200]),
    ("a body between two requests", LIVE + post("/recipe/session") + LIVE, [200, 200, 200]),
    ("chunks between two requests", LIVE + chunked(CHUNKS) + LIVE, [200, 200, 200]),
    ("a body with an empty line inside", post("/recipe/session", EMPTY) + LIVE, [400, 200]),
    ("chunks with an empty line inside", chunked(b"%x\r\n%b\r\n0\r\n\r\n" % (len(EMPTY), EMPTY)) + LIVE, [400, 200]),
    ("an unknown path with a body", post("/nothing") + LIVE, [404, 200]),
    ("empty lines between requests", LIVE + b"\r\n\r\n" + LIVE, [200, 200]),
    ("an empty body", post("/recipe/session", b"") + LIVE, [400, 200]),
    ("an unknown tenant with a body", post("/t9/recipe/session") + LIVE, [400, 200]),
    ("a last request", LIVE + head("GET /hello HTTP/1.1", "Connection: close") + LIVE, [200, 200]),
    ("an old last request", LIVE + b"GET /hello HTTP/1.0\r\n\r\n" + LIVE, [200, 200]),
    ("a broken chunk after a request", LIVE + chunked(b"5\r\nhelloX\r\n0\r\n\r\n") + LIVE, [200, 400]),
    ("a bad line after a request", LIVE + b"GET\r\n\r\n" + LIVE, [200, 400]),
    ("an unknown method after a request", LIVE + head("BREW /hello HTTP/1.1") + LIVE, [200, 501]),
    ("two lengths after a request", LIVE + post("/recipe/session", BODY, "Content-Length: 1") + LIVE, [200, 400]),
    ("a query", head("GET /recipe/session/user?userId=x HTTP/1.1", f"cdi-version: {CDI}") + LIVE, [200, 200]),
]


class Splits:
    """Every stream whole, cut once at every place, and byte by byte."""

    def __init__(self, checks: Checks, whole: bool) -> None:
        """Prepares the checks; a sample cuts at every seventh place."""
        self._checks, self._step = checks, 1 if whole else 7

    def run(self) -> None:
        """Runs the checks."""
        with LimitedServer(config="access_token_signing_algorithm: ES256\n") as server:
            self._port = server.port
            for name, stream, wanted in STREAMS:
                count = len(wanted)
                self._checks.equal(f"splits: {name} in one piece", self._play([stream], count), wanted)
                self._checks.equal(f"splits: {name} in one piece, and the client ends its direction",
                                   self._play([stream], count, finish=True), wanted)
                wrong: list[tuple[int, list[int]]] = []
                for at in range(1, len(stream), self._step):
                    if len(wrong) < 3 and (found := self._play([stream[:at], stream[at:]], count)) != wanted:
                        wrong.append((at, found))
                self._checks.check(f"splits: {name}, cut at every place", not wrong, wrong)
                single = [stream[at:at + 1] for at in range(len(stream))]
                self._checks.equal(f"splits: {name} byte by byte", self._play(single, count, 0.0002), wanted)

    def _play(self, parts: list[bytes], count: int, pause: float = PAUSE, finish: bool = False) -> list[int]:
        """The statuses of so many replies, and of what comes beyond them at once."""
        with Peer(self._port) as peer:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(pause)
                if not peer.send(part):
                    break
            if finish:
                peer.finish()
            found: list[int] = []
            while (answer := peer.answer(3 if len(found) < count else 0.001)) is not None:
                found.append(answer.status)
            return found
