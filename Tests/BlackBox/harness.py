"""Shared helpers of the black box: the server under test, an HTTP client, and what campaigns find."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Mapping
from urllib.parse import urlencode
from weakref import WeakSet

import canaries

ROOT = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
CDI = "5.4"
READY_SECONDS = 60.0
WORD_SECONDS = 60.0
STOP_SECONDS = 60.0
PORT_TRIES = 5

Json = dict[str, Any]


class ServerFailed(Exception):
    """The server did not start, or ended when it should not have."""


def binary() -> Path:
    """Finds the server's executable: TESSERA_BINARY, or the release build of this repository."""
    path = Path(os.environ.get("TESSERA_BINARY", ROOT / ".build" / "release" / "tessera")).resolve()
    if not path.is_file():
        sys.exit(f"no server at {path}: build it (swift build -c release) or set TESSERA_BINARY")
    return path


def free_port() -> int:
    """Asks the kernel for a port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def exit_on_signals() -> None:
    """Makes SIGTERM and SIGHUP end the script the ordinary way, so that clean-up runs."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))


class TemporaryFolder:
    """A folder that is removed when the script ends, whatever happens."""

    def __init__(self, prefix: str = "tessera-") -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        atexit.register(self.remove)

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class Child:
    """A process of ours that never outlives the script; its output goes to a file."""

    all: "WeakSet[Child]" = WeakSet()

    def __init__(self, arguments: list[str], environment: Mapping[str, str] | None = None,
                 descriptors: tuple[int, ...] = ()) -> None:
        self._folder = TemporaryFolder("tessera-output-")
        self._output = self._folder.path / "output"
        self._searched = 0
        self.is_core = Path(arguments[0]).name == "tessera" or str(binary()) in arguments
        with self._output.open("wb") as sink:
            self.process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                env={**os.environ, "TESSERA_STATE_DIR": str(self._folder.path),
                     "TESSERA_METRICS_LISTEN": "off", **(environment or {})},
                start_new_session=True, pass_fds=descriptors)
        atexit.register(self.kill)
        Child.all.add(self)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def output(self) -> str:
        return self._output.read_text(errors="replace") if self._output.exists() else ""

    def unsearched(self) -> str:
        """What the process has written since this was asked last."""
        if not self._output.exists():
            return ""
        with self._output.open("rb") as written:
            written.seek(self._searched)
            text = written.read()
        self._searched += len(text)
        return text.decode(errors="replace")

    def says(self, words: str, seconds: float = WORD_SECONDS) -> bool:
        """Waits until the process has written something: its log is written beside its work."""
        return until(lambda: words in self.output, seconds, 0.01)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Ends the process at once (kill -9)."""
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self, seconds: float = STOP_SECONDS) -> int:
        """Asks the process to end (SIGTERM) and returns its exit code."""
        if self.alive:
            self.process.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Waits until the process has ended by itself and returns its exit code."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise ServerFailed(f"still running after {seconds:g} s\n{self.output}") from error


def new_database() -> str | None:
    """A new database in the cluster that TESSERA_TEST_POSTGRES names; none means SQLite."""
    cluster = os.environ.get("TESSERA_TEST_POSTGRES")
    if not cluster:
        return None
    name = f"t_{os.getpid()}_{os.urandom(4).hex()}"
    subprocess.run(["psql", "-X", "-q", "-d", cluster, "-c", f"CREATE DATABASE {name}"], check=True)
    head, _, options = cluster.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{options}"


class Server:
    """One run after another of `tessera serve` on one data folder, or on one database of PostgreSQL."""

    def __init__(self, data: Path | None = None, config: str | None = None, database: str | None = None,
                 environment: Mapping[str, str] | None = None) -> None:
        """Prepares a server; without a data folder or a database it gets a temporary one."""
        self._folder = TemporaryFolder()
        self.data = data or self._folder.path / "data"
        self._config = self._write(config) if config is not None else None
        self.database = database or (new_database() if data is None else None)
        self.environment = {**({"POSTGRESQL_CONNECTION_URI": self.database} if self.database else {}),
                            **(environment or {})}
        canaries.seen.add_environment(self.environment.items())
        self.child: Child | None = None
        self.port = 0
        self.ready_after = 0.0

    def _write(self, config: str) -> Path:
        canaries.seen.add_configuration(config)
        path = self._folder.path / "config.yaml"
        path.write_text(config)
        return path

    def arguments(self, host: str = HOST) -> list[str]:
        found = [str(binary()), "serve", "--host", host, "--port", str(self.port), "--data-dir", str(self.data)]
        return found + (["--config", str(self._config)] if self._config else [])

    def launch(self, host: str = HOST) -> Child:
        """Starts a run on a fresh port without waiting for it."""
        self.port = free_port()
        self.child = Child(self.arguments(host), self.environment)
        return self.child

    def start(self) -> "Server":
        """Starts a run and waits until it answers; takes another port when somebody else was faster."""
        for attempt in range(1, PORT_TRIES + 1):
            child = self.launch()
            try:
                self.wait_until_ready(child)
                if os.environ.get("TESSERA_TEST_FEED"):
                    threading.Thread(target=_follow, args=(self.port, child), daemon=True).start()
                return self
            except ServerFailed as error:
                child.kill()
                if attempt == PORT_TRIES or "in use" not in str(error).lower():
                    raise
        raise ServerFailed("no free port")

    def wait_until_ready(self, child: Child, poll: float = 0.005) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < READY_SECONDS:
            if not child.alive:
                raise ServerFailed(f"the server ended with {child.process.returncode}\n{child.output}")
            if self._answers():
                self.ready_after = time.monotonic() - begun
                return
            time.sleep(poll)
        raise ServerFailed(f"no answer after {READY_SECONDS:g} s\n{child.output}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=2)
        try:
            connection.request("GET", "/hello")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.alive

    @property
    def output(self) -> str:
        return self._running().output

    def says(self, words: str) -> bool:
        """Waits until the current run has written something."""
        return self._running().says(words)

    def stop(self) -> int:
        return self._running().stop()

    def kill(self) -> None:
        self._running().kill()

    def _running(self) -> Child:
        if self.child is None:
            raise ServerFailed("the server was never started")
        return self.child

    def core(self, cdi: str | None = CDI, headers: Mapping[str, str] | None = None) -> "Core":
        return Core(self.port, cdi, headers)

    def __enter__(self) -> "Server":
        return self.start()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self.child is not None:
            self.child.kill()
        self._folder.remove()


def _follow(port: int, child: Child) -> None:
    """Reads the feed of ended sessions as long as a run lives, so that a test of something else runs beside it."""
    cursor = ""
    while child.alive:
        connection = http.client.HTTPConnection(HOST, port, timeout=5)
        try:
            while child.alive:
                connection.request("GET", f"/tessera/feed?wait=1{cursor}")
                reply = connection.getresponse()
                page = json.loads(reply.read())
                cursor = f"&after={page['next']}"
        except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException):
            time.sleep(0.5)
        finally:
            connection.close()


@dataclass(frozen=True)
class Reply:
    """An answer of the server."""

    status: int
    headers: dict[str, str]
    body: bytes

    def __post_init__(self) -> None:
        """Shows the answer to whoever watches, and remembers what must not be in any log."""
        canaries.seen.add_reply(self.json)
        for watch in reply_watchers:
            watch(self)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")

    @property
    def json(self) -> Json:
        """The body as a JSON object; empty when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def outcome(self) -> str:
        """The `status` member of a 200, or the HTTP status and text of anything else."""
        if self.status != 200:
            return f"{self.status} {self.text.strip()[:200]}"
        return str(self.json.get("status", self.text.strip()[:200]))

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.json.get("status") == "OK"


