#!/usr/bin/env python3
"""A copy is put back (finding R2): nobody is accused, whatever went on since, and what is undone is said.

On SQLite a copy of the data folder; with TESSERA_TEST_POSTGRES a dump of the database. At CDI 2.7, 5.4 and 5.6, after 1,
2, 5 and 50 rotations, with `tessera restore`, without it, with the audit log that was kept elsewhere, and all signed out.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from harness import Checks, Server, TemporaryFolder, binary, exit_on_signals

ROTATIONS = (1, 2, 5, 50)
VERSIONS = ("2.7", "5.4", "5.6")

Json = dict[str, Any]


def call(server: Server, version: str, path: str, body: Json) -> Json:
    """Asks the core, which has to answer 200."""
    core = server.core(version)
    reply = core.post(path, body)
    core.close()
    if reply.status != 200:
        raise SystemExit(f"{path} answered {reply.status}: {reply.text}")
    return dict(reply.json)


class Client:
    """A client of one CDI version that keeps the newest tokens."""

    def __init__(self, server: Server, version: str, user: str) -> None:
        """Signs in."""
        self.server, self.version = server, version
        body: Json = {"userId": user, "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
        if version != "2.7":
            body["useDynamicSigningKey"] = True
        self.take(call(server, version, "/recipe/session", body))

    def take(self, answer: Json) -> None:
        """Keeps the tokens of an answer."""
        self.handle = answer["session"]["handle"]
        self.access, self.refresh = answer["accessToken"]["token"], answer["refreshToken"]["token"]

    def ask(self) -> Json:
        """Presents the refresh token."""
        body: Json = {"refreshToken": self.refresh, "enableAntiCsrf": False}
        if self.version != "2.7":
            body["useDynamicSigningKey"] = True
        return call(self.server, self.version, "/recipe/session/refresh", body)

    def rotate(self, times: int) -> None:
        """Refreshes and uses what it gets."""
        for _ in range(times):
            self.take(self.ask())
            body: Json = {"accessToken": self.access, "doAntiCsrfCheck": False, "enableAntiCsrf": False}
            if self.version != "2.7":
                body["checkDatabase"] = False
            call(self.server, self.version, "/recipe/session/verify", body)


class Store:
    """Copies of a server's data, and how they are put back."""

    def __init__(self, server: Server) -> None:
        """Prepares copies of a server's data."""
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
        if done.returncode != 0:
            raise SystemExit(f"tessera restore failed: {done.stdout}{done.stderr}")
        return done.stdout


