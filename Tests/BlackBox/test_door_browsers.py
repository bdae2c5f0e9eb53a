"""C1 and C2: a browser that opens a reply runs nothing of it, and no page of another origin is served without a key."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from door_wire import BODY, KEY, ask, chunked, head, post
from harness import HOST, ROOT, Core, Server

MARK = "<img src=x onerror=alert(1)>"
ESCAPED = "%3Cimg%20src=x%20onerror=alert(1)%3E"
REMOVE = "/recipe/session/remove"
NODE = """const [, url] = process.argv;
const reply = await fetch(url + "/recipe/session", {method: "POST",
  headers: {"content-type": "application/json; charset=utf-8", "cdi-version": "5.4", rid: "session"},
  body: JSON.stringify({userId: "node", userDataInJWT: {}, userDataInDatabase: {}, enableAntiCsrf: false})});
console.log(reply.status);"""
PYTHON = """import sys, httpx
body = {"userId": "python", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
fields = {"cdi-version": "5.4", "rid": "session"}
print(httpx.post(sys.argv[1] + "/recipe/session", json=body, headers=fields).status_code)
"""
MARKED = json.dumps({"userId": MARK, "userDataInJWT": {MARK: MARK}, "userDataInDatabase": {MARK: MARK}}).encode()
CARRIERS: list[tuple[str, bytes]] = [
    ("a query", head(f"GET /users/count?includeRecipeIds={ESCAPED} HTTP/1.1")),
    ("a raw query", head("GET /users/count?includeRecipeIds=<script>alert(1)</script> HTTP/1.1")),
    ("one of two recipes", head(f"GET /users/count?includeRecipeIds=session,{ESCAPED} HTTP/1.1")),
    ("a parameter's name", head(f"GET /recipe/session?{ESCAPED}=x HTTP/1.1")),
    ("a handle", head(f"GET /recipe/session?sessionHandle={ESCAPED} HTTP/1.1")),
    ("a user id", head(f"GET /recipe/session/user?userId={ESCAPED} HTTP/1.1")),
    ("a switch", head(f"GET /recipe/session/user?userId=x&fetchAcrossAllTenants={ESCAPED} HTTP/1.1")),
    ("a path", head(f"GET /{ESCAPED} HTTP/1.1")), ("a raw path", head("GET /<img/src=x> HTTP/1.1")),
    ("an app", head(f"GET /appid-{ESCAPED}/recipe/session?sessionHandle=x HTTP/1.1")),
    ("a tenant", head(f"GET /{ESCAPED}/recipe/session?sessionHandle=x HTTP/1.1")),
    ("a version", head("GET /recipe/session?sessionHandle=x HTTP/1.1", f"cdi-version: {MARK}")),
    ("a recipe", head("GET /recipe/session?sessionHandle=x HTTP/1.1", f"rid: {MARK}")),
    ("a key", head("GET /recipe/session?sessionHandle=x HTTP/1.1", f"api-key: {MARK}")),
    ("an expectation", head("GET /hello HTTP/1.1", f"Expect: {MARK}")),
    ("a method", head("<IMG> /hello HTTP/1.1")), ("a version of HTTP", head("GET /hello HTTP/<img>")),
    ("a coding", head("POST /recipe/session HTTP/1.1", f"Transfer-Encoding: {MARK}")),
    ("a length", head("POST /recipe/session HTTP/1.1", f"Content-Length: {MARK}")),
    ("a Host", head("GET /hello HTTP/1.1", host=MARK)), ("an origin", head("GET /hello HTTP/1.1", f"Origin: {MARK}")),
    ("a field's name", head("GET /hello HTTP/1.1", f"{MARK}: x")), ("a chunk size", chunked(MARK.encode() + b"\r\n")),
    ("a body", post("/recipe/session", MARKED)), ("no JSON", post("/recipe/session", MARK.encode())),
    ("an access token", post("/recipe/session/verify", json.dumps({"accessToken": MARK}).encode())),
    ("a refresh token", post("/recipe/session/refresh", json.dumps({"refreshToken": MARK}).encode())),
    ("a user of the audit log", head(f"GET /tessera/audit?user={ESCAPED} HTTP/1.1")),
    ("a parameter of the audit log", head(f"GET /tessera/audit?{ESCAPED}=1 HTTP/1.1")),
    ("an algorithm", post("/recipe/jwt", json.dumps({"payload": {}, "algorithm": MARK, "validity": 1}).encode())),
]


# That each reply is guarded against browsers is looked at with every reply: see `Peer`.
@pytest.mark.parametrize("request_", [row[1] for row in CARRIERS], ids=[row[0] for row in CARRIERS])
def test_finding_C1_markup_of_a_caller_is_answered_and_is_no_page(server: Server, request_: bytes) -> None:
    answer = ask(server.port, request_)
    assert answer is not None
    assert b"<" not in answer.body or answer.field("content-type").startswith(
        ("text/plain;charset=UTF-8", "application/json"))


def test_finding_C1_the_recorded_text_byte_for_byte_as_plain_text(server: Server) -> None:
    answer = ask(server.port, CARRIERS[0][1])
    assert answer and (answer.status, answer.field("content-type"), answer.body) == (
        400, "text/plain;charset=UTF-8", f"Unknown recipe ID: {MARK}\n".encode())


PATH = "/recipe/session"


@pytest.mark.parametrize(("status", "request_"), [
    (200, head("GET /hello HTTP/1.1")), (200, head("GET /health/live HTTP/1.1")),
    (200, head("GET /.well-known/jwks.json HTTP/1.1")), (200, post(PATH)), (400, post(PATH, b"x")),
    (400, b"GET\r\n\r\n"), (401, post(PATH)),
    (403, post(PATH, BODY, "Origin: null")), (404, head("GET /nothing HTTP/1.1")),
    (405, head(f"DELETE {PATH} HTTP/1.1")), (405, head(f"HEAD {PATH} HTTP/1.1")),
    (413, post(PATH, b"", length=1 << 30)), (414, head(f"GET /{'a' * 9000} HTTP/1.1")),
    (417, post(PATH, b"", "Expect: x", length=1)), (431, head("GET /hello HTTP/1.1", f"X: {'y' * 20_000}")),
    (501, head("BREW /hello HTTP/1.1")), (505, head("GET /hello HTTP/2.0"))], ids=lambda value: str(value)[:24])
def test_finding_C1_every_status_is_guarded_against_browsers(server: Server, keyed: Server, status: int,
                                                             request_: bytes) -> None:
    answer = ask((keyed if status == 401 else server).port, request_)
    assert answer is not None and answer.status == status and not answer.unguarded


FOREIGN = ("rebind.example", "rebind.example:3567", "localhost.evil.example", "evil-localhost", "xlocalhost",
           "127.0.0.1.evil.example", "127.0.0.1evil", "128.0.0.1", "1127.0.0.1", "127.0.0", "127.0.0.256", "0.0.0.0",
           "10.0.0.1:3567", "192.168.1.5", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]", "localhost.evil", ".localhost.x",
           "xn--localhst-v3a", "supertokens:3567")
PAGES = (["Origin: https://evil.example"], ["Origin: null"], ["Origin: http://localhost:3000"],
         ["Origin: http://127.0.0.1"],
         ["Origin:"], ["Origin: chrome-extension://abc"], ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"],
         ["Sec-Fetch-Site: same-origin"], ["sec-fetch-site: Cross-Site"], ["Sec-Fetch-Site: unheard-of"],
         ["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none"],
         ["Origin: null", "Sec-Fetch-Site: none"])


@pytest.fixture(scope="module")
def handle(server: Server) -> str:
    """A session that no page may end."""
    return str(server.core().create("browsed").json["session"]["handle"])


def is_refused(server: Server, request_: bytes, hint: bytes = b"") -> bool:
    """Whether it is a 403 with a text."""
    answer = ask(server.port, request_)
    return (answer is not None and answer.status == 403 and answer.field("content-type").startswith("text/plain")
            and len(answer.body) > 10 and hint in answer.body and "access-control" not in str(answer.fields))


def removal(handle: str) -> bytes:
    return json.dumps({"sessionHandles": [handle]}).encode()


@pytest.mark.parametrize("host", FOREIGN)
def test_finding_C2_a_foreign_host_is_refused(server: Server, core: Core, handle: str, host: str) -> None:
    assert is_refused(server, post(REMOVE, removal(handle)).replace(b"localhost", host.encode(), 1), b"api_keys")
    assert core.handles("browsed") == [handle]


@pytest.mark.parametrize("fields", PAGES, ids=", ".join)
def test_finding_C2_a_page_of_another_origin_is_refused(server: Server, core: Core, handle: str,
                                                        fields: list[str]) -> None:
    body = removal(handle)
    plain = head(f"POST {REMOVE} HTTP/1.1", "Content-Type: text/plain", f"Content-Length: {len(body)}", *fields)
    assert is_refused(server, plain + body) and is_refused(server, head("GET /hello HTTP/1.1", *fields))
    assert core.handles("browsed") == [handle]


def test_finding_C2_a_preflight_is_refused_and_allows_nothing(server: Server) -> None:
    assert is_refused(server, head(f"OPTIONS {REMOVE} HTTP/1.1", "Origin: https://evil.example",
                                   "Access-Control-Request-Method: POST"))


@pytest.mark.parametrize("fields", [
    [], ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"],
    ["sec-fetch-mode: cors", "accept-language: *", "user-agent: node"], ["Referer: http://localhost/"]],
                         ids=["nothing said", "an address typed in", "node's fetch", "a Referer"])
def test_finding_C2_programs_of_this_machine_are_served(server: Server, fields: list[str]) -> None:
    answer = ask(server.port, post("/recipe/session", BODY, *fields))
    assert answer is not None and answer.status == 200


@pytest.mark.parametrize(("key", "status"), [(f"api-key: {KEY}", 200), ("api-key: wrong", 401)])
@pytest.mark.parametrize("fields", PAGES[:8], ids=", ".join)
def test_finding_C2_with_keys_set_the_key_decides(keyed: Server, fields: list[str], key: str, status: int) -> None:
    request = post("/recipe/session", BODY, key, *fields).replace(b"localhost", b"rebind.example:80", 1)
    answer = ask(keyed.port, request)
    assert answer is not None and answer.status == status


RELEASES = sorted(path.stem.rpartition("-")[2] for path in Path(__file__).parent.glob("requirements-drivers-*.txt")
                  if "httpx==" in path.read_text())


@pytest.mark.parametrize("program", ["node", *RELEASES])
def test_finding_C2_what_drivers_send_is_served(server: Server, program: str) -> None:
    """What programs send that call from servers: recorded, and sent to a core."""
    if program == "node":
        command = [shutil.which("node") or pytest.skip("node is not installed"), "--input-type=module", "-e", NODE]
    else:
        python = ROOT / ".venv-drivers" / program / "bin" / "python"
        if not python.exists():
            pytest.skip(f"make drivers installs supertokens-python {program}")
        command = [str(python), "-c", PYTHON]
    served = subprocess.run([*command, f"http://{HOST}:{server.port}"], capture_output=True, text=True, timeout=60,
                            check=False)
    assert (served.stdout.strip(), served.stderr[-300:]) == ("200", "")
    sent = recorded(command)
    assert len(sent) > 2 and not {"origin", "sec-fetch-site"} & set(sent)


def recorded(command: list[str]) -> list[str]:
    """The names of the fields that a program sends to a server."""
    names: list[str] = []

    class Recorder(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - the name is the library's
            names.extend(name.lower() for name in self.headers)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer((HOST, 0), Recorder) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        subprocess.run([*command, f"http://{HOST}:{server.server_port}"], capture_output=True, timeout=60, check=False)
    return names
