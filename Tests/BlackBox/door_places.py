"""Paths of apps and tenants, which the directory has to know first: however the bytes of a request come, it is answered."""

from __future__ import annotations

import time

from door_wire import BODY, KEY, LIVE, Answer, LimitedServer, Peer, head, post
from harness import CDI, Checks

APP = "/appid-a1/recipe/session"
SECONDS = 3


class Places:
    """Requests that wait for a look at the directory between their head and their body."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        with LimitedServer(config=f"api_keys: {KEY}\n") as server:
            self._server = server
            made = server.core(headers={"api-key": KEY}).put("/recipe/multitenancy/app", {"appId": "a1"})
            self._checks.check("places: an app is made", made.ok, made.outcome)
            for path, status in ((APP, 200), ("/appid-a1/public/recipe/session", 200), ("/appid-nobody/recipe/session", 400),
                                 ("/t9/recipe/session", 400)):
                self._ways(path, status)
            self._wrong_key()
            self._in_order()

    def _one(self, name: str, status: int, *parts: bytes) -> None:
        with Peer(self._server.port) as peer:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(0.02)
                peer.send(part)
            found: list[int] = []
            answer: Answer | None = None
            while (not found or found[-1] < 200) and (answer := peer.answer(SECONDS)) is not None:
                found.append(answer.status)
            self._checks.check(f"places: {name}: {status}", found[-1:] == [status], (found, answer, peer.ended))

    def _ways(self, path: str, status: int) -> None:
        """The same request cut in many ways."""
        key = f"api-key: {KEY}"
        whole = post(path, BODY, key)
        body = len(whole) - len(BODY)
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
        coded = head(f"POST {path} HTTP/1.1", key, f"cdi-version: {CDI}", "Transfer-Encoding: chunked")
        self._one(f"{path} in one piece", status, whole)
        self._one(f"{path}, head and body", status, whole[:body], whole[body:])
        self._one(f"{path}, a byte of the body with the head", status, whole[:body + 1], whole[body + 1:])
        self._one(f"{path}, all but a byte", status, whole[:-1], whole[-1:])
        self._one(f"{path}, in the midst of the head", status, whole[:40], whole[40:])
        self._one(f"{path} in chunks in one piece", status, coded + chunks)
        self._one(f"{path} in chunks", status, coded, chunks[:5], chunks[5:])
        self._one(f"{path} without a body", 200 if status == 200 else 400,
                  head(f"GET {path}/user?userId=x HTTP/1.1", key, f"cdi-version: {CDI}"))
        self._one(f"{path} with an expectation", status, post(path, b"", key, "Expect: 100-continue", length=len(BODY)), BODY)

    def _wrong_key(self) -> None:
        for name, fields in (("no key", []), ("a wrong key", ["api-key: wrong"])):
            for path in (APP, "/appid-nobody/recipe/session", "/t9/recipe/session"):
                self._one(f"{path} with {name}", 401, post(path, BODY, *fields))

    def _in_order(self) -> None:
        """Replies keep their order beside requests that need no look."""
        key = f"api-key: {KEY}"
        with Peer(self._server.port) as peer:
            asked = [LIVE, post(APP, BODY, key), head("GET /nothing HTTP/1.1"), post("/t9/recipe/session", BODY, key),
                     post("/recipe/session", BODY, key), LIVE] * 30
            peer.send(b"".join(asked))
            found = []
            while len(found) < len(asked) and (answer := peer.answer(SECONDS)) is not None:
                found.append(answer.status)
            self._checks.equal("places: 180 pipelined requests to all places are answered in order", found,
                               [200, 200, 404, 400, 200, 200] * 30)
