"""The feed of ended sessions at full load: Swift servers that verify (Benchmarks/Feed), cores on PostgreSQL.

Whole only: the bars are those of a machine with two free processors."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable

import pytest
from harness import HOST, Server
from postgres import Cluster
from wall_clock import DAY, Clock

PROGRAM = Path(os.environ.get("FEED_BENCHMARK", "Benchmarks/.build/release/FeedBenchmark"))
CORES = 3
MEBIBYTE = 1 << 20
Say = Callable[[str], None]
Figures = dict[str, Any]


def measured(name: str, cores: list[Server], limit: float, **numbers: int) -> Figures:
    addresses = ";".join(f"http://{HOST}:{core.port}" for core in cores)
    words = [str(PROGRAM), name, addresses, *(f"{key}={value}" for key, value in numbers.items())]
    done = subprocess.run(words, capture_output=True, text=True, timeout=limit)
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout.splitlines()[-1])


def cores(stack: ExitStack, count: int = CORES, clocks: list[Clock] | None = None) -> list[Server]:
    uri = stack.enter_context(Cluster()).uri()
    return [stack.enter_context(Server(database=uri, environment=clocks[number].environment if clocks else None))
            for number in range(count)]


def histogram(delays: Figures) -> str:
    counts = [(bound, count) for step in delays["upTo"] for bound, count in step.items()]
    rows, before = [], 0
    for bound, count in counts:
        rows.append(f"  <= {float(bound):4.2f} s {count - before:7} {'#' * round(60 * (count - before) / delays['count'])}")
        before = count
    return "\n".join([*rows, f"  longer    {delays['count'] - before:7}"])


def test_ten_verifiers_at_full_load(say: Say, rounds: Callable[[int, int], int]) -> None:
    """RF02: 20,000 verifications a second and 100 ends a second; nothing is asked, and no living session is refused."""
    seconds = rounds(60, 5)
    with ExitStack() as stack:
        found = measured("load", cores(stack), seconds + 240, seconds=seconds)
    delays, cost = found["delays"], found["cost"]
    say(f"{found['verifications']} verifications, {found['perSecond']:.0f} a second, {found['ended']} ends; from the return "
        f"of revoke to the refusal: median {delays['median']:.3f} s, 99 % {delays['p99']:.3f} s, longest "
        f"{delays['longest']:.3f} s\n{histogram(delays)}\n{found['questions']} questions to a core; a verification takes "
        f"{cost['without']:.2f} us without the feed and {cost['with']:.2f} us with it: {cost['difference']:+.2f} us")
    assert found["perSecond"] >= 19_000 and found["ended"] >= 95 * seconds
    assert found["missing"] == found["falselyRefused"] == found["questions"] == found["unavailable"] == 0
    assert delays["p99"] <= 1
    assert cost["difference"] <= 1


def test_a_million_entries(say: Say, rounds: Callable[[int, int], int]) -> None:
    """RF10 and RF16: a verifier that begins knows all of them after 5 s, in 64 MiB, with 100 more each second."""
    count = 1_000_000
    with ExitStack() as stack:
        cluster = stack.enter_context(Cluster())
        core = stack.enter_context(Server(database=cluster.uri()))
        cluster.query(
            "INSERT INTO tessera_revocations (app_id, kind, subject, tenant, time, noted_at) SELECT 'public', 'session', "
            f"gen_random_uuid()::text, '', now, now FROM generate_series(1, {count}), "
            "(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS clock")
        # As autovacuum does within a minute; without statistics PostgreSQL sorts half of the table for each page.
        cluster.query("ANALYZE tessera_revocations")
        first = measured("memory", [core], 600, seconds=1)
        found = measured("memory", [core], 600, seconds=rounds(60, 5))
    entries = (found["most"] - found["before"]) / MEBIBYTE
    say(f"{count} entries: {first['snapshotSeconds']:.1f} s for the first verifier of a core, {found['snapshotSeconds']:.1f} s "
        f"for the next; {(found['known'] - found['before']) / MEBIBYTE:.1f} MiB then, at most {entries:.1f} MiB while "
        f"{found['changes'] / found['changeSeconds']:.0f} more come each second (peak of the process: "
        f"{found['peak'] / MEBIBYTE:.0f} MiB of which {found['before'] / MEBIBYTE:.0f} before); a verification: "
        f"{found['cost']['difference']:+.2f} us")
    assert entries <= 64
    assert found["snapshotSeconds"] <= 5
    assert found["cost"]["difference"] <= 1


def test_a_long_silence(say: Say, rounds: Callable[[int, int], int]) -> None:
    """RF14: 20,000 verifications a second while the feed is silent for ten minutes; cores see the capped questions."""
    seconds = rounds(600, 15)
    with ExitStack() as stack:
        found = measured("silence", cores(stack), seconds + 240, seconds=seconds)
    calm, silent = found["calm"], found["silent"]
    say(f"{silent['seconds']:.0f} s of silence: {silent['questions']} questions of ten verifiers, at most "
        f"{silent['mostQuestionsOfOnePerSecond']:.1f} a second of one; {silent['accepted']} accepted, {silent['unavailable']} "
        f"answered 503, {silent['falselyRefused']} refused; the first question after {silent['firstQuestions'][0]:.2f} to "
        f"{silent['firstQuestions'][1]:.2f} s; a refresh takes {calm['refreshes']['median'] * 1e3:.1f} ms (99 %: "
        f"{calm['refreshes']['p99'] * 1e3:.1f}) before and {silent['refreshes']['median'] * 1e3:.1f} ms (99 %: "
        f"{silent['refreshes']['p99'] * 1e3:.1f}) while it is silent; fresh again after {found['freshAgainAfter']:.2f} s")
    assert calm["questions"] == calm["falselyRefused"] == calm["unavailable"] == silent["falselyRefused"] == 0
    assert silent["mostQuestionsOfOnePerSecond"] <= 101
    # The bound is 5 s after news whose question began up to a second before, with what a core may have said of its age.
    assert 3 <= silent["firstQuestions"][0] and silent["firstQuestions"][1] <= 6
    assert silent["refreshes"]["median"] <= 2 * calm["refreshes"]["median"] + 0.005
    assert found["freshAgainAfter"] <= 5


@pytest.mark.parametrize("seconds", [0, 5, -5])
def test_a_log_in_in_the_second_of_a_cut_off(seconds: int, tmp_path: Path, say: Say,
                                             rounds: Callable[[int, int], int]) -> None:
    """RF04: users end all their sessions and log in again at once, at cores whose clocks differ."""
    folders = [tmp_path / name for name in ("right", "wrong")]
    for folder in folders:
        folder.mkdir()
    clocks = [Clock(folder) for folder in folders]
    clocks[1].off(seconds / DAY)
    with ExitStack() as stack:
        found = measured("cutoffs", cores(stack, 2, clocks), 900, rounds=rounds(30, 5))
    say(f"clocks {seconds} s apart: {found['rounds']} log-ins in the second of a cut-off, {found['falselyRefused']} refused, "
        f"{found['questions']} questions; {found['laterThanASecond']} sessions from before were accepted for longer than a second")
    assert found["falselyRefused"] == found["unavailable"] == found["laterThanASecond"] == 0
    # A session within 10 s of a cut-off is asked about once by each verifier, so that the cut-off was seen at all.
    assert found["questions"] >= found["rounds"]
