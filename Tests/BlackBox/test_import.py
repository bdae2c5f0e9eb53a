"""A dump is imported with `tessera import`, and an old session goes on over HTTP."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from harness import Server, ServerFailed, binary
from import_dump import AWKWARD, VECTORS, make_dump


def tessera(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=120)


def secrets_in(text: str) -> list[str]:
    """Which of the secrets of the dump a text shows."""
    values = {"master key": VECTORS["refresh"]["master_key"][-40:],
              "private key": VECTORS["own"]["rsa_private_pkcs8_b64"][40:80], "hash": VECTORS["refresh"]["hash2"]}
    return [name for name, value in values.items() if value in text]


def session_key() -> str:
    der = base64.b64decode(VECTORS["own"]["rsa_public_spki_b64"])
    modulus = der[-5 - 256:-5]
    return base64.urlsafe_b64encode(modulus).decode().rstrip("=")


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump that others may read."""
    path = tmp_path_factory.mktemp("import") / "dump.sql"
    path.write_text(make_dump())
    os.chmod(path, 0o644)
    return path


def test_an_address_is_not_taken(tmp_path: Path) -> None:
    found = tessera("import", "--from", "postgresql://me:hunter2@db/x", "--data-dir", tmp_path / "none")
    assert found.returncode == 1 and "pg_dump" in found.stderr and "hunter2" not in found.stderr


def test_a_dump_that_is_cut_off_is_not_taken(dump: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.sql"
    cut.write_text(dump.read_text()[:-200])
    found = tessera("import", "--from", cut, "--data-dir", tmp_path / "none")
    assert found.returncode == 1 and "truncated" in found.stderr and not (tmp_path / "none").exists()


def test_a_folder_that_has_served_is_not_taken(dump: Path) -> None:
    served = Server()
    served.start().stop()
    found = tessera("import", "--from", dump, "--data-dir", served.data)
    assert found.returncode == 1 and "fresh data folder" in found.stderr
    assert served.start().stop() == 0, "it still starts"


@pytest.fixture(scope="module")
def server(dump: Path) -> Iterator[Server]:
    """A server on the imported folder: after a dry run, an import, another one and one that did not finish."""
    data = dump.parent / "data"
    command: list[str | Path] = ["import", "--from", dump, "--data-dir", data]
    dry = tessera(*command, "--dry-run")
    assert dry.returncode == 2 and "2 to import" in dry.stdout and "1 skipped" in dry.stdout
    assert not data.exists() and "chmod 600" in dry.stderr, "a dump that others may read is warned of"
    os.chmod(dump, 0o600)
    done = tessera(*command)
    assert done.returncode == 2 and "2 imported" in done.stdout and "not a JSON object" in done.stdout
    assert done.stderr.strip() == ("note: app shop, tenant public: 'ip_deny_regex' cannot be set for an app, only for "
                                   "the whole core; it was left out")
    again = tessera(*command)
    assert again.returncode == 0 and "already" in again.stdout
    assert secrets_in(dry.stdout + done.stdout + done.stderr + again.stdout) == []
    checkpoint = data / "tessera.import"
    checkpoint.write_text(checkpoint.read_text().replace("state finished", "state running"))
    served = Server(data)
    with pytest.raises(ServerFailed, match="has not finished"):
        served.start()
    assert tessera(*command).returncode == 2, "it is finished by running it again"
    with served:
        yield served


def test_the_old_session_goes_on(server: Server, dump: Path) -> None:
    core = server.core()
    busy = tessera("import", "--from", dump, "--data-dir", server.data)
    assert busy.returncode == 1 and "another process" in busy.stderr, "a folder in use is refused"
    token = VECTORS["refresh"]["token"]
    reply = core.refresh(token)
    assert reply.outcome == "OK", "the old refresh token is exchanged"
    session = reply.json
    assert session["session"]["userDataInJWT"] == AWKWARD, "the payload came along"
    keys = core.get("/.well-known/jwks.json").json["keys"]
    assert any(key["n"].rstrip("=") == session_key() for key in keys), (
        "the old key is published", [key["kid"] for key in keys])
    verified = core.verify(session["accessToken"]["token"])
    assert verified.outcome == "OK", "the new access token is good"
    newer = core.refresh(session["refreshToken"]["token"])
    assert newer.outcome == "OK", "the new one goes on"
    late = core.refresh(token)
    assert late.outcome == "OK", "the old refresh token once more, in time"
    assert late.json["refreshToken"]["token"] == session["refreshToken"]["token"], "is given the same new one"
    assert core.verify(newer.json["accessToken"]["token"]).outcome == "OK", "the newest one is used"
    assert core.refresh(token).outcome == "TOKEN_THEFT_DETECTED", "the old refresh token is used up"
    assert core.refresh(newer.json["refreshToken"]["token"]).outcome == "UNAUTHORISED", "and its reuse ends the session"
    shop = core.post("/appid-shop/recipe/session/refresh", {
        "refreshToken": token, "enableAntiCsrf": False, "useDynamicSigningKey": True})
    assert shop.outcome == "OK", "the other app's session goes on by itself"
    assert shop.json["session"]["userDataInJWT"] == {"shop": True}, "with that app's payload"
    life = shop.json["accessToken"]["expiry"] - shop.json["accessToken"]["createdTime"]
    assert life == 61_000, "and that app's configuration"
    made = core.post("/appid-shop/t1/recipe/session", {
        "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False})
    assert made.ok, "its tenant is known"
    expired = core.verify(VECTORS["own"]["legacy_tokens"]["V2"])
    assert "expired" in expired.text.lower(), "the signature of an old access token is good, though it has expired"
    assert server.stop() == 0, "stop"