reply_watchers: list[Callable[[Reply], None]] = []
"""Called with every answer that is read."""


class Core:
    """A keep-alive connection that speaks the core driver interface; it never repeats a request."""

    def __init__(self, port: int, cdi: str | None = CDI, headers: Mapping[str, str] | None = None,
                 timeout: float = 30.0) -> None:
        """Prepares a connection; it is opened by the first request."""
        self.cdi = cdi
        self._headers = dict(headers or {})
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def send(self, method: str, path: str, body: bytes | None = None,
             headers: Mapping[str, str] | None = None) -> Reply:
        """Sends a request and reads the whole answer; closes the connection when that fails."""
        fields = {**self._headers, **({} if self.cdi is None else {"cdi-version": self.cdi}), **(headers or {})}
        try:
            self._connection.request(method, path, body=body, headers=fields)
            answer = self._connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection; the next request opens another."""
        self._connection.close()

    def get(self, path: str, **query: str) -> Reply:
        return self.send("GET", path + ("?" + urlencode(query) if query else ""))

    def post(self, path: str, body: Any) -> Reply:
        return self._with_json("POST", path, body)

    def put(self, path: str, body: Any) -> Reply:
        return self._with_json("PUT", path, body)

    def _with_json(self, method: str, path: str, body: Any) -> Reply:
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return self.send(method, path, data, {"content-type": "application/json; charset=utf-8"})

    def create(self, user: str, payload: Json | None = None, data: Json | None = None, csrf: bool = False) -> Reply:
        return self.post("/recipe/session", {
            "userId": user, "userDataInJWT": payload or {}, "userDataInDatabase": data or {},
            "enableAntiCsrf": csrf, "useDynamicSigningKey": True})

    def verify(self, token: str, check_database: bool = False) -> Reply:
        return self.post("/recipe/session/verify", {
            "accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": check_database})

    def refresh(self, token: str) -> Reply:
        return self.post("/recipe/session/refresh", {
            "refreshToken": token, "enableAntiCsrf": False, "useDynamicSigningKey": True})

    def revoke(self, handles: list[str]) -> Reply:
        return self.post("/recipe/session/remove", {"sessionHandles": handles})

    def information(self, handle: str) -> Reply:
        return self.get("/recipe/session", sessionHandle=handle)

    def update_data(self, handle: str, data: Json) -> Reply:
        return self.put("/recipe/session/data", {"sessionHandle": handle, "userDataInDatabase": data})

    def handles(self, user: str) -> list[str]:
        return list(self.get("/recipe/session/user", userId=user).json.get("sessionHandles", []))


class Tally:
    """What a campaign found: how often it looked, and what was wrong; its negative control has to find something."""

    def __init__(self) -> None:
        self.made = 0
        self.violations: list[str] = []
        self._lock = threading.Lock()

    def check(self, name: str, good: bool, detail: object = "") -> bool:
        """Notes what holds and what does not."""
        with self._lock:
            self.made += 1
            if not good:
                self.violations.append(f"{name}: {str(detail)[:1200]}")
        return good

    def equal(self, name: str, found: object, expected: object) -> bool:
        return self.check(name, found == expected, f"got {found!r}, expected {expected!r}")


def until(wanted: Callable[[], object], seconds: float = WORD_SECONDS, pause: float = 0.02) -> bool:
    """Waits for something and tells whether it came."""
    end = time.monotonic() + seconds
    while not (came := wanted()) and time.monotonic() < end:
        time.sleep(pause)
    return bool(came)


def together(*works: Callable[[], object]) -> list[Any]:
    """Does several things side by side, each from its beginning on, and gives what came of each."""
    with ThreadPoolExecutor(len(works)) as pool:
        return [each.result() for each in [pool.submit(work) for work in works]]
