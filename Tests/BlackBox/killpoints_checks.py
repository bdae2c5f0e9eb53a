"""What is looked at after a kill: a session as its client holds it, and as the audit log tells it."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from harness import Core, Json, Reply, Server, Tally

NEWEST = "5.6"
THEFT = "TOKEN_THEFT_DETECTED"
KNOWN_STOLEN = "I7: a session of which the audit log tells a theft is gone"
ENDED = "UNAUTHORISED"
PAGE = 1_000


class Places(Tally):
    """What is found after kills, by the invariant that begins its name; a violation tells the place of the kill."""

    def __init__(self) -> None:
        super().__init__()
        self.places = threading.local()
        self.kinds: Counter[str] = Counter()
        self.violated: Counter[str] = Counter()
        """How often which check failed, by its whole name."""

    def check(self, name: str, good: bool, detail: object = "") -> bool:
        """Notes what holds and what does not."""
        self.kinds[name.split(":")[0]] += 1
        self.violated[name] += not good
        return super().check(f"{name} [{getattr(self.places, 'place', '')}]", good, detail)

    def summary(self) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(self.kinds.items()))


@dataclass
class Holder:
    """A session as its honest client knows it: only what was acknowledged."""

    user: str
    handle: str
    cdi: str
    access: str
    refresh: str
    used_up: list[str] = field(default_factory=list)
    """Refresh tokens that were exchanged and whose child was used, oldest first."""
    first_access: str = ""
    """The access token that came before the last rotation of the preparation; see `Probe.has_rotated`."""
    child: str = ""
    child_access: str = ""

    def take(self, reply: Reply) -> None:
        """Goes on with the tokens of a reply."""
        self.used_up.append(self.refresh)
        self.access, self.refresh = tokens(reply)


def tokens(reply: Reply) -> tuple[str, str]:
    return str(reply.json["accessToken"]["token"]), str(reply.json["refreshToken"]["token"])


class Trail:
    """The audit log of a session, of a user, or of everything."""

    def __init__(self, core: Core, **query: str) -> None:
        """Reads all pages, oldest first."""
        self.records: list[Json] = []
        after = 0
        while True:
            page = core.get("/tessera/audit", **query, after=str(after), limit=str(PAGE)).json["records"]
            self.records += page
            if len(page) < PAGE:
                return
            after = page[-1]["sequence"]

    def count(self, event: str) -> int:
        return sum(record["event"] == event for record in self.records)

    @property
    def ends(self) -> int:
        return sum(record["event"] == "revoked" or ends_by_theft(record) for record in self.records)

    @property
    def is_present(self) -> bool:
        """Whether the audit log says that the session is there."""
        return self.count("created") == 1 and self.ends == 0

    @property
    def generations(self) -> list[int]:
        return [record["details"]["generation"] for record in self.records if record["event"] == "refreshed"]


def ends_by_theft(record: Json) -> bool:
    """Whether an entry says that the session ended because a used-up token came back."""
    return record["event"] == "reuse_detected" and record.get("means") == "reuse"


class Probe:
    """Asks a restarted server about a session and compares the answers."""

    def __init__(self, server: Server, tally: Places) -> None:
        self.tally = tally
        self._cores = {cdi: server.core(cdi) for cdi in ("5.4", NEWEST)}
        self.core = self._cores["5.4"]

    def at(self, cdi: str) -> Core:
        """The connection that speaks a version."""
        return self._cores[cdi]

    def close(self) -> None:
        for core in self._cores.values():
            core.close()

    def trail(self, holder: Holder) -> Trail:
        """The audit log of a session; it must tell what the server says, neither more nor less."""
        trail = Trail(self.core, sessionHandle=holder.handle)
        self.tally.equal("I9: one record of its creation", trail.count("created"), 1)
        self.tally.check("I9: it ends at most once", trail.ends <= 1, trail.records)
        self.tally.equal("I9: each rotation has one record", trail.generations,
                         list(range(1, len(trail.generations) + 1)))
        self.tally.equal("I9: the session is there as the audit log says", self.is_present(holder), trail.is_present)
        self.tally.check(KNOWN_STOLEN, not (trail.count("reuse_detected") and self.is_present(holder)), trail.records)
        return trail

    def is_present(self, holder: Holder) -> bool:
        return self.core.information(holder.handle).ok

    def has_rotated(self, holder: Holder) -> bool:
        """Whether the session has left the token that was current when the server was armed.

        Asked without any change: the newest version refuses an access token that is older than the parent.
        """
        return not self.at(NEWEST).verify(holder.first_access, check_database=True).ok

    def refreshed(self, name: str, holder: Holder, token: str) -> Reply | None:
        reply = self.at(holder.cdi).refresh(token)
        return reply if self.tally.check(name, reply.ok, reply.outcome) else None

    def goes_on(self, holder: Holder) -> bool:
        """The client uses what it holds: its access token, its refresh token, and what it gets for that."""
        core = self.at(holder.cdi)
        verified = core.verify(holder.access, check_database=True)
        self.tally.check("I1: an acknowledged access token verifies", verified.ok, verified.outcome)
        reply = self.refreshed("I1: an acknowledged refresh token refreshes", holder, holder.refresh)
        if reply is None:
            return False
        holder.take(reply)
        verified = core.verify(holder.access)
        return self.tally.check("I1: what the refresh gave verifies", verified.ok, verified.outcome)

    def settles(self, holder: Holder) -> None:
        """The client goes on, and then a used-up token comes back: there is one live chain, and it ends."""
        if not self.goes_on(holder) or not self.goes_on(holder):
            return
        before = self.trail(holder).count("reuse_detected")
        self.is_theft(holder, holder.used_up[-2])
        self.ended(holder)
        self.tally.equal("I7: exactly one theft record", self.trail(holder).count("reuse_detected"), before + 1)

    def is_theft(self, holder: Holder, token: str) -> None:
        """A used-up token is theft."""
        reply = self.at(holder.cdi).refresh(token)
        self.tally.equal("I2: a used-up token is not a second chain", reply.outcome, THEFT)

    def ended(self, holder: Holder) -> None:
        """Nothing of the session is accepted any more."""
        core = self.at(holder.cdi)
        self.tally.equal("I3: an ended session cannot be read", core.information(holder.handle).outcome, ENDED)
        verified = core.verify(holder.access, check_database=True)
        self.tally.equal("I3: an ended session does not verify", verified.outcome, ENDED)
        for token in {holder.refresh, *holder.used_up[-2:], *filter(None, [holder.child])}:
            self.tally.equal("I3: an ended session does not refresh", core.refresh(token).outcome, ENDED)
