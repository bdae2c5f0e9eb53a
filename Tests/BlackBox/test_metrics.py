"""Metrics as an operator meets them: Debian's promtool and Prometheus read a running core, and every figure that an alert or
the dashboard needs is there. A day of recorded figures without an incident fires no alert."""

from __future__ import annotations

import http.client
import json
import re
import socket
from pathlib import Path
from typing import Callable, Iterator
from urllib.parse import urlencode

import pytest
from harness import HOST, ROOT, Child, Core, Server, TemporaryFolder, free_port, until
from machine import Machine
from metrics_page import ALERTS, SECONDS, ask, families, of_scrape, port_of, program, promtool, samples

TESTS = ROOT / "deploy/prometheus/alerts_test.yml"
SCRAPING = ROOT / "deploy/prometheus/prometheus.yml"
DASHBOARD = ROOT / "deploy/grafana/tessera.json"
PAGE = ROOT / "docs/metrics.md"
OPEN = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;q=0.5"
NAME = re.compile(r"\b(?:tessera|process)_[a-z_]+\b")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


def names(expression: str, known: dict[str, str]) -> set[str]:
    """The families of an expression; those of a histogram by their base."""
    found = set(NAME.findall(re.sub(r'"[^"]*"|by \([^)]*\)|on \([^)]*\)', "", expression)))
    return {re.sub("_(bucket|sum|count)$", "", name) if name not in known else name for name in found}


def use(core: Core, users: int) -> None:
    """Honest clients: they sign in, are verified, refresh and sign out."""
    for number in range(users):
        session = core.create(f"user-{number}").json
        for _ in range(4):
            assert core.verify(session["accessToken"]["token"]).ok
        new = core.refresh(session["refreshToken"]["token"]).json
        assert core.verify(new["accessToken"]["token"]).ok
        if number % 2:
            assert core.revoke([session["session"]["handle"]]).ok
    core.get("/hello")


@pytest.fixture(scope="module")
def measured() -> Iterator[Server]:
    """A core that answers metrics on a free port, and has served somebody."""
    with Server(environment={"TESSERA_METRICS_LISTEN": f"{HOST}:0"}) as server:
        use(server.core(), 10)
        yield server


@pytest.fixture
def page(measured: Server) -> str:
    return ask(port_of(measured))[2]


def test_what_is_counted_is_what_happened(measured: Server) -> None:
    before = samples(ask(port_of(measured))[2])
    core = measured.core()
    session = core.create("counted").json
    old = session["refreshToken"]["token"]
    new = core.refresh(old).json
    assert core.verify(new["accessToken"]["token"]).ok
    assert core.verify("no token").outcome == "TRY_REFRESH_TOKEN"
    assert core.refresh("no token").outcome == "UNAUTHORISED"
    assert core.get("/nothing").status == 404
    assert core.revoke([session["session"]["handle"]]).ok
    # A request counts as one in flight until after its reply was written.
    assert until(lambda: samples(ask(port_of(measured))[2])["tessera_requests_in_flight{}"] == 0, SECONDS)
    after = samples(ask(port_of(measured))[2])

    def gained(series: str) -> float:
        return after[series] - before[series]

    for series, wanted in {
        'tessera_requests_total{operation="createSession",outcome="ok"}': 1,
        'tessera_requests_total{operation="refreshSession",outcome="ok"}': 1,
        'tessera_requests_total{operation="refreshSession",outcome="unauthorised"}': 1,
        'tessera_requests_total{operation="verifySession",outcome="ok"}': 1,
        'tessera_requests_total{operation="verifySession",outcome="try_refresh"}': 1,
        'tessera_requests_total{operation="none",outcome="not_found"}': 1,
        'tessera_request_duration_seconds_count{operation="createSession"}': 1,
        'tessera_request_duration_seconds_bucket{operation="createSession",le="+Inf"}': 1,
        'tessera_refreshes_total{result="refreshed"}': 1, 'tessera_refreshes_total{result="not_a_token"}': 1,
        'tessera_sessions_created_total{rotation="at_first_use"}': 1,
        'tessera_sessions_ended_total{means="handle"}': 1, "tessera_rotations_total{}": 1,
        'tessera_audit_entries_total{event="created"}': 1, 'tessera_audit_entries_total{event="revoked"}': 1,
        'tessera_audit_entries_total{event="refreshed"}': 1,
        'tessera_storage_duration_seconds_count{step="insert"}': 1,
        'tessera_storage_duration_seconds_count{step="remove"}': 1,
        'tessera_reuses_total{class="stale",ended="true"}': 0, "tessera_storage_up{}": 0,
    }.items():
        assert gained(series) == wanted, series
    assert gained('tessera_signatures_total{algorithm="RS256"}') >= 2
    assert gained("tessera_storage_group_size_count{}") >= 3
    assert after["tessera_storage_up{}"] == 1 and after["tessera_requests_in_flight{}"] == 0
    assert after["tessera_connections{}"] >= 1 and after['tessera_signing_keys{state="signing"}'] >= 1
    assert after["tessera_signing_key_due_seconds{}"] > 3600


