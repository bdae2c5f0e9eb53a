"""What stands around a sidecar: the sidecar itself, an application that says what it was sent, and real proxies."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Mapping

import canaries
from harness import HOST, ROOT, Child, Json, Reply, TemporaryFolder, binary, free_port, until

KEY = "the-key-of-a-verifier-and-no-other"
PAGE = (ROOT / "docs" / "verify.md").read_text()
LISTENS, SIDECAR, APPLICATION = "127.0.0.1:8080", "127.0.0.1:3568", "127.0.0.1:3000"
"""Where things are in the page's recipes."""


def recipe(language: str, front: int, sidecar: int, application: int) -> str:
    """The recipe of a proxy as the page prints it, with the addresses of a test."""
    text = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert text, f"docs/verify.md prints no {language}"
    found = text[1]
    for printed, port in ((LISTENS, front), (SIDECAR, sidecar), (APPLICATION, application)):
        assert printed in found
        found = found.replace(printed, f"{HOST}:{port}")
    return found


def ask(port: int, path: str = "/", method: str = "GET", fields: Mapping[str, str] | list[tuple[str, str]] = (),
        body: bytes = b"") -> Reply:
    """One request on a connection of its own; fields may be repeated."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.putrequest(method, path)
        for name, value in (fields.items() if isinstance(fields, Mapping) else fields):
            connection.putheader(name, value)
        if body or method == "POST":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Application:
    """An application that answers with the fields that it was sent."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.dumps([[name.lower(), value] for name, value in self.headers.items()]).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Application":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def sent(reply: Reply, name: str) -> list[str]:
    """The values of a field that the application was sent."""
    return [value for found, value in json.loads(reply.body) if found == name]


class Sidecar:
    """`tessera verify` on a port of its own."""

    def __init__(self, core: str | int, *arguments: str, key: str | None = KEY, **environment: str) -> None:
        self.core = f"http://{HOST}:{core}" if isinstance(core, int) else core
        self._arguments = arguments
        self._environment = {**({"TESSERA_VERIFY_API_KEY": key} if key else {}), **environment}
        canaries.seen.add_environment(self._environment.items())
        self.port = 0
        self.child: Child | None = None

    def start(self, waits: bool = True) -> "Sidecar":
        self.port = free_port()
        self.child = Child([str(binary()), "verify", "--listen", f"{HOST}:{self.port}", "--core", self.core,
                            *self._arguments], self._environment)
        assert self.child.says("verifies access tokens"), self.child.output
        if waits:
            assert until(lambda: self.ask("/health").status == 200), self.child.output
        return self

    @property
    def process(self) -> Child:
        assert self.child
        return self.child

    def ask(self, path: str = "/tessera/authorize", method: str = "GET",
            fields: Mapping[str, str] | list[tuple[str, str]] = (), body: bytes = b"") -> Reply:
        return ask(self.port, path, method, fields, body)

    def authorize(self, token: str, path: str = "/tessera/authorize") -> Reply:
        return self.ask(path, fields=bearer(token))

    def introspect(self, body: bytes, key: str = KEY) -> Reply:
        return self.ask("/tessera/oauth/introspect", "POST",
                        {"api-key": key, "Content-Type": "application/x-www-form-urlencoded"}, body)

    def ticks(self) -> int:
        """The processor time of the process, in ticks of the system."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def __enter__(self) -> "Sidecar":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.child:
            self.child.kill()


def program(name: str) -> str:
    """A program, which may be where only the administrator looks."""
    return shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin") or sys.exit(f"there is no {name}")


class Proxy:
    """A real proxy in front of an application, with the recipe of the page."""

    def __init__(self, kind: str, sidecar: int, application: int, more: str = "") -> None:
        self.port = free_port()
        self._folder = TemporaryFolder("tessera-proxy-")
        folder = self._folder.path
        if kind == "nginx":
            arguments = self._nginx(folder, recipe("nginx", self.port, sidecar, application) + more)
        else:
            (folder / "Caddyfile").write_text(
                "{\n\tadmin off\n\tauto_https off\n}\n" + recipe("caddyfile", self.port, sidecar, application))
            arguments = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
        self.child = Child(arguments, {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)})
        assert until(self._listens), self.child.output

    @staticmethod
    def _nginx(folder: Path, servers: str) -> list[str]:
        places = "".join(f"  {name}_temp_path {folder}/{name};\n"
                         for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (folder / "nginx.conf").write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{ worker_connections 256; }}\n"
            f"http {{\n  access_log off;\n{places}{servers}\n}}\n")
        return [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def ask(self, path: str = "/", method: str = "GET", fields: Mapping[str, str] | list[tuple[str, str]] = (),
            body: bytes = b"") -> Reply:
        return ask(self.port, path, method, fields, body)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.child.kill()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that signs itself, and its key."""
    key, signed = folder / "key.pem", folder / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(signed)],
                   check=True, capture_output=True)
    return signed, key


def member(reply: Reply, *names: str) -> Any:
    """A member within an answer."""
    found: Any = reply.json
    for name in names:
        found = found[name]
    return found


def tokens(created: Reply) -> tuple[str, str, str]:
    """The access token, the refresh token and the handle of a new session."""
    assert created.ok, created.outcome
    return (str(member(created, "accessToken", "token")), str(member(created, "refreshToken", "token")),
            str(member(created, "session", "handle")))


__all__ = ["Application", "Json", "KEY", "Proxy", "Sidecar", "ask", "bearer", "certificate", "member", "sent", "tokens"]
