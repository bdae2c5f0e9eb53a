"""The steps for which time has to pass: an old refresh token comes back in its window, in the silence and after it."""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from pathlib import Path

from drivers_browser import Application, Browser, Page
from drivers_releases import Feature
from drivers_rotation import PARALLEL, Rotation
from drivers_suite import UNAUTHORISED
from wall_clock import Clock

MARGIN = 1.0
TAKEN = ("set-cookie", "front-token", "st-access-token", "st-refresh-token", "anti-csrf")
"""The fields by which an answer gives tokens or takes them away."""


class Hours:
    """The time of a core and its applications: their wall clock is moved, and a minute takes no time.

    A database has a clock of its own; there time passes slowly, and the core's times are shorter instead.
    """

    is_fast = (sys.platform.startswith("linux") and any(map(shutil.which, ("cc", "gcc", "clang")))
               and not os.environ.get("TESSERA_TEST_POSTGRES"))
    """Whether minutes take no time."""

    def __init__(self, folder: Path, is_quick: bool = False) -> None:
        """Prepares the clock; where time passes slowly, few sessions may have less of it."""
        self._clock = Clock(folder) if self.is_fast else None
        self.window, self.silence = (60.0, 120.0) if self.is_fast else (5.0, 20.0) if is_quick else (10.0, 40.0)
        self.environment = self._clock.environment if self._clock else {}
        self.config = "" if self.is_fast else (
            f"refresh_token_sharing_window: {self.window:g}\nrefresh_token_silence: {self.silence:g}\n")

    @property
    def now(self) -> float:
        """What the clock shows, in seconds since 1970."""
        return self._clock.now if self._clock else time.time()

    def to(self, moment: float) -> None:
        if self._clock:
            self._clock.to(moment)
        else:
            time.sleep(max(0.0, moment - self.now))


def given_or_taken(page: Page) -> dict[str, list[str]]:
    """What an answer says about tokens; nothing, if the browser keeps what it has."""
    return {field: page.headers.get_all(field, []) for field in TAKEN if field in page.headers}


class Silence(Rotation):
    """One session that goes on after a used-up token came back, and one that ends when it comes back once more."""

    def __init__(self, dice: random.Random, application: Application, mode: str) -> None:
        super().__init__(dice, application, mode)
        self._shared: list[tuple[Browser, Browser, str, str]] = []
        """The owner's browser, a copy from before the refresh, the session and its user."""

    def share(self) -> None:
        """Many callers with one token all get the same new one; it is used, and the session has one chain."""
        for callers in (PARALLEL, 2):
            browser, user, handle = self.signed_in({"kept": True})
            tabs = [browser.copy() for _ in range(callers)]
            assert self.refreshed(tabs) == [200] * callers, f"{callers} parallel refreshes all succeed"
            self.check_children("the tabs", tabs)
            assert [tab.me().json.get("handle") for tab in tabs] == [handle] * callers, (
                "every tab's access token is good")
            self.check_late(handle, browser.copy(), tabs[0])
            self._shared.append((tabs[0], browser, handle, user))

    def in_silence(self) -> None:
        """In the silence the old token is given nothing, takes nothing, and nobody is accused."""
        for owner, old, handle, _ in self._shared:
            for name in ("a late refresh", "another late refresh"):
                held = old.copy()
                self._gives_and_takes_nothing(name, held.refresh(), held, old)
            assert self.ends(handle) == [], "nobody is accused"
            late = [each for each in self.application.trail(handle) if each["event"] == "late_parent"]
            assert len(late) == 1, "the audit log tells of it once"
            assert owner.me().json.get("handle") == handle, "the session is alive"
            if self.has(Feature.CHECK):
                assert owner.checked().json.get("handle") == handle, "the database knows it"
        owner, old, handle, _ = self._shared[0]
        for turn in range(1, 4):
            assert owner.refresh().status == 200, f"refresh {turn} after it"
            page = owner.me()
            found = (page.status, page.json.get("handle"), page.json.get("payload", {}).get("kept"))
            assert found == (200, handle, True), f"the session goes on {turn}"
        assert old.refresh().refusal == self.theft_refusal(), "what is two generations old is theft at once"
        self._is_over(owner, *self._shared[0][2:])

    def after_silence(self) -> None:
        """After the silence the old token is theft."""
        owner, old, handle, user = self._shared[1]
        assert owner.me().json.get("handle") == handle, "the owner's access token is good"
        assert old.refresh().refusal == self.theft_refusal(), "the old refresh token is theft after the silence"
        assert not old.tokens.access and not old.tokens.refresh, "theft takes the thief's tokens"
        self._is_over(owner, handle, user)

    def _gives_and_takes_nothing(self, name: str, page: Page, held: Browser, before: Browser) -> None:
        """The core's 503 is an error to the SDK: the user's browser must keep what it has."""
        assert page.status == 500, f"{name} is an error, and no verdict"
        assert given_or_taken(page) == {}, f"{name} gives and takes nothing"
        assert held.tokens == before.tokens, f"{name} leaves what the browser holds"

    def _is_over(self, owner: Browser, handle: str, user: str) -> None:
        assert owner.information(handle) == {"found": False}, "theft revokes the session"
        assert owner.handles(user) == [], "the user's list is empty"
        assert owner.refresh().refusal == UNAUTHORISED, "the owner cannot refresh"
        assert self.ends(handle) == self.theft_trail, "the audit log of the theft"
