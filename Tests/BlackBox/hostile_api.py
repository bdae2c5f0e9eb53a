"""Hostile requests that are HTTP: wrong JSON, wrong fields, wrong versions, wrong tokens."""

from __future__ import annotations

import base64
import json
import random
from dataclasses import dataclass, field
from typing import Any

from harness import CDI, Checks, Core, Json, Reply, Server

JSON_TYPE = "application/json;charset=UTF-8"
TEXT_TYPE = "text/html;charset=UTF-8"
DEEP = 20_000
WRONG: dict[str, list[Any]] = {
    "string": [None, 5, True, [], {}],
    "object": [None, 5, True, "x", []],
    "bool": [None, 1, 0, "true", [], {}],
    "array": [None, 5, True, "x", {}],
}


@dataclass(frozen=True)
class Endpoint:
    """An endpoint with a body that it accepts and the types of its fields."""

    method: str
    path: str
    body: Json
    types: dict[str, str]
    optional: dict[str, str] = field(default_factory=dict)
    cdi: str | None = CDI

    @property
    def name(self) -> str:
        """How reports call the endpoint."""
        return f"{self.method} {self.path} at {self.cdi or 'no version'}"


CREATION: Json = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}}
CREATION_TYPES = {"userId": "string", "userDataInJWT": "object", "userDataInDatabase": "object"}
FLAGS = {"doAntiCsrfCheck": "bool", "enableAntiCsrf": "bool", "checkDatabase": "bool"}
NO_HANDLE = "00000000-0000-4000-8000-000000000000"
DATA_TYPES = {"sessionHandle": "string", "userDataInDatabase": "object"}
PAYLOAD_TYPES = {"sessionHandle": "string", "userDataInJWT": "object"}

ENDPOINTS = [
    Endpoint("POST", "/recipe/session", {**CREATION, "enableAntiCsrf": False},
             {**CREATION_TYPES, "enableAntiCsrf": "bool"}, {"useDynamicSigningKey": "bool"}),
    Endpoint("POST", "/recipe/session/verify", {"accessToken": "x", **dict.fromkeys(FLAGS, False)},
             {"accessToken": "string", **FLAGS}, {"antiCsrfToken": "string"}),
    Endpoint("POST", "/recipe/session/refresh",
             {"refreshToken": "x", "enableAntiCsrf": False, "useDynamicSigningKey": True},
             {"refreshToken": "string", "enableAntiCsrf": "bool", "useDynamicSigningKey": "bool"},
             {"antiCsrfToken": "string"}),
    Endpoint("POST", "/recipe/session/regenerate", {"accessToken": "x"}, {"accessToken": "string"},
             {"userDataInJWT": "object"}),
    Endpoint("POST", "/recipe/session/remove", {"userId": "nobody"}, {},
             {"userId": "string", "revokeAcrossAllTenants": "bool", "revokeSessionsForLinkedAccounts": "bool"}),
    Endpoint("POST", "/recipe/session/remove", {"sessionHandles": []}, {}, {"sessionHandles": "array"}),
    Endpoint("PUT", "/recipe/session/data", {"sessionHandle": NO_HANDLE, "userDataInDatabase": {}}, DATA_TYPES),
    Endpoint("PUT", "/recipe/jwt/data", {"sessionHandle": NO_HANDLE, "userDataInJWT": {}}, PAYLOAD_TYPES),
    Endpoint("POST", "/session", CREATION, CREATION_TYPES, cdi=None),
    Endpoint("POST", "/session", CREATION, CREATION_TYPES, cdi="2.3"),
    Endpoint("POST", "/session/verify", {"accessToken": "x", "doAntiCsrfCheck": False},
             {"accessToken": "string", "doAntiCsrfCheck": "bool"}, {"antiCsrfToken": "string"}, "2.3"),
    Endpoint("POST", "/session/refresh", {"refreshToken": "x"}, {"refreshToken": "string"}, {"antiCsrfToken": "string"},
             "2.3"),
    Endpoint("POST", "/session/regenerate", {"accessToken": "x"}, {"accessToken": "string"},
             {"userDataInJWT": "object"}, "2.3"),
    Endpoint("POST", "/session/remove", {"sessionHandles": []}, {}, {"sessionHandles": "array"}, "2.3"),
    Endpoint("POST", "/session/remove", {"userId": "nobody"}, {}, {"userId": "string"}, "2.3"),
    Endpoint("DELETE", "/session", {"sessionHandle": NO_HANDLE}, {}, {"sessionHandle": "string"}, None),
    Endpoint("DELETE", "/session", {"sessionHandles": []}, {}, {"sessionHandles": "array"}, None),
    Endpoint("PUT", "/session/data", {"sessionHandle": NO_HANDLE, "userDataInDatabase": {}}, DATA_TYPES, cdi="2.3"),
    Endpoint("PUT", "/jwt/data", {"sessionHandle": NO_HANDLE, "userDataInJWT": {}}, PAYLOAD_TYPES, cdi="2.3"),
]

