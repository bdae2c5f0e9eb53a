"""Unmodified, published releases of the SuperTokens SDK are driven against the server.

Each release is installed, at the versions of its requirements-drivers-*.txt, into a virtual environment of its own that
git ignores. The application is drivers_app.py; these tests are its users: they speak HTTP to the application only.
"""

from __future__ import annotations

import random
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Iterator

import pytest
from drivers_browser import API_KEY, KEYS, Application, SteadyServer
from drivers_features import Claims, Expiry, Keys, Restart
from drivers_places import Apps, Generations, Tenants
from drivers_releases import NEWEST, RELEASES, Feature, Release
from drivers_rotation import RandomRotation, StrictRotation
from drivers_scenario import ESSENCE, ORDINARY, Guarded, Scenario
from drivers_silence import MARGIN, Hours, Silence
from drivers_suite import Suite
from harness import HOST

CORES = {
    "core": "", "brief": "access_token_validity: 8\n", "blacklisting": "access_token_blacklisting: true\n",
    "strict": "refresh_token_sharing_window: 0\nrefresh_token_silence: 0\n",
    "as SuperTokens": "refresh_token_succession: RANDOM\nrevoke_session_on_token_theft: false\n"}
APPLICATIONS: dict[str, tuple[str, ...]] = {
    "plain": ("core",), "guarded": ("core", "--anti-csrf", "VIA_TOKEN", "--note-theft"),
    "static": ("core", "--static-keys"), **{name: (name,) for name in CORES if name != "core"}}


def start(release: Release, core: SteadyServer, *options: str, path: str = "",
          environment: dict[str, str] | None = None) -> Application:
    """Starts an application of a release without waiting for it."""
    uri = f"http://{HOST}:{core.port}{path}"
    return Application(release, release.python(), uri, *options, environment=environment)


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory, quick: bool) -> Hours:
    """The time of the core and the applications that all releases share."""
    return Hours(tmp_path_factory.mktemp("hours"), quick)


@pytest.fixture(scope="module")
def shared(hours: Hours) -> Iterator[SteadyServer]:
    """A core that all releases share."""
    with SteadyServer(config=KEYS + hours.config, environment=hours.environment) as core:
        yield core
        assert core.alive and core.stop() == 0, core.output


@pytest.fixture(scope="module")
def wandering(shared: SteadyServer, hours: Hours) -> Iterator[list[Application]]:
    """An application of each release on it."""
    found = [start(release, shared, environment=hours.environment) for release in RELEASES]
    yield [application.ready() for application in found]
    for application in found:
        application.child.kill()


@pytest.fixture(scope="module")
def generations(seed: int, wandering: list[Application]) -> Generations:
    """Sessions that wander between the releases."""
    return Generations(random.Random(seed), wandering)


@pytest.mark.parametrize("step", ["upgrade", "old_cookies", *(pytest.param(step, marks=pytest.mark.long) for step in (
    "old_tokens", "protected_payload", "shared_lists", "tenants_wander"))])
def test_between_the_releases(generations: Generations, step: str) -> None:
    getattr(generations, step)()


@pytest.mark.long
def test_tokens_of_all_releases_need_no_core(generations: Generations, shared: SteadyServer) -> None:
    for _, browser, _ in generations.held:
        browser.me()  # Each SDK keeps the core's keys for a minute.
    assert shared.stop() == 0
    generations.without_core()
    shared.start()


class Drive:
    """One release with its cores and applications."""

    def __init__(self, release: Release, dice: random.Random, stack: ExitStack) -> None:
        """Starts all, and begins sessions that have to expire."""
        assert release.altered() == [], "the SDK is as it was published"
        # An old driver leaves the kind of key to the core.
        old = {} if release.has(Feature.KEY_KIND) else {"brief": "access_token_signing_key_dynamic: false\n"}
        self.cores = {name: stack.enter_context(SteadyServer(config=KEYS + config + old.get(name, "")))
                      for name, config in CORES.items()}
        self.applications = {name: start(release, self.cores[core], *options) for name, (core, *options)
                             in APPLICATIONS.items() if name != "static" or release.has(Feature.KEY_KIND)}
        cdi, path = release.app_call
        app = f"a{dice.randrange(10**9)}"
        made = self.cores["core"].core(cdi, {"api-key": API_KEY}).put(path, {"appId": app})
        assert (made.outcome, made.json.get("createdNew")) == ("OK", True), "an operator makes an app, since no SDK can"
        self.applications["inside"] = start(release, self.cores["core"], path=f"/appid-{app}")
        for application in self.applications.values():
            stack.callback(application.child.kill)
        for application in self.applications.values():
            application.ready()
        self.expiries = {mode: Expiry(dice, self.applications["brief"], mode) for mode in release.modes}
        for expiry in self.expiries.values():
            expiry.sign_in()

    def suite(self, kind: type[Suite], name: str, mode: str, dice: random.Random) -> Suite:
        if kind is Expiry:
            return self.expiries[mode]
        beside: dict[type[Suite], Any] = {Keys: self.applications["plain"], Apps: self.applications["plain"],
                                          Restart: self.cores["core"]}
        return kind(dice, self.applications[name], mode, beside.get(kind))


