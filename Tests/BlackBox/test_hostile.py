"""Requests that are HTTP and hostile: none of it may end the process, make it answer 5xx, or harm others.

Bodies that are no JSON, forged tokens and slow clients are the Swift tests' (ParserTests, LiveForgeryTests,
ConnectionTests); bytes that are no HTTP are test_door_bytes.py's.
"""

from __future__ import annotations

import base64
import json
import socket
import subprocess
from typing import Any, Iterator

import pytest
from door_wire import ask, head
from harness import CDI, HOST, Core, Json, Reply, Server, binary, reply_watchers

JSON_TYPE = "application/json;charset=UTF-8"
TEXT_TYPE = "text/html;charset=UTF-8"
UNKNOWN = (501, 505)
"""What is not an error of the server: a method, a coding or a version that it does not know (RFC 9110 15.6)."""
RIGHT: Json = {"string": "x", "object": {}, "boolean": False, "array": [], "integer": 5}
WRONG: dict[str, list[Any]] = {
    "string": [None, 5, True, [], {}], "object": [None, 5, True, "x", []], "boolean": [None, 1, 0, "true", [], {}],
    "array": [None, 5, True, "x", {}, [5], ["x", None]], "integer": [None, "5", True, [], {}]}


@pytest.fixture(scope="module")
def errors() -> Iterator[list[str]]:
    """What no client may be able to cause: answers that are errors of the server."""
    found: list[str] = []

    def watch(reply: Reply) -> None:
        if reply.status >= 500 and reply.status not in UNKNOWN:
            found.append(reply.outcome)

    reply_watchers.append(watch)
    yield found
    reply_watchers.remove(watch)


@pytest.fixture(scope="module")
def process(server: Server) -> Iterator[int]:
    """The process that lives through everything."""
    yield server.pid
    client = server.core()
    client.create("idle")
    assert server.stop() == 0, "SIGTERM after all that"
    client.close()


@pytest.fixture(autouse=True)
def standing(process: int, server: Server, errors: list[str]) -> Iterator[None]:
    """After each test the same process answers, and nothing was a 5xx."""
    yield
    assert server.alive and server.pid == process, server.output[-2000:]
    assert server.core().create("after").ok and not errors


