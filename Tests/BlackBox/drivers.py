#!/usr/bin/env python3
"""Drives an unmodified, published SuperTokens SDK against the server: an application, its users and their browsers.

The SDK is installed at the versions of requirements-drivers.txt into a virtual environment that git ignores. The
application is drivers_app.py; this script is its users: it speaks HTTP to the application only.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import http.client
import json
import subprocess
import sys
import time
import uuid
import venv
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Callable

from harness import HOST, ROOT, Checks, Child, Json, Server, ServerFailed, exit_on_signals, free_port

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements-drivers.txt"
ENVIRONMENT = ROOT / ".venv-drivers"
STAMP = ENVIRONMENT / "installed.sha256"
REFRESH = "/auth/session/refresh"
SIGN_OUT = "/auth/signout"
HARD_DATA: Json = {
    "name": "Příliš žluťoučký kůň", "emoji": "🐎", "quote": "\"\\\u2028/", "number": 12345678901, "fraction": 1.5,
    "nested": {"nothing": None, "list": [None, {"a": None}, True], "": "empty key"}}


def environment_python() -> Path:
    """Returns the Python of the SDK's environment, which it makes when the pinned versions changed."""
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    python = ENVIRONMENT / "bin" / "python"
    if python.exists() and STAMP.exists() and STAMP.read_text() == wanted:
        print(f"using the environment in {ENVIRONMENT.name}")
        return python
    print(f"installing the pinned SDK into {ENVIRONMENT.name}", flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS],
                   check=True)
    STAMP.write_text(wanted)
    return python


class Application:
    """A run of drivers_app.py."""

    def __init__(self, python: Path, core_port: int, anti_csrf: str) -> None:
        """Starts the application and waits until it answers."""
        self.port = free_port()
        self.child = Child(
            [str(python), str(HERE / "drivers_app.py"), "--port", str(self.port), "--anti-csrf", anti_csrf,
             "--core", f"http://{HOST}:{core_port}"],
            {"SUPERTOKENS_TLDEXTRACT_DISABLE_HTTP": "1", "PYTHONDONTWRITEBYTECODE": "1"})
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.child.alive:
            try:
                connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
                connection.request("GET", "/openapi.json")
                if connection.getresponse().status == 200:
                    return
            except OSError:
                time.sleep(0.1)
            finally:
                connection.close()
        raise ServerFailed(f"the application did not start\n{self.child.output}")


@dataclass(frozen=True)
class Page:
    """An answer of the application."""

    status: int
    json: Json
    headers: http.client.HTTPMessage


@dataclass
class Tokens:
    """What a browser holds."""

    access: str | None = None
    refresh: str | None = None
    csrf: str | None = None


