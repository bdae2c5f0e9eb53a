"""A machine of an operator: cores in the background and the `tessera` command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

from harness import HOST, TemporaryFolder, binary


class Machine:
    """A folder of its own for configuration, data and word of running cores, with the `tessera` command."""

    def __init__(self) -> None:
        self._folder = TemporaryFolder("tessera-operation-")
        self.path = self._folder.path

    @property
    def started(self) -> list[Path]:
        """The files by which cores are found."""
        folder = self.path / "state" / ".started"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def config(self, text: str) -> Path:
        path = self.path / "config.yaml"
        path.write_text(text)
        return path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(binary()), *arguments], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL,
            env={**os.environ, "TESSERA_STATE_DIR": str(self.path / "state"), "TESSERA_METRICS_LISTEN": "off",
                 **environment})

    def start(self, name: str, *arguments: str, **environment: str) -> tuple[int, int]:
        """Starts a core in the background and gives its process id and its port."""
        done = self.run("start", "--port", "0", "--host", HOST, "--data-dir", str(self.path / name), *arguments,
                        **environment)
        words = done.stdout.split()
        if done.returncode != 0 or len(words) != 7:
            raise RuntimeError(f"start: {done.returncode} {done.stdout!r} {done.stderr!r}")
        return int(words[6]), int(words[3].rsplit(":", 1)[1])

    def close(self) -> None:
        for path in self.started:
            with contextlib.suppress(OSError, ValueError, IndexError):
                os.kill(int(path.read_text().splitlines()[0]), signal.SIGKILL)
        self._folder.remove()
