"""A backend with sessions, its proxy and its site in one server, good or with one fault, for the tests of the doctor.

It knows of the interface of front ends what the doctor asks: refresh, key set, log-in, a protected call, a stream and sign-out.
"""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

HOST = "127.0.0.1"
FIELDS = ["anti-csrf", "authorization", "fdi-version", "rid", "st-auth-mode"]
EXPOSED = ["front-token", "anti-csrf", "st-access-token", "st-refresh-token"]
LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"
NAMES = ["api.example.com", "app.example.com", "api.example.org", "api.example.co.uk", "app.example.co.uk"]
PASSWORD = "secret-of-the-log-in"


@dataclass
class Setup:
    """How everything is set up; the defaults are a good set-up on two sub-domains."""

    scheme: str = "http"
    site: str = "app.example.com"
    api: str = "api.example.com"
    base: str = "/auth"
    # What the gateway takes away from the path.
    gateway: str = ""
    examined: str | None = None
    page_api: str | None = None
    origin: str | None = None
    credentials: bool = True
    allowed: list[str] = field(default_factory=lambda: list(FIELDS))
    cors_on_errors: bool = True
    exposed: list[str] = field(default_factory=lambda: list(EXPOSED))
    dropped: list[str] = field(default_factory=list)
    drops_empty: bool = False
    same_site: str = "Lax"
    secure: bool = False
    partitioned: bool = False
    domain: str | None = None
    refresh_path: str | None = None
    doubled: bool = False
    redirect: str | None = None
    needs_rid: bool = False
    cache: str | None = "no-store"
    age: int = 0
    random_successors: bool = False
    buffered: bool = False
    clock: int = 0
    key: str = "d-1"
    payload: int = 20
    expired: int = 401
    core_runs: bool = True
    header_mode: bool = False
    # What the doctor is told besides.
    options: list[str] = field(default_factory=list)


def encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


class Place(ThreadingHTTPServer):
    """A set-up that runs, on a port of its own."""

    daemon_threads = True

    def __init__(self, setup: Setup, certificate: Path | None = None) -> None:
        super().__init__((HOST, 0), Handler)
        self.setup = setup
        self.certificate = certificate
        self.port = int(self.server_address[1])
        self.secrets: list[str] = []
        self.successors: dict[str, str] = {}
        self.count = 0
        self.lock = threading.Lock()
        if setup.scheme == "https":
            assert certificate
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def __enter__(self) -> "Place":
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self.thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that closes early is none of the test's business."""

    def origin(self, host: str) -> str:
        return f"{self.setup.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        setup = self.setup
        return self.origin(setup.api) + (setup.examined or setup.gateway + setup.base)

    def arguments(self) -> list[str]:
        """What a person would give the doctor."""
        setup = self.setup
        hosts = sorted({setup.api, setup.site} - {"localhost", HOST})
        path = setup.gateway
        login = "POST " + path + "/login " + json.dumps({"user": "alice", "password": PASSWORD})
        arguments = [self.url, "--site", self.origin(setup.site), "--login", login, "--protected", f"POST {path}/me",
                     "--stream", f"GET {path}/events"]
        for host in hosts:
            arguments += ["--resolve", f"{host}:{self.port}:{HOST}"]
        if self.certificate and setup.scheme == "https":
            arguments += ["--cacert", str(self.certificate)]
        return arguments + [option.replace("PORT", str(self.port)) for option in setup.options]

    def token(self, kind: str) -> str:
        """A token that nothing else has."""
        with self.lock:
            self.count += 1
            head = encoded({"kid": "d-1", "typ": "JWT", "version": "5", "alg": "RS256"})
            claims = encoded({"sub": "alice", "n": self.count, "kind": kind})
            padding = "p" * self.setup.payload if kind == "access" else ""
            text = f"{head}.{claims}{padding}.signature{self.count}"
            self.secrets.append(text)
            return text


