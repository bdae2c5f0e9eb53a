#!/usr/bin/env python3
"""Plants each mutant in a copy of the package and runs the tests; a mutant that no test notices survives.

The copy has only the targets that decide about sessions, with their tests: a mutant costs 5 to 25 seconds. A word on the
command line chooses the mutants that have it in their name.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mutants import CLIENT, EDGE, EVENTS, KEYS, MUTANTS, READERS, SIGNERS, Mutant

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--explicit-target-dependency-import-check", "error", "-Xswiftc", "-require-explicit-sendable"]
JOBS = ["-j", os.environ.get("JOBS", "1")]
# The quick ones first: most mutants do not live to see the others.
STAGES = [
    "RefreshDecisionTests|RotationAtOnceTests|SharingWindowTests|RestoreTests|SuccessorTests|VerifyDecisionTests"
    "|DataUpdateTests|TokenRelationProperties",
    "TrialTests|SessionServiceTests.(RotationTests|AuditTests|PolicyTests|RestoredTests)",
    "SessionEngineTests|SessionServiceTests",
]
UNRELATED = "KeyTests|KeyRingTests|EncryptedKeyStoreTests|SigningKeyPoolTests|SessionEngineTests.MutationTests|JunkProperties"
"""What takes seconds and is about keys and junk only."""
TIME_LIMIT = 300
"""Seconds for one stage; a mutant that needs them is noticed."""

CRYPTO = ['.product(name: "Crypto", package: "swift-crypto")', '.product(name: "CryptoExtras", package: "swift-crypto")']
LOGGING = ['.product(name: "Logging", package: "swift-log")']
HTTP_TYPES = ['.product(name: "HTTPTypes", package: "swift-http-types")']
LIFECYCLE = ['.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")']


@dataclass(frozen=True)
class Target:
    """A target of the reduced package."""

    name: str
    dependencies: list[str]
    products: list[str]
    kind: str = "target"
    more: str = ""
    """Arguments besides the name, the dependencies and the settings."""

    @property
    def folder(self) -> str:
        """Where its files are."""
        return f"{'Tests' if self.kind == 'testTarget' or 'path:' in self.more else 'Sources'}/{self.name}"

    @property
    def line(self) -> str:
        """What the manifest says about it."""
        if self.kind == "systemLibrary":
            return f'        .systemLibrary(name: "{self.name}"),\n'
        dependencies = ", ".join([f'"{name}"' for name in self.dependencies] + self.products)
        return (f'        .{self.kind}(name: "{self.name}", dependencies: [{dependencies}], {self.more}'
                "swiftSettings: settings),\n")


BASE = ["PlatformLibC", "Foundations", "LosslessJSON", "SessionEngine"]
STORAGE = [*BASE, "SessionStorage", "InMemoryStorage"]
TARGETS = [
    Target("PlatformLibC", [], []),
    Target("Foundations", BASE[:1], []),
    Target("LosslessJSON", BASE[:2], []),
    Target("SessionEngine", BASE[:3], CRYPTO),
    Target("SessionStorage", BASE, []),
    Target("InMemoryStorage", STORAGE[:-1], []),
    Target("SessionStorageTesting", STORAGE, []),
    Target("RevocationFeed", BASE[:3], CRYPTO),
    Target("EdgeVerdicts", ["Foundations", "LosslessJSON", "SessionEngine", "RevocationFeed"], []),
    Target("EdgeVerdictsTests", ["EdgeVerdicts", "RevocationFeed", "SessionEngine", "Foundations", "LosslessJSON", "TestSupport"],
           CRYPTO, "testTarget"),
    Target("SessionService", [*STORAGE, "RevocationFeed"], CRYPTO + LOGGING + LIFECYCLE),
    Target("CTesseraPKCS11", [], [], "systemLibrary"),
    Target("SignerAgent", ["CTesseraPKCS11", *BASE, "SessionService", "SessionStorage"], CRYPTO),
    Target("SignerAgentTests", ["SignerAgent", "SessionService", "TestSupport", *STORAGE], CRYPTO, "testTarget"),
    Target("RevocationFeedTests", ["RevocationFeed", "Foundations", "LosslessJSON", "TestSupport"], [], "testTarget"),
    Target("TestSupport", [*BASE, "RevocationFeed"], CRYPTO, more='path: "Tests/TestSupport", '),
    Target("TrialSupport", ["SessionService", "SessionStorageTesting", "TestSupport", *STORAGE], [],
           more='path: "Tests/TrialSupport", '),
    Target("TrialTests", ["TrialSupport", "SessionEngine"], [], "testTarget"),
    Target("SessionEngineTests", [*BASE, "TestSupport"], CRYPTO, "testTarget",
           'resources: [.copy("Vectors")], '),
    Target("SessionServiceTests", ["SessionService", "SessionStorageTesting", "RevocationFeed", "TestSupport", *STORAGE],
           CRYPTO + LOGGING, "testTarget"),
    Target("TesseraClient", BASE[:3], HTTP_TYPES + CRYPTO),
    Target("TesseraClientTesting", ["Foundations", "LosslessJSON", "TesseraClient"], HTTP_TYPES + CRYPTO),
    Target("TesseraClientTests", ["TesseraClient", "TesseraClientTesting", *BASE[:3]], HTTP_TYPES + CRYPTO, "testTarget"),
]


def manifest() -> str:
    """The manifest of the copy; settings and dependencies are the package's own."""
    text = (ROOT / "Package.swift").read_text()
    head = text[:text.index("let crypto")]
    dependencies = re.findall(r"^        \.package\(url: \S+/swift-(?:crypto|http-types|log|service-lifecycle)\.git.*\n", text, re.MULTILINE)
    platforms = re.search(r"^    platforms: .*\n", text, re.MULTILINE)
    return "".join([
        head, "let package = Package(\n", '    name: "mutants",\n', platforms[0] if platforms else "",
        "    dependencies: [\n", *dependencies, "    ],\n", "    targets: [\n", *(target.line for target in TARGETS),
        "    ]\n", ")\n",
    ])


