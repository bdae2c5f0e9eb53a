"""W7: too many connections, too few descriptors. Health checks and revocations always get through."""

from __future__ import annotations

import time

from door_wire import GET, LIVE, Answer, LimitedServer, Peer, ask, head, post
from door_work import revocation
from harness import HOST, Checks

DESCRIPTORS = 96
CROWD = 200
OTHER = "127.0.0.2"
READY = head("GET /health/ready HTTP/1.1")
BAR = 0.5
"""In seconds, for a client in Python on a machine that others use; storm.py measures to 100 ms."""


class Crowds:
    """A server with few descriptors and more clients than it can take."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._unwell = ""

    def run(self) -> None:
        """Runs the checks."""
        for name, first in (("silent connections", b""), ("half heads", GET[:-4]), ("connections that were served", GET),
                            ("half bodies", post("/recipe/session", b"{", length=100)),
                            ("half lines", b"GE"), ("refused connections", b"nonsense\r\n")):
            self._checks.run(f"finding W7: {name}", lambda: self._crowd(name, first))
        self._checks.run("finding W7: shares", self._share)
        self._checks.run("finding W7: in the midst", self._in_the_midst)

    def _crowd(self, name: str, first: bytes) -> None:
        with LimitedServer(DESCRIPTORS, config="log_level: INFO\n") as server:
            core = server.core()
            handle = core.create("crowded").json["session"]["handle"]
            core.close()
            before = server.descriptors
            crowd = []
            for number in range(CROWD):
                crowd.append(Peer(server.port))
                if first:
                    crowd[-1].send(first)
                if number % 20 == 0:
                    self._health(name, server, HOST, number)
            self._held(name, server, handle)
            for peer in crowd:
                peer.close()
            self._afterwards(name, server, before)

    def _health(self, name: str, server: LimitedServer, source: str, number: int) -> None:
        if self._unwell == name:
            return  # Each failure takes seconds.
        for what, request in (("live", LIVE), ("ready", READY), ("hello", GET)):
            begun = time.monotonic()
            answer = ask(server.port, request, source, seconds=3)
            took = time.monotonic() - begun
            if answer is None or answer.status != 200 or took > BAR:
                self._unwell = name
                self._checks.check(f"finding W7: {name}: {what} answers {source} beside {number}", False,
                                   f"{took * 1000:.0f} ms {answer}")

    def _held(self, name: str, server: LimitedServer, handle: str) -> None:
        """While the crowd is there."""
        for source in (HOST, OTHER):
            for _ in range(10):
                self._health(name, server, source, CROWD)
        self._checks.check(f"finding W7: {name}: health answers throughout", self._unwell != name)
        lines, share = server.output.count("WARN"), server.processor_share()
        self._checks.check(f"finding W7: {name}: no spinning ({share * 100:.0f} % of a processor)", share < 0.2)
        # Whoever was refused is gone and takes nobody's place.
        least = 0 if name == "refused connections" else 1
        self._checks.check(f"finding W7: {name}: told in the log, once", least <= lines <= 3, server.output[-1500:])
        answer = ask(server.port, revocation(handle))
        self._checks.check(f"finding W7: {name}: a revocation gets through",
                           answer is not None and handle.encode() in answer.body, answer)
        answers: list[Answer | None] = [ask(server.port, post("/recipe/session")) for _ in range(3)]
        good = all(each is not None and (each.status == 200 or (each.status == 503 and each.closes)) for each in answers)
        self._checks.check(f"finding W7: {name}: others get 503 and Connection: close, or are served", good, answers)
        self._checks.check(f"finding W7: {name}: {server.descriptors} descriptors of {DESCRIPTORS}",
                           server.descriptors < DESCRIPTORS)

    def _afterwards(self, name: str, server: LimitedServer, before: int) -> None:
        end = time.monotonic() + 5
        while server.descriptors > before + 1 and time.monotonic() < end:
            time.sleep(0.02)
        self._checks.check(f"finding W7: {name}: {server.descriptors} descriptors afterwards, {before} before",
                           server.descriptors <= before + 1)
        core = server.core()
        made = core.create("after")
        self._checks.check(f"finding W7: {name}: afterwards all is as before",
                           made.ok and core.refresh(made.json["refreshToken"]["token"]).ok, made)

    def _share(self) -> None:
        """One peer does not keep another out: it has only its share."""
        with LimitedServer(DESCRIPTORS) as server:
            crowd = [Peer(server.port) for _ in range(CROWD)]
            time.sleep(0.3)
            answers = [ask(server.port, post("/recipe/session"), OTHER) for _ in range(5)]
            self._checks.check("finding W7: another peer is served as ever beside one that takes all it can",
                               all(each is not None and each.status == 200 for each in answers), answers)
            with Peer(server.port, OTHER) as peer:
                for _ in range(3):
                    peer.send(GET)
                    kept = peer.answer(2)
                self._checks.check("finding W7: and keeps its connection", kept is not None and not kept.closes, kept)
            for peer in crowd:
                peer.close()

    def _in_the_midst(self) -> None:
        """A revocation that has begun in the reserve is not thrown out for somebody who has said nothing."""
        with LimitedServer(DESCRIPTORS) as server:
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
                self._checks.check("finding W7: a revocation in the midst is not thrown out for silent connections",
                                   answer is not None and handle.encode() in answer.body, answer or peer.ended)
            for other in crowd:
                other.close()
