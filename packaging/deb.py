"""The Debian package."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate
from pathlib import Path

import manual
from archive import Entry, ar, compressed, squeezed, tar, with_folders
from program import Program

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
UNITS = ROOT / "deploy" / "systemd"
SHELLS = {"bash": "usr/share/bash-completion/completions/tessera", "zsh": "usr/share/zsh/vendor-completions/_tessera",
          "fish": "usr/share/fish/vendor_completions.d/tessera.fish"}
CONFIGURATION = "etc/tessera/config.yaml"


def files(program: Program, epoch: int, bill: bytes) -> list[Entry]:
    """Everything that the package puts somewhere."""
    entries = [
        Entry("usr/bin/tessera", program.stripped, 0o755),
        Entry.of(CONFIGURATION, UNITS / "config.yaml", 0o640),
        Entry.of("usr/lib/systemd/system/tessera.service", UNITS / "tessera.service"),
        Entry.of("usr/lib/systemd/system/tessera.socket", UNITS / "tessera.socket"),
        Entry.of("usr/lib/systemd/system/tessera-signer.service", UNITS / "tessera-signer.service"),
        Entry.of("usr/lib/sysusers.d/tessera.conf", UNITS / "tessera.sysusers"),
        Entry("usr/share/man/man1/tessera.1.gz", compressed(manual.commands(program, epoch).encode())),
        Entry("usr/share/man/man5/tessera.yaml.5.gz", compressed(manual.configuration(program, epoch).encode())),
        Entry("usr/share/doc/tessera/copyright", copyright_file()),
        Entry("usr/share/doc/tessera/changelog.gz", compressed(changelog(program, epoch))),
        Entry("usr/share/doc/tessera/NEWS.gz", compressed((ROOT / "CHANGELOG.md").read_bytes())),
        Entry("usr/share/doc/tessera/tessera.spdx.json", bill),
        Entry.of("usr/share/lintian/overrides/tessera", HERE / "debian" / "lintian-overrides"),
    ]
    for shell, path in SHELLS.items():
        script = program.prints("--generate-completion-script", shell).removeprefix("#!/bin/bash\n")
        entries.append(Entry(path, script.encode()))
    return entries


def changelog(program: Program, epoch: int) -> bytes:
    """Debian's own changelog, of the packaging; what has changed for users is in NEWS."""
    return (f"tessera ({program.version}) unstable; urgency=medium\n\n"
            "  * What has changed is in NEWS.gz beside this file.\n\n"
            f" -- {maintainer()}  {formatdate(epoch)}\n").encode()


def maintainer() -> str:
    """Who the control file names."""
    found = re.search(r"^Maintainer: (.+)$", (HERE / "debian" / "control").read_text(), re.M)
    return found.group(1) if found else ""


def copyright_file() -> bytes:
    """The licences, in Debian's format; the texts of those that Debian has are with Debian."""
    return (HERE / "debian" / "copyright").read_bytes()


def control(program: Program, entries: list[Entry]) -> str:
    """The control file."""
    size = sum(-(-len(entry.data) // 1024) if not entry.is_folder else 1 for entry in with_folders(entries))
    return (HERE / "debian" / "control").read_text().format(
        version=program.version, architecture=program.architectures[0], size=size, depends=program.debian_depends)


def build(program: Program, epoch: int, bill: bytes, level: int) -> tuple[str, bytes]:
    """The package's file name and its bytes."""
    entries = files(program, epoch, bill)
    sums = "".join(f"{hashlib.md5(entry.data).hexdigest()}  {entry.path}\n" for entry in with_folders(entries)
                   if not entry.is_folder and entry.path != CONFIGURATION)
    scripts = [Entry.of(name, HERE / "debian" / name, 0o755) for name in ("postinst", "prerm", "postrm")]
    about = [Entry("control", control(program, entries).encode()), Entry("md5sums", sums.encode()),
             Entry("conffiles", f"/{CONFIGURATION}\n".encode()), *scripts]
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", squeezed(tar(about, epoch, "./"), level)),
               ("data.tar.xz", squeezed(tar(entries, epoch, "./"), level))]
    return f"tessera_{program.version}_{program.architectures[0]}.deb", ar(members, epoch)


