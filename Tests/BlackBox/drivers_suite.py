"""What the steps of the scenario have in common."""

from __future__ import annotations

import random
import uuid
from typing import Any

from drivers_browser import Application, Browser
from drivers_releases import Feature
from harness import Json

HARD: Json = {
    "name": "Příliš žluťoučký kůň", "emoji": "🐎", "quote": "\"\\\u2028/", "number": 12345678901, "fraction": 1.5,
    "nothing": None, "nested": {"nothing": None, "list": [None, {"a": None}, True], "": "empty key"}}
UNAUTHORISED = (401, "unauthorised")
TRY_REFRESH = (401, "try refresh token")
THEFT = (401, "token theft detected")


class Suite:
    """What users of one application do, in one way to carry tokens."""

    def __init__(self, dice: random.Random, application: Application, mode: str, beside: Any = None) -> None:
        """Prepares them; some steps need something beside their application."""
        self.dice = dice
        self.application = application
        self.mode = mode
        self.beside = beside

    def has(self, feature: Feature) -> bool:
        return self.application.release.has(feature)

    def identifier(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    def user(self) -> str:
        return f"user-{self.identifier()}"

    def browser(self) -> Browser:
        return self.application.browser(self.mode)

    def signed_in(self, payload: Json | None = None, data: Json | None = None,
                  tenant: str | None = None) -> tuple[Browser, str, str]:
        """A browser with a new session, its user and its handle."""
        browser, user = self.browser(), self.user()
        page = browser.login(user, payload, data, tenant)
        assert page.status == 200, f"login answered {page.json}"
        return browser, user, str(page.json["handle"])

    @staticmethod
    def within(whole: Json, part: Json) -> Json:
        """The members of an object that another one names."""
        return {name: whole[name] for name in part if name in whole}
