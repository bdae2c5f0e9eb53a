"""The operations during which the server is killed: how each begins, what it is, and what must hold afterwards."""

from __future__ import annotations

import uuid

from harness import Core, Json, Reply
from killpoints_checks import ENDED, NEWEST, THEFT, Holder, Probe, Trail, tokens

CDI = "5.4"
STRICT = "refresh_token_sharing_window: 0\nrefresh_token_silence: 0\n"
"""A used-up token is theft at once."""
SILENT = "refresh_token_sharing_window: 0\n"
"""A used-up token is refused softly at once."""
NEW: Json = {"changed": True, "text": "změna"}


def must(reply: Reply) -> Reply:
    """A reply of the preparation, which nobody disturbs."""
    if not reply.ok:
        raise RuntimeError(f"the preparation failed: {reply.outcome}")
    return reply


class Operation:
    """An operation of one client upon one session."""

    name = ""
    cdi = CDI
    acts_at = ""
    """The version in which the client asks while the server is armed, where it is another one."""
    config = ""
    """What the server is told besides."""

    def __init__(self) -> None:
        self.acknowledged: list[Reply] = []
        self.holders: list[Holder] = []

    @property
    def holder(self) -> Holder:
        return self.holders[0]

    def prepare(self, core: Core) -> None:
        """Makes a session that has rotated once, so that its state can be seen from outside."""
        self.holders = [self.session(core)]

    def session(self, core: Core, user: str | None = None) -> Holder:
        """A session whose first token is used up and whose second one is current."""
        user = user or f"user-{uuid.uuid4()}"
        made = must(core.create(user))
        access, refresh = tokens(made)
        holder = Holder(user, str(made.json["session"]["handle"]), self.cdi, access, refresh, first_access=access)
        holder.take(must(core.refresh(refresh)))
        if self.cdi == CDI:
            holder.access = str(must(core.verify(holder.access)).json["accessToken"]["token"])
        return holder

    def request(self, core: Core) -> Reply:
        """What the client asks for while the server is armed, and once more afterwards."""
        raise NotImplementedError

    def act(self, core: Core) -> None:
        """Asks; ends with the error of the connection when the server dies."""
        self.acknowledged.append(self.request(core))

    def check(self, probe: Probe) -> None:
        """Looks at the state, asks again as a client does, and looks once more."""
        raise NotImplementedError


class Create(Operation):
    """Creating a session."""

    name = "create"

    def prepare(self, core: Core) -> None:
        """Needs nobody."""
        self.user = f"user-{uuid.uuid4()}"

    def request(self, core: Core) -> Reply:
        return core.create(self.user)

    def check(self, probe: Probe) -> None:
        """What was made without an answer has its record, and signing in again works."""
        found = self._listed(probe)
        probe.tally.check("I1: no more than was asked for", len(found) <= 1, found)
        again = probe.core.create(self.user)
        if not probe.tally.check("I5: the retry is answered", again.ok, again.outcome):
            return
        handle = str(again.json["session"]["handle"])
        probe.tally.equal("I9: one more than before", self._listed(probe), found | {handle})
        access, refresh = tokens(again)
        probe.settles(Holder(self.user, handle, self.cdi, access, refresh))

    def _listed(self, probe: Probe) -> set[str]:
        """The user's sessions, by the list and by the audit log."""
        listed = set(probe.core.handles(self.user))
        records = Trail(probe.core, userId=self.user).records
        told = [record["sessionHandle"] for record in records if record["event"] == "created"]
        probe.tally.equal("I9: a session for each record and a record for each session", sorted(told), sorted(listed))
        return listed


class RefreshCurrent(Operation):
    """Refreshing the current token where that opens a window and rotates nothing."""

    name = "refresh of the current token"

    def request(self, core: Core) -> Reply:
        return core.refresh(self.holder.refresh)

    def check(self, probe: Probe) -> None:
        """The same token gives the same child as often as it is asked."""
        self.same_state(probe, rotations={1})
        self.same_child(probe)
        self.same_state(probe, rotations={1})
        probe.settles(self.holder)

    def same_state(self, probe: Probe, rotations: set[int]) -> int:
        """The rotations that the audit log tells are those that happened."""
        trail = probe.trail(self.holder)
        count = trail.count("refreshed")
        probe.tally.check("I9: as many rotations as there can be", count in rotations, trail.records)
        probe.tally.equal("I9: the session rotated as the audit log says", probe.has_rotated(self.holder), count > 1)
        return count

    def same_child(self, probe: Probe) -> None:
        """The retry and its repetition give one child; the client goes on with it."""
        holder = self.holder
        first = probe.refreshed("I5: the retry succeeds", holder, holder.refresh)
        second = probe.refreshed("I5: the retry may be repeated", holder, holder.refresh)
        if first is None or second is None:
            return
        given = {tokens(reply)[1] for reply in (first, second, *self.acknowledged)} | set(filter(None, [holder.child]))
        probe.tally.equal("I2: one child, byte for byte", len(given), 1)
        holder.take(first)


