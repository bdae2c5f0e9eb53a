"""A receiver of security events, written from docs/events.md alone; it verifies each token with joserfc."""

from __future__ import annotations

import json
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from environments import environment
from harness import HOST, ROOT, Core, Json, free_port

ISSUER = "https://auth.example.com"
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
REVOKED = CAEP + "session-revoked"
CHANGED = CAEP + "credential-change"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST_HANG = 60.0


def load_joserfc() -> None:
    """Makes joserfc known to this process, from an environment with pinned packages."""
    python = environment(ROOT / ".venv-events", Path(__file__).with_name("requirements-events.txt"))
    place = str(next(python.parents[1].glob("lib/python*/site-packages")))
    if place not in sys.path:
        sys.path.insert(0, place)


@dataclass(frozen=True)
class Event:
    """An event as a receiver understands it, from a token that was verified."""

    jti: str
    session: str | None
    user: str | None
    kind: str
    claims: Json
    friendly: str | None = None

    @property
    def subject(self) -> tuple[str | None, str | None, str | None]:
        return self.session, self.user, self.friendly


class Verifier:
    """Verifies the tokens of an app with the keys that the core publishes."""

    def __init__(self, port: int) -> None:
        load_joserfc()
        from joserfc import jwk
        self._keys = jwk.KeySet.import_key_set(Core(port).get("/.well-known/jwks.json").json)

    def _decode(self, token: str, kind: str, audience: str) -> Json:
        from joserfc import jwt
        found = jwt.decode(token, self._keys, algorithms=["RS256"])
        assert found.header["typ"] == kind and set(found.header) == {"typ", "alg", "kid"}, found.header
        claims = dict(found.claims)
        assert (claims["iss"], claims["aud"]) == (ISSUER, audience), claims
        assert abs(claims["iat"] - time.time()) < 3_600 and len(claims["jti"]) == 32, claims
        return claims

    def event(self, token: str, audience: str) -> Event:
        """An event of CAEP in a Security Event Token."""
        claims = self._decode(token, "secevent+jwt", audience)
        assert set(claims) == {"iss", "jti", "iat", "aud", "txn", "sub_id", "events"}, claims
        subject, (kind, members) = claims["sub_id"], next(iter(claims["events"].items()))
        assert len(claims["events"]) == 1 and kind in (REVOKED, CHANGED), claims
        assert subject["format"] == "complex" and abs(members["event_timestamp"] - claims["iat"]) < 60, claims
        user = subject["user"]
        assert user["format"] == "iss_sub" and user["iss"] == ISSUER, claims
        return Event(claims["jti"], subject.get("session", {}).get("id"), user["sub"], kind, claims,
                     members.get("friendly_name"))

    def logout(self, token: str, audience: str) -> Event:
        """The end of sessions in a logout token of OpenID Connect."""
        claims = self._decode(token, "logout+jwt", audience)
        assert set(claims) - {"sid", "sub"} == {"iss", "jti", "iat", "aud", "exp", "events"}, claims
        assert claims["events"] == {LOGOUT: {}} and 0 < claims["exp"] - claims["iat"] <= 120, claims
        assert claims["exp"] > time.time() - 60, claims
        return Event(claims["jti"], claims.get("sid"), claims.get("sub"), REVOKED, claims)


@dataclass(frozen=True)
class Arrival:
    """A request that a receiver got, and what it answered."""

    at: float
    headers: dict[str, str]
    token: str
    behaviour: str


@dataclass
class Receiver:
    """A receiver on a port of its own; what it answers can be changed at any time."""

    behaviour: str = "accept"
    """One of accept, reject, fail, hang and redirect."""
    port: int = field(default_factory=free_port)
    arrivals: list[Arrival] = field(default_factory=list)
    redirected: int = 0
    """How many requests came to where it redirects."""
    certificate: tuple[Path, Path] | None = None
    """What it shows to who comes by https, with its key; without one it has http."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _freed: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/events" if self.certificate else f"http://{HOST}:{self.port}/events"

    def start(self) -> "Receiver":
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                receiver._answer(self, body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        class Listener(ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A core that was killed does not read its answer."""

        self._freed.clear()
        self._server = Listener((HOST, self.port), Handler)
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            # The handshake is the work of the thread that answers, not of the one that accepts.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def _answer(self, handler: BaseHTTPRequestHandler, body: str) -> None:
        if handler.path != "/events":
            with self._lock:
                self.redirected += 1
        fields = {name.lower(): value for name, value in handler.headers.items()}
        form = fields.get("content-type", "").startswith("application/x-www-form-urlencoded")
        token = parse_qs(body)["logout_token"][0] if form else body
        behaviour = self.behaviour
        with self._lock:
            self.arrivals.append(Arrival(time.monotonic(), fields, token, behaviour))
        if behaviour == "hang":
            self._freed.wait(LONGEST_HANG)
            handler.close_connection = True
            return
        status, text = {"accept": (202, ""), "reject": (400, '{"err":"invalid_request","error":"invalid_request"}'),
                        "fail": (500, "secret-of-the-receiver"), "redirect": (307, "")}[behaviour]
        handler.send_response(status)
        if behaviour == "redirect":
            handler.send_header("Location", f"http://{HOST}:{self.port}/elsewhere")
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    def stop(self) -> None:
        """Refuses connections from now on; what was received is kept."""
        self._freed.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def became(self, behaviour: str) -> None:
        """Answers otherwise from now on; those who hang are let go."""
        self.behaviour = behaviour
        self._freed.set()
        self._freed = threading.Event()

    def accepted(self) -> list[str]:
        """The tokens that were taken, in the order of their arrival."""
        with self._lock:
            return [arrival.token for arrival in self.arrivals if arrival.behaviour == "accept"]

    def __enter__(self) -> "Receiver":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


@dataclass
class Poller:
    """Asks for the events of a stream (RFC 8936)."""

    port: int
    name: str
    bearer: str

    def ask(self, **members: object) -> Json:
        reply = Core(self.port, cdi=None, timeout=60).send(
            "POST", f"/tessera/events/poll/{self.name}", json.dumps(members).encode(),
            {"content-type": "application/json", "authorization": f"Bearer {self.bearer}"})
        assert reply.status == 200, (reply.status, reply.text)
        return reply.json
