"""Where test_follow.py follows a session: a core, and applications with sessions in process and with `RemoteCore`.

All of them run unmodified on a wall clock that the script moves: clock_shim.c answers when they ask for the time.
"""

from __future__ import annotations

import enum
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Protocol

import pytest
from drivers_browser import START_SECONDS, Application, Browser, Tokens
from harness import HOST, ROOT, Child, Core, Json, Server, ServerFailed, binary, until
from wall_clock import DAY, Clock

HELLO_SESSION = os.environ.get("HELLO_SESSION", str(ROOT / "Examples/.build/debug/HelloSession"))
REMOTE_APP = os.environ.get("REMOTE_APP", str(ROOT / "Examples/.build/debug/RemoteApp"))
AT_ONCE = "5.6"
LIFE = 3_600.0
"""How long an access token lives."""
Trail = Callable[[str], list[Json]]
"""The audit log of a session by its handle, oldest first."""


class Kind(enum.Enum):
    """What came of an exchange."""

    OK = "ok"
    SOFT = "refused softly"
    THEFT = "theft"
    GONE = "no such session"


@dataclass(frozen=True)
class Pair:
    """A refresh token, the access token that came with it and when that one ends."""

    refresh: str
    access: str
    end: float


@dataclass(frozen=True)
class Answer:
    """What came of an exchange; there are tokens if it was granted."""

    kind: Kind
    pair: Pair | None = None


class Unexpected(Exception):
    """An answer that no rule has."""


@dataclass(frozen=True)
class Session:
    """A new session."""

    handle: str
    pair: Pair


class Place(Protocol):
    """Something that keeps sessions."""

    name: str
    at_once: bool
    """Whether an exchange rotates by itself, without a first use."""
    trail: Trail

    def begin(self, user: str) -> Session: ...

    def refresh(self, token: str) -> Answer: ...

    def use(self, pair: Pair) -> Pair | None: ...  # with the replacement of its access token; nothing if it is refused


def trail_of(core: Core) -> Trail:
    def asked(handle: str) -> list[Json]:
        core.close()
        return list(core.get("/tessera/audit", sessionHandle=handle, after="0", limit="1000").json["records"])
    return asked


class CorePlace:
    """A core that is asked with one version of its interface."""

    def __init__(self, server: Server, cdi: str) -> None:
        self.name = f"core, CDI {cdi}"
        self.at_once = cdi == AT_ONCE
        self._core = server.core(cdi)
        self.trail = trail_of(self._core)

    @staticmethod
    def _pair(body: Json) -> Pair:
        access = body["accessToken"]
        return Pair(str(body["refreshToken"]["token"]), str(access["token"]), access["expiry"] / 1_000)

    def begin(self, user: str) -> Session:
        """Creates a session, over a new connection: the last one may have been idle for too long."""
        self._core.close()
        made = self._core.create(user)
        if not made.ok:
            raise Unexpected(f"create: {made.outcome}")
        return Session(str(made.json["session"]["handle"]), self._pair(made.json))

    def refresh(self, token: str) -> Answer:
        reply = self._core.refresh(token)
        if reply.ok:
            return Answer(Kind.OK, self._pair(reply.json))
        kinds = {"TOKEN_THEFT_DETECTED": Kind.THEFT, "UNAUTHORISED": Kind.GONE}
        soft = reply.status == 503 and "retry-after" in reply.headers
        kind = Kind.SOFT if soft else kinds.get(reply.outcome)
        if kind is None:
            raise Unexpected(f"refresh: {reply.outcome}")
        return Answer(kind)

    def use(self, pair: Pair) -> Pair | None:
        reply = self._core.verify(pair.access)
        if reply.outcome in ("TRY_REFRESH_TOKEN", "UNAUTHORISED"):
            return None
        if not reply.ok:
            raise Unexpected(f"verify: {reply.outcome}")
        fresh = reply.json.get("accessToken")
        return Pair(pair.refresh, str(fresh["token"]), fresh["expiry"] / 1_000) if fresh else pair


