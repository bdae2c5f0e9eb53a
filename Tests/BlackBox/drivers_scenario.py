"""The scenario: what an application's users do, the same for every release and way to carry tokens."""

from __future__ import annotations

import copy
import time

from drivers_browser import SIGN_OUT
from drivers_releases import Feature
from drivers_rotation import Rotation
from drivers_suite import HARD, TRY_REFRESH, UNAUTHORISED
from harness import Json


class Scenario(Rotation):
    """The life of sessions."""

    def login(self) -> None:
        """Signing in gives tokens in the wanted way and the session the application asked for."""
        browser, user = self.browser(), self.user()
        page = browser.login(user, {"role": "admin", "hard": HARD}, {"cart": [1]})
        self.equal("login is answered 200", page.status, 200)
        self.equal("login names the user", page.json.get("userId"), user)
        payload = page.json.get("payload", {})
        self.equal("login carries the payload", (payload.get("role"), payload.get("hard")), ("admin", HARD))
        self.check("login hands out both tokens", bool(browser.tokens.access and browser.tokens.refresh))
        front = browser.tokens.front_json()
        self.equal("the front token names the user", front["uid"], user)
        self.check("the front token ends in the future", front["ate"] > time.time() * 1000, front["ate"])
        in_cookies = bool(page.headers.get_all("set-cookie"))
        self.equal("login uses the wanted transfer method", in_cookies, self.mode == "cookie")
        version = self.application.release.token_version
        self.equal("the access token has the version of the CDI", browser.tokens.part(0).get("version"), version)
        self.equal("only 2022 hands out an sIdRefreshToken", bool(browser.tokens.id_refresh), version == "2")
        if self.has(Feature.TENANTS):
            self.equal("login names the tenant", page.json.get("tenantId"), "public")
        if self.has(Feature.RECIPE_USERS):
            self.equal("login names the recipe user", page.json.get("recipeUserId"), user)

    def verify(self) -> None:
        """A session verifies with and without the database, and nothing else does."""
        browser, user, handle = self.signed_in()
        for path in ("/me", "/me/checked") if self.has(Feature.CHECK) else ("/me",):
            page = browser.send("GET", path)
            found = (page.status, page.json.get("handle"), page.json.get("userId"))
            self.equal(f"{path} knows the session", found, (200, handle, user))
            self.check(f"{path} keeps the token", not page.headers.get("front-token"))
        self.equal("no token is refused", self.browser().me().status, 401)
        forged = browser.copy()
        head, _, tail = str(forged.tokens.access).rpartition(".")
        forged.tokens.access = f"{head}.{'B' if tail[0] == 'A' else 'A'}{tail[1:]}"
        self.equal("a forged token is refused", forged.me().status, 401)

    def refresh(self) -> None:
        """A refresh gives new tokens, whose first use settles them."""
        browser, _, handle = self.signed_in({"kept": HARD})
        for turn in range(1, 4):
            before = copy.copy(browser.tokens)
            self.equal(f"refresh {turn} is answered 200", browser.refresh().status, 200)
            after = browser.tokens
            self.check(f"refresh {turn} changes both tokens",
                       after.access != before.access and after.refresh != before.refresh)
            self.equal(f"the token of refresh {turn} keeps its version", after.part(0)["version"],
                       self.application.release.token_version)
            first = browser.me()
            self.equal(f"verify after refresh {turn}", (first.status, first.json.get("handle")), (200, handle))
            self.check(f"verify after refresh {turn} replaces the access token", bool(first.headers.get("front-token")))
            self.equal(f"the payload survives refresh {turn}", first.json["payload"].get("kept"), HARD)
            second = browser.me()
            self.check(f"the replacement {turn} is final",
                       second.status == 200 and not second.headers.get("front-token"))
        if self.has(Feature.CHECK):
            self.equal("verify with the database after refreshes", browser.checked().status, 200)

    def bad_refresh(self) -> None:
        """What is no refresh token is refused and cleared."""
        for name, token in (("garbage", "garbage"), ("an empty V2", ".V2"), ("three parts", "a.b.V2")):
            browser, _, _ = self.signed_in()
            browser.tokens.refresh = token
            self.equal(f"refresh with {name}", browser.refresh().refusal, UNAUTHORISED)
            self.check(f"refresh with {name} clears", not browser.tokens.access and not browser.tokens.refresh)
        browser, _, handle = self.signed_in()
        browser.tokens.refresh = None
        self.equal("refresh with no token", browser.refresh().status, 401)
        self.equal("the session is still there", browser.information(handle).get("found"), True)

    def payload(self) -> None:
        """Changing the payload changes the token in hand and every later one."""
        browser, _, handle = self.signed_in({"role": "user", "gone": 1})
        before = browser.tokens.access
        change: Json = {"role": "admin", "text": "ž🐎", "nested": {"nothing": None}}
        page = browser.send("POST", "/payload", change | ({"gone": None} if self.has(Feature.MERGE) else {}))
        self.equal("a change of the payload is answered 200", page.status, 200)
        self.check("a change of the payload replaces the access token", browser.tokens.access != before)
        for name, step in (("at once", None), ("after a refresh", browser.refresh)):
            if step:
                self.equal("refresh after a change of the payload", step().status, 200)
            self._same_payload(f"the new payload is there {name}", browser.me().json["payload"], change)
        self._same_payload("the new payload is stored", browser.information(handle)["payload"], change)

    def _same_payload(self, name: str, found: Json, expected: Json) -> None:
        if self.has(Feature.MERGE):  # the SDK adds members of its own
            self.equal(name, (self.within(found, expected), "gone" in found), (expected, False))
        else:
            self.equal(name, found, expected)

    def payload_by_handle(self) -> None:
        """A payload that was changed by handle arrives with the next refresh or database check."""
        browser, _, handle = self.signed_in({"plan": "free"})
        other = browser.copy()
        update: Json = {"plan": "paid", "nested": {"nothing": None}}
        body: Json = {"handle": handle, "update": update}
        self.equal("payload by handle", browser.send("POST", "/admin/payload", body).json, {"updated": True})
        self.equal("a local check still sees the old payload", browser.me().json["payload"].get("plan"), "free")
        if self.has(Feature.CHECK):
            checked = other.checked()
            self.equal("a database check brings the new payload", checked.json["payload"].get("plan"), "paid")
            self.check("a database check replaces the token", bool(checked.headers.get("front-token")))
        self.equal("refresh after payload by handle", browser.refresh().status, 200)
        payload = browser.me().json["payload"]
        self.equal("a refresh brings the new payload", self.within(payload, update), update)
        body = {"handle": self.identifier(), "update": {"plan": "paid"}}
        self.equal("payload of no session", browser.send("POST", "/admin/payload", body).json, {"updated": False})

    def data(self) -> None:
        """The data of a session comes back as it was written."""
        browser, _, handle = self.signed_in(data={"first": None, "hard": HARD})
        first = browser.send("GET", "/data").json
        self.equal("data of the login", first, {"data": {"first": None, "hard": HARD}})
        self.equal("data is written and read back", browser.send("PUT", "/data", HARD).json, {"data": HARD})
        self.equal("data by handle", browser.information(handle).get("data"), HARD)
        body: Json = {"handle": handle, "data": {}}
        self.equal("data is emptied by handle", browser.send("POST", "/admin/data", body).json, {"updated": True})
        self.equal("emptied data", browser.send("GET", "/data").json, {"data": {}})
        body["handle"] = self.identifier()
        self.equal("data of no session", browser.send("POST", "/admin/data", body).json, {"updated": False})

    def information(self) -> None:
        """A session can be read by its handle."""
        browser, user, handle = self.signed_in({"a": HARD}, {"b": 2})
        found = browser.information(handle)
        expected = {"found": True, "handle": handle, "userId": user, "data": {"b": 2}}
        expected |= {"tenantId": "public"} if self.has(Feature.TENANTS) else {}
        expected |= {"recipeUserId": user} if self.has(Feature.RECIPE_USERS) else {}
        times = {"created": found["created"], "expiry": found["expiry"]}
        self.equal("information", {k: v for k, v in found.items() if k not in ("payload", *times)}, expected)
        self.equal("information has the payload", found["payload"].get("a"), HARD)
        now = time.time() * 1000
        self.check("information has sensible times", now - 60_000 < found["created"] <= now + 1000 < found["expiry"],
                   found)
        self.equal("the session knows its times", browser.send("GET", "/times").json, times)
        self.equal("information on no session", browser.information(self.identifier()), {"found": False})

    def revocation(self) -> None:
        """One, several and all sessions of a user can be listed and revoked."""
        browser, user, first = self.signed_in()
        handles = [first] + [self.browser().login(user).json["handle"] for _ in range(4)]
        self.equal("all sessions of a user are listed", browser.handles(user), sorted(handles))
        body: Json = {"handle": first}
        self.equal("revoke one", browser.send("POST", "/admin/revoke", body).json, {"revoked": True})
        self.equal("revoke it again", browser.send("POST", "/admin/revoke", body).json, {"revoked": False})
        self.equal("a local check cannot know", browser.me().status, 200)
        if self.has(Feature.CHECK):
            self.equal("a database check refuses it", browser.checked().status, 401)
        self.equal("it cannot refresh", browser.refresh().refusal, UNAUTHORISED)
        several = browser.send("POST", "/admin/revoke-several", {"handles": [*handles[1:3], self.identifier()]})
        self.equal("revoke several", sorted(several.json["revoked"]), sorted(handles[1:3]))
        everything = browser.send("POST", "/admin/revoke-all", {"userId": user})
        self.equal("revoke all", sorted(everything.json["revoked"]), sorted(handles[3:]))
        self.equal("nothing is left", browser.handles(user), [])
        again = browser.send("POST", "/admin/revoke-all", {"userId": user})
        self.equal("revoke all when nothing is left", again.json, {"revoked": []})

    def sign_out(self) -> None:
        """Signing out revokes the session and takes the tokens."""
        for path, answer in ((SIGN_OUT, {"status": "OK"}), ("/leave", {"left": True})):
            browser, _, handle = self.signed_in()
            kept = browser.copy()
            page = browser.send("POST", path)
            self.equal(f"POST {path}", (page.status, page.json), (200, answer))
            self.check(f"{path} takes the tokens", not browser.tokens.access and not browser.tokens.refresh)
            self.equal(f"{path} revokes the session", browser.information(handle), {"found": False})
            self.equal(f"a copy kept before {path} cannot refresh", kept.refresh().refusal, UNAUTHORISED)
        self.equal("nobody can leave twice", browser.send("POST", "/leave").status, 401)

    def blacklisting(self) -> None:
        """A core that checks the database for every old driver sees revocation and new payloads at once."""
        browser, _, handle = self.signed_in({"plan": "free"})
        body = {"handle": handle, "update": {"plan": "paid"}}
        self.equal("payload by handle", browser.send("POST", "/admin/payload", body).json, {"updated": True})
        page = browser.me()
        self.equal("the new payload is seen at once", (page.status, page.json.get("payload")), (200, {"plan": "paid"}))
        self.check("and its token is handed out", bool(page.headers.get("front-token")))
        self.equal("which is final", browser.me().headers.get("front-token"), None)
        self.equal("revoke", browser.send("POST", "/admin/revoke", {"handle": handle}).json, {"revoked": True})
        self.equal("revocation is seen at once", browser.me().refusal, UNAUTHORISED)


