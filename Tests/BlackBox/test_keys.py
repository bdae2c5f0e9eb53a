"""`tessera keys` beside a core that runs, on SQLite and on PostgreSQL: rotate, retire, drop, encrypt."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
from pathlib import Path

from harness import Core, Server, binary, until

RS256 = "access_token_signing_algorithm: RS256\n"
ES256 = "access_token_signing_algorithm: ES256\n"
OLD_KEY, NEW_KEY = "ab" * 32, "cd" * 32


def keys(server: Server, *arguments: str, encryption: str | None = None) -> subprocess.CompletedProcess[str]:
    """Runs `tessera keys` on the data of a server."""
    place = [] if server.database else ["--data-dir", str(server.data)]
    config = server.arguments()[server.arguments().index("--config"):] if "--config" in server.arguments() else []
    environment = {**os.environ, **server.environment}
    if encryption:
        environment["TESSERA_KEY_ENCRYPTION_KEY"] = encryption
    return subprocess.run([str(binary()), "keys", *arguments, *place, *config], capture_output=True, text=True,
                          timeout=90, stdin=subprocess.DEVNULL, env=environment)


def header(token: str) -> dict[str, str]:
    part = token.split(".")[0]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def kids(core: Core) -> list[str]:
    return [key["kid"] for key in core.get("/.well-known/jwks.json").json["keys"]]


def access(core: Core) -> str:
    return str(core.create("u").json["accessToken"]["token"])


def test_finding_k3_a_retired_key_is_refused_and_no_session_ends(server: Server) -> None:
    """finding K3: within a second the core refuses the key's tokens, signs with another and does not publish it."""
    core = server.core()
    session = core.create("u").json
    token = session["accessToken"]["token"]
    kid = header(token)["kid"]
    assert kid in keys(server, "list").stdout and core.verify(token).outcome == "OK"
    for refused in ((), ("--confirm", "yes")):
        done = keys(server, "retire", kid, *refused)
        assert done.returncode == 1 and "nothing was done" in done.stderr
    unknown = keys(server, "retire", "d-1", "--confirm", "d-1")
    assert unknown.returncode == 1 and "no key d-1" in unknown.stderr
    assert kid in kids(core)
    done = keys(server, "retire", kid, "--confirm", kid)
    assert done.returncode == 0, done.stderr
    assert until(lambda: core.verify(token).outcome == "TRY_REFRESH_TOKEN")
    assert kid not in kids(core)
    child = core.refresh(session["refreshToken"]["token"]).json
    assert header(child["accessToken"]["token"])["kid"] != kid
    assert core.verify(child["accessToken"]["token"]).outcome == "OK"
    log = core.get("/tessera/audit", event="key_retired").text
    assert kid in log and log.count("key_retired") == 1


def test_finding_k3_a_row_that_is_deleted_by_hand_is_noticed(tmp_path: Path) -> None:
    """finding K3: whatever deletes a key, the core does not use it any more."""
    with Server(data=tmp_path / "data") as server:
        core = server.core()
        token = access(core)
        with sqlite3.connect(server.data / "tessera.sqlite") as rows:
            rows.execute("DELETE FROM signing_keys WHERE key_id = ?", (header(token)["kid"],))
        assert until(lambda: core.verify(token).outcome == "TRY_REFRESH_TOKEN")
        assert core.verify(access(core)).outcome == "OK"


def test_static_keys_are_dropped(server: Server) -> None:
    core = server.core()
    body = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
            "useDynamicSigningKey": False}
    token = core.post("/recipe/session", body).json["accessToken"]["token"]
    assert header(token)["kid"].startswith("s-")
    assert keys(server, "drop-static").returncode == 1
    assert keys(server, "drop-static", "--confirm", "public").returncode == 0
    assert until(lambda: core.verify(token).outcome == "TRY_REFRESH_TOKEN")
    assert core.post("/recipe/session", body).ok


