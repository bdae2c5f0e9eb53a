#!/usr/bin/env python3
"""The static program of `make static`: small, without ICU, started at once, and content with little memory.

Sizes are of the stripped program; a start is one on a data folder that has its keys, the best of several, because others
use the machine too.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness import HOST, ROOT, Checks, Child, Server, TemporaryFolder, exit_on_signals, free_port

MEGABYTE = 1_000_000
MOST_BYTES = 20 * MEGABYTE
MOST_READY_MILLISECONDS = 25.0
MOST_IDLE_KIB = 20 * 1024
STARTS = 15

STRIPPED = ROOT / ".build-static" / "tessera"
UNSTRIPPED = ROOT / ".build-static" / "release" / "tessera"
# What ICU's C functions and its data are called.
ICU = re.compile(r"(icu_packaged|icudt\d|ucol_open|uregex_open|ucal_open|udat_open|FoundationInternationalization)")


def size(checks: Checks) -> None:
    """The program's length, and what must not be in it."""
    length = STRIPPED.stat().st_size
    checks.check("at most 20 MB", length <= MOST_BYTES, f"{length / MEGABYTE:.1f} MB")
    print(f"  stripped: {length / MEGABYTE:.1f} MB, unstripped: {UNSTRIPPED.stat().st_size / MEGABYTE:.1f} MB")
    symbols = subprocess.run(["nm", "-C", str(UNSTRIPPED)], capture_output=True, text=True, check=True).stdout
    checks.check("the symbols can be read", "tessera" in symbols.lower())
    found = sorted({line.split(" ", 2)[-1][:60] for line in symbols.splitlines() if ICU.search(line)})
    checks.check("nothing of ICU", not found, found[:5])
    libraries = subprocess.run(["ldd", str(STRIPPED)], capture_output=True, text=True, check=True).stdout
    swift = [line.split()[0] for line in libraries.splitlines() if re.search("swift|Foundation|icu", line.split()[0])]
    checks.check("no library of Swift, Foundation or ICU beside it", not swift, swift)


def milliseconds_until_ready(data: Path) -> tuple[float, Child]:
    """Starts the core on a port of its own and waits for its first answer."""
    port = free_port()
    start = time.perf_counter()
    child = Child([str(STRIPPED), "serve", "--port", str(port), "--data-dir", str(data)])
    while child.alive:
        try:
            with socket.create_connection((HOST, port), timeout=5) as connection:
                connection.sendall(f"GET /health/ready HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                if connection.recv(64).startswith(b"HTTP/1.1 200"):
                    return (time.perf_counter() - start) * 1_000, child
        except OSError:
            time.sleep(0.000_2)
    raise SystemExit(f"the core did not start:\n{child.output}")


def resident_kib(pid: int, what: str = "VmRSS") -> int:
    """How much memory a process has, by the kernel's count; `RssAnon` is what is not a page of a file."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{what}:\s+(\d+) kB$", status, re.MULTILINE).group(1))  # type: ignore[union-attr]


def start(checks: Checks) -> None:
    """How long a start takes, and what the core holds when it has nothing to do."""
    data = TemporaryFolder().path
    _, first = milliseconds_until_ready(data)
    checks.equal("the first start ends in peace", first.stop(), 0)
    times: list[float] = []
    resident: list[int] = []
    own: list[int] = []
    for _ in range(STARTS):
        took, child = milliseconds_until_ready(data)
        times.append(took)
        resident.append(resident_kib(child.pid))
        own.append(resident_kib(child.pid, "RssAnon"))
        child.stop()
    print(f"  ready after {min(times):.1f} ms at best, {sorted(times)[len(times) // 2]:.1f} ms in the middle; "
          f"resident {max(resident) / 1024:.1f} MiB, of which {max(own) / 1024:.1f} MiB are not pages of files")
    checks.check("ready in 25 ms", min(times) <= MOST_READY_MILLISECONDS, f"{min(times):.1f} ms")
    checks.check("20 MiB resident", max(resident) <= MOST_IDLE_KIB, f"{max(resident)} KiB")


def service(checks: Checks) -> None:
    """It does what the other build does: sessions, the file of keys and values, addresses, and the command for a key."""
    key = "key_encryption_key_command: \"echo a line on stderr >&2; printf %064d 7\"\n"
    with Server(config=f"{key}ip_allow_regex: '127\\.0\\.0\\.[0-9&&[^9]]'\n") as server:
        core = server.core()
        made = core.create("user")
        checks.check("a session is made and verified", made.ok and core.verify(made.json["accessToken"]["token"]).ok)
        core.close()
    for command, message in (("exit 3", "ended with 3"), ("kill -TERM $$", "ended with 15"), ("true", "32 bytes")):
        folder = TemporaryFolder()
        config = folder.path / "config.yaml"
        config.write_text(f"key_encryption_key_command: '{command}'\n")
        child = Child([str(STRIPPED), "serve", "--port", "0", "--data-dir", str(folder.path / "data"),
                       "--config", str(config)])
        code = child.wait(20)
        checks.check(f"a command that fails ends the start: {command}", code != 0 and message in child.output, child.output)


def main() -> int:
    """Looks at the program and uses it."""
    exit_on_signals()
    if not STRIPPED.is_file():
        sys.exit(f"no program at {STRIPPED}: make static")
    os.environ["TESSERA_BINARY"] = str(STRIPPED)
    checks = Checks(quiet=True)
    for step in (size, start, service):
        checks.run(step.__name__, lambda step=step: step(checks))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
