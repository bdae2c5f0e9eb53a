"""Clients that ask without a pause while a core is replaced, and count what went wrong."""

from __future__ import annotations

import http.client
import json
import random
import select
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from harness import CDI, HOST

# An answer may take long while no core runs; it has to come.
PATIENCE = 60.0
PAUSE = 0.05


@dataclass
class Count:
    """What clients have seen."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Client(threading.Thread):
    """Signs in, verifies and refreshes, again and again, and never sends anything twice."""

    def __init__(self, port: int, count: Count, end: threading.Event, name: str, key: str | None = None) -> None:
        super().__init__(name=name, daemon=True)
        self._count, self._end, self._port = count, end, port
        self._headers = {"cdi-version": CDI, "content-type": "application/json", **({"api-key": key} if key else {})}
        self._connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE)
        self._dice = random.Random(name)

    def run(self) -> None:
        while not self._end.is_set():
            try:
                self._life()
            except AssertionError as wrong:
                self._note(0, str(wrong))
            except (OSError, http.client.HTTPException) as wrong:
                self._connection.close()
                self._note(0, f"{self.name}: {wrong!r}")

    def _life(self) -> None:
        made = self._post("/recipe/session", {
            "userId": self.name, "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
            "useDynamicSigningKey": True})
        self._post("/recipe/session/verify", {
            "accessToken": made["accessToken"]["token"], "doAntiCsrfCheck": False, "enableAntiCsrf": False,
            "checkDatabase": True})
        self._post("/recipe/session/refresh", {
            "refreshToken": made["refreshToken"]["token"], "enableAntiCsrf": False, "useDynamicSigningKey": True})

    def _post(self, path: str, body: Any) -> Any:
        if "new" in self.name:
            self._connection.close()
        if "calm" in self.name:
            self._end.wait(self._dice.uniform(0, PAUSE))
        # As clients do: a connection that the server has closed is not used again.
        if self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()
        begun = time.monotonic()
        self._connection.request("POST", path, json.dumps(body), self._headers)
        reply = self._connection.getresponse()
        text = reply.read()
        assert reply.status == 200 and b'"status":"OK"' in text, f"{self.name}: {path}: {reply.status} {text[:100]!r}"
        self._note(time.monotonic() - begun)
        return json.loads(text)

    def _note(self, took: float, wrong: str | None = None) -> None:
        with self._count.lock:
            if wrong is None:
                self._count.answered += 1
            else:
                self._count.failed.append(wrong)
            self._count.slowest = max(self._count.slowest, took)


class Load:
    """Clients of each kind: on one connection without a pause, with pauses, and each time on a new connection."""

    def __init__(self, port: int, clients: int = 12, key: str | None = None) -> None:
        self.count, self._end = Count(), threading.Event()
        kinds = ["busy", "calm", "new"]
        self._clients = [Client(port, self.count, self._end, f"{kinds[each % 3]} {each}", key) for each in range(clients)]

    def __enter__(self) -> "Load":
        for client in self._clients:
            client.start()
        return self

    def more(self, answers: int) -> None:
        """Waits until so many more requests were answered, or one was not."""
        wanted = self.count.answered + answers
        end = time.monotonic() + PATIENCE
        while self.count.answered < wanted and not self.count.failed and time.monotonic() < end:
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for client in self._clients:
            client.join(PATIENCE)
