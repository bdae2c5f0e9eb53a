"""Device Bound Session Credentials in a real Chromium with software keys: the rows of docs/dbsc.md that a browser can show.

What a browser cannot be made to do is done by the client of `DeviceBindingRouteTests`.
"""

from __future__ import annotations

import json
from typing import Iterator

import pytest
from chromium import ready

ready()

from dbsc_place import ACCEPTED, COOKIE, REFRESH, REGISTER, RENEW, Place, Profile  # noqa: E402
from harness import until  # noqa: E402


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """API and website on one host."""
    found = Place(tmp_path_factory.mktemp("dbsc"), "localhost", "localhost")
    yield found
    found.close()


@pytest.fixture(autouse=True)
def quiet(place: Place) -> Iterator[None]:
    """Each test begins with a gate that changes nothing."""
    place.gate.seen.clear()
    place.gate.instead.clear()
    place.gate.change = lambda _, fields: fields
    yield


def signed(place: Place, path: str) -> list[bool]:
    """Whether each request to a path came with a proof."""
    return ["secure-session-response" in seen.fields for seen in place.gate.of(path)]


def test_a_browser_registers_renews_by_need_and_ahead_and_is_asked_again(place: Place) -> None:
    """DB01, DB02, DB05, DB06, DB08, DB10, DB13, DB16."""
    with Profile(place, "owner") as owner:
        handle = owner.sign_in("ada")
        registration = place.gate.of(REGISTER)[0].fields
        assert not registration["secure-session-response"].startswith('"'), "DB01: raw"
        assert "authorization" not in registration, "DB02"
        assert (registration["sec-fetch-site"], registration["origin"]) == ("same-origin", place.api), "DB10"
        assert place.device(handle)["binding"] == "dbsc"
        for _ in range(3):
            assert owner.fetch("GET", "/me/device")[0] == 200
        assert place.gate.of(RENEW) == [], "DB13: the cookie is the one that the instructions name; it is not missing"
        owner.lose()
        assert owner.fetch("GET", "/me/device")[0] == 200
        assert (place.gate.statuses(RENEW), signed(place, RENEW)) == ([200], [True]), "DB06: no round for a challenge"
        place.later(ACCEPTED + 1)
        owner.lose()
        assert owner.fetch("POST", REFRESH)[0] == 200
        assert place.gate.statuses(RENEW)[1:] == [403, 200], "DB05: an old challenge is one round more"
        assert all(signed(place, RENEW))

        def shorter(path: str, fields: list[tuple[str, str]]) -> list[tuple[str, str]]:
            return [(name, value.replace("Max-Age=570", "Max-Age=100") if COOKIE in value else value)
                    for name, value in fields if "expires" not in name.lower()]

        place.gate.change = shorter
        owner.lose()
        assert owner.fetch("GET", "/me/device")[0] == 200

        def is_renewed_ahead() -> bool:
            return owner.fetch("GET", "/me/device")[0] == 200 and COOKIE in place.gate.of(RENEW)[-1].fields["cookie"]

        assert until(is_renewed_ahead, 30), "DB11: with at most 120 s left, while there is a cookie"
        assert place.events(handle) == ["created", "bound"]


def test_while_nothing_answers_the_browser_keeps_its_key(place: Place) -> None:
    """DB03: 503 is the only answer under load; the request goes on without the cookie and is asked to wait."""
    with Profile(place, "patient") as owner:
        handle = owner.sign_in("grace")
        place.gate.instead[RENEW] = 503
        place.later(ACCEPTED + 1)
        owner.lose()
        status, text = owner.fetch("POST", REFRESH)
        assert status == 503, text
        skipped = place.gate.of(REFRESH)[-1].fields["secure-session-skipped"]
        assert skipped.startswith("server_error;session_identifier="), skipped
        assert owner.fetch("GET", "/me/device")[0] == 503
        place.gate.instead.clear()
        assert until(lambda: owner.fetch("POST", REFRESH)[0] == 200, 60), "the browser tries again by itself"
        assert place.events(handle)[:2] == ["created", "bound"]
        assert "binding_refused skipped" in place.events(handle)


def test_a_copied_jar_is_good_until_its_cookie_ends(place: Place, quick: bool) -> None:
    """All cookies of a profile in another one, which has no key; a hundred times, and a few in a sample."""
    for number in range(2 if quick else 100):
        copied_jar(place, f"alan-{number}")


def has_refresh_token(profile: Profile) -> bool:
    """Whether a profile has a refresh token yet."""
    return any(name.endswith("sRefreshToken") for name in profile.cookies())