@pytest.fixture(scope="module")
def drive(request: pytest.FixtureRequest, seed: int, quick: bool) -> Iterator[Drive | Application]:
    """A release; of a sample its application among all."""
    if quick:
        yield request.getfixturevalue("wandering")[RELEASES.index(request.param)]
        return
    with ExitStack() as stack:
        made = Drive(request.param, random.Random(f"{seed}/{request.param.version}"), stack)
        yield made
        for core in made.cores.values():
            assert core.alive and core.stop() == 0, core.output[-2000:]


def journeys(release: Release) -> Iterator[tuple[type[Suite], str, str, tuple[str, ...]]]:
    """What is done with a release: the suite, the application, the way to carry tokens and the steps."""
    for mode in release.modes:
        yield Scenario, "plain", mode, ORDINARY
        if release.has(Feature.CLAIMS):
            yield Claims, "plain", mode, ("claims", "claims_by_handle", "protected")
        if release.has(Feature.KEY_KIND):
            yield Keys, "static", mode, ("static_keys", "other_kind")
        yield Apps, "inside", mode, ("apart",)
        for name in ("plain", "inside") if release.has(Feature.TENANTS) else ():
            yield Tenants, name, mode, ("tenants", "tenant_session", "tenant_lists")
        yield StrictRotation, "strict", mode, ("chain", "theft")
        yield RandomRotation, "as SuperTokens", mode, ("chain", "lost_reply", "parallel", "theft")
    if release.has(Feature.DIRECT):
        yield Claims, "plain", "header", ("direct", "keys", "tokens")
    if not release.has(Feature.CHECK):
        yield Scenario, "blacklisting", "cookie", ("blacklisting", "verify", "refresh", "theft", "sign_out")
    yield Guarded, "guarded", "cookie", ("anti_csrf", *ORDINARY)
    if release.has(Feature.HEADER):
        yield Guarded, "guarded", "header", ("no_anti_csrf", "refresh", "theft")
    for mode in release.modes:
        yield Restart, "plain", mode, ("restart",)
        yield Expiry, "brief", mode, ("expired",)


def steps() -> Iterator[Any]:
    """All steps of all releases; what matters most is part of a sample."""
    for release in RELEASES:
        for kind, name, mode, all_of_them in journeys(release):
            for step in all_of_them:
                sample = kind is Scenario and name == "plain" and step in ESSENCE and (
                    mode == "cookie" or release is NEWEST)
                yield pytest.param(release, kind, name, mode, step, marks=[] if sample else pytest.mark.long,
                                   id=f"{release.version}-{mode}-{name}-{step}")


@pytest.mark.parametrize(("drive", "kind", "name", "mode", "step"), steps(), indirect=["drive"])
def test_a_release(drive: Drive | Application, dice: random.Random, kind: type[Suite], name: str, mode: str,
                   step: str) -> None:
    suite = kind(dice, drive, mode) if isinstance(drive, Application) else drive.suite(kind, name, mode, dice)
    getattr(suite, step)()


PLACES = [pytest.param((release, mode), id=f"{release.version}-{mode}",
                       marks=[] if Hours.is_fast or release is NEWEST else pytest.mark.long)
          for release in RELEASES for mode in release.modes]


@dataclass
class Times:
    """When the first and the last session was shared, and who holds them."""

    begun: float
    last: float = 0.0
    silences: dict[tuple[Release, str], Silence] = field(default_factory=dict)


@pytest.fixture(scope="module")
def times(hours: Hours) -> Times:
    """The course of time."""
    return Times(hours.now)


@pytest.mark.parametrize("place", PLACES)
def test_in_the_window_all_are_given_one_token(hours: Hours, times: Times, wandering: list[Application],
                                               dice: random.Random, place: tuple[Release, str]) -> None:
    silence = Silence(dice, wandering[RELEASES.index(place[0])], place[1])
    silence.share()
    times.silences[place], times.last = silence, hours.now


@pytest.mark.parametrize("place", PLACES)
def test_in_the_silence_nothing_is_given_or_taken(hours: Hours, times: Times, place: tuple[Release, str]) -> None:
    hours.to(times.last + hours.window + MARGIN)
    times.silences[place].in_silence()
    assert hours.now < times.begun + hours.silence, "all of that was in the silence"


@pytest.mark.parametrize("place", PLACES)
def test_after_the_silence_it_is_theft(hours: Hours, times: Times, place: tuple[Release, str]) -> None:
    hours.to(times.last + hours.silence + MARGIN)
    times.silences[place].after_silence()