@dataclass
class Browser:
    """A user's browser or app: keeps tokens in cookies or sends them in headers."""

    port: int
    mode: str
    tokens: Tokens = field(default_factory=Tokens)

    def copy(self) -> "Browser":
        """A thief's copy of everything held now."""
        return copy.deepcopy(self)

    def send(self, method: str, path: str, body: Any = None, csrf: bool = True) -> Page:
        """Sends a request with the tokens held and keeps those that come back."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, self._headers(path, csrf))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self._keep(answer.headers)
        value = json.loads(text) if text.startswith(b"{") else {"text": text.decode()}
        return Page(answer.status, value, answer.headers)

    def _headers(self, path: str, csrf: bool) -> dict[str, str]:
        headers = {"content-type": "application/json", "st-auth-mode": self.mode}
        if csrf and self.tokens.csrf:
            headers["anti-csrf"] = self.tokens.csrf
        if self.mode == "header":
            token = self.tokens.refresh if path == REFRESH else self.tokens.access
            return headers | ({"authorization": f"Bearer {token}"} if token else {})
        jar = {"sAccessToken": self.tokens.access}
        if path == REFRESH:
            jar["sRefreshToken"] = self.tokens.refresh
        cookies = "; ".join(f"{name}={value}" for name, value in jar.items() if value)
        return headers | ({"cookie": cookies} if cookies else {})

    def _keep(self, headers: http.client.HTTPMessage) -> None:
        if headers.get("anti-csrf"):
            self.tokens.csrf = headers["anti-csrf"]
        if self.mode == "header":
            self.tokens.access = headers.get("st-access-token", self.tokens.access)
            self.tokens.refresh = headers.get("st-refresh-token", self.tokens.refresh)
            return
        for line in headers.get_all("set-cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if name == "sAccessToken":
                    self.tokens.access = morsel.value
                elif name == "sRefreshToken":
                    self.tokens.refresh = morsel.value

    def login(self, user: str, payload: Json | None = None, data: Json | None = None) -> Page:
        """Signs in."""
        return self.send("POST", "/login", {"userId": user, "payload": payload or {}, "data": data or {}})

    def refresh(self, csrf: bool = True) -> Page:
        """Asks for new tokens."""
        return self.send("POST", REFRESH, csrf=csrf)


class Suite:
    """The checks, each for one way to carry tokens."""

    def __init__(self, checks: Checks, port: int, mode: str, label: str) -> None:
        """Prepares the checks against one application."""
        self._checks = checks
        self._port = port
        self._mode = mode
        self._label = label

    def run(self, *steps: str) -> None:
        """Runs the named steps."""
        for step in steps:
            method: Callable[[], None] = getattr(self, step)
            self._checks.run(f"[{self._label}] {step}", method)

    def _equal(self, name: str, found: object, expected: object) -> None:
        self._checks.equal(f"[{self._label}] {name}", found, expected)

    def _check(self, name: str, good: bool, detail: object = "") -> None:
        self._checks.check(f"[{self._label}] {name}", good, detail)

    def _user(self) -> str:
        return f"user-{uuid.uuid4()}"

    def _signed_in(self, payload: Json | None = None, data: Json | None = None) -> tuple[Browser, str, str]:
        browser, user = Browser(self._port, self._mode), self._user()
        page = browser.login(user, payload, data)
        if page.status != 200:
            raise ServerFailed(f"login answered {page.status} {page.json}")
        return browser, user, page.json["handle"]

    def _information(self, browser: Browser, handle: str) -> Json:
        return browser.send("GET", f"/admin/information?handle={handle}").json

    def _handles(self, browser: Browser, user: str) -> list[str]:
        return sorted(browser.send("GET", f"/admin/handles?user={user}").json["all"])

    def login(self) -> None:
        """Signing in gives tokens in the wanted way and the session the application asked for."""
        browser, user = Browser(self._port, self._mode), self._user()
        page = browser.login(user, {"role": "admin"}, {"cart": [1]})
        self._equal("login is answered 200", page.status, 200)
        self._equal("login names the user", page.json.get("userId"), user)
        self._equal("login names the tenant", page.json.get("tenantId"), "public")
        self._equal("login carries the payload", page.json.get("payload", {}).get("role"), "admin")
        self._check("login hands out both tokens", bool(browser.tokens.access and browser.tokens.refresh))
        self._check("login hands out a front token", bool(page.headers.get("front-token")))
        in_cookies = bool(page.headers.get_all("set-cookie"))
        self._equal("login uses the wanted transfer method", in_cookies, self._mode == "cookie")

    def verify(self) -> None:
        """A session verifies with and without the database, and nothing else does."""
        browser, user, handle = self._signed_in()
        for name, path in (("without", "/me"), ("with", "/me/checked")):
            page = browser.send("GET", path)
            self._equal(f"verify {name} the database", (page.status, page.json.get("handle")), (200, handle))
            self._check(f"verify {name} the database keeps the token", not page.headers.get("front-token"))
        empty = Browser(self._port, self._mode)
        self._equal("no token is refused", empty.send("GET", "/me").status, 401)
        forged = browser.copy()
        head, _, tail = str(forged.tokens.access).rpartition(".")
        forged.tokens.access = f"{head}.{'B' if tail[0] == 'A' else 'A'}{tail[1:]}"
        self._equal("a forged token is refused", forged.send("GET", "/me").status, 401)
        self._equal("the user is the one who signed in", browser.send("GET", "/me").json["userId"], user)

    def refresh(self) -> None:
        """A refresh gives new tokens, whose first use settles them."""
        browser, _, handle = self._signed_in({"kept": "yes"})
        before = copy.copy(browser.tokens)
        page = browser.refresh()
        self._equal("refresh is answered 200", page.status, 200)
        self._check("refresh changes both tokens", browser.tokens.access != before.access
                    and browser.tokens.refresh != before.refresh)
        first = browser.send("GET", "/me")
        self._equal("verify after refresh", (first.status, first.json.get("handle")), (200, handle))
        self._check("verify after refresh replaces the access token", bool(first.headers.get("front-token")))
        self._equal("the payload survives a refresh", first.json.get("payload", {}).get("kept"), "yes")
        second = browser.send("GET", "/me")
        self._check("the replacement is final", second.status == 200 and not second.headers.get("front-token"))
        self._equal("the new refresh token refreshes", browser.refresh().status, 200)
        self._equal("verify with the database after refresh", browser.send("GET", "/me/checked").status, 200)

    def lost_reply(self) -> None:
        """A refresh whose reply was lost may be repeated as long as nobody used the new tokens."""
        browser, _, handle = self._signed_in()
        lost = browser.copy()
        self._equal("refresh with a lost reply", lost.refresh().status, 200)
        self._equal("the same token refreshes again", browser.refresh().status, 200)
        self._equal("the session goes on", browser.send("GET", "/me").json.get("handle"), handle)

    def theft(self) -> None:
        """An old token that comes back after the new one was used ends the session."""
        browser, _, handle = self._signed_in()
        thief = browser.copy()
        self._equal("refresh before the theft", browser.refresh().status, 200)
        self._equal("the new tokens are used", browser.send("GET", "/me").status, 200)
        page = thief.refresh()
        self._equal("the old refresh token is theft", (page.status, page.json.get("message")),
                    (401, "token theft detected"))
        self._check("theft takes the thief's tokens", not thief.tokens.access and not thief.tokens.refresh)
        self._equal("theft revokes the session", self._information(browser, handle), {"found": False})
        self._equal("the owner is signed out too", browser.send("GET", "/me/checked").status, 401)
        page = browser.refresh()
        self._equal("the owner cannot refresh", (page.status, page.json.get("message")), (401, "unauthorised"))

    def bad_refresh(self) -> None:
        """What is no refresh token is refused and cleared."""
        for name, token in (("garbage", "garbage"), ("an empty V2", ".V2"), ("three parts", "a.b.V2")):
            browser, _, _ = self._signed_in()
            browser.tokens.refresh = token
            page = browser.refresh()
            self._equal(f"refresh with {name}", (page.status, page.json.get("message")), (401, "unauthorised"))
        browser, _, handle = self._signed_in()
        browser.tokens.refresh = None
        self._equal("refresh with no token", browser.refresh().status, 401)
        self._equal("the session is still there", self._information(browser, handle).get("found"), True)

    def merge(self) -> None:
        """Merging into the payload changes the token in hand and every later one."""
        browser, _, handle = self._signed_in({"role": "user", "gone": 1})
        before = browser.tokens.access
        page = browser.send("POST", "/payload", {"role": "admin", "gone": None, "text": "ž🐎"})
        self._equal("merge is answered 200", page.status, 200)
        self._check("merge replaces the access token", browser.tokens.access != before)
        for name, step in (("at once", None), ("after a refresh", browser.refresh)):
            if step:
                self._equal("refresh after a merge", step().status, 200)
            payload = browser.send("GET", "/me").json["payload"]
            found = (payload.get("role"), payload.get("text"), "gone" in payload)
            self._equal(f"the merged payload is there {name}", found, ("admin", "ž🐎", False))
        stored = self._information(browser, handle)["payload"]
        self._equal("the merged payload is stored", (stored.get("role"), "gone" in stored), ("admin", False))

    def payload_by_handle(self) -> None:
        """A payload that was changed by handle arrives with the next refresh or database check."""
        browser, _, handle = self._signed_in({"plan": "free"})
        other = browser.copy()
        body = {"handle": handle, "update": {"plan": "paid", "nested": {"nothing": None}}}
        self._equal("payload by handle", browser.send("POST", "/admin/payload", body).json, {"updated": True})
        self._equal("a local check still sees the old payload",
                    browser.send("GET", "/me").json["payload"].get("plan"), "free")
        checked = other.send("GET", "/me/checked")
        self._equal("a database check brings the new payload", checked.json["payload"].get("plan"), "paid")
        self._check("a database check replaces the token", bool(checked.headers.get("front-token")))
        self._equal("nested null is kept in the payload", checked.json["payload"].get("nested"), {"nothing": None})
        self._equal("refresh after payload by handle", browser.refresh().status, 200)
        self._equal("a refresh brings the new payload", browser.send("GET", "/me").json["payload"].get("plan"), "paid")
        body = {"handle": str(uuid.uuid4()), "update": {"plan": "paid"}}
        self._equal("payload of no session", browser.send("POST", "/admin/payload", body).json, {"updated": False})

    def data(self) -> None:
        """The data of a session comes back as it was written."""
        browser, _, handle = self._signed_in(data={"first": None})
        self._equal("data of the login", browser.send("GET", "/data").json, {"data": {"first": None}})
        self._equal("data is written and read back", browser.send("PUT", "/data", HARD_DATA).json, {"data": HARD_DATA})
        self._equal("data by handle", self._information(browser, handle).get("data"), HARD_DATA)
        body: Json = {"handle": handle, "data": {}}
        self._equal("data is emptied by handle", browser.send("POST", "/admin/data", body).json, {"updated": True})
        self._equal("emptied data", browser.send("GET", "/data").json, {"data": {}})
        body["handle"] = str(uuid.uuid4())
        self._equal("data of no session", browser.send("POST", "/admin/data", body).json, {"updated": False})

    def information(self) -> None:
        """A session can be read by its handle."""
        browser, user, handle = self._signed_in({"a": 1}, {"b": 2})
        found = self._information(browser, handle)
        names = ("found", "handle", "userId", "recipeUserId", "tenantId", "data")
        self._equal("information", [found.get(name) for name in names], [True, handle, user, user, "public", {"b": 2}])
        self._equal("information has the payload", found["payload"].get("a"), 1)
        now = time.time() * 1000
        self._check("information has sensible times", now - 60_000 < found["created"] <= now + 1000 < found["expiry"],
                    found)
        times = browser.send("GET", "/times").json
        self._equal("the session knows its times", times, {"created": found["created"], "expiry": found["expiry"]})
        self._equal("information on no session", self._information(browser, str(uuid.uuid4())), {"found": False})

    def revocation(self) -> None:
        """One, several and all sessions of a user can be listed and revoked."""
        browser, user, first = self._signed_in()
        handles = [first] + [Browser(self._port, self._mode).login(user).json["handle"] for _ in range(4)]
        self._equal("all sessions of a user are listed", self._handles(browser, user), sorted(handles))
        tenant = browser.send("GET", f"/admin/handles?user={user}").json["tenant"]
        self._equal("the sessions of one tenant are listed", sorted(tenant), sorted(handles))
        body: Json = {"handle": first}
        self._equal("revoke one", browser.send("POST", "/admin/revoke", body).json, {"revoked": True})
        self._equal("revoke it again", browser.send("POST", "/admin/revoke", body).json, {"revoked": False})
        self._equal("a local check cannot know", browser.send("GET", "/me").status, 200)
        self._equal("a database check refuses it", browser.send("GET", "/me/checked").status, 401)
        self._equal("it cannot refresh", browser.refresh().status, 401)
        several = browser.send("POST", "/admin/revoke-several", {"handles": [*handles[1:3], str(uuid.uuid4())]})
        self._equal("revoke several", sorted(several.json["revoked"]), sorted(handles[1:3]))
        everything = browser.send("POST", "/admin/revoke-all", {"userId": user})
        self._equal("revoke all", sorted(everything.json["revoked"]), sorted(handles[3:]))
        self._equal("nothing is left", self._handles(browser, user), [])
        in_tenant = browser.send("POST", "/admin/revoke-all", {"userId": user, "tenantId": "public"})
        self._equal("revoke all in a tenant when nothing is left", in_tenant.json, {"revoked": []})

    def sign_out(self) -> None:
        """Signing out revokes the session and takes the tokens."""
        browser, _, handle = self._signed_in()
        kept = browser.copy()
        page = browser.send("POST", SIGN_OUT)
        self._equal("sign-out", (page.status, page.json), (200, {"status": "OK"}))
        self._check("sign-out takes the tokens", not browser.tokens.access and not browser.tokens.refresh)
        self._equal("sign-out revokes the session", self._information(browser, handle), {"found": False})
        self._equal("a kept copy cannot refresh", kept.refresh().status, 401)
        self._equal("nobody can sign out twice", browser.send("POST", SIGN_OUT).status, 401)

    def direct(self) -> None:
        """The functions without request and response work too."""
        user = self._user()
        found = Browser(self._port, self._mode).send("POST", "/direct", {"userId": user}).json
        read = found.get("read") or {}
        self._equal("a session without request", (read.get("userId"), read.get("payload", {}).get("step")), (user, 1))
        self._equal("its handle stays", read.get("handle"), found.get("made", {}).get("handle"))
        self._equal("its refreshed token is promoted", found.get("promoted"), True)

    def keys(self) -> None:
        """The keys of both kinds are published where the SDK looks for them."""
        kids = Browser(self._port, self._mode).send("GET", "/keys").json.get("kids", [])
        self._check("both kinds of keys are published", {kid[:2] for kid in kids} == {"d-", "s-"}, kids)

    def anti_csrf(self) -> None:
        """With anti-CSRF on, what changes something needs the token that came at login."""
        browser, _, handle = self._signed_in()
        self._check("login hands out an anti-CSRF token", bool(browser.tokens.csrf))
        self._equal("a change with the token", browser.send("POST", "/change").status, 200)
        page = browser.send("POST", "/change", csrf=False)
        self._equal("a change without it", (page.status, page.json.get("message")), (401, "try refresh token"))
        self._equal("reading needs none", browser.send("GET", "/me", csrf=False).status, 200)
        crossed = browser.copy()
        crossed.tokens.csrf = self._signed_in()[0].tokens.csrf
        self._equal("a change with another session's", crossed.send("POST", "/change").status, 401)
        thief = browser.copy()
        page = thief.refresh(csrf=False)
        self._equal("a refresh without it", (page.status, page.json.get("message")), (401, "unauthorised"))
        self._equal("the session is unharmed", self._information(browser, handle).get("found"), True)
        before = browser.tokens.csrf
        self._equal("a refresh with it", browser.refresh().status, 200)
        self._check("a refresh changes it", browser.tokens.csrf not in (None, before))
        self._equal("a change right after a refresh", browser.send("POST", "/change").status, 200)
        self._equal("a change with the promoted token", browser.send("POST", "/change").status, 200)

    def no_anti_csrf_in_headers(self) -> None:
        """Tokens in headers need no anti-CSRF token."""
        browser, _, _ = self._signed_in()
        self._check("header login has no anti-CSRF token", browser.tokens.csrf is None)
        self._equal("a change in header mode", browser.send("POST", "/change").status, 200)
        self._equal("a refresh in header mode", browser.refresh().status, 200)


ORDINARY = ("login", "verify", "refresh", "lost_reply", "theft", "bad_refresh", "merge", "payload_by_handle", "data",
            "information", "revocation", "sign_out")


def run_checks(python: Path, checks: Checks) -> None:
    """Runs every check against one server and two applications."""
    with Server() as server:
        plain = Application(python, server.port, "NONE")
        for mode in ("cookie", "header"):
            Suite(checks, plain.port, mode, mode).run(*ORDINARY)
        Suite(checks, plain.port, "header", "functions").run("direct", "keys")
        guarded = Application(python, server.port, "VIA_TOKEN")
        Suite(checks, guarded.port, "cookie", "VIA_TOKEN cookie").run("anti_csrf", *ORDINARY)
        Suite(checks, guarded.port, "header", "VIA_TOKEN header").run("no_anti_csrf_in_headers", "refresh", "theft")
        if checks.failed:
            print(f"--- the application said\n{plain.child.output[-3000:]}{guarded.child.output[-3000:]}")
        checks.check("the server is alive and ends with 0", server.alive and server.stop() == 0, server.output[-2000:])


def main() -> int:
    """Installs the SDK if needed and runs the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install-only", action="store_true", help="only make the environment")
    options = parser.parse_args()
    exit_on_signals()
    python = environment_python()
    if options.install_only:
        return 0
    checks = Checks()
    checks.run("the drivers' checks run to their end", lambda: run_checks(python, checks))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
