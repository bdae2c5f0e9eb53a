"""`tessera.js` in headless Chromium, behind a proxy that drops, delays, hangs, cuts and forges."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Iterator

import pytest
from chromium import ready
from faulty_proxy import Fault, FaultyProxy
from harness import ROOT, Child, until

ready()

from bench import FULL_STORAGE, ME, NO_STORAGE, REFRESH, SIGN_OUT, Bench  # noqa: E402 - there is no Selenium before

BINARY = os.environ.get("WEB_APP", str(ROOT / "Examples/.build/debug/WebApp"))
PORTAL = Fault("status", 200, {"content-type": "text/html"}, "<h1>Accept the terms of this network</h1>")
SOON = 400
"""Milliseconds after which a refresh is given up, where a test waits for that."""
LATE = 15.0
"""Seconds in which a page has gone on, also on a slow machine."""
FAULTS = {
    "500": Fault("status", 500), "502": Fault("status", 502, {}, "<html>bad gateway"), "503": Fault("status", 503),
    "401": Fault("status", 401), "401 of a gateway": Fault("status", 401, {"www-authenticate": "Bearer"}, '{"message":"no"}'),
    "404": Fault("status", 404), "403": Fault("status", 403), "429": Fault("status", 429, {"retry-after": "1"}),
    "portal": PORTAL, "204": Fault("status", 204), "redirect": Fault("status", 302, {"location": "/"}),
    "drop": Fault("drop"), "lose": Fault("lose"), "hang": Fault("hang"),
    "forged body": Fault("status", 200, {}, '{"status":"OK"}'), "cut": Fault("cut"),
}


@pytest.fixture(scope="module")
def proxy() -> Iterator[FaultyProxy]:
    """A proxy before the example web application."""
    child = Child([BINARY], {"PORT": "0"})
    said = re.compile(r"http://localhost:(\d+)")
    assert until(lambda: said.search(child.output) or not child.alive, 60), child.output
    yield FaultyProxy(int(said.findall(child.output)[0]))
    child.kill()


@pytest.fixture(scope="module")
def secure(proxy: FaultyProxy) -> Iterator[Bench]:
    """A browser where Web Locks are offered: pages of `localhost`."""
    bench = Bench(proxy)
    yield bench
    bench.driver.quit()


@pytest.fixture(scope="module")
def lan(proxy: FaultyProxy) -> Iterator[Bench]:
    """A browser that knows the same by a name in the local network, on plain http: there are no Web Locks."""
    bench = Bench(proxy, "app.lan")
    yield bench
    bench.driver.quit()


@pytest.fixture(params=["secure", "lan"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Both."""
    found: Bench = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("lose", "cut")])
def test_sign_out_rejects_while_the_refresh_fails(secure: Bench, name: str) -> None:
    """finding J1: the access token is over and refresh fails; nothing says that the session has ended, until it has."""
    secure.signed_in(refreshTimeout=SOON if name == "hang" else 20_000)
    secure.proxy.fault(REFRESH, FAULTS[name])
    assert "rejected" in str(secure.run("return outcome(tessera.signOut())"))
    assert "SIGN_OUT" not in secure.events() and "UNAUTHORISED" not in secure.events()
    secure.load()
    secure.proxy.heal()
    assert secure.run("return outcome(tessera.doesSessionExist())") is True, "the session goes on, and the page knows"
    assert secure.run("return outcome(tessera.signOut())") is None, "and then it can be ended"
    assert secure.events()[-1] == "SIGN_OUT"
    secure.load()
    assert secure.run("return outcome(tessera.doesSessionExist())") is False
    assert secure.me() == 401, "the next page load is signed out"


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("lose",)])
def test_sign_out_rejects_when_it_is_not_confirmed(secure: Bench, name: str) -> None:
    """finding J1: the sign-out itself fails."""
    secure.fresh(refreshTimeout=SOON)
    secure.log_in()
    secure.proxy.fault(SIGN_OUT, FAULTS[name] if name != "cut" else Fault("drop"))
    said = str(secure.run("return outcome(tessera.signOut())"))
    assert "rejected" in said, said
    assert "SIGN_OUT" not in secure.events()
    secure.proxy.heal()
    assert secure.me() == 200
    assert secure.run("return outcome(tessera.signOut())") is None
    assert secure.events()[-1] == "SIGN_OUT"


