"""What must never be written: tokens, keys and passwords that the tests have seen, searched for in all output of cores."""

from __future__ import annotations

import re
import threading
from typing import Iterable, Iterator
from urllib.parse import unquote

WINDOW = 20
"""So many characters of a secret are a leak."""
ENOUGH = 200_000
RUN = re.compile(r"[A-Za-z0-9+/_.~-]{%d,}" % WINDOW)
JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}")
"""A signed token, also one that no test has seen."""
REFRESH = re.compile(r"(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{60,}\.[A-Za-z0-9+/=_-]{16,}\.V\d")
PRIVATE = re.compile(r"PRIVATE KEY|\bMI[GI][A-Za-z0-9+/]{60,}")
KEYS = re.compile(r"^\s*(?:api_keys|supertokens_saas_secret|postgresql_password|key_encryption_key)\s*:\s*['\"]?([^'\"\n]+)",
                  re.MULTILINE)
SECRET_NAMES = ("API_KEYS", "SAAS_SECRET", "PASSWORD", "KEY_ENCRYPTION_KEY")
PASSWORD = re.compile(r"://[^/\s:@]*:([^@\s/]+)@")


class Canaries:
    """Secrets that were seen so far, by windows of their characters."""

    def __init__(self) -> None:
        self._windows: dict[str, str] = {}
        self._short: set[str] = set()
        self._lock = threading.Lock()

    def add(self, secret: str, kind: str) -> None:
        """Remembers a secret, in pieces of each part of it."""
        with self._lock:
            if len(secret) < WINDOW:
                if len(secret) >= 8:
                    self._short.add(secret)
                return
            parts = secret.split(".")
            # The head of a signed token is the same in all of them and names its key.
            for part in parts[1:] if secret.startswith("eyJ") and len(parts) == 3 else parts:
                text = part.rstrip("=")
                # Any two windows' length of a secret has one of these in it; of very many secrets fewer are kept.
                step = WINDOW if len(self._windows) < ENOUGH else max(WINDOW, len(text) // 2)
                for at in {*range(0, len(text), step), len(text) - WINDOW}:
                    if 0 <= at <= len(text) - WINDOW:
                        self._windows[text[at:at + WINDOW]] = kind

    def add_reply(self, value: object) -> None:
        """Remembers the tokens of a reply, however deep they are in it."""
        if isinstance(value, dict):
            for name, member in value.items():
                if isinstance(member, str) and (name == "token" or name == "antiCsrfToken" or name == "jwt"):
                    self.add(member, name)
                else:
                    self.add_reply(member)

    def add_configuration(self, text: str) -> None:
        """Remembers the keys and passwords of a configuration file."""
        for found in KEYS.findall(text):
            for key in found.split(","):
                self.add(key.strip(), "key of the configuration")
        self.add_passwords(text)

    def add_environment(self, variables: Iterable[tuple[str, str]]) -> None:
        """Remembers the keys and passwords of an environment."""
        for name, value in variables:
            if name.endswith(SECRET_NAMES):
                for key in value.split(","):
                    self.add(key.strip(), name)
            self.add_passwords(value)

    def add_passwords(self, text: str) -> None:
        for password in PASSWORD.findall(text):
            for spelling in {password, unquote(password)}:
                self.add(spelling, "password")

    def leaks(self, text: str) -> Iterator[str]:
        """What a text gives away."""
        for pattern in (JWT, REFRESH, PRIVATE):
            for found in pattern.finditer(text):
                yield f"{pattern.pattern[:20]}: {found[0][:60]}"
        for run in set(RUN.findall(text)):
            for at in range(len(run) - WINDOW + 1):
                kind = self._windows.get(run[at:at + WINDOW])
                if kind is not None:
                    yield f"{kind}: {run[at:at + WINDOW]}"
        for secret in self._short:
            if secret in text:
                yield f"short secret: {secret}"


seen = Canaries()
"""Those of this run of the tests."""
