"""A user's devices as foreign SDKs fill the list, and what a page of it costs.

The interceptors of Examples/Interceptors are used as they are: the one for python by an unmodified supertokens-python,
the one for node by node itself with requests as supertokens-node documents them.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest
from drivers_browser import API_KEY, KEYS, Application, Browser, SteadyServer
from drivers_releases import NEWEST
from harness import HOST, ROOT, Server

Json = dict[str, Any]
INTERCEPTORS = ROOT / "Examples/Interceptors"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CHROME = ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
          "Safari/537.36")


def devices(core: str, query: str, key: str | None = None) -> Json:
    """The core's list."""
    request = urllib.request.Request(f"{core}/tessera/sessions?{query}", headers={"api-key": key} if key else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        found: Json = json.load(answer)
    return found


class OwnedBrowser(Browser):
    """A browser that says what it is, behind a proxy that says where it is."""

    agent = FIREFOX
    address = "203.0.113.57"

    def _headers(self, path: str, csrf: bool) -> dict[str, str]:
        return super()._headers(path, csrf) | {
            "user-agent": self.agent, "x-forwarded-for": f"1.1.1.1, {self.address}",
            "sec-ch-ua-platform": '"Chrome OS"'}


@pytest.fixture(scope="module")
def python() -> Iterator[Application]:
    """supertokens-python with the interceptor on a core."""
    with SteadyServer(config=KEYS) as core:
        application = Application(NEWEST, NEWEST.python(), f"http://{HOST}:{core.port}", "--report-clients").ready()
        yield application
        application.child.kill()


@pytest.mark.parametrize("mode", ["cookie", "header"])
def test_python(python: Application, mode: str) -> None:
    """Sign-in and refresh through supertokens-python are in the list, with the address that the proxy saw."""
    browser = OwnedBrowser(python, mode)
    user = f"alice-{mode}"
    assert browser.send("POST", "/login", {"userId": user}).status == 200
    found = devices(python.core, f"userId={user}", API_KEY)["sessions"]
    assert [entry["device"]["label"] for entry in found] == ["Firefox on ChromeOS"]
    assert found[0]["device"]["firstAddress"] == "203.0.113.0/24"
    assert found[0]["device"]["userAgent"] == FIREFOX
    browser.agent, browser.address = CHROME, "198.51.100.9"
    assert browser.send("POST", "/auth/session/refresh").status == 200
    device = devices(python.core, f"userId={user}", API_KEY)["sessions"][0]["device"]
    assert (device["label"], device["firstAddress"], device["lastAddress"]) == (
        "Chrome on ChromeOS", "203.0.113.0/24", "198.51.100.0/24")
    assert browser.send("GET", "/me").status == 200


NODE = """
import { clientReporter } from %s
const held = { "user-agent": %s, "x-forwarded-for": "1.1.1.1, 203.0.113.57", "sec-ch-ua-platform": '"Chrome OS"' }
const client = { getHeaderValue: (name) => held[name] }
const asked = JSON.parse(process.argv[2])
const answered = asked.map(({ request, hasClient, proxies }) =>
    clientReporter(() => (hasClient ? client : undefined), { trustedProxies: proxies })(request, {}))
console.log(JSON.stringify(answered))
"""


def intercepted(asked: list[Json], tmp_path: Any) -> list[Json]:
    """What the interceptor for node makes of requests to the core."""
    script = tmp_path / "run.mjs"
    script.write_text(NODE % (json.dumps(str(INTERCEPTORS / "tessera.mjs")), json.dumps(FIREFOX)))
    run = subprocess.run(["node", str(script), json.dumps(asked)], capture_output=True, text=True, check=True, timeout=120)
    found: list[Json] = json.loads(run.stdout)
    return found


def test_node(tmp_path: Any) -> None:
    """The core understands what the interceptor for node adds, and other requests stay as they are."""
    with Server() as core:
        url = f"http://{HOST}:{core.port}/recipe/session"
        body = {"userId": "alice", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}
        request = {"url": url, "method": "post", "headers": {"cdi-version": "5.4"}, "body": body}
        verify = {**request, "url": f"{url}/verify"}
        made, quiet, silent, other = intercepted(
            [{"request": request, "hasClient": True, "proxies": 1}, {"request": request, "hasClient": True, "proxies": 0},
             {"request": request, "hasClient": False, "proxies": 1}, {"request": verify, "hasClient": True, "proxies": 1}],
            tmp_path)
        assert (silent, other) == (request, verify)
        assert made["body"] == body and made["headers"]["cdi-version"] == "5.4"
        assert "tessera-client-address" not in quiet["headers"]
        sent = urllib.request.Request(url, json.dumps(body).encode(), made["headers"], method="POST")
        with urllib.request.urlopen(sent, timeout=60) as answer:
            assert json.load(answer)["status"] == "OK"
        device = devices(f"http://{HOST}:{core.port}", "userId=alice")["sessions"][0]["device"]
        assert device == {"label": "Firefox on ChromeOS", "userAgent": FIREFOX, "firstAddress": "203.0.113.0/24",
                          "lastAddress": "203.0.113.0/24"}


def fill(path: str, many: int, one: int) -> None:
    """Adds sessions of many users, and very many of one, as copies of the one that is there."""
    with sqlite3.connect(path) as database:
        names = [row[1] for row in database.execute("PRAGMA table_info(session_info)")]
        changed = {"session_handle": "printf('h%09d', n)", "user_id": "CASE WHEN n <= :one THEN 'crowd' ELSE 'u' || (n / 50) END",
                   "created_at_time": "created_at_time + n"}
        values = ", ".join(changed.get(name, name) for name in names)
        database.execute(
            f"WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :many) "
            f"INSERT INTO session_info ({', '.join(names)}) SELECT {values} FROM session_info, number",
            {"many": many, "one": one})


def resident(core: Server) -> int:
    """The kilobytes of memory that a core has now."""
    assert core.child is not None
    status = Path(f"/proc/{core.child.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_cost_of_pages(quick: bool) -> None:
    """A page of 50 beside a million sessions; a user with 100,000 sessions is paged in constant memory."""
    many, one = (100_000, 20_000) if quick else (1_000_000, 100_000)
    with Server() as core:
        base = f"http://{HOST}:{core.port}"
        body = {"userId": "first", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}
        sent = urllib.request.Request(f"{base}/recipe/session", json.dumps(body).encode(), {"cdi-version": "5.4"})
        urllib.request.urlopen(sent, timeout=60).close()
        core.stop()
        fill(str(core.data / "tessera.sqlite"), many, one)
        core.start()
        base = f"http://{HOST}:{core.port}"
        times = []
        for number in range(200):
            begun = time.perf_counter()
            page = devices(base, f"userId=u{(one + 50 * (number + 10)) // 50}&limit=50")
            times.append(time.perf_counter() - begun)
            assert len(page["sessions"]) == 50
        slowest = statistics.quantiles(times, n=20)[-1]
        print(f"a page of 50 with {many} sessions: p95 {slowest * 1000:.1f} ms, median {statistics.median(times) * 1000:.1f} ms")
        before, count, query, last = resident(core), 0, "userId=crowd&limit=500", ""
        while query:
            page = devices(base, query)
            handles = [entry["sessionHandle"] for entry in page["sessions"]]
            assert handles == sorted(handles, reverse=True) and (not last or handles[0] < last)
            last, count = handles[-1], count + len(handles)
            query = f"userId=crowd&limit=500&after={urllib.parse.quote(page['next'])}" if "next" in page else ""
        grown = resident(core) - before
        print(f"{count} sessions of one user in pages of 500: {grown} KiB more")
        assert count == one
        assert grown < 8 * 1024, f"{grown} KiB"
