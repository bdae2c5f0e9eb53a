#!/usr/bin/env python3
"""Plants each mutant of the engine in a copy of the package and runs the tests; a mutant that no test notices survives.

It takes about a minute for each. A word on the command line chooses the mutants that have it in their name.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mutants import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--explicit-target-dependency-import-check", "error", "-Xswiftc", "-require-explicit-sendable"]
# The quick ones first: most mutants do not live to see the others.
STAGES = [
    "RefreshDecisionTests|RotationAtOnceTests|VerifyDecisionTests|DataUpdateTests|LineageProperties",
    "SessionEngineTests|SessionServiceTests|TrialTests",
]


def copied(folder: Path) -> Path:
    """A copy of the package with what has been built, but for the caches that know where they are."""
    target = folder / "package"
    shutil.copytree(ROOT, target, symlinks=True, ignore=shutil.ignore_patterns(".venv*", "release", "ModuleCache"))
    return target


def run(package: Path) -> str:
    """What became of the tests: `passed`, `failed` or `not compiled`."""
    build = subprocess.run(["swift", "build", "--build-tests", *FLAGS], cwd=package, capture_output=True, text=True)
    if build.returncode:
        return "not compiled"
    for stage in STAGES:
        try:
            tests = subprocess.run(["swift", "test", "--skip-build", *FLAGS, "--filter", stage], cwd=package,
                                   capture_output=True, text=True, timeout=300)
        except subprocess.TimeoutExpired:
            return "failed"
        if tests.returncode:
            return "failed"
    return "passed"


def judge(package: Path, mutant: Mutant) -> str:
    """Plants a mutant, runs the tests and takes it out again."""
    file = package / mutant.file
    text = file.read_text()
    if text.count(mutant.before) != 1:
        return "not planted"
    file.write_text(text.replace(mutant.before, mutant.after))
    try:
        return run(package)
    finally:
        file.write_text(text)


def main() -> int:
    """Judges all mutants that are asked for."""
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in sys.argv[1:])]
    verdicts: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory(prefix="tessera-mutants-") as folder:
        package = copied(Path(folder))
        print(f"{len(chosen)} mutants; without one the tests have {run(package)}", flush=True)
        for number, mutant in enumerate(chosen, 1):
            start = time.monotonic()
            verdict = judge(package, mutant)
            verdicts.setdefault(verdict, []).append(mutant.name)
            word = {"passed": "SURVIVED", "failed": "killed"}.get(verdict, verdict)
            print(f"{number:3} {word:12}{mutant.name} ({time.monotonic() - start:.0f} s)", flush=True)
    killed, survived = verdicts.get("failed", []), verdicts.get("passed", [])
    other = len(chosen) - len(killed) - len(survived)
    print(f"{len(killed)} killed, {len(survived)} survived, {other} not judged")
    return 1 if survived or other else 0


if __name__ == "__main__":
    sys.exit(main())