class RefreshChild(RefreshCurrent):
    """Refreshing a child that nobody has used: its promotion."""

    name = "refresh of an unused child (promotion)"

    def prepare(self, core: Core) -> None:
        """Leaves a child unused."""
        super().prepare(core)
        self.holder.child_access, self.holder.child = tokens(must(core.refresh(self.holder.refresh)))

    def request(self, core: Core) -> Reply:
        return core.refresh(self.holder.child)

    def check(self, probe: Probe) -> None:
        """Promoted once, before the death or by the retry."""
        self.same_state(probe, rotations={1, 2})
        self.adopt()
        self.same_child(probe)
        self.same_state(probe, rotations={2})
        probe.settles(self.holder)

    def adopt(self) -> None:
        """The client goes on with the child."""
        holder = self.holder
        holder.used_up.append(holder.refresh)
        holder.access, holder.refresh = holder.child_access, holder.child
        holder.child = holder.child_access = ""


class VerifyChild(RefreshChild):
    """Verifying the access token of a child that nobody has used: its promotion."""

    name = "verification of an unused child (promotion)"

    def request(self, core: Core) -> Reply:
        return core.verify(self.holder.child_access)

    def check(self, probe: Probe) -> None:
        """Promoted once, and the retry gives a token for good."""
        self.same_state(probe, rotations={1, 2})
        self.adopt()
        again = probe.core.verify(self.holder.access)
        if probe.tally.check("I5: the retry gives a token for good", again.ok and "accessToken" in again.json, again):
            self.holder.access = str(again.json["accessToken"]["token"])
        self.same_state(probe, rotations={2})
        probe.settles(self.holder)


class RefreshAtOnce(RefreshCurrent):
    """Refreshing where that rotates at once."""

    name = "refresh that rotates at once"
    cdi = NEWEST

    def check(self, probe: Probe) -> None:
        """Rotated once, before the death or by the retry."""
        self.same_state(probe, rotations={1, 2})
        self.same_child(probe)
        self.same_state(probe, rotations={2})
        probe.settles(self.holder)


class RepeatAtOnce(RefreshCurrent):
    """Refreshing the parent again while its window is open."""

    name = "repeated refresh in the window"
    cdi = NEWEST

    def prepare(self, core: Core) -> None:
        """Has rotated, and the child is known."""
        super().prepare(core)
        self.holder.child_access, self.holder.child = tokens(must(core.refresh(self.holder.refresh)))

    def check(self, probe: Probe) -> None:
        """The same child, and no rotation more."""
        self.same_state(probe, rotations={2})
        self.same_child(probe)
        self.same_state(probe, rotations={2})
        probe.settles(self.holder)


class OlderDriver(RefreshCurrent):
    """An older driver refreshes what was rotated at once: nothing rotates, and the parent is still forgiven."""

    name = "refresh by an older driver in the grace period"
    cdi = NEWEST
    acts_at = CDI

    def check(self, probe: Probe) -> None:
        """The same child as often as it is asked, and the parent is given the current token, then too."""
        self.holder.cdi = CDI
        self.same_state(probe, rotations={1})
        self.same_child(probe)
        self.given_again(probe, self.holder.used_up[-2], self.holder.used_up[-1])
        self.same_state(probe, rotations={1})
        probe.settles(self.holder)

    def given_again(self, probe: Probe, parent: str, current: str) -> None:
        """A parent that is presented late is given the current token."""
        reply = probe.refreshed("I5: the parent is given the current token again", self.holder, parent)
        if reply is not None:
            probe.tally.equal("I2: that is the current one", tokens(reply)[1], current)