class Handler(BaseHTTPRequestHandler):
    """One request; what is collected in `answer` goes through the proxy when it is written."""

    protocol_version = "HTTP/1.1"
    server: Place

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""

    def version_string(self) -> str:
        return "place"

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate((timestamp or time.time()) + self.server.setup.clock, usegmt=True)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.route()

    do_POST = do_OPTIONS = do_GET

    def route(self) -> None:
        setup = self.server.setup
        length = int(self.headers.get("content-length") or 0)
        self.rfile.read(length)
        self.fields: list[tuple[str, str]] = []
        host = self.headers["host"].split(":")[0]
        path = self.path
        if path == "/" or path.startswith("/app.js"):
            return self.page(path)
        if path == "/hello":
            return self.send(200 if setup.core_runs else 503, "Hello", kind="text/plain")
        self.is_direct = host == HOST and setup.api != HOST
        if setup.redirect and not self.is_direct:
            self.fields.append(("Location", setup.redirect + path))
            return self.send(308, "")
        if setup.gateway and not self.is_direct:
            if not path.startswith(setup.gateway + "/"):
                return self.send(404, "<html>", kind="text/html")
            path = path[len(setup.gateway):]
        self.api(path)

    def page(self, path: str) -> None:
        """The site: a page whose script has the configuration of the front end."""
        setup = self.server.setup
        api = setup.page_api or self.server.origin(setup.api)
        if path == "/":
            return self.send(200, '<!doctype html><script type="module" src="/app.js?v=1"></script>', kind="text/html")
        base = (setup.examined or setup.gateway + setup.base)
        config = {"appName": "a", "apiDomain": api, "apiBasePath": base}
        self.send(200, f"SuperTokens.init({{appInfo:{json.dumps(config)}}})", kind="text/javascript")

    def api(self, path: str) -> None:
        setup = self.server.setup
        if self.command == "OPTIONS":
            self.cors(204, preflight=True)
            return self.send(204, "")
        routes: dict[str, Callable[[], None]] = {
            f"{setup.base}/session/refresh": self.refresh, f"{setup.base}/jwt/jwks.json": self.keys,
            f"{setup.base}/signout": self.sign_out, "/login": self.log_in, "/me": self.protected, "/events": self.stream,
        }
        if path not in routes:
            self.cors(404)
            return self.send(404, json.dumps({"error": "not found"}))
        routes[path]()

    def cors(self, status: int, preflight: bool = False) -> None:
        setup = self.server.setup
        if not preflight and status >= 400 and not setup.cors_on_errors:
            return
        self.fields.append(("Access-Control-Allow-Origin", setup.origin or self.server.origin(setup.site)))
        if setup.credentials:
            self.fields.append(("Access-Control-Allow-Credentials", "true"))
        if preflight:
            self.fields.append(("Access-Control-Allow-Headers", ", ".join(setup.allowed)))
            self.fields.append(("Access-Control-Allow-Methods", "GET,POST,PUT,DELETE"))
        elif setup.exposed:
            self.fields.append(("Access-Control-Expose-Headers", ", ".join(setup.exposed)))

    def cookie(self, name: str, value: str, path: str, domain: str | None) -> None:
        setup = self.server.setup
        parts = [f"{name}={value}", f"Path={path}", f"Expires={LONG_AGO if not value else formatdate(time.time() + 9e6, usegmt=True)}",
                 "HttpOnly", f"SameSite={setup.same_site}"]
        parts += [f"Domain={domain}"] * bool(domain) + ["Secure"] * setup.secure + ["Partitioned"] * setup.partitioned
        self.fields.append(("Set-Cookie", "; ".join(parts)))

    def cookies(self, access: str, refresh: str) -> None:
        setup = self.server.setup
        self.cookie("sAccessToken", access, "/", setup.domain)
        if setup.doubled and access:
            self.cookie("sAccessToken", access, "/", "example.com")
        path = setup.refresh_path or f"{setup.gateway}{setup.base}/session/refresh"
        self.cookie("sRefreshToken", refresh, path, setup.domain)

    def clear(self) -> None:
        self.cookies("", "")
        self.fields += [("st-access-token", ""), ("st-refresh-token", ""), ("front-token", "remove")]

    def write_session(self) -> str:
        access, refresh = self.server.token("access"), self.server.token("refresh")
        if self.server.setup.header_mode:
            self.fields += [("st-access-token", access), ("st-refresh-token", refresh)]
        else:
            self.cookies(access, refresh)
        claims = {"role": "x" * self.server.setup.payload, "name": "a"}
        front = base64.b64encode(json.dumps({"uid": "alice", "ate": 1, "up": claims}).encode()).decode()
        self.fields.append(("front-token", front))
        return refresh

    def presented(self, cookie: str) -> str | None:
        if self.server.setup.header_mode:
            return (self.headers.get("authorization") or "").removeprefix("Bearer ") or None
        pairs = [part.strip().split("=", 1) for part in (self.headers.get("cookie") or "").split(";") if "=" in part]
        return next((value for name, value in pairs if name == cookie), None)

    def refuse(self, message: str, clears: bool = True) -> None:
        status = self.server.setup.expired
        self.cors(status)
        if clears:
            self.clear()
        self.send(status, json.dumps({"message": message}))

    def refresh(self) -> None:
        token = self.presented("sRefreshToken")
        if (token or self.headers.get("authorization")) and not self.server.setup.core_runs:
            self.cors(500)
            return self.send(500, "Internal Server Error", kind="text/plain")
        if not token or token not in self.server.secrets:
            return self.refuse("unauthorised")
        if token in self.server.successors and self.server.setup.random_successors:
            return self.refuse("token theft detected")
        self.cors(200)
        self.server.successors[token] = self.write_session()
        self.send(200, "{}")

    def keys(self) -> None:
        self.fields.append(("Access-Control-Allow-Origin", "*"))
        self.send(200, json.dumps({"keys": [{"kid": self.server.setup.key, "kty": "RSA"}]}), cache="max-age=60, must-revalidate")

    def log_in(self) -> None:
        if not self.server.setup.core_runs:
            self.cors(500)
            return self.send(500, "Internal Server Error", kind="text/plain")
        self.cors(200)
        self.write_session()
        self.send(200, json.dumps({"status": "OK"}))

    def protected(self) -> None:
        setup = self.server.setup
        if self.presented("sAccessToken") not in self.server.secrets:
            return self.refuse("unauthorised", clears=False)
        if setup.needs_rid and not self.headers.get("rid"):
            return self.refuse("try refresh token", clears=False)
        self.cors(200)
        if setup.age:
            self.fields.append(("Age", str(setup.age)))
        self.send(200, json.dumps({"user": "alice"}), cache=setup.cache)

    def sign_out(self) -> None:
        self.cors(200)
        self.clear()
        self.send(200, json.dumps({"status": "OK"}))

    def stream(self) -> None:
        """The first event at once; a proxy that buffers keeps it until the client has gone."""
        self.cors(200)
        self.close_connection = True
        if self.server.setup.buffered:
            self.connection.recv(1)
            return
        self.start(200, "text/event-stream", [("Transfer-Encoding", "chunked")], "no-store")
        self.wfile.write(b"8\r\n: beat\n\n\r\n")
        self.wfile.flush()
        self.connection.recv(1)

    def start(self, status: int, kind: str, more: list[tuple[str, str]], cache: str | None) -> None:
        setup = self.server.setup
        self.send_response(status)
        for name, value in self.fields + more + [("Content-Type", kind)] + [("Cache-Control", cache)] * bool(cache):
            through_proxy = not getattr(self, "is_direct", False)
            if through_proxy and (name.lower() in setup.dropped or (setup.drops_empty and not value)):
                continue
            self.send_header(name, value or "")
        self.end_headers()

    def send(self, status: int, body: str, kind: str = "application/json", cache: str | None = None) -> None:
        data = body.encode()
        self.start(status, kind, [("Content-Length", str(len(data)))] if status != 204 else [], cache)
        self.wfile.write(data)


def certificate(folder: Path) -> Path:
    """A key and a certificate that signs itself, for all names, in one file."""
    path = folder / "place.pem"
    names = ",".join(f"DNS:{name}" for name in NAMES)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=place", "-addext",
         f"subjectAltName={names}", "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
        check=True, capture_output=True)
    path.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    path.chmod(0o600)
    return path
