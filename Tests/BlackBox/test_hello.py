"""The example of the README as an operator meets it: what is wrong at its start is one sentence, and no crash report."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from harness import ROOT

HELLO_SESSION = os.environ.get("HELLO_SESSION", str(ROOT / "Examples/.build/debug/HelloSession"))


def start(folder: Path, port: int = 0) -> subprocess.Popen[str]:
    """Starts the example in a folder; its sessions are in a folder within."""
    return subprocess.Popen(
        [HELLO_SESSION], cwd=folder, env={**os.environ, "PORT": str(port)}, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE)


def refused(folder: Path, port: int = 0) -> str:
    """Starts the example where it cannot, and returns its one sentence."""
    process = start(folder, port)
    _, errors = process.communicate(timeout=60)
    lines = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert process.returncode == 1, ("exit code", process.returncode, errors[-2000:])
    assert len(lines) == 1 and "Fatal" not in errors and "backtrace" not in errors.lower(), errors[-2000:]
    return lines[0]


@pytest.fixture
def running(tmp_path: Path):
    """The example, with its sessions in a folder of the test; it listens, and has signals in its hands."""
    process = start(tmp_path)
    assert any("listening" in line for line in process.stderr), process.communicate()[0]
    yield process
    process.kill()
    process.communicate()


def test_finding_s22_a_second_process_on_the_folder(running: subprocess.Popen[str], tmp_path: Path) -> None:
    """finding S22: a second process on the folder ends with one sentence that names it, and the first one goes on."""
    assert "sessions" in refused(tmp_path)
    assert running.poll() is None


@pytest.mark.parametrize("place", ["a file", "open to all", "not a database"])
def test_finding_s22_a_folder_that_cannot_be_used(tmp_path: Path, place: str) -> None:
    """finding S22: a folder that cannot be used is one sentence."""
    folder = tmp_path / "sessions"
    if place == "a file":
        folder.write_text("x")
    else:
        folder.mkdir(mode=0o700)
        if place == "open to all":
            folder.chmod(0o777)
        else:
            (folder / "tessera.sqlite").write_text("no database at all" * 1_000)
            (folder / "tessera.sqlite").chmod(0o600)
    assert "sessions" in refused(tmp_path)


def test_finding_s22_a_port_that_is_taken(tmp_path: Path) -> None:
    """finding S22: a port that another has is one sentence too."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert "in use" in refused(tmp_path, server.getsockname()[1]).lower()


def test_finding_s3_a_stop_is_graceful(running: subprocess.Popen[str]) -> None:
    """finding S3: the service that keeps house ends with the application."""
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) == 0
