"""The same bytes are the same requests, wherever the network cuts them."""

from __future__ import annotations

import time
from typing import Iterator

import pytest
from door_wire import BODY, GET, LIVE, Peer, chunked, head, post
from harness import CDI, Server

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


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose signatures cost little."""
    with Server(config="access_token_signing_algorithm: ES256\n") as running:
        yield running


def play(server: Server, parts: list[bytes], count: int, pause: float = PAUSE, finish: bool = False) -> list[int]:
    """The statuses of so many replies, and of what comes beyond them at once."""
    with Peer(server.port) as peer:
        for number, part in enumerate(parts):
            if number:
                time.sleep(pause)
            if not peer.send(part):
                break
        if finish:
            peer.finish()
        return peer.statuses(3, count) + peer.statuses(0.001)


@pytest.mark.parametrize(("stream", "wanted"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS])
def test_a_stream_whole_cut_once_at_every_place_and_byte_by_byte(server: Server, quick: bool, stream: bytes,
                                                                 wanted: list[int]) -> None:
    count = len(wanted)
    assert play(server, [stream], count) == wanted
    assert play(server, [stream], count, finish=True) == wanted, "the client ends its direction"
    for at in range(1, len(stream), 7 if quick else 1):
        assert play(server, [stream[:at], stream[at:]], count) == wanted, f"cut at {at}"
    assert play(server, [stream[at:at + 1] for at in range(len(stream))], count, 0.0002) == wanted, "byte by byte"