QUERIES = [
    ("/recipe/session", "sessionHandle", CDI), ("/recipe/session/user", "userId", CDI),
    ("/recipe/session/data", "sessionHandle", CDI), ("/recipe/jwt/data", "sessionHandle", CDI),
    ("/config", "pid", None), ("/session/user", "userId", "2.3"), ("/session/data", "sessionHandle", None),
    ("/jwt/data", "sessionHandle", "2.3"),
]

REMOVE_TEXT = "400 Invalid JSON input - use one of userId or sessionHandles array"
REMOVALS = [
    ("/recipe/session/remove", "POST", CDI, {}, REMOVE_TEXT),
    ("/recipe/session/remove", "POST", CDI, {"userId": "u", "sessionHandles": []}, REMOVE_TEXT),
    ("/recipe/session/remove", "POST", CDI, {"sessionHandles": [], "revokeAcrossAllTenants": True},
     "400 Invalid JSON input - revokeAcrossAllTenants can only be set if userId is set"),
    ("/recipe/session/remove", "POST", CDI, {"sessionHandles": [], "revokeSessionsForLinkedAccounts": True},
     "400 Invalid JSON input - revokeSessionsForLinkedAccounts can only be set if userId is set"),
    ("/session/remove", "POST", "2.0", {}, REMOVE_TEXT),
    ("/session", "DELETE", None, {},
     "400 Invalid JSON input - use one of userId, sessionHandle, or sessionHandles array"),
    ("/session", "DELETE", "2.0", {"userId": "u"},
     "400 /session DELETE is only available in CDI 1.0. Please call /session/remove POST instead"),
    ("/session/remove", "POST", None, {"userId": "u"},
     "400 /session/remove POST is only available in >= CDI 2.0. Please call /session DELETE instead"),
]


