#!/usr/bin/env python3
"""Uses the example web application in headless Chromium, as people would, and keeps pictures in .build/screenshots.

The wall clock of the application is moved where minutes have to pass.
"""

from __future__ import annotations

import http.server
import os
import re
import subprocess
import sys
import threading

from chromium import ROOT, console_errors, in_environment, picture, start

in_environment()

from selenium.webdriver.common.by import By  # noqa: E402 - there is no Selenium before this line
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

sys.path.insert(0, str(ROOT / "Tests/BlackBox"))
from follow_places import Clock  # noqa: E402
from harness import Checks, TemporaryFolder  # noqa: E402

BINARY = os.environ.get("WEB_APP", str(ROOT / ".build/debug/WebApp"))
WINDOW = 60
SILENCE = 120
REFRESH_COOKIE = "sRefreshToken"


class Page:
    """One browser on the application."""

    def __init__(self, address: str, name: str) -> None:
        """Opens the start page."""
        self.address, self.driver = address, start(name)
        self.driver.get(address)

    def find(self, css: str):
        """The element of a selector."""
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def wait(self, what, seconds: float = 15):
        """Waits until something is true of the page."""
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: what())

    def run(self, script: str):
        """What an asynchronous expression gives."""
        return self.driver.execute_async_script(
            "const done = arguments[0]; (async () => { " + script + " })().then(done, e => done('failed: ' + e))")

    def log_in(self, user: str) -> None:
        """Fills the form in."""
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
        """Puts a cookie into the jar."""
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)

    def events(self) -> list[str]:
        """What the page was told of its session."""
        return self.driver.execute_script("return window.sessionEvents.map(event => event.action)")

    def trail(self) -> str:
        """What the application tells of its sessions."""
        return str(self.run("return await (await fetch('/api/trail')).text()"))

    def refreshes(self) -> int:
        """How many refreshes this page has made."""
        return self.driver.execute_script(
            "return window.sessionEvents.filter(e => e.action === 'REFRESH_SESSION').length")


def ordinary(checks: Checks, page: Page, clock: Clock) -> None:
    """Log-in, expiry, refresh, data."""
    picture(page.driver, "1-log-in")
    checks.equal("no complaint on the log-in page", console_errors(page.driver), [])
    page.log_in("ada")
    picture(page.driver, "2-inside")
    checks.check("the page shows who is signed in", "ada" in page.find("#who").text)
    cookies = page.cookies()
    access = cookies.get("sAccessToken", {})
    checks.check("the access token is out of reach of scripts", access.get("httpOnly") and access["sameSite"] == "Lax")
    checks.check("scripts see the front token", "sFrontToken" in page.driver.execute_script("return document.cookie"))
    page.press("expire", "expired")
    page.press("parallel", "1 refresh")
    checks.check("six parallel calls after expiry make one refresh", "1 refresh" in page.find("#outcome").text)
    checks.check("the session goes on", "ada" in page.find("#facts").text)
    page.find("#data textarea").clear()
    page.find("#data textarea").send_keys('{"colour": "blue"}')
    page.find("#data button").click()
    page.wait(lambda: "Saved" in page.find("#outcome").text)
    checks.equal("data is kept", page.run("return (await (await fetch('/api/data')).json()).colour"), "blue")


def two_tabs(checks: Checks, page: Page, clock: Clock) -> None:
    """Two tabs find their token expired at one moment."""
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(page.address)
    page.wait(lambda: page.find("#facts").text)
    second = page.driver.current_window_handle
    rotations = "return (await (await fetch('/api/trail')).json()).length"
    page.run("await fetch('/api/expire', {method: 'POST'}); return 1")
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.driver.execute_script(
            "window.calls = Promise.all([1, 2, 3].map(() => fetch('/api/me'))).then(all => all.map(r => r.status))")
    found = []
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        found.append(page.run("return window.calls"))
    checks.equal("two tabs with an expired token: all calls succeed", found, [[200] * 3] * 2)
    checks.check("no theft was seen", "reuse" not in str(page.run("return await (await fetch('/api/trail')).text()")))
    checks.check("the trail can be read", page.run(rotations) > 0)
    page.driver.close()
    page.driver.switch_to.window(first)


def tabs_refresh_once(checks: Checks, page: Page, clock: Clock) -> None:
    """Counts the refreshes of two tabs."""
    first = page.driver.current_window_handle
    page.driver.switch_to.new_window("tab")
    page.driver.get(page.address)
    page.wait(lambda: page.find("#facts").text)
    second = page.driver.current_window_handle
    before = 0
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.driver.execute_script("document.querySelector('#inside').hidden = true")  # stops the page's own polling
        before += page.refreshes()
    page.run("await fetch('/api/expire', {method: 'POST'}); return 1")
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.driver.execute_script("window.calls = Promise.all([1, 2, 3].map(() => fetch('/api/me')))")
    after = 0
    for tab in (first, second):
        page.driver.switch_to.window(tab)
        page.run("await window.calls; return 1")
        after += page.refreshes()
    checks.equal("two tabs and six calls: one refresh", after - before, 1)
    page.driver.close()
    page.driver.switch_to.window(first)
    page.driver.refresh()
    page.wait(lambda: page.find("#facts").text)


