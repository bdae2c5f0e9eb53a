"""The functions, events and types of `tessera.js`, and what it makes of XMLHttpRequest."""

from __future__ import annotations

import gzip
import os
import re
from typing import Iterator

import pytest
from chromium import ready
from faulty_proxy import Fault, FaultyProxy, served
from harness import ROOT, Child, until

ready()

from bench import ME, REFRESH, Bench  # noqa: E402 - there is no Selenium before this line

BINARY = os.environ.get("WEB_APP", str(ROOT / "Examples/.build/debug/WebApp"))
TYPES = (ROOT / "Browser/tessera.d.ts").read_text()
SOURCE = (ROOT / "Browser/tessera.js").read_text()
PAGE = (ROOT / "docs/browser-module.md").read_text()
# A request by XMLHttpRequest with all events that its listeners hear.
SEND = """const send = (prepare = () => {}, method = 'GET', path = '/api/me', body) => new Promise(done => {
  const xhr = new XMLHttpRequest(), heard = [];
  for (const type of ['readystatechange', 'loadstart', 'load', 'error', 'abort', 'timeout', 'loadend'])
    xhr.addEventListener(type, () => heard.push(type === 'readystatechange' ? xhr.readyState : type));
  xhr.onloadend = () => done({ status: xhr.status, text: xhr.responseType ? '' : xhr.responseText, heard, url: xhr.responseURL });
  xhr.open(method, path); prepare(xhr); xhr.send(body);
});
"""
USUAL = [1, "loadstart", 2, 3, 4, "load", "loadend"]


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """A browser on the proxy before the example web application."""
    child = Child([BINARY], {"PORT": "0"})
    said = re.compile(r"http://localhost:(\d+)")
    assert until(lambda: said.search(child.output) or not child.alive, 60), child.output
    made = Bench(FaultyProxy(int(said.findall(child.output)[0])))
    yield made
    made.driver.quit()
    child.kill()


def test_the_types_agree_with_the_module(bench: Bench) -> None:
    """finding J7: what is exported, its types and its page have the same names: functions, options and events."""
    bench.fresh()
    exported = set(bench.run("return Object.keys(tessera)"))
    assert exported == set(re.findall(r"export declare function (\w+)", TYPES))
    options = re.search(r"interface Options \{(.*?)\n\}", TYPES, re.DOTALL)
    assert options
    assert set(re.findall(r"\boptions\.(\w+)", SOURCE)) == set(re.findall(r"^  (\w+)\?:", options[1], re.MULTILINE))
    events = set(re.findall(r'"([A-Z_]{8,})"', TYPES))
    assert events == {name for name in re.findall(r'"([A-Z_]{8,})"', SOURCE) if name not in ("REFRESH_TOKEN_USE", "GENERAL_ERROR")}
    for name in [*exported, *events, *re.findall(r"^  (\w+)\?:", options[1], re.MULTILINE)]:
        assert f"`{name}" in PAGE, f"docs/browser-module.md says nothing of {name}"


def test_the_budget_is_kept() -> None:
    """finding J7: 18 KiB as it is served, 6 KiB and a quarter compressed."""
    assert len(served()) <= 18 * 1_024
    assert len(gzip.compress(served(), 9)) <= 6.25 * 1_024


def test_a_request_object_refreshes(bench: Bench) -> None:
    """finding J7: XMLHttpRequest, as axios uses it, refreshes once for all, and shows its listeners one answer."""
    bench.signed_in()
    replies = bench.run(SEND + "return Promise.all([1, 2, 3].map(() => send()))")
    for reply in replies:
        assert reply["status"] == 200 and "ada" in reply["text"]
        assert [event for event in reply["heard"] if event != 3] == [event for event in USUAL if event != 3]
    assert len(bench.proxy.seen(REFRESH)) == 1 and len(bench.proxy.seen(ME)) == 6
    sent = bench.proxy.seen(ME)[-1].fields
    assert sent["rid"] == "anti-csrf" and sent["st-auth-mode"] == "cookie"
    assert "REFRESH_SESSION" in bench.events()


