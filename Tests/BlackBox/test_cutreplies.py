"""Cuts refreshes at every byte of the reply and of the request, with a client that tries again (experiment E-08).

The client presents its refresh token over a socket of its own, reads exactly k bytes of the reply and resets the
connection; it then presents the same token again, sometimes twice, and goes on with the token that it finally has.
The other way round, it sends only k bytes of the request. A request may also arrive late, after what came of it was
used. The client must never be logged out, no theft may be noted, and what it gets must be what any earlier reply has
said, byte for byte. At the end of each session a used-up token is presented: there was one live chain.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Callable, Iterator

import pytest
from harness import HOST, Json, Reply, Server, together

VERSIONS = ("2.9", "4.0", "5.4", "5.6")
AT_ONCE = "5.6"
CONFIG = "access_token_signing_algorithm: ES256\n"
NAIVE = CONFIG + "refresh_token_rotation_grace_period: 0\n"
SESSIONS = 8
SECONDS = 20.0
REFRESH_TOKEN = re.compile(rb'"refreshToken":\{"token":"([^"]+)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Cut:
    """Where a refresh is cut."""

    where: str
    """`reply`: after so many bytes were read; `request`: after so many bytes were sent."""
    after: int


class Wire:
    """Refreshes over sockets of their own."""

    def __init__(self, port: int, cdi: str) -> None:
        self.port = port
        self.cdi = cdi

    def request(self, token: str) -> bytes:
        body: Json = {"refreshToken": token, "enableAntiCsrf": False, "useDynamicSigningKey": True}
        data = json.dumps(body).encode()
        head = (f"POST /recipe/session/refresh HTTP/1.1\r\nhost: {HOST}\r\ncdi-version: {self.cdi}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n")
        return head.encode() + data

    def cut(self, token: str, cut: Cut) -> bytes:
        """Refreshes, cuts the connection and returns what was read until then."""
        request = self.request(token)
        with socket.create_connection((HOST, self.port), timeout=SECONDS) as connection:
            if cut.where == "request":
                connection.sendall(request[:cut.after])
                if cut.after % 2:  # half of the clients say goodbye, the others just vanish
                    connection.shutdown(socket.SHUT_WR)
                    return b""
                return self._reset(connection, b"")
            connection.sendall(request)
            if cut.after == 0:
                select.select([connection], [], [], SECONDS)
            return self._reset(connection, self.read(connection, cut.after))

    @staticmethod
    def _reset(connection: socket.socket, read: bytes) -> bytes:
        """Ends the connection with a reset instead of a goodbye."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return read

    @staticmethod
    def read(connection: socket.socket, limit: int) -> bytes:
        """Reads so many bytes and no more; fewer when the reply ends before."""
        data = b""
        while len(data) < limit:
            head, gap, body = data.partition(b"\r\n\r\n")
            length = LENGTH.search(head + b"\r\n")
            if gap and length and len(body) >= int(length[1]):
                break
            part = connection.recv(limit - len(data))
            if not part:
                break
            data += part
        return data

    def whole(self, token: str) -> bytes:
        with socket.create_connection((HOST, self.port), timeout=SECONDS) as connection:
            connection.sendall(self.request(token))
            return self.read(connection, 1 << 20)


