"""The application under drive, its users' browsers and what can be seen in the tokens that they hold."""

from __future__ import annotations

import base64
import copy
import http.client
import json
import re
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any, Mapping
from urllib.parse import quote, unquote
from urllib.request import Request, urlopen

from drivers_releases import HERE, Release
from harness import HOST, Child, Json, Server, ServerFailed, free_port, until

REFRESH = "/auth/session/refresh"
SIGN_OUT = "/auth/signout"
API_KEY = "drivers-key-0123456789-0123456789"
START_SECONDS = 60.0
KEYS = f"api_keys: {API_KEY}\n"


class SteadyServer(Server):
    """A server whose next run listens where the last one did, because applications know it by its address."""

    def launch(self, host: str = HOST) -> Child:
        self.port = self.port or free_port()
        self.child = Child(self.arguments(host), self.environment)
        return self.child


class Application:
    """A run of drivers_app.py."""

    def __init__(self, release: Release, python: Path, core: str, *options: str,
                 environment: Mapping[str, str] | None = None) -> None:
        self.release = release
        self.core = core
        self.port = 0
        self.child = Child(
            [str(python), str(HERE / "drivers_app.py"), "--release", release.version, "--core", core,
             "--api-key", API_KEY, *options],
            {"SUPERTOKENS_TLDEXTRACT_DISABLE_HTTP": "1", "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})})

    def ready(self) -> "Application":
        """Waits until the application says where it listens; connections wait there until it accepts them."""
        said = re.compile(r"^port (\d+)$", re.MULTILINE)
        until(lambda: said.search(self.child.output) or not self.child.alive, START_SECONDS, 0.05)
        found = said.search(self.child.output)
        if found is None:
            raise ServerFailed(f"the application did not start\n{self.child.output}")
        self.port = int(found[1])
        return self

    def browser(self, mode: str) -> "Browser":
        return Browser(self, mode)

    def trail(self, handle: str) -> list[Json]:
        """What the core's audit log tells about a session, oldest first."""
        wanted = f"{self.core}/tessera/audit?sessionHandle={quote(handle, safe='')}&after=0"
        with urlopen(Request(wanted, headers={"api-key": API_KEY}), timeout=30) as answer:
            records: list[Json] = json.load(answer)["records"]
        return records


@dataclass(frozen=True)
class Page:
    """An answer of the application."""

    status: int
    json: Json
    headers: http.client.HTTPMessage

    @property
    def refusal(self) -> tuple[int, object]:
        """The status and the message of an answer that is a refusal."""
        return self.status, self.json.get("message")


@dataclass
class Tokens:
    """What a browser holds; in cookie mode as the cookies have it."""

    access: str | None = None
    refresh: str | None = None
    csrf: str | None = None
    id_refresh: str | None = None
    front: str | None = None

    def part(self, index: int) -> Json:
        """The header (0) or the payload (1) of the access token, which nobody verified."""
        text = unquote(str(self.access)).split(".")[index].translate(str.maketrans("-_", "+/"))
        return dict(json.loads(base64.b64decode(text + "=" * (-len(text) % 4))))

    def front_json(self) -> Json:
        """What the front token tells."""
        return dict(json.loads(base64.b64decode(str(self.front))))


COOKIES = {"sAccessToken": "access", "sRefreshToken": "refresh", "sIdRefreshToken": "id_refresh"}
HEADERS = {"st-access-token": "access", "st-refresh-token": "refresh", "anti-csrf": "csrf", "front-token": "front"}


@dataclass
class Browser:
    """A user's browser or app: keeps tokens in cookies or sends them in headers."""

    application: Application
    mode: str
    tokens: Tokens = field(default_factory=Tokens)

    def copy(self) -> "Browser":
        """A thief's copy of everything held now."""
        return Browser(self.application, self.mode, copy.copy(self.tokens))

    def moved(self, application: Application, mode: str) -> "Browser":
        """The same tokens for another application, which may want them in another way."""
        found = Browser(application, mode, copy.copy(self.tokens))
        change = {("cookie", "header"): unquote, ("header", "cookie"): lambda text: quote(text, safe="")}
        for name in ("access", "refresh"):
            value = getattr(self.tokens, name)
            if value and self.mode != mode:
                setattr(found.tokens, name, change[self.mode, mode](value))
        return found

    def send(self, method: str, path: str, body: Any = None, csrf: bool = True) -> Page:
        """Sends a request with the tokens held and keeps those that come back."""
        connection = http.client.HTTPConnection(HOST, self.application.port, timeout=30)
        try:
            data = None if body is None else json.dumps(body).encode()
            connection.request(method, path, data, self._headers(path, csrf))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        self._keep(answer.headers)
        value = json.loads(text) if text.startswith(b"{") else {"text": text.decode(errors="replace")}
        return Page(answer.status, value, answer.headers)

    def _headers(self, path: str, csrf: bool) -> dict[str, str]:
        headers = {"content-type": "application/json", "st-auth-mode": self.mode}
        if csrf and self.tokens.csrf:
            headers["anti-csrf"] = self.tokens.csrf
        if self.mode == "header":
            token = self.tokens.refresh if path == REFRESH else self.tokens.access
            return headers | ({"authorization": f"Bearer {token}"} if token else {})
        held = {name: getattr(self.tokens, member) for name, member in COOKIES.items()}
        if path != REFRESH:
            del held["sRefreshToken"]
        cookies = "; ".join(f"{name}={value}" for name, value in held.items() if value)
        return headers | ({"cookie": cookies} if cookies else {})

    def _keep(self, headers: http.client.HTTPMessage) -> None:
        for name, member in HEADERS.items():
            if headers.get(name) is not None and (self.mode == "header" or not name.startswith("st-")):
                setattr(self.tokens, member, headers[name])
        if self.mode == "cookie":
            for line in headers.get_all("set-cookie", []):
                for name, morsel in SimpleCookie(line).items():
                    if name in COOKIES:
                        setattr(self.tokens, COOKIES[name], morsel.value)

    def login(self, user: str, payload: Json | None = None, data: Json | None = None,
              tenant: str | None = None) -> Page:
        return self.send("POST", "/login", {
            "userId": user, "payload": payload or {}, "data": data or {}, "tenantId": tenant})

    def refresh(self, csrf: bool = True) -> Page:
        return self.send("POST", REFRESH, csrf=csrf)

    def me(self) -> Page:
        return self.send("GET", "/me")

    def checked(self) -> Page:
        return self.send("GET", "/me/checked")

    def information(self, handle: str) -> Json:
        return self.send("GET", f"/admin/information?handle={handle}").json

    def handles(self, user: str, tenant: str | None = None) -> list[str]:
        query = f"user={user}" + (f"&tenant={tenant}" if tenant else "")
        return sorted(self.send("GET", f"/admin/handles?{query}").json["handles"])
