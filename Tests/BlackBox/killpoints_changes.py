"""More operations during which the server is killed: changes of data, revocations and the first start."""

from __future__ import annotations

import json
import uuid

from harness import Core, Reply
from killpoints_checks import ENDED, Holder, Probe, Trail, tokens
from killpoints_operations import NEW, Operation, must


class UpdatePayload(Operation):
    """Replacing the payload by handle."""

    name = "payload update"
    member = "userDataInJWT"

    def request(self, core: Core) -> Reply:
        return core.put("/recipe/jwt/data", {"sessionHandle": self.holder.handle, "userDataInJWT": NEW})

    def check(self, probe: Probe) -> None:
        """Changed with its record or not at all; the retry changes what was not changed."""
        self._same_state(probe, {0, 1})
        again = self.request(probe.core)
        probe.tally.check("I5: the retry succeeds", again.ok, again.outcome)
        self._same_state(probe, {1})
        probe.settles(self.holder)

    def _same_state(self, probe: Probe, changes: set[int]) -> None:
        found = probe.core.information(self.holder.handle).json.get(self.member)
        records = [each["details"] for each in probe.trail(self.holder).records if each["event"] == "data_changed"]
        probe.tally.check("I9: as many changes as there can be", len(records) in changes, records)
        probe.tally.equal("I9: the data is what the audit log says", found, NEW if records else {})
        named = {"userDataInJWT": "payload", "userDataInDatabase": "sessionData"}[self.member]
        probe.tally.check("I9: the audit log names what changed", all(each[named] for each in records), records)


class UpdateData(UpdatePayload):
    """Replacing the data of a session."""

    name = "session data update"
    member = "userDataInDatabase"

    def request(self, core: Core) -> Reply:
        return core.update_data(self.holder.handle, NEW)


class Regenerate(UpdatePayload):
    """Replacing the payload and the access token."""

    name = "regenerate"

    def request(self, core: Core) -> Reply:
        return core.post("/recipe/session/regenerate", {"accessToken": self.holder.access, "userDataInJWT": NEW})


class Upgrade(Operation):
    """The session of a user in the place of an anonymous one."""

    name = "upgrade of an anonymous session"

    def prepare(self, core: Core) -> None:
        self.user = f"user-{uuid.uuid4()}"
        body = {"userId": "", "userDataInJWT": {}, "userDataInDatabase": NEW, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}
        made = must(core.send("POST", "/recipe/session", json.dumps(body).encode(),
                              {"content-type": "application/json", "tessera-session-policy": "anonymous"}))
        session = made.json["session"]
        self.holders = [Holder(str(session["userId"]), str(session["handle"]), self.cdi, *tokens(made))]

    def request(self, core: Core) -> Reply:
        return core.post("/tessera/session/upgrade", {"refreshToken": self.holder.refresh, "userId": self.user})

    def check(self, probe: Probe) -> None:
        """Both sessions are there as one step leaves them, and the retry gives the tokens that the first one gave."""
        found = probe.core.handles(self.user)
        probe.tally.equal("I9: a session for the end of the old one", len(found), probe.trail(self.holder).ends)
        probe.tally.check("I1: an answered upgrade holds", bool(found) or not self.acknowledged, found)
        again = self.request(probe.core)
        if not probe.tally.check("I5: the retry is answered", again.ok, again.outcome):
            return
        handle = str(again.json["session"]["handle"])
        given = {tokens(reply)[1] for reply in (again, *self.acknowledged)}
        probe.tally.equal("I2: one session and one token, byte for byte", (len(given), [handle]), (1, found or [handle]))
        probe.tally.equal("I9: one session of the user", probe.core.handles(self.user), [handle])
        old = probe.core.information(self.holder.handle)
        probe.tally.equal("I3: an ended session cannot be read", old.outcome, ENDED)
        probe.tally.equal("I9: it ends once", probe.trail(self.holder).ends, 1)
        data = probe.core.information(handle).json.get("userDataInDatabase")
        probe.tally.equal("I9: the data is kept", data, NEW)
        probe.settles(Holder(self.user, handle, self.cdi, *tokens(again)))


class Remove(Operation):
    """Revoking two sessions by their handles; a third one of the user stays."""

    name = "remove by handle"
    means = "handle"

    def prepare(self, core: Core) -> None:
        first = self.session(core)
        self.holders = [first, *(self.session(core, first.user) for _ in range(2))]

    @property
    def wanted(self) -> list[Holder]:
        return self.holders[:2]

    def request(self, core: Core) -> Reply:
        return core.revoke([each.handle for each in self.wanted])

    def check(self, probe: Probe) -> None:
        """All or none are gone; after the retry all are, each with one record, and the others are untouched."""
        gone = {each.handle for each in self.wanted if probe.trail(each).ends}
        every = {each.handle for each in self.wanted}
        probe.tally.check("I3: all or none of one request", gone in (set(), every), gone)
        probe.tally.check("I3: an answered revocation holds", bool(gone) or not self.acknowledged, gone)
        again = self.request(probe.core)
        told = set(again.json.get("sessionHandlesRevoked", []))
        probe.tally.equal("I5: the retry tells what it revoked", told, every - gone)
        for holder in self.wanted:
            probe.ended(holder)
            records = [each for each in probe.trail(holder).records if each["event"] == "revoked"]
            probe.tally.equal("I9: one record of each revocation", [each["means"] for each in records],
                              [self.means])
        for holder in self.holders[len(self.wanted):]:
            probe.settles(holder)


class RemoveAll(Remove):
    """Revoking all sessions of a user."""

    name = "remove all of a user"
    means = "all"

    @property
    def wanted(self) -> list[Holder]:
        return self.holders

    def request(self, core: Core) -> Reply:
        return core.post("/recipe/session/remove", {"userId": self.holder.user})


class FirstStart(Operation):
    """The start on an empty data folder, which makes the keys, and the first session, which uses one."""

    name = "first start"

    def prepare(self, core: Core) -> None:
        """There is nobody yet."""

    def request(self, core: Core) -> Reply:
        return core.create("first")

    def check(self, probe: Probe) -> None:
        """There is one key of each kind, each with its record, and they serve."""
        published = {str(key["kid"]) for key in probe.core.get("/.well-known/jwks.json").json.get("keys", [])}
        probe.tally.equal("I9: one key of each kind", sorted(kid[:2] for kid in published), ["d-", "s-"])
        records = Trail(probe.core).records
        told = [each["details"]["key"] for each in records if each["event"] == "key_created"]
        probe.tally.equal("I9: a record for each key and a key for each record", sorted(told),
                          sorted(published | {"refresh_token_key"}))
        listed = set(probe.core.handles("first"))
        created = {each["sessionHandle"] for each in records if each["event"] == "created"}
        probe.tally.equal("I9: a session for each record and a record for each session", created, listed)
        again = probe.core.create("first")
        if probe.tally.check("I5: the retry is answered", again.ok, again.outcome):
            probe.settles(Holder("first", str(again.json["session"]["handle"]), self.cdi, *tokens(again)))
        used = [each["details"]["key"] for each in Trail(probe.core).records if each["event"] == "key_used"]
        probe.tally.equal("I9: one record of the first use of a key", [kid[:2] for kid in used], ["d-"])
