"""Virtual environments with pinned packages, made on first use and when the pins change."""

from __future__ import annotations

import hashlib
import subprocess
import venv
from pathlib import Path


def environment(folder: Path, requirements: Path) -> Path:
    """The Python of an environment that has the packages of a file."""
    python, stamp = folder / "bin" / "python", folder / "installed.sha256"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not (python.exists() and stamp.exists() and stamp.read_text() == wanted):
        print(f"installing {requirements.name} into {folder.name}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary",
                        ":all:", "-r", requirements], check=True)
        stamp.write_text(wanted)
    return python
