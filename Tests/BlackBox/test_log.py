"""The log that an operator needs: nobody waits for it, it has a line for what matters, and never a secret."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Callable

import canaries
import pytest
from harness import HOST, Server, TemporaryFolder, binary, free_port, together, until

KEY = "log-test-key-0123456789"
REQUESTS = 3_000
FEW_SECONDS = 60


class PipedCore:
    """A core whose output is a pipe that is read when the test wants it."""

    def __init__(self, level: str) -> None:
        self._folder = TemporaryFolder("tessera-log-")
        self._server = Server(data=self._folder.path / "data", config=f"log_level: {level}\n")
        self._server.port = free_port()
        self.reader, writer = os.pipe()
        self.process = subprocess.Popen(
            self._server.arguments(), stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
            env={**os.environ, "TESSERA_STATE_DIR": str(self._folder.path)})
        os.close(writer)
        self.core = self._server.core()
        assert until(self._answers, FEW_SECONDS)

    def _answers(self) -> bool:
        try:
            return self.core.get("/hello").ok or True
        except OSError:
            return False

    def read_until(self, pattern: bytes) -> str:
        """What comes out of the pipe up to a line of this pattern, or until nothing comes any more."""
        text = b""
        while not re.search(pattern, text[-70_000:]) and select.select([self.reader], [], [], FEW_SECONDS)[0]:
            if not (part := os.read(self.reader, 65_536)):
                break
            text += part
        return text.decode()

    def __enter__(self) -> "PipedCore":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def test_finding_O3_a_pipe_that_nobody_reads() -> None:
    """Thousands of requests are answered beside a full pipe; whoever reads at last gets each line or its count."""
    with PipedCore("DEBUG") as piped:
        slowest = 0.0
        for _ in range(REQUESTS * 2):
            begun = time.monotonic()
            assert piped.core.get("/hello").status == 200
            slowest = max(slowest, time.monotonic() - begun)
        made = piped.core.create("somebody").json
        assert piped.core.refresh(made["refreshToken"]["token"]).ok
        assert slowest < 10
        threading.Thread(target=piped.process.terminate).start()
        assert piped.process.wait(FEW_SECONDS) == 0, "it ends although nobody reads"


def test_finding_O3_lost_lines_are_counted() -> None:
    with PipedCore("DEBUG") as piped:
        for _ in range(REQUESTS * 2):
            assert piped.core.get("/hello", x="y").status == 200
        text = piped.read_until(rb"lines were lost.*\n")
        lost = int(re.findall(r"\| (\d+) lines were lost", text)[-1])
        asked = len(re.findall(r"\| API called: /hello\.", text))
        assert lost > 0 and lost + asked >= REQUESTS * 2 and asked > 100
        assert piped.core.get("/hello").status == 200


def test_finding_O3_the_reader_goes_away() -> None:
    with PipedCore("DEBUG") as piped:
        os.close(piped.reader)
        for _ in range(300):
            assert piped.core.get("/hello").status == 200
        piped.process.terminate()
        assert piped.process.wait(FEW_SECONDS) == 0


def test_finding_O3_closed_descriptors_are_no_files_of_the_core() -> None:
    """What is logged never lands in the database, whatever descriptors the core was started with."""
    folder = TemporaryFolder("tessera-log-")
    server = Server(data=folder.path / "data", config="log_level: DEBUG\n")
    server.port = free_port()
    process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" 0<&- 1>&- 2>&-', "sh", *server.arguments()],
        env={**os.environ, "TESSERA_STATE_DIR": str(folder.path)})
    try:
        core = server.core()

        def answers() -> bool:
            try:
                return core.get("/hello").status == 200
            except OSError:
                return False
        assert until(answers, FEW_SECONDS) and core.create("u").ok
        process.terminate()
        assert process.wait(FEW_SECONDS) == 0
    finally:
        process.kill()
    assert not [path for path in folder.path.rglob("*") if path.is_file() and b"API called" in path.read_bytes()]


@pytest.mark.parametrize("sink", ["/dev/full", "fifo"])
def test_finding_O3_a_log_file_that_takes_nothing(sink: str, tmp_path: Path, serve: Callable[..., Server]) -> None:
    path, reader = sink, None
    if sink == "fifo":
        path = str(tmp_path / "fifo")
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    core = serve(f"log_level: DEBUG\ninfo_log_path: {path}\nerror_log_path: {path}\n").core()
    for _ in range(REQUESTS):
        assert core.get("/hello").status == 200
    if reader is not None:
        os.close(reader)
        assert core.get("/hello").status == 200


def started_on(database: str) -> str:
    """A database without its user and password."""
    address, _, _ = database.rpartition("@")[2].partition("?")
    return f"PostgreSQL {address.removeprefix('postgresql://')}"


def test_finding_O5_start_stop_keys_reuse_revocations_and_refused_keys() -> None:
    server = Server(config=f"api_keys: {KEY}\nlog_format: json\nrefresh_token_succession: RANDOM\n").start()
    core = server.core(headers={"api-key": KEY})
    tokens = [core.create("reused").json]
    for _ in range(2):
        tokens.append(core.refresh(tokens[-1]["refreshToken"]["token"]).json)
        core.verify(tokens[-1]["accessToken"]["token"])
    core.refresh(tokens[0]["refreshToken"]["token"])
    together(*[lambda: [server.core(headers={"api-key": KEY}).create("many") for _ in range(26)]] * 4)
    assert len(core.post("/recipe/session/remove", {"userId": "many"}).json["sessionHandlesRevoked"]) == 104
    for key in [None, "wrong-" + KEY] * 20:
        reply = server.core(headers={"api-key": key} if key else {}).get("/recipe/session/user", userId="u")
        assert reply.status == 401
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.output.splitlines() if line.startswith("{")]
    bodies = [line["Body"] for line in lines]
    for line in lines:
        assert list(line) == ["Timestamp", "SeverityText", "SeverityNumber", "Body", "Attributes", "Resource",
                              "InstrumentationScope"]
        assert datetime.fromisoformat(line["Timestamp"].replace("Z", "+00:00")).utcoffset().total_seconds() == 0

    def attributes(body: str) -> list[dict[str, object]]:
        return [line["Attributes"] for line in lines if line["Body"].startswith(body)]
    place = str(server.data / "tessera.sqlite") if server.database is None else started_on(server.database)
    started, = attributes("Tessera has started")
    assert started["address"] == f"http://{HOST}:{server.port}" and started["data"] == place
    assert started["configuration"] and started["infoLog"] == "standard output" and started["pid"] == server.pid
    assert [line["why"] for line in attributes("Tessera stops")] == ["SIGTERM"]
    assert bodies[-1] == "Tessera has stopped"
    assert len(attributes("a signing key was made")) == 2 and len(attributes("a signing key signs")) == 1
    reuse, = attributes("refresh token reuse was detected")
    assert (reuse["session"], reuse["app"], reuse["ended"]) == (tokens[0]["session"]["handle"], "public", "true")
    assert [line["count"] for line in attributes("many sessions were revoked")] == [104]
    refused = attributes("refused")
    assert [(line["peer"], line["count"]) for line in refused] == [(HOST, 1)], "one line a minute for a peer"


def test_finding_O5_a_start_that_fails_or_an_interrupt_is_told_too(serve: Callable[..., Server]) -> None:
    server = serve()
    assert server.child is not None
    os.kill(server.pid, signal.SIGINT)
    assert server.child.wait(FEW_SECONDS) == 0 and "Tessera stops why=SIGINT" in server.output


def test_finding_O5_a_request_is_one_line(serve: Callable[..., Server]) -> None:
    server = serve("log_level: DEBUG\n")
    core = server.core()
    rows = [("GET", "/hello", "abc.DEF-1", 200, "hello"), ("GET", "/health/live", "live", 200, "health"),
            ("GET", "/nowhere", "lost", 404, "none"), ("GET", "/recipe/session/user?userId=u", "list", 200, "listSessions"),
            ("GET", "/recipe/session?sessionHandle=x", "x" * 128, 200, "readSession"),
            ("PUT", "/hello", "put", 200, "hello")]
    for method, path, name, status, _ in rows:
        reply = core.send(method, path, headers={"X-Request-Id": name})
        assert (reply.status, reply.headers.get("x-request-id")) == (status, name)
    for name, _, _, status, operation in [(row[2], *row[1:]) for row in rows]:
        assert server.says(f"requestId={name} ")
        line, = [line for line in server.output.splitlines() if f" requestId={name} " in line]
        for word in (f" status={status}", f" operation={operation} ", f" peer={HOST} ", " durationMs="):
            assert word in line, line
    assert " app=public " in [line for line in server.output.splitlines() if "requestId=list " in line][0]
    made = [core.get("/hello").headers["x-request-id"] for _ in range(3)]
    assert len(set(made)) == 3 and all(server.says(f"requestId={name} ") for name in made)


@pytest.mark.parametrize("name", ["x" * 129, "a b", "a,b", "<b>", "a\"b", ""])
def test_finding_O5_a_bad_request_id_is_not_repeated(name: str, serve: Callable[..., Server]) -> None:
    server = serve()
    reply = server.core().send("GET", "/hello", headers={"X-Request-Id": name})
    assert reply.status == 200 and "x-request-id" not in reply.headers
    assert "x-request-id" not in server.core().get("/hello").headers, "none is made where nothing is logged"


def test_finding_O5_canaries_are_found() -> None:
    """The control: what the search for secrets has to find, and what it must leave alone."""
    known = canaries.Canaries()
    token = "eyJhbGciOiJSUzI1NiJ9." + "payload0" * 8 + "." + "Signature" * 9
    known.add_reply({"session": {"handle": "h" * 40}, "accessToken": {"token": token}, "antiCsrfToken": "1234-5678-" * 3})
    known.add_configuration(f"port: 1\napi_keys: {KEY}, other-{KEY}\npostgresql_password: 'pass word'\n")
    known.add_environment([("POSTGRESQL_CONNECTION_URI", "postgresql://u:p%40ssw0rd-x@h/d")])
    for text in (f"x={token}", token[-40:], token[25:70], token[40:80], f"key {KEY}", "other-" + KEY, "pass word", "p@ssw0rd-x",
                 "p%40ssw0rd-x", "1234-5678-" * 3, "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC" + "x" * 60,
                 "-----BEGIN PRIVATE KEY-----"):
        assert list(known.leaks(text)), text
    for text in ("h" * 40, "2026 | INFO | pid: 6f1f0f0e-7c1a-4c57-9d2e-1f2d3c4b5a69 | v0.1.0 | ConnectionHandler+Request.swift:12"):
        assert not list(known.leaks(text)), text


SYSTEM = re.compile(r"lib(c|m|gcc_s|stdc\+\+|sqlite3|yaml-0|crypto|pthread|dl|rt|resolv)\.so|ld-linux.*\.so")


def test_finding_O7_the_program_needs_no_swift(tmp_path: Path) -> None:
    """finding O7: only libraries of the system are needed, and it starts without any path to others."""
    dynamic = subprocess.run(["readelf", "-d", str(binary())], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)
    assert needed and [name for name in needed if not SYSTEM.match(name)] == []
    assert not re.findall(r"\((?:RPATH|RUNPATH)\).*\[.*swift.*\]", dynamic), "no path to a toolchain"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    done = subprocess.run([str(binary()), "--version"], capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+\n", done.stdout)
