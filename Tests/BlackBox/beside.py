#!/usr/bin/env python3
"""Lets the Swift SDK and unmodified releases of supertokens-python share one core.

A session begun through either is verified and refreshed through the other; a refresh token that was used up through one
is theft to the other, and before that, for a while, it is given what the first was given, and then nothing.
"""

from __future__ import annotations

import os
import sys
from itertools import product
from pathlib import Path
from typing import Mapping
from urllib.parse import unquote

from drivers import KEYS, address
from drivers_browser import API_KEY, Application, Browser, SteadyServer
from drivers_releases import RELEASES
from drivers_silence import MARGIN, Hours, given_or_taken
from drivers_suite import THEFT
from harness import Checks, Child, TemporaryFolder, exit_on_signals

SWIFT = os.environ.get("REMOTE_APP", str(Path(__file__).resolve().parents[2] / ".build/debug/RemoteApp"))


class SwiftApplication(Application):
    """A run of Examples/RemoteApp."""

    softly = 503
    """What it makes of a token for which the core has no answer now; a driver has an error of its own."""

    def __init__(self, core: str, environment: Mapping[str, str]) -> None:
        """Starts the application without waiting for it."""
        self.core = core
        self.port = 0
        self.child = Child([SWIFT], {"CORE": core, "API_KEY": API_KEY, "PORT": "0", **environment})


def check_shared(checks: Checks, name: str, here: Application, there: Application, mode: str) -> None:
    """A session begun here is used and refreshed there, and here again, and a thief is found by the other side."""
    mine = here.browser(mode)
    handle = mine.login("alice", {"role": "admin"}).json.get("handle")
    checks.check(f"{name}: begun", bool(handle), here.child.output[-2000:])
    began = mine.copy()

    def same(step: str, browser: Browser) -> None:
        for page in (browser.me(), browser.checked()):
            checks.equal(f"{name}: {step}", (page.status, page.json.get("handle"), page.json.get("userId")),
                         (200, handle, "alice"))

    same("verified where it began", mine)
    theirs = mine.moved(there, mode)
    same("verified by the other", theirs)
    checks.equal(f"{name}: refreshed by the other", theirs.refresh().status, 200)
    same("verified by the other after its refresh", theirs)
    mine = theirs.moved(here, mode)
    same("verified where it began, with the other's tokens", mine)
    checks.equal(f"{name}: the payload travels", mine.tokens.part(1).get("role"), "admin")
    checks.equal(f"{name}: refreshed where it began", mine.refresh().status, 200)
    same("verified after both refreshes", mine)
    thief = began.moved(there, mode)
    checks.equal(f"{name}: the first token again is theft to the other", thief.refresh().refusal, THEFT)
    checks.equal(f"{name}: and the session is over here", mine.checked().status, 401)


class Late:
    """A session that one side refreshes, and its old token, which comes to the other side late."""

    def __init__(self, checks: Checks, name: str, here: Application, there: Application, mode: str) -> None:
        """Prepares the checks."""
        self._checks, self._name, self._here, self._there, self._mode = checks, name, here, there, mode

    def share(self) -> None:
        """In the window the other side gives what this side gave, though that was used."""
        self._owner = self._here.browser(self._mode)
        self._handle = self._owner.login("alice").json.get("handle")
        self._old = self._owner.copy().moved(self._there, self._mode)
        self._equal("refreshed", self._owner.refresh().status, 200)
        self._alive("after the refresh")
        late = self._old.copy()
        self._equal("in the window the other refreshes too", late.refresh().status, 200)
        self._equal("and gives the same token", unquote(str(late.tokens.refresh)),
                    unquote(str(self._owner.tokens.refresh)))

    def in_silence(self) -> None:
        """In the silence the other side gives nothing, takes nothing and accuses nobody."""
        page = self._old.copy().refresh()
        softly = getattr(self._there, "softly", 500)
        self._equal("in the silence the other has no answer", page.status, softly)
        if softly == 503:
            self._equal("and says when to ask again", page.headers.get_all("retry-after"), ["1"])
        self._equal("nothing is given or taken", given_or_taken(page), {})
        events = [record["event"] for record in self._there.trail(str(self._handle))]
        found = events.count("late_parent"), events.count("reuse_detected")
        self._equal("the trail tells it, and of no theft", found, (1, 0))
        self._alive("afterwards")

    def after_silence(self) -> None:
        """After the silence it is theft."""
        self._equal("after the silence it is theft", self._old.refresh().refusal, THEFT)
        self._equal("which ends the session", self._owner.checked().status, 401)

    def _alive(self, when: str) -> None:
        for page in (self._owner.me(), self._owner.checked()):
            self._equal(f"the session is alive {when}", (page.status, page.json.get("handle")), (200, self._handle))

    def _equal(self, what: str, found: object, expected: object) -> None:
        self._checks.equal(f"{self._name}: {what}", found, expected)


def main() -> int:
    """Runs the checks with the releases that speak a version of the Swift SDK's cores."""
    exit_on_signals()
    checks, hours = Checks(), Hours(TemporaryFolder().path)
    for release in RELEASES[-2:]:
        python = release.python()
        with SteadyServer(config=KEYS + hours.config, environment=hours.environment) as core:
            apps = {"Swift": SwiftApplication(address(core), hours.environment),
                    "Python": Application(release, python, address(core), environment=hours.environment)}
            for app in apps.values():
                app.ready()
            late = []
            for (first, second), mode in product((("Swift", "Python"), ("Python", "Swift"), ("Swift", "Swift")),
                                                 ("cookie", "header")):
                name = f"[{release.version}] {first} then {second}, {mode}"
                checks.run(name, lambda: check_shared(checks, name, apps[first], apps[second], mode))
                late.append(Late(checks, name, apps[first], apps[second], mode))
            begun = hours.now
            for step, passed in (("share", 0.0), ("in_silence", hours.window), ("after_silence", hours.silence)):
                hours.to(begun + passed + MARGIN)
                for each in late:
                    checks.run(f"late: {step}", getattr(each, step))
                if step == "share":
                    begun = hours.now
            if checks.failed:
                print("--- the applications said", *(app.child.output[-3000:] for app in apps.values()), sep="\n")
            for app in apps.values():
                app.child.kill()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