def audit(server: Server, *options: str) -> list[Json]:
    """The audit log, as `tessera audit --json` prints it."""
    arguments = [str(binary()), "audit", "--json", "--limit", "100000", *options]
    if not server.database:
        arguments += ["--data-dir", str(server.data)]
    done = subprocess.run(arguments, env={**os.environ, **server.environment}, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Scenario:
    """Clients that go on after a copy was made."""

    def __init__(self, checks: Checks, name: str, config: str = "") -> None:
        """Signs in a client for each version and number of rotations, and copies the data."""
        self.checks, self.name = checks, name
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

    def check(self, what: str, holds: bool, detail: object = "") -> None:
        """Notes a check under the scenario's name."""
        self.checks.check(f"{self.name}: {what}", holds, detail)

    def go_on(self) -> dict[str, int]:
        """Every client presents its newest token; nobody may be accused."""
        self.server.start()
        counts: dict[str, int] = {}
        for version, number, client in self.clients:
            answer = client.ask()
            status = answer["status"]
            counts[status] = counts.get(status, 0) + 1
            self.check(f"CDI {version}, {number} rotations: no verdict", status in ("OK", "UNAUTHORISED"), answer)
            if status == "OK":
                client.take(answer)
                client.rotate(3)
        print(f"{self.name}: {counts}")
        names = [entry["event"] for entry in audit(self.server)]
        self.check("no reuse in the audit log", "reuse_detected" not in names)
        return counts

    def forged(self) -> None:
        """A token that only pretends to be newer is no token."""
        token = self.clients[0][2].refresh
        head, nonce, tail = token.split(".")
        forged = f"{head}.{nonce[:-1]}{'0' if nonce[-1] != '0' else '1'}.{tail}"
        answer = call(self.server, "5.4", "/recipe/session/refresh", {
            "refreshToken": forged, "enableAntiCsrf": False, "useDynamicSigningKey": True})
        self.check("a forged newer token is no token", answer["status"] == "UNAUTHORISED", answer)
        again = self.clients[0][2].ask()
        self.check("and touches nothing", again["status"] == "OK", again)


def adopted(checks: Checks) -> None:
    """`tessera restore` with the audit log: all go on, and what was revoked stays revoked."""
    scenario = Scenario(checks, "restored")
    said = scenario.store.restore("--audit-log", str(scenario.log))
    scenario.check("it says the restore number", "Restore number  1" in said, said)
    scenario.check("it repeats the revocation", "Sessions ended  1" in said, said)
    counts = scenario.go_on()
    scenario.check("all go on", counts == {"OK": len(scenario.clients)}, counts)
    scenario.check("the banner says so", scenario.server.says("restored from a copy once"), scenario.server.output)
    answer = scenario.revoked.ask()
    scenario.check("the revoked session stays revoked", answer["status"] == "UNAUTHORISED", answer)
    events = [entry for entry in audit(scenario.server) if entry["event"] == "refreshed"]
    found = sum(1 for entry in events if entry["details"].get("restored"))
    expected = sum(1 for _, number, _ in scenario.clients if number > 1)
    scenario.check("each adoption is in the audit log, once", found == expected, f"{found} of {expected}")
    scenario.forged()
    scenario.server.stop()


def accepted(checks: Checks) -> None:
    """Without the audit log the operator has to say that revocations are undone."""
    scenario = Scenario(checks, "accepted")
    scenario.store.restore("--accept-undone-revocations")
    scenario.go_on()
    answer = scenario.revoked.ask()
    scenario.check("the revocation is undone, as was said", answer["status"] == "OK", answer)
    scenario.server.stop()
    refused = subprocess.run([str(binary()), "restore", "--data-dir", str(scenario.server.data)], capture_output=True,
                             text=True)
    scenario.check("it is not done without a word", refused.returncode != 0 and "--audit-log" in refused.stderr,
                   refused.stderr)


def signed_out(checks: Checks) -> None:
    """With `--sign-out-all` everybody signs in again, and is told so."""
    scenario = Scenario(checks, "signed out")
    scenario.store.restore("--sign-out-all")
    counts = scenario.go_on()
    scenario.check("all sign in again", counts == {"UNAUTHORISED": len(scenario.clients)}, counts)
    scenario.server.stop()


def after_restore(checks: Checks) -> None:
    """With `after_restore: SIGN_OUT` those sign in again whose tokens are newer than the copy."""
    scenario = Scenario(checks, "after_restore: SIGN_OUT", "after_restore: SIGN_OUT\n")
    scenario.store.restore("--audit-log", str(scenario.log))
    counts = scenario.go_on()
    newer = sum(1 for _, number, _ in scenario.clients if number > 1)
    scenario.check("only they", counts == {"OK": len(scenario.clients) - newer, "UNAUTHORISED": newer}, counts)
    scenario.server.stop()


def silent(checks: Checks) -> None:
    """A folder that is put back without a word: sessions end, nobody is accused, the log says what to do."""
    scenario = Scenario(checks, "in silence")
    scenario.store.put_back()
    counts = scenario.go_on()
    newer = sum(1 for _, number, _ in scenario.clients if number > 1)
    scenario.check("newer ones end", counts == {"OK": len(scenario.clients) - newer, "UNAUTHORISED": newer}, counts)
    scenario.check("the log says what to do", scenario.server.says("tessera restore"), scenario.server.output)
    ends = [entry["details"] for entry in audit(scenario.server) if entry["event"] == "revoked"]
    scenario.check("the audit log says why", ends.count({"by": "restore"}) == newer, ends)
    scenario.server.stop()


def main() -> int:
    """Runs every scenario."""
    exit_on_signals()
    checks = Checks(quiet=True)
    for scenario in (adopted, accepted, signed_out, after_restore, silent):
        checks.run(scenario.__name__, lambda scenario=scenario: scenario(checks))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
