"""`tessera verify` beside real proxies (docs/verify.md): who passes, who does not, and what happens when something is away."""

from __future__ import annotations

import os
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Iterator
from urllib.parse import quote

import pytest
from harness import HOST, Child, Core, Reply, Server, free_port, until
from machine import Machine
from test_keys import header, keys
from verify_place import (KEY, Application, Proxy, Sidecar, ask, bearer, certificate, member, sent, tokens)

CONFIG = f"access_token_signing_algorithm: ES256\napi_keys: the-key-of-the-application\nverify_api_keys: {KEY}\n"
OWN = {"api-key": "the-key-of-the-application"}
ORIGIN = "https://app.example.com"
SPOOFED = [("Tessera-User-Id", "root"), ("X-User-Id", "root"), ("Tessera-Tenant", "root"), ("tessera-session", "root")]
SLOW = 20.0
"""What a machine that is ten times slower may take for what takes a second."""


class Place:
    """A core, its sidecar, an application and a proxy."""

    def __init__(self, kind: str, stack: ExitStack) -> None:
        self.server = stack.enter_context(Server(config=CONFIG))
        self.core = self.server.core(headers=OWN)
        self.sidecar = stack.enter_context(Sidecar(self.server.port, "--origins", ORIGIN))
        self.application = stack.enter_context(Application())
        self.proxy = stack.enter_context(Proxy(kind, self.sidecar.port, self.application.port))

    def session(self, user: str = "alice", **payload: str) -> tuple[str, str, str]:
        return tokens(self.core.create(user, dict(payload)))


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place(request.param, stack)


@pytest.fixture(scope="module")
def nginx() -> Iterator[Place]:
    with ExitStack() as stack:
        yield Place("nginx", stack)


def cookie(token: str, name: str = "sAccessToken") -> tuple[str, str]:
    return ("Cookie", f"{name}={quote(token, safe='')}")


def test_who_is_signed_in_passes_with_a_name(place: Place) -> None:
    for user in ("alice", "a b\r\nX-User-Id: root", "é,;=\"%41"):
        access, _, handle = place.session(user)
        for fields in ([("Authorization", f"Bearer {access}")], [cookie(access)], [cookie(access, "__Host-sAccessToken")]):
            reply = place.proxy.ask("/page?q=1", fields=fields + SPOOFED)
            assert reply.status == 200, reply.text
            assert sent(reply, "x-user-id") == [quote(user, safe="-_.!~*'()")]
            assert sent(reply, "tessera-session") == [handle] and sent(reply, "tessera-tenant") == ["public"]
            assert "root" not in [value for name in ("x-user-id", "tessera-user-id") for value in sent(reply, name)]


def test_who_is_not_gets_401_and_the_application_nothing(place: Place) -> None:
    access, _, _ = place.session()
    other, _, _ = place.session("bob")
    refused: list[list[tuple[str, str]]] = [
        [], [("Authorization", "Bearer nonsense")], [("Authorization", f"Bearer {access[:-6]}AAAAAA")],
        [("Authorization", "Basic YTpi")], [("Cookie", f"sAccessToken={access}; sAccessToken={other}")], SPOOFED,
    ]
    for fields in refused:
        reply = place.proxy.ask(fields=fields)
        assert reply.status == 401 and reply.headers["www-authenticate"].startswith("Bearer"), (fields, reply.text)
    assert place.proxy.ask(fields=[("Cookie", f"sAccessToken={other}; __Host-sAccessToken={access}")]).status == 200


def test_b01_writes_with_cookies(place: Place) -> None:
    access, _, _ = place.session()
    cases: list[tuple[list[tuple[str, str]], int]] = [
        ([], 200), ([("Sec-Fetch-Site", "same-origin")], 200), ([("Sec-Fetch-Site", "cross-site")], 403),
        ([("Sec-Fetch-Site", "same-site")], 403), ([("Origin", "https://evil.example")], 403), ([("Origin", ORIGIN)], 200),
        ([("Sec-Fetch-Site", "cross-site"), ("Origin", ORIGIN)], 200), ([("Origin", "null")], 403),
        ([("Sec-Fetch-Site", "cross-site"), ("X-Original-Method", "GET"), ("X-Forwarded-Method", "GET")], 403),
    ]
    for fields, status in cases:
        assert place.proxy.ask("/", "POST", [cookie(access), *fields], b"a=1").status == status, fields
        assert place.proxy.ask("/", "GET", [cookie(access), *fields]).status == 200, fields
        assert place.proxy.ask("/", "POST", [("Authorization", f"Bearer {access}"), *fields], b"a=1").status == 200, fields
    access, _, _ = tokens(place.core.create("alice", csrf=True))
    assert place.proxy.ask("/", "POST", [cookie(access)]).status == 403
    assert place.proxy.ask("/", "POST", [cookie(access), ("anti-csrf", "wrong")]).status == 403
    assert place.proxy.ask("/", "GET", [cookie(access)]).status == 200