def left_out(folder: str, names: list[str]) -> list[str]:
    """The tests that need SQLite, which would be built again with every mutant."""
    files = [Path(folder, name) for name in names if name.endswith(".swift")]
    return [file.name for file in files if "import SQLiteStorage" in file.read_text()]


def copied(folder: Path) -> Path:
    """A copy of the few targets with a manifest of its own."""
    package = folder / "package"
    for target in TARGETS:
        shutil.copytree(ROOT / target.folder, package / target.folder, ignore=left_out)
    shutil.copy(ROOT / "Package.resolved", package)
    (package / "Package.swift").write_text(manifest())
    return package


def run(package: Path, stages: list[str], skipped: str) -> tuple[str, str]:
    """What became of the tests, `passed`, `failed` or `not compiled`, and what was said last."""
    build = subprocess.run(["swift", "build", "--build-tests", *JOBS, *FLAGS], cwd=package, capture_output=True, text=True)
    if build.returncode:
        return "not compiled", build.stdout + build.stderr
    for stage in stages:
        try:
            tests = subprocess.run(["swift", "test", "--skip-build", *FLAGS, "--filter", stage, "--skip", skipped],
                                   cwd=package, capture_output=True, text=True, timeout=TIME_LIMIT)
        except subprocess.TimeoutExpired:
            return "failed", "out of time"
        if tests.returncode or "with 0 tests" in tests.stdout:
            return "failed", tests.stdout + tests.stderr
    return "passed", ""


def judge(package: Path, mutant: Mutant) -> tuple[str, str]:
    """Plants a mutant, runs the tests and takes it out again."""
    file = package / mutant.file
    text = file.read_text()
    if text.count(mutant.before) != 1:
        return "not planted", ""
    file.write_text(text.replace(mutant.before, mutant.after))
    try:
        if mutant in READERS:
            return run(package, ["RevocationFeedTests"], "JunkProperties")
        if mutant in EDGE:
            return run(package, ["EdgeVerdictsTests"], "JunkProperties")
        if mutant in CLIENT:
            return run(package, ["TesseraClientTests"], "JunkProperties")
        if mutant in EVENTS:
            return run(package, ["SecurityEventTests|DeliveryRuleTests|StreamDeliveryTests|EventPollTests|EventDeliveryTests"],
                       "JunkProperties")
        if mutant in SIGNERS:
            return run(package, ["SignerAgentTests|SignerTests|SignerFaultTests|SigningRulesTests"], "JunkProperties")
        if mutant in KEYS:
            return run(package, [UNRELATED], "JunkProperties")
        return run(package, STAGES, UNRELATED)
    finally:
        file.write_text(text)


def word(mutant: Mutant, verdict: str) -> str:
    """A verdict in the word that is printed."""
    if mutant.equivalent:
        return {"passed": "equivalent", "failed": "NOT EQUIVALENT"}.get(verdict, verdict)
    return {"passed": "SURVIVED", "failed": "killed"}.get(verdict, verdict)


def main() -> int:
    """Judges all mutants that are asked for."""
    chosen = [mutant for mutant in MUTANTS if all(word in mutant.name for word in sys.argv[1:])]
    words: dict[str, list[Mutant]] = {}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tessera-mutants-") as folder:
        package = copied(Path(folder))
        verdict, said = run(package, STAGES, UNRELATED)
        print(f"{len(chosen)} mutants; without one the tests have {verdict} ({time.monotonic() - begin:.0f} s)", flush=True)
        if verdict != "passed":
            print(said[-3000:])
            return 1
        for number, mutant in enumerate(chosen, 1):
            start = time.monotonic()
            verdict, said = judge(package, mutant)
            words.setdefault(word(mutant, verdict), []).append(mutant)
            print(f"{number:3} {word(mutant, verdict):15}{mutant.name} ({time.monotonic() - start:.0f} s)", flush=True)
            if verdict == "not compiled":
                print("".join(f"    {line}\n" for line in said.splitlines() if "error:" in line), end="", flush=True)
    counts = {name: len(words.get(name, [])) for name in ["killed", "SURVIVED", "equivalent"]}
    other = len(chosen) - sum(counts.values())
    print(f"{counts['killed']} killed, {counts['SURVIVED']} survived, {counts['equivalent']} equivalent, {other} not judged; "
          f"{time.monotonic() - begin:.0f} s")
    for mutant in words.get("equivalent", []):
        print(f"equivalent: {mutant.name}: {mutant.equivalent}")
    for name, mutants in words.items():
        if name not in {"killed", "equivalent"}:
            print("".join(f"{name}: {mutant.name}\n" for mutant in mutants), end="")
    return 1 if counts["SURVIVED"] or other else 0


if __name__ == "__main__":
    sys.exit(main())