class Fields:
    """Every field of every endpoint, missing and of every wrong type."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._server = server

    def run(self) -> None:
        """Runs the checks."""
        for endpoint in ENDPOINTS:
            self._endpoint(endpoint, self._server.core(endpoint.cdi))
        for path, parameter, cdi in QUERIES:
            self._checks.equal(f"GET {path} without {parameter}", self._server.core(cdi).get(path).outcome,
                               f"400 Field name '{parameter}' is missing in GET request")
        for path, method, cdi, body, expected in REMOVALS:
            reply = send(self._server.core(cdi), method, path, body)
            self._checks.equal(f"{method} {path} at {cdi} with {body}", reply.outcome, expected)
        self._elements()

    def _endpoint(self, endpoint: Endpoint, core: Core) -> None:
        reply = send(core, endpoint.method, endpoint.path, endpoint.body)
        self._checks.equal(f"{endpoint.name} accepts a good body", reply.status, 200)
        for name in endpoint.types:
            body = {key: value for key, value in endpoint.body.items() if key != name}
            self._refused(endpoint, core, name, body, "missing")
        for name, kind in {**endpoint.types, **endpoint.optional}.items():
            for value in WRONG[kind]:
                self._refused(endpoint, core, name, {**endpoint.body, name: value}, f"of value {json.dumps(value)}")

    def _refused(self, endpoint: Endpoint, core: Core, name: str, body: Json, how: str) -> None:
        reply = send(core, endpoint.method, endpoint.path, body)
        found = (reply.status, reply.text, reply.headers.get("content-type"))
        self._checks.equal(f"{endpoint.name}: {name} {how}", found,
                           (400, f"Field name '{name}' is invalid in JSON input\n", TEXT_TYPE))

    def _elements(self) -> None:
        core = self._server.core()
        elements: list[Any] = [None, 5, True, [], {}]
        for element in elements:
            reply = core.post("/recipe/session/remove", {"sessionHandles": ["x", element]})
            self._checks.equal(f"a session handle of value {json.dumps(element)}", reply.status, 400)


def send(core: Core, method: str, path: str, body: Any) -> Reply:
    """Sends a JSON value with any method."""
    return core.send(method, path, json.dumps(body).encode())


NOT_OBJECTS: list[tuple[str, bytes]] = [
    ("no body", b""), ("blanks", b" \r\n\t "), ("an array", b"[]"), ("a filled array", b'[{"userId":"u"}]'),
    ("a string", b'"userId"'), ("a number", b"5"), ("null", b"null"), ("true", b"true"),
    ("an open object", b'{"userId":"u"'), ("an open string", b'{"userId":"u'), ("two objects", b"{}{}"),
    ("rubbish after the object", b'{"userId":"u"} x'),
    ("a lone brace", b"{"), ("a comma too many", b'{"userId":"u",}'), ("no UTF-8", b'{"userId":"\xff\xfe"}'),
    ("an overlong NUL", b'{"userId":"\xc0\x80"}'), ("a half character", b'{"userId":"\xf0\x9f\x90"}'),
    ("a surrogate in UTF-8", b'{"userId":"\xed\xa0\x80"}'), ("a bare control character", b'{"userId":"a\x01b"}'),
    ("a bad escape", b'{"userId":"\\x41"}'), ("UTF-16", '{"userId":"u"}'.encode("utf-16")), ("only NULs", bytes(100)),
    (f"{DEEP} open arrays", b"[" * DEEP), (f"{DEEP} open objects", b'{"a":' * DEEP),
    (f"{DEEP} nested arrays", b"[" * DEEP + b"]" * DEEP),
]


def with_data(text: str) -> bytes:
    """A creation whose database data is this JSON text."""
    return ('{"userId":"u","userDataInJWT":{},"enableAntiCsrf":false,"userDataInDatabase":' + text + "}").encode(
        "utf-8", "surrogatepass")


def with_payload(text: str) -> bytes:
    """A creation whose payload is this JSON text."""
    return ('{"userId":"u","userDataInDatabase":{},"enableAntiCsrf":false,"userDataInJWT":' + text + "}").encode()


DEEP_VALUES = ["{\"a\":" * DEEP + "1" + "}" * DEEP, '{"a":' + "[" * DEEP + "]" * DEEP + "}"]
ODD_VALUES = [
    '{"a":1e999999}', '{"a":-1e999999}', '{"a":1e-999999}', '{"a":' + "9" * 5000 + "}", '{"a":9223372036854775808}',
    '{"a":-9223372036854775809}', '{"a":1e300}', '{"a":-0}', '{"a":0.1e1}', '{"a":"\\ud800"}', '{"a":"\\udc00\\ud800"}',
    '{"a":"\\u0000"}', '{"a":1,"a":2}', '{"":{"":{"":null}}}', '{"__proto__":{"x":1}}',
    '{"a":"' + "\\u0041" * 20_000 + '"}', '{' + ",".join(f'"k{n}":{n}' for n in range(20_000)) + '}',
    '{"large":"' + "x" * 700_000 + '"}',
]


class Texts:
    """Bodies that are no JSON object, and JSON at its edges."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._server = server
        self._core = server.core()

    def run(self) -> None:
        """Runs the checks."""
        for name, body in NOT_OBJECTS:
            reply = self._core.send("POST", "/recipe/session", body)
            self._checks.equal(f"{name} as body", (reply.status, reply.text), (400, "Invalid Json Input\n"))
        for text in DEEP_VALUES:
            for kind, make in (("data", with_data), ("payload", with_payload)):
                reply = self._core.send("POST", "/recipe/session", make(text))
                self._checks.equal(f"{kind} {DEEP} levels deep ({text[:6]}...)", reply.status, 400)
        for text in ODD_VALUES:
            for kind, make in (("data", with_data), ("payload", with_payload)):
                self._odd(kind, text, make(text))
        self._content_types()

    def _odd(self, kind: str, text: str, body: bytes) -> None:
        reply = self._core.send("POST", "/recipe/session", body)
        detail = reply.outcome
        good = reply.status in (200, 400)
        if reply.ok:
            read = self._core.information(reply.json["session"]["handle"])
            verified = self._core.verify(reply.json["accessToken"]["token"], True)
            good, detail = read.ok and verified.ok, f"read {read.outcome}, verified {verified.text}"
        self._checks.check(f"{kind} {text[:40]}: refused, or kept and usable", good, detail)

    def _content_types(self) -> None:
        data = {"name": "žluťoučký 🐎", "z": None}
        body = with_data(json.dumps(data, ensure_ascii=False))
        for kind in (None, "text/plain", "application/json; charset=iso-8859-1", "application/json; charset=utf-16",
                     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "x", ""):
            reply = self._core.send("POST", "/recipe/session", body, {} if kind is None else {"content-type": kind})
            read = self._core.information(reply.json.get("session", {}).get("handle", ""))
            self._checks.equal(f"content type {kind!r} is ignored", read.json.get("userDataInDatabase"), data)
            self._checks.equal(f"the answer to {kind!r} says what it is", reply.headers.get("content-type"), JSON_TYPE)


