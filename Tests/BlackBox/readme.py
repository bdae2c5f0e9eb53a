#!/usr/bin/env python3
"""Runs the console blocks of README.md against a fresh core and compares what they print with what the README says.

With --write the answers in the README are replaced by the real ones.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Server

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"```console\n(.*?)```", re.S)
VARYING = [
    (re.compile(r'("token":")[^"]*'), r"\1…"),
    (re.compile(r'("jwtSigningPublicKey":")[^"]*'), r"\1…"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "…"),
    (re.compile(r":\d{13}"), ":…"),
    (re.compile(r'("(?:millisecondsSinceRotation|sequence)":)\d+'), r"\1…"),
]


def shortened(text: str) -> str:
    """Replaces what differs from run to run by an ellipsis."""
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def commands(block: str) -> list[str]:
    """The command lines of a console block, without their prompt."""
    return [line[2:] for line in block.splitlines() if line.startswith("$ ")]


def run(blocks: list[str], port: int) -> list[str]:
    """Runs all blocks in one shell and gives what each printed."""
    mark = "---end-of-block---"
    lines = []
    for block in blocks:
        lines += [line.replace(":3567", f":{port}") for line in commands(block)] + [f"echo {mark}"]
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            ["bash", "-eu"], input="\n".join(lines), cwd=folder, capture_output=True, text=True, timeout=60, check=True
        )
    return [part.lstrip("\n") for part in result.stdout.split(mark + "\n")][: len(blocks)]


def with_answer(block: str, answer: str) -> str:
    """A console block with an answer after its commands."""
    return "".join(f"$ {line}\n" for line in commands(block)) + shortened(answer)


def main() -> int:
    """Compares or rewrites."""
    text = README.read_text()
    blocks = BLOCK.findall(text)
    with Server() as server:
        answers = run(blocks, server.port)
    real = [with_answer(block, answer) for block, answer in zip(blocks, answers)]
    if "--write" in sys.argv:
        for block, new in zip(blocks, real):
            text = text.replace(block, new)
        README.write_text(text)
        return 0
    wrong = [(block, new) for block, new in zip(blocks, real) if block != new]
    for block, new in wrong:
        print(f"README says:\n{block}\nthe core says:\n{new}")
    print(f"{len(blocks) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
