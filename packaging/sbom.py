"""The bill of materials in SPDX 2.3: what is inside the program, and what it loads."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

from program import Library, Program, output

ROOT = Path(__file__).resolve().parents[1]


def linked_modules(program: Program) -> set[str]:
    """The Swift and C modules whose objects the linker was given."""
    listing = program.path.resolve().parent / "tessera.product" / "Objects.LinkFileList"
    if not listing.is_file():
        raise SystemExit(f"no {listing}: the program has to be one that 'make build' has built here")
    return set(re.findall(r"/([^/]+)\.build/", listing.read_text()))


def swift_packages(program: Program) -> list[dict[str, Any]]:
    """Those of Package.resolved of which something is inside."""
    modules = linked_modules(program)
    found = []
    for pin in json.loads((ROOT / "Package.resolved").read_text())["pins"]:
        checkout = program.path.resolve().parents[2] / "checkouts" / pin["identity"]
        own = {folder.name for folder in checkout.glob("Sources/*") if folder.is_dir()}
        if not own & modules:
            continue
        location = pin["location"].removesuffix(".git")
        found.append(package(
            pin["identity"], pin["state"]["version"], location, "Apache-2.0",
            f"pkg:swift/{location.removeprefix('https://')}@{pin['state']['version']}"))
    return found


def package(name: str, version: str, location: str, licence: str, purl: str | None = None) -> dict[str, Any]:
    """A package; its files were not looked at one by one."""
    found: dict[str, Any] = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version,
        "downloadLocation": location, "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence, "copyrightText": "NOASSERTION", "supplier": "NOASSERTION"}
    if purl:
        found["externalRefs"] = [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]
    return found


def debian_packages(libraries: list[Library]) -> list[dict[str, Any]]:
    """The packages of system libraries."""
    known = {library.package: library.version for library in libraries}
    return [package(name, version, "NOASSERTION", "NOASSERTION", f"pkg:deb/debian/{name}@{version}")
            for name, version in sorted(known.items())]


def document(program: Program, epoch: int, commit: str) -> bytes:
    """The whole document; its name space follows from what it says."""
    own = package("tessera", program.version, "NOASSERTION", "Apache-2.0")
    own |= {"primaryPackagePurpose": "APPLICATION", "sourceInfo": f"commit {commit}"}
    swift = re.search(r"Swift version (\S+)", output("swift", "--version"))
    runtime = package("swift-runtime", swift.group(1) if swift else "unknown", "https://www.swift.org/install/",
                      "Apache-2.0 WITH Swift-exception")
    suffixes = package("public-suffix-list", "as in Sources/CPublicSuffixList", "https://publicsuffix.org", "MPL-2.0")
    inside = swift_packages(program) + [runtime, suffixes]
    loaded, opened = debian_packages(program.needed), debian_packages(program.opened)
    opened = [each for each in opened if each not in loaded]
    packages = [own, *inside, *loaded, *opened]
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", own)]
    relations += [(own["SPDXID"], "STATIC_LINK", each) for each in inside]
    relations += [(own["SPDXID"], "DYNAMIC_LINK", each) for each in loaded]
    made: dict[str, Any] = {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"tessera-{program.version}", "packages": packages,
        "creationInfo": {"created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch)),
                         "creators": ["Tool: tessera-packaging"]},
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other["SPDXID"]}
            for one, kind, other in relations] + [
            {"spdxElementId": each["SPDXID"], "relationshipType": "OPTIONAL_DEPENDENCY_OF",
             "relatedSpdxElement": own["SPDXID"]} for each in opened]}
    text = json.dumps(made, indent=1, sort_keys=True)
    made["documentNamespace"] = f"https://spdx.org/spdxdocs/tessera-{uuid.uuid5(uuid.NAMESPACE_URL, text)}"
    return (json.dumps(made, indent=1, sort_keys=True) + "\n").encode()
