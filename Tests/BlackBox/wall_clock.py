"""The wall clock of unmodified programs, moved by clock_shim.c."""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

SHIM = Path(__file__).resolve().parent / "clock_shim.c"
DAY = 86_400.0


class Clock:
    """The wall clock of the processes that are started with its environment."""

    def __init__(self, folder: Path) -> None:
        """Builds the shim; its clock shows the right time until it is moved."""
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if not sys.platform.startswith("linux") or compiler is None:
            pytest.skip("the clock of a program can only be moved on Linux, and with a C compiler (cc, gcc or clang)")
        library, path = folder / "clock_shim.so", folder / "clock"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(SHIM)], check=True)
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._offset = ctypes.c_int64.from_buffer(self._shared)  # one store, which no reader sees half of
        self.environment = {"LD_PRELOAD": str(library), "TESSERA_TEST_CLOCK": str(path)}

    @property
    def now(self) -> float:
        """What the clock shows, in seconds since 1970."""
        return (time.time_ns() + self._offset.value) / 1e9

    def to(self, moment: float) -> None:
        """Moves the clock on, never back; it goes on from there by itself."""
        self._offset.value = max(self._offset.value, int(moment * 1e9) - time.time_ns())

    def off(self, days: float) -> None:
        """Makes the clock wrong by so many days, or right again with 0."""
        self._offset.value = int(days * DAY * 1e9)
