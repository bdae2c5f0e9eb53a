"""P7 and the end of a run: what a balancer is told while PostgreSQL is away, and while the server leaves."""

from __future__ import annotations

import threading
import time
from typing import Callable

from door_wire import BODY, GET, KEY, LIVE, Answer, LimitedServer, Peer, ask, head, post
from harness import HOST, Checks
from postgres import Cluster

RECOVERY_SECONDS = 2.0
NOTICE_SECONDS = 2.0
QUESTIONS = 1_000
READY = head("GET /health/ready HTTP/1.1")


def until(seconds: float, wanted: Callable[[], bool]) -> float:
    """Waits for something and tells how long that took; the whole time when it did not come."""
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        if wanted():
            return time.monotonic() - begun
        time.sleep(0.02)
    return seconds


class Away:
    """P7: `/hello` says what storage says, and is cheap."""

    def __init__(self, checks: Checks, whole: bool) -> None:
        """Prepares the checks; a sample stops PostgreSQL once."""
        self._checks, self._whole = checks, whole

    def run(self) -> None:
        """Runs the checks."""
        with Cluster({"log_statement": "'all'"}) as cluster, LimitedServer(config=f"api_keys: {KEY}\n", database=cluster.uri()) as server:
            self._cluster, self._server = cluster, server
            self._checks.run("finding P7: statements", self._statements)
            for mode in ("fast", "immediate") if self._whole else ("fast",):
                self._checks.run(f"finding P7: {mode}", lambda: self._stopped(mode))
            self._checks.check("finding P7: the server lived through it", server.alive, server.output[-2000:])

    def _hello(self, path: str = "/hello") -> Answer | None:
        return ask(self._server.port, head(f"GET {path} HTTP/1.1"), seconds=10)

    def _is(self, status: int, path: str = "/hello") -> bool:
        answer = self._hello(path)
        return answer is not None and answer.status == status

    def _stopped(self, mode: str) -> None:
        name = f"finding P7: PostgreSQL away ({mode})"
        self._checks.check(f"{name}: /hello is 200 before", self._is(200))
        with Peer(self._server.port) as kept:
            kept.send(GET)
            kept.answer()
            self._cluster.stop(mode)
            took = until(NOTICE_SECONDS + 1, lambda: self._is(503))
            self._checks.check(f"{name}: /hello is 503 after {took:.2f} s", took < NOTICE_SECONDS)
            kept.send(GET)
            answer = kept.answer(10)
            self._checks.check(f"{name}: also on a connection of before", answer is not None and answer.status == 503
                               and answer.body != b"", answer)
        for path, status in (("/", 503), ("/health/ready", 503), ("/health/live", 200)):
            self._checks.check(f"{name}: {path} is {status}", self._is(status, path), self._hello(path))
        begun = time.monotonic()
        answers = [self._hello() for _ in range(50)]
        took = time.monotonic() - begun
        self._checks.check(f"{name}: 50 questions are answered in {took:.2f} s",
                           took < 2 and all(each is not None and each.status == 503 for each in answers), answers[-1])
        self._cluster.start()
        took = until(RECOVERY_SECONDS + 3, lambda: self._is(200))
        self._checks.check(f"{name}: /hello is 200 again after {took:.2f} s", took < RECOVERY_SECONDS)
        self._checks.check(f"{name}: and it serves", self._server.core(headers={"api-key": KEY}).create("back").ok)

    def _statements_so_far(self) -> int:
        """PostgreSQL writes each into its log, which is quicker and surer than its statistics."""
        return (self._cluster.folder / "log").read_text(errors="replace").count("LOG:  execute ")

    def _cost(self, work: Callable[[], object]) -> tuple[int, float]:
        before, begun = self._statements_so_far(), time.monotonic()
        work()
        time.sleep(0.1)
        return self._statements_so_far() - before, time.monotonic() - begun

    def _statements(self) -> None:
        """What a caller without a key can make PostgreSQL do."""
        self._server.core(headers={"api-key": KEY}).create("warm")
        self._many(READY)
        quiet, lasted = self._cost(lambda: time.sleep(1))
        for finding, name, request in (
                ("P7", "/hello", GET),
                ("W4", "unknown apps without a key", post("/appid-nobody/recipe/session")),
                ("W4", "unknown apps and a wrong key", post("/appid-nobody/recipe/session", BODY, "api-key: wrong")),
                ("W4", "key sets of unknown apps", head("GET /appid-nobody/.well-known/jwks.json HTTP/1.1")),
                ("W4", "key sets", head("GET /.well-known/jwks.json HTTP/1.1")),
                ("W4", "sessions without a key", head("GET /recipe/session?sessionHandle=x HTTP/1.1")),
                ("W4", "unknown tenants without a key", head("GET /t9/recipe/session?sessionHandle=x HTTP/1.1"))):
            done, seconds = self._cost(lambda: self._many(request))
            allowed = quiet * seconds / lasted + seconds + 1
            self._checks.check(f"finding {finding}: {QUESTIONS} {name}: {done} statements in {seconds:.1f} s",
                               done <= allowed, f"at most {allowed:.0f}, {quiet} in {lasted:.1f} s of silence")

    def _many(self, request: bytes) -> None:
        for _ in range(QUESTIONS // 100):
            with Peer(self._server.port) as peer:
                for _ in range(100):
                    peer.send(request)
                    answer = peer.answer(2)
                    if answer is None:
                        self._checks.check("a reply to each of many requests", False, request)
                        return
                    if answer.closes:
                        break


class Drain:
    """SIGTERM: not ready first, nobody new, what has begun is answered."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        for name, begun, rest in (("a body", post("/recipe/session", BODY[:20], length=len(BODY)), BODY[20:]),
                                  ("a head", LIVE[:30], LIVE[30:])):
            self._checks.run(f"drain with {name}", lambda: self._drain(name, begun, rest))
        self._checks.run("drain of idle ones", self._idle)

    def _drain(self, name: str, begun: bytes, rest: bytes) -> None:
        with LimitedServer() as server, Peer(server.port) as busy, Peer(server.port) as balancer:
            busy.send(begun)
            balancer.send(READY)
            self._checks.check(f"drain beside {name}: ready before", (a := balancer.answer()) is not None and a.status == 200)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            time.sleep(0.15)
            balancer.send(READY)
            answer = balancer.answer(2)
            self._checks.check(f"drain beside {name}: not ready on an open connection, or that is closed",
                               (answer is None and balancer.ended)
                               or (answer is not None and answer.status == 503 and answer.closes), answer)
            self._nobody_new(name, server)
            busy.send(rest)
            answer = busy.answer(5)
            # Half a head is no request yet: it may be answered, or its connection closed.
            good = answer is None and busy.ended if name == "a head" else False
            self._checks.check(f"drain beside {name}: what had begun is answered, with Connection: close",
                               good or (answer is not None and answer.status == 200 and answer.closes), answer)
            self._checks.check(f"drain beside {name}: closed", busy.closed(2), busy.rest)
            stopping.join(20)
            child = server.child
            self._checks.equal(f"drain beside {name}: exit code", child and child.process.poll(), 0)

    def _nobody_new(self, name: str, server: LimitedServer) -> None:
        time.sleep(0.3)
        try:
            answer = ask(server.port, GET, HOST, seconds=1)
        except OSError:
            answer = None
        self._checks.check(f"drain beside {name}: nobody new is served", answer is None or answer.status == 503, answer)

    def _idle(self) -> None:
        """Idle and half-closed connections, and a client that does not read, hold nobody up."""
        with LimitedServer() as server:
            peers = [Peer(server.port) for _ in range(20)]
            for peer in peers[:10]:
                peer.send(GET)
                peer.answer()
            begun = time.monotonic()
            code = server.stop()
            took = time.monotonic() - begun
            self._checks.check(f"drain of idle connections: exit {code} after {took:.2f} s", code == 0 and took < 3)
            self._checks.check("drain of idle connections: each was ended without a word",
                               all(peer.closed(1) and peer.rest == b"" for peer in peers))
            for peer in peers:
                peer.close()
