"""What is known of the program: its version and architecture, the libraries that it needs, and who they are from."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# The names of one architecture in ELF, in Debian and in OCI.
MACHINES = {62: ("amd64", "amd64"), 183: ("arm64", "arm64")}
# PostgreSQL's library is opened by the program when a database is configured, and is no part of its list of needs.
OPENED = "libpq.so.5"


def output(*command: str, **more: object) -> str:
    """What a command prints; it has to succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout  # type: ignore[call-overload]


@dataclass(frozen=True)
class Library:
    """A file of a system library, by the path where it is looked for."""

    path: str
    package: str
    version: str


@dataclass(frozen=True)
class Program:
    """The program that is packaged."""

    path: Path

    @cached_property
    def stripped(self) -> bytes:
        """Its bytes without symbols."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "tessera"
            output("strip", "--remove-section=.comment", "-o", str(file), str(self.path))
            return file.read_bytes()

    @cached_property
    def version(self) -> str:
        return output(str(self.path), "--version").strip()

    @cached_property
    def architectures(self) -> tuple[str, str]:
        """What Debian and OCI call the machine that it runs on."""
        with self.path.open("rb") as file:
            head = file.read(20)
        return MACHINES[int.from_bytes(head[18:20], "little")]

    def prints(self, *arguments: str) -> str:
        """What the program prints, told nothing by the environment."""
        return output(str(self.path), *arguments, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})

    @cached_property
    def needed(self) -> list[Library]:
        """The libraries that are loaded with it."""
        return libraries(self.path)

    @cached_property
    def opened(self) -> list[Library]:
        """Those that are loaded beside them when PostgreSQL is configured."""
        listing = output("/sbin/ldconfig", "-p")
        found = re.search(rf"^\s*{re.escape(OPENED)} .*=> (\S+)$", listing, re.M)
        if not found:
            raise SystemExit(f"{OPENED} is not on this machine: install libpq5")
        own = [Library(found.group(1), *owner(found.group(1)))]
        known = {library.path for library in self.needed}
        return [each for each in own + libraries(Path(found.group(1))) if each.path not in known]

    @cached_property
    def debian_depends(self) -> str:
        """What Debian's own tool says that it depends on."""
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "debian").mkdir()
            (Path(folder) / "debian" / "control").write_text("Source: tessera\n\nPackage: tessera\nArchitecture: any\n")
            found = output("dpkg-shlibdeps", "-O", str(self.path.resolve()), cwd=folder)
        return found.split("shlibs:Depends=", 1)[1].strip()


def libraries(file: Path) -> list[Library]:
    """All libraries of a file, of whatever depth, and the loader."""
    paths = re.findall(r"(?:=> |^\s*)(/\S+) \(0x", output("ldd", str(file)), re.M)
    return [Library(path, *owner(path)) for path in sorted(set(paths))]


def owner(path: str) -> tuple[str, str]:
    """The Debian package that has a file, and its version; what was merged into /usr has kept its old name there."""
    real = os.path.realpath(path)
    for name in dict.fromkeys([path, real, real.removeprefix("/usr"), path.removeprefix("/usr")]):
        found = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            package = found.stdout.split(":", 1)[0]
            names = output("dpkg-query", "-W", "-f", "${Version}\n", package).split("\n")
            return package, names[0]
    raise SystemExit(f"no Debian package has {path}: build the packages on Debian")
