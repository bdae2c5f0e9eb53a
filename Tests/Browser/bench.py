"""A browser on the faulty proxy, with an empty page that uses the browser module in each of its tabs."""

from __future__ import annotations

import json
import time
from typing import Any, Callable
from urllib.parse import quote

from chromium import start
from faulty_proxy import FaultyProxy

REFRESH, SIGN_OUT, ME = "/auth/session/refresh", "/auth/signout", "/api/me"
NO_STORAGE = "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError') } });"
FULL_STORAGE = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };"
# How a promise ended, with what a Response or an Error says.
OUTCOME = """const told = e => e instanceof Response ? 'rejected: status ' + e.status : 'rejected: ' + (e?.message ?? e) + ' ' + e?.name;
const outcome = p => Promise.resolve(p).then(v => v instanceof Response ? v.status : v ?? null, told);"""


class Bench:
    """One browser profile. `host` is the name by which its pages know the proxy."""

    def __init__(self, proxy: FaultyProxy, host: str = "localhost") -> None:
        self.proxy, self.origin = proxy, f"http://{host}:{proxy.port}"
        self.driver = start(f"bench-{host}", "--host-resolver-rules=MAP *.lan 127.0.0.1")
        self.driver.get(f"{self.origin}/bench")

    def fresh(self, *, before: str = "", **options: Any) -> None:
        """A visitor of whom nothing is known, with one tab; `before` runs before the module of each page."""
        self.proxy.heal()
        for handle in self.driver.window_handles[1:]:
            self.driver.switch_to.window(handle)
            self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self._options = {**options, "before": before}
        self.load()

    def load(self, **changed: Any) -> None:
        """Loads the page anew in the tab that is in front, with some options changed from now on."""
        self._options.update(changed)
        self.driver.get("about:blank")
        self.driver.get(f"{self.origin}/bench#{quote(json.dumps(self._options))}")
        self.run("while (!window.isReady) await new Promise(done => setTimeout(done, 5));")

    def tabs(self, count: int) -> list[str]:
        """As many tabs as that, each with the page."""
        while len(self.driver.window_handles) < count:
            self.driver.switch_to.new_window("tab")
            self.load()
        return list(self.driver.window_handles)

    def to(self, tab: str) -> None:
        self.driver.switch_to.window(tab)

    def run(self, script: str) -> Any:
        """What an asynchronous script returns, or how it failed."""
        return self.driver.execute_async_script(
            f"{OUTCOME} const done = arguments[0]; (async () => {{ {script} }})().then(done, e => done('threw ' + e));")

    def begin(self, script: str) -> None:
        """Begins something in the tab that is in front; `end` waits for it."""
        self.driver.execute_script(f"{OUTCOME} window.job = (async () => {{ {script} }})().catch(e => 'threw ' + e);")

    def end(self) -> Any:
        return self.run("return await window.job")

    def log_in(self) -> None:
        body = "{method: 'POST', headers: {'content-type': 'application/json'}, body: '{\"user\":\"ada\",\"password\":\"demo\"}'}"
        assert self.run(f"return outcome(fetch('/api/login', {body}))") == 200

    def expire(self) -> None:
        """The access token is over; the browser has forgotten it, as it does by `Max-Age`."""
        self.driver.delete_cookie("sAccessToken")

    def signed_in(self, **options: Any) -> None:
        """A visitor who has logged in, and whose access token is over."""
        self.fresh(**options)
        self.log_in()
        self.expire()
        self.proxy.heal()

    def events(self) -> list[str]:
        return self.driver.execute_script("return seenEvents.map(event => event.action)")

    def me(self) -> Any:
        return self.run("return outcome(fetch('/api/me'))")

    def trail(self) -> str:
        return str(self.run("return await (await fetch('/api/trail')).text()"))

    def until(self, what: Callable[[], bool], seconds: float = 30) -> None:
        """Waits until something is true of the proxy."""
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it did not come true"
            time.sleep(0.01)
