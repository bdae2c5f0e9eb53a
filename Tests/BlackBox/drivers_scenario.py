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
        assert page.status == 200, "login is answered 200"
        assert page.json.get("userId") == user, "login names the user"
        payload = page.json.get("payload", {})
        assert (payload.get("role"), payload.get("hard")) == ("admin", HARD), "login carries the payload"
        assert browser.tokens.access and browser.tokens.refresh, "login hands out both tokens"
        front = browser.tokens.front_json()
        assert front["uid"] == user, "the front token names the user"
        assert front["ate"] > time.time() * 1000, "the front token ends in the future"
        in_cookies = bool(page.headers.get_all("set-cookie"))
        assert in_cookies == (self.mode == "cookie"), "login uses the wanted transfer method"
        version = self.application.release.token_version
        assert browser.tokens.part(0).get("version") == version, "the access token has the version of the CDI"
        assert bool(browser.tokens.id_refresh) == (version == "2"), "only 2022 hands out an sIdRefreshToken"
        if self.has(Feature.TENANTS):
            assert page.json.get("tenantId") == "public", "login names the tenant"
        if self.has(Feature.RECIPE_USERS):
            assert page.json.get("recipeUserId") == user, "login names the recipe user"

    def verify(self) -> None:
        """A session verifies with and without the database, and nothing else does."""
        browser, user, handle = self.signed_in()
        for path in ("/me", "/me/checked") if self.has(Feature.CHECK) else ("/me",):
            page = browser.send("GET", path)
            found = (page.status, page.json.get("handle"), page.json.get("userId"))
            assert found == (200, handle, user), f"{path} knows the session"
            assert not page.headers.get("front-token"), f"{path} keeps the token"
        assert self.browser().me().status == 401, "no token is refused"
        forged = browser.copy()
        head, _, tail = str(forged.tokens.access).rpartition(".")
        forged.tokens.access = f"{head}.{'B' if tail[0] == 'A' else 'A'}{tail[1:]}"
        assert forged.me().status == 401, "a forged token is refused"

    def refresh(self) -> None:
        """A refresh gives new tokens, whose first use settles them."""
        browser, _, handle = self.signed_in({"kept": HARD})
        for turn in range(1, 4):
            before = copy.copy(browser.tokens)
            assert browser.refresh().status == 200, f"refresh {turn} is answered 200"
            after = browser.tokens
            assert (after.access != before.access and after.refresh != before.refresh), (
                f"refresh {turn} changes both tokens")
            assert after.part(0)["version"] == self.application.release.token_version, (
                f"the token of refresh {turn} keeps its version")
            first = browser.me()
            assert (first.status, first.json.get("handle")) == (200, handle), f"verify after refresh {turn}"
            assert first.headers.get("front-token"), f"verify after refresh {turn} replaces the access token"
            assert first.json["payload"].get("kept") == HARD, f"the payload survives refresh {turn}"
            second = browser.me()
            assert second.status == 200 and not second.headers.get("front-token"), f"the replacement {turn} is final"
        if self.has(Feature.CHECK):
            assert browser.checked().status == 200, "verify with the database after refreshes"

    def bad_refresh(self) -> None:
        """What is no refresh token is refused and cleared."""
        for name, token in (("garbage", "garbage"), ("an empty V2", ".V2"), ("three parts", "a.b.V2")):
            browser, _, _ = self.signed_in()
            browser.tokens.refresh = token
            assert browser.refresh().refusal == UNAUTHORISED, f"refresh with {name}"
            assert not browser.tokens.access and not browser.tokens.refresh, f"refresh with {name} clears"
        browser, _, handle = self.signed_in()
        browser.tokens.refresh = None
        assert browser.refresh().status == 401, "refresh with no token"
        assert browser.information(handle).get("found"), "the session is still there"

    def payload(self) -> None:
        """Changing the payload changes the token in hand and every later one."""
        browser, _, handle = self.signed_in({"role": "user", "gone": 1})
        before = browser.tokens.access
        change: Json = {"role": "admin", "text": "ž🐎", "nested": {"nothing": None}}
        page = browser.send("POST", "/payload", change | ({"gone": None} if self.has(Feature.MERGE) else {}))
        assert page.status == 200, "a change of the payload is answered 200"
        assert browser.tokens.access != before, "a change of the payload replaces the access token"
        for name, step in (("at once", None), ("after a refresh", browser.refresh)):
            if step:
                assert step().status == 200, "refresh after a change of the payload"
            self._same_payload(f"the new payload is there {name}", browser.me().json["payload"], change)
        self._same_payload("the new payload is stored", browser.information(handle)["payload"], change)

    def _same_payload(self, name: str, found: Json, expected: Json) -> None:
        if self.has(Feature.MERGE):  # the SDK adds members of its own
            assert (self.within(found, expected), "gone" in found) == (expected, False), name
        else:
            assert found == expected, name

    def payload_by_handle(self) -> None:
        """A payload that was changed by handle arrives with the next refresh or database check."""
        browser, _, handle = self.signed_in({"plan": "free"})
        other = browser.copy()
        update: Json = {"plan": "paid", "nested": {"nothing": None}}
        body: Json = {"handle": handle, "update": update}
        assert browser.send("POST", "/admin/payload", body).json == {"updated": True}, "payload by handle"
        assert browser.me().json["payload"].get("plan") == "free", "a local check still sees the old payload"
        if self.has(Feature.CHECK):
            checked = other.checked()
            assert checked.json["payload"].get("plan") == "paid", "a database check brings the new payload"
            assert checked.headers.get("front-token"), "a database check replaces the token"
        assert browser.refresh().status == 200, "refresh after payload by handle"
        payload = browser.me().json["payload"]
        assert self.within(payload, update) == update, "a refresh brings the new payload"
        body = {"handle": self.identifier(), "update": {"plan": "paid"}}
        assert browser.send("POST", "/admin/payload", body).json == {"updated": False}, "payload of no session"

    def data(self) -> None:
        """The data of a session comes back as it was written."""
        browser, _, handle = self.signed_in(data={"first": None, "hard": HARD})
        first = browser.send("GET", "/data").json
        assert first == {"data": {"first": None, "hard": HARD}}, "data of the login"
        assert browser.send("PUT", "/data", HARD).json == {"data": HARD}, "data is written and read back"
        assert browser.information(handle).get("data") == HARD, "data by handle"
        body: Json = {"handle": handle, "data": {}}
        assert browser.send("POST", "/admin/data", body).json == {"updated": True}, "data is emptied by handle"
        assert browser.send("GET", "/data").json == {"data": {}}, "emptied data"
        body["handle"] = self.identifier()
        assert browser.send("POST", "/admin/data", body).json == {"updated": False}, "data of no session"

    def information(self) -> None:
        """A session can be read by its handle."""
        browser, user, handle = self.signed_in({"a": HARD}, {"b": 2})
        found = browser.information(handle)
        expected = {"found": True, "handle": handle, "userId": user, "data": {"b": 2}}
        expected |= {"tenantId": "public"} if self.has(Feature.TENANTS) else {}
        expected |= {"recipeUserId": user} if self.has(Feature.RECIPE_USERS) else {}
        times = {"created": found["created"], "expiry": found["expiry"]}
        assert {k: v for k, v in found.items() if k not in ("payload", *times)} == expected, "information"
        assert found["payload"].get("a") == HARD, "information has the payload"
        now = time.time() * 1000
        assert now - 60_000 < found["created"] <= now + 1000 < found["expiry"], "information has sensible times"
        assert browser.send("GET", "/times").json == times, "the session knows its times"
        assert browser.information(self.identifier()) == {"found": False}, "information on no session"

    def revocation(self) -> None:
        """One, several and all sessions of a user can be listed and revoked."""
        browser, user, first = self.signed_in()
        handles = [first] + [self.browser().login(user).json["handle"] for _ in range(4)]
        assert browser.handles(user) == sorted(handles), "all sessions of a user are listed"
        body: Json = {"handle": first}
        assert browser.send("POST", "/admin/revoke", body).json == {"revoked": True}, "revoke one"
        assert browser.send("POST", "/admin/revoke", body).json == {"revoked": False}, "revoke it again"
        assert browser.me().status == 200, "a local check cannot know"
        if self.has(Feature.CHECK):
            assert browser.checked().status == 401, "a database check refuses it"
        assert browser.refresh().refusal == UNAUTHORISED, "it cannot refresh"
        several = browser.send("POST", "/admin/revoke-several", {"handles": [*handles[1:3], self.identifier()]})
        assert sorted(several.json["revoked"]) == sorted(handles[1:3]), "revoke several"
        everything = browser.send("POST", "/admin/revoke-all", {"userId": user})
        assert sorted(everything.json["revoked"]) == sorted(handles[3:]), "revoke all"
        assert browser.handles(user) == [], "nothing is left"
        again = browser.send("POST", "/admin/revoke-all", {"userId": user})
        assert again.json == {"revoked": []}, "revoke all when nothing is left"

    def sign_out(self) -> None:
        """Signing out revokes the session and takes the tokens."""
        for path, answer in ((SIGN_OUT, {"status": "OK"}), ("/leave", {"left": True})):
            browser, _, handle = self.signed_in()
            kept = browser.copy()
            page = browser.send("POST", path)
            assert (page.status, page.json) == (200, answer), f"POST {path}"
            assert not browser.tokens.access and not browser.tokens.refresh, f"{path} takes the tokens"
            assert browser.information(handle) == {"found": False}, f"{path} revokes the session"
            assert kept.refresh().refusal == UNAUTHORISED, f"a copy kept before {path} cannot refresh"
        assert browser.send("POST", "/leave").status == 401, "nobody can leave twice"

    def blacklisting(self) -> None:
        """A core that checks the database for every old driver sees revocation and new payloads at once."""
        browser, _, handle = self.signed_in({"plan": "free"})
        body = {"handle": handle, "update": {"plan": "paid"}}
        assert browser.send("POST", "/admin/payload", body).json == {"updated": True}, "payload by handle"
        page = browser.me()
        assert (page.status, page.json.get("payload")) == (200, {"plan": "paid"}), "the new payload is seen at once"
        assert page.headers.get("front-token"), "and its token is handed out"
        assert browser.me().headers.get("front-token") is None, "which is final"
        assert browser.send("POST", "/admin/revoke", {"handle": handle}).json == {"revoked": True}, "revoke"
        assert browser.me().refusal == UNAUTHORISED, "revocation is seen at once"