def bodies(version: str) -> Iterator[tuple[str, str, list[str], Json, Json]]:
    """Each request about sessions that has a body: what must be there, all fields with their types, and a good body."""
    printed = subprocess.run([str(binary()), "openapi", "--cdi", version], capture_output=True, check=True).stdout
    for path, operations in json.loads(printed)["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation or not path.endswith("/data") and "/session" not in path:
                continue
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            ways = [set(way["required"]) for way in schema.get("oneOf", [{"required": []}])]
            for way in ways:
                present, other = {*schema["required"], *way}, set.union(*ways) - way
                types = {name: kind["type"] for name, kind in schema["properties"].items() if name not in other
                         and present >= set(schema.get("dependentRequired", {}).get(name, []))}
                yield method.upper(), path, schema["required"], types, {name: RIGHT[types[name]] for name in present}


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.3", "2.9", "2.21", "4.0", "5.4", "5.6"])
def test_a_field_of_another_type_is_named(server: Server, version: str) -> None:
    core = server.core(version)

    def answer(method: str, path: str, body: Json) -> tuple[int, str, str | None]:
        reply = core.send(method, path, json.dumps(body).encode())
        return reply.status, reply.text, reply.headers.get("content-type")

    for method, path, required, types, good in bodies(version):
        if "actor" in good:
            good["actor"] = {"sub": "support"}
        if "except" in good:
            # What stays has to be a session of the user.
            good["except"] = server.core().create(good["userId"]).json["session"]["handle"]
        assert answer(method, path, good)[0] == 200, f"{method} {path} with {good}"
        broken = [(name, {**good, name: value}) for name, kind in types.items() for value in WRONG[kind]]
        broken += [(name, {other: value for other, value in good.items() if other != name}) for name in required]
        for name, body in broken:
            status, text, kind = answer(method, path, body)
            # This core's own interface says what a number has to be.
            is_own = path.startswith("/tessera/") and text.startswith(f"'{name}' must be ")
            assert (status, kind) == (400, TEXT_TYPE) and (
                is_own or text == f"Field name '{name}' is invalid in JSON input\n"), f"{method} {path} with {body}: {text}"


@pytest.mark.parametrize(("path", "name", "cdi"), [
    ("/session/user", "userId", "2.3"), ("/session/data", "sessionHandle", None),
    ("/jwt/data", "sessionHandle", "2.3")])
def test_an_old_driver_is_told_what_is_missing(server: Server, path: str, name: str, cdi: str | None) -> None:
    assert server.core(cdi).get(path).outcome == f"400 Field name '{name}' is missing in GET request"


def test_an_old_driver_has_to_say_what_to_remove(server: Server) -> None:
    one = "400 Invalid JSON input - use one of "
    assert server.core("2.0").post("/session/remove", {}).outcome == f"{one}userId or sessionHandles array"
    assert server.core(None).send("DELETE", "/session", b"{}").outcome == (
        f"{one}userId, sessionHandle, or sessionHandles array")


def creation(name: str, text: str) -> bytes:
    """A creation in which one member is this JSON text."""
    other = {"userDataInJWT": "userDataInDatabase", "userDataInDatabase": "userDataInJWT"}[name]
    return f'{{"userId":"u","{other}":{{}},"enableAntiCsrf":false,"{name}":{text}}}'.encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", ["userDataInDatabase", "userDataInJWT"])
@pytest.mark.parametrize("text", [
    '{"a":1e999999}', '{"a":-1e999999}', '{"a":1e-999999}', '{"a":' + "9" * 5000 + "}", '{"a":9223372036854775808}',
    '{"a":-9223372036854775809}', '{"a":1e300}', '{"a":-0}', '{"a":0.1e1}', '{"a":"\\ud800"}', '{"a":"\\udc00\\ud800"}',
    '{"a":"\\u0000"}', '{"a":1,"a":2}', '{"":{"":{"":null}}}', '{"__proto__":{"x":1}}',
    '{"a":"' + "\\u0041" * 20_000 + '"}', '{' + ",".join(f'"k{n}":{n}' for n in range(20_000)) + '}',
    '{"large":"' + "x" * 700_000 + '"}'], ids=lambda text: text[:40])
def test_odd_values_are_refused_or_kept_and_usable(core: Core, name: str, text: str) -> None:
    reply = core.send("POST", "/recipe/session", creation(name, text))
    assert reply.status in (200, 400)
    if reply.ok:
        assert core.information(reply.json["session"]["handle"]).ok
        assert core.verify(reply.json["accessToken"]["token"], True).ok


@pytest.mark.parametrize("kind", [
    None, "text/plain", "application/json; charset=iso-8859-1", "application/json; charset=utf-16",
    "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""])
def test_a_content_type_is_ignored(core: Core, kind: str | None) -> None:
    data = {"name": "žluťoučký 🐎", "z": None}
    body = creation("userDataInDatabase", json.dumps(data, ensure_ascii=False))
    reply = core.send("POST", "/recipe/session", body, {} if kind is None else {"content-type": kind})
    assert core.information(reply.json["session"]["handle"]).json.get("userDataInDatabase") == data
    assert reply.headers.get("content-type") == JSON_TYPE


UNSUPPORTED = "400 cdi-version {} not supported"


@pytest.mark.parametrize(("value", "outcome"), [
    *((value, "400 cdi-version header is invalid") for value in ("abc", "", "v5.4", "5..4", "five.four")),
    *((value, UNSUPPORTED.format(value)) for value in ("9.9", "5.99", "1.0", "2.3", "100.0")),
    *((value, "400") for value in ("5.", ".4", "5,4", "5.4.0.0.0", "5.4-beta", "-5.4", "5.4;5.3", "9" * 3000, "5.4é")),
    (None, "OK")], ids=lambda text: str(text)[:30])
def test_a_version_that_nobody_should_send(server: Server, value: str | None, outcome: str) -> None:
    found = server.core(value).get("/recipe/session/user", userId="u").outcome
    assert found == outcome or (outcome == "400" and found.startswith("400 "))


@pytest.mark.parametrize("value", ["9.9", "abc", "", "5.4", "2.99", "2.3.0", "1", "-1.0", "1.0 2.0"])
def test_an_old_path_has_old_versions_only(server: Server, value: str) -> None:
    assert server.core(value).post("/session", {}).outcome == UNSUPPORTED.format(value)


@pytest.mark.parametrize("static", [False, True])
def test_a_token_of_the_applications_own_is_no_access_token(core: Core, static: bool) -> None:
    """The application may have signed it, with the claims and the key of an access token."""
    made = core.create("token-owner").json
    access, refresh = made["accessToken"]["token"], made["refreshToken"]["token"]
    claims = json.loads(base64.urlsafe_b64decode(access.split(".")[1] + "=="))
    for payload in (claims, {**claims, "sub": "somebody else"}):
        signed = core.post("/recipe/jwt", {"payload": payload, "validity": 3_600, "algorithm": "RS256",
                                           "jwksDomain": "http://localhost", "useStaticSigningKey": static})
        assert signed.ok
        token = str(signed.json.get("jwt"))
        assert [core.verify(token, database).outcome for database in (False, True)] == ["TRY_REFRESH_TOKEN"] * 2
        assert core.post("/recipe/session/regenerate", {"accessToken": token}).outcome == "UNAUTHORISED"
    for name in ("V0", "V1", "v2", "V02", "V3", "V2 ", "V2.V2"):
        assert core.refresh(refresh.removesuffix("V2") + name).outcome == "UNAUTHORISED", f"no theft by the name {name}"
    assert core.verify(access, True).ok


@pytest.mark.parametrize("path", [
    "/recipe%2fsession", "//recipe//session", "/recipe/session/../session", "/%00", "/%", "/%zz", "/recipe/session;x=1",
    "/é", "/recipe/session?sessionHandle=%zz", "/recipe/session?sessionHandle=%ff", "/recipe/session?sessionHandle",
    "/recipe/session?" + "&".join(f"a{n}=b" for n in range(500)), "/recipe/session?sessionHandle=%00",
    "/recipe/session?sessionHandle=a_b_c", "/appid-x/recipe/session", "/appid-/hello",
    "/recipe/session/user?userId=" + "%F0%9F%90%8E" * 200], ids=lambda path: path[:60])
def test_an_odd_path_is_no_error_of_the_server(server: Server, path: str) -> None:
    answer = ask(server.port, head(f"GET {path} HTTP/1.1"))
    assert answer is None or answer.status < 500


@pytest.mark.parametrize("line", [
    "PUT /recipe/session", "DELETE /recipe/session/verify", "PATCH /recipe/session", "OPTIONS /recipe/session/refresh",
    "TRACE /recipe/session", "GET /recipe/session/remove", "POST /apiversion", "POST /recipe/session/user",
    "HEAD /recipe/session/verify"])
def test_a_method_that_is_not_served(core: Core, line: str) -> None:
    reply = core.send(*line.split())
    assert (reply.status, reply.text) == (405, "" if line.startswith("HEAD") else "Method not supported\n")


def test_half_a_body_makes_no_session(server: Server, core: Core) -> None:
    with socket.create_connection((HOST, server.port)) as connection:
        connection.sendall(head("POST /recipe/session HTTP/1.1", f"cdi-version: {CDI}", "Content-Length: 200")
                           + creation("userDataInJWT", "{}")[:60].replace(b'"u"', b'"half"'))
    assert core.handles("half") == []
