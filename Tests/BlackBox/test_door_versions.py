"""P2, P3 and P4: how long a connection lives by version and idleness, and which Host a request has to name."""

from __future__ import annotations

import time
from functools import partial
from typing import Callable

import pytest
from door_wire import BODY, GET, LimitedServer, Peer, ask, head, post
from harness import Server, ServerFailed, together

OLD = b"GET /hello HTTP/1.0\r\n\r\n"
IDLE = 6
USUAL_IDLE = 75


def hello(version: str, *fields: str) -> bytes:
    """A request of a version with `Connection`."""
    return head(f"GET /hello HTTP/{version}", *(f"Connection: {field}" for field in fields))


ONCE = {
    "HTTP/1.0 without a Host": OLD, "HTTP/1.0 with a Host": hello("1.0"),
    "HTTP/1.0 HEAD": b"HEAD /health/live HTTP/1.0\r\n\r\n",
    "HTTP/1.0 POST": post("/recipe/session", BODY, version="1.0"),
    "HTTP/1.0 of an unknown path": b"GET /nothing HTTP/1.0\r\n\r\n", "HTTP/1.0 with close": hello("1.0", "close"),
    "HTTP/1.0 twice at once": OLD + OLD, "HTTP/1.0 with another Connection": hello("1.0", "x-keep-alive"),
    **{f"HTTP/1.1 with {value}": hello("1.1", value) for value in (
        "close", "Close", "keep-alive, close", "close ,x", "x,\tCLOSE")},
    "HTTP/1.1 with two Connection fields": hello("1.1", "x", "close")}


@pytest.mark.parametrize("name", ONCE)
def test_finding_P2_one_reply_and_the_connection_ends(server: Server, name: str) -> None:
    """finding P2: HTTP/1.0 that does not ask to stay open is answered once."""
    with Peer(server.port) as peer:
        peer.send(ONCE[name])
        answer = peer.answer(2, "HEAD" in name)
        assert answer is not None and answer.status == (404 if "unknown" in name else 200) and answer.closes
        assert peer.closed(1.5) and peer.rest == b"", "closed after it, and nothing more"


@pytest.mark.parametrize(("request_", "said"), [
    *((hello("1.0", value), "keep-alive") for value in ("keep-alive", "Keep-Alive", "x, keep-alive")),
    (GET, None), (hello("1.1", "x"), None)], ids=str)
def test_finding_P2_three_replies_on_one_connection(server: Server, request_: bytes, said: str | None) -> None:
    with Peer(server.port) as peer:
        for _ in range(3):
            peer.send(request_)
            answer = peer.answer(2)
            assert answer is not None and answer.status == 200 and not answer.closes
            assert said is None or answer.field("connection").lower() == said


