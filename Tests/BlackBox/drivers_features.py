"""The steps for what only some releases can do, and for what needs a core or an application of its own."""

from __future__ import annotations

from drivers_browser import Browser, Page
from drivers_releases import Feature
from drivers_suite import HARD, TRY_REFRESH, UNAUTHORISED, Suite
from harness import Json, until

EXPIRY_DEADLINE = 20.0


class Claims(Suite):
    """Claims and the functions without request and response."""

    def claims(self) -> None:
        """A claim is fetched, changed and removed, and lets in to what costs money."""
        browser, _, _ = self.signed_in({"kept": HARD})
        missing = browser.send("GET", "/paid")
        assert self._refused(missing) == (403, "invalid claim", ["plan"]), "without the claim"
        for change, value in (({"do": "fetch"}, "free"), ({"do": "set", "value": "paid"}, "paid")):
            assert browser.send("POST", "/claim", change).status == 200, f"{change['do']} the claim"
            assert browser.send("GET", "/claim").json == {"value": value}, f"the claim after {change['do']}"
            page = browser.send("GET", "/paid")
            assert page.status == (200 if value == "paid" else 403), f"/paid when {value}"
        assert browser.refresh().status == 200, "refresh with a claim"
        page = browser.send("GET", "/paid")
        assert (page.status, page.json["payload"]["kept"]) == (200, HARD), "the claim and the payload survive"
        assert browser.send("POST", "/claim", {"do": "remove"}).status == 200, "remove the claim"
        assert browser.send("GET", "/claim").json == {"value": None}, "the claim is gone"
        assert browser.send("GET", "/paid").status == 403, "/paid without the claim"

    @staticmethod
    def _refused(page: Page) -> tuple[int, object, list[object]]:
        errors = page.json.get("claimValidationErrors", [])
        return page.status, page.json.get("message"), [error.get("id") for error in errors]

    def claims_by_handle(self) -> None:
        """A claim that was changed by handle arrives with the next refresh."""
        browser, _, handle = self.signed_in()
        path = f"/admin/claim?handle={handle}"
        assert browser.send("GET", path).json == {"found": True, "value": None, "invalid": ["plan"]}, "no claim yet"
        steps: list[tuple[Json, str | None, list[str]]] = [
            ({"do": "fetch"}, "free", ["plan"]), ({"do": "set", "value": "paid"}, "paid", []),
            ({"do": "remove"}, None, ["plan"])]
        for change, value, invalid in steps:
            done = browser.send("POST", "/admin/claim", {"handle": handle, **change})
            assert done.json == {"updated": True}, f"{change['do']} by handle"
            assert browser.send("GET", path).json == {"found": True, "value": value, "invalid": invalid}, (
                f"the claim after {change['do']} by handle")
        browser.send("POST", "/admin/claim", {"handle": handle, "do": "set", "value": "paid"})
        assert browser.send("GET", "/claim").json == {"value": None}, "the token in hand has no claim"
        assert browser.refresh().status == 200, "refresh for the claim"
        assert browser.send("GET", "/paid").status == 200, "the refreshed token has it"
        nobody = self.identifier()
        change = {"handle": nobody, "do": "set", "value": "paid"}
        assert browser.send("POST", "/admin/claim", change).json == {"updated": False}, "a claim of no session"
        assert browser.send("GET", f"/admin/claim?handle={nobody}").json == {"found": False}, "reading it"

    def protected(self) -> None:
        """What a token says of itself cannot be set by the payload."""
        browser, user, handle = self.signed_in({"own": 1})
        page = self.browser().login(user, {"sub": "somebody else"})
        if self.has(Feature.TENANTS):
            assert page.json["payload"]["sub"] == user, "the SDK drops a protected claim at login"
        else:
            assert page.status == 500, "the core refuses a protected claim at login"
            assert browser.handles(user) == [handle], "and makes no session"
        page = browser.send("POST", "/payload", {"sub": "somebody else", "own": 2})
        assert page.status == 500, "the core refuses one later"
        assert browser.refresh().status == 200, "refresh afterwards"
        page = browser.me()
        found = (page.json["handle"], page.json["userId"], page.json["payload"]["own"])
        assert found == (handle, user, 1), "nothing has changed"

    def direct(self) -> None:
        """The functions without request and response work too."""
        user = self.user()
        found = self.browser().send("POST", "/direct", {"userId": user}).json
        read = found.get("read") or {}
        assert (read.get("userId"), read.get("payload", {}).get("step")) == (user, 1), "a session without request"
        assert read.get("handle") == found.get("made", {}).get("handle"), "its handle stays"
        assert found.get("promoted"), "its refreshed token is promoted"

    def keys(self) -> None:
        """The keys of both kinds are published where the SDK looks for them."""
        kids = self.browser().send("GET", "/keys").json.get("kids", [])
        assert {kid[:2] for kid in kids} == {"d-", "s-"}, "both kinds of keys are published"

    def tokens(self) -> None:
        """The application's own tokens are signed with the kind of key that it asks for."""
        for static, kind in ((True, "s-"), (False, "d-")):
            made = self.browser().send("POST", "/jwt", {"payload": {"hard": HARD}, "static": static}).json
            claims = made.get("claims", {})
            assert (made.get("kid", "")[:2], claims.get("hard")) == (kind, HARD), f"a token signed by {kind}"
            assert claims.get("exp", 0) - claims.get("iat", 0) == 60, "it lives as long as was asked for"
            assert str(claims.get("iss")).endswith("/auth"), "and names its issuer"


