"""Requests made from the OpenAPI document of several versions are sent to a live core.

No answer has a status of 500 or more that the document does not excuse, and every answer has a documented status,
content type and shape.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from environments import environment
from harness import HOST, ROOT, Server, binary

HEADER = "cdi-version"
JUDGES = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
SAMPLE = ("2.9", "5.6")


@pytest.fixture(scope="module")
def python() -> Path:
    """The Python with schemathesis."""
    return environment(ROOT / ".venv-schema", Path(__file__).resolve().parent / "requirements-schema.txt")


def document_of(version: str) -> str:
    """The document of a version, without the header that names it: left out, it would mean another version."""
    printed = subprocess.run([str(binary()), "openapi", "--cdi", version], capture_output=True, check=True).stdout
    document = json.loads(printed)
    for path in document["paths"].values():
        for operation in path.values():
            operation["parameters"] = [one for one in operation.get("parameters", []) if one.get("name") != HEADER]
    return json.dumps(document)


@pytest.mark.parametrize("version", [version if version in SAMPLE else pytest.param(version, marks=pytest.mark.long)
                                     for version in "1.0 2.3 2.9 2.21 4.0 5.4 5.6".split()])
def test_requests_of_the_document_conform(python: Path, tmp_path: Path, seed: int, version: str,
                                          say: Callable[[str], None]) -> None:
    document = tmp_path / f"{version}.json"
    document.write_text(document_of(version))
    with Server() as server:
        found = subprocess.run(
            [python, "-m", "schemathesis.cli", "run", document, "--url", f"http://{HOST}:{server.port}", "--checks",
             JUDGES, "--header", f"{HEADER}: {version}", "--max-examples", "8", "--seed", str(seed), "--phases",
             "examples,coverage,fuzzing", "--continue-on-failure", "--no-color", "--warnings", "off",
             "--generation-database", "none", "--request-timeout", "20"],
            capture_output=True, text=True, timeout=300, cwd=tmp_path)
        cases = re.search(r"(\d+) generated", found.stdout)
        assert found.returncode == 0 and cases, found.stdout[-6_000:] + found.stderr[-2_000:]
        say(f"CDI {version}: {cases[1]} requests conform")
        assert server.stop() == 0, "the core is still there"