def test_sign_out_whose_answer_is_lost(secure: Bench) -> None:
    """finding J1: the server has ended the session and its answer is lost; the next try finds it out."""
    secure.fresh()
    secure.log_in()
    secure.proxy.fault(SIGN_OUT, Fault("lose"))
    assert "rejected" in secure.run("return outcome(tessera.signOut())")
    secure.proxy.heal()
    assert secure.run("return outcome(tessera.signOut())") is None
    assert secure.me() == 401


def test_sign_out_after_a_refresh(bench: Bench) -> None:
    """finding J1: with an access token that is over it refreshes first, and then ends the session."""
    bench.signed_in()
    assert bench.run("return outcome(tessera.signOut())") is None
    assert len(bench.proxy.seen(REFRESH)) == 1
    assert [event for event in bench.events() if event in ("SIGN_OUT", "UNAUTHORISED")] == ["SIGN_OUT"]
    assert bench.me() == 401


def test_sign_out_of_a_stranger_whose_session_cannot_be_known(secure: Bench) -> None:
    """finding J1: the cookies of scripts are gone, those of the server are not, and refresh fails."""
    secure.signed_in()
    for name in ("sFrontToken", "st-last-access-token-update"):
        secure.driver.delete_cookie(name)
    secure.proxy.fault(REFRESH, Fault("status", 500))
    secure.load()
    assert "rejected: status 500" in secure.run("return outcome(tessera.signOut())")
    assert "SIGN_OUT" not in secure.events()
    secure.proxy.heal()
    assert secure.run("return outcome(tessera.signOut())") is None
    assert "SIGN_OUT" in secure.events() and secure.me() == 401


def test_sign_out_without_a_session(secure: Bench) -> None:
    """finding J1: whoever has no session is told so, as by supertokens-website."""
    secure.fresh()
    assert secure.run("return outcome(tessera.signOut())") is None
    assert secure.events() == ["SIGN_OUT"]


@pytest.mark.parametrize("storage", ["", NO_STORAGE, FULL_STORAGE], ids=["storage", "denied", "full"])
@pytest.mark.parametrize("count", [2, 5])
def test_tabs_without_web_locks_refresh_once(lan: Bench, storage: str, count: int) -> None:
    """finding J2: on plain http and a name of the local network the first refresh is late, and other tabs wait."""
    lan.fresh(before=storage)
    tabs = lan.tabs(count)
    assert lan.run("return typeof navigator.locks") == "undefined", "this is the case in question"
    lan.log_in()
    lan.expire()
    lan.proxy.heal()
    release = lan.proxy.hold(REFRESH)
    for tab in tabs:
        lan.to(tab)
        lan.begin("return Promise.all([1, 2, 3].map(() => outcome(fetch('/api/me'))))")
    lan.until(lambda: len(lan.proxy.seen(ME)) == 3 * count and len(lan.proxy.seen(REFRESH)) > 0)
    time.sleep(0.5)  # others would send theirs in this time
    release()
    for tab in tabs:
        lan.to(tab)
        assert lan.end() == [200] * 3
    assert len(lan.proxy.seen(REFRESH)) == 1
    assert "reuse" not in lan.trail()


# Another tab writes its lock a moment after this one has, once.
RIVAL = """const { get, set } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie');
window.rivalUntil = 0;
Object.defineProperty(document, 'cookie', { get() { return get.call(document); }, set(text) {
  set.call(document, text);
  if (!text.startsWith('st-refresh-lock=') || rivalUntil) return;
  rivalUntil = Date.now() + 700;
  set.call(document, `st-refresh-lock=rival_${rivalUntil};path=/;max-age=1`);
} });
const plain = window.fetch;
window.fetch = (input, init) => {
  if (String(input).endsWith('/session/refresh')) window.refreshedAt = Date.now();
  return plain(input, init);
};"""


