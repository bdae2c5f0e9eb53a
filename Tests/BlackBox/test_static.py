"""The program as it is packed: without symbols and ICU, started at once, and content with little memory.

A start is one on a data folder that has its keys, the best of several, because others use the machine too.
"""

from __future__ import annotations

import re
import socket
import subprocess
import time
from pathlib import Path
from typing import Callable

import pytest
from harness import HOST, Child, Server, ServerFailed, binary, free_port

# On a machine that does nothing else it is about a tenth of that.
MOST_READY_MILLISECONDS = 400.0
# Beside the pages of its file, which the system shares and takes back.
MOST_OWN_KIB = 10 * 1024
STARTS = 15

# What ICU's C functions and its data are called.
ICU = re.compile(r"(icu_packaged|icudt\d|ucol_open|uregex_open|ucal_open|udat_open|FoundationInternationalization)")


@pytest.fixture(scope="module")
def stripped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program without its symbols."""
    path = tmp_path_factory.mktemp("static") / "tessera"
    subprocess.run(["strip", "-o", str(path), str(binary())], check=True)
    return path


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch, stripped: Path) -> None:
    """The program that everything is about."""
    monkeypatch.setenv("TESSERA_BINARY", str(stripped))


def test_there_is_no_unicode_library_inside(stripped: Path) -> None:
    symbols = subprocess.run(["nm", "-C", str(stripped)], capture_output=True, text=True, check=True)
    assert symbols.stdout == "", "no symbols"
    names = subprocess.run(["strings", "-n", "6", str(stripped)], capture_output=True, text=True, check=True).stdout
    assert sorted({line[:60] for line in names.splitlines() if ICU.search(line)}) == []


def milliseconds_until_ready(program: Path, data: Path) -> tuple[float, Child]:
    """Starts the core on a port of its own and waits for its first answer."""
    port = free_port()
    start = time.perf_counter()
    child = Child([str(program), "serve", "--port", str(port), "--data-dir", str(data)])
    while child.alive:
        try:
            with socket.create_connection((HOST, port), timeout=5) as connection:
                connection.sendall(f"GET /health/ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return (time.perf_counter() - start) * 1_000, child
        except OSError:
            time.sleep(0.000_2)
    raise ServerFailed(child.output)


def resident_kib(pid: int, what: str = "VmRSS") -> int:
    """How much memory a process has, by the kernel's count; `RssAnon` is what is not a page of a file."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE).group(1))  # type: ignore[union-attr]


def test_it_starts_at_once_and_holds_little(stripped: Path, tmp_path: Path, say: Callable[[str], None]) -> None:
    _, first = milliseconds_until_ready(stripped, tmp_path)
    assert first.stop() == 0
    times, resident, own = [], [], []
    for _ in range(STARTS):
        took, child = milliseconds_until_ready(stripped, tmp_path)
        times.append(took)
        resident.append(resident_kib(child.pid))
        own.append(resident_kib(child.pid, "RssAnon"))
        child.stop()
    say(f"ready after {min(times):.1f} ms at best, {sorted(times)[len(times) // 2]:.1f} ms in the middle; "
        f"resident {max(resident) / 1024:.1f} MiB, of which {max(own) / 1024:.1f} MiB are not pages of files")
    assert min(times) <= MOST_READY_MILLISECONDS and max(own) <= MOST_OWN_KIB


def test_it_does_what_the_other_build_does(serve: Callable[..., Server]) -> None:
    """Sessions, the file of keys and values, addresses, and the command for a key."""
    key = "key_encryption_key_command: \"echo a line on stderr >&2; printf %064d 7\"\n"
    core = serve(f"{key}ip_allow_regex: '127\\.0\\.0\\.[0-9&&[^9]]'\n").core()
    made = core.create("user")
    assert made.ok and core.verify(made.json["accessToken"]["token"]).ok


@pytest.mark.parametrize(("command", "message"), [
    ("exit 3", "ended with 3"), ("kill -TERM $$", "ended with 15"), ("true", "32 bytes")])
def test_a_command_for_a_key_that_fails_ends_the_start(command: str, message: str) -> None:
    child = Server(config=f"key_encryption_key_command: '{command}'\n").launch()
    assert child.wait(20) != 0 and message in child.output
