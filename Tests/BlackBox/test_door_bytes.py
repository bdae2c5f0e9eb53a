"""P5 and P6: what cannot be served is told with its own status, a text and a line in the log."""

from __future__ import annotations

import threading
import time
from typing import Iterator

import pytest
from door_tables import BROKEN, GOOD, LIMIT, LINES, Row
from door_wire import GET, Answer, Peer, chunked, head, post
from harness import Server, until

CANARY = "canary-0123456789-never-in-a-log"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that logs its details."""
    with Server(config="log_level: DEBUG\n") as running:
        yield running


@pytest.fixture(autouse=True)
def alive(server: Server) -> Iterator[None]:
    """The server lives through everything."""
    yield
    assert server.alive, server.output[-2000:]


def exchange(server: Server, row: Row) -> tuple[Answer | None, bool]:
    """The final reply to a row that may be large, and whether the connection ended by itself."""
    with Peer(server.port) as peer:
        sending = threading.Thread(target=lambda: (peer.send(row.request), row.finish and peer.finish()))
        sending.start()
        answer = peer.answer(5, row.request.startswith(b"HEAD "))
        ended = answer is not None and answer.closes and peer.closed(4)
        sending.join(10)
        return answer, ended


def details(server: Server) -> int:
    """How many lines of details there are in the log; those of requests that were served do not count."""
    lines = [line for line in server.output.splitlines() if "DEBUG" in line or "INFO" in line or "WARN" in line]
    return len([line for line in lines if "API called" not in line and "API ended" not in line])


@pytest.mark.parametrize("row", [*BROKEN, *LINES], ids=[
    *(f"finding P5: {row.title}" for row in BROKEN), *(f"finding P6: {row.title}" for row in LINES)])
def test_refused_with_its_status_a_text_and_a_line(server: Server, row: Row) -> None:
    lines = details(server)
    answer, ended = exchange(server, row)
    assert answer is not None and answer.status in row.statuses
    assert answer.field("content-type").startswith("text/plain") and len(answer.body) > 5 and ended
    assert until(lambda: details(server) > lines, pause=0.01), "a line in the log"


@pytest.mark.parametrize("row", GOOD, ids=[f"finding P5: {row.title}" for row in GOOD])
def test_served(server: Server, row: Row) -> None:
    answer, _ = exchange(server, row)
    assert answer is not None and answer.status in row.statuses


AFTERWARDS = {
    "a broken chunk": chunked(b"zz\r\n"), "two lengths": post("/recipe/session", b"", "Content-Length: 1"),
    "a length and chunks": chunked(b"0\r\n\r\n", "Content-Length: 5"),
    "a coding": head("POST /recipe/session HTTP/1.1", "Transfer-Encoding: gzip"), "a bad line": b"GET\r\n\r\n",
    "too large a body": post("/recipe/session", b"", length=LIMIT + 1),
    "no Host": head("GET /hello HTTP/1.1", host=None)}


@pytest.mark.parametrize("name", AFTERWARDS)
def test_finding_P5_what_follows_a_refusal_is_not_taken_for_a_request(server: Server, name: str) -> None:
    with Peer(server.port) as peer:
        peer.send(GET + AFTERWARDS[name] + GET * 3)
        statuses = peer.statuses()
        assert len(statuses) == 2 and statuses[0] == 200 and statuses[1] >= 400 and peer.ended


def test_finding_P6_nothing_that_a_refused_caller_sent_is_in_the_log(server: Server) -> None:
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
        with Peer(server.port) as peer:
            peer.send(request)
            peer.finish()
            peer.answer(2)
    time.sleep(0.2)
    assert [line for line in server.output.splitlines() if CANARY in line] == []