def test_of_two_tabs_that_take_the_lock_at_once_one_has_it(lan: Bench) -> None:
    """finding J2: the lock is read again after it was written."""
    lan.fresh()
    lan.log_in()
    lan.load(before=RIVAL)
    lan.expire()
    assert lan.me() == 200
    assert lan.run("return rivalUntil > 0 && refreshedAt >= rivalUntil - 5") is True


def test_a_tab_that_goes_away_lets_go(lan: Bench) -> None:
    """finding J2: the tab that refreshes is closed, or dies with its lock."""
    lan.fresh(refreshTimeout=20_000)
    first, second = lan.tabs(2)
    lan.log_in()
    lan.expire()
    lan.to(first)
    release = lan.proxy.hold(REFRESH)
    lan.begin("return outcome(fetch('/api/me'))")
    lan.until(lambda: len(lan.proxy.seen(REFRESH)) == 1)
    lan.driver.close()
    release()
    lan.to(second)
    begun = time.monotonic()
    assert lan.me() == 200 and time.monotonic() - begun < LATE
    # A lock of a tab that died, and one from a clock that was ahead.
    for until_ms in ("Date.now() + 600", "Date.now() + 3600e3"):
        lan.expire()
        lan.run(f"document.cookie = 'st-refresh-lock=dead_' + ({until_ms}) + ';path=/'")
        begun = time.monotonic()
        assert lan.me() == 200 and time.monotonic() - begun < LATE


def test_a_refresh_that_hangs_ends(bench: Bench) -> None:
    """finding J3: five tabs wait for one deadline, not for five."""
    bench.fresh(refreshTimeout=5_000)
    tabs = bench.tabs(5)
    bench.log_in()
    bench.expire()
    bench.proxy.heal()
    bench.proxy.fault(REFRESH, Fault("hang"))
    begun = time.monotonic()
    for tab in tabs:
        bench.to(tab)
        bench.begin("return outcome(fetch('/api/me'))")
    said = []
    for tab in tabs:
        bench.to(tab)
        said.append(str(bench.end()))
    assert time.monotonic() - begun < 20, "not 5 times 5 s and what lies between"
    assert all("rejected" in one for one in said), said
    assert any("TimeoutError" in one for one in said), "who has tried says why"
    assert len(bench.proxy.seen(REFRESH)) <= 2
    bench.proxy.heal()
    assert bench.me() == 200, "the session goes on"


def test_the_callers_signal_ends_his_wait_only(bench: Bench) -> None:
    """finding J3: one of two calls is given up; the refresh goes on for the other."""
    bench.signed_in()
    release = bench.proxy.hold(REFRESH)
    bench.begin("""window.stop = new AbortController();
        window.other = outcome(fetch('/api/me'));
        return Promise.all([outcome(fetch('/api/me', { signal: stop.signal })),
            outcome(fetch(new Request('/api/me', { signal: stop.signal }))),
            outcome(tessera.attemptRefreshingSession({ signal: stop.signal })),
            outcome(tessera.doesSessionExist({ signal: AbortSignal.abort() }))])""")
    bench.until(lambda: len(bench.proxy.seen(REFRESH)) == 1)
    bench.run("stop.abort()")
    said = bench.end()
    assert all("AbortError" in one for one in said[:3]), said
    release()
    assert bench.run("return other") == 200
    assert len(bench.proxy.seen(REFRESH)) == 1


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in ("lose", "cut")])
def test_a_stranger_is_not_kept_out(secure: Bench, name: str) -> None:
    """finding J4: nothing is known of a visitor, and the refresh route cannot be reached."""
    secure.fresh(refreshTimeout=SOON)
    secure.proxy.fault(REFRESH, FAULTS[name])
    begun = time.monotonic()
    assert secure.run("return outcome(tessera.doesSessionExist())") is False
    assert secure.run("return outcome(fetch('/style.css'))") == 200, "public calls go through"
    assert secure.me() == 401, "and others are answered by the API"
    assert secure.events() == []
    secure.log_in()
    assert time.monotonic() - begun < LATE
    assert secure.events() == ["SESSION_CREATED"]
    assert secure.run("return outcome(tessera.doesSessionExist())") is True
    assert secure.me() == 200


