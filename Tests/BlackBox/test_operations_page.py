"""The commands of docs/operations.md: every block marked `sh` is run, in the order of the page, in one folder (finding O1)."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import HOST, ROOT, Core, free_port, binary
from machine import Machine

PAGE = ROOT / "docs" / "operations.md"
SECTION = re.compile(r"^## (.+)$", re.M)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def sections() -> list[tuple[str, list[str]]]:
    """The page's sections with their commands."""
    parts = SECTION.split(PAGE.read_text())[1:]
    return [(title, BLOCK.findall(text)) for title, text in zip(parts[::2], parts[1::2]) if BLOCK.search(text)]


class Operator:
    """Somebody who follows the page, with a core that has users."""

    def __init__(self, machine: Machine) -> None:
        self.folder = machine.path / "operator"
        self.folder.mkdir(mode=0o700)
        self.port = free_port()
        (self.folder / "config.yaml").write_text(
            f"host: {HOST}\nport: {self.port}\ndata_dir: {self.folder}/data\napi_keys: page-test-key-0123456789\n")
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "tessera").symlink_to(binary())
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(self.folder),
                            "TESSERA_STATE_DIR": str(machine.path / "state"), "PORT": str(self.port),
                            "API_KEY": "page-test-key-0123456789"}

    def run(self, block: str) -> str:
        done = subprocess.run(["bash", "-eu", "-o", "pipefail"], input=block, cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    def core(self) -> Core:
        return Core(self.port, headers={"api-key": self.environment["API_KEY"]})


@pytest.fixture
def operator(machine: Machine) -> Iterator[Operator]:
    yield Operator(machine)


def test_every_command_of_the_page_works(operator: Operator, say: Callable[[str], None]) -> None:
    """finding O1: backup, restore and upgrade, as the page has them; a session lives on until all are ended."""
    operator.run("tessera start --config config.yaml")
    token = operator.core().create("somebody").json["refreshToken"]["token"]
    count = 0
    for title, blocks in sections():
        if title == "Log all users out":
            answer = operator.core().refresh(token)
            assert answer.ok, answer.text
            token = answer.json["refreshToken"]["token"]
        for block in blocks:
            operator.run(block)
            count += 1
        assert operator.core().get("/hello").status == 200, f"after '{title}' a core runs"
    say(f"{count} blocks of {PAGE.name}")
    assert count >= 5
    assert operator.core().refresh(token).outcome == "UNAUTHORISED", "all users are logged out"
    operator.run("tessera stop")
