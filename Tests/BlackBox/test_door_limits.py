"""W7: too many connections, too few descriptors. Health checks and revocations always get through."""

from __future__ import annotations

import time
from typing import Callable

import pytest
from door_wire import GET, LIVE, LimitedServer, Peer, ask, head, post, revocation
from harness import HOST, until

DESCRIPTORS = 96
CROWD = 200
OTHER = "127.0.0.2"
READY = head("GET /health/ready HTTP/1.1")
BAR = 0.5
"""In seconds, for a client in Python on a machine that others use; test_storm.py measures to 100 ms."""
SAMPLE_BAR = 3.0
"""As long as a health check is waited for, on a machine that is ten times slower: whoever is kept out waits for longer."""
Serve = Callable[..., LimitedServer]


def limited(serve: Serve, config: str | None = None) -> LimitedServer:
    return serve(config, kind=LimitedServer, descriptors=DESCRIPTORS)


def healthy(server: LimitedServer, source: str, beside: int, bar: float) -> None:
    """Health checks of an address are answered at once."""
    for request in (LIVE, READY, GET):
        begun = time.monotonic()
        answer = ask(server.port, request, source, seconds=SAMPLE_BAR)
        took = time.monotonic() - begun
        assert answer is not None and answer.status == 200 and took < bar, f"{source} beside {beside}: {took:.3f} s"


CROWDS = {"silent connections": b"", "half heads": GET[:-4], "connections that were served": GET,
          "half bodies": post("/recipe/session", b"{", length=100), "half lines": b"GE",
          "refused connections": b"nonsense\r\n"}


@pytest.mark.parametrize("name", CROWDS)
def test_finding_W7_a_crowd_keeps_nobody_out(serve: Serve, quick: bool, name: str) -> None:
    server, bar = limited(serve, "log_level: INFO\n"), SAMPLE_BAR if quick else BAR
    core = server.core()
    handle = core.create("crowded").json["session"]["handle"]
    core.close()
    before, crowd = server.descriptors, []
    for number in range(CROWD):
        crowd.append(Peer(server.port))
        if CROWDS[name]:
            crowd[-1].send(CROWDS[name])
        if number % 20 == 0:
            healthy(server, HOST, number, bar)
    for source in (HOST, OTHER):
        for _ in range(10):
            healthy(server, source, CROWD, bar)
    # Whoever was refused is gone and takes nobody's place.
    assert name == "refused connections" or server.says("WARN"), "told in the log"
    assert until(lambda: server.processor_share() < 0.2, 20, 0), "no spinning"
    assert server.output.count("WARN") <= 3, f"once: {server.output[-1500:]}"
    answer = ask(server.port, revocation(handle))
    assert answer is not None and handle.encode() in answer.body, "a revocation gets through"
    for answer in [ask(server.port, post("/recipe/session")) for _ in range(3)]:
        assert answer is not None and (answer.status == 200 or (answer.status == 503 and answer.closes))
    assert server.descriptors < DESCRIPTORS
    for peer in crowd:
        peer.close()
    assert until(lambda: server.descriptors <= before + 1, 5), f"{server.descriptors} afterwards, {before} before"
    core = server.core()
    made = core.create("after")
    assert made.ok and core.refresh(made.json["refreshToken"]["token"]).ok


def test_finding_W7_one_peer_has_only_its_share(serve: Serve) -> None:
    """Another peer is served as ever beside one that takes all it can, and keeps its connection."""
    server = limited(serve)
    crowd = [Peer(server.port) for _ in range(CROWD)]
    time.sleep(0.3)
    for answer in [ask(server.port, post("/recipe/session"), OTHER) for _ in range(5)]:
        assert answer is not None and answer.status == 200
    with Peer(server.port, OTHER) as peer:
        for _ in range(3):
            peer.send(GET)
            kept = peer.answer(2)
        assert kept is not None and not kept.closes
    for peer in crowd:
        peer.close()


def test_finding_W7_a_revocation_in_the_midst_is_not_thrown_out(serve: Serve) -> None:
    """Not for somebody who has said nothing, once it has begun in the reserve."""
    server = limited(serve)
    handle = server.core().create("late").json["session"]["handle"]
    crowd = [Peer(server.port) for _ in range(CROWD)]
    request = revocation(handle)
    with Peer(server.port) as peer:
        peer.send(request[:-10])
        time.sleep(0.2)
        crowd += [Peer(server.port) for _ in range(CROWD)]
        time.sleep(0.2)
        peer.send(request[-10:])
        answer = peer.answer(3)
        assert answer is not None and handle.encode() in answer.body, peer.ended
    for other in crowd:
        other.close()
