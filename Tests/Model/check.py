#!/usr/bin/env python3
"""Runs spin over the model of rotation: what has to hold, what has to be found, and what has to be reachable.

Prints a line for each run and fails when one does not end as it must. `--show` prints the schedules that were found,
`--quick` runs a sample.
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
from dataclasses import dataclass, replace
from pathlib import Path

MODEL = Path(__file__).with_name("rotation.pml")
TIME_LIMIT = 600.0
"""Seconds for one run; a run that needs them is a failure."""
MEMORY_LIMIT = 1800
"""MiB for one run."""
DEPTH_LIMIT = 100_000
PROOF = ["-O1", "-DSAFETY"]
"""Depth first, the whole state vector of every state kept: every property is an invariant, so safety is enough."""
SEARCH = ["-O0", "-DSAFETY", "-DBFS"]
"""Breadth first: the schedule that is found is a shortest one."""


@dataclass(frozen=True)
class Run:
    """One run of spin: a property of one configuration of the model, and how the run has to end."""

    title: str
    claim: str
    macros: str
    verdict: str = "holds"
    """The first word of the line; everything but `holds` means that spin must find a violation of the property."""
    quick: bool = False
    """Whether the run is part of the sample."""

    @property
    def must_hold(self) -> bool:
        """Whether the property is to be proved."""
        return self.verdict == "holds"


@dataclass
class Result:
    """The outcome of a run."""

    passed: bool
    states: int
    depth: int
    seconds: float
    memory: float
    note: str
    schedule: list[str]


def sample(title: str, claim: str, macros: str) -> Run:
    """Returns a run that is part of the sample."""
    return Run(title, claim, macros, quick=True)


def proofs() -> Iterator[Run]:
    """The properties that hold. The longest come first, so that no processor waits at the end."""
    yield Run("attacker, <= 5.5, another core", "UNFOLLOWED", "ATTACKER CDI55 OTHER_CORE LAST=5")
    yield sample("attacker, both rules", "FOLLOW", "ATTACKER")
    yield Run("attacker, both rules, one window", "FOLLOW", "ATTACKER WINDOWS=1")
    yield Run("attacker, both rules, grace of 0 s", "FOLLOW", "ATTACKER NO_GRACE")
    yield Run("anyone, <= 5.5, another core", "CORE", "ANYONE CDI55 OTHER_CORE WINDOWS=3 LAST=7")
    yield Run("attacker, <= 5.5", "FOLLOW", "ATTACKER CDI55 WINDOWS=3")
    yield Run("attacker, <= 5.5, two windows", "FOLLOW", "ATTACKER CDI55")
    yield sample("honest, <= 5.5, late after first use", "HONEST", "DEVICE CDI55 EAGER WINDOWS=3 LAST=7")
    yield Run("honest, <= 5.5, late after first use, another core", "HONEST", "DEVICE CDI55 EAGER OTHER_CORE LAST=7")
    yield Run("attacker, 5.6", "FOLLOW", "ATTACKER CDI56 LAST=7")
    yield sample("honest, both rules", "HONEST", "DEVICE WINDOWS=3 LAST=7")
    yield Run("honest, <= 5.5", "HONEST", "DEVICE CDI55 WINDOWS=3 LAST=7")
    yield Run("honest, <= 5.5, another core", "HONEST", "DEVICE CDI55 OTHER_CORE LAST=7")
    yield sample("honest, 5.6", "HONEST", "DEVICE CDI56 LAST=7")
    for rule, macro in (("<= 5.5", "CDI55 WINDOWS=3"), ("both rules", "WINDOWS=3"), ("5.6", "CDI56")):
        yield Run(f"honest, {rule}, own copies", "HONEST", f"DEVICE {macro} OWN_COPIES LAST=7")
    for rule, macro in (("<= 5.5", "CDI55 WINDOWS=3"), ("both rules", "WINDOWS=3")):
        yield Run(f"honest, {rule}, one caller, windows used up", "HONEST", f"DEVICE {macro} ONE_CALLER NO_H4 LAST=7")
    first = "DEVICE CDI55 FIRST_ANSWER NO_H1 NO_H4 LAST=7"
    yield sample("honest, <= 5.5, the first answer only, no H1, no H4", "HONEST", first)
    yield Run("honest, <= 5.5, used before it arrives", "HONEST", "DEVICE CDI55 EATEN WINDOWS=1 LAST=7")
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56"), ("both rules", "WINDOWS=3")):
        yield Run(f"anyone, {rule}", "CORE", f"ANYONE {macro} LAST=7")
    yield Run("attacker, 5.6, grace of 0 s: never in step", "ALONE", "ATTACKER CDI56 NO_GRACE LAST=7")
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56")):
        yield Run(f"attacker, {rule}, random successors: never in step", "ALONE", f"ATTACKER {macro} RANDOM")


def flaws() -> Iterator[Run]:
    """Planted flaws: spin must find each."""
    attacker = "ATTACKER CDI55"
    honest = "DEVICE CDI55"
    yield sample("F1 successor from the predecessor alone: follower", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F1")
    yield sample("F1 the same: a late double accused", "P1_HONEST", f"{honest} FLAW_F1")
    yield sample("F2 every window gives the same successor", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F2")
    yield Run("F2 windows without a limit", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F2_NO_LIMIT")
    yield sample("F3 a window ends with the first use only", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F3")
    yield sample("F4 first use ends everything: a late double accused", "P1_HONEST", f"{honest} FLAW_F4")
    yield sample("F5 repeats after a second window: poller", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F5")
    yield Run("F6 no shortened access token", "P8_SHORTENED", f"{attacker} FLAW_F6")
    yield Run("F7 only the repeat is shortened", "P8_SHORTENED", f"{attacker} FLAW_F7")
    yield Run("F7b mark evaluated after the rotation only", "P8_SHORTENED", "ATTACKER FLAW_F7B")
    yield Run("F7c the same, but kept for a promoted token", "P8_SHORTENED", "ATTACKER FLAW_F7C")
    yield Run("F8 first use gives the whole lifetime back", "P8_SHORTENED", f"{attacker} FLAW_F8")
    yield sample("F9 opening is no compare-and-swap", "P1_HONEST", f"{honest} FLAW_F9")
    yield sample("F10 the column outlives another core's rotation", "P1_HONEST", f"{honest} OTHER_CORE FLAW_F10")
    yield Run("F10 the same: a window that nobody opened", "P2_ONE_CHAIN", "ANYONE CDI55 OTHER_CORE FLAW_F10")
    yield Run("F12 repeats counted from the first use", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F12")
    exhausted = f"{honest} FIRST_ANSWER NO_H4 FLAW_F12S"
    yield sample("F12s silence from the window's opening: a double accused", "P1_HONEST", exhausted)
    yield sample("F13 repeats after two rotations", "P3_CAUGHT", f"{attacker} FLAW_F13")
    yield Run("F13 the same: follower", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F13")
    yield Run("F13b repeats up to S", "P6_LATE", f"{attacker} FLAW_F13B")
    yield Run("F13b the same: follower", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F13B")
    yield Run("F14 other successors forgiven", "P3_CAUGHT", f"{attacker} FLAW_F14")
    yield Run("F14 the same: follower", "P7_NOT_FOLLOWED", f"{attacker} FLAW_F14")
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56")):
        yield Run(f"(a) no CAS, {rule}: a retired token returns", "P2_ONE_CHAIN", f"ANYONE {macro} FLAW_A")
        yield Run(f"(a) no CAS, {rule}: a revoked session returns", "P4_ENDED", f"ANYONE {macro} FLAW_A")
        yield Run(f"(b) random successors, {rule}", "P1_HONEST", f"DEVICE {macro} RANDOM")
        yield Run(f"(c) the predecessor never expires, {rule}", "P3_CAUGHT", f"ANYONE {macro} FLAW_C")
        yield Run(f"(d) verdict before revocation, {rule}", "P3_CAUGHT", f"ANYONE {macro} FLAW_D")
        yield Run(f"(e) audit event after the change, {rule}", "P5_AUDITED", f"ANYONE {macro} FLAW_E")


def findings() -> Iterator[Run]:
    """The assumptions about an honest device: without each, spin must show the user signed out."""
    honest = "DEVICE CDI55"
    yield Run("no H1, <= 5.5: a window elapses between request and use", "P1_HONEST", f"{honest} NO_H1")
    yield Run("no H2, <= 5.5: a request later than S", "P1_HONEST", f"{honest} NO_H2")
    yield Run("no H3, <= 5.5: a reply later than the next token's use", "P1_HONEST", f"{honest} NO_H3")
    yield Run("no H3, 5.6: a request later than the next refresh", "P1_HONEST", "DEVICE CDI56 NO_H3")
    yield Run("no H4, <= 5.5: windows used up, two callers", "P1_HONEST", f"{honest} NO_H4")
    yield Run("no H5, 5.6: no answer within the grace period", "P1_HONEST", "DEVICE CDI56 NO_H5")
    yield Run("used before it arrives, back after W", "P1_HONEST", f"{honest} EATEN NO_H5 WINDOWS=1")
    yield Run("used before it arrives, in a second window", "P1_HONEST", f"{honest} EATEN")


def witnesses() -> Iterator[Run]:
    """States that must be reachable, so that nothing holds merely because nothing happens."""
    for rule, macro in (("<= 5.5", "CDI55"), ("5.6", "CDI56"), ("both rules", "")):
        yield Run(f"honest, {rule}: the last token", "NEVER_NEWEST", f"DEVICE {macro} LAST=5")
        yield Run(f"attacker, {rule}: caught", "NEVER_CAUGHT", f"ATTACKER {macro}")
        yield Run(f"attacker, {rule}: in step after meeting the owner", "NEVER_IN_STEP", f"ATTACKER {macro}")
    late = "DEVICE CDI55 SEES"
    yield sample("honest: late after first use, answered again", "NEVER_REPEATED", late)
    yield sample("honest: late after first use, refused softly", "NEVER_REFUSED", late)
    yield Run("honest: a second window", "NEVER_SECOND", late)
    yield Run("honest: a random successor", "NEVER_RANDOM", f"{late} ONE_CALLER NO_H4")


def all_runs() -> list[Run]:
    """Returns every run, with the word that its line begins with."""
    found = [replace(run, verdict="flaw") for run in flaws()]
    shown = [replace(run, verdict="finding") for run in findings()]
    reached = [replace(run, verdict="reached") for run in witnesses()]
    return [*proofs(), *found, *shown, *reached]


def command(arguments: list[str], folder: Path) -> str:
    """Runs a tool and returns its output; raises an error if it cannot be run or exceeds the time limit."""
    done = subprocess.run(
        arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIME_LIMIT
    )
    return done.stdout


def number(pattern: str, text: str) -> float:
    """Returns the first number that the pattern finds, 0 without one."""
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0


def check(run: Run) -> Result:
    """Builds the verifier of one configuration, runs it and judges its output."""
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(MODEL, folder)
        macros = [f"-D{macro}" for macro in (f"HOLDS={run.claim}", *run.macros.split())]
        try:
            made = command(["spin", "-a", *macros, MODEL.name], folder)
            flags = [*(PROOF if run.must_hold else SEARCH), f"-DMEMLIM={MEMORY_LIMIT}", "-w"]
            made += command(["gcc", *flags, "-o", "pan", "pan.c"], folder)
            if not (folder / "pan").exists():
                return Result(False, 0, 0, time.monotonic() - begin, 0, "not compiled: " + made.strip()[-400:], [])
            said = command(["./pan", f"-m{DEPTH_LIMIT}"], folder)
        except (OSError, subprocess.TimeoutExpired) as failure:
            return Result(False, 0, 0, time.monotonic() - begin, 0, str(failure), [])
        result = judge(run, said, made)
        if not run.must_hold or not result.passed:
            with suppress(OSError, subprocess.TimeoutExpired):
                result.schedule = schedule(folder, macros)
    result.seconds = time.monotonic() - begin
    return result


def judge(run: Run, said: str, made: str) -> Result:
    """Returns the outcome of a verifier's output: a proof counts only if the search was complete."""
    errors = re.search(r"errors: (\d+)", said)
    complete = "Search not completed" not in said and "too small" not in said
    violated = "assertion violated" in said and "assertion violated (issued<=" not in said
    if errors is None:
        passed, note = False, "could not be run: " + (made + said).strip()[-400:]
    elif run.must_hold:
        passed = errors.group(1) == "0" and complete
        note = "exhaustive" if passed else "VIOLATED" if violated else "NOT COMPLETED"
    else:
        passed = violated and errors.group(1) == "1"
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
    """Returns the steps that lead to a violation."""
    if not (folder / f"{MODEL.name}.trail").exists():
        return []
    lines = command(["spin", "-T", "-t", *macros, MODEL.name], folder).splitlines()
    return [line.strip() for line in lines if re.match(r"    +\S", line)]


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
    """Runs the selected runs and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="?", default="", help="only runs whose line contains this text")
    parser.add_argument("--show", action="store_true", help="print the schedules that were found")
    parser.add_argument("--quick", action="store_true", help="run a sample, less than 20 s")
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1), help="runs at one time")
    options = parser.parse_args()
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            print(f"'{tool}' is not installed; scripts/install-dependencies spin gcc", file=sys.stderr)
            return 1
    begin = time.monotonic()
    runs = [run for run in all_runs() if options.only in f"{run.verdict} {run.title}"]
    if options.quick:
        runs = [run for run in runs if run.quick]
    failed = 0
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        for run, result in zip(runs, pool.map(check, runs)):
            report(run, result, options.show)
            failed += not result.passed
    print(f"{len(runs)} runs, {failed} failed, {time.monotonic() - begin:.0f} s")
    return 1 if failed or not runs else 0


if __name__ == "__main__":
    sys.exit(main())