class Client:
    """A client with one session, whose every refresh is cut."""

    def __init__(self, server: Server, cdi: str, name: str, dice: random.Random) -> None:
        self._core = server.core(cdi)
        self._wire = Wire(server.port, cdi)
        self._name = name
        self._dice = dice
        self.counts: Counter[str] = Counter()
        self.violations: list[str] = []
        self._rotations = 0
        self._sign_in()

    def _sign_in(self) -> None:
        made = self._core.create(self._name)
        self._handle = str(made.json["session"]["handle"])
        self._token = self._used_up = str(made.json["refreshToken"]["token"])
        self._rotations = 0

    def lengths(self) -> tuple[int, int]:
        """How long the request and the reply of a refresh are."""
        return len(self._wire.request(self._token)), len(self._wire.whole(self._token))

    def run(self, cuts: list[Cut]) -> None:
        for cut in cuts:
            self._round(cut)
        self._end()
        self._core.close()

    def _round(self, cut: Cut) -> None:
        """A refresh that is cut, its repetition, and the use of what came of it."""
        seen = [self._wire.cut(self._token, cut)]
        if self._dice.random() < 0.25:
            self.counts["cut twice"] += 1
            seen.append(self._wire.cut(self._token, Cut("reply", self._dice.randrange(2_000))))
        self.counts[cut.where] += 1
        reply = self._core.refresh(self._token)
        if not reply.ok:
            self._logged_out(cut, reply)
            return
        child = str(reply.json["refreshToken"]["token"])
        self._compare(cut, seen, child)
        self._used_up, self._token = self._token, child
        self._rotations += 1
        if self._dice.random() < 0.5:
            self._use(reply)
        if self._dice.random() < 0.25:
            self._late(cut)

    def _late(self, cut: Cut) -> None:
        """A request that was sent before the reply came arrives after that: it gets the same."""
        self.counts["late"] += 1
        reply = self._core.refresh(self._used_up)
        if not reply.ok:
            self._logged_out(cut, reply)
        elif str(reply.json["refreshToken"]["token"]) != self._token:
            self._violation(f"{cut}: a late request gave another token")

    def _compare(self, cut: Cut, seen: list[bytes], child: str) -> None:
        """What earlier replies said before they were cut is what the last one says."""
        for match in filter(None, map(REFRESH_TOKEN.search, seen)):
            self.counts["tokens compared"] += 1
            if match[1].decode() != child:
                self._violation(f"{cut}: the retry gave another token")

    def _use(self, reply: Reply) -> None:
        verified = self._core.verify(str(reply.json["accessToken"]["token"]), check_database=True)
        if not verified.ok:
            self._violation(f"the new access token: {verified.outcome}")

    def _logged_out(self, cut: Cut, reply: Reply) -> None:
        self.counts["log-outs"] += 1
        self.counts["theft records"] += self._told("reuse_detected")
        self._violation(f"logged out after {cut}: {reply.outcome}")
        self._sign_in()

    def _violation(self, text: str) -> None:
        self.violations.append(text)

    def _told(self, event: str) -> int:
        page = self._core.get("/tessera/audit", sessionHandle=self._handle, event=event, limit="1000", after="0")
        return len(page.json["records"])

    def _end(self) -> None:
        """The session is alive, was rotated once a round, and a used-up token is no second chain."""
        last = self._core.refresh(self._token)
        if not last.ok:
            self._violation(f"the last token: {last.outcome}")
            return
        self._use(last)
        self.counts["theft records"] += self._told("reuse_detected")
        if self._told("refreshed") != self._rotations + 1:
            self._violation(f"{self._told('refreshed')} rotations are told of, {self._rotations + 1} were made")
        if self._rotations and self._core.refresh(self._used_up).outcome != "TOKEN_THEFT_DETECTED":
            self._violation("a used-up token was taken")
        if self._core.information(self._handle).ok:
            self._violation("a second chain was left alive")


def drive(server: Server, cdi: str, seed: str, rounds: int, step: int = 1) -> tuple[Counter[str], list[str]]:
    """Cuts so often at every byte, or at one in so many from a random one on, shared among sessions."""
    dice = random.Random(seed)
    request, reply = Client(server, cdi, "scout", dice).lengths()
    cuts = [Cut(where, after) for where, length in (("reply", reply), ("request", request))
            for after in range(dice.randrange(step), length + 1, step)] * rounds
    dice.shuffle(cuts)
    clients = [Client(server, cdi, f"user-{n}", random.Random(f"{seed}/{n}")) for n in range(SESSIONS)]
    together(*(lambda n=n, client=client: client.run(cuts[n::SESSIONS]) for n, client in enumerate(clients)))
    found = sum((client.counts for client in clients), Counter())
    return found, [violation for client in clients for violation in client.violations]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server whose signatures cost little."""
    with Server(config=CONFIG) as running:
        yield running
        assert running.stop() == 0


@pytest.mark.parametrize("cdi", VERSIONS)
def test_no_cut_logs_anybody_out(server: Server, seed: int, rounds: Callable[[int, int], int], quick: bool, cdi: str,
                                 say: Callable[[str], None]) -> None:
    found, violations = drive(server, cdi, f"{seed}/{cdi}", rounds(2, 1), 3 if quick else 1)
    say(f"CDI {cdi}: {dict(found)}, {len(violations)} violations")
    assert violations == [] and found["reply"] and found["request"]
    assert (found["log-outs"], found["theft records"]) == (0, 0)


def test_a_parent_that_is_forgotten_at_once_is_found_out(seed: int, serve: Callable[..., Server],
                                                         say: Callable[[str], None]) -> None:
    """The negative control."""
    found, _ = drive(serve(NAIVE), AT_ONCE, f"{seed}/naive", 1, step=8)
    say(f"negative control: {dict(found)}")
    assert found["log-outs"]
