"""An API with sessions in header fields, for clients: it counts, expires tokens and holds answers back as a test says."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harness import HOST


class SessionAPI(ThreadingHTTPServer):
    """One user's session: a refresh token is superseded when its successor is used first."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__((HOST, 0), Handler)
        self.lock = threading.Lock()
        self.generation, self.child, self.valid = 0, 0, 0
        self.refreshes, self.signed_out, self.refused = 0, 0, 0
        self.notes: list[str] = []
        self.hold: threading.Event | None = None
        self.held = threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients are killed."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def expire(self) -> None:
        """No access token that was given out is accepted any more."""
        with self.lock:
            self.valid += 1

    def tokens(self, generation: int) -> dict[str, str]:
        """The fields of a response with new tokens."""
        now = int(time.time())
        payload = {"sub": "alice", "iat": now, "exp": now + 3_600, "sessionHandle": "s"}
        text = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
        front = {"uid": "alice", "ate": (now + 3_600) * 1_000, "up": payload}
        return {"st-access-token": f"h.{text}.{generation}-{self.valid}", "st-refresh-token": f"r.{generation}",
                "front-token": base64.b64encode(json.dumps(front).encode()).decode()}

    def refreshed(self, token: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        self.refreshes += 1
        generation = int(token.split(".")[1])
        if generation == self.generation + 1:
            self.generation = generation
        if generation != self.generation:
            self.refused += 1
            return 401, {"front-token": "remove"}, {"message": "token theft detected"}
        return 200, self.tokens(generation + 1), {}

    def accepted(self, token: str) -> bool:
        parts = token.split(".")[-1].split("-")
        if len(parts) != 2 or int(parts[1]) != self.valid:
            return False
        if int(parts[0]) == self.generation + 1:
            self.generation += 1
        return True


class Handler(BaseHTTPRequestHandler):
    """The routes of the demo application that notes uses."""

    server: SessionAPI
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.route()

    do_POST = do_PUT = do_GET

    def route(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        api = self.server
        with api.lock:
            status, fields, answer = self.answer(token, body)
        # It has happened, and its answer waits.
        if self.path == "/auth/session/refresh" and (hold := api.hold):
            api.held.set()
            hold.wait(60)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        text = json.dumps(answer).encode()
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def answer(self, token: str, body: bytes) -> tuple[int, dict[str, str], dict[str, Any]]:
        api = self.server
        if self.path == "/api/login":
            api.generation += 10
            return 200, api.tokens(api.generation), {"status": "OK"}
        if self.path == "/auth/session/refresh":
            return api.refreshed(token)
        if not api.accepted(token):
            return 401, {}, {"message": "try refresh token"}
        if self.path == "/auth/signout":
            api.signed_out += 1
            return 200, {"front-token": "remove"}, {"status": "OK"}
        if self.command == "PUT":
            api.notes = json.loads(body)["notes"]
        return 200, {}, {"notes": api.notes}

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""
