"""The steps for which time has to pass: an old refresh token comes back in its window, in the silence and after it."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from drivers_browser import Application, Browser, Page
from drivers_releases import Feature
from drivers_rotation import PARALLEL, Rotation
from drivers_suite import UNAUTHORISED
from follow_places import Clock
from harness import Checks

MARGIN = 1.0
TAKEN = ("set-cookie", "front-token", "st-access-token", "st-refresh-token", "anti-csrf")
"""The fields by which an answer gives tokens or takes them away."""


class Hours:
    """The time of a core and its applications: their wall clock is moved, and a minute takes no time.

    A database has a clock of its own; there time passes slowly, and the core's times are shorter instead.
    """

    def __init__(self, folder: Path, is_quick: bool = False) -> None:
        """Prepares the clock; where time passes slowly, few sessions may have less of it."""
        movable = sys.platform.startswith("linux") and any(map(shutil.which, ("cc", "gcc", "clang")))
        self._clock = Clock(folder) if movable and not os.environ.get("TESSERA_TEST_POSTGRES") else None
        self.is_fast = self._clock is not None
        """Whether minutes take no time."""
        self.window, self.silence = (60.0, 120.0) if self.is_fast else (5.0, 20.0) if is_quick else (10.0, 40.0)
        self.environment = self._clock.environment if self._clock else {}
        self.config = "" if self.is_fast else (
            f"refresh_token_sharing_window: {self.window:g}\nrefresh_token_silence: {self.silence:g}\n")

    @property
    def now(self) -> float:
        """What the clock shows, in seconds since 1970."""
        return self._clock.now if self._clock else time.time()

    def to(self, moment: float) -> None:
        """Goes on to a moment."""
        if self._clock:
            self._clock.to(moment)
        else:
            time.sleep(max(0.0, moment - self.now))


def given_or_taken(page: Page) -> dict[str, list[str]]:
    """What an answer says about tokens; nothing, if the browser keeps what it has."""
    return {field: page.headers.get_all(field, []) for field in TAKEN if field in page.headers}


class Silence(Rotation):
    """One session that goes on after a used-up token came back, and one that ends when it comes back once more."""

    def __init__(self, checks: Checks, dice: random.Random, application: Application, mode: str) -> None:
        """Prepares the checks."""
        super().__init__(checks, dice, application, mode, f"silence, {mode}")
        self._shared: list[tuple[Browser, Browser, str, str]] = []
        """The owner's browser, a copy from before the refresh, the session and its user."""

    def share(self) -> None:
        """Many callers with one token all get the same new one; it is used, and the session has one chain."""
        for callers in (PARALLEL, 2):
            browser, user, handle = self.signed_in({"kept": True})
            tabs, gate = [browser.copy() for _ in range(callers)], Barrier(callers)

            def refreshed(tab: Browser, gate: Barrier = gate) -> int:
                gate.wait(timeout=30)
                return tab.refresh().status

            with ThreadPoolExecutor(callers) as pool:
                found = list(pool.map(refreshed, tabs))
            self.equal(f"{callers} parallel refreshes all succeed", found, [200] * callers)
            self.check_children("the tabs", tabs)
            self.equal("every tab's access token is good", [tab.me().json.get("handle") for tab in tabs],
                       [handle] * callers)
            self.check_late(handle, browser.copy(), tabs[0])
            self._shared.append((tabs[0], browser, handle, user))

    def in_silence(self) -> None:
        """In the silence the old token is given nothing, takes nothing, and nobody is accused."""
        for owner, old, handle, _ in self._shared:
            for name in ("a late refresh", "another late refresh"):
                held = old.copy()
                self._gives_and_takes_nothing(name, held.refresh(), held, old)
            self.equal("nobody is accused", self.ends(handle), [])
            late = [each for each in self.application.trail(handle) if each["event"] == "late_parent"]
            self.equal("the trail tells of it once", len(late), 1)
            self.equal("the session is alive", owner.me().json.get("handle"), handle)
            if self.has(Feature.CHECK):
                self.equal("the database knows it", owner.checked().json.get("handle"), handle)
        owner, old, handle, _ = self._shared[0]
        for turn in range(1, 4):
            self.equal(f"refresh {turn} after it", owner.refresh().status, 200)
            page = owner.me()
            found = (page.status, page.json.get("handle"), page.json.get("payload", {}).get("kept"))
            self.equal(f"the session goes on {turn}", found, (200, handle, True))
        self.equal("what is two generations old is theft at once", old.refresh().refusal, self.theft_refusal())
        self._is_over(owner, *self._shared[0][2:])

    def after_silence(self) -> None:
        """After the silence the old token is theft."""
        owner, old, handle, user = self._shared[1]
        self.equal("the owner's access token is good", owner.me().json.get("handle"), handle)
        self.equal("the old refresh token is theft after the silence", old.refresh().refusal, self.theft_refusal())
        self.check("theft takes the thief's tokens", not old.tokens.access and not old.tokens.refresh)
        self._is_over(owner, handle, user)

    def _gives_and_takes_nothing(self, name: str, page: Page, held: Browser, before: Browser) -> None:
        """The core's 503 is an error to the SDK: the user's browser must keep what it has."""
        self.equal(f"{name} is an error, and no verdict", page.status, 500)
        self.equal(f"{name} gives and takes nothing", given_or_taken(page), {})
        self.equal(f"{name} leaves what the browser holds", held.tokens, before.tokens)

    def _is_over(self, owner: Browser, handle: str, user: str) -> None:
        self.equal("theft revokes the session", owner.information(handle), {"found": False})
        self.equal("the user's list is empty", owner.handles(user), [])
        self.equal("the owner cannot refresh", owner.refresh().refusal, UNAUTHORISED)
        self.equal("the trail of the theft", self.ends(handle), self.theft_trail)


def check_silence(suites: list[Silence], hours: Hours) -> None:
    """Runs the steps of all suites, with the same waiting for all of them."""
    begun = hours.now
    for suite in suites:
        suite.run("share")
    shared = hours.now
    hours.to(shared + hours.window + MARGIN)
    for suite in suites:
        suite.run("in_silence")
    suites[0].check("all of that was in the silence", hours.now < begun + hours.silence, hours.now - begun)
    hours.to(shared + hours.silence + MARGIN)
    for suite in suites:
        suite.run("after_silence")
