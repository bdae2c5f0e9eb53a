"""The steps that cross a border: between tenants, between apps and between the generations of the SDK."""

from __future__ import annotations

import random
from urllib.parse import unquote

from drivers_browser import Application, Browser
from drivers_releases import Feature
from drivers_suite import HARD, THEFT, TRY_REFRESH, UNAUTHORISED, Suite
from harness import Json


class Tenants(Suite):
    """Sessions that belong to a tenant."""

    def tenants(self) -> None:
        """A tenant is made, listed and removed by the SDK."""
        tenant, browser = f"t-{self.dice.randrange(10**9)}", self.browser()
        assert browser.send("PUT", f"/tenants/{tenant}").json == {"new": True}, "make a tenant"
        assert browser.send("PUT", f"/tenants/{tenant}").json == {"new": False}, "make it again"
        listed = browser.send("GET", "/tenants").json["tenants"]
        assert {"public", tenant} <= set(listed), "it is listed beside public"
        assert browser.send("DELETE", f"/tenants/{tenant}").json == {"existed": True}, "remove it"
        assert browser.send("DELETE", f"/tenants/{tenant}").json == {"existed": False}, "remove it again"
        assert browser.login(self.user(), tenant=tenant).status == 500, "no login in a tenant that is gone"

    def tenant_session(self) -> None:
        """A session lives in its tenant over verification, refresh, change and theft."""
        tenant = self._tenant()
        browser, user, handle = self.signed_in({"plan": "free"}, {"cart": HARD}, tenant)
        assert handle.endswith(f"_{tenant}"), "the handle names the tenant"
        assert browser.tokens.part(1).get("tId") == tenant, "the token names the tenant"
        thief = browser.copy()
        for name, following in (("login", "refresh"), ("refresh", "another refresh"), ("another refresh", None)):
            page = browser.checked()
            seen = (page.status, page.json.get("tenantId"), page.json.get("handle"))
            assert seen == (200, tenant, handle), f"verify after {name}"
            if following:
                assert browser.refresh().status == 200, following
        found = browser.information(handle)
        assert (found.get("tenantId"), found.get("data")) == (tenant, {"cart": HARD}), "information"
        assert browser.send("POST", "/payload", {"plan": "paid"}).status == 200, "change the payload"
        assert browser.me().json["payload"]["plan"] == "paid", "the payload is changed"
        assert browser.send("PUT", "/data", {"x": None}).json == {"data": {"x": None}}, "change the data"
        assert thief.refresh().refusal == THEFT, "the old refresh token is theft"
        assert browser.information(handle) == {"found": False}, "theft revokes the session"
        assert browser.handles(user) == [], "nothing is listed"

    def tenant_lists(self) -> None:
        """A user's sessions are listed and revoked in one tenant or in all."""
        places = [self._tenant(), self._tenant(), "public"]
        user, browser = self.user(), self.browser()
        held = {place: [str(self.browser().login(user, tenant=place).json["handle"]) for _ in range(2)]
                for place in places}
        assert browser.handles(user) == sorted(sum(held.values(), [])), "all tenants"
        for place in places:
            assert browser.handles(user, place) == sorted(held[place]), "one tenant"
        one = browser.send("POST", "/admin/revoke-all", {"userId": user, "tenantId": places[0]}).json
        assert sorted(one["revoked"]) == sorted(held[places[0]]), "revoke in one tenant"
        assert browser.handles(user) == sorted(held[places[1]] + held["public"]), "the others stay"
        public = browser.send("POST", "/admin/revoke-all", {"userId": user, "tenantId": "public"}).json
        assert sorted(public["revoked"]) == sorted(held["public"]), "revoke in public"
        mixed = {"handles": [held[places[1]][0], held["public"][0]]}
        several = browser.send("POST", "/admin/revoke-several", mixed).json["revoked"]
        assert several == [held[places[1]][0]], "revoke by handle over tenants"
        rest = browser.send("POST", "/admin/revoke-all", {"userId": user}).json["revoked"]
        assert rest == [held[places[1]][1]], "revoke in all tenants"
        assert browser.handles(user) == [], "nothing is left"

    def _tenant(self) -> str:
        tenant = f"t-{self.dice.randrange(10**9)}"
        assert self.browser().send("PUT", f"/tenants/{tenant}").json == {"new": True}, "make a tenant"
        return tenant


