"""The container image, as an OCI image layout in a folder: two layers, without a container engine.

The lower layer is what the program needs of the system, the upper one the program; an upgrade fetches the upper one.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

from archive import Entry, compressed, tar
from program import Program

USER = 10001
DATA = "var/lib/tessera"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# OCI has no health check of its own: Docker and Podman read this one when they import the image in their format.
HEALTH = {"Test": ["CMD", "/usr/bin/tessera", "health"], "Interval": 10_000_000_000, "Timeout": 5_000_000_000,
          "StartPeriod": 5_000_000_000, "Retries": 3}


def system(program: Program) -> list[Entry]:
    """The libraries, and what they look up: names of users and hosts, and authorities."""
    entries = [Entry.of(library.path.lstrip("/"), Path(library.path), 0o755)
               for library in program.needed + program.opened]
    users = f"root:x:0:0:root:/root:/sbin/nologin\ntessera:x:{USER}:{USER}:Tessera:/{DATA}:/sbin/nologin\n"
    entries += [
        Entry("etc/passwd", users.encode()), Entry("etc/group", f"root:x:0:\ntessera:x:{USER}:\n".encode()),
        Entry("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n"),
        Entry.of(str(CERTIFICATES).lstrip("/"), CERTIFICATES), Entry("tmp", mode=0o1777, is_folder=True),
    ]
    return entries


def own(program: Program, bill: bytes, licence: bytes) -> list[Entry]:
    """The program and its data folder."""
    return [Entry("usr/bin/tessera", program.stripped, 0o755),
            Entry(DATA, mode=0o700, is_folder=True, owner=USER),
            Entry("usr/share/doc/tessera/copyright", licence),
            Entry("usr/share/doc/tessera/tessera.spdx.json", bill)]


def configuration(program: Program, created: str, commit: str, layers: list[bytes]) -> dict[str, Any]:
    """The image's configuration; a core on all addresses is refused without an API key, and says which variable to set."""
    return {
        "created": created, "architecture": program.architectures[1], "os": "linux",
        "config": {
            "User": f"{USER}:{USER}", "ExposedPorts": {"3567/tcp": {}},
            "Env": ["PATH=/usr/bin", f"TESSERA_DATA_DIR=/{DATA}/data", f"TESSERA_STATE_DIR=/{DATA}"],
            "Entrypoint": ["/usr/bin/tessera"], "Cmd": ["serve", "--host", "0.0.0.0"],
            "Volumes": {f"/{DATA}": {}}, "WorkingDir": f"/{DATA}", "StopSignal": "SIGTERM", "Healthcheck": HEALTH,
            "Labels": labels(program, commit)},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]},
        "history": [{"created": created, "created_by": "packaging: libraries of the system"},
                    {"created": created, "created_by": "packaging: tessera"}]}


def labels(program: Program, commit: str) -> dict[str, str]:
    """What registries show."""
    return {"org.opencontainers.image.title": "tessera", "org.opencontainers.image.version": program.version,
            "org.opencontainers.image.revision": commit, "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.description": "Session core that speaks the wire of SuperTokens"}


def digest(data: bytes) -> str:
    """The name of a blob."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def build(program: Program, epoch: int, commit: str, bill: bytes, licence: bytes, level: int) -> dict[str, bytes]:
    """The files of the layout, by their paths."""
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
    files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}

    def blob(data: bytes, kind: str) -> dict[str, Any]:
        name = digest(data)
        files["blobs/sha256/" + name.removeprefix("sha256:")] = data
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": name, "size": len(data)}

    layers = [tar(system(program), epoch), tar(own(program, bill, licence), epoch)]
    described = [blob(compressed(layer, level), "layer.v1.tar+gzip") for layer in layers]
    config = blob(encoded(configuration(program, created, commit, layers)), "config.v1+json")
    manifest = blob(encoded({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
        "layers": described, "annotations": {**labels(program, commit), "org.opencontainers.image.created": created},
    }), "manifest.v1+json")
    platform = {"architecture": program.architectures[1], "os": "linux"}
    name = {"org.opencontainers.image.ref.name": program.version}
    files["index.json"] = encoded({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{**manifest, "platform": platform, "annotations": name}]})
    return files


def encoded(value: Any) -> bytes:
    """JSON that is always the same."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
