"""The steps that cross a border: between tenants, between apps and between the generations of the SDK."""

from __future__ import annotations

import random
from urllib.parse import unquote

from drivers_browser import Application, Browser
from drivers_releases import Feature
from drivers_suite import HARD, THEFT, TRY_REFRESH, UNAUTHORISED, Suite
from harness import Checks, Json


class Tenants(Suite):
    """Sessions that belong to a tenant."""

    def tenants(self) -> None:
        """A tenant is made, listed and removed by the SDK."""
        tenant, browser = f"t-{self.dice.randrange(10**9)}", self.browser()
        self.equal("make a tenant", browser.send("PUT", f"/tenants/{tenant}").json, {"new": True})
        self.equal("make it again", browser.send("PUT", f"/tenants/{tenant}").json, {"new": False})
        listed = browser.send("GET", "/tenants").json["tenants"]
        self.check("it is listed beside public", {"public", tenant} <= set(listed), listed)
        self.equal("remove it", browser.send("DELETE", f"/tenants/{tenant}").json, {"existed": True})
        self.equal("remove it again", browser.send("DELETE", f"/tenants/{tenant}").json, {"existed": False})
        self.equal("no login in a tenant that is gone", browser.login(self.user(), tenant=tenant).status, 500)

    def tenant_session(self) -> None:
        """A session lives in its tenant over verification, refresh, change and theft."""
        tenant = self._tenant()
        browser, user, handle = self.signed_in({"plan": "free"}, {"cart": HARD}, tenant)
        self.check("the handle names the tenant", handle.endswith(f"_{tenant}"), handle)
        self.equal("the token names the tenant", browser.tokens.part(1).get("tId"), tenant)
        thief = browser.copy()
        for name, following in (("login", "refresh"), ("refresh", "another refresh"), ("another refresh", None)):
            page = browser.checked()
            seen = (page.status, page.json.get("tenantId"), page.json.get("handle"))
            self.equal(f"verify after {name}", seen, (200, tenant, handle))
            if following:
                self.equal(following, browser.refresh().status, 200)
        found = browser.information(handle)
        self.equal("information", (found.get("tenantId"), found.get("data")), (tenant, {"cart": HARD}))
        self.equal("change the payload", browser.send("POST", "/payload", {"plan": "paid"}).status, 200)
        self.equal("the payload is changed", browser.me().json["payload"]["plan"], "paid")
        self.equal("change the data", browser.send("PUT", "/data", {"x": None}).json, {"data": {"x": None}})
        self.equal("the old refresh token is theft", thief.refresh().refusal, THEFT)
        self.equal("theft revokes the session", browser.information(handle), {"found": False})
        self.equal("nothing is listed", browser.handles(user), [])

    def tenant_lists(self) -> None:
        """A user's sessions are listed and revoked in one tenant or in all."""
        places = [self._tenant(), self._tenant(), "public"]
        user, browser = self.user(), self.browser()
        held = {place: [str(self.browser().login(user, tenant=place).json["handle"]) for _ in range(2)]
                for place in places}
        self.equal("all tenants", browser.handles(user), sorted(sum(held.values(), [])))
        for place in places:
            self.equal("one tenant", browser.handles(user, place), sorted(held[place]))
        one = browser.send("POST", "/admin/revoke-all", {"userId": user, "tenantId": places[0]}).json
        self.equal("revoke in one tenant", sorted(one["revoked"]), sorted(held[places[0]]))
        self.equal("the others stay", browser.handles(user), sorted(held[places[1]] + held["public"]))
        public = browser.send("POST", "/admin/revoke-all", {"userId": user, "tenantId": "public"}).json
        self.equal("revoke in public", sorted(public["revoked"]), sorted(held["public"]))
        mixed = {"handles": [held[places[1]][0], held["public"][0]]}
        several = browser.send("POST", "/admin/revoke-several", mixed).json["revoked"]
        self.equal("revoke by handle over tenants", several, [held[places[1]][0]])
        rest = browser.send("POST", "/admin/revoke-all", {"userId": user}).json["revoked"]
        self.equal("revoke in all tenants", rest, [held[places[1]][1]])
        self.equal("nothing is left", browser.handles(user), [])

    def _tenant(self) -> str:
        tenant = f"t-{self.dice.randrange(10**9)}"
        self.equal("make a tenant", self.browser().send("PUT", f"/tenants/{tenant}").json, {"new": True})
        return tenant


class Apps(Suite):
    """An application whose connection URI names an app of the core, beside one in the public app."""

    def __init__(self, checks: Checks, dice: random.Random, inside: Application, outside: Application,
                 mode: str) -> None:
        """Prepares the checks."""
        super().__init__(checks, dice, inside, mode, f"app, {mode}")
        self.outside = outside

    def apart(self) -> None:
        """What belongs to one app does not exist in another."""
        browser, user, handle = self.signed_in({"a": HARD})
        stranger = browser.moved(self.outside, self.mode)
        self.equal("verify in the app", browser.me().json.get("handle"), handle)
        self.equal("refresh in the app", browser.copy().refresh().status, 200)
        self.equal("listed in the app", browser.handles(user), [handle])
        self.equal("not listed outside", stranger.handles(user), [])
        self.equal("not found outside", stranger.information(handle), {"found": False})
        body = {"handle": handle}
        self.equal("not revoked from outside", stranger.send("POST", "/admin/revoke", body).json, {"revoked": False})
        self.equal("its access token is strange outside", stranger.copy().me().refusal, TRY_REFRESH)
        self.equal("its refresh token is strange outside", stranger.copy().refresh().refusal, UNAUTHORISED)
        self.equal("it is unharmed", browser.refresh().status, 200)
        self.equal("and goes on", browser.me().json.get("handle"), handle)