class Apps(Suite):
    """An application whose connection URI names an app of the core, beside one in the public app."""

    def apart(self) -> None:
        """What belongs to one app does not exist in another."""
        browser, user, handle = self.signed_in({"a": HARD})
        stranger = browser.moved(self.beside, self.mode)
        assert browser.me().json.get("handle") == handle, "verify in the app"
        assert browser.copy().refresh().status == 200, "refresh in the app"
        assert browser.handles(user) == [handle], "listed in the app"
        assert stranger.handles(user) == [], "not listed outside"
        assert stranger.information(handle) == {"found": False}, "not found outside"
        body = {"handle": handle}
        assert stranger.send("POST", "/admin/revoke", body).json == {"revoked": False}, "not revoked from outside"
        assert stranger.copy().me().refusal == TRY_REFRESH, "its access token is strange outside"
        assert stranger.copy().refresh().refusal == UNAUTHORISED, "its refresh token is strange outside"
        assert browser.refresh().status == 200, "it is unharmed"
        assert browser.me().json.get("handle") == handle, "and goes on"


class Generations(Suite):
    """Applications with every release of the SDK on one core, and sessions that wander between them."""

    def __init__(self, dice: random.Random, applications: list[Application]) -> None:
        """Prepares them, with the applications in the order of their releases."""
        super().__init__(dice, applications[-1], "header")
        self.applications = applications
        self.held: list[tuple[str, Browser, str | None]] = []

    def _moved(self, browser: Browser, target: Application, keep_id: bool = False) -> Browser:
        mode = "header" if target.release.has(Feature.HEADER) else "cookie"
        found = browser.moved(target, mode)
        if not keep_id:  # of the core's making, but no one ever looks at its value
            found.tokens.id_refresh = self.identifier() if mode == "cookie" else None
        return found

    def upgrade(self) -> None:
        """A session of 2022 goes through every later release and back; each refresh gives that release's token."""
        oldest = self.applications[0]
        browser, user = oldest.browser("cookie"), self.user()
        handle = browser.login(user, {"kept": HARD}, {"cart": [1]}).json["handle"]
        wanderings = [*self.applications[1:], *reversed(self.applications[:-1])]
        wanderings += self.dice.sample(self.applications, len(self.applications))
        for turn, application in enumerate(wanderings, 1):
            name = f"{turn}: {browser.application.release.version} to {application.release.version}"
            browser = self._moved(browser, application)
            assert browser.refresh().status == 200, f"refresh {name}"
            version = application.release.token_version
            assert browser.tokens.part(0).get("version") == version, f"the token of {name}"
            page = browser.me()
            found = (page.status, page.json.get("handle"), page.json.get("userId"))
            assert found == (200, handle, user), f"verify {name}"
            assert page.json["payload"].get("kept") == HARD, f"the payload of {name}"
            assert browser.information(handle).get("data") == {"cart": [1]}, f"the data of {name}"

    def old_tokens(self) -> None:
        """Access tokens of earlier releases verify in later ones until they end."""
        for index, earlier in enumerate(self.applications):
            mode = "header" if earlier.release.has(Feature.HEADER) else "cookie"
            browser = earlier.browser(mode)
            handle = browser.login(self.user(), {"kept": HARD}).json["handle"]
            for later in self.applications[index + 1:]:
                name = f"a token of {earlier.release.version} in {later.release.version}"
                moved = self._moved(browser, later)
                for path in ("/me", "/me/checked"):
                    page = moved.send("GET", path)
                    found = (page.status, page.json.get("handle"), page.json.get("payload", {}).get("kept"))
                    assert found == (200, handle, HARD), f"{name} at {path}"
                self.held.append((name, moved, handle if earlier.release.has(Feature.CHECK) else None))

    def without_core(self) -> None:
        """Those tokens verify without any core, by its published keys; only for those of 2022 each SDK asks it."""
        assert len(self.held) == 6, "there are tokens to verify"
        for name, browser, handle in self.held:
            page = browser.me()
            found = (page.status, page.json.get("handle"))
            assert found == ((200, handle) if handle else (500, None)), f"{name} without core"

    def old_cookies(self) -> None:
        """A browser that still has the cookies of 2022 is told to refresh, once, and loses the third of them."""
        oldest, newest = self.applications[0], self.applications[-1]
        browser = oldest.browser("cookie")
        handle = browser.login(self.user()).json["handle"]
        moved = browser.moved(newest, "cookie")
        assert moved.me().refusal == TRY_REFRESH, "the old cookies are told to refresh"
        assert moved.refresh().status == 200, "refresh with the old cookies"
        assert not moved.tokens.id_refresh, "the third cookie is taken"
        assert moved.me().json.get("handle") == handle, "the session goes on"
        late = browser.copy()
        assert late.refresh().status == 200, "the old cookies once more, in time, in 2022"
        assert unquote(str(late.tokens.refresh)) == unquote(str(moved.tokens.refresh)), (
            "they are given what today's release was given")
        assert moved.refresh().status == 200, "a second refresh"
        assert moved.me().json.get("handle") == handle, "the session still goes on"
        assert browser.refresh().refusal == THEFT, "the first refresh token is theft in 2022"
        assert moved.checked().refusal == UNAUTHORISED, "and the session is gone today"

    def protected_payload(self) -> None:
        """A payload that only 2022 could write keeps its session out of later releases."""
        browser = self.applications[0].browser("cookie")
        browser.login(self.user(), {"sub": "somebody else"})
        assert browser.refresh().status == 200, "2022 refreshes it"
        assert browser.me().json["payload"] == {"sub": "somebody else"}, "2022 reads it"
        for application in self.applications[1:]:
            name = application.release.version
            assert self._moved(browser, application).refresh().refusal == UNAUTHORISED, f"{name} refuses it"

    def shared_lists(self) -> None:
        """Every release sees and revokes the sessions of all."""
        user = self.user()
        browsers = [application.browser(application.release.modes[-1]) for application in self.applications]
        made = [str(browser.login(user).json["handle"]) for browser in browsers]
        for browser in browsers:
            assert browser.handles(user) == sorted(made), f"{browser.application.release.version} lists all"
        for number, browser in enumerate(browsers):
            body: Json = {"handle": made[number - 1]}
            done = browser.send("POST", "/admin/revoke", body).json
            assert done == {"revoked": True}, f"{browser.application.release.version} revokes another's"
        assert browsers[0].handles(user) == [], "nothing is left"

    def tenants_wander(self) -> None:
        """A session of a tenant stays in its tenant when it wanders between the releases that have tenants."""
        older, newer = (each for each in self.applications if each.release.has(Feature.TENANTS))
        tenant, user = f"t-{self.dice.randrange(10**9)}", self.user()
        browser = older.browser("header")
        assert browser.send("PUT", f"/tenants/{tenant}").json == {"new": True}, "make a tenant"
        listed = newer.browser("header").send("GET", "/tenants").json["tenants"]
        assert tenant in listed, "the newer release lists it"
        handle = browser.login(user, {"kept": HARD}, tenant=tenant).json["handle"]
        for application in (newer, older, newer):
            name, browser = f"in {application.release.version}", self._moved(browser, application)
            assert browser.refresh().status == 200, f"refresh {name}"
            page = browser.checked()
            found = (page.status, page.json.get("handle"), page.json.get("tenantId"))
            assert found == (200, handle, tenant), f"verify {name}"
            assert browser.tokens.part(1).get("tId") == tenant, f"the token's tenant {name}"
            assert browser.handles(user, tenant) == [handle], f"the sessions of the tenant {name}"
        assert browser.send("DELETE", f"/tenants/{tenant}").json == {"existed": True}, "remove the tenant"