def test_an_old_refresh_token_is_theft_on_the_page() -> None:
    """Two holders of a token: the verdict, how the token was superseded, and the end of the session."""
    with Server(config="refresh_token_sharing_window: 0\nrefresh_token_silence: 0\n",
                environment={"TESSERA_METRICS_LISTEN": f"{HOST}:0"}) as server:
        core = server.core()
        old = core.create("victim").json["refreshToken"]["token"]
        for token in [old]:
            first = core.refresh(token).json["refreshToken"]["token"]
        second = core.refresh(first).json["refreshToken"]["token"]
        assert core.refresh(second).ok
        assert core.refresh(old).outcome == "TOKEN_THEFT_DETECTED"
        found = samples(ask(port_of(server))[2])
        assert found['tessera_requests_total{operation="refreshSession",outcome="theft"}'] == 1
        assert sum(value for name, value in found.items() if name.startswith("tessera_reuses_total")) == 1
        assert found['tessera_sessions_ended_total{means="reuse"}'] == 1
        assert found['tessera_refreshes_total{result="reuse"}'] == 1


def test_no_text_of_a_caller_is_on_the_page(measured: Server) -> None:
    """OB08: labels are closed sets; what a stranger sends makes no series."""
    before = set(samples(ask(port_of(measured))[2]))
    core = measured.core()
    for number in range(20):
        core.send("GET", f"/appid-canary{number}/canary-tenant/recipe/session?sessionHandle=canary{number}")
        core.send("CANARY", f"/canary{number}", headers={"cdi-version": f"canary{number}", "api-key": "canary"})
        core.create(f"canary-user-{number}")
        core = measured.core()
    text = ask(port_of(measured))[2]
    assert set(samples(text)) == before and "canary" not in text