def test_a_request_object_keeps_what_it_was_given(bench: Bench) -> None:
    """finding J7: method, body, fields, response type and timeout are those of the caller on the second way too."""
    bench.signed_in()
    reply = bench.run(SEND + """return send(xhr => { xhr.setRequestHeader('content-type', 'application/json');
        xhr.setRequestHeader('rid', 'mine'); xhr.timeout = 9000; }, 'PUT', '/api/data', '{"colour":"blue"}')""")
    assert reply["status"] == 200
    sent = bench.proxy.seen("/api/data")[-1]
    assert sent.method == "PUT" and sent.fields["rid"] == "mine" and sent.fields["content-type"] == "application/json"
    typed = bench.run(SEND + "return new Promise(done => { const xhr = new XMLHttpRequest(); "
                      "xhr.open('GET', '/api/data'); xhr.responseType = 'json'; xhr.onload = () => done(xhr.response); "
                      "xhr.send(); })")
    assert typed == {"colour": "blue"}


@pytest.mark.parametrize("fault", [Fault("status", 500), Fault("drop"), Fault("status", 401)])
def test_a_request_object_is_shown_the_refusal(bench: Bench, fault: Fault) -> None:
    """finding J7: where no refresh helps, the listeners hear the 401 of the API, once."""
    bench.signed_in()
    bench.proxy.fault(REFRESH, fault)
    reply = bench.run(SEND + "return send()")
    assert reply["status"] == 401 and "unauthorised" in reply["text"]
    assert reply["heard"][-3:] == [4, "load", "loadend"] and reply["heard"].count("load") == 1


def test_a_request_object_can_be_given_up(bench: Bench) -> None:
    """finding J7: abort ends the wait for a refresh; the object can be used again."""
    bench.signed_in()
    release = bench.proxy.hold(REFRESH)
    bench.begin(SEND + "return send(xhr => window.xhr = xhr)")
    bench.until(lambda: len(bench.proxy.seen(REFRESH)) == 1)
    bench.run("xhr.abort()")
    assert bench.end()["heard"][-2:] == ["abort", "loadend"]
    release()
    assert bench.run("return new Promise(done => { xhr.onload = () => done(xhr.status); "
                     "xhr.open('GET', '/api/me'); xhr.send(); })") == 200


def test_other_request_objects_are_left_alone(bench: Bench) -> None:
    """finding J7: synchronous ones, those to other origins, and those that ask for it."""
    bench.signed_in()
    status = bench.run("const xhr = new XMLHttpRequest(); xhr.open('GET', '/api/me', false); xhr.send(); return xhr.status")
    assert status == 401
    assert bench.run(SEND + "return send(undefined, 'GET', '/api/me?superTokensDoNotDoInterception')")["status"] == 401
    assert bench.proxy.seen(REFRESH) == []
    assert bench.run("return new XMLHttpRequest() instanceof XMLHttpRequest && XMLHttpRequest.DONE === 4") is True


def test_questions_about_the_session(bench: Bench) -> None:
    """finding J7: the user, the payload and the access token, with and without a session."""
    bench.fresh()
    assert bench.run("return outcome(tessera.getAccessToken())") is None
    assert "No session exists" in bench.run("return outcome(tessera.getUserId())")
    assert "Could not refresh" in bench.run("return outcome(tessera.getAccessTokenPayload())")
    bench.log_in()
    assert bench.run("return outcome(tessera.getUserId())") == "ada"
    assert bench.run("return (await tessera.getAccessTokenPayload()).name") == "ada"
    assert bench.run("return tessera.getAccessTokenPayload === tessera.getAccessTokenPayloadSecurely") is True
    assert bench.run("return outcome(tessera.getAccessToken())") is None, "this server does not expose it"
    bench.proxy.fault(ME, Fault("status", 200, {"st-access-token": "a.b.c"}))
    assert bench.me() == 200
    assert bench.run("return outcome(tessera.getAccessToken())") == "a.b.c"
    bench.proxy.heal()
    bench.run("await tessera.signOut()")
    assert bench.run("return outcome(tessera.getAccessToken())") is None
    assert "a.b.c" not in bench.driver.execute_script("return document.cookie")


