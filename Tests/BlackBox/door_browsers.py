"""C1 and C2: a browser that opens a reply runs nothing of it, and no page of another origin is served without a key."""

from __future__ import annotations

import http.server
import json
import shutil
import subprocess
import sys
import threading

from door_wire import BODY, KEY, Answer, Peer, ask, chunked, head, post
from harness import HOST, ROOT, Checks, Server

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
print(httpx.post(sys.argv[1] + "/recipe/session", json=body, headers={"cdi-version": "5.4", "rid": "session"}).status_code)
"""


class Replies:
    """C1: what a caller sent is never a page."""

    def __init__(self, checks: Checks, server: Server, keyed: Server) -> None:
        """Prepares the checks."""
        self._checks, self._port, self._keyed = checks, server.port, keyed.port

    def run(self) -> None:
        """Runs the checks."""
        self._recorded()
        for name, request in self._carriers():
            answer = ask(self._port, request)
            self._checks.check(f"finding C1: markup as {name}: answered, and no page",
                               answer is not None and self._harmless(answer), answer)
        for status, port, request in self._every_status():
            answer = ask(port, request)
            self._checks.check(f"finding C1: {status} is guarded against browsers",
                               answer is not None and answer.status == status and not answer.unguarded,
                               answer and (answer.unguarded, answer))

    def _recorded(self) -> None:
        answer = ask(self._port, head(f"GET /users/count?includeRecipeIds={ESCAPED} HTTP/1.1"))
        found = answer and (answer.status, answer.field("content-type"), answer.body)
        self._checks.equal("finding C1: the recorded text, byte for byte, as plain text", found,
                           (400, "text/plain;charset=UTF-8", f"Unknown recipe ID: {MARK}\n".encode()))

    @staticmethod
    def _harmless(answer: Answer) -> bool:
        kind = answer.field("content-type")
        known = "<" in answer.body.decode("utf-8", "replace")
        return not answer.unguarded and (not known or kind.startswith(("text/plain;charset=UTF-8", "application/json")))

    @staticmethod
    def _carriers() -> list[tuple[str, bytes]]:
        marked = json.dumps({"userId": MARK, "userDataInJWT": {MARK: MARK}, "userDataInDatabase": {MARK: MARK}}).encode()
        return [
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
            ("a body", post("/recipe/session", marked)), ("no JSON", post("/recipe/session", MARK.encode())),
            ("an access token", post("/recipe/session/verify", json.dumps({"accessToken": MARK}).encode())),
            ("a refresh token", post("/recipe/session/refresh", json.dumps({"refreshToken": MARK}).encode())),
            ("a user of the audit log", head(f"GET /tessera/audit?user={ESCAPED} HTTP/1.1")),
            ("a parameter of the audit log", head(f"GET /tessera/audit?{ESCAPED}=1 HTTP/1.1")),
            ("an algorithm", post("/recipe/jwt", json.dumps({"payload": {}, "algorithm": MARK, "validity": 1}).encode())),
        ]

    def _every_status(self) -> list[tuple[int, int, bytes]]:
        path = "/recipe/session"
        return [
            (200, self._port, head("GET /hello HTTP/1.1")), (200, self._port, head("GET /health/live HTTP/1.1")),
            (200, self._port, head("GET /.well-known/jwks.json HTTP/1.1")), (200, self._port, post(path)),
            (400, self._port, post(path, b"x")), (400, self._port, b"GET\r\n\r\n"), (401, self._keyed, post(path)),
            (403, self._port, post(path, BODY, "Origin: null")), (404, self._port, head("GET /nothing HTTP/1.1")),
            (405, self._port, head("DELETE /recipe/session HTTP/1.1")), (405, self._port, head(f"HEAD {path} HTTP/1.1")),
            (413, self._port, post(path, b"", length=1 << 30)), (414, self._port, head(f"GET /{'a' * 9000} HTTP/1.1")),
            (417, self._port, post(path, b"", "Expect: x", length=1)),
            (431, self._port, head("GET /hello HTTP/1.1", f"X: {'y' * 20_000}")),
            (501, self._port, head("BREW /hello HTTP/1.1")), (505, self._port, head("GET /hello HTTP/2.0")),
        ]


FOREIGN = ("rebind.example", "rebind.example:3567", "localhost.evil.example", "evil-localhost", "xlocalhost",
           "127.0.0.1.evil.example", "127.0.0.1evil", "128.0.0.1", "1127.0.0.1", "127.0.0", "127.0.0.256", "0.0.0.0",
           "10.0.0.1:3567", "192.168.1.5", "[::2]", "[fe80::1]", "[::ffff:10.0.0.1]", "localhost.evil", ".localhost.x",
           "xn--localhst-v3a", "supertokens:3567")
PAGES = (["Origin: https://evil.example"], ["Origin: null"], ["Origin: http://localhost:3000"], ["Origin: http://127.0.0.1"],
         ["Origin:"], ["Origin: chrome-extension://abc"], ["Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: same-site"],
         ["Sec-Fetch-Site: same-origin"], ["sec-fetch-site: Cross-Site"], ["Sec-Fetch-Site: unheard-of"],
         ["Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"], ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none"], ["Origin: null", "Sec-Fetch-Site: none"])


class Pages:
    """C2: without a key only this machine's own programs are served; with one the key decides."""

    def __init__(self, checks: Checks, server: Server, keyed: Server) -> None:
        """Prepares the checks."""
        self._checks, self._server, self._keyed = checks, server, keyed

    def run(self) -> None:
        """Runs the checks."""
        core = self._server.core()
        handle = core.create("browsed").json["session"]["handle"]
        body = json.dumps({"sessionHandles": [handle]}).encode()
        for host in FOREIGN:
            self._refused(f"Host: {host}", post(REMOVE, body).replace(b"localhost", host.encode(), 1), "api_keys")
        for fields in PAGES:
            plain = head(f"POST {REMOVE} HTTP/1.1", "Content-Type: text/plain", f"Content-Length: {len(body)}", *fields)
            self._refused(", ".join(fields), plain + body, "")
            self._refused(f"GET with {', '.join(fields)}", head("GET /hello HTTP/1.1", *fields), "")
        preflight = ask(self._server.port, head(
            f"OPTIONS {REMOVE} HTTP/1.1", "Origin: https://evil.example", "Access-Control-Request-Method: POST"))
        self._checks.check("finding C2: a preflight is refused and allows nothing", preflight is not None
                           and preflight.status == 403 and "access-control" not in str(preflight.fields), preflight)
        self._checks.equal("finding C2: after all that the session is there", core.handles("browsed"), [handle])
        self._allowed()
        self._keys_decide()
        self._drivers()

    def _refused(self, name: str, request: bytes, hint: str) -> None:
        answer = ask(self._server.port, request)
        self._checks.check(f"finding C2: {name}: 403 with a text", answer is not None and answer.status == 403
                           and answer.field("content-type").startswith("text/plain") and len(answer.body) > 10
                           and hint.encode() in answer.body, answer)

    def _allowed(self) -> None:
        for name, fields in (("nothing said", []), ("an address typed in", ["Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"]),
                             ("node's fetch", ["sec-fetch-mode: cors", "accept-language: *", "user-agent: node"]),
                             ("a Referer", ["Referer: http://localhost/"])):
            answer = ask(self._server.port, post("/recipe/session", BODY, *fields))
            self._checks.check(f"finding C2: {name}: served", answer is not None and answer.status == 200, answer)

    def _keys_decide(self) -> None:
        for fields in PAGES[:8]:
            for key, status in ((f"api-key: {KEY}", 200), ("api-key: wrong", 401)):
                request = post("/recipe/session", BODY, key, *fields).replace(b"localhost", b"rebind.example:80", 1)
                answer = ask(self._keyed.port, request)
                self._checks.check(f"finding C2: with keys set, {key.split()[1] == KEY and 'the' or 'a wrong'} key and "
                                   f"{fields[0]}: {status}", answer is not None and answer.status == status, answer)

    def _drivers(self) -> None:
        """What programs send that call from servers, recorded, and whether it is served."""
        programs = [("node", [shutil.which("node"), "--input-type=module", "-e", NODE])]
        for folder in sorted((ROOT / ".venv-drivers").glob("*/bin/python")):
            if subprocess.run([folder, "-c", "import httpx"], capture_output=True, check=False).returncode == 0:
                programs.append((f"httpx of supertokens-python {folder.parts[-3]}", [str(folder), "-c", PYTHON]))
        for name, command in programs:
            if command[0] is None:
                print(f"skip  {name} is not installed", file=sys.stderr)
                continue
            served = subprocess.run([*command, f"http://{HOST}:{self._server.port}"], capture_output=True, text=True,
                                    timeout=60, check=False)
            self._checks.equal(f"finding C2: {name} is served", (served.stdout.strip(), served.stderr[-300:]), ("200", ""))
            sent = recorded([*command])
            self._checks.check(f"finding C2: {name} sends no Origin and no Sec-Fetch-Site", len(sent) > 2
                               and not {"origin", "sec-fetch-site"} & set(sent), sent)


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
        subprocess.run([*command, f"http://{HOST}:{server.server_address[1]}"], capture_output=True, timeout=60, check=False)
    return names


def closing(checks: Checks) -> None:
    """What every connection of the script saw."""
    lacking = sorted(set(Peer.unguarded))
    checks.check(f"finding C1: each of {Peer.answers} replies is guarded against browsers", not lacking,
                 f"{len(Peer.unguarded)}: {lacking[:10]}")
