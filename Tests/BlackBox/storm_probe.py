#!/usr/bin/env python3
"""Asks a server how it is, every 50 ms on a new connection, until standard input ends; then tells what it saw as JSON.

A process of its own: nothing that a storm does in Python may be taken for slowness of the server. The time in which this
process was ready and had no processor is the machine's and is taken off, as Linux counts it.
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
    port, source = int(sys.argv[1]), sys.argv[2]
    gc.disable()
    try:
        os.nice(-20)
    except OSError:
        pass
    waits: list[float] = []
    failures: list[str] = []
    print("ready", flush=True)
    begun = time.monotonic()
    while not select.select([sys.stdin], [], [], max(0.0, EVERY - (time.monotonic() - begun)))[0]:
        waited, begun = own_wait(), time.monotonic()
        wrong = probe(port, source)
        took = time.monotonic() - begun - (own_wait() - waited)
        waits.append(took)
        if wrong:
            failures.append(wrong)
    print(json.dumps({"waits": waits, "failures": failures}), flush=True)


@dataclass
class Health:
    """What a prober saw."""

    source: str
    waits: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def worst(self) -> float:
        """The longest wait in seconds."""
        return max(self.waits, default=float("inf"))

    def __str__(self) -> str:
        """The distribution in milliseconds."""
        ordered = sorted(self.waits) or [float("nan")]
        parts = [f"p{share:g} {ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] * 1000:.1f}"
                 for share in (50, 99, 99.9)]
        return (f"{self.source}: {len(self.waits)} probes, {', '.join(parts)}, p100 {self.worst * 1000:.1f} ms, "
                f"{len(self.failures)} failed")


class Probers:
    """Probers from several addresses of this machine."""

    def __init__(self, port: int, sources: tuple[str, ...]) -> None:
        """Starts them."""
        self._running = [(source, subprocess.Popen(
            [sys.executable, __file__, str(port), source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
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