class Guarded(Scenario):
    """The scenario with anti-CSRF tokens in cookies and an application that answers theft itself."""

    def theft_refusal(self) -> tuple[int, str]:
        """What a thief is told by the application's own handler."""
        return (401, "noted theft")

    def anti_csrf(self) -> None:
        """With anti-CSRF on, what changes something needs the token that came at login."""
        browser, _, handle = self.signed_in()
        self.check("login hands out an anti-CSRF token", bool(browser.tokens.csrf))
        self.equal("a change with the token", browser.send("POST", "/change").status, 200)
        self.equal("a change without it", browser.send("POST", "/change", csrf=False).refusal, TRY_REFRESH)
        self.equal("reading needs none", browser.send("GET", "/me", csrf=False).status, 200)
        crossed = browser.copy()
        crossed.tokens.csrf = self.signed_in()[0].tokens.csrf
        self.equal("a change with another session's", crossed.send("POST", "/change").refusal, TRY_REFRESH)
        self.equal("a refresh with another session's", crossed.refresh().refusal, UNAUTHORISED)
        self.equal("a refresh without it", browser.copy().refresh(csrf=False).refusal, UNAUTHORISED)
        self.equal("the session is unharmed", browser.information(handle).get("found"), True)
        before = browser.tokens.csrf
        self.equal("a refresh with it", browser.refresh().status, 200)
        self.check("a refresh changes it", browser.tokens.csrf not in (None, before))
        self.equal("a change right after a refresh", browser.send("POST", "/change").status, 200)
        self.equal("a change with the promoted token", browser.send("POST", "/change").status, 200)
        page = browser.send("POST", "/change", csrf=False)
        self.equal("the promoted token still wants it", page.refusal, TRY_REFRESH)

    def no_anti_csrf(self) -> None:
        """Tokens in headers need no anti-CSRF token."""
        browser, _, _ = self.signed_in()
        self.check("header login has no anti-CSRF token", browser.tokens.csrf is None)
        self.equal("a change in header mode", browser.send("POST", "/change").status, 200)
        self.equal("a refresh in header mode", browser.refresh().status, 200)


ORDINARY = ("login", "verify", "refresh", "chain", "lost_reply", "parallel", "theft", "bad_refresh", "payload",
            "payload_by_handle", "data", "information", "revocation", "sign_out")
ESSENCE = ("login", "verify", "refresh", "chain", "lost_reply", "theft", "sign_out")
"""Those of them that matter most; what many callers get is shown in the course of time."""