class LateRepeat(OlderDriver):
    """The parent comes late, but in its window: its child has been used."""

    name = "late repetition in the window"
    cdi = CDI
    acts_at = ""

    def prepare(self, core: Core) -> None:
        """A session whose first two tokens are used up."""
        super().prepare(core)
        self.holder.take(must(core.refresh(self.holder.refresh)))
        self.holder.access = str(must(core.verify(self.holder.access)).json["accessToken"]["token"])

    def request(self, core: Core) -> Reply:
        return core.refresh(self.holder.used_up[-1])

    def check(self, probe: Probe) -> None:
        """The same current token, before the death and afterwards."""
        self.same_state(probe, rotations={2})
        for reply in self.acknowledged:
            probe.tally.equal("I2: the current token was given", tokens(reply)[1], self.holder.refresh)
        for _ in range(2):
            self.given_again(probe, self.holder.used_up[-1], self.holder.refresh)
        self.same_state(probe, rotations={2})
        probe.settles(self.holder)


class SoftRefusal(LateRepeat):
    """The parent comes too late, in the silence: it is given nothing, the audit log tells it once, nobody is accused."""

    name = "refresh of the parent in the silence"
    config = SILENT

    def check(self, probe: Probe) -> None:
        """Refused before the death and afterwards, with one record in the end, and the session goes on."""
        self._is_noted(probe, {1} if self.acknowledged else {0, 1})
        replies = [probe.core.refresh(self.holder.used_up[-1]) for _ in range(2)]
        for reply in [*self.acknowledged, *replies]:
            found = (reply.status, reply.headers.get("retry-after"), reply.json)
            probe.tally.equal("I7: nothing is given and nobody accused", found, (503, "1", {}))
        self._is_noted(probe, {1})
        probe.settles(self.holder)

    def _is_noted(self, probe: Probe, times: set[int]) -> None:
        self.same_state(probe, rotations={2})
        trail = probe.trail(self.holder)
        probe.tally.check("I9: a late parent has one record", trail.count("late_parent") in times, trail.records)
        probe.tally.equal("I7: nobody is accused", trail.count("reuse_detected"), 0)


class Reuse(Operation):
    """A used-up token comes back, and the driver revokes the session as SuperTokens' SDKs do."""

    name = "reuse of the parent"
    token = -1
    acts_at = CDI
    config = STRICT

    def prepare(self, core: Core) -> None:
        """A session whose first two tokens are used up."""
        super().prepare(core)
        self.holder.take(must(core.refresh(self.holder.refresh)))
        must(core.verify(self.holder.access))
        self.holder.cdi = self.acts_at
        self.stolen = self.holder.used_up[self.token]

    def request(self, core: Core) -> Reply:
        return core.refresh(self.stolen)

    def act(self, core: Core) -> None:
        """Presents the token and does what the driver does."""
        super().act(core)
        self.acknowledged.append(core.revoke([self.holder.handle]))

    def check(self, probe: Probe) -> None:
        """Not detected, or revoked; in the end revoked, with one record of the theft, however often it is presented."""
        trail = probe.trail(self.holder)
        present, told = probe.is_present(self.holder), bool(self.acknowledged)
        probe.tally.check("I7: a verdict that was told left no session alive", not (told and present), trail.records)
        probe.tally.equal("I9: detected means revoked", trail.count("reuse_detected") == 1, not present)
        again = probe.at(self.acts_at).refresh(self.stolen)
        probe.tally.equal("I7: the presentation is answered honestly", again.outcome, THEFT if present else ENDED)
        probe.ended(self.holder)
        revoked = probe.core.revoke([self.holder.handle])
        probe.tally.equal("I7: nothing is left for the driver to revoke", revoked.json.get("sessionHandlesRevoked"), [])
        probe.tally.equal("I7: exactly one theft record", probe.trail(self.holder).count("reuse_detected"), 1)


class StaleReuse(Reuse):
    """An older token comes back."""

    name = "reuse of an older token"
    token = -2
    config = ""


class ReuseAtOnce(Reuse):
    """The parent comes back where refreshes rotate at once."""

    name = "reuse of the parent, 5.6"
    acts_at = NEWEST


class StaleReuseAtOnce(StaleReuse):
    """An older token comes back where refreshes rotate at once."""

    name = "reuse of an older token, 5.6"
    acts_at = NEWEST
