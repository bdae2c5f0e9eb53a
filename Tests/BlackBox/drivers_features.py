"""The steps for what only some releases can do, and for what needs a core or an application of its own."""

from __future__ import annotations

import random
import time

from drivers_browser import Application, Browser, Page, SteadyServer
from drivers_releases import Feature
from drivers_suite import HARD, TRY_REFRESH, UNAUTHORISED, Suite
from harness import Checks, Json

EXPIRY_DEADLINE = 20.0


class Claims(Suite):
    """Claims and the functions without request and response."""

    def claims(self) -> None:
        """A claim is fetched, changed and removed, and lets in to what costs money."""
        browser, _, _ = self.signed_in({"kept": HARD})
        missing = browser.send("GET", "/paid")
        self.equal("without the claim", self._refused(missing), (403, "invalid claim", ["plan"]))
        for change, value in (({"do": "fetch"}, "free"), ({"do": "set", "value": "paid"}, "paid")):
            self.equal(f"{change['do']} the claim", browser.send("POST", "/claim", change).status, 200)
            self.equal(f"the claim after {change['do']}", browser.send("GET", "/claim").json, {"value": value})
            page = browser.send("GET", "/paid")
            self.equal(f"/paid when {value}", page.status, 200 if value == "paid" else 403)
        self.equal("refresh with a claim", browser.refresh().status, 200)
        page = browser.send("GET", "/paid")
        self.equal("the claim and the payload survive", (page.status, page.json["payload"]["kept"]), (200, HARD))
        self.equal("remove the claim", browser.send("POST", "/claim", {"do": "remove"}).status, 200)
        self.equal("the claim is gone", browser.send("GET", "/claim").json, {"value": None})
        self.equal("/paid without the claim", browser.send("GET", "/paid").status, 403)

    @staticmethod
    def _refused(page: Page) -> tuple[int, object, list[object]]:
        errors = page.json.get("claimValidationErrors", [])
        return page.status, page.json.get("message"), [error.get("id") for error in errors]

    def claims_by_handle(self) -> None:
        """A claim that was changed by handle arrives with the next refresh."""
        browser, _, handle = self.signed_in()
        path = f"/admin/claim?handle={handle}"
        self.equal("no claim yet", browser.send("GET", path).json, {"found": True, "value": None, "invalid": ["plan"]})
        steps: list[tuple[Json, str | None, list[str]]] = [
            ({"do": "fetch"}, "free", ["plan"]), ({"do": "set", "value": "paid"}, "paid", []),
            ({"do": "remove"}, None, ["plan"])]
        for change, value, invalid in steps:
            done = browser.send("POST", "/admin/claim", {"handle": handle, **change})
            self.equal(f"{change['do']} by handle", done.json, {"updated": True})
            self.equal(f"the claim after {change['do']} by handle", browser.send("GET", path).json,
                       {"found": True, "value": value, "invalid": invalid})
        browser.send("POST", "/admin/claim", {"handle": handle, "do": "set", "value": "paid"})
        self.equal("the token in hand has no claim", browser.send("GET", "/claim").json, {"value": None})
        self.equal("refresh for the claim", browser.refresh().status, 200)
        self.equal("the refreshed token has it", browser.send("GET", "/paid").status, 200)
        nobody = self.identifier()
        change = {"handle": nobody, "do": "set", "value": "paid"}
        self.equal("a claim of no session", browser.send("POST", "/admin/claim", change).json, {"updated": False})
        self.equal("reading it", browser.send("GET", f"/admin/claim?handle={nobody}").json, {"found": False})

    def protected(self) -> None:
        """What a token says of itself cannot be set by the payload."""
        browser, user, handle = self.signed_in({"own": 1})
        page = self.browser().login(user, {"sub": "somebody else"})
        if self.has(Feature.TENANTS):
            self.equal("the SDK drops a protected claim at login", page.json["payload"]["sub"], user)
        else:
            self.equal("the core refuses a protected claim at login", page.status, 500)
            self.equal("and makes no session", browser.handles(user), [handle])
        page = browser.send("POST", "/payload", {"sub": "somebody else", "own": 2})
        self.equal("the core refuses one later", page.status, 500)
        self.equal("refresh afterwards", browser.refresh().status, 200)
        page = browser.me()
        found = (page.json["handle"], page.json["userId"], page.json["payload"]["own"])
        self.equal("nothing has changed", found, (handle, user, 1))

    def direct(self) -> None:
        """The functions without request and response work too."""
        user = self.user()
        found = self.browser().send("POST", "/direct", {"userId": user}).json
        read = found.get("read") or {}
        self.equal("a session without request", (read.get("userId"), read.get("payload", {}).get("step")), (user, 1))
        self.equal("its handle stays", read.get("handle"), found.get("made", {}).get("handle"))
        self.equal("its refreshed token is promoted", found.get("promoted"), True)

    def keys(self) -> None:
        """The keys of both kinds are published where the SDK looks for them."""
        kids = self.browser().send("GET", "/keys").json.get("kids", [])
        self.check("both kinds of keys are published", {kid[:2] for kid in kids} == {"d-", "s-"}, kids)

    def tokens(self) -> None:
        """The application's own tokens are signed with the kind of key that it asks for."""
        for static, kind in ((True, "s-"), (False, "d-")):
            made = self.browser().send("POST", "/jwt", {"payload": {"hard": HARD}, "static": static}).json
            claims = made.get("claims", {})
            self.equal(f"a token signed by {kind}", (made.get("kid", "")[:2], claims.get("hard")), (kind, HARD))
            self.equal("it lives as long as was asked for", claims.get("exp", 0) - claims.get("iat", 0), 60)
            self.check("and names its issuer", str(claims.get("iss")).endswith("/auth"), claims)


