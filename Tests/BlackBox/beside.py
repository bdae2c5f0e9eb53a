#!/usr/bin/env python3
"""Lets the Swift SDK and unmodified releases of supertokens-python share one core.

A session begun through either is verified and refreshed through the other; a refresh token that was used up through one
is theft to the other.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drivers import KEYS, address
from drivers_browser import API_KEY, Application, Browser, SteadyServer
from drivers_releases import RELEASES
from harness import Checks, Child, exit_on_signals

SWIFT = os.environ.get("REMOTE_APP", str(Path(__file__).resolve().parents[2] / ".build/debug/RemoteApp"))


class SwiftApplication(Application):
    """A run of Examples/RemoteApp."""

    def __init__(self, core: str) -> None:
        """Starts the application without waiting for it."""
        self.core = core
        self.port = 0
        self.child = Child([SWIFT], {"CORE": core, "API_KEY": API_KEY, "PORT": "0"})


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
    checks.equal(f"{name}: the first token again is theft to the other", thief.refresh().refusal,
                 (401, "token theft detected"))
    checks.equal(f"{name}: and the session is over here", mine.checked().status, 401)


def main() -> int:
    """Runs the checks with the releases that speak a version of the Swift SDK's cores."""
    exit_on_signals()
    checks = Checks()
    for release in RELEASES[-2:]:
        python = release.python()
        with SteadyServer(config=KEYS) as core:
            apps = {"Swift": SwiftApplication(address(core)),
                    "Python": Application(release, python, address(core))}
            for app in apps.values():
                app.ready()
            for first, second in (("Swift", "Python"), ("Python", "Swift")):
                for mode in ("cookie", "header"):
                    name = f"[{release.version}] {first} then {second}, {mode}"
                    checks.run(name, lambda: check_shared(checks, name, apps[first], apps[second], mode))
            if checks.failed:
                print("--- the applications said", *(app.child.output[-3000:] for app in apps.values()), sep="\n")
            for app in apps.values():
                app.child.kill()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
