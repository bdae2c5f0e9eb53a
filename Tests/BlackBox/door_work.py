"""W3 and W4: what a caller can make the server hold or do before anybody knows who it is."""

from __future__ import annotations

import json
import random
import select
import time
from concurrent.futures import ThreadPoolExecutor

from door_wire import BODY, GET, KEY, LIVE, LimitedServer, Peer, ask, chunked, head, post
from harness import CDI, Checks

DEAF = 50
PIPELINED = 3_600
ROOT_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GROWTH = 24 * 1024
"""How many KiB more are right while a crowd is there."""
UNWANTED = 500
LIMIT = 1 << 20
STALLED_SECONDS = 30


class Pipelines:
    """W3: requests that come faster than their replies are taken."""

    def __init__(self, checks: Checks, whole: bool) -> None:
        """Prepares the checks; the whole of them takes 50 s."""
        self._checks, self._whole = checks, whole

    def run(self) -> None:
        """Runs the checks."""
        with LimitedServer() as server:
            self._server = server
            for name, step in (("order", self._honest), ("late", self._late), ("mixed", self._ends_in_nonsense),
                               ("deaf", self._deaf)):
                self._checks.run(f"finding W3: {name}", step)
            if self._whole:
                self._checks.run("finding W3: a slow reader", self._slow_reader)
                self._checks.run("finding W3: stalled", self._stalled)
            self._checks.check("finding W3: the server lived through it", server.alive, server.output[-2000:])

    def _sessions(self) -> list[tuple[bytes, str]]:
        """Requests and what each reply has to hold."""
        core = self._server.core()
        made = [core.create(f"pipelined-{n}").json["session"] for n in range(20)]
        return [(head(f"GET /recipe/session?sessionHandle={one['handle']} HTTP/1.1", f"cdi-version: {CDI}"),
                 f'"{one["userId"]}"') for one in made]

    def _honest(self) -> None:
        """Thousands of requests at once by a client that reads: all replies, in their order."""
        dice, sessions = random.Random(3), self._sessions()
        asked = [dice.choice(sessions) if dice.random() < 0.7 else (LIVE, "live") for _ in range(PIPELINED)]
        self._in_order("an honest pipelining client", asked, 0)

    def _late(self) -> None:
        """The same, but nothing is read for a while."""
        sessions = self._sessions()
        self._in_order("one that reads later", [sessions[n % 20] for n in range(PIPELINED)], 3 if self._whole else 1)

    def _in_order(self, name: str, asked: list[tuple[bytes, str]], pause: float) -> None:
        with Peer(self._server.port, timeout=60) as peer, ThreadPoolExecutor(1) as pool:
            sending = pool.submit(lambda: peer.send(b"".join(request for request, _ in asked)))
            time.sleep(pause)
            for number, (_, wanted) in enumerate(asked):
                answer = peer.answer(20)
                if answer is None or answer.status != 200 or wanted not in answer.body.decode():
                    self._checks.check(f"finding W3: {name} gets every reply in order", False,
                                       f"number {number}: wanted {wanted}, got {answer}, ended {peer.ended}")
                    return
            self._checks.check(f"finding W3: {name} gets {len(asked)} replies in order", sending.result())

    def _ends_in_nonsense(self) -> None:
        """What is right before what is wrong is answered."""
        with Peer(self._server.port) as peer:
            peer.send(LIVE * 200 + post("/recipe/session", BODY) + b"GET / HTTP/1.1\r\nnonsense\r\n\r\n" + LIVE)
            statuses = []
            while (answer := peer.answer(3)) is not None:
                statuses.append(answer.status)
            self._checks.check("finding W3: 201 replies, then 400, then nothing",
                               statuses == [200] * 201 + [400] and peer.ended, (len(statuses), statuses[-3:]))

    def _deaf(self) -> None:
        """Many connections that ask and do not read; others go on, memory stays, and they are cut in the end."""
        memory = self._server.resident
        kinds = (ROOT_REQUEST * PIPELINED, GET * PIPELINED, post("/recipe/session", BODY) * 400,
                 head("GET /.well-known/jwks.json HTTP/1.1") * PIPELINED, b"\r\n" * 5 + LIVE * PIPELINED)
        deaf = [Peer(self._server.port, receive_buffer=4096, timeout=0) for _ in range(DEAF)]
        for number, peer in enumerate(deaf):
            _push(peer, kinds[0] if number < DEAF // 2 else kinds[number % len(kinds)])
        begun, worst, used = time.monotonic(), 0.0, 0
        while time.monotonic() - begun < (5 if self._whole else 2) or self._server.processor_share(0.3) > 0.2:
            if time.monotonic() - begun > 20:
                break
            at = time.monotonic()
            answer = ask(self._server.port, LIVE)
            worst = max(worst, time.monotonic() - at) if answer is not None and answer.status == 200 else 99
            used = max(used, self._server.resident)
            time.sleep(0.05)
        self._checks.check(f"finding W3: others wait {worst * 1000:.0f} ms beside {DEAF} that do not read", worst < 1)
        self._checks.check("finding W3: others sign in meanwhile", self._server.core().create("beside").ok)
        self._checks.check(f"finding W3: memory grows by {used - memory} KiB", used - memory < GROWTH)
        share = self._server.processor_share()
        self._checks.check(f"finding W3: a stalled crowd costs nothing ({share * 100:.0f} % of a processor)", share < 0.2)
        for peer in deaf:
            peer.close()

    def _stalled(self) -> None:
        """More replies than the system's buffers take: whoever takes no byte of them for 30 s is cut."""
        before = self._server.descriptors
        deaf = [Peer(self._server.port, receive_buffer=4096, timeout=0) for _ in range(5)]
        last = begun = time.monotonic()
        while time.monotonic() - last < 2 and time.monotonic() - begun < 30:
            for peer in deaf:
                if _push(peer, ROOT_REQUEST * 2_000):
                    last = time.monotonic()
        while self._server.descriptors > before + 1 and time.monotonic() - last < STALLED_SECONDS + 20:
            time.sleep(0.2)
        took, left = time.monotonic() - last, self._server.descriptors - before
        self._checks.check(f"finding W3: those that take no byte are cut after 30 s ({took:.0f} s)",
                           left <= 1 and STALLED_SECONDS - 10 < took, f"{left} left")
        for peer in deaf:
            peer.close()

    def _slow_reader(self) -> None:
        """Whoever takes a little again and again is not cut, however long it takes."""
        with Peer(self._server.port, receive_buffer=4096, timeout=0) as peer:
            sent = _push(peer, GET * 20_000)
            wanted, got, begun = sent // len(GET), b"", time.monotonic()
            while time.monotonic() - begun < STALLED_SECONDS + 10:
                time.sleep(1)
                if select.select([peer.socket], [], [], 0)[0]:
                    part = peer.socket.recv(700)
                    if not part:
                        break
                    got += part
            kept = time.monotonic() - begun
            peer.socket.settimeout(5)
            while got.count(b"HTTP/1.1 200") < wanted and (part := peer.socket.recv(65_536)):
                got += part
            self._checks.check(f"finding W3: a slow reader is served after {kept:.0f} s",
                               got.count(b"HTTP/1.1 200") == wanted, (got.count(b"HTTP/1.1 200"), wanted))


def _push(peer: Peer, data: bytes) -> int:
    """Sends what fits without waiting for long, and tells how many bytes that were."""
    sent = 0
    while sent < len(data) and select.select([], [peer.socket], [], 0.02)[1]:
        try:
            sent += peer.socket.send(data[sent:sent + 65_536])
        except OSError:
            break
    return sent


class Strangers:
    """W4: whoever shows no key is refused by the head alone."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        with LimitedServer(config=f"api_keys: {KEY}\n") as server:
            self._server = server
            for name, status, request in (
                    ("a body of 1 MiB less a byte", 401, post("/recipe/session", b"", length=LIMIT - 1)),
                    ("a body and a wrong key", 401, post("/recipe/session", b"", f"api-key: {KEY}x", length=LIMIT - 1)),
                    ("chunks that never come", 401, chunked(b"")),
                    ("a chunk of which half comes", 401, chunked(b"ffff\r\n" + b"x" * 1000)),
                    ("handles of 16 MiB", 401, post("/recipe/session/remove", b"", length=(16 << 20) - 1)),
                    ("a token to verify", 401, post("/recipe/session/verify", b"", length=50_000)),
                    ("a token to refresh", 401, post("/recipe/session/refresh", b"", length=50_000)),
                    ("an unknown app", 401, post("/appid-nobody/recipe/session", b"", length=LIMIT - 1)),
                    ("a tenant", 401, post("/t1/recipe/session", b"", length=LIMIT - 1)),
                    ("a new app", 401, head("PUT /recipe/multitenancy/app HTTP/1.1", "Content-Length: 50000")),
                    ("an unknown path", 404, post("/nothing", b"", length=LIMIT - 1))):
                self._early(name, status, request)
            self._crowd("bodies without a key", post("/recipe/session", b"{" * 1000, length=LIMIT - 1))
            self._crowd("chunks without a key", chunked(b"1000\r\n" + b"x" * 2000))
            self._small()
            self._hoard()
            self._checks.check("finding W4: whoever has the key is served", server.core(
                headers={"api-key": KEY}).create("keyed").ok)

    def _small(self) -> None:
        """A small body that came along may be thrown away and the connection kept."""
        with Peer(self._server.port) as peer:
            for _ in range(3):
                peer.send(post("/recipe/session"))
                answer = peer.answer(2)
            self._checks.check("finding W4: three refusals on one connection, or a connection that ends",
                               (answer is not None and answer.status == 401) or peer.ended, answer)

    def _hoard(self) -> None:
        """Large bodies that do not end, of somebody who has the key, keep nobody from signing in."""
        memory = self._server.resident
        hoard = [Peer(self._server.port, timeout=2) for _ in range(64)]
        for peer in hoard:
            peer.send(post("/recipe/session", b" " * (LIMIT - 2), f"api-key: {KEY}", length=LIMIT - 1))
        time.sleep(0.3)
        core = self._server.core(headers={"api-key": KEY})
        made = [core.create(f"beside-{n}").outcome for n in range(5)]
        grown = self._server.resident - memory
        self._checks.equal("finding W4: others sign in beside 64 large bodies that do not end", made, ["OK"] * 5)
        self._checks.check(f"finding W4: 64 large bodies: memory grows by {grown} KiB", grown < 64 * 1024)
        for peer in hoard:
            peer.close()

    def _early(self, name: str, status: int, request: bytes) -> None:
        with Peer(self._server.port) as peer:
            begun = time.monotonic()
            peer.send(request)
            answer = peer.answer(2)
            took = time.monotonic() - begun
            self._checks.check(f"finding W4: {name}: {status} from the head alone ({took * 1000:.0f} ms)",
                               answer is not None and answer.status == status and took < 0.5, answer)

    def _crowd(self, name: str, request: bytes) -> None:
        memory = self._server.resident
        crowd = [Peer(self._server.port) for _ in range(UNWANTED)]
        begun = time.monotonic()
        for peer in crowd:
            peer.send(request)
        refused = sum((answer := peer.answer(2 if time.monotonic() - begun < 5 else 0)) is not None
                      and answer.status == 401 for peer in crowd)
        took = time.monotonic() - begun
        grown = self._server.resident - memory
        self._checks.check(f"finding W4: {UNWANTED} {name}: {refused} refused in {took:.2f} s before they come",
                           refused == UNWANTED)
        self._checks.check(f"finding W4: {UNWANTED} {name}: memory grows by {grown} KiB", grown < GROWTH)
        ended = sum(peer.closed(4 if time.monotonic() - begun < 10 else 0) for peer in crowd)
        self._checks.check(f"finding W4: {UNWANTED} {name}: {ended} connections are ended", ended == UNWANTED)
        for peer in crowd:
            peer.close()


def revocation(handle: str) -> bytes:
    """A request that ends a session."""
    return post("/recipe/session/remove", json.dumps({"sessionHandles": [handle]}).encode())
