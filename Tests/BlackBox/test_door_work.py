"""W3 and W4: what a caller can make the server hold or do before anybody knows who it is."""

from __future__ import annotations

import random
import select
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Iterator

import pytest
from door_wire import BODY, GET, KEY, LIVE, LimitedServer, Peer, ask, chunked, head, post
from harness import CDI, until

DEAF = 50
PIPELINED = 3_600
ROOT_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GROWTH = 24 * 1024
"""How many KiB more are right while a crowd is there."""
UNWANTED = 500
LIMIT = 1 << 20
STALLED_SECONDS = 30


@pytest.fixture(scope="module")
def server() -> Iterator[LimitedServer]:
    """A server whose memory and descriptors can be seen."""
    with LimitedServer() as running:
        yield running
        assert running.alive, running.output[-2000:]


@pytest.fixture(scope="module")
def keyed() -> Iterator[LimitedServer]:
    """The same with a key."""
    with LimitedServer(config=f"api_keys: {KEY}\n") as running:
        yield running
        assert running.core(headers={"api-key": KEY}).create("keyed").ok, "whoever has the key is served"


@pytest.fixture(scope="module")
def sessions(server: LimitedServer) -> list[tuple[bytes, str]]:
    """Requests and what each reply has to hold."""
    core = server.core()
    made = [core.create(f"pipelined-{n}").json["session"] for n in range(20)]
    return [(head(f"GET /recipe/session?sessionHandle={one['handle']} HTTP/1.1", f"cdi-version: {CDI}"),
             f'"{one["userId"]}"') for one in made]


@pytest.mark.parametrize("late", [False, True], ids=["who reads", "who reads later"])
def test_finding_W3_who_pipelines_gets_every_reply_in_order(server: LimitedServer, sessions: list[tuple[bytes, str]],
                                                            dice: random.Random, quick: bool, late: bool) -> None:
    asked = [dice.choice(sessions) if late or dice.random() < 0.7 else (LIVE, "live") for _ in range(PIPELINED)]
    with Peer(server.port, timeout=60) as peer, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(lambda: peer.send(b"".join(request for request, _ in asked)))
        if late:
            time.sleep(1 if quick else 3)
        for number, (_, wanted) in enumerate(asked):
            answer = peer.answer(20)
            assert answer is not None and answer.status == 200 and wanted in answer.body.decode(), f"number {number}"
        assert sending.result()


def test_finding_W3_what_is_right_before_what_is_wrong_is_answered(server: LimitedServer) -> None:
    with Peer(server.port) as peer:
        peer.send(LIVE * 200 + post("/recipe/session", BODY) + b"GET / HTTP/1.1\r\nnonsense\r\n\r\n" + LIVE)
        assert peer.statuses() == [200] * 201 + [400] and peer.ended


def push(peer: Peer, data: bytes) -> int:
    """Sends what fits without waiting for long, and tells how many bytes that were."""
    sent = 0
    while sent < len(data) and select.select([], [peer.socket], [], 0.02)[1]:
        try:
            sent += peer.socket.send(data[sent:sent + 65_536])
        except OSError:
            break
    return sent


