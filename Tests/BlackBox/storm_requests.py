"""Hostile requests by the seed: truncated, mutated, pipelined, oversize, slow, wrong chunks, random bytes; valid mixed in."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Callable

from door_tables import BROKEN, GOOD, LINES
from door_wire import BODY, GET, LIVE, chunked, head, post
from harness import CDI

SMALL = [row for row in BROKEN + LINES + GOOD if len(row.request) < 70_000]
LARGE = [row for row in BROKEN + GOOD if len(row.request) >= 70_000]


@dataclass(frozen=True)
class Script:
    """What one connection does."""

    kind: str
    steps: tuple[tuple[bytes, float], ...]
    """Bytes, and how long to wait after them."""
    wanted: tuple[int, ...] = ()
    """The statuses that have to come, where that is known."""
    finish: bool = False
    """Whether it ends its own direction."""
    reset: bool = False
    """Whether it breaks off as soon as all is sent."""
    left: bool = False
    """Whether it waits until the server cuts it."""


class Hostility:
    """An endless source of scripts."""

    def __init__(self, seed: int, tokens: tuple[str, str], slow: bool) -> None:
        """Prepares it with the access and refresh token of a session; the slowest are left out of a sample."""
        self._dice, self._slow = random.Random(seed), slow
        access, refresh = tokens
        self._valid = [
            GET, LIVE, post("/recipe/session"), head("GET /.well-known/jwks.json HTTP/1.1"),
            post("/recipe/session/verify", json.dumps({
                "accessToken": access, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": True}).encode()),
            post("/recipe/session/refresh", json.dumps({
                "refreshToken": refresh[:-3], "enableAntiCsrf": False, "useDynamicSigningKey": True}).encode()),
            head("GET /recipe/session/user?userId=stormy HTTP/1.1", f"cdi-version: {CDI}"),
            post("/recipe/session/remove", b'{"sessionHandles":["x"]}'),
            chunked(b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (BODY[:5], BODY[5:40], BODY[40:]))
                    + b"0\r\n\r\n")]
        self._kinds: list[tuple[int, Callable[[], Script]]] = [
            (18, self._honest), (22, self._mutated), (14, self._truncated), (10, self._pipelined), (12, self._table),
            (8, self._noise), (5, self._fields), (4, self._broken_chunks), (4, self._bodies), (2, self._dripping),
            (1, self._deaf), (1, self._large)]
        self._weights = [weight for weight, _ in self._kinds]

    def script(self) -> Script:
        """The next one."""
        if self._slow and self._dice.random() < 0.001:
            return Script("left", ((self._dice.choice(self._valid)[:-1], 0.0),), left=True)
        return self._dice.choices(self._kinds, self._weights)[0][1]()

    def _one(self) -> bytes:
        return self._dice.choice(self._valid)

    def _honest(self) -> Script:
        number = self._dice.randint(1, 4)
        return Script("valid", tuple((self._one(), 0.0) for _ in range(number)), wanted=(200,) * number)

    def _mutate(self, request: bytes) -> bytes:
        data = bytearray(request)
        for _ in range(self._dice.choice((1, 1, 2, 4, 16))):
            at = self._dice.randrange(len(data)) if data else 0
            what = self._dice.randrange(6)
            if what == 0 and data:
                data[at] ^= 1 << self._dice.randrange(8)
            elif what == 1:
                data[at:at] = self._dice.randbytes(self._dice.choice((1, 2, 30)))
            elif what == 2:
                del data[at:at + self._dice.choice((1, 2, 20))]
            elif what == 3:
                data[at:at] = data[at:at + self._dice.randrange(1, 60)]
            elif what == 4:
                data[at:at] = self._dice.choice((b"\r\n", b"\n", b"\r", b"\x00", b": ", b" ", b"\r\n\r\n", b"\t", b"%00"))
            else:
                data[at:at] = self._dice.choice((b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: x\r\n",
                                                 b"Expect: 100-continue\r\n", b"Connection: close\r\n"))
        return bytes(data)

    def _ending(self) -> dict[str, bool]:
        return self._dice.choice(({}, {"finish": True}, {"reset": True}))

    def _mutated(self) -> Script:
        return Script("mutated", ((self._mutate(self._one()), 0.0),), **self._ending())

    def _truncated(self) -> Script:
        request = self._one()
        return Script("truncated", ((request[:self._dice.randrange(1, len(request))], 0.0),),
                      **self._dice.choice(({"finish": True}, {"reset": True})))

    def _pipelined(self) -> Script:
        number = self._dice.choice((2, 8, 40, 150))
        parts = [self._one() for _ in range(number)]
        if self._dice.random() < 0.4:
            return Script("pipelined", ((b"".join(parts), 0.0),), wanted=(200,) * number)
        parts[self._dice.randrange(number)] = self._mutate(parts[0])
        return Script("pipelined with a fault", ((b"".join(parts), 0.0),), **self._ending())

    def _table(self) -> Script:
        row = self._dice.choice(SMALL)
        return Script("table", ((row.request, 0.0),), finish=row.finish or self._dice.random() < 0.2)

    def _large(self) -> Script:
        row = self._dice.choice(LARGE)
        return Script("oversize", ((row.request[:1_100_000], 0.0),), **self._ending())

    def _noise(self) -> Script:
        data = self._dice.randbytes(self._dice.choice((1, 10, 300, 5000, 20_000)))
        return Script("random bytes", ((data, 0.0),), **self._ending())

    def _fields(self) -> Script:
        number, length = self._dice.choice(((90, 5), (200, 5), (5000, 2), (3, 9000), (1, 30_000), (60, 300)))
        fields = [f"X-{n}: {'y' * length}" for n in range(number)]
        return Script("fields", ((head("GET /hello HTTP/1.1", *fields), 0.0),), **self._ending())

    def _broken_chunks(self) -> Script:
        sizes = (b"5", b"0", b"5;x=y", b"fffffff", b"-1", b"5\n", b"", b"g", b"00005", b"5 ", b"ffffffffffffffff")
        body = b"".join(self._dice.choice(sizes) + b"\r\n" + self._dice.randbytes(self._dice.randrange(8)) + b"\r\n"
                        for _ in range(self._dice.randrange(1, 30)))
        return Script("wrong chunks", ((chunked(body), 0.0),), **self._ending())

    def _bodies(self) -> Script:
        dice = self._dice
        body = dice.choice((
            b"[" * dice.choice((10, 60, 70, 50_000)), b"{\"a\":" * 5000, b'{"userId":' + b"9" * 20_000 + b"}",
            json.dumps({"userId": "x" * dice.choice((5, 2000)), "userDataInJWT": {str(n): n for n in range(2000)}}).encode(),
            dice.randbytes(3000), b'"\\ud800"' * 100, b'{"sessionHandles":[' + b'"x",' * 4000 + b'"x"]}'))
        path = dice.choice(("/recipe/session", "/recipe/session/verify", "/recipe/session/refresh", "/recipe/session/remove",
                            "/recipe/jwt", "/recipe/session/regenerate"))
        return Script("bodies", ((post(path, body), 0.0),))

    def _dripping(self) -> Script:
        request, step = self._one(), self._dice.choice((20, 60))
        pieces = [request[at:at + step] for at in range(0, len(request), step)][:15]
        pieces.append(request[15 * step:])
        return Script("slow", tuple((piece, self._dice.random() * 0.04) for piece in pieces if piece), wanted=(200,))

    def _deaf(self) -> Script:
        return Script("deaf", ((self._one() * self._dice.choice((20, 300)), 0.05),), reset=True)