class Generations(Suite):
    """Applications with every release of the SDK on one core, and sessions that wander between them."""

    def __init__(self, checks: Checks, dice: random.Random, applications: list[Application]) -> None:
        """Prepares the checks, with the applications in the order of their releases."""
        super().__init__(checks, dice, applications[-1], "header", "generations")
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
            self.equal(f"refresh {name}", browser.refresh().status, 200)
            version = application.release.token_version
            self.equal(f"the token of {name}", browser.tokens.part(0).get("version"), version)
            page = browser.me()
            found = (page.status, page.json.get("handle"), page.json.get("userId"))
            self.equal(f"verify {name}", found, (200, handle, user))
            self.equal(f"the payload of {name}", page.json["payload"].get("kept"), HARD)
            self.equal(f"the data of {name}", browser.information(handle).get("data"), {"cart": [1]})

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
                    self.equal(f"{name} at {path}", found, (200, handle, HARD))
                self.held.append((name, moved, handle if earlier.release.has(Feature.CHECK) else None))

    def without_core(self) -> None:
        """Those tokens verify without any core, by its published keys; only for those of 2022 each SDK asks it."""
        self.check("there are tokens to verify", len(self.held) == 6, self.held)
        for name, browser, handle in self.held:
            page = browser.me()
            found = (page.status, page.json.get("handle"))
            self.equal(f"{name} without core", found, (200, handle) if handle else (500, None))

    def old_cookies(self) -> None:
        """A browser that still has the cookies of 2022 is told to refresh, once, and loses the third of them."""
        oldest, newest = self.applications[0], self.applications[-1]
        browser = oldest.browser("cookie")
        handle = browser.login(self.user()).json["handle"]
        moved = browser.moved(newest, "cookie")
        self.equal("the old cookies are told to refresh", moved.me().refusal, TRY_REFRESH)
        self.equal("refresh with the old cookies", moved.refresh().status, 200)
        self.check("the third cookie is taken", not moved.tokens.id_refresh, moved.tokens.id_refresh)
        self.equal("the session goes on", moved.me().json.get("handle"), handle)
        late = browser.copy()
        self.equal("the old cookies once more, in time, in 2022", late.refresh().status, 200)
        self.equal("they are given what today's release was given", unquote(str(late.tokens.refresh)),
                   unquote(str(moved.tokens.refresh)))
        self.equal("a second refresh", moved.refresh().status, 200)
        self.equal("the session still goes on", moved.me().json.get("handle"), handle)
        self.equal("the first refresh token is theft in 2022", browser.refresh().refusal, THEFT)
        self.equal("and the session is gone today", moved.checked().refusal, UNAUTHORISED)

    def protected_payload(self) -> None:
        """A payload that only 2022 could write keeps its session out of later releases."""
        browser = self.applications[0].browser("cookie")
        browser.login(self.user(), {"sub": "somebody else"})
        self.equal("2022 refreshes it", browser.refresh().status, 200)
        self.equal("2022 reads it", browser.me().json["payload"], {"sub": "somebody else"})
        for application in self.applications[1:]:
            name = application.release.version
            self.equal(f"{name} refuses it", self._moved(browser, application).refresh().refusal, UNAUTHORISED)

    def shared_lists(self) -> None:
        """Every release sees and revokes the sessions of all."""
        user = self.user()
        browsers = [application.browser(application.release.modes[-1]) for application in self.applications]
        made = [str(browser.login(user).json["handle"]) for browser in browsers]
        for browser in browsers:
            self.equal(f"{browser.application.release.version} lists all", browser.handles(user), sorted(made))
        for number, browser in enumerate(browsers):
            body: Json = {"handle": made[number - 1]}
            done = browser.send("POST", "/admin/revoke", body).json
            self.equal(f"{browser.application.release.version} revokes another's", done, {"revoked": True})
        self.equal("nothing is left", browsers[0].handles(user), [])

    def tenants_wander(self) -> None:
        """A session of a tenant stays in its tenant when it wanders between the releases that have tenants."""
        older, newer = (each for each in self.applications if each.release.has(Feature.TENANTS))
        tenant, user = f"t-{self.dice.randrange(10**9)}", self.user()
        browser = older.browser("header")
        self.equal("make a tenant", browser.send("PUT", f"/tenants/{tenant}").json, {"new": True})
        listed = newer.browser("header").send("GET", "/tenants").json["tenants"]
        self.check("the newer release lists it", tenant in listed, listed)
        handle = browser.login(user, {"kept": HARD}, tenant=tenant).json["handle"]
        for application in (newer, older, newer):
            name, browser = f"in {application.release.version}", self._moved(browser, application)
            self.equal(f"refresh {name}", browser.refresh().status, 200)
            page = browser.checked()
            found = (page.status, page.json.get("handle"), page.json.get("tenantId"))
            self.equal(f"verify {name}", found, (200, handle, tenant))
            self.equal(f"the token's tenant {name}", browser.tokens.part(1).get("tId"), tenant)
            self.equal(f"the sessions of the tenant {name}", browser.handles(user, tenant), [handle])
        self.equal("remove the tenant", browser.send("DELETE", f"/tenants/{tenant}").json, {"existed": True})
