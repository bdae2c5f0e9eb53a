"""Ten minutes at 70 % of what this machine can do: memory, descriptors and threads do not grow, and a day of the figures that
were recorded meanwhile fires no alert.

The load comes from `tessera bench` in its open loop, beside clients that live whole lives, on the machine of the core; so the
capacity is that of both together.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import CDI, HOST, Json, Server, binary
from metrics_page import ALERTS, ask, families, of_scrape, port_of, promtool, samples
from upgrade_load import Client, Count

SHARE = 0.7
GROWTH_BYTES = 8 << 20
SPARE_DESCRIPTORS = 8
SPARE_THREADS = 4
DAY_SECONDS = 86_400
GAUGES = {"memory": "process_resident_memory_bytes{}", "descriptors": "process_open_fds{}", "threads": "process_threads{}"}


@dataclass
class Recording:
    """What the page said, at equal distances, after the first fifth of the load."""

    interval: int
    begun: float = field(default_factory=time.time)
    times: list[float] = field(default_factory=list)
    pages: list[dict[str, float]] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)

    def scrape(self, port: int) -> None:
        self.times.append(time.time())
        text = ask(port)[2]
        self.kinds = families(text)
        self.pages.append(samples(text))

    def of(self, series: str) -> list[float]:
        return [page[series] for page in self.pages]


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(config="access_token_signing_algorithm: ES256\n", environment={"TESSERA_METRICS_LISTEN": f"{HOST}:0"}) as made:
        yield made


def requests_of(server: Server) -> dict[str, tuple[str, Json | None]]:
    """What is asked again and again: path, with a body for a POST."""
    session = server.core().create("soak", {"role": "user"}, {"cart": [1, 2, 3]}).json
    creation = {"userId": "soak", "userDataInJWT": {"role": "user"}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}
    check = {"accessToken": session["accessToken"]["token"], "doAntiCsrfCheck": False, "enableAntiCsrf": False,
             "checkDatabase": True}
    return {"create": ("/recipe/session", creation), "verify": ("/recipe/session/verify", check),
            "information": (f"/recipe/session?sessionHandle={session['session']['handle']}", None)}


def benches(server: Server, requests: dict[str, tuple[str, Json | None]], seconds: float,
            rates: dict[str, float]) -> dict[str, subprocess.Popen[str]]:
    """One load for each kind of request, all at once; without a rate, as fast as it goes."""
    started = {}
    for name, (path, body) in requests.items():
        arguments = [str(binary()), "bench", f"http://{HOST}:{server.port}{path}", "--duration", f"{seconds:g}",
                     "--warm-up", "0", "--connections", "4", "--header", f"cdi-version: {CDI}",
                     "--rate", f"{rates.get(name, 0):.0f}"]
        if body is not None:
            arguments += ["--method", "POST", "--body", json.dumps(body), "--header", "content-type: application/json"]
        started[name] = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return started


def finished(loads: dict[str, subprocess.Popen[str]]) -> dict[str, str]:
    """What each load says at its end; every answer has to be one of success."""
    texts = {name: load.communicate(timeout=1_200)[0] for name, load in loads.items()}
    for name, load in loads.items():
        assert load.returncode == 0, f"{name}: {texts[name]}"
    return texts


def rate(text: str) -> float:
    found = re.search(r"answers, ([\d,]+)/s", text)
    assert found, text
    return float(found[1].replace(",", ""))


def latency(text: str, share: str) -> str:
    found = re.search(rf"^{re.escape(share)} % +([\d.,]+ \w+)", text, re.MULTILINE)
    assert found, text
    return found[1]


def test_ten_minutes_at_seventy_percent(server: Server, quick: bool, tmp_path: Path, say: Callable[[str], None]) -> None:
    seconds, interval = (12, 1) if quick else (600, 15)
    requests, port, end, lives = requests_of(server), port_of(server), threading.Event(), Count()
    most = {name: rate(text) for name, text in finished(benches(server, requests, 2 if quick else 10, {})).items()}
    clients = [Client(server.port, lives, end, f"calm {number}") for number in range(2)]
    for client in clients:
        client.start()
    loads = benches(server, requests, seconds, {name: SHARE * value for name, value in most.items()})
    recording = record(port, seconds, interval)
    end.set()
    for client in clients:
        client.join()
    for name, text in finished(loads).items():
        say(f"{name}: {SHARE * most[name]:.0f}/s asked for, {rate(text):.0f}/s answered, "
            f"p50 {latency(text, '50')}, p99 {latency(text, '99')}")
    assert not lives.failed, lives.failed[:5]
    say(f"lives: {lives.answered} answers, the slowest {lives.slowest * 1_000:.0f} ms")
    growth(recording, say)
    replay(recording, 600 if quick else DAY_SECONDS, tmp_path)


def record(port: int, seconds: int, interval: int) -> Recording:
    """Reads the page while the load lasts; what the first fifth fills (caches, pools) is no growth."""
    recording, begun = Recording(interval), time.monotonic()
    for number in range(seconds // interval - 1):
        time.sleep(max(0, begun + number * interval - time.monotonic()))  # the load is real, and so is its time
        if number * interval >= seconds / 5:
            recording.scrape(port)
    return recording


def growth(recording: Recording, say: Callable[[str], None]) -> None:
    """Compares the last third with the first one."""
    third = len(recording.pages) // 3
    for name, series in GAUGES.items():
        values = recording.of(series)
        first, last = statistics.median(values[:third]), statistics.median(values[-third:])
        unit = 1 << 20 if name == "memory" else 1
        say(f"{name}: {first / unit:.1f} in the first third, {last / unit:.1f} in the last, at most {max(values) / unit:.1f}")
        bar = {"memory": GROWTH_BYTES, "descriptors": SPARE_DESCRIPTORS, "threads": SPARE_THREADS}[name]
        assert last - first <= bar, f"{name} grows: {values}"


def replay(recording: Recording, seconds: int, folder: Path) -> None:
    """Repeats the recording for so long and asks whether an alert was pending at any time."""
    used = set(re.findall(r"\b(?:tessera|process)_[a-z_]+", ALERTS.read_text()))
    count = seconds // recording.interval
    lines = [f"rule_files: [{ALERTS}]", f"evaluation_interval: {max(recording.interval, 15)}s", "tests:",
             f"  - interval: {recording.interval}s", "    input_series:",
             f"      - {{series: 'up{{job=\"tessera\",instance=\"core:9567\"}}', values: '1x{count}'}}"]
    for series in recording.pages[0]:
        if series.split("{")[0] in used:
            values = " ".join(f"{value:.10g}" for value in repeated(recording, series, count))
            lines.append(f"      - {{series: '{of_scrape(series)}', values: '{values}'}}")
    lines += ["    promql_expr_test:", f"      - expr: count by (alertname) (count_over_time(ALERTS[{seconds}s]))",
              f"        eval_time: {seconds}s", "        exp_samples: []",
              "      - expr: sum(increase(tessera_requests_total{outcome=\"ok\"}[5m])) > bool 100",
              f"        eval_time: {seconds}s", "        exp_samples: [{labels: '{}', value: 1}]"]
    (folder / "day.yml").write_text("\n".join(lines) + "\n")
    done = promtool("test", "rules", str(folder / "day.yml"))
    assert done.returncode == 0, (done.stdout + done.stderr)[:4_000]


def repeated(recording: Recording, series: str, count: int) -> Iterator[float]:
    """A series again and again: counters go on, gauges come again, times keep their distance from the scrape."""
    values, name = recording.of(series), series.split("{")[0]
    kind = recording.kinds.get(name) or "counter"
    steps = [max(0.0, after - before) for before, after in zip(values, values[1:])]
    total = values[0]
    for number in range(count + 1):
        place = number % len(values)
        if name == "process_start_time_seconds":
            yield 0
        elif "timestamp" in name:
            yield number * recording.interval - (recording.times[place] - values[place])
        elif kind == "gauge":
            yield values[place]
        else:
            yield total
            total += steps[number % len(steps)]
