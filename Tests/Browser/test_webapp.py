"""The example web application is used in headless Chromium, as people would; pictures are kept in .build/screenshots.

The wall clock of the application is moved where minutes have to pass.
"""

from __future__ import annotations

import http.server
import os
import re
import threading
from typing import Iterator

import pytest
from chromium import console_errors, picture, ready, start
from faulty_proxy import Fault, FaultyProxy
from follow_places import Clock
from harness import ROOT, Child, until

ready()

from selenium.webdriver.common.by import By  # noqa: E402 - there is no Selenium before this line
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

BINARY = os.environ.get("WEB_APP", str(ROOT / "Examples/.build/debug/WebApp"))
WINDOW = 60
SILENCE = 120
REFRESH_COOKIE = "sRefreshToken"
REFRESH = "/auth/session/refresh"
SECONDS = 30
"""In which what shows "within seconds" has shown, on a slow machine."""


class Page:
    """One browser on the application."""

    def __init__(self, address: str, name: str) -> None:
        self.address, self.driver, self.user = address, start(name), name
        self.driver.get(address)

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def wait(self, what, seconds: float = 60):
        """Waits until something is true of the page."""
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: what())

    def run(self, script: str):
        return self.driver.execute_async_script(
            "const done = arguments[0]; (async () => { " + script + " })().then(done, e => done('failed: ' + e))")

    def log_in(self, user: str) -> None:
        self.wait(lambda: self.find("#log-in").is_displayed())
        self.find("[name=user]").send_keys(user)
        self.find("[name=password]").send_keys("demo")
        self.find("#log-in button").click()
        self.wait(lambda: self.find("#inside").is_displayed() and self.find("#facts").text)

    def press(self, name: str, outcome: str) -> None:
        """Presses a button and waits for what it says, which may be what is there already from the press before."""
        self.driver.execute_script("document.querySelector('#outcome').textContent = ''")
        self.find(f"#{name}").click()
        self.wait(lambda: outcome in self.find("#outcome").text)

    def cookies(self) -> dict[str, dict]:
        """The cookies of this host, those of the server too."""
        return {cookie["name"]: cookie for cookie in self.driver.get_cookies()}

    def refresh_cookie(self) -> dict[str, object]:
        """The cookie that is sent to the refresh route only."""
        cookies = self.driver.execute_cdp_cmd("Network.getAllCookies", {})["cookies"]
        found = next(cookie for cookie in cookies if cookie["name"] == REFRESH_COOKIE)
        kept = ("name", "value", "domain", "path", "expires", "httpOnly", "secure", "sameSite")
        return {name: found[name] for name in kept if name in found}

    def put_cookie(self, cookie: dict[str, object]) -> None:
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)

    def events(self) -> list[str]:
        return self.driver.execute_script("return window.sessionEvents.map(event => event.action)")

    def trail(self) -> str:
        return str(self.run("return await (await fetch('/api/trail')).text()"))

    def refreshes(self) -> int:
        return self.driver.execute_script(
            "return window.sessionEvents.filter(e => e.action === 'REFRESH_SESSION').length")


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """The wall clock of the application."""
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def application(clock: Clock) -> Iterator[str]:
    """The address of a running application."""
    child = Child([BINARY], {**clock.environment, "PORT": "0"})
    said = re.compile(r"http://localhost:\d+")
    assert until(lambda: said.search(child.output) or not child.alive, 60), child.output
    yield said.findall(child.output)[0]
    child.kill()


@pytest.fixture(scope="module")
def ada(application: str) -> Iterator[Page]:
    """The browser that all tests go on with, one after the other."""
    page = Page(application, "ada")
    yield page
    page.driver.quit()


