#!/usr/bin/env python3
"""Runs spin over the model of rotation: what has to hold, what has to be found, and what has to be reachable.

Prints a line for each run and fails when one does not end as it must. `--show` prints the schedules that were found.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).with_name("rotation.pml")
TIME_LIMIT = 600.0
"""Seconds for one run; a run that needs them is a failure."""
MEMORY_LIMIT = 1800
"""MiB for one run."""
DEPTH_LIMIT = 1_000_000
PROOF = ["-O2", "-DSAFETY", "-DNOBOUNDCHECK"]
"""Depth first, the whole state vector of every state kept: every claim is of the form [] p, so safety is enough."""
SEARCH = ["-O0", "-DSAFETY", "-DBFS"]
"""Breadth first: the schedule that is found is a shortest one."""


@dataclass(frozen=True)
class Run:
    """One run of spin: a claim about one configuration of the model, and how it has to end."""

    title: str
    claim: str
    macros: str
    verdict: str = "holds"
    """What the line says; everything but `holds` means that spin must find a violation of the claim."""

    @property
    def must_hold(self) -> bool:
        """Whether the claim is to be proved."""
        return self.verdict == "holds"


@dataclass
class Result:
    """What a run said."""

    passed: bool
    states: int
    depth: int
    seconds: float
    memory: float
    note: str
    schedule: list[str]


def proofs() -> Iterator[Run]:
    """What has to hold. The longest come first, so that no processor waits at the end."""
    careless = "THIEF HASTY_REFRESH HASTY_VERIFY TARDY"
    yield Run("thief, <= 5.5", "thief", f"CDI55 {careless} COPIED=1 LAST=4")
    yield Run("honest, both rules, own copies", "honest", "COPIES COPIED=1")
    yield Run("thief, 5.6", "thief", f"CDI56 {careless} COPIED=1")
    yield Run("thief, both rules", "thief", f"{careless} COPIED=0 LAST=4")
    yield Run("thief, <= 5.5, own copies", "thief", f"CDI55 COPIES {careless} COPIED=0")
    yield Run("thief, 5.6, own copies", "thief", f"CDI56 COPIES {careless} COPIED=0")
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56")):
        yield Run(f"honest, {rule}, one jar", "honest", f"{macro} COPIED=3")
        yield Run(f"honest, {rule}, own copies", "honest", f"{macro} COPIES COPIED=2")
        yield Run(f"thief, {rule}, random successors", "random", f"{macro} RANDOM {careless} COPIED=0")
    yield Run("honest, both rules, one jar", "honest", "COPIED=3")
    yield Run("honest but late, <= 5.5, one jar", "honest", "CDI55 TARDY COPIED=3")
    yield Run("thief, 5.6, grace of 0 s: no follower", "not_followed", f"CDI56 NO_GRACE {careless} COPIED=0")


def flaws() -> Iterator[Run]:
    """Planted flaws: spin must find each."""
    thief = "THIEF COPIED=0"
    hasty = "HASTY_REFRESH HASTY_VERIFY"
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56")):
        yield Run(f"(a) no CAS, {rule}: a retired token returns", "p2_one_chain", f"{macro} FLAW_TWO_STEPS {hasty}")
        yield Run(f"(a) no CAS, {rule}: a revoked session returns", "p4_ended", f"{macro} FLAW_TWO_STEPS")
        yield Run(f"(c) the parent never retires, {rule}", "p3_caught", f"{macro} FLAW_ENDLESS_PARENT {thief}")
        yield Run(f"(d) verdict before revocation, {rule}", "p3_caught", f"{macro} FLAW_VERDICT_FIRST {thief}")
        yield Run(f"(e) audit record after the change, {rule}", "p5_audited", f"{macro} FLAW_AUDIT_AFTERWARDS")
    yield Run("(b) random successors, 5.6", "p1_honest", "CDI56 RANDOM")
    yield Run("(b) random successors, <= 5.5, own copies", "p1_honest", "CDI55 RANDOM COPIES")
    yield Run("(f) a refresh at 5.5 leaves a 5.6 window open", "p3_caught", f"FLAW_REFRESH_UNNOTED {thief}")
    yield Run("(g) a verify at 5.5 leaves a 5.6 window open", "p3_caught", f"FLAW_VERIFY_UNNOTED {thief}")


def findings() -> Iterator[Run]:
    """What no rule can avoid, and what this one costs: spin must show each, else the model is too kind."""
    thief = "THIEF COPIED=0"
    yield Run("no D1 for refresh, <= 5.5: honest user signed out", "p1_honest", "CDI55 HASTY_REFRESH")
    yield Run("no D1 for verify, <= 5.5: the same", "p1_honest", "CDI55 HASTY_VERIFY")
    yield Run("no D1, 5.6: the same", "p1_honest", "CDI56 HASTY_REFRESH")
    yield Run("no D2, 5.6: the same", "p1_honest", "CDI56 TARDY")
    yield Run("a thief in step, 5.6: not noticed", "not_followed", f"CDI56 {thief}")
    yield Run("a thief in step, <= 5.5: not noticed", "not_followed", f"CDI55 {thief}")
    yield Run("the same with a grace of 0 s", "not_followed", f"CDI55 NO_GRACE {thief}")


def witnesses() -> Iterator[Run]:
    """What must be reachable, so that nothing holds merely because nothing happens."""
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56"), ("both rules", "")):
        yield Run(f"honest, {rule}: the last token", "never_newest", f"{macro} COPIES COPIED=0")
        yield Run(f"thief, {rule}: caught", "never_caught", f"{macro} THIEF COPIED=0")


def all_runs() -> list[Run]:
    """Every run, with the word that its line begins with."""
    found = [Run(r.title, r.claim, r.macros, "flaw") for r in flaws()]
    shown = [Run(r.title, r.claim, r.macros, "finding") for r in findings()]
    reached = [Run(r.title, r.claim, r.macros, "reached") for r in witnesses()]
    return [*proofs(), *found, *shown, *reached]


def command(arguments: list[str], folder: Path) -> str:
    """Runs a tool and returns what it printed; a tool that cannot be run, or runs too long, ends the run."""
    done = subprocess.run(
        arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT
    )
    return done.stdout


def number(pattern: str, text: str) -> float:
    """The first number that the pattern finds, 0 without one."""
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0


def check(run: Run) -> Result:
    """Makes the verifier of one configuration, runs it and judges what it says."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(MODEL, folder)
        macros = [f"-D{macro}" for macro in run.macros.split()]
        try:
            made = command(["spin", "-a", *macros, MODEL.name], folder)
            flags = [*(PROOF if run.must_hold else SEARCH), f"-DMEMLIM={MEMORY_LIMIT}", "-w"]
            made += command(["gcc", *flags, "-o", "pan", "pan.c"], folder)
            if not (folder / "pan").exists():
                return Result(False, 0, 0, time.monotonic() - begin, 0, "not compiled: " + made.strip()[-400:], [])
            said = command(["./pan", "-N", run.claim, f"-m{DEPTH_LIMIT}"], folder)
        except (OSError, subprocess.TimeoutExpired) as failure:
            return Result(False, 0, 0, time.monotonic() - begin, 0, str(failure), [])
        result = judge(run, said, made)
        if not run.must_hold or not result.passed:
            with suppress(OSError, subprocess.TimeoutExpired):
                result.schedule = schedule(folder, macros)
    result.seconds = time.monotonic() - begin
    return result


