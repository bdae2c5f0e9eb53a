"""An HTTP proxy in front of an application that loses, delays, cuts and forges answers, path by path.

It serves the browser module from the source, and an empty page that uses it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from harness import ROOT

PAGE = b"""<!doctype html><meta charset=utf-8><link rel=icon href="data:,"><script type=module src=/bench.js></script>"""
SCRIPT = b"""
const options = JSON.parse(decodeURIComponent(location.hash.slice(1) || "{}"));
(0, eval)(options.before ?? "");
window.seenEvents = [];
const tessera = window.tessera = await import("/auth/tessera.js");
tessera.init({ refreshTimeout: 20000, ...options, onHandleEvent(event) {
  seenEvents.push(event);
  if (options.throws) throw new Error("a handler's own fault");
} });
window.isReady = true;
"""
FORGED = {200: "OK", 204: "No Content", 302: "Found", 401: "Unauthorized", 429: "Too Many Requests", 503: "Unavailable"}


def served() -> bytes:
    """The browser module as the SDK serves it."""
    command = [sys.executable, ROOT / "scripts/embed-browser-module", "--print"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@dataclass
class Fault:
    """What happens to a request: `pass`, `drop` before it arrives, `lose` its answer, `cut` that, `hang`, or `status`."""

    kind: str = "pass"
    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: str = ""


@dataclass
class Seen:
    """A request that came."""

    method: str
    path: str
    fields: dict[str, str]


class FaultyProxy:
    """Runs in a thread of its own; a request is a connection."""

    def __init__(self, target: int, has_module: bool = False) -> None:
        """`has_module` says that the application serves its own."""
        self._target = target
        self._module = b"" if has_module else served()
        self._lock = threading.Lock()
        self._faults: dict[str, Fault] = {}
        self._seen: list[Seen] = []
        self._loop = asyncio.new_event_loop()
        self._held: dict[str, asyncio.Event] = {}
        self.port = 0
        ready = threading.Event()
        threading.Thread(target=self._run, args=(ready,), daemon=True).start()
        ready.wait()

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)

        async def listen() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = int(server.sockets[0].getsockname()[1])
            ready.set()

        self._loop.run_until_complete(listen())
        self._loop.run_forever()

    def heal(self) -> None:
        """From now on everything passes, and nothing has been seen."""
        with self._lock:
            self._faults.clear()
            self._seen.clear()
            held, self._held = self._held, {}
        for event in held.values():
            self._loop.call_soon_threadsafe(event.set)

    def fault(self, path: str, fault: Fault) -> None:
        """What happens to the requests for a path from now on."""
        with self._lock:
            self._faults[path] = fault

    def hold(self, path: str) -> Callable[[], None]:
        """Lets the answers for a path wait until what is returned is called."""
        event = asyncio.Event()
        with self._lock:
            self._held[path] = event

        def release() -> None:
            with self._lock:
                self._held.pop(path, None)
            self._loop.call_soon_threadsafe(event.set)

        return release

    def seen(self, path: str) -> list[Seen]:
        """The requests for a path since everything was healed."""
        with self._lock:
            return [one for one in self._seen if one.path.partition("?")[0] == path and one.method != "OPTIONS"]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._answer(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, path, _ = head.split(" ", 2)
        fields = {name.lower(): value for name, value in re.findall(r"(?m)^([\w-]+): ?(.*?)\r$", head)}
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        plain = path.partition("?")[0]
        with self._lock:
            self._seen.append(Seen(method, path, fields))
            fault = self._faults.get(plain, Fault())
        if plain == "/bench":
            reply = message(200, {"content-type": "text/html"}, PAGE)
        elif plain == "/bench.js":
            reply = message(200, {"content-type": "text/javascript"}, SCRIPT)
        elif plain == "/auth/tessera.js" and self._module:
            reply = message(200, {"content-type": "text/javascript"}, self._module)
        elif fault.kind == "drop":
            return writer.transport.abort()
        elif fault.kind == "hang":
            await reader.read()
            return
        elif fault.kind == "status":
            reply = message(fault.status, fault.fields, fault.body.encode())
        elif plain == "/echo" or method == "OPTIONS":
            reply = message(200, allowing(fields), json.dumps(fields).encode())
        else:
            reply = await self._forwarded(head, fields, body)
        if event := self._held.get(plain):
            await event.wait()
        if fault.kind == "lose":
            return writer.transport.abort()
        writer.write(reply[: len(reply) - 1 if fault.kind == "cut" else None])
        await writer.drain()

    async def _forwarded(self, head: str, fields: dict[str, str], body: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._target)
        ours, theirs = fields["host"], f"localhost:{self._target}"
        head = head.replace(f"Origin: http://{ours}\r", f"Origin: http://{theirs}\r")
        head = head.replace(f"Host: {ours}\r", f"Host: {theirs}\r")
        head = re.sub(r"(?im)^connection: .*\r\n", "", head).replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
        writer.write(head.encode("latin-1") + body)
        await writer.drain()
        reply = await reader.read(-1)
        writer.close()
        return reply


def allowing(fields: dict[str, str]) -> dict[str, str]:
    """What lets any page of another origin send anything."""
    return {"access-control-allow-origin": fields.get("origin", "*"), "access-control-allow-credentials": "true",
            "access-control-allow-headers": fields.get("access-control-request-headers", "x"),
            "access-control-expose-headers": "front-token"}


def message(status: int, fields: dict[str, str], body: bytes) -> bytes:
    """A response; the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {FORGED.get(status, 'Status')}", *(f"{name}: {value}" for name, value in fields.items())]
    if status != 204:
        lines.append(f"content-length: {len(body)}")
    return ("\r\n".join([*lines, "connection: close", "", ""])).encode() + body
