"""What the steps of the scenario have in common."""

from __future__ import annotations

import random
import uuid
from functools import partial
from typing import Callable

from drivers_browser import Application, Browser
from drivers_releases import Feature
from harness import Checks, Json, ServerFailed

HARD: Json = {
    "name": "Příliš žluťoučký kůň", "emoji": "🐎", "quote": "\"\\\u2028/", "number": 12345678901, "fraction": 1.5,
    "nothing": None, "nested": {"nothing": None, "list": [None, {"a": None}, True], "": "empty key"}}
UNAUTHORISED = (401, "unauthorised")
TRY_REFRESH = (401, "try refresh token")
THEFT = (401, "token theft detected")


class Suite:
    """Named checks of one application in one way to carry tokens."""

    def __init__(self, checks: Checks, dice: random.Random, application: Application, mode: str, label: str) -> None:
        """Prepares the checks."""
        self.checks = checks
        self.dice = dice
        self.application = application
        self.mode = mode
        self.label = f"[{application.release.version} {label}]"

    def run(self, *steps: str) -> None:
        """Runs the named steps; one whose name does not exist fails."""
        for step in steps:
            self.checks.run(f"{self.label} {step}", partial(self._run, step))

    def _run(self, name: str) -> None:
        step: Callable[[], None] = getattr(self, name)
        step()

    def has(self, feature: Feature) -> bool:
        """Whether the release can do something."""
        return self.application.release.has(feature)

    def equal(self, name: str, found: object, expected: object) -> None:
        """Checks that two values are equal."""
        self.checks.equal(f"{self.label} {name}", found, expected)

    def check(self, name: str, good: bool, detail: object = "") -> None:
        """Notes a check."""
        self.checks.check(f"{self.label} {name}", good, detail)

    def identifier(self) -> str:
        """A UUID from the seed."""
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def user(self) -> str:
        """A user whom nobody has met."""
        return f"user-{self.identifier()}"

    def browser(self) -> Browser:
        """A browser that holds nothing."""
        return self.application.browser(self.mode)

    def signed_in(self, payload: Json | None = None, data: Json | None = None,
                  tenant: str | None = None) -> tuple[Browser, str, str]:
        """A browser with a new session, its user and its handle."""
        browser, user = self.browser(), self.user()
        page = browser.login(user, payload, data, tenant)
        if page.status != 200:
            raise ServerFailed(f"login answered {page.status} {page.json}")
        return browser, user, str(page.json["handle"])

    @staticmethod
    def within(whole: Json, part: Json) -> Json:
        """The members of an object that another one names."""
        return {name: whole[name] for name in part if name in whole}