def judge(run: Run, said: str, made: str) -> Result:
    """Whether the verifier said what it has to say: a proof only counts when nothing was left out."""
    errors = re.search(r"errors: (\d+)", said)
    complete = "Search not completed" not in said and "too small" not in said and f"({run.claim})" in said
    violated = "assertion violated" in said
    if errors is None:
        passed, note = False, "could not be run: " + (made + said).strip()[-400:]
    elif run.must_hold:
        passed = errors.group(1) == "0" and complete
        note = "exhaustive" if passed else "VIOLATED" if violated else "NOT COMPLETED"
    else:
        passed = violated and errors.group(1) == "1" and f"({run.claim})" in said
        note = "shortest schedule" if passed else "NOT FOUND"
    return Result(
        passed,
        int(number(r"([0-9.e+]+) states, stored", said)),
        int(number(r"depth reached (\d+)", said)),
        0,
        number(r"([0-9.]+)\s+total actual memory usage", said),
        note,
        [],
    )


def schedule(folder: Path, macros: list[str]) -> list[str]:
    """The steps that lead to a violation."""
    if not (folder / f"{MODEL.name}.trail").exists():
        return []
    lines = command(["spin", "-T", "-t", *macros, MODEL.name], folder).splitlines()
    return [line.strip() for line in lines if re.match(r" +(slot|the) ", line)]


ENDINGS = {
    "holds": "",
    "flaw": ": found, as it must be",
    "finding": ": shown, as expected",
    "reached": ": reached, as it must be",
}


def report(run: Run, result: Result, show: bool) -> None:
    """Prints the line of one run, and its schedule when it is wanted or unexpected."""
    word = run.verdict if result.passed else "FAILED"
    ending = ENDINGS[run.verdict] if result.passed else ""
    print(
        f"{word:8} {run.title + ending:78} {result.note}, {result.states:,} states, depth {result.depth:,}, "
        f"{result.seconds:.1f} s, {result.memory:.0f} MiB",
        flush=True,
    )
    if show or not result.passed:
        for step in result.schedule:
            print(f"             {step}")


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="only runs whose line contains this text")
    parser.add_argument("--show", action="store_true", help="print the schedules that were found")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="runs at one time")
    options = parser.parse_args()
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            print(f"'{tool}' is not installed; scripts/install-dependencies spin gcc", file=sys.stderr)
            return 1
    begin = time.monotonic()
    runs = [run for run in all_runs() if options.only in f"{run.verdict} {run.title}"]
    failed = 0
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        for run, result in zip(runs, pool.map(check, runs)):
            report(run, result, options.show)
            failed += not result.passed
    print(f"{len(runs)} runs, {failed} failed, {time.monotonic() - begin:.0f} s")
    return 1 if failed or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