class Versions:
    """Values of cdi-version that nobody should send."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._server = server

    def run(self) -> None:
        """Runs the checks."""
        for value in ("9.9", "abc", "", "5.4", "2.99", "2.3.0", "1", "-1.0", "1.0 2.0"):
            self._plain(value)
        for value in ("abc", "", "v5.4", "5..4", "five.four"):
            self._recipe(value, "400 cdi-version header is invalid")
        for value in ("9.9", "5.99", "1.0", "2.3", "100.0"):
            self._recipe(value, f"400 cdi-version {value} not supported")
        for value in ("5.", ".4", "5,4", "5.4.0.0.0", "5.4-beta", "-5.4", "5.4;5.3", "9" * 3000, "5.4\u00e9"):
            reply = self._server.core(value).get("/recipe/session/user", userId="u")
            self._checks.equal(f"/recipe with cdi-version {value[:20]!r}", reply.status, 400)
        self._checks.equal("/recipe without a version takes the newest",
                           self._server.core(None).get("/recipe/session/user", userId="u").outcome, "OK")
        for path in ("/hello", "/apiversion", "/.well-known/jwks.json"):
            self._checks.equal(f"{path} needs no version", self._server.core("abc").get(path).status, 200)

    def _plain(self, value: str) -> None:
        reply = self._server.core(value).post("/session", CREATION)
        self._checks.equal(f"/session with cdi-version {value!r}", reply.outcome,
                           f"400 cdi-version {value} not supported")

    def _recipe(self, value: str, expected: str) -> None:
        reply = self._server.core(value).get("/recipe/session/user", userId="u")
        self._checks.equal(f"/recipe with cdi-version {value!r}", reply.outcome, expected)


def encoded(text: str) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


HEADERS = [
    '{"alg":"RS256","typ":"JWT","version":"5","kid":"d-1","x":1e300}',
    '{"alg":"RS256","typ":"JWT","version":"5","kid":"d-1","x":9223372036854775808}',
    '{"alg":"none","typ":"JWT","version":"5","kid":"d-1"}', '{"alg":"RS256","typ":"JWT","version":"9","kid":"d-1"}',
    '{"alg":"HS256","typ":"JWT","version":"5","kid":"d-1"}', '{"alg":["RS256"],"typ":"JWT","version":"5","kid":"d-1"}',
    '{"alg":"RS256","typ":"JWT","version":5,"kid":"d-1"}', '{"alg":"RS256","typ":"JWT","version":"5","kid":null}',
    '{"alg":"RS256","typ":"JWT","version":"5"}', "{}", "[]", "null", "", '{"a":' * 5000, "\u0000", '"' * 3,
    '{"alg":"RS256","typ":"JWT","version":"5","kid":"d-1","crit":["x"]}',
]
CLAIMS = ["{}", '{"exp":1e300,"iat":-1e300}', '{"exp":9223372036854775808,"iat":0}', '{"exp":"never"}', "", "[" * 5000]


class Tokens:
    """Tokens that nobody issued."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks."""
        self._checks = checks
        self._core = server.core()
        self._random = random.Random(5)

    def run(self) -> None:
        """Runs the checks."""
        self._invented()
        made = self._core.create("token-owner").json
        self._tampered(made["accessToken"]["token"])
        self._misplaced(made)
        self._renamed(made["refreshToken"]["token"])
        self._impersonated(made["accessToken"]["token"])
        for token in ("", ".", "..", "a.b.V2", "x.V2", "x.V9", ".." + "V2", "A" * 100_000 + ".x.V2", "\u0000.\u0000.V2",
                      "=.=.V2", "é.é.V2", "AAAA.x.V2", base64.b64encode(bytes(200)).decode() + ".x.V2"):
            self._checks.equal(f"refresh with {token[:20]!r}", self._core.refresh(token).outcome, "UNAUTHORISED")
        self._checks.check("the session survived all that", self._core.verify(made["accessToken"]["token"], True).ok)

    def _invented(self) -> None:
        texts = [f"{encoded(head)}.{encoded(CLAIMS[n % len(CLAIMS)])}.{encoded('x' * 256)}"
                 for n, head in enumerate(HEADERS)]
        texts += ["", ".", "..", "...", "a.b.c", "x.y.z", "a.b.c.d.e", "é.é.é", "\u0000", "A" * 200_000, "." * 100_000]
        for token in texts:
            self._checks.equal(f"verify of {token[:40]!r}", self._core.verify(token).outcome, "TRY_REFRESH_TOKEN")
            reply = self._core.post("/recipe/session/regenerate", {"accessToken": token})
            good = reply.status == 400 or reply.outcome == "UNAUTHORISED"
            self._checks.check(f"regenerate of {token[:40]!r}", good, reply.outcome)

    def _tampered(self, token: str) -> None:
        """Changes single characters, and only ones that carry bits."""
        for _ in range(60):
            at = self._random.randrange(len(token) - 1)
            other = self._random.choice([c for c in "abcdefXYZ0123_-." if c != token[at]])
            changed = token[:at] + other + token[at + 1:]
            self._checks.equal(f"a token changed at {at}", self._core.verify(changed).outcome, "TRY_REFRESH_TOKEN")

    def _renamed(self, token: str) -> None:
        """The same token under the name of another version, which no core ever gave out, is no token and no theft."""
        for name in ("V0", "V1", "v2", "V02", "V3", "V2 ", "V2.V2"):
            self._checks.equal(f"a refresh token that calls itself {name}",
                               self._core.refresh(token.removesuffix("V2") + name).outcome, "UNAUTHORISED")

    def _impersonated(self, access: str) -> None:
        """A token that the application may have signed, with the claims and the key of an access token, is none."""
        claims = json.loads(base64.urlsafe_b64decode(access.split(".")[1] + "=="))
        for static in (False, True):
            for payload in (claims, {**claims, "sub": "somebody else"}):
                made = self._core.post("/recipe/jwt", {
                    "payload": payload, "validity": 3_600, "algorithm": "RS256", "jwksDomain": "http://localhost",
                    "useStaticSigningKey": static})
                self._checks.equal("a token of the application's own is signed", made.outcome, "OK")
                token = str(made.json.get("jwt"))
                for database in (False, True):
                    self._checks.equal("it is no access token", self._core.verify(token, database).outcome,
                                       "TRY_REFRESH_TOKEN")
                reply = self._core.post("/recipe/session/regenerate", {"accessToken": token})
                self._checks.equal("nor is it made one", reply.outcome, "UNAUTHORISED")

    def _misplaced(self, made: Json) -> None:
        access, refresh = made["accessToken"]["token"], made["refreshToken"]["token"]
        self._checks.equal("a refresh token as access token", self._core.verify(refresh).outcome, "TRY_REFRESH_TOKEN")
        self._checks.equal("an access token as refresh token", self._core.refresh(access).outcome, "UNAUTHORISED")