def test_refreshing_by_hand(bench: Bench) -> None:
    """finding J7: true, false or a rejection."""
    bench.fresh()
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") is False
    bench.log_in()
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") is True
    bench.proxy.fault(REFRESH, Fault("status", 500))
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") == "rejected: status 500"
    bench.proxy.fault(REFRESH, Fault("status", 401))
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") == "rejected: status 401", "a gateway's"
    bench.proxy.fault(REFRESH, Fault("status", 200))
    assert "front-token" in bench.run("return outcome(tessera.attemptRefreshingSession())")


@pytest.mark.parametrize("field, body", [("remove", "{}"), ("", '{"message":"unauthorised"}'),
                                         ("", '{"message":"token theft detected"}')])
def test_the_end_of_a_session(bench: Bench, field: str, body: str) -> None:
    """finding J1: what ends a session is the server's own word: its field, or its message where a proxy drops fields."""
    bench.signed_in()
    bench.proxy.fault(REFRESH, Fault("status", 401, {"front-token": field} if field else {}, body))
    assert bench.me() == 401
    assert "UNAUTHORISED" in bench.events() and "SIGN_OUT" not in bench.events()
    assert bench.run("return outcome(tessera.doesSessionExist())") is False


def test_claims(bench: Bench) -> None:
    """finding J7: validators of claims; a claim is fetched again once, whoever asks."""
    bench.fresh()
    bench.log_in()
    said = bench.run("""
        let fetched = 0;
        const up = btoa(JSON.stringify({ uid: 'ada', ate: Date.now() + 1e6, up: { name: 'ada',
            ev: { v: true, t: Date.now() }, old: { v: 1, t: Date.now() - 1e6 }, roles: { v: ['admin'], t: Date.now() } } }));
        document.cookie = 'sFrontToken=' + up + ';path=/';
        const verified = tessera.claim('ev'), roles = tessera.claim('roles');
        const old = tessera.claim('old', async () => { fetched++; throw new Error('away'); }, 60);
        const missing = tessera.claim('none', async () => { fetched++; });
        const all = [verified.equals(true), roles.includes('admin'), verified.equals(false), old.equals(1), missing.equals(2)];
        const [errors] = await Promise.all([tessera.validateClaims(all), tessera.validateClaims([verified.equals(true)])]);
        return { ids: errors.map(error => error.id), fetched, value: verified.valueIn(await tessera.getAccessTokenPayload()) };""")
    assert said == {"ids": ["ev", "old", "none"], "fetched": 2, "value": True}
    bench.proxy.fault(ME, Fault("status", 403, {}, '{"claimValidationErrors":[{"id":"ev","reason":{"message":"no"}}]}'))
    assert bench.run("const response = await fetch('/api/me'); "
                     "return (await tessera.getInvalidClaimsFromResponse({ response }))[0].id") == "ev"
    assert bench.run(SEND + "return (await send()).status") == 403
    bench.run("await new Promise(done => setTimeout(done, 50))")
    assert bench.events().count("API_INVALID_CLAIM") == 2


def test_other_tabs_are_told(bench: Bench) -> None:
    """finding J7: log-in, sign-out and the end of a session reach all tabs; a refresh is told where it was made."""
    bench.fresh()
    first, second = bench.tabs(2)

    def heard() -> list[str]:
        bench.to(second)
        return bench.run("return seenEvents.filter(event => event.otherTab).map(event => event.action)")

    def after(count: int) -> list[str]:
        until(lambda: len(heard()) >= count, 10)
        return heard()

    bench.to(first)
    bench.log_in()
    assert after(1) == ["SESSION_CREATED"]
    assert bench.me() == 200, "the other tab is in"
    bench.to(first)
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") is True
    bench.run("await tessera.signOut()")
    assert after(2) == ["SESSION_CREATED", "SIGN_OUT"]
    bench.to(first)
    bench.log_in()
    after(3)
    bench.to(first)
    bench.driver.execute_cdp_cmd("Network.deleteCookies", {"name": "sRefreshToken", "url": bench.origin + REFRESH})
    bench.expire()
    assert bench.me() == 401
    assert after(4)[2:] == ["SESSION_CREATED", "UNAUTHORISED"]
    # What no channel brings: a tab of another origin has ended it.
    bench.to(first)
    bench.log_in()
    after(5)
    bench.run("document.cookie = 'sFrontToken=;path=/;max-age=0'; dispatchEvent(new Event('focus'))")
    assert heard()[-1] == "SIGN_OUT"