def copied_jar(place: Place, user: str) -> None:
    with Profile(place, "robbed") as owner, Profile(place, "thief") as thief:
        handle = owner.sign_in(user)
        thief.copy_jar(owner)
        assert json.loads(thief.fetch("GET", "/me/device")[1])["handle"] == handle, f"{user}: until the cookie ends"
        place.later(ACCEPTED + 1)
        owner.lose()
        before = len(place.gate.of(RENEW))
        assert thief.fetch("GET", "/me/device")[0] == 401, user
        assert thief.fetch("POST", REFRESH)[0] == 503, f"{user}: its browser keeps what has ended here"
        assert COOKIE not in thief.cookies(), f"{user}: and not after that"
        assert thief.fetch("POST", REFRESH)[0] == 401, user
        assert len(place.gate.of(RENEW)) == before, f"{user}: the thief's browser has nothing to renew with"
        assert "binding_refused old" in place.events(handle), user
        assert not has_refresh_token(thief), f"{user}: the copy is cleared"
        assert json.loads(owner.fetch("GET", "/me/device")[1])["handle"] == handle, f"{user}: the owner stays"
        assert owner.fetch("POST", REFRESH)[0] == 200, user


def test_a_key_that_is_lost_and_a_sign_out(place: Place) -> None:
    """DB03 (what ends a key), DB17 and DB18: a session without its key gives nothing, and the next one is bound again."""
    with Profile(place, "forgetful") as owner:
        handle = owner.sign_in("mary")
        place.gate.instead[RENEW] = 404
        owner.lose()
        place.later(ACCEPTED + 1)
        assert owner.fetch("GET", "/me/device")[0] == 401, "404 ends the key"
        place.gate.instead.clear()
        assert owner.fetch("POST", REFRESH)[0] == 401
        assert place.events(handle)[-1] == "binding_refused cookie"
        again = owner.sign_in("mary")
        assert again != handle and owner.fetch("GET", "/me/device")[0] == 200
        assert owner.fetch("POST", "/auth/signout")[0] == 200
        assert COOKIE not in owner.cookies()
        owner.fetch("GET", "/me")
        assert until(lambda: place.gate.statuses(RENEW)[-1:] == [200], 30)
        assert json.loads(place.gate.of(RENEW)[-1].body)["continue"] is False
        renewals = len(place.gate.of(RENEW))
        for _ in range(3):
            owner.fetch("GET", "/me")
        assert len(place.gate.of(RENEW)) == renewals, "the browser has forgotten the key"


def test_a_spent_quota_neither_ends_the_session_nor_lets_it_in(place: Place) -> None:
    """DB11: 6 signatures in 9 minutes."""
    with Profile(place, "busy") as owner:
        handle = owner.sign_in("rosa")

        def skipped() -> bool:
            owner.lose()
            place.later(ACCEPTED + 1)
            owner.fetch("GET", "/me/device")
            return "secure-session-skipped" in place.gate.of("/me/device")[-1].fields

        assert until(skipped, 60, 0), "the quota is spent at some time"
        assert place.gate.of("/me/device")[-1].fields["secure-session-skipped"].startswith("quota_exceeded;")
        owner.lose()
        assert owner.fetch("POST", REFRESH)[0] == 503
        assert owner.fetch("GET", "/me")[0] == 200, "a route that does not ask for the device"
        assert "binding_refused skipped" in place.events(handle) and "revoked" not in place.events(handle)


def test_two_hosts(tmp_path_factory: pytest.TempPathFactory) -> None:
    """DB09: page and API are on two hosts of one site, and the page's requests make the browser renew."""
    place = Place(tmp_path_factory.mktemp("hosts"), "api.example.test", "app.example.test")
    try:
        with Profile(place, "split") as owner:
            handle = owner.sign_in("hedy")
            instructions = json.loads(place.gate.of(REGISTER)[0].body)
            assert instructions["allowed_refresh_initiators"] == ["app.example.test"]
            owner.lose()
            assert json.loads(owner.fetch("GET", "/me/device")[1])["handle"] == handle
            assert place.gate.statuses(RENEW) == [200]
            assert place.gate.of(RENEW)[0].fields["sec-fetch-site"] == "same-origin", "DB10: from a page elsewhere, too"
    finally:
        place.close()


def test_a_link_on_another_site_leads_to_the_page(tmp_path_factory: pytest.TempPathFactory) -> None:
    """DB09: the browser neither renews for it nor says so, and a redirect does not help; a page of the API's own does."""
    place = Place(tmp_path_factory.mktemp("link"), "api.example.test", "api.example.test", sign_in_page="/login")
    try:
        with Profile(place, "linked") as owner:
            handle = owner.sign_in("emmy")
            place.later(ACCEPTED + 1)
            owner.lose()
            assert handle in owner.follow_from("mail.other.test", "/me/device")
            refreshes = [seen for seen in place.gate.seen if seen.path.startswith(REFRESH + "?")]
            assert [COOKIE in seen.fields["cookie"] for seen in refreshes] == [False, True]
            assert [seen.fields["sec-fetch-site"] for seen in refreshes] == ["cross-site", "same-origin"]
            assert [seen.status for seen in refreshes] == [200, 303]
            assert place.gate.statuses(RENEW) == [403, 200]
            assert place.events(handle) == ["created", "bound"]
            place.later(ACCEPTED + 1)
            owner.lose()
            owner.follow_from("mail.other.test", REFRESH + "?own=1")
            assert has_refresh_token(owner), "a link signs no one out, whatever it says"
            assert place.events(handle) == ["created", "bound"]
    finally:
        place.close()
