"""`tessera move`: from a data folder to PostgreSQL, as docs/operations.md has it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from event_receiver import Receiver
from harness import ROOT, Core, Server, binary
from postgres import Cluster
from test_events import end, pushed, streams, tessera

PAGE = ROOT / "docs" / "operations.md"
BLOCK = re.compile(r"^```sh postgres\n(.*?)^```$", re.M | re.S)
MOVE = next(line for block in BLOCK.findall(PAGE.read_text()) for line in block.splitlines() if " move " in line)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as running:
        yield running


def move(folder: Path, uri: str) -> subprocess.CompletedProcess[str]:
    """Runs the page's command in the folder that has the data."""
    command = MOVE.replace("tessera", str(binary()), 1)
    return subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "POSTGRESQL_CONNECTION_URI": uri})


def make_app(core: Core) -> None:
    assert core.put("/recipe/multitenancy/app/v2", {"appId": "shop", "coreConfig": {"access_token_validity": 600}}).ok
    assert core.put("/appid-shop/recipe/multitenancy/tenant/v2", {"tenantId": "t1"}).ok


@pytest.mark.parametrize("encryption", [None, "ab" * 32], ids=["unencrypted", "encrypted"])
def test_nobody_has_to_sign_in_again(tmp_path: Path, cluster: Cluster, encryption: str | None) -> None:
    environment = {"TESSERA_KEY_ENCRYPTION_KEY": encryption} if encryption else {}
    uri = cluster.create_database(f"moved_{'encrypted' if encryption else 'plain'}")
    with Server(data=tmp_path / "data", environment=environment) as old:
        core = old.core()
        make_app(core)
        made = [core.create(f"u{number}", {"n": number}, {"home": number}).json for number in range(700)]
        for session in made[:100]:
            session.update(core.refresh(session["refreshToken"]["token"]).json)
        revoked = made.pop()
        assert core.revoke([revoked["session"]["handle"]]).ok
        running = move(tmp_path, uri)
        assert running.returncode == 1 and "another process" in running.stderr, "not beside a core"
        assert old.stop() == 0
    done = move(tmp_path, uri)
    assert done.returncode == 0 and "Moved 699 sessions" in done.stdout, done.stdout + done.stderr
    with Server(database=uri, environment=environment) as new:
        core = new.core()
        for session in (made[0], made[50], made[400], made[-1]):
            assert core.verify(session["accessToken"]["token"], True).outcome == "OK"
            told = core.information(session["session"]["handle"]).json
            assert told["userDataInDatabase"] == {"home": int(told["userId"][1:])}
            assert core.refresh(session["refreshToken"]["token"]).ok
        assert core.refresh(revoked["refreshToken"]["token"]).outcome == "UNAUTHORISED"
        assert core.get("/users/count/active", since="0").json["count"] == 700
        body = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}
        assert core.post("/appid-shop/t1/recipe/session", body).ok, "apps and tenants are there"
    again = Server(data=tmp_path / "data", environment=environment).launch()
    assert again.wait(60) == 1, "a folder that was moved is not started on"


def test_a_database_with_sessions_of_its_own_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    uri = cluster.create_database("occupied")
    with Server(database=uri) as there:
        there.core().create("u")
    with Server(data=tmp_path / "data") as here:
        token = here.core().create("u").json["refreshToken"]["token"]
        assert here.stop() == 0
        done = move(tmp_path, uri)
        assert done.returncode == 1 and "sessions of its own" in done.stderr
        here.start()
        assert here.core().refresh(token).ok, "nothing has happened to the folder"


def test_security_events_that_wait_are_not_left_behind(tmp_path: Path, cluster: Cluster) -> None:
    """A move is refused while events wait for a receiver, until they are dropped."""
    uri = cluster.create_database("waiting")
    config = streams(tmp_path, pushed(Receiver()))
    with Server(data=tmp_path / "data", config=config) as old:
        end(old.core(), "u")
        assert old.stop() == 0
        done = move(tmp_path, uri)
        assert done.returncode == 1 and "1 security events of the app public wait for billing" in done.stderr, done.stderr
        assert tessera(old, "events", "remove", "billing", "--confirm", "billing").returncode == 0
    done = move(tmp_path, uri)
    assert done.returncode == 0 and "Moved 0 sessions" in done.stdout, done.stdout + done.stderr
