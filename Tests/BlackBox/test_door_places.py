"""Paths of apps and tenants, which the directory has to know first: however the bytes come, all is answered."""

from __future__ import annotations

import time

import pytest
from door_wire import BODY, KEY, LIVE, Peer, head, post
from harness import CDI, Server

APP = "/appid-a1/recipe/session"
FIELD = f"api-key: {KEY}"
PLACES = {APP: 200, "/appid-a1/public/recipe/session": 200, "/appid-nobody/recipe/session": 400,
          "/t9/recipe/session": 400}


@pytest.fixture(scope="module", autouse=True)
def app(keyed: Server) -> None:
    """The one app that there is."""
    assert keyed.core(headers={"api-key": KEY}).put("/recipe/multitenancy/app", {"appId": "a1"}).ok


def status_of(server: Server, *parts: bytes) -> int | None:
    """Sends a request in parts and gives the final status."""
    with Peer(server.port) as peer:
        for number, part in enumerate(parts):
            if number:
                time.sleep(0.02)
            peer.send(part)
        answer = peer.final(3)[1]
        return answer and answer.status


def ways(path: str) -> dict[str, list[bytes]]:
    """The same request cut in many ways."""
    whole = post(path, BODY, FIELD)
    body = len(whole) - len(BODY)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    coded = head(f"POST {path} HTTP/1.1", FIELD, f"cdi-version: {CDI}", "Transfer-Encoding: chunked")
    return {
        "in one piece": [whole], "head and body": [whole[:body], whole[body:]],
        "a byte of the body with the head": [whole[:body + 1], whole[body + 1:]],
        "all but a byte": [whole[:-1], whole[-1:]], "in the midst of the head": [whole[:40], whole[40:]],
        "in chunks in one piece": [coded + chunks], "in chunks": [coded, chunks[:5], chunks[5:]],
        "without a body": [head(f"GET {path}/user?userId=x HTTP/1.1", FIELD, f"cdi-version: {CDI}")],
        "with an expectation": [post(path, b"", FIELD, "Expect: 100-continue", length=len(BODY)), BODY]}


@pytest.mark.parametrize("way", ways(""))
@pytest.mark.parametrize("path", PLACES)
def test_a_request_is_answered_however_it_comes(keyed: Server, path: str, way: str) -> None:
    assert status_of(keyed, *ways(path)[way]) == PLACES[path]


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("fields", [[], ["api-key: wrong"]], ids=["no key", "a wrong key"])
def test_without_a_key_no_place_is_told(keyed: Server, path: str, fields: list[str]) -> None:
    assert status_of(keyed, post(path, BODY, *fields)) == 401


def test_replies_keep_their_order_beside_requests_that_need_no_look(keyed: Server) -> None:
    with Peer(keyed.port) as peer:
        asked = [LIVE, post(APP, BODY, FIELD), head("GET /nothing HTTP/1.1"), post("/t9/recipe/session", BODY, FIELD),
                 post("/recipe/session", BODY, FIELD), LIVE] * 30
        peer.send(b"".join(asked))
        assert peer.statuses(3, len(asked)) == [200, 200, 404, 400, 200, 200] * 30
