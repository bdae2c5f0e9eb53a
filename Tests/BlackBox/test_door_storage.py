"""P7 and the end of a run: what a balancer is told while PostgreSQL is away, and while the server leaves."""

from __future__ import annotations

import threading
import time
from typing import Callable, Iterator

import pytest
from door_wire import BODY, GET, KEY, LIVE, Answer, Peer, ask, head, post
from harness import Server, until
from postgres import Cluster

RECOVERY_SECONDS = 2.0
NOTICE_SECONDS = 2.0
SLACK = 10.0
"""How much slower a machine may be on which a sample has to hold."""
QUESTIONS = 1_000
READY = head("GET /health/ready HTTP/1.1")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A cluster that writes each statement into its log, which is quicker and surer than its statistics."""
    with Cluster({"log_statement": "'all'"}) as running:
        yield running


@pytest.fixture(scope="module")
def keyed(cluster: Cluster) -> Iterator[Server]:
    """A server on it."""
    with Server(config=f"api_keys: {KEY}\n", database=cluster.uri()) as running:
        yield running
        assert running.alive, running.output[-2000:]


def hello(server: Server, path: str = "/hello") -> Answer | None:
    """Asks without a key."""
    return ask(server.port, head(f"GET {path} HTTP/1.1"), seconds=10)


def says(server: Server, status: int, path: str = "/hello") -> bool:
    """Whether it answers so."""
    answer = hello(server, path)
    return answer is not None and answer.status == status


def is_let_go(balancer: Peer) -> bool:
    """Whether a connection that was kept says for the last time that the server is not ready, or is closed."""
    balancer.send(READY)
    answer = balancer.answer(2)
    assert answer is None or answer.status in (200, 503), answer
    return balancer.ended if answer is None else answer.status == 503 and answer.closes


def many(server: Server, request: bytes) -> None:
    """Asks very often."""
    for _ in range(QUESTIONS // 100):
        with Peer(server.port) as peer:
            for _ in range(100):
                peer.send(request)
                answer = peer.answer(2)
                assert answer is not None
                if answer.closes:
                    break


def cost(cluster: Cluster, work: Callable[[], object]) -> tuple[int, float]:
    """How many statements something costs, and how long it takes."""

    def statements() -> int:
        return (cluster.folder / "log").read_text(errors="replace").count("LOG:  execute ")

    before, begun = statements(), time.monotonic()
    work()
    time.sleep(0.1)
    return statements() - before, time.monotonic() - begun


@pytest.fixture(scope="module")
def silence(cluster: Cluster, keyed: Server) -> tuple[int, float]:
    """What a second costs in which nobody asks."""
    keyed.core(headers={"api-key": KEY}).create("warm")
    many(keyed, READY)
    return cost(cluster, lambda: time.sleep(1))


@pytest.mark.parametrize(("finding", "name", "request_"), [
    ("P7", "/hello", GET),
    ("W4", "unknown apps without a key", post("/appid-nobody/recipe/session")),
    ("W4", "unknown apps and a wrong key", post("/appid-nobody/recipe/session", BODY, "api-key: wrong")),
    ("W4", "key sets of unknown apps", head("GET /appid-nobody/.well-known/jwks.json HTTP/1.1")),
    ("W4", "key sets", head("GET /.well-known/jwks.json HTTP/1.1")),
    ("W4", "sessions without a key", head("GET /recipe/session?sessionHandle=x HTTP/1.1")),
    ("W4", "unknown tenants without a key", head("GET /t9/recipe/session?sessionHandle=x HTTP/1.1")),
], ids=lambda value: value if isinstance(value, str) else "")
def test_a_caller_without_a_key_costs_PostgreSQL_nothing(cluster: Cluster, keyed: Server, silence: tuple[int, float],
                                                         finding: str, name: str, request_: bytes) -> None:
    done, seconds = cost(cluster, lambda: many(keyed, request_))
    quiet, lasted = silence
    # The core's own questions come in bursts, of which one more may fall into the time.
    assert done <= quiet * seconds / lasted + seconds + 2, f"finding {finding}: {name} in {seconds:.1f} s"


@pytest.mark.parametrize("mode", ["fast", pytest.param("immediate", marks=pytest.mark.long)])
def test_finding_P7_hello_says_what_storage_says(cluster: Cluster, keyed: Server, quick: bool, mode: str) -> None:
    """finding P7: 503 while the database is away, 200 when it is back."""
    slack = SLACK if quick else 1
    assert says(keyed, 200)
    with Peer(keyed.port) as kept:
        kept.send(GET)
        kept.answer()
        cluster.stop(mode)
        assert until(lambda: says(keyed, 503), NOTICE_SECONDS * slack)
        kept.send(GET)
        answer = kept.answer(10)
        assert answer is not None and answer.status == 503 and answer.body, "also on a connection of before"
    for path, status in (("/", 503), ("/health/ready", 503), ("/health/live", 200)):
        assert says(keyed, status, path), path
    published = hello(keyed, "/.well-known/jwks.json")
    assert published is not None and published.status == 200 and b'"kid"' in published.body, (
        "finding K5: the key set in memory is published")
    begun = time.monotonic()
    assert all(says(keyed, 503) for _ in range(50)) and time.monotonic() - begun < 2 * slack, "it is cheap"
    cluster.start()
    assert until(lambda: says(keyed, 200), RECOVERY_SECONDS * slack)
    assert keyed.core(headers={"api-key": KEY}).create("back").ok


@pytest.mark.parametrize(("begun", "rest"), [
    (post("/recipe/session", BODY[:20], length=len(BODY)), BODY[20:]), (LIVE[:30], LIVE[30:])],
                         ids=["a body", "a head"])
def test_a_server_that_leaves_answers_what_has_begun(serve: Callable[..., Server], quick: bool, begun: bytes,
                                                     rest: bytes) -> None:
    """SIGTERM: not ready first, nobody new, what has begun is answered."""
    server = serve()
    with Peer(server.port) as busy, Peer(server.port) as balancer:
        busy.send(begun)
        balancer.send(READY)
        assert balancer.statuses(most=1) == [200]
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert until(lambda: is_let_go(balancer), 0.15 * (100 if quick else 1)), "not ready, or closed"
        time.sleep(0.3)
        try:
            new = ask(server.port, GET, seconds=1)
        except OSError:
            new = None
        assert new is None or new.status == 503, "nobody new is served"
        busy.send(rest)
        answer = busy.answer(5)
        # Half a head is no request yet: it may be answered, or its connection closed.
        assert (rest in LIVE and busy.ended) if answer is None else answer.status == 200 and answer.closes
        assert busy.closed(2), busy.rest
        stopping.join(20)
        assert server.child and server.child.process.poll() == 0


def test_a_server_that_leaves_waits_for_nobody_who_is_idle(serve: Callable[..., Server], quick: bool) -> None:
    """Idle connections hold nobody up, and are ended without a word."""
    server = serve()
    # The keys are made beside the start, which an end waits for; this waits for them.
    assert server.core().get("/.well-known/jwks.json").status == 200
    peers = [Peer(server.port) for _ in range(20)]
    for peer in peers[:10]:
        peer.send(GET)
        peer.answer()
    begun = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - begun < 3 * (SLACK if quick else 1)
    assert all(peer.closed(1) and peer.rest == b"" for peer in peers)
    for peer in peers:
        peer.close()