def test_a_log_in_beside_a_refresh_that_hangs(secure: Bench) -> None:
    """finding J4: the refresh of a stranger is still under way when he logs in; its late answer does not sign him out."""
    secure.fresh()
    release = secure.proxy.hold(REFRESH)
    begun = time.monotonic()
    secure.log_in()
    assert time.monotonic() - begun < LATE
    release()
    assert secure.me() == 200 and secure.events() == ["SESSION_CREATED"]


@pytest.mark.parametrize("storage", [NO_STORAGE, FULL_STORAGE], ids=["denied", "full"])
def test_storage_is_no_condition(bench: Bench, storage: str) -> None:
    """finding J5: localStorage is full or denied; log-in, refresh, sign-out and all questions succeed."""
    bench.signed_in(before=storage)
    assert bench.me() == 200
    assert bench.run("return outcome(tessera.doesSessionExist())") is True
    assert bench.run("return outcome(tessera.getUserId())") == "ada"
    assert bench.run("return outcome(tessera.attemptRefreshingSession())") is True
    assert bench.run("return outcome(tessera.signOut())") is None
    assert bench.me() == 401


def test_a_handler_that_throws_undoes_nothing(secure: Bench) -> None:
    """finding J5: what the page does about an event is no condition either."""
    secure.signed_in(throws=True)
    assert secure.me() == 200
    assert secure.run("return outcome(tessera.signOut())") is None
    assert secure.events()[0] == "SESSION_CREATED" and secure.events()[-1] == "SIGN_OUT"


@pytest.mark.parametrize("status, wait", [(429, "300"), (503, "300"), (503, None), (500, None), (429, None), (429, "date")])
def test_one_failure_for_all(bench: Bench, status: int, wait: str | None) -> None:
    """finding J6: five tabs of ten calls send one refresh, and keep to what the server asks for."""
    bench.fresh()
    tabs = bench.tabs(5)
    bench.log_in()
    bench.expire()
    bench.proxy.heal()
    later = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 300))
    fields = {} if wait is None else {"retry-after": later if wait == "date" else wait}
    bench.proxy.fault(REFRESH, Fault("status", status, fields, "busy"))
    release = bench.proxy.hold(REFRESH)
    for tab in tabs:
        bench.to(tab)
        bench.begin("return Promise.all(Array.from({length: 10}, () => outcome(fetch('/api/me').then(r => r.text().then(() => r)))))")
    bench.until(lambda: len(bench.proxy.seen(ME)) == 50)
    time.sleep(1)  # the last of them have come to wait, on a busy machine too
    release()
    for tab in tabs:
        bench.to(tab)
        assert bench.end() == [status] * 10
    assert len(bench.proxy.seen(REFRESH)) == 1
    if wait:
        for tab in tabs[:2]:
            bench.to(tab)
            bench.load()
            assert bench.me() == status
            assert bench.run("return outcome(tessera.doesSessionExist())") is True, "its token is not over by the clock"
        assert len(bench.proxy.seen(REFRESH)) == 1, "also on the next page"
        assert "rejected: status" in bench.run("return outcome(tessera.signOut())")
        assert int(bench.run("return (await fetch('/api/me')).headers.get('retry-after')")) > 10
    bench.log_in()
    assert bench.me() == 200, "a new session is not kept waiting"


def test_a_short_pause_is_waited_out(secure: Bench) -> None:
    """finding J6: a call that comes a second too early is late, and does not fail."""
    secure.signed_in()
    secure.proxy.fault(REFRESH, Fault("status", 503, {"retry-after": "1"}))
    assert secure.me() == 503
    secure.proxy.heal()
    assert secure.me() == 200
    assert len(secure.proxy.seen(REFRESH)) == 1