def test_finding_W3_whoever_does_not_read_costs_nothing(server: LimitedServer, quick: bool) -> None:
    """Many connections that ask and do not read: others go on, and memory stays."""
    memory = server.resident
    kinds = (ROOT_REQUEST * PIPELINED, GET * PIPELINED, post("/recipe/session", BODY) * 400,
             head("GET /.well-known/jwks.json HTTP/1.1") * PIPELINED, b"\r\n" * 5 + LIVE * PIPELINED)
    deaf = [Peer(server.port, receive_buffer=4096, timeout=0) for _ in range(DEAF)]
    for number, peer in enumerate(deaf):
        push(peer, kinds[0] if number < DEAF // 2 else kinds[number % len(kinds)])
    begun, used = time.monotonic(), 0
    while time.monotonic() - begun < (2 if quick else 5) or server.processor_share(0.3) > 0.2:
        if time.monotonic() - begun > 20:
            break
        at = time.monotonic()
        answer = ask(server.port, LIVE)
        assert answer is not None and answer.status == 200 and time.monotonic() - at < 1, f"others wait beside {DEAF}"
        used = max(used, server.resident)
        time.sleep(0.05)
    assert server.core().create("beside").ok, "others sign in meanwhile"
    assert used - memory < GROWTH
    assert until(lambda: server.processor_share() < 0.2, 20, 0), "a stalled crowd costs nothing"
    for peer in deaf:
        peer.close()


@pytest.mark.long
def test_finding_W3_whoever_takes_a_little_again_and_again_is_not_cut(server: LimitedServer) -> None:
    with Peer(server.port, receive_buffer=4096, timeout=0) as peer:
        wanted, got, begun = push(peer, GET * 20_000) // len(GET), b"", time.monotonic()
        while time.monotonic() - begun < STALLED_SECONDS + 10:
            time.sleep(1)
            if select.select([peer.socket], [], [], 0)[0]:
                part = peer.socket.recv(700)
                if not part:
                    break
                got += part
        peer.socket.settimeout(5)
        while got.count(b"HTTP/1.1 200") < wanted and (part := peer.socket.recv(65_536)):
            got += part
        assert got.count(b"HTTP/1.1 200") == wanted


@pytest.mark.long
def test_finding_W3_whoever_takes_no_byte_for_30_s_is_cut(server: LimitedServer) -> None:
    """More replies than the system's buffers take."""
    before = server.descriptors
    deaf = [Peer(server.port, receive_buffer=4096, timeout=0) for _ in range(5)]
    last = begun = time.monotonic()
    while time.monotonic() - last < 2 and time.monotonic() - begun < 30:
        for peer in deaf:
            if push(peer, ROOT_REQUEST * 2_000):
                last = time.monotonic()
    while server.descriptors > before + 1 and time.monotonic() - last < STALLED_SECONDS + 20:
        time.sleep(0.2)
    assert server.descriptors - before <= 1 and STALLED_SECONDS - 10 < time.monotonic() - last
    for peer in deaf:
        peer.close()


HEAVY = {
    "a body of 1 MiB less a byte": post("/recipe/session", b"", length=LIMIT - 1),
    "a body and a wrong key": post("/recipe/session", b"", f"api-key: {KEY}x", length=LIMIT - 1),
    "chunks that never come": chunked(b""), "a chunk of which half comes": chunked(b"ffff\r\n" + b"x" * 1000),
    "handles of 16 MiB": post("/recipe/session/remove", b"", length=(16 << 20) - 1),
    "a token to verify": post("/recipe/session/verify", b"", length=50_000),
    "a token to refresh": post("/recipe/session/refresh", b"", length=50_000),
    "an unknown app": post("/appid-nobody/recipe/session", b"", length=LIMIT - 1),
    "a tenant": post("/t1/recipe/session", b"", length=LIMIT - 1),
    "a new app": head("PUT /recipe/multitenancy/app HTTP/1.1", "Content-Length: 50000"),
    "an unknown path": post("/nothing", b"", length=LIMIT - 1)}


@pytest.mark.parametrize("name", HEAVY)
def test_finding_W4_whoever_shows_no_key_is_refused_by_the_head_alone(keyed: LimitedServer, quick: bool, name: str) -> None:
    with Peer(keyed.port) as peer:
        begun = time.monotonic()
        peer.send(HEAVY[name])
        answer = peer.answer(5)
        assert answer is not None and answer.status == (404 if name == "an unknown path" else 401)
        assert time.monotonic() - begun < (3 if quick else 0.5), "the body is not waited for"


@pytest.mark.parametrize("request_", [
    post("/recipe/session", b"{" * 1000, length=LIMIT - 1), chunked(b"1000\r\n" + b"x" * 2000)],
                         ids=["bodies", "chunks"])
def test_finding_W4_a_crowd_without_a_key_is_refused_and_ended(keyed: LimitedServer, request_: bytes) -> None:
    memory, begun = keyed.resident, time.monotonic()
    crowd = [Peer(keyed.port) for _ in range(UNWANTED)]
    for peer in crowd:
        peer.send(request_)
    refused = sum((answer := peer.answer(2 if time.monotonic() - begun < 5 else 0)) is not None
                  and answer.status == 401 for peer in crowd)
    assert refused == UNWANTED and keyed.resident - memory < GROWTH
    assert sum(peer.closed(4 if time.monotonic() - begun < 10 else 0) for peer in crowd) == UNWANTED
    for peer in crowd:
        peer.close()


def test_finding_W4_a_small_body_that_came_along_may_be_thrown_away(keyed: LimitedServer) -> None:
    with Peer(keyed.port) as peer:
        for _ in range(3):
            peer.send(post("/recipe/session"))
            answer = peer.answer(2)
        assert (answer is not None and answer.status == 401) or peer.ended


def test_finding_W4_large_bodies_of_somebody_with_a_key_keep_nobody_out(keyed: LimitedServer) -> None:
    memory = keyed.resident
    hoard = [Peer(keyed.port, timeout=2) for _ in range(64)]
    for peer in hoard:
        peer.send(post("/recipe/session", b" " * (LIMIT - 2), f"api-key: {KEY}", length=LIMIT - 1))
    time.sleep(0.3)
    core = keyed.core(headers={"api-key": KEY})
    assert [core.create(f"beside-{n}").outcome for n in range(5)] == ["OK"] * 5
    assert keyed.resident - memory < 64 * 1024
    for peer in hoard:
        peer.close()
