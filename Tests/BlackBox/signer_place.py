"""A running `tessera signer`, and cores that sign with it."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from environments import environment
from harness import ROOT, Child, ServerFailed, TemporaryFolder, binary, until

HERE = Path(__file__).resolve().parent
# A whole word: the random part of an identifier may hold these two characters as well.
DYNAMIC = re.compile(r"(?<!\S)d-\S+")
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
           "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so")
ADMIN = [] if os.geteuid() == 0 else ["sudo", "-n"]
READY_SECONDS = 60.0


class Signer:
    """A signer that can be killed and started again with the same keys and socket."""

    def __init__(self, *options: str, environment: dict[str, str] | None = None) -> None:
        self._folder = TemporaryFolder("sg-")
        self.folder = self._folder.path
        self.socket = self.folder / "s"
        self.secret = secrets.token_hex(32)
        (self.folder / "kek").write_text(self.secret)
        (self.folder / "kek").chmod(0o600)
        self._options = list(options) or ["--keys", str(self.folder / "keys"),
                                          "--key-encryption-key-file", str(self.folder / "kek")]
        self._environment = environment or {}
        self.child: Child | None = None

    @property
    def arguments(self) -> list[str]:
        return [str(binary()), "signer", "--listen", str(self.socket), *self._options]

    def start(self, *more: str) -> "Signer":
        self.child = Child(self.arguments + list(more), self._environment)
        if not until(lambda: "the signer is ready" in self.running.output or not self.running.alive, READY_SECONDS):
            raise ServerFailed(f"the signer is not ready\n{self.running.output}")
        if not self.running.alive:
            raise ServerFailed(f"the signer has ended\n{self.running.output}")
        return self

    @property
    def running(self) -> Child:
        assert self.child is not None
        return self.child

    @property
    def pid(self) -> int:
        return self.running.pid

    def stop(self) -> None:
        """Stops every thread, and returns when they stand."""
        os.kill(self.pid, signal.SIGSTOP)
        assert until(lambda: all(") T " in stat.read_text() for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")), 30)

    def go(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.running.kill()

    def config(self, algorithm: str = "ES256", more: str = "") -> str:
        """The configuration of a core that signs with it."""
        return f"signer: unix:{self.socket}\naccess_token_signing_algorithm: {algorithm}\n{more}"

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the signer, such as `keys`."""
        return subprocess.run([str(binary()), "signer", *words, "--listen", str(self.socket)], capture_output=True,
                              text=True, timeout=60, stdin=subprocess.DEVNULL)

    def dynamic(self) -> list[str]:
        """The identifiers of the keys that it has for access tokens."""
        return DYNAMIC.findall(self.ask("keys").stdout)

    def __enter__(self) -> "Signer":
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.child is not None:
            self.child.kill()
        self._folder.remove()


def token_device(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Options and environment of a signer whose keys are in a fresh token of SoftHSM."""
    module = next((path for path in MODULES if Path(path).exists()), MODULES[0])
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    (folder / "pin").write_text("1234\n")
    (folder / "pin").chmod(0o600)
    place = {"SOFTHSM2_CONF": str(folder / "softhsm2.conf")}
    subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "tessera", "--so-pin", "5678", "--pin", "1234"],
                   check=True, capture_output=True, env={**os.environ, **place})
    return ["--pkcs11", module, "--token", "tessera", "--pin-file", str(folder / "pin")], place


def crypto(question: dict[str, Any]) -> dict[str, Any]:
    """Asks `signer_crypto.py` in its own environment."""
    python = environment(ROOT / ".venv-signer", HERE / "requirements-signer.txt")
    answer = subprocess.run([str(python), str(HERE / "signer_crypto.py")], input=json.dumps(question), text=True,
                            capture_output=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr
    return dict(json.loads(answer.stdout))


def in_memory(pid: int, needles: list[str]) -> list[int]:
    """How often each string is in the memory of a process."""
    answer = subprocess.run([*ADMIN, sys.executable, str(HERE / "signer_memory.py"), str(pid)], input="\n".join(needles),
                            text=True, capture_output=True, timeout=300, check=False)
    assert answer.returncode == 0, answer.stderr
    return [int(line) for line in answer.stdout.split()]


def seconds(work: Any) -> tuple[float, Any]:
    begun = time.monotonic()
    result = work()
    return time.monotonic() - begun, result