def test_finding_k2_an_unexpected_key_is_published_and_waits(server: Server) -> None:
    """finding K2: a key made by hand does not sign while verifiers may have the set of before."""
    core = server.core()
    kid = header(access(core))["kid"]
    done = keys(server, "rotate")
    assert done.returncode == 0, done.stderr
    new = done.stdout.split()[0]
    assert "published" in done.stdout and until(lambda: new in kids(core))
    assert header(access(core))["kid"] == kid


def test_finding_k2_another_algorithm_waits_too() -> None:
    """finding K2: after a change of the algorithm the old key signs; the new one is published."""
    with Server(config=RS256) as first:
        token = access(first.core())
        old = header(token)
        data, database = first.data, first.database
        first.stop()
        with Server(data=None if database else data, config=ES256, database=database) as second:
            core = second.core()
            fresh = header(access(core))
            assert (fresh["alg"], fresh["kid"]) == ("RS256", old["kid"])
            assert sum(kid.startswith("d-") for kid in kids(core)) == 2
            assert core.verify(token).outcome == "OK"


def planted(thief: Server, victim: Server) -> str:
    """Copies the unencrypted signing keys of one core into the database of another; gives a token of one of them."""
    token = access(thief.core())
    thief.stop()
    with sqlite3.connect(thief.data / "tessera.sqlite") as source:
        rows = source.execute("SELECT * FROM signing_keys").fetchall()
    with sqlite3.connect(victim.data / "tessera.sqlite") as target:
        target.executemany(f"INSERT INTO signing_keys VALUES ({','.join('?' * len(rows[0]))})", rows)
    return token


def test_finding_k1_a_planted_key_is_not_used(tmp_path: Path) -> None:
    """finding K1: neither by the core that runs nor by the next one; and it is logged."""
    environment = {"TESSERA_KEY_ENCRYPTION_KEY": OLD_KEY}
    with Server(data=tmp_path / "data", environment=environment) as victim, Server(data=tmp_path / "thief") as thief:
        own = access(victim.core())
        token = planted(thief, victim)
        assert victim.says("is not encrypted although")
        assert victim.core().verify(token).outcome == "TRY_REFRESH_TOKEN"
        victim.stop()
        victim.start()
        assert victim.core().verify(token).outcome == "TRY_REFRESH_TOKEN"
        assert victim.core().verify(own).outcome == "OK"
        assert header(token)["kid"] not in kids(victim.core())
        with sqlite3.connect(victim.data / "tessera.sqlite") as rows:
            rows.execute("UPDATE signing_keys SET created_at_time = created_at_time + 1 WHERE key_id = ?",
                         (header(own)["kid"],))
        victim.stop()
        victim.start()
        assert victim.core().verify(own).outcome == "TRY_REFRESH_TOKEN"


def test_keys_are_encrypted_and_encrypted_again(tmp_path: Path) -> None:
    """What is unencrypted is refused once a key-encryption key is configured, until the command has encrypted it."""
    server = Server(data=tmp_path / "data")
    with server:
        token = access(server.core())
        server.stop()
        refused = subprocess.run(server.arguments(), capture_output=True, text=True, timeout=90,
                                 env={**os.environ, "TESSERA_KEY_ENCRYPTION_KEY": OLD_KEY})
        assert refused.returncode == 1 and "tessera keys encrypt" in refused.stderr
        unasked = keys(server, "encrypt", encryption=OLD_KEY)
        assert unasked.returncode == 1 and "nothing was done" in unasked.stderr and "refresh_token_key" in unasked.stderr
        assert keys(server, "encrypt", "--confirm", "encrypt", encryption=OLD_KEY).returncode == 0
        for encryption in (OLD_KEY, f"{NEW_KEY},{OLD_KEY}"):
            done = keys(server, "encrypt", encryption=encryption)
            assert done.returncode == 0 and "3 private keys are encrypted" in done.stdout
        server.environment = {"TESSERA_KEY_ENCRYPTION_KEY": NEW_KEY}
        server.start()
        assert server.core().verify(token).outcome == "OK"
        wrong = keys(server, "list", encryption=OLD_KEY)
        assert wrong.returncode == 1 and "another key" in wrong.stderr
