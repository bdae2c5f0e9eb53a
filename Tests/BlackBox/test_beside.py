"""The Swift SDK and unmodified releases of supertokens-python share one core.

A session begun through either is verified and refreshed through the other; a refresh token that was used up through one
is theft to the other, and before that, for a while, it is given what the first was given, and then nothing.
"""

from __future__ import annotations

import os
from itertools import product
from typing import Iterator, Mapping
from urllib.parse import unquote

import pytest
from drivers_browser import API_KEY, KEYS, Application, Browser, SteadyServer
from drivers_releases import RELEASES, Release
from drivers_silence import MARGIN, Hours, given_or_taken
from drivers_suite import THEFT
from harness import HOST, ROOT, Child

SWIFT = os.environ.get("REMOTE_APP", str(ROOT / "Examples/.build/debug/RemoteApp"))


class SwiftApplication(Application):
    """A run of Examples/RemoteApp."""

    softly = 503
    """What it makes of a token for which the core has no answer now; a driver has an error of its own."""

    def __init__(self, core: str, environment: Mapping[str, str]) -> None:
        self.core = core
        self.port = 0
        self.child = Child([SWIFT], {"CORE": core, "API_KEY": API_KEY, "PORT": "0", **environment})


Applications = dict[str, Application]


@pytest.fixture(scope="module", params=RELEASES[-2:], ids=lambda release: release.version)
def release(request: pytest.FixtureRequest) -> Release:
    """A release that speaks a version of the Swift SDK's cores."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Hours:
    """The time of the core and its applications."""
    return Hours(tmp_path_factory.mktemp("hours"))


@pytest.fixture(scope="module")
def applications(release: Release, hours: Hours) -> Iterator[Applications]:
    """Both SDKs on one core."""
    with SteadyServer(config=KEYS + hours.config, environment=hours.environment) as core:
        uri = f"http://{HOST}:{core.port}"
        found = {"Swift": SwiftApplication(uri, hours.environment),
                 "Python": Application(release, release.python(), uri, environment=hours.environment)}
        yield {name: application.ready() for name, application in found.items()}
        for application in found.values():
            application.child.kill()


WAYS = [(first, second, mode) for (first, second), mode in product(
    (("Swift", "Python"), ("Python", "Swift"), ("Swift", "Swift")), ("cookie", "header"))]


@pytest.mark.parametrize(("first", "second", "mode"), WAYS)
def test_one_session_is_used_by_both(applications: Applications, first: str, second: str, mode: str) -> None:
    """A session begun here is used and refreshed there, and here again, and a thief is found by the other side."""
    here, there = applications[first], applications[second]
    mine = here.browser(mode)
    handle = mine.login("alice", {"role": "admin"}).json.get("handle")
    assert handle, here.child.output[-2000:]
    began = mine.copy()

    def same(step: str, browser: Browser) -> None:
        for page in (browser.me(), browser.checked()):
            assert (page.status, page.json.get("handle"), page.json.get("userId")) == (200, handle, "alice"), step

    same("verified where it began", mine)
    theirs = mine.moved(there, mode)
    same("verified by the other", theirs)
    assert theirs.refresh().status == 200, "refreshed by the other"
    same("verified by the other after its refresh", theirs)
    mine = theirs.moved(here, mode)
    same("verified where it began, with the other's tokens", mine)
    assert mine.tokens.part(1).get("role") == "admin", "the payload travels"
    assert mine.refresh().status == 200, "refreshed where it began"
    same("verified after both refreshes", mine)
    thief = began.moved(there, mode)
    assert thief.refresh().refusal == THEFT, "the first token again is theft to the other"
    assert mine.checked().status == 401, "and the session is over here"


class Late:
    """A session that one side refreshes, and its old token, which comes to the other side late."""

    def __init__(self, here: Application, there: Application, mode: str) -> None:
        self._here, self._there, self._mode = here, there, mode

    def share(self) -> None:
        """In the window the other side gives what this side gave, though that was used."""
        self._owner = self._here.browser(self._mode)
        self._handle = self._owner.login("alice").json.get("handle")
        self._old = self._owner.copy().moved(self._there, self._mode)
        assert self._owner.refresh().status == 200, "refreshed"
        self._alive("after the refresh")
        late = self._old.copy()
        assert late.refresh().status == 200, "in the window the other refreshes too"
        assert unquote(str(late.tokens.refresh)) == unquote(str(self._owner.tokens.refresh)), "and gives the same token"

    def in_silence(self) -> None:
        """In the silence the other side gives nothing, takes nothing and accuses nobody."""
        page = self._old.copy().refresh()
        softly = getattr(self._there, "softly", 500)
        assert page.status == softly, "in the silence the other has no answer"
        if softly == 503:
            assert page.headers.get_all("retry-after") == ["1"], "and says when to ask again"
        assert given_or_taken(page) == {}, "nothing is given or taken"
        events = [record["event"] for record in self._there.trail(str(self._handle))]
        found = events.count("late_parent"), events.count("reuse_detected")
        assert found == (1, 0), "the audit log tells it, and of no theft"
        self._alive("afterwards")

    def after_silence(self) -> None:
        """After the silence it is theft."""
        assert self._old.refresh().refusal == THEFT, "after the silence it is theft"
        assert self._owner.checked().status == 401, "which ends the session"

    def _alive(self, when: str) -> None:
        for page in (self._owner.me(), self._owner.checked()):
            assert (page.status, page.json.get("handle")) == (200, self._handle), f"the session is alive {when}"


def test_an_old_token_comes_to_the_other_late(applications: Applications, hours: Hours) -> None:
    """All ways together, because time passes slowly beside a database."""
    late = [Late(applications[first], applications[second], mode) for first, second, mode in WAYS]
    for each in late:
        each.share()
    begun = hours.now
    hours.to(begun + hours.window + MARGIN)
    for each in late:
        each.in_silence()
    hours.to(begun + hours.silence + MARGIN)
    for each in late:
        each.after_silence()