@pytest.fixture
def page(ada: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The same, of which a picture is kept when something goes wrong."""
    failed = request.session.testsfailed
    yield ada
    if request.session.testsfailed > failed:
        picture(ada.driver, f"failed-{request.node.name}")


def test_log_in_expiry_refresh_and_data(page: Page) -> None:
    picture(page.driver, "1-log-in")
    assert console_errors(page.driver) == [], "no complaint on the log-in page"
    page.log_in("ada")
    picture(page.driver, "2-inside")
    assert "ada" in page.find("#who").text, "the page shows who is signed in"
    cookies = page.cookies()
    access = cookies.get("sAccessToken", {})
    assert access.get("httpOnly") and access["sameSite"] == "Lax", "the access token is out of reach of scripts"
    assert "sFrontToken" in page.driver.execute_script("return document.cookie"), "scripts see the front token"
    page.press("expire", "expired")
    page.press("parallel", "1 refresh")
    assert "1 refresh" in page.find("#outcome").text, "six parallel calls after expiry make one refresh"
    assert "ada" in page.find("#facts").text, "the session goes on"
    page.find("#data textarea").clear()
    page.find("#data textarea").send_keys('{"colour": "blue"}')
    page.find("#data button").click()
    page.wait(lambda: "Saved" in page.find("#outcome").text)
    assert page.run("return (await (await fetch('/api/data')).json()).colour") == "blue", "data is kept"


def test_two_tabs_find_their_token_expired_and_refresh_once(page: Page) -> None:
    """Their calls come at one moment."""
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(page.address)
    page.wait(lambda: page.find("#facts").text)
    tabs = (first, page.driver.current_window_handle)
    before = 0
    for tab in tabs:
        page.driver.switch_to.window(tab)
        page.driver.execute_script("document.querySelector('#inside').hidden = true")  # stops the page's own polling
        before += page.refreshes()
    page.run("await fetch('/api/expire', {method: 'POST'}); return 1")
    for tab in tabs:
        page.driver.switch_to.window(tab)
        page.driver.execute_script(
            "window.calls = Promise.all([1, 2, 3].map(() => fetch('/api/me'))).then(all => all.map(r => r.status))")
    after = 0
    for tab in tabs:
        page.driver.switch_to.window(tab)
        assert page.run("return window.calls") == [200] * 3, "all calls succeed"
        after += page.refreshes()
    assert after - before == 1
    trail = page.run("return await (await fetch('/api/trail')).json()")
    assert trail and "reuse" not in str(trail), "no theft was seen"
    page.driver.close()
    page.driver.switch_to.window(first)
    page.driver.refresh()
    page.wait(lambda: page.find("#facts").text)


def test_a_form_of_another_site_is_refused(page: Page) -> None:
    """A page of another site posts a form."""

    class Evil(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<form method=post action='{page.address}/api/sessions/revoke-all'><button>Win</button></form>"
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Evil)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page.driver.get(f"http://127.0.0.1:{server.server_port}/")
    page.find("button").click()
    page.wait(lambda: page.address in page.driver.current_url)
    assert "unauthorised" in page.driver.page_source, "a form of another site is refused"
    server.shutdown()
    page.driver.get(page.address)
    page.wait(lambda: page.find("#facts").text)
    assert "ada" in page.find("#facts").text, "and nobody was signed out"
    console_errors(page.driver)


def test_a_late_refresh_harms_nobody(page: Page, clock: Clock) -> None:
    """A refresh with the token before the current one succeeds in its window, then it is refused, and harms nobody."""
    old = page.refresh_cookie()
    page.press("refresh", "Refreshed")
    current = page.refresh_cookie()
    assert old["value"] != current["value"], "a refresh gives another token"
    page.wait(lambda: page.find("#facts").text)
    page.put_cookie(old)
    page.press("refresh", "Refreshed")
    assert page.refresh_cookie()["value"] == current["value"], "a late refresh gives the same token"
    clock.to(clock.now + WINDOW + 1)
    assert console_errors(page.driver) == [], "no complaint of the page so far"
    before = page.events()
    page.put_cookie(old)
    page.driver.delete_cookie("sAccessToken")
    status = page.run("return (await fetch('/api/me')).status")
    assert status == 503, "after the window the call that needs it fails"
    assert page.events() == before, "the page is told nothing"
    assert "sFrontToken" in page.driver.execute_script("return document.cookie"), "it keeps its front token"
    assert page.refresh_cookie()["value"] == old["value"], "and its refresh token"
    assert page.find("#inside").is_displayed() and not page.find("#notice").text, "nobody is signed out"
    picture(page.driver, "3-late")
    page.put_cookie(current)
    assert page.run("return (await fetch('/api/me')).status") == 200, "with the current token it goes on"
    trail = page.trail()
    assert "late_parent" in trail and "reuse" not in trail, "the audit log tells it, and of no theft"
    complaints = [text for text in console_errors(page.driver) if " 503 " not in text]
    assert complaints == [], "no other complaint"


def test_a_copy_within_a_minute_of_its_owner_accuses_nobody(page: Page) -> None:
    """A copy that is used within a minute of its owner: nobody can tell them apart, and nobody is accused."""
    page.press("steal", "copy")
    twin = Page(page.find("#stolen-link").get_attribute("href"), "twin")
    twin.wait(lambda: twin.find("#facts").text)
    page.press("refresh", "Refreshed")
    assert page.refresh_cookie()["value"] == twin.refresh_cookie()["value"], "both have one token"
    assert "reuse" not in page.trail(), "nobody is accused"
    twin.driver.quit()
    page.press("refresh", "Refreshed")


def test_a_copy_that_is_used_later_is_found_out(page: Page, clock: Clock) -> None:
    """A copy of the refresh token is used in another profile, and its owner comes later."""
    page.press("steal", "copy")
    thief = Page(page.find("#stolen-link").get_attribute("href"), "thief")
    thief.wait(lambda: thief.find("#facts").text)
    assert "ada" in thief.find("#facts").text, "the thief is in"
    picture(thief.driver, "1-in")
    begun = clock.now
    clock.to(begun + WINDOW + 1)
    refused = page.run("return (await fetch('/auth/session/refresh?superTokensDoNotDoInterception', "
                       "{method: 'POST'})).status")
    assert refused == 503, "in the silence the victim is told nothing"
    assert page.find("#inside").is_displayed() and not page.find("#notice").text, "nor signed out"
    clock.to(begun + SILENCE + 1)
    page.find("#refresh").click()
    page.wait(lambda: page.find("#notice").text)
    picture(page.driver, "4-theft")
    assert "somebody else" in page.find("#notice").text, "the victim is told"
    status = thief.run("return (await fetch('/api/me')).status")
    assert status == 401, "the thief is out"
    thief.driver.quit()
    complaints = [text for text in console_errors(page.driver) if " 503 " not in text]
    assert complaints == [], "no complaint but of what was refused"


def test_the_trail_shows_the_theft_and_all_can_be_signed_out(page: Page) -> None:
    """The audit log shows the theft; signing out everywhere ends another profile's session."""
    page.log_in("ada")
    page.wait(lambda: "reuse_detected" in page.find("#trail").text)
    picture(page.driver, "5-trail")
    other = Page(page.address, "other")
    other.log_in("ada")
    page.find("#everywhere").click()
    page.wait(lambda: page.find("#log-in").is_displayed())
    assert other.run("return (await fetch('/api/me')).status") == 401, "the other profile is signed out"
    other.driver.quit()
    page.log_in("ada")
    page.find("#sign-out").click()
    page.wait(lambda: "Signed out" in page.find("#notice").text)
    assert "sAccessToken" not in page.cookies(), "sign-out takes the cookies away"
    assert console_errors(page.driver) == [], "no complaint in the console"


@pytest.fixture
def bob(application: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A browser of another visitor, whom no test has seen before."""
    page = Page(application, "bob")
    page.user = f"bob of {request.node.name}"[:60]
    page.log_in(page.user)
    yield page
    page.driver.quit()


def tokens(page: Page) -> list[str]:
    """What is drawn of the family of tokens: the class of each, and whether it was refused."""
    return page.driver.execute_script(
        "return [...document.querySelectorAll('#tree g.token')].map(g => [...g.children].map(c => c.className.baseVal).join(' '))")


def test_a_theft_shows_to_both_by_itself(bob: Page) -> None:
    """finding J8: both pages are open, and nobody presses anything."""
    bob.find("#steal").click()
    bob.wait(lambda: bob.find("#stolen-link").is_displayed())
    thief = Page(bob.find("#stolen-link").get_attribute("href"), "robber")
    try:
        thief.wait(lambda: "thief" in thief.find("#who").text)
        assert thief.find("#thief .you").is_displayed() and not thief.find("#owner .you").is_displayed()
        picture(thief.driver, "2-waits")
        bob.wait(lambda: "somebody else" in bob.find("#notice").text and "copy" in bob.find("#notice").text, SECONDS)
        thief.wait(lambda: "found out" in thief.find("#notice").text, SECONDS)
        for page in (bob, thief):
            assert page.find("#log-in").is_displayed() and not page.find("#inside").is_displayed()
            assert "Theft" in page.find("#owner .verdict").text and "found out" in page.find("#thief .verdict").text
            page.wait(lambda page=page: any("cross" in one for one in tokens(page)))
            assert "used up came back" in page.find("#caption").text
            picture(page.driver, "3-told")
    finally:
        thief.driver.quit()


def test_the_story_is_played_in_one_page(bob: Page) -> None:
    """finding J8: owner and thief side by side, and the family of tokens as it grows."""
    bob.wait(lambda: len(tokens(bob)) == 1 and "owner" in tokens(bob)[0])
    bob.find("#steal").click()
    bob.wait(lambda: "owner thief" in tokens(bob)[0], SECONDS)
    assert "hold the same token" in bob.find("#caption").text
    bob.find("#use").click()
    bob.wait(lambda: len(tokens(bob)) == 2 and "thief" in tokens(bob)[1], SECONDS)
    assert "bob" in bob.find("#loot").text
    bob.find("#hour").click()
    bob.wait(lambda: "Theft" in bob.find("#owner .verdict").text, SECONDS)
    assert "refused (401)" in bob.find("#loot").text
    bob.log_in(bob.user)
    assert bob.find("#owner .verdict").text == "" and len(tokens(bob)) == 1, "a new session is a new story"
    bob.find("#play").click()
    bob.wait(lambda: "Theft" in bob.find("#notice").text, 60)
    assert [text for text in console_errors(bob.driver) if "Content Security" in text] == []


def test_a_page_leaves_when_the_session_ends_elsewhere(bob: Page, quick: bool) -> None:
    """finding J9: in another tab, on another device, by "this one" in the list."""
    first = bob.driver.current_window_handle
    bob.driver.switch_to.new_window("tab")
    bob.driver.get(bob.address)
    bob.wait(lambda: bob.find("#facts").text)
    second = bob.driver.current_window_handle
    bob.find("#sign-out").click()
    bob.wait(lambda: "Signed out" in bob.find("#notice").text)
    bob.driver.switch_to.window(first)
    looks = 1500 if quick else 40
    assert bob.run(f"for (let i = 0; i < {looks} && !document.querySelector('#inside').hidden; i++) "
                   "await new Promise(done => setTimeout(done, 20)); return document.querySelector('#inside').hidden")
    assert "another tab" in bob.find("#notice").text
    bob.log_in(bob.user)
    bob.driver.switch_to.window(second)
    bob.wait(lambda: bob.find("#inside").is_displayed(), SECONDS)
    bob.wait(lambda: "this one" in bob.find("#devices").text)
    bob.driver.execute_script("document.querySelector('#devices button').click()")
    bob.wait(lambda: bob.find("#log-in").is_displayed(), SECONDS)
    assert "unauthorised" not in bob.find("main").text
    bob.driver.switch_to.window(first)
    bob.wait(lambda: bob.find("#log-in").is_displayed(), SECONDS)
    bob.log_in(bob.user)
    other = Page(bob.address, "bob-elsewhere")
    try:
        other.log_in(bob.user)
        other.run("const list = await (await fetch('/api/sessions')).json(); "
                  "for (const { handle, current } of list) if (!current) await fetch('/api/sessions/revoke', "
                  "{ method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({ handle }) })")
        bob.wait(lambda: "signed out" in bob.find("#notice").text, SECONDS)
        assert bob.find("#log-in").is_displayed()
    finally:
        other.driver.quit()


def test_the_table_keeps_the_focus(bob: Page) -> None:
    """finding J10: the page is read again every second and a half; what has not changed stays."""
    other = Page(bob.address, "bob-beside")
    try:
        other.log_in(bob.user)
        bob.wait(lambda: len(bob.driver.find_elements(By.CSS_SELECTOR, "#devices tr")) == 2, SECONDS)
        bob.driver.execute_script("window.kept = document.querySelector('#devices button'); kept.focus(); "
                                  "window.facts = document.querySelector('#facts dd'); window.updates = 0; "
                                  "new MutationObserver(() => updates++).observe(document.querySelector('#clock'), {childList: true})")
        bob.wait(lambda: bob.driver.execute_script("return updates") >= 2, SECONDS)
        assert bob.driver.execute_script("return document.activeElement === kept && kept.isConnected && facts.isConnected")
        other.find("#sign-out").click()
        bob.wait(lambda: len(bob.driver.find_elements(By.CSS_SELECTOR, "#devices tr")) == 1, SECONDS)
        assert bob.driver.execute_script("return document.activeElement.closest('#devices, #devices-title') !== null")
    finally:
        other.driver.quit()
    cells = [cell.text for cell in bob.driver.find_elements(By.CSS_SELECTOR, "#devices td")]
    assert all(re.search(r"\b20\d\d\b.*\d:\d\d", text.replace("\n", " ")) for text in cells[2:5]), "dates with times"
    assert re.fullmatch(r"(Chrome|HeadlessChrome) on Linux \(this one\)", cells[0]), cells[0]
    assert cells[1] in ("127.0.0.0/24", "::/48"), cells[1]
    assert re.search(r"\b20\d\d\b.*\d:\d\d", bob.find("#trail li").text)


def test_all_others_are_signed_out(bob: Page) -> None:
    """ASVS 7.4.3: every other device leaves, and this one stays."""
    other = Page(bob.address, "bob-other")
    try:
        other.log_in(bob.user)
        bob.wait(lambda: len(bob.driver.find_elements(By.CSS_SELECTOR, "#devices tr")) == 2, SECONDS)
        bob.driver.execute_script("document.querySelector('#others').click()")
        bob.wait(lambda: "One other session has ended" in bob.find("#outcome").text, SECONDS)
        other.wait(lambda: other.find("#log-in").is_displayed(), SECONDS)
        bob.wait(lambda: len(bob.driver.find_elements(By.CSS_SELECTOR, "#devices tr")) == 1, SECONDS)
        assert bob.find("#inside").is_displayed()
    finally:
        other.driver.quit()


def test_a_clock_is_the_visitors_own(bob: Page) -> None:
    """finding J10: who pushes the clock moves nobody else's."""
    carol = Page(bob.address, "carol")
    try:
        carol.log_in("carol")
        before = carol.refreshes()
        for _ in range(3):
            bob.press("expire", "expired")
        assert carol.run("await fetch('/api/me'); return (await (await fetch('/api/story')).json()).ahead") == 0
        assert carol.refreshes() == before and "ahead" not in carol.find("#clock").text
        bob.wait(lambda: "3 h ahead" in bob.find("#clock").text, SECONDS)
    finally:
        carol.driver.quit()


@pytest.mark.parametrize("fault", [Fault("status", 500), Fault("drop"), Fault("status", 429, {"retry-after": "30"})])
def test_a_first_refresh_that_fails_leaves_no_blank_page(application: str, fault: Fault) -> None:
    """finding J10: the page says that it does not know, offers the form, and asks again."""
    proxy = FaultyProxy(int(application.rpartition(":")[2]), has_module=True)
    proxy.fault(REFRESH, fault)
    page = Page(f"http://localhost:{proxy.port}", "first")
    try:
        page.wait(lambda: "could not be checked" in page.find("#trouble").text, SECONDS)
        assert page.find("#log-in").is_displayed()
        picture(page.driver, f"1-{fault.kind}-{fault.status}")
        page.log_in("dora")
        assert page.find("#trouble").text == ""
    finally:
        page.driver.quit()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_screen(bob: Page, scheme: str) -> None:
    """finding J8: 320 px wide, light and dark, everything within reach of the keyboard."""
    bob.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    bob.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False})
    for _ in range(3):
        bob.press("refresh", "Refreshed")
    assert bob.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), "nothing is cut off"
    dark = bob.driver.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(18, 21, 29)"
    assert dark == (scheme == "dark")
    unreachable = bob.driver.execute_script(
        "return [...document.querySelectorAll('button, a, summary, input, textarea')].filter(e => e.tabIndex < 0).length")
    assert unreachable == 0
    picture(bob.driver, f"small-{scheme}")