def test_an_anti_csrf_token_that_belongs_to_the_session(place: Place) -> None:
    created = place.core.create("alice", csrf=True)
    access, _, _ = tokens(created)
    right = [cookie(access), ("anti-csrf", str(member(created, "antiCsrfToken")))]
    assert place.proxy.ask("/", "POST", right).status == 200


def test_a_session_that_ended_is_refused_within_a_second(place: Place, quick: bool, say: Callable[[str], None]) -> None:
    delays: list[float] = []
    for _ in range(3 if quick else 20):
        access, _, handle = place.session()
        assert place.proxy.ask(fields=bearer(access)).status == 200
        assert place.core.revoke([handle]).ok
        begun = time.monotonic()
        assert until(lambda: place.proxy.ask(fields=bearer(access)).status == 401, SLOW, 0.005)
        delays.append(time.monotonic() - begun)
    say(f"from the return of a revocation to 401 at the proxy: longest of {len(delays)} {max(delays):.3f} s")
    assert max(delays) <= (SLOW if quick else 1.0)


def test_levels(nginx: Place) -> None:
    for level, status in (("aal1", 403), ("aal2", 200), ("aal3", 200), ("", 403)):
        access, _, _ = nginx.session(**({"acr": level} if level else {}))
        # What a client sends cannot choose the level.
        reply = nginx.proxy.ask("/account/?level=aal1", fields=[("Authorization", f"Bearer {access}"), ("level", "aal1")])
        assert reply.status == status
        own = nginx.sidecar.authorize(access, "/tessera/authorize?level=aal2")
        assert own.status == (204 if status == 200 else 403)
        if status == 403:
            assert 'error="insufficient_user_authentication", acr_values="aal2"' in own.headers["www-authenticate"]


def test_envoys_question_is_the_clients_own(nginx: Place) -> None:
    access, _, _ = nginx.session(acr="aal2")
    for path, status in (("any/a?level=aal3", 200), ("any", 200), ("aal2/a", 200), ("aal3/a", 403), ("aal3/any/a", 403)):
        assert nginx.sidecar.authorize(access, f"/tessera/ext-authz/{path}").status == status, path
    cross = [cookie(access), ("Sec-Fetch-Site", "cross-site"), ("X-Original-Method", "GET")]
    assert nginx.sidecar.ask("/tessera/ext-authz/any/a", "POST", cross).status == 403
    assert nginx.sidecar.ask("/tessera/ext-authz/any/a", "GET", cross).status == 200
    assert nginx.sidecar.ask("/tessera/ext-authz/", "GET", cross).status == 404


def test_what_is_expired_says_so(say: Callable[[str], None]) -> None:
    with Server(config=CONFIG + "access_token_validity: 2\n") as server, Sidecar(server.port) as sidecar:
        access, _, _ = tokens(server.core(headers=OWN).create("alice"))
        assert until(lambda: sidecar.authorize(access).status == 401)
        reply = sidecar.authorize(access)
        assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token", error_description="expired"'


def test_a_retired_key(nginx: Place) -> None:
    access, refresh, _ = nginx.session()
    kid = header(access)["kid"]
    assert nginx.proxy.ask(fields=bearer(access)).status == 200
    assert keys(nginx.server, "retire", kid, "--confirm", kid).returncode == 0
    assert until(lambda: nginx.proxy.ask(fields=bearer(access)).status == 401, SLOW)
    child = nginx.core.refresh(refresh)
    assert nginx.proxy.ask(fields=bearer(str(member(child, "accessToken", "token")))).status == 200
    assert nginx.proxy.ask(fields=bearer(nginx.session()[0])).status == 200


def test_introspection_is_the_cores(nginx: Place) -> None:
    """Member by member, for tokens of every kind; what is not active is the same bytes."""
    access, refresh, _ = nginx.session(acr="aal2", secret="x", act="y")
    gone, gone_refresh, handle = nginx.session("bob")
    nginx.core.revoke([handle])
    assert until(lambda: nginx.sidecar.authorize(gone).status == 401, SLOW)
    jwt = nginx.core.post("/recipe/jwt", {"payload": {"sub": "alice"}, "algorithm": "RS256", "jwksDomain": "https://a",
                                          "useStaticSigningKey": False, "validity": 1000}).json["jwt"]
    linked = tokens(nginx.core.create("é \"x\"", {"cnf": {"jkt": "k"}, "iss": "https://i", "amr": ["pwd"]}))[0]
    active = 0
    for token in (access, refresh, gone, gone_refresh, jwt, linked, access[:-6] + "AAAAAA", "nonsense", "a.b.c", "x" * 80_000):
        for more in ("", "&token_type_hint=refresh_token&other=1"):
            body = f"token={quote(token, safe='')}{more}".encode()
            theirs = nginx.core.send("POST", "/tessera/oauth/introspect", body,
                                     {"Content-Type": "application/x-www-form-urlencoded"})
            ours = nginx.sidecar.introspect(body)
            assert (ours.status, ours.json, list(ours.json)) == (200, theirs.json, list(theirs.json)), token[:60]
            assert ours.body == theirs.body and ours.headers["cache-control"] == "no-store"
            active += ours.json["active"]
    assert active == 6
    assert nginx.sidecar.introspect(b"token=a", key="wrong").json == {"error": "invalid_client"}
    assert nginx.sidecar.introspect(b"token=a", key="wrong").status == 401
    for body in (b"", b"token=", b"token=a&token=b", b"x=1"):
        assert nginx.sidecar.introspect(body).status == 400, body
    assert nginx.sidecar.ask("/tessera/oauth/introspect", fields={"api-key": KEY}).status == 405


