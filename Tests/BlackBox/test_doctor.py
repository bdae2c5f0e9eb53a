"""`tessera doctor`: 29 faults of a session set-up are named, five good set-ups are left alone, and so is a good machine."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
from doctor_app import PASSWORD, Place, Setup, certificate
from harness import HOST, Server, binary, until

NONE = {"same_site": "None", "secure": True, "scheme": "https"}
OTHER_SITE = {"api": "api.example.org"}

# The fault, its code, a word of its fix, and the set-up.
FAULTS: list[tuple[str, str, str, Setup]] = [
    ("wrong base path", "D01", "apiBasePath", Setup(examined="/api/auth")),
    ("site calls another host", "D02", "apiDomain", Setup(page_api="http://backend.example.com")),
    ("CORS list without st-auth-mode", "D03", "getAllCORSHeaders", Setup(allowed=["rid", "fdi-version", "anti-csrf", "authorization"])),
    ("origin *", "D04", "Echo the site's origin", Setup(origin="*")),
    ("no credentials", "D05", "credentials", Setup(credentials=False)),
    ("CORS inside of the session middleware", "D06", "outside of the session middleware", Setup(cors_on_errors=False)),
    ("nothing exposed", "D07", "Expose", Setup(exposed=[])),
    ("expose *", "D07", "Expose", Setup(exposed=["*"])),
    ("proxy hides Set-Cookie", "D08", "proxy_hide_header", Setup(dropped=["set-cookie"])),
    ("proxy drops empty fields", "D08", "pass", Setup(drops_empty=True)),
    ("SameSite=None without Secure", "D09", "https", Setup(same_site="None")),
    ("Secure cookies over http", "D09", "cookieSecure", Setup(secure=True)),
    ("two sites, SameSite=Lax", "D10", "header mode", Setup(**OTHER_SITE)),
    ("two sites, SameSite=None", "D11", "header mode", Setup(**OTHER_SITE, **NONE)),
    ("localhost and 127.0.0.1", "D12", "one spelling", Setup(site="localhost", api=HOST)),
    ("Domain of a sibling", "D13", "cookieDomain", Setup(domain="app.example.com")),
    ("Domain is a public suffix", "D13", "cookieDomain", Setup(site="app.example.co.uk", api="api.example.co.uk", domain="co.uk")),
    ("refresh path without the gateway's", "D14", "apiGatewayPath", Setup(gateway="/gate", refresh_path="/auth/session/refresh")),
    ("cookies in two places", "D15", "olderCookieDomain", Setup(doubled=True)),
    ("redirect to https", "D16", "final URL", Setup(redirect="https://api.example.com")),
    ("POST without rid", "D17", "rid", Setup(needs_rid=True, options=["--plain-fetch"])),
    ("answers from a cache", "D18", "no-store", Setup(cache="public, max-age=60", age=7)),
    ("random successors without grace", "D19", "refresh_token_rotation_grace_period", Setup(random_successors=True)),
    ("a stream behind a buffer", "D20", "proxy_buffering off", Setup(buffered=True)),
    ("clock 120 s ahead", "D21", "NTP", Setup(clock=120)),
    ("key set without the key", "D22", "key set", Setup(key="d-2")),
    ("payload of 5 kB", "D23", "payload", Setup(payload=5_000)),
    ("expired is 440", "D24", "sessionExpiredStatusCode", Setup(expired=440)),
    ("the core is stopped", "D25", "start it", Setup(core_runs=False, options=["--core", f"http://{HOST}:1"])),
]

GOOD: list[tuple[str, Setup]] = [
    ("same origin", Setup(site="localhost", api="localhost")),
    ("sub-domains", Setup(domain=".example.com")),
    ("two sites, SameSite=None, partitioned", Setup(**OTHER_SITE, **NONE, partitioned=True)),
    ("two sites, header mode", Setup(**OTHER_SITE, header_mode=True)),
    ("behind a gateway with a path", Setup(gateway="/gate")),
]


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for the set-ups with https."""
    return certificate(tmp_path_factory.mktemp("certificate"))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The doctor, whatever it says."""
    return subprocess.run([str(binary()), "doctor", *arguments], capture_output=True, text=True, timeout=120,
                          env={**os.environ, **environment})


def examined(place: Place) -> tuple[dict[str, Any], subprocess.CompletedProcess[str]]:
    """What the doctor says of a set-up, without any token."""
    result = run(*place.arguments(), "--json")
    assert result.returncode in (0, 1), result.stderr
    for secret in [*place.secrets, PASSWORD]:
        assert secret not in result.stdout + result.stderr, "a token is printed"
    return json.loads(result.stdout), result


def codes(report: dict[str, Any]) -> list[str]:
    return [found["code"] for found in report["diagnoses"]]


def test_seeded_faults(say: Callable[[str], None], cert: Path, dice: random.Random) -> None:
    """Each of 29 seeded faults: at least 27 are the first finding, with the right fix."""
    named = 0
    say("fault                                    expected  found")
    for name, code, fix, setup in dice.sample(FAULTS, len(FAULTS)):
        with Place(setup, cert) as place:
            report, result = examined(place)
        found = codes(report)
        first = report["diagnoses"][0] if found else {"fix": "", "severity": "advice"}
        is_named = found[:1] == [code] and fix in first["fix"]
        named += is_named
        say(f"{name:40} {code}       {' '.join(found) or 'nothing'}{'' if is_named else '   <- not named'}")
        assert result.returncode == (0 if all(one["severity"] == "advice" for one in report["diagnoses"]) else 1)
    say(f"{named} of {len(FAULTS)} faults are named first, with their fix")
    assert len(FAULTS) == 29 and named >= 27


@pytest.mark.parametrize("name,setup", GOOD, ids=[name for name, _ in GOOD])
def test_good_setups(name: str, setup: Setup, cert: Path) -> None:
    """Nothing is said of a set-up that is right."""
    with Place(setup, cert) as place:
        report, result = examined(place)
    assert report["diagnoses"] == [] and report["notExamined"] == [] and report["isWell"] is True
    assert result.returncode == 0


def test_without_a_login(cert: Path) -> None:
    """What a refusal shows is enough for the cookies of a current SDK; what was not examined is said."""
    for code, setup in [("D10", Setup(**OTHER_SITE)), ("D13", Setup(domain="app.example.com")), ("D08", Setup(dropped=["set-cookie"]))]:
        with Place(setup, cert) as place:
            arguments = place.arguments()
            start = arguments.index("--login")
            del arguments[start:start + 2]
            if code == "D08":
                arguments += ["--direct", f"http://{HOST}:{place.port}/auth"]
            report = json.loads(run(*arguments, "--json").stdout)
        assert codes(report)[:1] == [code]
        assert any("--login" in note for note in report["notExamined"])


def test_text_and_arguments(tmp_path: Path) -> None:
    """The text has code, evidence, fix and page; a password can be in a file; what is wrong with arguments is said."""
    with Place(Setup(origin="*")) as place:
        arguments = place.arguments()
        login = tmp_path / "login"
        at = arguments.index("--login") + 1
        login.write_text(arguments[at] + "\n")
        arguments[at] = f"@{login}"
        result = run(*arguments)
        accepted = run(*arguments, "--accept", "D04")
    assert result.returncode == 1 and "BAD     D04" in result.stdout
    assert "seen: P1" in result.stdout and "fix:" in result.stdout and "docs/doctor.md#d04" in result.stdout
    assert accepted.returncode == 0 and "Nothing found." in accepted.stdout
    nothing = run(f"http://{HOST}:1/auth", "--site", f"http://{HOST}:1")
    assert nothing.returncode == 1 and "D01" in nothing.stdout and "refused" in nothing.stdout
    for wrong in (["http://a/auth"], ["ftp://a", "--site", "http://a"], ["http://a", "--site", "http://b", "--login", "me"],
                  ["http://a", "--site", "http://b", "--resolve", "a"], ["http://a", "--site", "http://b", "--mode", "x"]):
        assert run(*wrong).returncode not in (0, None) and run(*wrong).stdout == ""


def machine(tmp_path: Path, *arguments: str, state: Path | None = None) -> tuple[dict[str, Any], int]:
    """What the doctor says of this machine, with a data folder of its own."""
    result = run("--json", "--data-dir", str(tmp_path / "data"), *arguments, TESSERA_STATE_DIR=str(state or tmp_path / "state"))
    return json.loads(result.stdout), result.returncode


def test_this_machine(tmp_path: Path) -> None:
    """A folder that is new, whole, in use, open to others, damaged; nothing is changed by looking."""
    report, status = machine(tmp_path)
    assert codes(report) == ["M04"] and status == 0 and not (tmp_path / "data").exists()
    with Server(data=tmp_path / "data") as server:
        assert server.child
        state = server.child._folder.path
        # A core says where it is a moment after it has answered first.
        assert until(lambda: "running cores: 1" in machine(tmp_path, state=state)[0]["good"], 60)
        report, status = machine(tmp_path, state=state)
        assert codes(report) == [] and status == 0 and any("in use" in line for line in report["good"])
        assert server.alive
        server.stop()
    names = sorted(path.name for path in (tmp_path / "data").iterdir())
    report, status = machine(tmp_path)
    assert codes(report) == [] and any("whole" in line for line in report["good"])
    assert names == sorted(path.name for path in (tmp_path / "data").iterdir()), "looking has changed the folder"
    with Server(data=tmp_path / "data") as server:
        server.kill()
    report, status = machine(tmp_path)
    assert codes(report) == [], "a core that was killed leaves a whole database"
    with Server(data=tmp_path / "data") as server:
        server.stop()
    (tmp_path / "data").chmod(0o755)
    report, status = machine(tmp_path)
    assert codes(report) == ["M05"] and status == 1 and "chmod" in report["diagnoses"][0]["fix"]
    (tmp_path / "data").chmod(0o700)
    file = tmp_path / "data" / "tessera.sqlite"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)
    report, status = machine(tmp_path)
    assert codes(report) == ["M03"] and status == 1


def test_configuration_of_this_machine(tmp_path: Path) -> None:
    """A configuration with which no core starts; a file with keys that others can read."""
    config = tmp_path / "config.yaml"
    config.write_text("access_token_validity: -3\n")
    report, status = machine(tmp_path, "--config", str(config))
    assert codes(report)[0] == "M01" and status == 1
    config.write_text("api_keys: a-key-that-is-long-enough-0123\n")
    config.chmod(0o644)
    report, status = machine(tmp_path, "--config", str(config))
    assert "M06" in codes(report) and status == 0 and "a-key-that" not in json.dumps(report)
    config.write_text("access_token_validity: 3600\n")
    report, status = machine(tmp_path, "--config", str(config))
    assert codes(report) == ["M04"]
