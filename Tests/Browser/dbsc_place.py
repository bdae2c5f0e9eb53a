"""The Swift SDK on a core, behind TLS: what a browser with a key in its device is tested against.

Chromium's software keys need a connection whose certificate it accepts, so the certificate is named by its hash.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import http.server
import json
import os
import ssl
import subprocess
import threading
from pathlib import Path
from typing import Callable, Mapping

from chromium import start
from harness import HOST, ROOT, Child, Server, until
from wall_clock import Clock

SWIFT = os.environ.get("REMOTE_APP", str(ROOT / "Examples/.build/debug/RemoteApp"))
OWN = "/auth/session/dbsc/"
REGISTER, RENEW = OWN + "register", OWN + "refresh"
REFRESH = "/auth/session/refresh"
COOKIE = "__Host-st-dbsc"
ACCEPTED = 600
"""Seconds for which a bound cookie and a challenge are accepted."""
PAGE = b"<!doctype html><title>page</title><link rel=icon href=data:,>"


class Seen:
    """A request that passed, with its answer."""

    def __init__(self, method: str, path: str, fields: Mapping[str, str], status: int, answer: http.client.HTTPMessage,
                 body: bytes) -> None:
        self.method, self.path, self.status, self.answer, self.body = method, path, status, answer, body
        self.fields = {name.lower(): value for name, value in fields.items()}


def certificate(folder: Path) -> tuple[Path, str]:
    """A certificate with its key in one file, and base64 of the SHA-256 of its public key."""
    path, key = folder / "tls.pem", folder / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", "/CN=test", "-keyout", str(key), "-out", str(path)], check=True, capture_output=True)
    public = subprocess.run(["openssl", "x509", "-in", str(path), "-pubkey", "-noout"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "der"], check=True, capture_output=True,
                         input=public.stdout)
    path.write_bytes(path.read_bytes() + key.read_bytes())
    return path, base64.b64encode(hashlib.sha256(der.stdout).digest()).decode()


class Gate:
    """Ends TLS, passes requests on, keeps what it has seen, and does to answers what a test asks for."""

    def __init__(self, folder: Path) -> None:
        self.backend = 0
        self.seen: list[Seen] = []
        self.instead: dict[str, int] = {}
        """Statuses that are answered for a path, without asking the application."""
        self.change: Callable[[str, list[tuple[str, str]]], list[tuple[str, str]]] = lambda _, fields: fields
        gate = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                gate.answer(self)

            do_GET = do_POST = do_PUT = do_OPTIONS = handle_any

            def log_message(self, *_: object) -> None:
                pass

        tls, self.key = certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        self.server = http.server.ThreadingHTTPServer((HOST, 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        origin = handler.headers.get("origin")
        fields = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"),
                  ("Access-Control-Allow-Headers", "st-auth-mode, content-type, rid"), ("Vary", "origin")] if origin else []
        if handler.command == "OPTIONS" or handler.path == "/":
            return self.send(handler, 200, fields + [("content-type", "text/html")], PAGE)
        if handler.path in self.instead:
            status, answer, text = self.instead[handler.path], http.client.HTTPMessage(), b"no"
        else:
            connection = http.client.HTTPConnection(HOST, self.backend, timeout=60)
            kept = {name: value for name, value in handler.headers.items() if name.lower() != "connection"}
            connection.request(handler.command, handler.path, body, kept)
            response = connection.getresponse()
            status, answer, text = response.status, response.headers, response.read()
            connection.close()
        self.seen.append(Seen(handler.command, handler.path, dict(handler.headers.items()), status, answer, text))
        left_out = ("connection", "content-length", "transfer-encoding", "date", "server")
        passed = [(name, value) for name, value in answer.items() if name.lower() not in left_out]
        self.send(handler, status, self.change(handler.path, passed) + fields, text)

    @staticmethod
    def send(handler: http.server.BaseHTTPRequestHandler, status: int, fields: list[tuple[str, str]],
             body: bytes) -> None:
        handler.send_response(status)
        for name, value in fields:
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def of(self, path: str) -> list[Seen]:
        return [seen for seen in self.seen if seen.path == path]

    def statuses(self, path: str) -> list[int]:
        return [seen.status for seen in self.of(path)]


class Place:
    """A core, the example application with the Swift SDK, and TLS before it."""

    def __init__(self, folder: Path, api: str, website: str, sign_in_page: str | None = None) -> None:
        self.clock = Clock(folder)
        self.gate = Gate(folder)
        self.api, self.website = (f"https://{host}:{self.gate.port}" for host in (api, website))
        self.core = Server(environment=self.clock.environment).start()
        self.application = Child([SWIFT], {
            "CORE": f"http://{HOST}:{self.core.port}", "PORT": "0", "API": self.api, "WEBSITE": self.website,
            "DEVICE_BINDING": "enforce", **({"SIGN_IN_PAGE": sign_in_page} if sign_in_page else {}),
            **self.clock.environment})
        assert until(lambda: "port " in self.application.output or not self.application.alive, 60)
        assert self.application.alive, self.application.output
        self.gate.backend = int(self.application.output.split("port ")[1].split()[0])

    def close(self) -> None:
        self.application.kill()
        self.core.kill()
        self.gate.server.shutdown()

    def later(self, seconds: float) -> None:
        """Lets time pass for core and application; the browser's clock stays."""
        self.clock.to(self.clock.now + seconds)

    def events(self, handle: str) -> list[str]:
        """What the audit log says about a session, the oldest first, without rotations."""
        records = self.core.core().get("/tessera/audit", sessionHandle=handle, limit="100").json["records"]
        named = [" ".join(filter(None, (record["event"], record["details"].get("reason")))) for record in records]
        return [name for name in reversed(named) if name != "refreshed"]

    def device(self, handle: str) -> dict[str, object]:
        """The session in the list of devices."""
        return self.core.core().get("/tessera/sessions", sessionHandle=handle).json["sessions"][0]