def test_pages_for_operators(nginx: Place) -> None:
    nginx.sidecar.ask()
    page = nginx.sidecar.ask("/metrics").text
    assert 'tessera_verify_verdicts_total{verdict="missing"}' in page and "tessera_sdk_feed_age_seconds" in page
    assert nginx.sidecar.ask("/health").text.strip() == "fresh"
    for path in ("/metrics", "/health"):
        assert nginx.sidecar.ask(path, fields={"Origin": "https://evil.example"}).status == 403
        assert nginx.sidecar.ask(path, "POST").status == 405
    for path in ("/", "/tessera/authorize/", "/tessera/authorizes", "/recipe/session", "/tessera/feed"):
        assert nginx.sidecar.ask(path).status == 404, path
    two = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    assert nginx.sidecar.ask(fields=two).status == 401
    reply = nginx.sidecar.ask("/tessera/authorize", "HEAD")
    assert reply.status == 401 and reply.body == b""


@pytest.mark.parametrize("policy", ["ask", "accept", "reject"])
def test_a_core_that_is_away(policy: str) -> None:
    """While the feed is fresh nothing changes, then the policy counts; no one is signed out."""
    seen: list[int] = []
    with Server(config=CONFIG) as server:
        access, _, _ = tokens(server.core(headers=OWN).create("alice"))
        arguments = ["--when-silent", policy, "--silence", "2", "--longest-staleness", "4"]
        with Sidecar(server.port, *arguments) as sidecar:
            assert sidecar.authorize(access).status == 204
            server.kill()

            def status() -> int:
                seen.append(sidecar.authorize(access).status)
                return seen[-1]

            assert status() == 204
            assert until(lambda: status() == 503, SLOW * 2), seen
            assert sidecar.ask("/health").status == 503
            assert sidecar.process.says("is silent") and set(seen) == {204, 503}
            assert sidecar.authorize(access).headers["retry-after"] == "1"
            restart(server)
            assert until(lambda: sidecar.ask("/health").status == 200, SLOW)
            assert sidecar.authorize(access).status == 204
            assert until(lambda: sidecar.process.output.count("is fresh") >= 2)
            # A machine that does nothing for two seconds is silence too, and has a pair of lines.
            assert sidecar.process.output.count("is fresh") == 1 + sidecar.process.output.count("is silent")


def restart(server: Server) -> None:
    """Starts a core again on the port that it had."""
    server.child = Child(server.arguments(), server.environment)
    server.wait_until_ready(server.child)


def test_before_the_first_answer_of_the_feed_nothing_passes() -> None:
    port = free_port()
    for policy in ("ask", "accept"):
        sidecar = Sidecar(port, "--when-silent", policy)
        try:
            sidecar.start(waits=False)
            for fields in ({}, bearer("nonsense")):
                assert sidecar.ask(fields=fields).status in (401, 503)
            assert sidecar.authorize("a.b.c").status == 503 and sidecar.ask("/health").status == 503
        finally:
            sidecar.process.kill()


def test_a_sidecar_that_is_away_lets_nothing_pass(place: Place) -> None:
    access, _, _ = place.session()
    sidecar = Sidecar(place.server.port)
    with sidecar, Proxy("nginx", sidecar.port, place.application.port) as proxy:
        assert proxy.ask(fields=bearer(access)).status == 200
        sidecar.process.kill()
        for _ in range(5):
            assert proxy.ask(fields=bearer(access)).status >= 500


