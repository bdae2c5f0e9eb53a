"""The console blocks of README.md, run against a fresh core, print what the README says.

`python3 test_readme.py` replaces the answers in the README by the real ones.
"""

import re
import subprocess
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


def answered() -> list[tuple[str, str]]:
    """The blocks of the README, each beside the one that it should be."""
    blocks = BLOCK.findall(README.read_text())
    with Server() as server:
        return [(block, with_answer(block, answer)) for block, answer in zip(blocks, run(blocks, server.port))]


def test_the_readme_says_what_the_core_says() -> None:
    for block, real in answered():
        assert block == real


if __name__ == "__main__":
    text = README.read_text()
    for block, real in answered():
        text = text.replace(block, real)
    README.write_text(text)