class Profile:
    """A profile of Chromium with a key of its own, on a page of the website."""

    def __init__(self, place: Place, name: str) -> None:
        self.place = place
        self.driver = start(
            f"dbsc-{name}", "--enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting",
            f"--ignore-certificate-errors-spki-list={place.gate.key}",
            "--host-resolver-rules=MAP *.example.test 127.0.0.1, MAP *.other.test 127.0.0.1", watches=True)
        for command, values in (("Network.enable", {}), ("Network.enableDeviceBoundSessions", {"enable": True})):
            self.driver.execute_cdp_cmd(command, values)
        self.driver.get(place.website + "/")

    def __enter__(self) -> "Profile":
        return self

    def __exit__(self, *_: object) -> None:
        self.driver.quit()

    def fetch(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        """A request of the page, with its cookies."""
        script = """
            const [url, method, body, done] = arguments;
            fetch(url, {method, body: body ?? undefined, credentials: 'include', headers: {'st-auth-mode': 'cookie', rid: 'x'}})
                .then(async r => done([r.status, await r.text()]), error => done([0, String(error)]));"""
        status, text = self.driver.execute_async_script(script, self.place.api + path, method, body)
        return status, text

    def sign_in(self, user: str) -> str:
        """Begins a session and waits until the browser has bound it; returns its handle."""
        before = len(self.place.gate.of(REGISTER))
        self.has_bound()
        status, text = self.fetch("POST", "/login", json.dumps({"userId": user}))
        assert status == 200, text
        assert until(lambda: len(self.place.gate.of(REGISTER)) > before, 30), "the browser registers"
        assert self.place.gate.of(REGISTER)[-1].status == 200, self.place.gate.of(REGISTER)[-1].body
        # The cookie is there before the browser knows what it is for.
        assert until(self.has_bound, 30) and COOKIE in self.cookies()
        return str(json.loads(text)["handle"])

    def has_bound(self) -> bool:
        """Whether the browser says that it has bound a session, since it was asked last."""
        events = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return any("newSession" in event["params"].get("creationEventDetails", {}) for event in events)

    def cookies(self) -> dict[str, dict[str, object]]:
        found = self.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        return {cookie["name"]: cookie for cookie in found}

    def lose(self) -> None:
        """The bound cookie has ended, as the browser sees it."""
        host = self.place.api.removeprefix("https://").partition(":")[0]
        self.driver.execute_cdp_cmd("Network.deleteCookies", {"name": COOKIE, "domain": host})
        assert COOKIE not in self.cookies()

    def follow_from(self, host: str, path: str) -> str:
        """Follows a link to the API on a page of another host; returns what the page at its end says."""
        port = self.place.gate.port
        self.driver.get(f"https://{host}:{port}/")
        self.driver.execute_script("location.href = arguments[0]", self.place.api + path)
        assert until(lambda: self.driver.current_url.startswith(self.place.api) and REFRESH not in self.driver.current_url
                     and self.driver.execute_script("return document.readyState") == "complete", 30)
        return str(self.driver.execute_script("return document.body.innerText"))

    def copy_jar(self, other: "Profile") -> None:
        """Takes all cookies of another profile, and nothing that its device keeps."""
        kept = ("name", "value", "domain", "path", "secure", "httpOnly", "sameSite", "expires")
        for cookie in other.cookies().values():
            taken = {name: cookie[name] for name in kept if name in cookie}
            taken["url"] = self.place.api + str(cookie["path"])
            if not str(cookie["domain"]).startswith("."):
                del taken["domain"]
            self.driver.execute_cdp_cmd("Network.setCookie", taken)