RECORD = """window.sent = [];
window.fetch = async (input, init) => {
  const request = input instanceof Request ? input : new Request(input, init);
  sent.push([request.url, ...['anti-csrf', 'rid', 'st-auth-mode', 'authorization'].filter(name => request.headers.has(name))]);
  const isEnd = new URL(request.url).pathname === '/redirected';
  const reply = new Response('{}', { headers: isEnd ? { 'front-token': 'remove', 'anti-csrf': 'theirs' } : {} });
  if (isEnd) Object.defineProperties(reply, { redirected: { value: true }, url: { value: 'https://elsewhere.example/' } });
  return reply;
};"""


@pytest.mark.parametrize("api, ours, others", [
    ("https://app.example", ["https://app.example/x", "https://app.example:443/x", "HTTPS://APP.example/x"],
     ["https://app.example:8443/x", "http://app.example/x", "https://app.example:80/x", "https://a.app.example/x",
      "https://app.example.evil.example/x", "https://app.example@evil.example/x", "//app.example/x", "data:,x"]),
    ("http://app.example:3000", ["http://app.example:3000/x"],
     ["http://app.example:3001/x", "http://app.example/x", "https://app.example:3000/x", "ws://app.example:3000/x"]),
    ("http://127.0.0.1:3000", ["http://127.0.0.1:3000/x", "http://127.1:3000/x"],
     ["http://127.0.0.1/x", "http://localhost:3000/x", "http://[::1]:3000/x", "/x"]),
    (None, ["/x", "x"], ["http://localhost/x", "https://localhost/x", "http://localhost:1/x", "//localhost/x"]),
])
def test_tokens_go_to_the_origin_of_the_api(secure: Bench, api: str | None, ours: list[str], others: list[str]) -> None:
    """finding S17: scheme, host and port decide who is told the anti-CSRF token."""
    secure.fresh(before=RECORD, **({"apiDomain": api} if api else {}))
    secure.run("""document.cookie = 'sFrontToken=e30=;path=/'; document.cookie = 'sAntiCsrf=secret;path=/';
        document.cookie = 'st-last-access-token-update=1;path=/';""")
    for url in [*ours, *others]:
        secure.driver.execute_script("sent.length = 0")
        secure.run(f"await outcome(fetch({url!r}).catch(() => 0)); await outcome(fetch(new Request({url!r})).catch(() => 0))")
        wanted: list[Any] = ["anti-csrf", "rid", "st-auth-mode"] if url in ours else []
        assert [entry[1:] for entry in secure.driver.execute_script("return sent")] in ([wanted] * 2, []), url
    secure.run(f"await fetch({(api or '') + '/redirected'!r})")
    assert "sAntiCsrf=secret" in secure.driver.execute_script("return document.cookie"), "nor does its answer count"
    assert "sFrontToken=" in secure.driver.execute_script("return document.cookie")


def test_tokens_do_not_go_to_another_port(secure: Bench) -> None:
    """finding S17: the same with requests that arrive, by fetch and by XMLHttpRequest."""
    other = FaultyProxy(1)
    secure.fresh()
    secure.log_in()
    secure.run("document.cookie = 'sAntiCsrf=secret;path=/'")
    for origin, wanted in ((secure.origin, True), (f"http://localhost:{other.port}", False)):
        by_fetch = secure.run(f"return await (await fetch('{origin}/echo')).json()")
        by_request = secure.run(f"""return new Promise(done => {{ const xhr = new XMLHttpRequest();
            xhr.responseType = 'json'; xhr.open('GET', '{origin}/echo');
            xhr.onload = () => done(xhr.response); xhr.send(); }})""")
        for fields in (by_fetch, by_request):
            assert (fields.get("anti-csrf") == "secret") == wanted, fields
            assert ("rid" in fields) == ("st-auth-mode" in fields) == wanted, fields
