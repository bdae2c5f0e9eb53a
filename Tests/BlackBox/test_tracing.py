"""Traces as an operator meets them: a collector in Python, or a file, gets a tree for each request; one that hangs, refuses
or answers nonsense does no harm; nothing of a user, a session or a token is in what is exported."""

from __future__ import annotations

import json
import re
import socket
import ssl
import stat
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import HOST, Json, Server, TemporaryFolder, free_port, until
from machine import Machine
from metrics_page import ask, port_of, samples

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
DROPPED = "tessera_trace_spans_dropped_total"


class Collector:
    """A collector that answers as it is told, and keeps what it was sent."""

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.over = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fields = {name.lower(): value for name, value in self.headers.items()}
                collector.requests.append((self.path, fields, body))
                answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer((HOST, 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Collector":
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def spans(self) -> list[Json]:
        return [span for _, _, body in list(self.requests) for span in spans_of(json.loads(body))]


def answering(status: int, body: bytes = b"{}") -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def nonsense(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")
    handler.close_connection = True


def spans_of(request: Json) -> list[Json]:
    assert list(request) == ["resourceSpans"]
    return [span for each in request["resourceSpans"] for scope in each["scopeSpans"] for span in scope["spans"]]


def attributes(span: Json) -> dict[str, str]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def traced(destination: str, **more: str) -> Server:
    return Server(environment={"TESSERA_TRACING": destination, "TESSERA_METRICS_LISTEN": f"{HOST}:0", **more})


def tree(spans: list[Json], trace: str) -> dict[str, Json]:
    """The spans of a trace by their names; each name comes once."""
    found = [span for span in spans if span["traceId"] == trace]
    names = [span["name"] for span in found]
    assert len(set(names)) == len(names), names
    return dict(zip(names, found))


def dropped(server: Server, reason: str) -> float:
    return samples(ask(port_of(server))[2])[f'{DROPPED}{{reason="{reason}"}}']


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with Collector(answering(200)) as collector:
        yield collector


@pytest.fixture(scope="module")
def server(collector: Collector) -> Iterator[Server]:
    with traced(f"http://{HOST}:{collector.port}/v1/traces", LOG_LEVEL="DEBUG", TESSERA_LOG_FORMAT="json") as server:
        yield server


def parent(trace: str, flags: str = "01") -> dict[str, str]:
    return {"traceparent": f"00-{trace}-{PARENT}-{flags}", "tracestate": "vendor=opaque"}


def test_a_request_is_a_tree_below_its_caller(server: Server, collector: Collector) -> None:
    core = server.core()
    session = core.create("warm").json
    traced_core = server.core(headers=parent(TRACE))
    assert traced_core.refresh(session["refreshToken"]["token"]).ok
    # The request itself ends last, and an export may fall between its parts and it.
    assert until(lambda: "POST /recipe/session/refresh" in tree(collector.spans, TRACE))
    found = tree(collector.spans, TRACE)
    request = found["POST /recipe/session/refresh"]
    assert request["parentSpanId"] == PARENT and request["kind"] == 2 and request["traceState"] == "vendor=opaque"
    parts = [span for span in found.values() if span is not request]
    assert all(span["parentSpanId"] == request["spanId"] for span in parts), found
    assert {"UPDATE session_info", "sign"} <= set(found)
    for span in found.values():
        assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
        begun, ended = span["startTimeUnixNano"], span["endTimeUnixNano"]
        assert isinstance(begun, str) and isinstance(ended, str)
        assert int(request["startTimeUnixNano"]) <= int(begun) <= int(ended) <= int(request["endTimeUnixNano"])
        assert abs(int(begun) / 1e9 - time.time()) < 3600
    assert found["sign"]["kind"] == 1 and found["UPDATE session_info"]["kind"] == 3
    system = "postgresql" if server.database else "sqlite"
    assert attributes(found["UPDATE session_info"]) == {
        "db.system.name": system, "db.operation.name": "UPDATE", "db.collection.name": "session_info"}
    own = attributes(request)
    assert re.fullmatch("[0-9a-f]{16}", own.pop("tessera.session"))
    assert own == {
        "http.request.method": "POST", "url.path": "/recipe/session/refresh", "url.scheme": "http",
        "http.route": "/recipe/session/refresh", "http.response.status_code": "200", "tessera.outcome": "ok",
        "tessera.operation": "refreshSession", "tessera.cdi": "5.4"}
    path, fields, body = collector.requests[0]
    assert path == "/v1/traces" and fields["content-type"] == "application/json"
    resource = attributes(json.loads(body)["resourceSpans"][0]["resource"])
    assert resource["service.name"] == "tessera" and resource["service.instance.id"]


def test_lines_of_the_log_name_the_trace(server: Server) -> None:
    trace = "5" * 32
    core = server.core(headers=parent(trace))
    assert core.create("logged").ok
    assert server.says(trace)
    assert until(lambda: any("createSession" in line and trace in line for line in server.output.splitlines()))
    line = next(json.loads(line) for line in server.output.splitlines() if "createSession" in line and trace in line)
    assert line["TraceId"] == trace == line["Attributes"]["trace_id"]
    assert line["SpanId"] == line["Attributes"]["span_id"] != PARENT


def test_a_caller_that_does_not_record_is_not_recorded(server: Server, collector: Collector) -> None:
    quiet, marker = "6" * 32, "7" * 32
    assert server.core(headers=parent(quiet, "00")).create("quiet").ok
    assert server.core(headers=parent(marker)).create("loud").ok
    assert until(lambda: any(span["traceId"] == marker for span in collector.spans))
    assert not any(span["traceId"] == quiet for span in collector.spans)
    assert server.says(quiet), "the line of the request names the trace nevertheless"


@pytest.mark.parametrize("field", [
    f"00-{'8' * 32}-{PARENT}-0", f"00-{'8' * 32}-{'0' * 16}-01", f"ff-{'8' * 32}-{PARENT}-01",
    f"00-{'8' * 31}A-{PARENT}-01", f"00-{'8' * 32}-{PARENT}-01-x", "8" * 55])
def test_a_bad_field_begins_a_new_trace(server: Server, collector: Collector, field: str) -> None:
    known = {span["spanId"] for span in collector.spans}
    assert server.core(headers={"traceparent": field, "tracestate": "a=1"}).get("/apiversion").status == 200
    new = lambda: [s for s in collector.spans if s["name"] == "GET /apiversion" and s["spanId"] not in known]  # noqa: E731
    assert until(new)
    span = new()[0]
    assert span["traceId"] != "8" * 32 and "parentSpanId" not in span and "traceState" not in span


def test_what_is_exported_says_nothing_of_users_and_sessions(server: Server, collector: Collector) -> None:
    core = server.core(headers={"user-agent": "canary-agent", "api-key": "canary-key-canary-key"})
    created = core.create("canary-user", {"claim": "canary-payload"}, {"secret": "canary-data"}).json
    handle, token = created["session"]["handle"], created["accessToken"]["token"]
    refreshed = core.refresh(created["refreshToken"]["token"]).json
    assert core.verify(token, check_database=True).status == 200
    assert core.information(handle).ok and core.update_data(handle, {"x": "canary-update"}).ok
    assert handle in core.handles("canary-user")
    core.get("/canary-path/canary", canary="canary-query")
    core.send("POST", "/recipe/session/refresh", b'{"refreshToken":"canary-token"}')
    assert core.revoke([handle]).ok
    marker = "9" * 32
    assert server.core(headers=parent(marker)).get("/apiversion").status == 200
    assert until(lambda: any(span["traceId"] == marker for span in collector.spans))
    text = b"".join(body for _, _, body in collector.requests).decode()
    secrets = [handle, token, created["refreshToken"]["token"], refreshed["refreshToken"]["token"],
               refreshed["accessToken"]["token"], "canary", "127.0.0.1", "Python"]
    assert not [secret for secret in secrets if secret in text]
    assert {"POST /recipe/session/verify", "GET /recipe/session", "PUT /recipe/session/data", "GET /recipe/session/user",
            "POST /recipe/session/remove", "DELETE session_info", "GET"} <= {s["name"] for s in collector.spans}


@pytest.mark.parametrize(("kind", "reason"), [
    ("hang", "refused"), ("500", "refused"), ("garbage", "refused"), ("400", "refused"), ("closed", None)])
def test_a_bad_collector_does_no_harm(kind: str, reason: str | None) -> None:
    """Requests are answered as ever, the log says so once, the losses are counted, and the core ends in time."""
    bad = Collector({"500": answering(500), "400": answering(400, b"canary"), "garbage": nonsense}.get(
        kind, lambda _: bad.over.wait(60) and None))
    with bad:
        port = free_port() if kind == "closed" else bad.port
        with traced(f"http://{HOST}:{port}") as server:
            core = server.core()
            begun = time.monotonic()
            for number in range(30):
                assert core.create(f"user-{number}").ok
            assert time.monotonic() - begun < 30
            assert server.says("traces are not exported")
            if reason:
                assert until(lambda: dropped(server, reason) > 0)
            for number in range(30):
                assert core.create(f"user-{number}").ok
            begun = time.monotonic()
            assert server.stop() == 0
            assert time.monotonic() - begun < 30
            assert server.output.count("traces are not exported") == 1, server.output


def test_a_core_that_ends_exports_what_is_left() -> None:
    with Collector(answering(202)) as collector, traced(f"http://{HOST}:{collector.port}/") as server:
        assert server.core(headers=parent(TRACE)).create("last").ok
        assert server.stop() == 0
        assert tree(collector.spans, TRACE)["POST /recipe/session"]["parentSpanId"] == PARENT


def test_a_collector_that_comes_late_gets_what_waited() -> None:
    port = free_port()
    with traced(f"http://{HOST}:{port}") as server:
        assert server.core(headers=parent(TRACE)).create("early").ok
        assert server.says("traces are not exported")
        with socket.create_server((HOST, port)) as listener:
            listener.settimeout(60)
            peer, _ = listener.accept()
            with peer:
                text = b""
                while b"]}]}" not in text:
                    text += peer.recv(65536)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        assert TRACE.encode() in text
        assert server.says("traces are exported again")


def test_a_file_has_an_export_in_each_line() -> None:
    folder = TemporaryFolder()
    path = folder.path / "traces.jsonl"
    with traced(f"file:{path}") as server:
        core = server.core()
        assert core.create("one").ok
        assert until(lambda: path.read_text())
        path.rename(path.with_suffix(".1"))
        assert core.create("two").ok
        assert until(lambda: path.exists() and path.read_text().endswith("\n"))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "Traces" in server.output
    for file in (path, path.with_suffix(".1")):
        lines = file.read_text().splitlines()
        assert lines and all(spans_of(json.loads(line)) for line in lines)
    folder.remove()


def test_a_share_of_requests() -> None:
    with Collector(answering(200)) as collector, \
            traced(f"http://{HOST}:{collector.port}", TESSERA_TRACING_SAMPLE_RATIO="0") as server:
        assert server.core().create("unsampled").ok
        assert server.core(headers=parent(TRACE)).create("sampled").ok
        assert server.stop() == 0
        assert {span["traceId"] for span in collector.spans} == {TRACE}


def test_https_by_curl(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Collector(answering(200), context) as collector:
        with traced(f"https://localhost:{collector.port}", CURL_CA_BUNDLE=str(certificate)) as server:
            assert server.core(headers=parent(TRACE)).create("encrypted").ok
            assert until(lambda: "POST /recipe/session" in tree(collector.spans, TRACE))
        with traced(f"https://localhost:{collector.port}") as server:
            assert server.core().create("untrusted").ok
            assert server.says("the certificate is not trusted")


@pytest.mark.parametrize(("name", "value", "words"), [
    ("TESSERA_TRACING", "yes", "must be"), ("TESSERA_TRACING", "file:relative", "names no file"),
    ("TESSERA_TRACING", "http://u:p@h/", "without a password"), ("TESSERA_TRACING_SAMPLE_RATIO", "2", "between 0 and 1")])
def test_a_wrong_value_ends_the_start(machine: Machine, name: str, value: str, words: str) -> None:
    done = machine.run("config", "check", **{name: value})
    assert done.returncode != 0 and words in done.stdout + done.stderr


def test_a_file_that_cannot_be_written_ends_the_start(machine: Machine) -> None:
    done = machine.run("serve", "--port", "0", "--data-dir", str(machine.path / "unwritten"),
                       TESSERA_TRACING=f"file:{machine.path}/no/such/folder/t")
    assert done.returncode == 1 and "cannot be written" in done.stderr, done.stderr


def test_supertokens_key(serve: Callable[..., Server]) -> None:
    with Collector(answering(200)) as collector:
        server = serve(f"otel_collector_connection_uri: http://{HOST}:{collector.port}\n")
        assert server.core(headers=parent(TRACE)).create("moved").ok
        assert until(lambda: collector.spans)
        assert collector.requests[0][0] == "/v1/traces" and server.says("JSON over HTTP")


def test_off_is_off(serve: Callable[..., Server]) -> None:
    server = serve()
    reply = server.core(headers=parent(TRACE)).create("nobody")
    assert reply.ok and TRACE not in server.output and "Traces" not in server.output
