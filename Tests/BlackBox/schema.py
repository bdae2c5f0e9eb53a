#!/usr/bin/env python3
"""Sends requests made from the OpenAPI document of several versions to a live core.

No answer has a status of 500 or more that the document does not excuse, and every answer has a documented status, content
type and shape. SEED (printed) and SCHEMA_VERSIONS repeat a run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import venv
from pathlib import Path

from harness import HOST, ROOT, Checks, Server, TemporaryFolder, binary, exit_on_signals

REQUIREMENTS = Path(__file__).resolve().parent / "requirements-schema.txt"
ENVIRONMENT = ROOT / ".venv-schema"
VERSIONS = os.environ.get("SCHEMA_VERSIONS", "1.0 2.3 2.9 2.21 4.0 5.4 5.6").split()
QUICK_VERSIONS = ("2.9", "5.6")
EXAMPLES = "8"
HEADER = "cdi-version"
JUDGES = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def environment() -> Path:
    """Returns the Python with schemathesis, which it installs when the pinned versions changed."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / "installed.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"installing {REQUIREMENTS.name} into {ENVIRONMENT.relative_to(ROOT)}", flush=True)
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary",
                        ":all:", "-r", REQUIREMENTS], check=True)
        stamp.write_text(wanted)
    return python


def document_of(version: str) -> str:
    """The document of a version, without the header that names it: left out, it would mean another version."""
    printed = subprocess.run([str(binary()), "openapi", "--cdi", version], capture_output=True, check=True).stdout
    document = json.loads(printed)
    for path in document["paths"].values():
        for operation in path.values():
            operation["parameters"] = [one for one in operation.get("parameters", []) if one.get("name") != HEADER]
    return json.dumps(document)


def run(checks: Checks, python: Path, version: str, seed: int, folder: Path) -> None:
    """Runs one version against a core of its own."""
    document = folder / f"{version}.json"
    document.write_text(document_of(version))
    server = Server()
    server.start()
    found = subprocess.run(
        [python, "-m", "schemathesis.cli", "run", document, "--url", f"http://{HOST}:{server.port}", "--checks", JUDGES,
         "--header", f"{HEADER}: {version}", "--max-examples", EXAMPLES, "--seed", str(seed), "--phases",
         "examples,coverage,fuzzing", "--continue-on-failure", "--no-color", "--warnings", "off",
         "--generation-database", "none", "--request-timeout", "20"],
        capture_output=True, text=True, timeout=300, cwd=folder)
    cases = re.search(r"(\d+) generated", found.stdout)
    checks.check(f"CDI {version}: {cases[1] if cases else 'no'} requests conform", found.returncode == 0 and cases,
                 found.stdout[-6_000:] + found.stderr[-2_000:])
    checks.equal(f"CDI {version}: the core is still there", server.stop(), 0)


def main() -> int:
    """Runs every version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two versions only")
    options = parser.parse_args()
    exit_on_signals()
    seed = int(os.environ.get("SEED", random.SystemRandom().randrange(1 << 31)))
    print(f"SEED={seed}", flush=True)
    checks = Checks()
    python = environment()
    folder = TemporaryFolder().path
    for version in QUICK_VERSIONS if options.quick else VERSIONS:
        checks.run(f"CDI {version}", lambda version=version: run(checks, python, version, seed, folder))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
