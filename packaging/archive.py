"""Archives whose bytes follow from their contents alone: no clock, no user, no order of a folder."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable


@dataclass(frozen=True)
class Entry:
    """A file, a link or a folder of an archive; its path has no leading slash."""

    path: str
    data: bytes = b""
    mode: int = 0o644
    link: str | None = None
    is_folder: bool = False
    owner: int = 0

    @staticmethod
    def of(path: str, file: Path, mode: int = 0o644) -> "Entry":
        return Entry(path, file.read_bytes(), mode)


def with_folders(entries: Iterable[Entry]) -> list[Entry]:
    """The entries by path, after the folders that they are in."""
    found = {entry.path: entry for entry in entries}
    for path in list(found):
        for parent in list(Path(path).parents)[:-1]:
            found.setdefault(str(parent), Entry(str(parent), mode=0o755, is_folder=True))
    return [found[path] for path in sorted(found)]


def tar(entries: Iterable[Entry], epoch: int, prefix: str = "") -> bytes:
    """A tar archive; every entry is of one time, and of root unless it says otherwise."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry in with_folders(entries):
            info = tarfile.TarInfo(prefix + entry.path + ("/" if entry.is_folder else ""))
            info.mode, info.mtime, info.uid, info.gid = entry.mode, epoch, entry.owner, entry.owner
            info.uname = info.gname = "" if entry.owner else "root"
            if entry.is_folder:
                info.type = tarfile.DIRTYPE
            elif entry.link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, entry.link
            info.size = len(entry.data) if info.isreg() else 0
            archive.addfile(info, io.BytesIO(entry.data) if info.isreg() else None)
    return out.getvalue()


def compressed(data: bytes, level: int = 9) -> bytes:
    """The same as gzip, without a time or a name."""
    return gzip.compress(data, level, mtime=0)


def squeezed(data: bytes, level: int) -> bytes:
    """The same as xz, in one thread: its blocks do not depend on the machine."""
    return lzma.compress(data, check=lzma.CHECK_CRC64, preset=level)


def ar(members: Iterable[tuple[str, bytes]], epoch: int) -> bytes:
    """A Unix archive, as a Debian package is one."""
    out = b"!<arch>\n"
    for name, data in members:
        head = f"{name:<16}{epoch:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode()
        out += head + data + b"\n" * (len(data) % 2)
    return out