class Guarded(Scenario):
    """The scenario with anti-CSRF tokens in cookies and an application that answers theft itself."""

    def theft_refusal(self) -> tuple[int, str]:
        """What a thief is told by the application's own handler."""
        return (401, "noted theft")

    def anti_csrf(self) -> None:
        """With anti-CSRF on, what changes something needs the token that came at login."""
        browser, _, handle = self.signed_in()
        assert browser.tokens.csrf, "login hands out an anti-CSRF token"
        assert browser.send("POST", "/change").status == 200, "a change with the token"
        assert browser.send("POST", "/change", csrf=False).refusal == TRY_REFRESH, "a change without it"
        assert browser.send("GET", "/me", csrf=False).status == 200, "reading needs none"
        crossed = browser.copy()
        crossed.tokens.csrf = self.signed_in()[0].tokens.csrf
        assert crossed.send("POST", "/change").refusal == TRY_REFRESH, "a change with another session's"
        assert crossed.refresh().refusal == UNAUTHORISED, "a refresh with another session's"
        assert browser.copy().refresh(csrf=False).refusal == UNAUTHORISED, "a refresh without it"
        assert browser.information(handle).get("found"), "the session is unharmed"
        before = browser.tokens.csrf
        assert browser.refresh().status == 200, "a refresh with it"
        assert browser.tokens.csrf not in (None, before), "a refresh changes it"
        assert browser.send("POST", "/change").status == 200, "a change right after a refresh"
        assert browser.send("POST", "/change").status == 200, "a change with the promoted token"
        page = browser.send("POST", "/change", csrf=False)
        assert page.refusal == TRY_REFRESH, "the promoted token still wants it"

    def no_anti_csrf(self) -> None:
        """Tokens in headers need no anti-CSRF token."""
        browser, _, _ = self.signed_in()
        assert browser.tokens.csrf is None, "header login has no anti-CSRF token"
        assert browser.send("POST", "/change").status == 200, "a change in header mode"
        assert browser.refresh().status == 200, "a refresh in header mode"


ORDINARY = ("login", "verify", "refresh", "chain", "lost_reply", "parallel", "theft", "bad_refresh", "payload",
            "payload_by_handle", "data", "information", "revocation", "sign_out")
ESSENCE = ("login", "verify", "refresh", "chain", "lost_reply", "theft", "sign_out")
"""Those of them that matter most; what many callers get is shown in the course of time."""
