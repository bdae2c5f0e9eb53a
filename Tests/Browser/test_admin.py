"""The admin page in headless Chromium, as an operator uses it; pictures are kept in .build/screenshots.

No host but this machine can be reached, and each violation of the content security policy is counted.
"""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest
from chromium import console_errors, picture, ready, start
from harness import Core, Server, binary, free_port

ready()

from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402 - there is no Selenium before this line
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402

KEY = "an-admin-key-for-the-browser"
HOSTILE = '"><img src=x onerror=document.title=1>\u202e<script>document.title=2</script>'
LONG = "L" * 10_000
CHECKS = (Path(__file__).parent / "page_checks.js").read_text()
DESKTOP, PHONE = (1280, 900), (320, 700)
WATCH = "window.violations = []; document.addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"


class Place:
    """A core with an admin page, with sessions of all kinds in it."""

    def __init__(self) -> None:
        self.port = free_port()
        self.lines = {
            "admin_listen": f"127.0.0.1:{self.port}", "admin_api_keys": f"alice:{KEY}", "admin_page_writes": "true",
            "refresh_token_sharing_window": "0", "refresh_token_silence": "0", "max_sessions_per_user": "60",
            "metrics_listen": "off"}
        self.server = Server(config=self.text)
        self.server.start()
        self.core = Core(self.server.port)

    @property
    def text(self) -> str:
        return "".join(f"{key}: {json.dumps(value)}\n" for key, value in self.lines.items())

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/admin"

    def sign_in(self, user: str, label: str = "", agent: str = "") -> dict:
        fields = {"tessera-client-address": "203.0.113.9"}
        for name, value in (("label", label), ("user-agent", agent)):
            if value:
                fields[f"tessera-client-{name}"] = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
        made = self.core.send("POST", "/recipe/session", json.dumps({
            "userId": user, "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
            "useDynamicSigningKey": True}).encode(), fields).json
        assert made["status"] == "OK"
        return made

    def steal(self, user: str) -> str:
        """A session whose superseded token is used again: its handle."""
        made = self.sign_in(user, "Stolen laptop")
        first = made["refreshToken"]["token"]
        token = first
        for _ in range(3):
            renewed = self.core.refresh(token).json
            self.core.verify(renewed["accessToken"]["token"], check_database=True)
            token = renewed["refreshToken"]["token"]
        assert self.core.refresh(first).json["status"] == "TOKEN_THEFT_DETECTED"
        return made["session"]["handle"]

    def reload(self, **changed: str) -> None:
        """Has the core read another configuration."""
        said = self.server.output.count("SIGHUP: log files")
        self.lines.update(changed)
        self.server._config.write_text(self.text)
        os.kill(self.server.pid, signal.SIGHUP)
        deadline = time.monotonic() + 30
        while self.server.output.count("SIGHUP: log files") == said and time.monotonic() < deadline:
            time.sleep(0.02)

    def link(self) -> str:
        done = subprocess.run([binary(), "admin", "link", "--with-config", self.server._config], capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Page:
    """One browser on the admin page."""

    def __init__(self, place: Place, name: str = "admin") -> None:
        self.place = place
        self.driver = start(name, "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--force-device-scale-factor=1")
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.open()

    def open(self, address: str | None = None) -> None:
        self.driver.get("about:blank")
        self.driver.get(address or self.place.address)

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        return self.driver.execute_script("return document.querySelector(arguments[0])?.textContent ?? ''", css)

    def wait(self, what, seconds: float = 60):
        return WebDriverWait(self.driver, seconds, 0.05).until(lambda _: what())

    def log_in(self) -> None:
        self.open()
        self.find("#key").send_keys(KEY, Keys.ENTER)
        self.wait(lambda: "Release" in self.text("#facts"))

    def go(self, part: str) -> None:
        self.find(f"nav a[href='#{part}']").click()
        self.wait(lambda: self.find(f"#{part}").is_displayed())

    def look_for(self, by: str, what: str) -> None:
        self.go("sessions")
        self.find(f"#by option[value={by}]").click()
        # What a keyboard cannot type is pasted.
        self.driver.execute_script("document.querySelector('#what').value = arguments[0]", what)
        self.driver.execute_script("document.querySelector('#status').textContent = ''")
        self.find("#find button").click()
        self.wait(lambda: "found" in self.text("#status") or "page" in self.text("#status"))

    def answer(self, reason: str, typed: str = "") -> None:
        self.wait(lambda: self.find("#ask").is_displayed())
        if typed:
            self.find("#ask-name").send_keys(typed)
        self.find("#ask-reason").send_keys(reason)
        self.find("#ask-do").click()

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, css: str) -> None:
        """Moves the focus by the Tab key alone; what has it can be seen."""
        for _ in range(120):
            self.press(Keys.TAB)
            if self.driver.execute_script("return document.activeElement.matches(arguments[0])", css):
                break
        else:
            raise AssertionError(f"Tab does not reach {css}")
        seen = self.driver.execute_script(
            "const a = document.activeElement, s = getComputedStyle(a), b = a.getBoundingClientRect();"
            "const top = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);"
            "return [s.outlineStyle, parseFloat(s.outlineWidth), a === top || a.contains(top) || top?.contains(a)]")
        assert seen[0] != "none" and seen[1] >= 2, "2.4.7 focus visible"
        assert seen[2], "2.4.11 focus not obscured (minimum)"

    def shape(self, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> None:
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def check(self) -> None:
        """What a checker of accessibility would say, and the names that a screen reader gets."""
        assert self.driver.execute_script(CHECKS) == []
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        for node in nodes:
            role = node.get("role", {}).get("value")
            if node.get("ignored") or role not in ("button", "link", "textbox", "combobox", "checkbox", "dialog", "region",
                                                   "table", "alertdialog", "navigation", "img", "image", "form"):
                continue
            assert node.get("name", {}).get("value", "").strip(), f"4.1.2 a {role} without a name: {node}"

    def show(self, title: str) -> None:
        """Checks what is shown, at both widths, light and dark, and keeps pictures."""
        for width, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                self.shape(size, scheme)
                self.check()
                picture(self.driver, f"{title}-{width}-{scheme}")
        self.shape()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    place = Place()
    yield place
    place.server.kill()


@pytest.fixture(scope="module")
def operator(place: Place) -> Iterator[Page]:
    page = Page(place)
    yield page
    page.driver.quit()


@pytest.fixture
def page(operator: Page, request: pytest.FixtureRequest) -> Iterator[Page]:
    """The browser, logged in; afterwards nothing was refused by the policy, and the page has not complained."""
    operator.shape()
    operator.log_in()
    console_errors(operator.driver)
    failed = request.session.testsfailed
    yield operator
    if request.session.testsfailed > failed:
        picture(operator.driver, f"failed-{request.node.name}")
    assert operator.driver.execute_script("return window.violations") == [], "0 reports of the policy"
    assert console_errors(operator.driver) == []


def test_log_in_by_key_and_by_link(place: Place, operator: Page) -> None:
    """AP21, AP22; 3.3.8 accessible authentication (minimum), 3.3.1 error identification."""
    operator.open()
    assert operator.driver.execute_script("return document.activeElement.id") == "key", "2.4.3 focus order"
    operator.show("1-log-in")
    operator.find("#key").send_keys("not-the-key-of-anything", Keys.ENTER)
    operator.wait(lambda: "no key of the admin page" in operator.text("#problem"))
    assert operator.find("#key").get_attribute("value") == ""
    picture(operator.driver, "1-refused")
    # 3.3.8: the key can be pasted.
    operator.driver.execute_cdp_cmd("Input.insertText", {"text": KEY})
    operator.press(Keys.ENTER)
    operator.wait(lambda: "Release" in operator.text("#facts"))
    assert "alice" in operator.text("#operator")
    stored = operator.driver.execute_script(
        "return [localStorage.length, sessionStorage.length, document.cookie, document.documentElement.outerHTML]")
    assert stored[:3] == [0, 0, ""] and KEY not in stored[3], "AP21: it is kept nowhere"
    operator.driver.refresh()
    assert operator.find("#log-in").is_displayed(), "the token was in the page's memory alone"
    link = place.link()
    operator.open(link)
    operator.wait(lambda: "Release" in operator.text("#facts"))
    assert operator.driver.current_url == place.address + "#overview" or operator.driver.current_url == place.address
    operator.open(link)
    operator.wait(lambda: "used already" in operator.text("#problem"))
    console_errors(operator.driver)


def test_overview(page: Page) -> None:
    page.show("2-overview")
    assert "answers" in page.text("#facts")


def test_a_users_sessions_are_shown_and_ended(place: Place, page: Page) -> None:
    """AP01, AP02, AP25: a hostile user ID and hostile labels stay texts."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    made = [place.sign_in(HOSTILE, label, agent) for label in ("", HOSTILE, LONG, "Kitchen tablet")]
    page.look_for("user", HOSTILE)
    rows = page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")
    assert len(rows) == 4
    page.show("3-sessions")
    assert page.driver.title == "Sessions – Tessera admin", "no text of a user was run"
    assert page.driver.execute_script("return document.querySelectorAll('main img, main script').length") == 0
    assert "\u202e" not in page.text("#found") and "\\u202e" in page.text("#found"), "no text turns others around"
    rows[0].find_element(By.CSS_SELECTOR, "button.danger").click()
    page.answer("a test")
    page.wait(lambda: "1 session ended." in page.text("#status"))
    assert page.find("#status").aria_role == "status", "4.1.3 status messages"
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")) == 3
    handle = made[3]["session"]["handle"]
    page.look_for("session", handle)
    page.wait(lambda: "Ended by an administrator" in page.text(".reason"))
    assert "reason: a test" in page.text("#story") and "operator: alice" in page.text("#story")
    page.look_for("user", HOSTILE)
    page.driver.find_element(By.XPATH, "//*[@id='found']//button[text()='End others']").click()
    page.answer("others")
    page.wait(lambda: "2 sessions ended." in page.text("#status"))
    page.driver.find_element(By.XPATH, "//*[@id='found']//button[text()='End all sessions of this user']").click()
    page.find("#ask-cancel").click()
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")) == 1, "nothing without a reason"
    page.driver.find_element(By.XPATH, "//*[@id='found']//button[text()='End all sessions of this user']").click()
    page.answer("all")
    page.wait(lambda: "1 session ended." in page.text("#status"))
    page.wait(lambda: "no session that lives" in page.text("#found"))


def test_pages_of_sessions(place: Place, page: Page) -> None:
    evicted = [place.sign_in("many") for _ in range(62)][0]["session"]["handle"]
    page.look_for("user", "many")
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")) == 50
    page.driver.find_element(By.XPATH, "//*[@id='found']//button[text()='Older']").click()
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")) == 10)
    page.driver.find_element(By.XPATH, "//*[@id='found']//button[text()='Newest']").click()
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#found tbody tr")) == 50)
    page.look_for("session", evicted)
    page.wait(lambda: page.text(".reason") == "Ended by a newer sign-in: limit 60")


def test_a_theft_is_drawn_and_told(place: Place, page: Page) -> None:
    """AP03, AP04: why it ended in words, two tracks, and the same as a table."""
    handle = place.steal("victim")
    page.look_for("session", handle)
    page.wait(lambda: page.text(".reason"))
    assert re.fullmatch(r"A superseded refresh token was reused: 3 rotations old, .+ after the last rotation",
                        page.text(".reason"))
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#story svg path.copy")) == 2
    rows = [row.text for row in page.driver.find_elements(By.CSS_SELECTOR, "#story tbody tr")]
    assert len(rows) == 5 and "reuse_detected" in rows[-1] and "created" in rows[0]
    page.show("4-theft")


def test_the_other_ends_in_words(place: Place, page: Page) -> None:
    """AP03: the user, the application, a limit."""
    by_user, by_application = place.sign_in("ends"), place.sign_in("ends")
    place.core.send("POST", "/recipe/session/remove", json.dumps(
        {"sessionHandles": [by_user["session"]["handle"]]}).encode(), {"tessera-actor": "user"})
    place.core.revoke([by_application["session"]["handle"]])
    for made, words in ((by_user, "Signed out by the user"), (by_application, "Ended by the application")):
        page.look_for("session", made["session"]["handle"])
        page.wait(lambda words=words: page.text(".reason") == words)
    page.look_for("session", "no-such-session")
    assert "does not say why" in page.text("#found")


def test_keys(page: Page) -> None:
    """AP05: rotation, and deletion by typing the name."""
    page.go("keys")
    page.wait(lambda: page.driver.find_elements(By.CSS_SELECTOR, "#key-list tbody tr"))
    before = len(page.driver.find_elements(By.CSS_SELECTOR, "#key-list tbody tr"))
    page.show("5-keys")
    page.find("#rotate-place button").click()
    page.answer("drill")
    page.wait(lambda: "A key was made." in page.text("#status"))
    rows = page.driver.find_elements(By.CSS_SELECTOR, "#key-list tbody tr")
    assert len(rows) == before + 1
    kid = rows[0].find_element(By.CSS_SELECTOR, "th").text
    rows[0].find_element(By.CSS_SELECTOR, "button").click()
    page.wait(lambda: page.find("#ask").is_displayed())
    page.check()
    picture(page.driver, "5-delete")
    page.find("#ask-name").send_keys(kid[:-1])
    page.find("#ask-reason").send_keys("leaked", Keys.ENTER)
    page.wait(lambda: "not the one above" in page.text("#ask-problem"))
    page.find("#ask-name").send_keys(kid[-1], Keys.ENTER)
    page.wait(lambda: "The key was deleted." in page.text("#status"))
    assert len(page.driver.find_elements(By.CSS_SELECTOR, "#key-list tbody tr")) == before


def test_live_figures(place: Place, page: Page) -> None:
    """AP06: what is counted shows within seconds, without a Prometheus."""
    page.go("live")
    page.wait(lambda: page.text("[data-figure=signIns]"))
    before = int(re.search(r"(\d+) since", page.text("#figures")).group(1))
    place.sign_in("live")
    page.wait(lambda: int(re.search(r"(\d+) since", page.text("#figures")).group(1)) > before)
    page.show("6-live")
    page.find("#pause").click()
    assert page.find("#pause").get_attribute("aria-pressed") == "true"


def test_configuration(page: Page) -> None:
    """AP07: sources, and no secret."""
    page.go("configuration")
    page.wait(lambda: page.text("#settings"))
    assert KEY not in page.driver.page_source
    page.find("#only-set").click()
    page.wait(lambda: 3 < len(page.driver.find_elements(By.CSS_SELECTOR, "#settings tbody tr")) < 12)
    rows = {row.find_element(By.CSS_SELECTOR, "code").text: row.text for row in
            page.driver.find_elements(By.CSS_SELECTOR, "#settings tbody tr")}
    assert "set" in rows["admin_api_keys"] and "config.yaml" in rows["admin_page_writes"]
    page.show("7-configuration")


def test_the_audit_log(place: Place, page: Page, tmp_path: Path) -> None:
    """AP08: filters, pages, and the export."""
    page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    page.go("audit")
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#entries tbody tr")) == 50)
    page.find("#f-event option[value=reuse_detected]").click()
    page.find("#filter button").click()
    page.wait(lambda: len(page.driver.find_elements(By.CSS_SELECTOR, "#entries tbody tr")) < 50)
    page.show("8-audit")
    page.find("#export").click()
    page.wait(lambda: "exported" in page.text("#status"))
    file = tmp_path / "tessera-audit.ndjson"
    page.wait(file.exists)
    entries = [json.loads(line) for line in file.read_text().splitlines()]
    assert entries and {entry["event"] for entry in entries} == {"reuse_detected"}


def test_the_keyboard_alone(place: Place, operator: Page) -> None:
    """2.1.1 keyboard, 2.4.3 focus order, 2.4.7, 2.4.11: log in, find, end, log out."""
    place.sign_in("typist")
    operator.open()
    operator.press(KEY, Keys.ENTER)
    operator.wait(lambda: "Release" in operator.text("#facts"))
    assert operator.driver.execute_script("return document.activeElement.id") == "overview-title"
    operator.driver.execute_script("document.activeElement.blur(); document.body.focus()")
    operator.tab_to("a[href='#sessions']")
    operator.press(Keys.ENTER)
    operator.wait(lambda: operator.find("#sessions").is_displayed())
    operator.tab_to("#what")
    operator.press("typist", Keys.ENTER)
    operator.wait(lambda: "1 session found." in operator.text("#status"))
    operator.tab_to("#found td button.danger")
    operator.press(Keys.ENTER)
    operator.wait(lambda: operator.find("#ask").is_displayed())
    operator.press(Keys.ESCAPE)
    operator.wait(lambda: not operator.find("#ask").is_displayed())
    assert operator.driver.execute_script("return document.activeElement.textContent") == "End", "the focus is back"
    operator.press(Keys.ENTER)
    operator.wait(lambda: operator.find("#ask").is_displayed())
    operator.press("by keyboard", Keys.ENTER)
    operator.wait(lambda: "1 session ended." in operator.text("#status"))
    operator.tab_to("#log-out")
    operator.press(Keys.SPACE)
    operator.wait(lambda: operator.find("#log-in").is_displayed())
    assert operator.text("#status") == "Logged out."


def test_two_minutes_before_the_end_there_is_a_warning(page: Page) -> None:
    """2.2.1 timing adjustable."""
    assert not page.find("#ending").is_displayed()
    page.driver.execute_script("const now = Date.now; Date.now = () => now() + 13.5 * 60000")
    page.wait(lambda: page.find("#ending").is_displayed())
    page.check()
    picture(page.driver, "9-ending")
    page.find("#stay").click()
    page.wait(lambda: not page.find("#ending").is_displayed())
    page.driver.execute_script("const now = Date.now; Date.now = () => now() + 16 * 60000")
    page.wait(lambda: page.find("#log-in").is_displayed())
    assert "has ended" in page.text("#problem") and not page.text("#facts"), "nothing is left on the screen"


def test_read_only_and_the_end_of_a_key(place: Place, page: Page) -> None:
    """Changes need admin_page_writes, and the sessions of a key end with it."""
    place.sign_in("kept")
    place.reload(admin_page_writes="false")
    page.go("overview")
    page.driver.refresh()
    page.log_in()
    assert "read-only" in page.text("#facts")
    page.look_for("user", "kept")
    assert not page.find("#found td button.danger").is_enabled()
    page.show("10-read-only")
    place.reload(admin_page_writes="true", admin_api_keys="bob:another-admin-key-than-before")
    page.driver.find_element(By.CSS_SELECTOR, "nav a[href='#keys']").click()
    page.wait(lambda: page.find("#log-in").is_displayed())
    console_errors(page.driver)
    place.reload(admin_api_keys=f"alice:{KEY}")


def test_fields_of_every_reply(place: Place) -> None:
    """AP20, AP23, AP24: another listener than that of drivers, its fields, and names of other sites."""
    import http.client

    def ask(port: int, path: str, host: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        return connection.getresponse()

    for path, host, status in (("/admin", f"127.0.0.1:{place.port}", 200), ("/admin/keys", "localhost", 401),
                               ("/admin", "evil.example.com", 421), ("/x", "localhost", 404)):
        reply = ask(place.port, path, host)
        assert reply.status == status
        policy = reply.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        for name, value in (("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
                            ("Cross-Origin-Opener-Policy", "same-origin"), ("Cache-Control", "no-store"),
                            ("Cross-Origin-Resource-Policy", "same-origin")):
            assert reply.getheader(name) == value
    assert ask(place.server.port, "/admin", f"127.0.0.1:{place.server.port}").status == 404, "AP20"
    assert ask(place.port, "/hello", f"127.0.0.1:{place.port}").status == 404
