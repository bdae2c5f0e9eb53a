"""P5 and P6: what cannot be served is told with its own status, a text and a line in the log."""

from __future__ import annotations

import threading
import time

from door_tables import BROKEN, GOOD, LIMIT, LINES, Row
from door_wire import GET, Answer, LimitedServer, Peer, chunked, head, post
from harness import Checks

CANARY = "canary-0123456789-never-in-a-log"


class Refusals:
    """The tables, on a server that logs its details."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        with LimitedServer(config="log_level: DEBUG\n") as server:
            self._server = server
            for finding, table in (("P5", BROKEN), ("P6", LINES)):
                for row in table:
                    self._checks.run(f"finding {finding}: {row.title}", lambda: self._refused(finding, row))
            for row in GOOD:
                self._checks.run(f"finding P5: {row.title}", lambda: self._served(row))
            self._afterwards()
            self._canaries()
            self._checks.check("findings P5 and P6: the server lived through it", server.alive, server.output[-2000:])

    def _exchange(self, row: Row) -> tuple[Answer | None, bool]:
        """The final reply to a row that may be large, and whether the connection ended by itself."""
        with Peer(self._server.port) as peer:
            sending = threading.Thread(target=lambda: (peer.send(row.request), row.finish and peer.finish()))
            sending.start()
            answer = peer.answer(5, row.request.startswith(b"HEAD "))
            ended = answer is not None and answer.closes and peer.closed(4)
            sending.join(10)
            return answer, ended

    def _refused(self, finding: str, row: Row) -> None:
        lines = self._lines()
        answer, ended = self._exchange(row)
        wanted = " or ".join(map(str, row.statuses))
        self._checks.check(f"finding {finding}: {row.title}: {wanted}",
                           answer is not None and answer.status in row.statuses, answer)
        if answer is None:
            return
        self._checks.check(f"finding {finding}: {row.title}: a text, and closed",
                           answer.field("content-type").startswith("text/plain") and len(answer.body) > 5 and ended,
                           (answer, ended))
        end = time.monotonic() + 0.5
        while self._lines() <= lines and time.monotonic() < end:
            time.sleep(0.01)
        self._checks.check(f"finding {finding}: {row.title}: a line in the log", self._lines() > lines)

    def _lines(self) -> int:
        """How many lines of details there are; those of requests that were served do not count."""
        lines = [line for line in self._server.output.splitlines() if "DEBUG" in line or "INFO" in line or "WARN" in line]
        return len([line for line in lines if "API called" not in line and "API ended" not in line])

    def _served(self, row: Row) -> None:
        answer, _ = self._exchange(row)
        self._checks.check(f"finding P5: {row.title} is served", answer is not None and answer.status in row.statuses,
                           answer)

    def _afterwards(self) -> None:
        """A refusal ends its connection: what follows is never taken for a request."""
        for name, request in (
                ("a broken chunk", chunked(b"zz\r\n")), ("two lengths", post("/recipe/session", b"", "Content-Length: 1")),
                ("a length and chunks", chunked(b"0\r\n\r\n", "Content-Length: 5")),
                ("a coding", head("POST /recipe/session HTTP/1.1", "Transfer-Encoding: gzip")),
                ("a bad line", b"GET\r\n\r\n"), ("too large a body", post("/recipe/session", b"", length=LIMIT + 1)),
                ("no Host", head("GET /hello HTTP/1.1", host=None))):
            with Peer(self._server.port) as peer:
                peer.send(GET + request + GET * 3)
                statuses = []
                while (answer := peer.answer(3)) is not None:
                    statuses.append(answer.status)
                self._checks.check(f"finding P5: after {name} nothing is served",
                                   len(statuses) == 2 and statuses[0] == 200 and statuses[1] >= 400 and peer.ended,
                                   (statuses, peer.ended, peer.rest))

    def _canaries(self) -> None:
        """Nothing that may be a secret gets into the log, whatever is wrong with its request."""
        for request in (
                head("GET /hello HTTP/1.1", f"api-key: {CANARY}", "X Odd: y"),
                head("GET /hello HTTP/1.1", f"Authorization: Bearer {CANARY}\x00"),
                head(f"GET /recipe/session?sessionHandle={CANARY} HTTP/1.1", "X Odd: y"),
                head(f"GET /recipe/session?sessionHandle={CANARY} HTTP/9.9"),
                head(f"{CANARY} /hello HTTP/1.1"),
                head("GET /hello HTTP/1.1", f"Cookie: sRefreshToken={CANARY}", f"X Odd{CANARY}: y"),
                head("GET /hello HTTP/1.1", f"Expect: {CANARY}"),
                head("GET /hello HTTP/1.1", host=f"{CANARY}/x"), head("GET /hello HTTP/1.1", f"Origin: {CANARY}"),
                chunked(CANARY.encode() + b"\r\n"), chunked(b"5;" + CANARY.encode() + b"\x00\r\n"),
                post("/recipe/session/refresh", f'{{"refreshToken":"{CANARY}"'.encode()),
                post("/recipe/session/refresh", f'{{"refreshToken":"{CANARY}"'.encode(), length=300),
                head("POST /recipe/session HTTP/1.1", f"Transfer-Encoding: {CANARY}"),
                head("POST /recipe/session HTTP/1.1", f"Content-Length: {CANARY}")):
            with Peer(self._server.port) as peer:
                peer.send(request)
                peer.finish()
                peer.answer(2)
        time.sleep(0.2)
        found = [line for line in self._server.output.splitlines() if CANARY in line]
        self._checks.check("finding P6: nothing that a refused caller sent is in the log", not found, found[:3])
