"""The releases of the SDK that test_drivers.py drives: what each can do, and its virtual environment."""

from __future__ import annotations

import base64
import enum
import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from environments import environment
from harness import ROOT

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".venv-drivers"


class Feature(enum.Enum):
    """What only some releases can do."""

    HEADER = "carries tokens in headers"
    MERGE = "merges into the payload instead of replacing it, and refuses protected claims"
    CHECK = "asks for a database check with each verification"
    CLAIMS = "has claims"
    DIRECT = "has functions that need no request and no response"
    KEY_KIND = "chooses the kind of signing key for each session"
    KEY_SWITCH = "moves a session to the other kind of key at refresh"
    TENANTS = "has tenants"
    RECIPE_USERS = "tells the recipe user from the primary user"


MODERN = frozenset({Feature.HEADER, Feature.MERGE, Feature.CHECK, Feature.CLAIMS, Feature.DIRECT, Feature.KEY_KIND})
WITH_TENANTS = MODERN | {Feature.KEY_SWITCH, Feature.TENANTS}


@dataclass(frozen=True)
class Release:
    """A published release of supertokens-python."""

    version: str
    cdi: str
    token_version: str
    features: frozenset[Feature]

    def has(self, feature: Feature) -> bool:
        return feature in self.features

    @property
    def modes(self) -> tuple[str, ...]:
        return ("cookie", "header") if self.has(Feature.HEADER) else ("cookie",)

    @property
    def app_call(self) -> tuple[str, str]:
        """The version and the path by which an operator of its time makes an app; before there were any, the first."""
        path = "/recipe/multitenancy/app"
        return (self.cdi, f"{path}/v2") if self is NEWEST else ("3.0", path)

    def python(self) -> Path:
        return environment(ENVIRONMENTS / self.version, HERE / f"requirements-drivers-{self.version}.txt")

    def altered(self) -> list[str]:
        """The files of the installed release that are not as they were published; all of them if it is another one."""
        sites = [str(path) for path in (ENVIRONMENTS / self.version).glob("lib/python*/site-packages")]
        found = next(iter(metadata.distributions(name="supertokens-python", path=sites)), None)
        if found is None or found.version != self.version:
            return ["everything"]
        published = [file for file in found.files or [] if file.hash]
        return [str(file) for file in published if file.hash and file.hash.value != self._digest(file)]

    @staticmethod
    def _digest(file: metadata.PackagePath) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(file.read_binary()).digest()).decode().rstrip("=")


OLDEST = Release("0.8.4", "2.13", "2", frozenset())
NEWEST = Release("0.31.4", "5.4", "5", WITH_TENANTS | {Feature.RECIPE_USERS})
RELEASES = (OLDEST, Release("0.14.9", "2.21", "3", MODERN), Release("0.20.2", "3.0", "4", WITH_TENANTS), NEWEST)