class Keys(Suite):
    """An application with static signing keys beside one with dynamic ones."""

    @staticmethod
    def kind(browser: Browser) -> str:
        """The kind of key that signed the access token."""
        return str(browser.tokens.part(0).get("kid"))[:2]

    def static_keys(self) -> None:
        """Static keys sign from the login on, over refresh and change of payload."""
        browser, _, handle = self.signed_in({"plan": "free"})
        assert self.kind(browser) == "s-", "login is signed with the static key"
        assert browser.me().json.get("handle") == handle, "verify"
        assert browser.refresh().status == 200, "refresh"
        assert self.kind(browser) == "s-", "refresh is signed with the static key"
        assert browser.me().json.get("handle") == handle, "verify after refresh"
        assert self.kind(browser) == "s-", "the replacement is signed with the static key"
        assert browser.send("POST", "/payload", {"plan": "paid"}).status == 200, "change the payload"
        assert self.kind(browser) == "s-", "the changed token is signed with the static key"
        assert browser.checked().json["payload"]["plan"] == "paid", "verify the changed token"

    def other_kind(self) -> None:
        """A session of the other kind of key is told to refresh, which moves it where the CDI can."""
        for source, target, before, after in ((self.beside, self.application, "d-", "s-"),
                                              (self.application, self.beside, "s-", "d-")):
            browser = source.browser(self.mode)
            handle = browser.login(self.user()).json["handle"]
            moved = browser.moved(target, self.mode)
            assert self.kind(moved) == before, f"the login is signed by {before}"
            assert moved.me().refusal == TRY_REFRESH, f"the other application refuses {before}"
            assert moved.refresh().status == 200, f"refresh from {before}"
            if self.has(Feature.KEY_SWITCH):
                assert self.kind(moved) == after, f"the refresh moved from {before}"
                assert moved.me().json.get("handle") == handle, f"the session goes on by {after}"
                assert self.kind(moved) == after, f"the replacement is signed by {after}"
            else:
                assert self.kind(moved) == before, f"the refresh stayed with {before}"


class Expiry(Suite):
    """Access tokens that end; the waiting is done while other checks run."""

    begun: tuple[Browser, str]

    def sign_in(self) -> None:
        """A token that is soon to end is good."""
        browser, _, handle = self.signed_in({"kept": HARD})
        assert browser.me().status == 200, "a short-lived token is good"
        self.begun = (browser, handle)

    def expired(self) -> None:
        """An expired token asks for a refresh, which works."""
        browser, handle = self.begun
        assert until(lambda: browser.me().refusal == TRY_REFRESH, EXPIRY_DEADLINE, 0.05), "an expired token asks for it"
        assert browser.refresh().status == 200, "refresh after expiry"
        page = browser.me()
        found = (page.status, page.json.get("handle"), page.json.get("payload", {}).get("kept"))
        assert found == (200, handle, HARD), "the session goes on"
        assert browser.send("POST", "/admin/revoke", {"handle": handle}).json == {"revoked": True}, "revoke it"
        assert browser.refresh().refusal == UNAUTHORISED, "it cannot refresh any more"


class Restart(Suite):
    """A core that is restarted under its applications."""

    def restart(self) -> None:
        """Sessions, tokens and keys outlive the process."""
        fresh, child, revoked = (self.signed_in({"kept": HARD}, {"cart": [1]}) for _ in range(3))
        assert child[0].refresh().status == 200, "refresh before the restart"
        revoked[0].send("POST", "/admin/revoke", {"handle": revoked[2]})
        known = fresh[0].information(fresh[2])
        assert fresh[0].me().status == 200, "the SDK has the core's keys"
        assert self.beside.stop() == 0, "the core ends with 0"
        assert fresh[0].me().json.get("handle") == fresh[2], "a verification needs no core"
        assert fresh[0].copy().refresh().status == 500, "a refresh while the core is away"
        self.beside.start()
        assert fresh[0].information(fresh[2]) == known, "the session is as it was"
        for name, (browser, _, handle) in (("an old", fresh), ("an unused refreshed", child)):
            page = browser.me()
            found = (page.status, page.json.get("handle"), page.json["payload"].get("kept"))
            assert found == (200, handle, HARD), f"{name} access token verifies"
            assert browser.refresh().status == 200, f"{name} refresh token refreshes"
            assert browser.me().json.get("handle") == handle, f"{name} session goes on"
        assert revoked[0].refresh().refusal == UNAUTHORISED, "what was revoked stays so"
        assert self.signed_in()[0].me().status == 200, "a new login"