def test_the_end_is_prompt_and_drains(say: Callable[[str], None], quick: bool) -> None:
    with Server(config=CONFIG) as server, Sidecar(server.port) as sidecar:
        access, _, _ = tokens(server.core(headers=OWN).create("alice"))
        with socket.create_connection((HOST, sidecar.port)) as idle, socket.create_connection((HOST, sidecar.port)) as busy:
            busy.sendall(request(access))
            assert busy.recv(4096).startswith(b"HTTP/1.1 204 No Content\r\n")
            assert idle
            begun = time.monotonic()
            assert sidecar.process.stop() == 0
            took = time.monotonic() - begun
    say(f"the end after SIGTERM took {took:.2f} s")
    assert took <= (SLOW if quick else 1.0) and "has stopped" in sidecar.process.output


def request(token: str) -> bytes:
    """A question as nginx asks it."""
    return (f"GET /tessera/authorize HTTP/1.1\r\nHost: tessera_verify\r\nAuthorization: Bearer {token}\r\n"
            "X-Original-Method: GET\r\nX-Original-URI: /page\r\n\r\n").encode()


def test_what_a_verdict_costs(nginx: Place, quick: bool, say: Callable[[str], None]) -> None:
    """The processor time of the sidecar for a question on a connection that stays open, all of HTTP included."""
    count = 5_000 if quick else 50_000
    access, _, _ = nginx.session()
    question = request(access)
    with socket.create_connection((HOST, nginx.sidecar.port)) as connection:
        for number in range(count + 500):
            if number == 500:
                ticks, begun = nginx.sidecar.ticks(), time.monotonic()
            connection.sendall(question)
            assert connection.recv(4096).startswith(b"HTTP/1.1 204")
    took = time.monotonic() - begun
    cost = (nginx.sidecar.ticks() - ticks) / os.sysconf("SC_CLK_TCK") / count * 1e6
    say(f"a verdict takes {cost:.1f} us of the processor; one after the other {count / took:.0f} a second, "
        f"{took / count * 1e6:.0f} us each")
    assert cost < (1_000 if quick else 100)


def test_a_core_by_https_and_an_app_of_its_own(tmp_path: Path) -> None:
    """The key is in a file; the core's certificate is checked."""
    signed, private = certificate(tmp_path)
    (tmp_path / "api-key").write_text(KEY + "\n")
    with Server(config=CONFIG) as server, Application() as application, ExitStack() as stack:
        core = server.core(headers=OWN)
        assert core.put("/recipe/multitenancy/app/v2", {"appId": "a1"}).ok
        port = free_port()
        tls = (f"server {{ listen {HOST}:{port} ssl; ssl_certificate {signed}; ssl_certificate_key {private};\n"
               f"location / {{ proxy_pass http://{HOST}:{server.port}; }} }}")
        stack.enter_context(Proxy("nginx", free_port(), application.port, tls))
        arguments = ["--app", "a1", "--api-key-file", str(tmp_path / "api-key")]
        sidecar = stack.enter_context(
            Sidecar(f"https://localhost:{port}", "--cacert", str(signed), *arguments, key=None))
        access, refresh, handle = tokens(_in_app(core, "alice"))
        foreign, _, _ = tokens(core.create("alice"))
        assert sidecar.authorize(access).status == 204 and sidecar.authorize(foreign).status == 401
        for token, is_active in ((access, True), (foreign, False), (refresh, False)):
            assert sidecar.introspect(f"token={quote(token, safe='')}".encode()).json["active"] is is_active
        assert core.post("/appid-a1/recipe/session/remove", {"sessionHandles": [handle]}).ok
        assert until(lambda: sidecar.authorize(access).status == 401, SLOW)
        untrusted = Sidecar(f"https://localhost:{port}", *arguments, key=None)
        try:
            untrusted.start(waits=False)
            assert untrusted.process.says("the certificate is not trusted")
            assert untrusted.authorize(access).status == 503
        finally:
            untrusted.process.kill()


def _in_app(core: Core, user: str) -> Reply:
    return core.post("/appid-a1/recipe/session", {
        "userId": user, "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
        "useDynamicSigningKey": True})


@pytest.mark.parametrize(("arguments", "words"), [
    ([], "--listen"), (["--listen", "1"], "--core"), (["--listen", "x", "--core", "http://a"], "--listen"),
    (["--listen", "1", "--core", "ftp://a"], "--core"), (["--listen", "1", "--core", "http://a?b"], "--core"),
    (["--listen", "1", "--core", "http://a", "--when-silent", "hope"], "--when-silent"),
    (["--listen", "1", "--core", "http://a", "--silence", "-1"], "--silence"),
    (["--listen", "1", "--core", "http://a", "--app", "a/b"], "--app"),
    (["--listen", "1", "--core", "http://a", "--origins", "https://a/b"], "no origin"),
    (["--listen", "1", "--core", "http://a", "--api-key-file", "/nowhere"], "--api-key-file"),
])
def test_what_is_wrong_is_said(arguments: list[str], words: str, machine: Machine) -> None:
    done = machine.run("verify", *arguments)
    assert done.returncode != 0 and words in done.stderr, done.stderr