class Keys(Suite):
    """An application with static signing keys beside one with dynamic ones."""

    def __init__(self, checks: Checks, dice: random.Random, static: Application, plain: Application,
                 mode: str) -> None:
        """Prepares the checks."""
        super().__init__(checks, dice, static, mode, f"static keys, {mode}")
        self.plain = plain

    @staticmethod
    def kind(browser: Browser) -> str:
        """The kind of key that signed the access token."""
        return str(browser.tokens.part(0).get("kid"))[:2]

    def static_keys(self) -> None:
        """Static keys sign from the login on, over refresh and change of payload."""
        browser, _, handle = self.signed_in({"plan": "free"})
        self.equal("login is signed with the static key", self.kind(browser), "s-")
        self.equal("verify", browser.me().json.get("handle"), handle)
        self.equal("refresh", browser.refresh().status, 200)
        self.equal("refresh is signed with the static key", self.kind(browser), "s-")
        self.equal("verify after refresh", browser.me().json.get("handle"), handle)
        self.equal("the replacement is signed with the static key", self.kind(browser), "s-")
        self.equal("change the payload", browser.send("POST", "/payload", {"plan": "paid"}).status, 200)
        self.equal("the changed token is signed with the static key", self.kind(browser), "s-")
        self.equal("verify the changed token", browser.checked().json["payload"]["plan"], "paid")

    def other_kind(self) -> None:
        """A session of the other kind of key is told to refresh, which moves it where the CDI can."""
        for source, target, before, after in ((self.plain, self.application, "d-", "s-"),
                                              (self.application, self.plain, "s-", "d-")):
            browser = source.browser(self.mode)
            handle = browser.login(self.user()).json["handle"]
            moved = browser.moved(target, self.mode)
            self.equal(f"the login is signed by {before}", self.kind(moved), before)
            self.equal(f"the other application refuses {before}", moved.me().refusal, TRY_REFRESH)
            self.equal(f"refresh from {before}", moved.refresh().status, 200)
            if self.has(Feature.KEY_SWITCH):
                self.equal(f"the refresh moved from {before}", self.kind(moved), after)
                self.equal(f"the session goes on by {after}", moved.me().json.get("handle"), handle)
                self.equal(f"the replacement is signed by {after}", self.kind(moved), after)
            else:
                self.equal(f"the refresh stayed with {before}", self.kind(moved), before)


class Expiry(Suite):
    """Access tokens that end; the waiting is done while other checks run."""

    begun: tuple[Browser, str] | None = None

    def sign_in(self) -> None:
        """A token that is soon to end is good."""
        browser, _, handle = self.signed_in({"kept": HARD})
        self.equal("a short-lived token is good", browser.me().status, 200)
        self.begun = (browser, handle)

    def expired(self) -> None:
        """An expired token asks for a refresh, which works."""
        if self.begun is None:
            return self.check("a session was begun", False)
        browser, handle = self.begun
        deadline = time.monotonic() + EXPIRY_DEADLINE
        page = browser.me()
        while page.status == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
            page = browser.me()
        self.equal("an expired token asks for a refresh", page.refusal, TRY_REFRESH)
        self.equal("refresh after expiry", browser.refresh().status, 200)
        page = browser.me()
        found = (page.status, page.json.get("handle"), page.json.get("payload", {}).get("kept"))
        self.equal("the session goes on", found, (200, handle, HARD))
        self.equal("revoke it", browser.send("POST", "/admin/revoke", {"handle": handle}).json, {"revoked": True})
        self.equal("it cannot refresh any more", browser.refresh().refusal, UNAUTHORISED)


class Restart(Suite):
    """A core that is restarted under its applications."""

    def __init__(self, checks: Checks, dice: random.Random, application: Application, mode: str,
                 server: SteadyServer) -> None:
        """Prepares the checks."""
        super().__init__(checks, dice, application, mode, f"restart, {mode}")
        self.server = server

    def restart(self) -> None:
        """Sessions, tokens and keys outlive the process."""
        fresh, child, revoked = (self.signed_in({"kept": HARD}, {"cart": [1]}) for _ in range(3))
        self.equal("refresh before the restart", child[0].refresh().status, 200)
        revoked[0].send("POST", "/admin/revoke", {"handle": revoked[2]})
        known = fresh[0].information(fresh[2])
        self.equal("the core ends with 0", self.server.stop(), 0)
        self.equal("a verification needs no core", fresh[0].me().json.get("handle"), fresh[2])
        self.equal("a refresh while the core is away", fresh[0].copy().refresh().status, 500)
        self.server.start()
        self.equal("the session is as it was", fresh[0].information(fresh[2]), known)
        for name, (browser, _, handle) in (("an old", fresh), ("an unused refreshed", child)):
            page = browser.me()
            found = (page.status, page.json.get("handle"), page.json["payload"].get("kept"))
            self.equal(f"{name} access token verifies", found, (200, handle, HARD))
            self.equal(f"{name} refresh token refreshes", browser.refresh().status, 200)
            self.equal(f"{name} session goes on", browser.me().json.get("handle"), handle)
        self.equal("what was revoked stays so", revoked[0].refresh().refusal, UNAUTHORISED)
        self.equal("a new login", self.signed_in()[0].me().status, 200)
