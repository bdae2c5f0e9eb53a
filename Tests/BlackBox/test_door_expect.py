"""P1: `Expect: 100-continue` is answered from the head alone, at once."""

from __future__ import annotations

import subprocess
import time

import pytest
from door_wire import BODY, GET, KEY, Peer, ask, chunked, head, post
from harness import HOST, Server

EXPECT = "Expect: 100-continue"
AT_ONCE = 0.25
SAMPLE_AT_ONCE = 2.0
"""The same for a sample, which has to hold on a machine that is ten times slower; nothing ends the wait for a body."""
LIMIT = 1 << 20
SIZE = len(BODY)


@pytest.fixture(scope="module")
def at_once(quick: bool) -> float:
    """Within how many seconds a head is answered."""
    return SAMPLE_AT_ONCE if quick else AT_ONCE


@pytest.mark.parametrize(("request_", "body"), [
    *((post("/recipe/session", b"", field, length=SIZE), BODY) for field in (
        EXPECT, "Expect: 100-Continue", "EXPECT: 100-CONTINUE", "expect:100-continue", "Expect: 100-continue \t")),
    (chunked(b"", EXPECT), b"%x\r\n%b\r\n0\r\n\r\n" % (SIZE, BODY)),
    (post("/recipe/session", b"", EXPECT, length=LIMIT), BODY[:-1] + b" " * (LIMIT - SIZE) + b"}"),
], ids=["as everybody writes it", "with a capital", "in capitals", "without a space", "with spaces after it",
        "of chunks", "of the greatest length"])
def test_finding_P1_whoever_waits_is_asked_at_once(server: Server, at_once: float, request_: bytes, body: bytes) -> None:
    with Peer(server.port) as peer:
        begun = time.monotonic()
        peer.send(request_)
        first = peer.answer(5)
        assert first is not None and (first.status, first.body) == (100, b"") and time.monotonic() - begun < at_once
        assert peer.quiet(0.05), f"nothing more before the body: {peer.rest!r}"
        peer.send(body)
        last = peer.answer()
        assert last is not None and last.status == 200


REFUSED = {
    "an unknown path": (404, post("/nothing", b"", EXPECT, length=40)),
    "a method that is not served": (405, head("PUT /recipe/session HTTP/1.1", EXPECT, "Content-Length: 40")),
    "no key": (401, post("/recipe/session", b"", EXPECT, length=40)),
    "a wrong key": (401, post("/recipe/session", b"", EXPECT, f"api-key: {KEY}x", length=40)),
    "a body over the limit": (413, post("/recipe/session", b"", EXPECT, length=LIMIT + 1)),
    "two lengths": (400, post("/recipe/session", b"", EXPECT, "Content-Length: 41", length=40)),
    "an unknown coding": (501, head("POST /recipe/session HTTP/1.1", EXPECT, "Transfer-Encoding: gzip")),
    "a foreign Host": (403, head("POST /recipe/session HTTP/1.1", EXPECT, "Content-Length: 40", host="rebind.example"))}


@pytest.mark.parametrize("name", REFUSED)
def test_finding_P1_what_is_refused_is_not_asked_for(server: Server, keyed: Server, at_once: float, name: str) -> None:
    status, request = REFUSED[name]
    with Peer(keyed.port if "key" in name else server.port) as peer:
        begun = time.monotonic()
        peer.send(request)
        answer = peer.answer(5)
        assert answer is not None and answer.status == status and time.monotonic() - begun < at_once
        # The body may come all the same.
        peer.send(GET)
        assert peer.answer(0.15) is None, "the body is not taken for a request"


@pytest.mark.parametrize("fields", [
    *([f"Expect: {value}"] for value in (
        "200-ok", "100-continue, x", "100-continue; q=1", "100", "x", "continue", "100-continue x=y")),
    ["Expect: x", EXPECT], [EXPECT, "Expect: x"]], ids=", ".join)
def test_finding_P1_another_expectation_is_417(server: Server, fields: list[str]) -> None:
    answer = ask(server.port, post("/recipe/session", b"", *fields, length=SIZE), seconds=2)
    assert answer is not None and answer.status == 417 and answer.body


def test_finding_P1_HTTP_1_0_gets_no_100(server: Server) -> None:
    with Peer(server.port) as peer:
        peer.send(post("/recipe/session", b"", EXPECT, length=SIZE, version="1.0"))
        assert peer.quiet(0.3), peer.rest
        peer.send(BODY)
        answer = peer.answer()
        assert answer is not None and answer.status == 200


def test_finding_P1_the_second_request_is_asked_for_after_the_first_reply(server: Server) -> None:
    with Peer(server.port) as peer:
        for sent, wanted in ((GET + post("/recipe/session", b"", EXPECT, length=SIZE), [200, 100]),
                             (BODY + GET, [200, 200])):
            peer.send(sent)
            assert [answer and answer.status for answer in (peer.answer(2), peer.answer(2))] == wanted


@pytest.mark.parametrize("request_", [
    post("/recipe/session", BODY, EXPECT), head("GET /hello HTTP/1.1", EXPECT),
    head("GET /hello HTTP/1.1", EXPECT, "Content-Length: 0")],
                         ids=["a body that came along", "no body", "an empty body"])
def test_finding_P1_whoever_does_not_wait_gets_at_most_one_100(server: Server, request_: bytes) -> None:
    with Peer(server.port) as peer:
        peer.send(request_)
        assert peer.final(2)[0] in ([200], [100, 200])


def test_finding_P1_curl_does_not_wait(server: Server) -> None:
    begun = time.monotonic()
    done = subprocess.run(
        ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--expect100-timeout", "5", "-H", EXPECT, "-H",
         "Content-Type: application/json", "-d", BODY.decode(), f"http://{HOST}:{server.port}/recipe/session"],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "200" and time.monotonic() - begun < 2