def test_finding_P2_HTTP_1_0_with_chunks_is_refused_and_closed(server: Server) -> None:
    """RFC 9112 6.1."""
    answer = ask(server.port, head("POST /recipe/session HTTP/1.0", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
    assert answer is not None and answer.status in (400, 501) and answer.closes


HOSTS: list[tuple[str, list[str], tuple[int, ...]]] = [
    ("no Host", [], (400,)),
    ("two Hosts", ["Host: localhost", "Host: localhost"], (400,)),
    ("two different Hosts", ["Host: localhost", "Host: rebind.example"], (400,)),
    ("two Hosts of which one is empty", ["Host: localhost", "Host:"], (400,)),
    ("a space in it", ["Host: local host"], (400,)),
    ("a port that is no number", ["Host: localhost:80x"], (400,)),
    ("two ports", ["Host: localhost:1:2"], (400,)),
    ("a negative port", ["Host: localhost:-1"], (400,)),
    ("an open bracket", ["Host: [::1"], (400,)),
    ("no address in brackets", ["Host: [localhost]"], (400,)),
    ("text after brackets", ["Host: [::1]x"], (400,)),
    ("a bare IPv6 address", ["Host: ::1"], (400,)),
    ("a user", ["Host: user@localhost"], (400,)),
    ("a path", ["Host: localhost/x"], (400,)),
    ("a query", ["Host: localhost?x"], (400,)),
    ("a fragment", ["Host: localhost#x"], (400,)),
    ("a scheme", ["Host: http://localhost"], (400,)),
    ("markup", ["Host: <img>"], (400,)),
    ("a quotation mark", ["Host: \"localhost\""], (400,)),
    ("a backslash", ["Host: localhost\\@x"], (400,)),
    ("a byte over 127", ["Host: localh\xf6st"], (400,)),
    ("half an escape", ["Host: localhost%4"], (400, 403)),
    ("nothing", ["Host:"], (400, 403)),
    ("a list", ["Host: localhost,localhost"], (400, 403)),
]
GOOD_HOSTS = ("localhost", "LOCALHOST", "localhost:3567", "localhost:", "a.localhost", "a.b.LocalHost:1", "127.0.0.1",
              "127.1.2.3:80", "127.255.255.255", "[::1]", "[::1]:3567")
REBIND = head("GET http://localhost/hello HTTP/1.1", host="rebind.example")
TARGETS: dict[str, tuple[int, bytes]] = {
    **{f"Host: {host}": (200, head("GET /hello HTTP/1.1", host=host)) for host in GOOD_HOSTS},
    **{target: (200, head(f"GET {target} HTTP/1.1")) for target in (
        "http://localhost/hello", "HTTP://localhost:3567/hello", "http://[::1]:1/hello?x=http://y/")},
    "a target's authority goes before Host (RFC 9112 3.2.2)": (200, REBIND),
    "a foreign authority in the target": (403, head("GET http://rebind.example/hello HTTP/1.1")),
    "a malformed Host beside an absolute target": (400, head("GET http://localhost/hello HTTP/1.1", host="local host")),
    "an authority with a user": (400, head("GET http://localhost@rebind.example/hello HTTP/1.1")),
    "a target's authority does not stand in for a Host (RFC 9112 3.2)": (
        400, head("GET http://localhost/hello HTTP/1.1", host=None))}


@pytest.mark.parametrize(("fields", "statuses"), [row[1:] for row in HOSTS], ids=[row[0] for row in HOSTS])
def test_finding_P3_exactly_one_well_formed_host(server: Server, fields: list[str], statuses: tuple[int, ...]) -> None:
    """finding P3: anything else is a 400 with a text."""
    answer = ask(server.port, head("GET /hello HTTP/1.1", *fields, host=None))
    assert answer is not None and answer.status in statuses and answer.body


@pytest.mark.parametrize("name", TARGETS)
def test_finding_P3_who_is_meant(server: Server, name: str) -> None:
    status, request = TARGETS[name]
    answer = ask(server.port, request)
    assert answer is not None and answer.status == status


def silent(port: int) -> None:
    """A connection that never says anything ends."""
    with Peer(port) as peer:
        assert peer.closed(IDLE + 9) and peer.rest == b""


def after_requests(port: int, quick: bool) -> None:
    """It ends after the last reply, and not earlier than it told."""
    # How late this script may read and write, at most; a sample has to hold on a machine that is ten times slower.
    early, slack, late = (2, 1, 10) if quick else (0.5, 0.05, 1.5)
    with Peer(port) as peer:
        for pause in (0, IDLE - early, IDLE - early):
            time.sleep(pause)
            peer.send(GET)
            answer = peer.answer()
            assert answer is not None and answer.field("keep-alive") == f"timeout={IDLE}", f"served after {pause:g} s"
        begun = time.monotonic()
        assert peer.closed(IDLE + 9) and peer.rest == b""
        # The core counts from its reply, which is read later.
        assert IDLE <= time.monotonic() - begun + slack < IDLE + late


def busy(port: int) -> None:
    """A request that takes longer than the idle time is not idle."""
    with Peer(port) as peer:
        peer.send(post("/recipe/session", BODY[:10], length=len(BODY)))
        time.sleep(IDLE + 1)
        peer.send(BODY[10:])
        answer = peer.answer()
        assert answer is not None and answer.status == 200


def test_finding_P4_idle_connections_last_as_long_as_was_set(serve: Callable[..., Server], quick: bool) -> None:
    in_file = serve(f"server_idle_timeout: {IDLE}\n")
    in_environment = serve("server_idle_timeout: 9\n", environment={"TESSERA_SERVER_IDLE_TIMEOUT": str(IDLE)})
    together(*(lambda step=step, port=server.port: step(port) for server in (in_file, in_environment)
               for step in (silent, partial(after_requests, quick=quick), busy)))


@pytest.mark.long
def test_finding_P4_a_connection_of_empty_lines_ends(serve: Callable[..., Server]) -> None:
    with Peer(serve(f"server_idle_timeout: {IDLE}\n").port) as peer:
        begun = time.monotonic()
        while time.monotonic() - begun < 14 and not peer.closed(0.3):
            peer.send(b"\r\n")
        assert peer.ended


@pytest.mark.parametrize("value", ["abc", "1.5", "-1"])
def test_finding_P4_a_wrong_time_is_refused_by_name(value: str) -> None:
    with pytest.raises(ServerFailed, match="server_idle_timeout"):
        LimitedServer(config=f"server_idle_timeout: {value}\n").start()


def test_finding_P4_75_s_is_told(server: Server) -> None:
    answer = ask(server.port, GET)
    assert answer and answer.field("keep-alive") == f"timeout={USUAL_IDLE}"


@pytest.mark.long
def test_finding_P4_75_s_is_kept(server: Server) -> None:
    with Peer(server.port) as one, Peer(server.port) as other:
        for peer in (one, other):
            peer.send(GET)
            peer.answer()
        begun = time.monotonic()
        time.sleep(61)
        other.send(GET)
        answer = other.answer()
        assert answer is not None and answer.status == 200, "when a balancer of 60 s still uses it"
        assert one.closed(20) and 75 <= time.monotonic() - begun + 0.1 < 80
