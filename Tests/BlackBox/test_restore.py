"""A copy is put back (finding R2): nobody is accused, whatever went on since, and what is undone is said.

On SQLite a copy of the data folder; with TESSERA_TEST_POSTGRES a dump of the database. At CDI 2.7, 5.4 and 5.6, after
1, 2, 5 and 50 rotations, with `tessera restore`, without it, with the audit log that was kept elsewhere, and all
signed out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter

from harness import Json, Server, TemporaryFolder, binary

ROTATIONS = (1, 2, 5, 50)
VERSIONS = ("2.7", "5.4", "5.6")


def call(server: Server, version: str, path: str, body: Json) -> Json:
    """Asks the core, which has to answer 200."""
    core = server.core(version)
    reply = core.post(path, body)
    core.close()
    assert reply.status == 200, f"{path}: {reply.text}"
    return reply.json


class Client:
    """A client of one CDI version that keeps the newest tokens."""

    def __init__(self, server: Server, version: str, user: str) -> None:
        self.server, self.version = server, version
        self.newer: Json = {} if version == "2.7" else {"useDynamicSigningKey": True}
        self.take(call(server, version, "/recipe/session", {
            "userId": user, "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False, **self.newer}))

    def take(self, answer: Json) -> None:
        self.handle = answer["session"]["handle"]
        self.access, self.refresh = answer["accessToken"]["token"], answer["refreshToken"]["token"]

    def ask(self) -> Json:
        return call(self.server, self.version, "/recipe/session/refresh", {
            "refreshToken": self.refresh, "enableAntiCsrf": False, **self.newer})

    def rotate(self, times: int) -> None:
        for _ in range(times):
            self.take(self.ask())
            call(self.server, self.version, "/recipe/session/verify", {
                "accessToken": self.access, "doAntiCsrfCheck": False, "enableAntiCsrf": False,
                **dict.fromkeys(["checkDatabase"] if self.newer else [], False)})


class Store:
    """Copies of a server's data, and how they are put back."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.folder = TemporaryFolder("tessera-copy-")
        self.copy = self.folder.path / "copy"

    def save(self) -> None:
        """Makes the copy while the core is stopped."""
        if self.server.database:
            subprocess.run(["pg_dump", "--format=custom", f"--file={self.copy}", self.server.database], check=True)
        else:
            shutil.copytree(self.server.data, self.copy)

    def put_back(self) -> None:
        """Puts the copy back in silence, while the core is stopped."""
        if self.server.database:
            subprocess.run(["pg_restore", "--clean", "--if-exists", f"--dbname={self.server.database}", str(self.copy)],
                           check=True)
        else:
            shutil.rmtree(self.server.data)
            shutil.copytree(self.copy, self.server.data)

    def restore(self, *options: str) -> str:
        """Puts the copy back with `tessera restore`."""
        arguments = [str(binary()), "restore"]
        if self.server.database:
            self.put_back()
        else:
            arguments += [str(self.copy), "--data-dir", str(self.server.data)]
        done = subprocess.run([*arguments, *options], env={**os.environ, **self.server.environment},
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def audit(server: Server, *options: str) -> list[Json]:
    """The audit log, as `tessera audit --json` prints it."""
    arguments = [str(binary()), "audit", "--json", "--limit", "100000", *options]
    if not server.database:
        arguments += ["--data-dir", str(server.data)]
    done = subprocess.run(arguments, env={**os.environ, **server.environment}, capture_output=True, text=True,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Scenario:
    """Clients that go on after a copy was made."""

    def __init__(self, config: str = "") -> None:
        """Signs in a client for each version and number of rotations, and copies the data."""
        self.server = Server(config=config).start()
        self.store = Store(self.server)
        self.clients = [(v, n, Client(self.server, v, f"u-{v}-{n}")) for v in VERSIONS for n in ROTATIONS]
        self.revoked = Client(self.server, "5.4", "revoked")
        for _, _, client in self.clients:
            client.rotate(2)
        self.server.stop()
        self.store.save()
        self.server.start()
        for _, number, client in self.clients:
            client.rotate(number)
        call(self.server, "5.4", "/recipe/session/remove", {"sessionHandles": [self.revoked.handle]})
        self.log = self.store.folder.path / "audit.jsonl"
        self.log.write_text("".join(json.dumps(entry) + "\n" for entry in audit(self.server)))
        self.server.stop()

    def go_on(self) -> dict[str, int]:
        """Every client presents its newest token; nobody may be accused."""
        self.server.start()
        counts: Counter[str] = Counter()
        for version, number, client in self.clients:
            answer = client.ask()
            status = answer["status"]
            counts[status] += 1
            assert status in ("OK", "UNAUTHORISED"), (f"CDI {version}, {number} rotations: no verdict", answer)
            if status == "OK":
                client.take(answer)
                client.rotate(3)
        names = [entry["event"] for entry in audit(self.server)]
        assert "reuse_detected" not in names, "no reuse in the audit log"
        return counts

    def forged(self) -> None:
        """A token that only pretends to be newer is no token."""
        token = self.clients[0][2].refresh
        head, nonce, tail = token.split(".")
        forged = f"{head}.{nonce[:-1]}{'0' if nonce[-1] != '0' else '1'}.{tail}"
        answer = call(self.server, "5.4", "/recipe/session/refresh", {
            "refreshToken": forged, "enableAntiCsrf": False, "useDynamicSigningKey": True})
        assert answer["status"] == "UNAUTHORISED", "a forged newer token is no token"
        again = self.clients[0][2].ask()
        assert again["status"] == "OK", "and touches nothing"


def test_with_the_audit_log_all_go_on_and_what_was_revoked_stays_so() -> None:
    """`tessera restore` with the audit log: all go on, and what was revoked stays revoked."""
    scenario = Scenario()
    said = scenario.store.restore("--audit-log", str(scenario.log))
    assert "Restore number  1" in said, "it says the restore number"
    assert "Sessions ended  1" in said, "it repeats the revocation"
    counts = scenario.go_on()
    assert counts == {"OK": len(scenario.clients)}, "all go on"
    assert scenario.server.says("restored from a copy once"), ("the banner says so", scenario.server.output)
    answer = scenario.revoked.ask()
    assert answer["status"] == "UNAUTHORISED", "the revoked session stays revoked"
    events = [entry for entry in audit(scenario.server) if entry["event"] == "refreshed"]
    found = sum(1 for entry in events if entry["details"].get("restored"))
    expected = sum(1 for _, number, _ in scenario.clients if number > 1)
    assert found == expected, ("each adoption is in the audit log, once", f"{found} of {expected}")
    scenario.forged()
    scenario.server.stop()


def test_without_the_audit_log_it_has_to_be_said_that_revocations_are_undone() -> None:
    """Without the audit log the operator has to say that revocations are undone."""
    scenario = Scenario()
    scenario.store.restore("--accept-undone-revocations")
    scenario.go_on()
    answer = scenario.revoked.ask()
    assert answer["status"] == "OK", "the revocation is undone, as was said"
    scenario.server.stop()
    refused = subprocess.run([str(binary()), "restore", "--data-dir", str(scenario.server.data)], capture_output=True,
                             text=True)
    assert (refused.returncode != 0 and "--audit-log" in refused.stderr), "it is not done without a word"


def test_all_signed_out_sign_in_again() -> None:
    """With `--sign-out-all` all users sign in again, and it says so."""
    scenario = Scenario()
    scenario.store.restore("--sign-out-all")
    counts = scenario.go_on()
    assert counts == {"UNAUTHORISED": len(scenario.clients)}, "all sign in again"
    scenario.server.stop()


def test_only_those_sign_in_again_whose_tokens_are_newer() -> None:
    """With `after_restore: SIGN_OUT` those sign in again whose tokens are newer than the copy."""
    scenario = Scenario("after_restore: SIGN_OUT\n")
    scenario.store.restore("--audit-log", str(scenario.log))
    counts = scenario.go_on()
    newer = sum(1 for _, number, _ in scenario.clients if number > 1)
    assert counts == {"OK": len(scenario.clients) - newer, "UNAUTHORISED": newer}, "only they"
    scenario.server.stop()


def test_a_copy_put_back_in_silence_accuses_nobody() -> None:
    """A folder that is put back without a word: sessions end, nobody is accused, the log says what to do."""
    scenario = Scenario()
    scenario.store.put_back()
    counts = scenario.go_on()
    newer = sum(1 for _, number, _ in scenario.clients if number > 1)
    assert counts == {"OK": len(scenario.clients) - newer, "UNAUTHORISED": newer}, "newer ones end"
    assert scenario.server.says("tessera restore"), ("the log says what to do", scenario.server.output)
    ends = [(entry["actor"], entry["means"]) for entry in audit(scenario.server) if entry["event"] == "revoked"]
    assert ends.count(("core", "restore")) == newer, "the audit log says why"
    scenario.server.stop()