@pytest.mark.parametrize(("accept", "type"), [
    (None, "text/plain; version=0.0.4; charset=utf-8"),
    ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
    (OPEN, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
])
def test_the_format_is_negotiated(measured: Server, accept: str | None, type: str) -> None:
    status, headers, text = ask(port_of(measured), **({"accept": accept} if accept else {}))
    assert status == 200 and headers["content-type"] == type
    assert text.endswith("# EOF\n") == ("openmetrics" in type) and "\r" not in text


def test_the_listener_answers_nothing_else(measured: Server) -> None:
    port = port_of(measured)
    assert ask(port, "/")[0] == 404 and ask(port, "/hello")[0] == 404 and ask(port, "/recipe/session")[0] == 404
    assert ask(port, method="POST")[0] == 405 and ask(port, method="HEAD")[::2] == (200, "")
    # DNS rebinding, and pages of strangers.
    assert ask(port, Host="evil.example")[0] == 403 and ask(port, Origin="https://evil.example")[0] == 403
    assert ask(port, Sec_Fetch_Site="cross-site")[0] == 403
    assert ask(port, Host=f"localhost:{port}")[0] == 200
    assert measured.core().get("/metrics").status == 404, "not on the address of drivers"
    crowd = [socket.create_connection((HOST, port)) for _ in range(80)]
    assert measured.core().get("/hello").status == 200
    for connection in crowd:
        connection.close()
    assert until(lambda: answers(port), SECONDS)


def answers(port: int) -> bool:
    try:
        return ask(port)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_taken_port_that_was_asked_for_is_one_sentence(machine: Machine, measured: Server) -> None:
    port = port_of(measured)
    done = machine.run("serve", "--port", "0", "--data-dir", str(machine.path / "refused"),
                       TESSERA_METRICS_LISTEN=f"{HOST}:{port}")
    assert done.returncode == 1
    assert f"metrics_listen: cannot listen on {HOST}:{port}" in done.stderr and "or to off" in done.stderr


@pytest.mark.parametrize(("value", "words"), [
    ("9567", "must be an address with a port"), ("127.0.0.1:99999", "must be an address with a port"),
    ("::1:9567", "must be an address with a port"), ("127.0.0.1:x", "must be an address with a port"),
    (":9567", "must be an address with a port"),
])
def test_a_wrong_address_ends_the_start(machine: Machine, value: str, words: str) -> None:
    done = machine.run("config", "check", TESSERA_METRICS_LISTEN=value)
    assert done.returncode != 0 and words in done.stdout + done.stderr


def test_a_second_core_starts_without_the_standard_port(measured: Server) -> None:
    """Two cores with the standard configuration: whoever has the port, both serve."""
    with Server(environment={"TESSERA_METRICS_LISTEN": ""}) as first, \
            Server(environment={"TESSERA_METRICS_LISTEN": ""}) as second:
        assert first.core().get("/hello").status == second.core().get("/hello").status == 200
        assert second.says("Started SuperTokens")
        assert "Metrics are not answered: cannot listen on 127.0.0.1:9567" in second.output
    with Server(environment={"TESSERA_METRICS_LISTEN": "off"}) as third:
        assert third.says("Started SuperTokens") and "Metrics        off (metrics_listen)" in third.output


def test_promtool_takes_the_page(page: str) -> None:
    """OB12, and the first lines of OB02."""
    done = promtool("check", "metrics", text=page)
    assert done.returncode == 0, done.stdout + done.stderr
    assert page.endswith("\n") and not page.endswith("\n\n")


def test_promtool_takes_the_alerts_and_each_fires_once() -> None:
    assert (done := promtool("check", "rules", str(ALERTS))).returncode == 0, done.stdout + done.stderr
    assert (done := promtool("test", "rules", str(TESTS))).returncode == 0, done.stdout + done.stderr
    alerts = re.findall(r"- alert: (\w+)", ALERTS.read_text())
    assert len(alerts) == len(set(alerts)) > 15
    assert sorted(alerts) == sorted(re.findall(r"name: (\w+)", TESTS.read_text())), "each alert is tested"


def test_every_figure_that_is_used_is_there_and_explained(page: str) -> None:
    known = families(page)
    expressions = re.findall(r'"(?:expr|query|definition)": "(.*)",?\n', DASHBOARD.read_text())
    rules = re.findall(r"expr: (?:>-\n)?((?:.|\n)*?)\n +(?:for|labels):", ALERTS.read_text())
    assert len(expressions) > 50 and len(rules) > 15
    for text in expressions + rules:
        assert names(text, known) <= set(known), text
    documented = set(re.findall(r"^\| `((?:tessera|process)_[a-z_]+)` \|", PAGE.read_text(), re.MULTILINE))
    assert documented == set(known), f"docs/metrics.md: {documented ^ set(known)}"


def test_the_dashboard_is_one_that_grafana_imports() -> None:
    """The classic model: unique panels inside 24 columns that do not overlap, each target with a data source."""
    board = json.loads(DASHBOARD.read_text())
    assert 8 <= len(board["uid"]) <= 40 and isinstance(board["schemaVersion"], int) and board["title"]
    assert [each["name"] for each in board["templating"]["list"]] == ["datasource", "instance"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells
        assert panel["type"] in ("row", "stat", "timeseries", "table") and panel["title"]
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}" and panel["targets"]
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def day(series: str, kind: str, first: float, second: float) -> str:
    """A day of a series, minute by minute: counters grow with the hours, times go on."""
    count = 24 * 60
    if "last_success_timestamp" in series or series.startswith("process_start"):
        # Jobs run every ten minutes, the chain of the audit log more often than this day has figures; a process starts once.
        moving = "process" not in series and "config" not in series
        period = 60 if 'task="chain"' in series else 600
        return " ".join(str(minute * 60 // period * period if moving else 0) for minute in range(24 * 60 + 1))
    if kind == "gauge":
        return f"{second:g}+0x{count}"
    growth = second - first
    quarter = count // 4
    parts, value = [], first
    for part in (0.2, 1.0, 2.0, 0.5):
        parts.append(f"{value:g}+{growth * part:g}x{quarter - 1}")
        value += growth * part * quarter
    return " ".join(parts)


def test_no_alert_fires_on_a_healthy_day(measured: Server, tmp_path: Path) -> None:
    """The figures of honest clients, recorded twice and grown to a day with its night and its peak."""
    first = ask(port_of(measured))[2]
    use(measured.core(), 30)
    second = ask(port_of(measured))[2]
    kinds, before, after = families(second), samples(first), samples(second)
    lines = ["rule_files: [" + str(ALERTS) + "]", "evaluation_interval: 1m", "tests:", "  - interval: 1m",
             "    input_series:", "      - {series: 'up{job=\"tessera\",instance=\"core:9567\"}', values: '1x1440'}"]
    for series, value in after.items():
        name = series.split("{")[0]
        kind = kinds.get(name) or kinds[re.sub("_(bucket|sum|count)$", "", name)]
        lines.append(f"      - {{series: '{of_scrape(series)}', "
                     f"values: '{day(series, kind, before.get(series, value), value)}'}}")
    # Not even pending, at any evaluation of the day.
    lines += ["    promql_expr_test:", "      - expr: count by (alertname) (count_over_time(ALERTS[1d]))",
              "        eval_time: 1d", "        exp_samples: []"]
    # The day is one on which the figures are used: without this the test would pass on an empty page.
    lines += ['      - expr: sum(increase(tessera_requests_total{operation="refreshSession",outcome="ok"}[1d])) > bool 1000',
              "        eval_time: 1d", "        exp_samples: [{labels: '{}', value: 1}]"]
    (tmp_path / "day.yml").write_text("\n".join(lines) + "\n")
    done = promtool("test", "rules", str(tmp_path / "day.yml"))
    assert done.returncode == 0, (done.stdout + done.stderr)[:4_000]


class Prometheus:
    """Debian's Prometheus on a free port, which scrapes some cores every second."""

    def __init__(self, *ports: int) -> None:
        self._folder = TemporaryFolder("tessera-prometheus-")
        folder, self.port = self._folder.path, free_port()
        text = SCRAPING.read_text().replace("15s", "1s").replace("- alerts.yml", f"- {ALERTS}")
        text = text.replace('["127.0.0.1:9567"]', json.dumps([f"{HOST}:{port}" for port in ports]))
        (folder / "prometheus.yml").write_text("global: {evaluation_interval: 1s}\n" + text)
        self.child = Child([program("prometheus"), f"--config.file={folder / 'prometheus.yml'}",
                            f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={HOST}:{self.port}"])

    def get(self, path: str, **query: str) -> dict[str, object]:
        status, _, text = ask(self.port, f"/api/v1/{path}?{urlencode(query)}")
        found = json.loads(text)
        assert status == 200 and found["status"] == "success", f"{query}: {text[:500]}"
        return found["data"]

    def value(self, expression: str) -> float | None:
        try:
            result = self.get("query", query=expression)["result"]
        except (OSError, http.client.HTTPException, ValueError, AssertionError):
            return None
        return float(result[0]["value"][1]) if result else None  # type: ignore[index]

    def close(self) -> None:
        self.child.kill()
        self._folder.remove()


def plain(expression: str) -> str:
    """An expression without Grafana's variables."""
    return expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def test_prometheus_scrapes_a_running_core(measured: Server, say: Callable[[str], None]) -> None:
    prometheus = Prometheus(port_of(measured))
    try:
        created = samples(ask(port_of(measured))[2])['tessera_requests_total{operation="createSession",outcome="ok"}']
        query = 'tessera_requests_total{operation="createSession",outcome="ok"}'
        assert until(lambda: prometheus.value(query) == created, SECONDS, 0.1), prometheus.child.output
        assert until(lambda: prometheus.value('up{job="tessera"}') == 1, SECONDS, 0.1), "each scrape has a second"
        # The version was negotiated: Prometheus prefers OpenMetrics.
        assert prometheus.value("count(tessera_build_info)") == 1
        rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]  # type: ignore[attr-defined]
        assert len(rules) > 15 and all(rule["health"] in ("ok", "unknown") for rule in rules)
        expressions = re.findall(r'"expr": (".*?[^\\]"),?\n', DASHBOARD.read_text())
        for text in expressions:
            prometheus.get("query", query=plain(json.loads(text)))
        say(f"Prometheus: {len(rules)} rules, {len(expressions)} expressions of the dashboard, "
            f"{prometheus.value('scrape_samples_scraped'):g} samples in "
            f"{(prometheus.value('scrape_duration_seconds') or 0) * 1_000:.1f} ms")
    finally:
        prometheus.close()
