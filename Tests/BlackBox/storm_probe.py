#!/usr/bin/env python3
"""Asks a server how it is, every 50 ms on a new connection, until standard input ends; then tells what it saw as JSON.

A process of its own: nothing that a storm does in Python may be taken for slowness of the server. The time in which this
process was ready and had no processor is the machine's and is taken off, as Linux counts it. How long the server had none
meanwhile is told beside each wait.
"""

from __future__ import annotations

import gc
import json
import os
import select
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

EVERY = 0.05
PATIENCE = 3.0
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
STATISTICS = Path("/proc/self/schedstat")


def own_wait() -> float:
    """How many seconds this process has waited for a processor so far."""
    return int(STATISTICS.read_text().split()[1]) / 1e9 if STATISTICS.exists() else 0.0


def waits_of(process: int) -> dict[str, float]:
    """The same for each thread of another process."""
    found = {}
    for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
        try:
            found[task.parent.name] = int(task.read_text().split()[1]) / 1e9
        except (OSError, ValueError):
            continue
    return found


def probe(port: int, source: str) -> str:
    """Asks once; what was wrong, or nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as peer:
        peer.settimeout(PATIENCE)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            peer.bind((source, 0))
            peer.connect(("127.0.0.1", port))
            peer.sendall(REQUEST)
            data = b""
            while part := peer.recv(4096):
                data += part
        except OSError as error:
            return f"{type(error).__name__}: {error}"
        good = data.startswith(b"HTTP/1.1 200 ") and b"\r\n\r\nlive\n" in data
        return "" if good else f"said {data[:80]!r}"


def main() -> None:
    """Probes until told to end."""
    port, source, server = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    gc.disable()
    try:
        os.nice(-20)
    except OSError:
        pass
    waits: list[tuple[float, float]] = []
    failures: list[str] = []
    print("ready", flush=True)
    begun = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, EVERY - (time.monotonic() - begun)))[0]:
        before = waits_of(server)
        waited, begun = own_wait(), time.monotonic()
        wrong = probe(port, source)
        took = time.monotonic() - begun - (own_wait() - waited)
        starved = max((seconds - before.get(name, 0.0) for name, seconds in waits_of(server).items()), default=0.0)
        waits.append((took, min(took, max(0.0, starved))))
        if wrong:
            failures.append(wrong)
    print(json.dumps({"waits": waits, "failures": failures}), flush=True)


@dataclass
class Health:
    """What a prober saw."""

    source: str
    waits: list[tuple[float, float]] = field(default_factory=list)
    """How long each answer took, and how long a thread of the server was without a processor meanwhile."""
    failures: list[str] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The longest wait in seconds that is not the machine's."""
        return max((took - starved for took, starved in self.waits), default=float("inf"))

    def share(self, percent: float) -> float:
        """Within how many seconds so many of the answers came, whatever they waited for."""
        ordered = sorted(took for took, _ in self.waits) or [float("inf")]
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]

    def __str__(self) -> str:
        parts = [f"p{percent:g} {self.share(percent) * 1000:.1f}" for percent in (50, 99, 99.9, 100)]
        return (f"{self.source}: {len(self.waits)} probes, {', '.join(parts)} ms ({self.worst * 1000:.1f} without waits for "
                f"a processor), {len(self.failures)} failed")


class Probers:
    """Probers from several addresses of this machine."""

    def __init__(self, port: int, server: int, sources: tuple[str, ...]) -> None:
        self._running = [(source, subprocess.Popen(
            [sys.executable, __file__, str(port), source, str(server)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
                         for source in sources]
        for _, process in self._running:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"

    def stop(self) -> list[Health]:
        """Ends them and tells what they saw."""
        found = []
        for source, process in self._running:
            said, _ = process.communicate(timeout=30)
            found.append(Health(source, **json.loads(said)))
        return found


if __name__ == "__main__":
    main()
