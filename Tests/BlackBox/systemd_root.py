"""A Debian of its own, made with debootstrap and booted by systemd in a container of systemd-nspawn."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from harness import Child, until

PACKAGES = "systemd,systemd-sysv,dbus,adduser,libsqlite3-0,libssl3,libyaml-0-2,libstdc++6,libgcc-s1,procps"
BOOT_SECONDS = 120.0


class SystemdRoot:
    """A booted Debian, which shares the network of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._child: Child | None = None

    def __enter__(self) -> "SystemdRoot":
        done = subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", codename(), str(self.path)],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
        # Services do not start a second network of their own beside that of the machine.
        self._child = Child(["systemd-nspawn", "--register=no", "--keep-unit", "--quiet", "--boot", "--console=pipe",
                             f"--directory={self.path}"])
        assert until(lambda: self._is_up(), BOOT_SECONDS, 0.2), self._child.output[-2_000:]
        return self

    def _is_up(self) -> bool:
        done = self._attempt("systemctl is-system-running")
        return done.stdout.strip() in ("running", "degraded")

    def _attempt(self, command: str) -> "subprocess.CompletedProcess[str]":
        assert self._child is not None
        first = subprocess.run(["pgrep", "-P", str(self._child.pid)], capture_output=True, text=True, check=False)
        leader = first.stdout.split()[0] if first.stdout else "0"
        return subprocess.run(["nsenter", "--target", leader, "--all", "--root", "--wd", "sh", "-c", command],
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def does(self, command: str) -> str:
        """What a command prints there; it has to succeed."""
        done = self._attempt(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}\n" + self._attempt(
            "journalctl --no-pager -n 40").stdout
        return done.stdout

    def write(self, path: str, text: str) -> None:
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def install(self, package: Path) -> None:
        """Installs a package, or upgrades to it."""
        shutil.copy(package, self.path / "root" / package.name)
        self.does(f"DEBIAN_FRONTEND=noninteractive dpkg -i /root/{package.name}")

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._child is not None:
            self._attempt("systemctl poweroff --force --force")
            self._child.kill()
        shutil.rmtree(self.path, ignore_errors=True)


def codename() -> str:
    """The Debian that this machine is."""
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=")[1]
    return "stable"