def forged(checks: Checks, page: Page, clock: Clock) -> None:
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
    checks.check("a form of another site is refused", "unauthorised" in page.driver.page_source)
    server.shutdown()
    page.driver.get(page.address)
    page.wait(lambda: page.find("#facts").text)
    checks.check("and nobody was signed out", "ada" in page.find("#facts").text)
    console_errors(page.driver)


def late(checks: Checks, page: Page, clock: Clock) -> None:
    """A refresh with the token before the current one succeeds in its window, then it is refused, and harms nobody."""
    old = page.refresh_cookie()
    page.press("refresh", "Refreshed")
    current = page.refresh_cookie()
    checks.check("a refresh gives another token", old["value"] != current["value"])
    page.wait(lambda: page.find("#facts").text)
    page.put_cookie(old)
    page.press("refresh", "Refreshed")
    checks.equal("a late refresh gives the same token", page.refresh_cookie()["value"], current["value"])
    clock.to(clock.now + WINDOW + 1)
    checks.equal("no complaint of the page so far", console_errors(page.driver), [])
    before = page.events()
    page.put_cookie(old)
    page.driver.delete_cookie("sAccessToken")
    status = page.run("return (await fetch('/api/me')).status")
    checks.equal("after the window the call that needs it fails", status, 503)
    checks.equal("the page is told nothing", page.events(), before)
    checks.check("it keeps its front token", "sFrontToken" in page.driver.execute_script("return document.cookie"))
    checks.equal("and its refresh token", page.refresh_cookie()["value"], old["value"])
    checks.check("nobody is signed out", page.find("#inside").is_displayed() and not page.find("#notice").text)
    picture(page.driver, "3-late")
    page.put_cookie(current)
    checks.equal("with the current token it goes on", page.run("return (await fetch('/api/me')).status"), 200)
    trail = page.trail()
    checks.check("the trail tells it, and of no theft", "late_parent" in trail and "reuse" not in trail, trail)
    complaints = [text for text in console_errors(page.driver) if " 503 " not in text]
    checks.equal("no other complaint", complaints, [])


def shared(checks: Checks, page: Page, clock: Clock) -> None:
    """A copy that is used within a minute of its owner: nobody can tell them apart, and nobody is accused."""
    page.press("steal", "copy")
    twin = Page(page.find("#stolen-link").get_attribute("href"), "twin")
    twin.wait(lambda: twin.find("#facts").text)
    page.press("refresh", "Refreshed")
    checks.equal("both have one token", page.refresh_cookie()["value"], twin.refresh_cookie()["value"])
    checks.check("nobody is accused", "reuse" not in page.trail())
    twin.driver.quit()
    page.press("refresh", "Refreshed")


def stolen(checks: Checks, page: Page, clock: Clock) -> None:
    """A copy of the refresh token is used in another profile, and its owner comes later."""
    page.press("steal", "copy")
    thief = Page(page.find("#stolen-link").get_attribute("href"), "thief")
    thief.wait(lambda: thief.find("#facts").text)
    checks.check("the thief is in", "ada" in thief.find("#facts").text)
    picture(thief.driver, "1-in")
    begun = clock.now
    clock.to(begun + WINDOW + 1)
    refused = page.run("return (await fetch('/auth/session/refresh?superTokensDoNotDoInterception', "
                       "{method: 'POST'})).status")
    checks.equal("in the silence the victim is told nothing", refused, 503)
    checks.check("nor signed out", page.find("#inside").is_displayed() and not page.find("#notice").text)
    clock.to(begun + SILENCE + 1)
    page.find("#refresh").click()
    page.wait(lambda: page.find("#notice").text)
    picture(page.driver, "4-theft")
    checks.check("the victim is told", "somebody else" in page.find("#notice").text)
    status = thief.run("return (await fetch('/api/me')).status")
    checks.equal("the thief is out", status, 401)
    thief.driver.quit()
    complaints = [text for text in console_errors(page.driver) if " 503 " not in text]
    checks.equal("no complaint but of what was refused", complaints, [])


def end(checks: Checks, page: Page, clock: Clock) -> None:
    """The trail shows the theft; signing out everywhere ends another profile's session."""
    page.log_in("ada")
    page.wait(lambda: "reuse_detected" in page.find("#trail").text)
    picture(page.driver, "5-trail")
    checks.check("the trail shows the theft", True)
    other = Page(page.address, "other")
    other.log_in("ada")
    page.find("#everywhere").click()
    page.wait(lambda: page.find("#log-in").is_displayed())
    checks.equal("the other profile is signed out", other.run("return (await fetch('/api/me')).status"), 401)
    other.driver.quit()
    page.log_in("ada")
    page.find("#sign-out").click()
    page.wait(lambda: "Signed out" in page.find("#notice").text)
    checks.check("sign-out takes the cookies away", "sAccessToken" not in page.cookies())
    checks.equal("no complaint in the console", console_errors(page.driver), [])


def main() -> int:
    """Runs all of it."""
    checks, clock = Checks(), Clock(TemporaryFolder().path)
    environment = {**os.environ, **clock.environment, "PORT": "0"}
    application = subprocess.Popen([BINARY], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = re.search(r"http://localhost:\d+", application.stdout.readline())[0]
        page = Page(address, "ada")
        for part in (ordinary, two_tabs, tabs_refresh_once, forged, late, shared, stolen, end):
            try:
                part(checks, page, clock)
            except Exception:
                picture(page.driver, f"failed-{part.__name__}")
                raise
        page.driver.quit()
    finally:
        application.kill()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