class Example(Application):
    """A run of an example application; the log of its server tells where it listens."""

    def __init__(self, program: str, folder: Path, environment: dict[str, str]) -> None:
        if not Path(program).is_file():
            pytest.skip(f"no application at {program}: swift build --product {Path(program).name}")
        self.port = 0
        self.child = Child(["env", "-C", str(folder), program], {**environment, "PORT": "0"})
        said = re.compile(rf"listening on {re.escape(HOST)}:(\d+)$", re.MULTILINE)
        until(lambda: said.search(self.child.output) or not self.child.alive, START_SECONDS, 0.01)
        found = said.search(self.child.output)
        if found is None:
            raise ServerFailed(f"{program} did not start\n{self.child.output}")
        self.port = int(found[1])


class AppPlace:
    """An example application, whose sessions travel in header fields."""

    at_once = False

    def __init__(self, name: str, application: Application, trail: Trail) -> None:
        self.name = name
        self._application = application
        self.trail = trail

    def _browser(self, **held: str) -> Browser:
        return Browser(self._application, "header", Tokens(**held))

    @staticmethod
    def _pair(browser: Browser) -> Pair:
        return Pair(str(browser.tokens.refresh), str(browser.tokens.access), float(browser.tokens.part(1)["exp"]))

    def begin(self, user: str) -> Session:
        browser = self._browser()
        page = browser.login(user)
        if page.status != 200 or not browser.tokens.access:
            raise Unexpected(f"login: {page.status} {page.json}")
        return Session(str(browser.tokens.part(1)["sessionHandle"]), self._pair(browser))

    def refresh(self, token: str) -> Answer:
        browser = self._browser(refresh=token)
        page = browser.refresh()
        if page.status == 200:
            return Answer(Kind.OK, self._pair(browser))
        kinds = {(401, "token theft detected"): Kind.THEFT, (401, "unauthorised"): Kind.GONE}
        soft = page.status == 503 and "retry-after" in page.headers
        kind = Kind.SOFT if soft else kinds.get(page.refusal)
        if kind is None:
            raise Unexpected(f"refresh: {page.status} {page.json}")
        return Answer(kind)

    def use(self, pair: Pair) -> Pair | None:
        browser = self._browser(refresh=pair.refresh, access=pair.access)
        page = browser.me()
        if page.status == 401:
            return None
        if page.status != 200:
            raise Unexpected(f"me: {page.status} {page.json}")
        return self._pair(browser)


class Places:
    """A core and two applications on one clock, and the five ways to keep a session there."""

    names = ("core, CDI 2.7", "core, CDI 5.4", "core, CDI 5.6", "in process", "RemoteCore")

    def __init__(self, folder: Path) -> None:
        """Starts everything; always on SQLite, because a database has a clock of its own."""
        self.clock = Clock(folder)
        self._server = Server(folder / "core", environment=self.clock.environment).start()
        uri = {"CORE": f"http://{HOST}:{self._server.port}"}
        self._remote = Example(REMOTE_APP, folder, {**self.clock.environment, **uri})
        self._hello = Example(HELLO_SESSION, folder, self.clock.environment)
        self._sessions = folder / "sessions"
        self.all: list[Place] = [CorePlace(self._server, cdi) for cdi in ("2.7", "5.4", AT_ONCE)]
        self.all.append(AppPlace("in process", self._hello, self._audited))
        self.all.append(AppPlace("RemoteCore", self._remote, trail_of(self._server.core())))

    def _audited(self, handle: str) -> list[Json]:
        """Asks `tessera audit` about a session of the application that keeps its sessions itself."""
        done = subprocess.run(
            [str(binary()), "audit", "--json", "--limit", "1000", "--data-dir", str(self._sessions),
             "--session", handle], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def check_clocks(self) -> None:
        """Everybody lives by the clock that is moved: new tokens end an hour after what it shows."""
        for place in self.all:
            for moved in (0.0, DAY):
                self.clock.to(self.clock.now + moved)
                off = place.begin("clock").pair.end - LIFE - self.clock.now
                assert abs(off) < 5, (f"{place.name}: its clock can be moved", f"it is off by {off:.1f} s")

    def stop(self) -> None:
        assert self._server.stop() == 0, "SIGTERM exits 0"
        for example in (self._remote, self._hello):
            assert example.child.alive, ("the applications are still there", example.child.output[-2000:])
            example.child.kill()
