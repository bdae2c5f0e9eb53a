"""The page of metrics of a core, as Prometheus reads it."""

from __future__ import annotations

import http.client
import re
import shutil
import subprocess

from harness import HOST, ROOT, Server

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
SECONDS = 60
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


def program(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing: scripts/install-dependencies prometheus"
    return found


def promtool(*arguments: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program("promtool"), *arguments], input=text, capture_output=True, text=True, timeout=120)


def ask(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    """One request to a listener of metrics."""
    connection = http.client.HTTPConnection(HOST, port, timeout=SECONDS)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        reply = connection.getresponse()
        return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read().decode()
    finally:
        connection.close()


def port_of(server: Server) -> int:
    """The port that the banner names."""
    assert server.says("Started SuperTokens")
    found = re.search(r"Metrics +http://127\.0\.0\.1:(\d+)/metrics", server.output)
    assert found, server.output
    return int(found[1])


def samples(page: str) -> dict[str, float]:
    """Every series with its value."""
    found: dict[str, float] = {}
    for line in page.splitlines():
        if not line.startswith("#"):
            match = SAMPLE.match(line)
            assert match, line
            series = f"{match[1]}{{{match[2] or ''}}}"
            assert series not in found, f"OB02: twice: {series}"
            found[series] = float(match[3])
    return found


def families(page: str) -> dict[str, str]:
    return {line.split()[2]: line.split()[3] for line in page.splitlines() if line.startswith("# TYPE")}


def of_scrape(series: str) -> str:
    """A series as Prometheus stores it."""
    name, labels = series[:-1].split("{")
    return f'{name}{{job="tessera",instance="core:9567"{"," + labels if labels else ""}}}'
