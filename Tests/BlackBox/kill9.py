"""Load and a model of it: what test_kill9.py and test_failover.py do to a server, and what must hold afterwards.

Each thread owns its sessions and keeps a model of them. An answered operation is a fact; the one operation that a
thread had under way when the server died may or may not have happened, and the model allows both.

The rule of CDI <= 5.5 that the model follows: refreshing the current token hands out a child; the child's first use
(its access token verified, or its refresh token refreshed) makes it the current token. In the window of the parent,
which is longer than a round, the parent gives the same child, whether that was used or not; what is older is theft.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable

from harness import Core, Json, Reply, Server, Tally, together

THREADS = 16
LIVE_PER_THREAD = 12
THEFT_SHARE = 0.2
REVOKED_SAMPLE = 400
NETWORK = (OSError, http.client.HTTPException)


@dataclass
class Session:
    """What a thread knows about one of its sessions."""

    handle: str
    user: str
    access: str
    """An access token without a parent: verifying it changes nothing."""
    current: str
    """The refresh token that is current as far as anybody was told."""
    data: Json
    used_up: list[str] = field(default_factory=list)
    """The tokens that were current before, oldest first; all but the last of them are theft."""
    child: str | None = None
    child_access: str | None = None
    possible_data: Json | None = None
    promotion_unknown: bool = False
    revocation_unknown: bool = False

    def adopt_child(self) -> None:
        """Notes that the child was used: it is the current token now."""
        if self.child is not None:
            self.used_up.append(self.current)
            self.current = self.child
        self.child = self.child_access = None
        self.promotion_unknown = False


@dataclass
class Worker:
    """A thread of the load: its user, its sessions and the random choices it makes."""

    user: str
    random: random.Random
    live: list[Session] = field(default_factory=list)
    revoked: list[Session] = field(default_factory=list)
    newly_revoked: list[Session] = field(default_factory=list)
    strangers: set[str] = field(default_factory=set)
    """Handles of sessions that an unanswered creation left behind."""
    creation_unknown: bool = False
    counter: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    surprises: list[str] = field(default_factory=list)


class Killed(Exception):
    """The server went away under an operation."""


class Load:
    """What a worker does to a server until the server dies."""

    def __init__(self, worker: Worker, core: Core, dying: threading.Event) -> None:
        self._worker = worker
        self._core = core
        self._dying = dying

    def run(self) -> None:
        """Does one operation after another until the server dies."""
        try:
            while not self._dying.is_set():
                self._step()
        except Killed:
            return
        except NETWORK as error:
            if not self._dying.wait(0.5):
                self._worker.surprises.append(f"connection lost although nobody killed: {error!r}")
        finally:
            self._core.close()

    def _step(self) -> None:
        worker = self._worker
        if not worker.live:
            return self._create()
        weights = (30 if len(worker.live) < LIVE_PER_THREAD else 0, 40, 20, 10)
        step = worker.random.choices((self._create, self._chain, self._update, self._revoke), weights)[0]
        step()

    def _good(self, name: str, reply: Reply) -> bool:
        """Counts an acknowledged operation; anything but OK is a surprise, because the model expects OK."""
        if reply.ok:
            self._worker.acknowledged[name] += 1
            return True
        self._worker.surprises.append(f"{name}: {reply.outcome}")
        return False

    def _create(self) -> None:
        worker = self._worker
        worker.counter += 1
        data: Json = {"n": worker.counter, "text": "první"}
        worker.creation_unknown = True
        reply = self._core.create(worker.user, {"round": worker.counter}, data)
        worker.creation_unknown = False
        if self._good("create", reply):
            found = reply.json
            worker.live.append(Session(
                found["session"]["handle"], worker.user, found["accessToken"]["token"],
                found["refreshToken"]["token"], data))

    def _chain(self) -> None:
        """Refreshes and then uses the child one way or the other, or leaves it unused."""
        session = self._worker.random.choice(self._worker.live)
        if not self._refresh(session):
            return
        choice = self._worker.random.random()
        if choice < 0.4:
            self._use(session)
        elif choice < 0.8:
            self._refresh(session)

    def _refresh(self, session: Session) -> bool:
        presented = session.child or session.current
        session.promotion_unknown = session.child is not None
        reply = self._core.refresh(presented)
        if not self._good("refresh", reply):
            return False
        session.adopt_child()
        session.child = reply.json["refreshToken"]["token"]
        session.child_access = reply.json["accessToken"]["token"]
        return True

    def _use(self, session: Session) -> None:
        session.promotion_unknown = True
        reply = self._core.verify(str(session.child_access))
        if self._good("use", reply):
            session.adopt_child()
            replacement = reply.json.get("accessToken")
            if replacement is None:
                self._worker.surprises.append("use: a child's first use gave no replacement token")
            else:
                session.access = replacement["token"]

    def _update(self) -> None:
        session = self._worker.random.choice(self._worker.live)
        self._worker.counter += 1
        data: Json = {"n": self._worker.counter, "text": "druhá", "nothing": None}
        session.possible_data = data
        if self._good("update", self._core.update_data(session.handle, data)):
            session.data, session.possible_data = data, None

    def _revoke(self) -> None:
        worker = self._worker
        session = worker.random.choice(worker.live)
        session.revocation_unknown = True
        reply = self._core.revoke([session.handle])
        if self._good("revoke", reply):
            worker.live.remove(session)
            worker.newly_revoked.append(session)
            if reply.json.get("sessionHandlesRevoked") != [session.handle]:
                worker.surprises.append(f"revoke: answered {reply.text.strip()}")


class Audit:
    """The comparison of a worker's model with what a restarted server says."""

    def __init__(self, worker: Worker, core: Core, tally: Tally) -> None:
        self._worker = worker
        self._core = core
        self._tally = tally

    def run(self) -> None:
        """Compares everything and settles what was unknown."""
        worker = self._worker
        for surprise in worker.surprises:
            self._check("under load", False, surprise)
        worker.surprises.clear()
        for session in list(worker.live):
            self._session(session)
        for session in worker.newly_revoked:
            self._gone(session)
        worker.revoked += worker.newly_revoked
        worker.newly_revoked.clear()
        self._list()
        self._core.close()

    def _check(self, name: str, good: bool, detail: object = "") -> bool:
        return self._tally.check(f"{self._worker.user}: {name}", good, detail)

    def _session(self, session: Session) -> None:
        reply = self._core.information(session.handle)
        if session.revocation_unknown and reply.outcome == "UNAUTHORISED":
            self._worker.live.remove(session)
            self._worker.newly_revoked.append(session)
            return
        session.revocation_unknown = False
        if not self._check("an acknowledged session is readable", reply.ok, reply.outcome):
            self._worker.live.remove(session)
            return
        self._data(session, reply)
        for name, database in (("offline", False), ("with the database", True)):
            verified = self._core.verify(session.access, database)
            self._check(f"an old access token verifies {name}", verified.ok, verified.outcome)
        self._lineage(session)

    def _data(self, session: Session, reply: Reply) -> None:
        found = reply.json.get("userDataInDatabase")
        allowed = [session.data] + ([session.possible_data] if session.possible_data is not None else [])
        self._check("an acknowledged update is there", found in allowed, f"{found} is none of {allowed}")
        self._check("a session keeps its user", reply.json.get("userId") == session.user, reply.text)
        session.data, session.possible_data = found or {}, None

    def _lineage(self, session: Session) -> None:
        """Presents the parent, the last acknowledged token, the parent once more, and sometimes what is older."""
        if session.child is not None:
            self._same("a parent refreshes, whether its child was used or not", session.current, session.child)
        last = self._core.refresh(session.child or session.current)
        if not self._check("the last acknowledged refresh token refreshes", last.ok, last.outcome):
            self._worker.live.remove(session)
            return
        was_promoted = session.child is not None
        session.adopt_child()
        session.child = last.json["refreshToken"]["token"]
        session.child_access = last.json["accessToken"]["token"]
        if was_promoted:
            self._same("a parent refreshes late", session.used_up[-1], session.current)
        if len(session.used_up) > 1 and self._worker.random.random() < THEFT_SHARE:
            self._theft(session)

    def _same(self, name: str, parent: str, child: str) -> None:
        """Presents a parent in its window; the child must be the one that was acknowledged."""
        again = self._core.refresh(parent)
        if self._check(name, again.ok, again.outcome):
            self._check("it gives the acknowledged child", again.json["refreshToken"]["token"] == child, again.text)

    def _theft(self, session: Session) -> None:
        """Presents a token that is older than the parent, which ends the session: the model forgets it."""
        reply = self._core.refresh(session.used_up[-2])
        self._check("a used-up refresh token is theft", reply.outcome == "TOKEN_THEFT_DETECTED", reply.outcome)
        named = reply.json.get("session", {}).get("handle")
        self._check("theft names the session", named == session.handle, reply.text)
        revoked = self._core.revoke([session.handle])
        self._check("a stolen session can be revoked", revoked.ok, revoked.outcome)
        self._worker.live.remove(session)
        self._worker.newly_revoked.append(session)

    def _gone(self, session: Session) -> None:
        reply = self._core.information(session.handle)
        self._check("a revoked session is gone", reply.outcome == "UNAUTHORISED", reply.outcome)
        reply = self._core.verify(session.access, True)
        self._check("a revoked session does not verify", reply.outcome == "UNAUTHORISED", reply.outcome)
        reply = self._core.refresh(session.child or session.current)
        self._check("a revoked session does not refresh", reply.outcome == "UNAUTHORISED", reply.outcome)

    def _list(self) -> None:
        worker = self._worker
        found = self._core.handles(worker.user)
        known = {session.handle for session in worker.live}
        back = {session.handle for session in worker.revoked} & set(found)
        self._check("every live session is listed", known <= set(found), known - set(found))
        self._check("no revoked session is listed", not back, back)
        self._check("no session is listed twice", len(found) == len(set(found)), found)
        new = set(found) - known - worker.strangers - back
        self._check("no session came from nowhere", len(new) <= int(worker.creation_unknown), new)
        self._check("an unanswered creation stays what it became", worker.strangers <= set(found), worker.strangers)
        worker.strangers |= new
        worker.creation_unknown = False


class Campaign:
    """Rounds of load, kill, restart and comparison on one data folder."""

    def __init__(self, seed: int, longest: float = 1.2) -> None:
        """Prepares the workers; the load lasts so many seconds at most before a kill."""
        self._random = random.Random(seed)
        self._longest = longest
        self.tally = Tally()
        self._workers = [Worker(f"user-{n}", random.Random(f"{seed}/{n}")) for n in range(THREADS)]

    def run(self, rounds: int) -> None:
        """Runs the rounds and a last one that ends the ordinary way."""
        with Server() as server:
            keys = self._keys(server)
            for number in range(1, rounds + 1):
                self._round(server, number)
                self.tally.equal("the signing keys are the same", self._keys(server), keys)
            self._last(server, keys)

    def _last(self, server: Server, keys: list[str]) -> None:
        self.tally.equal("SIGTERM exits 0", server.stop(), 0)
        server.start()
        self._audit(server)
        self._old_revocations(server)
        self.tally.equal("the signing keys are the same after SIGTERM", self._keys(server), keys)

    def _keys(self, server: Server) -> list[str]:
        core = server.core()
        found = core.get("/.well-known/jwks.json").json.get("keys", [])
        core.close()
        return sorted(str(key.get("kid")) + str(key.get("n")) for key in found)

    def _round(self, server: Server, number: int) -> None:
        before, failed = self.acknowledged, len(self.tally.violations)
        lasted = self.under_load(server, server.kill)
        server.start()
        self._audit(server)
        live = sum(len(worker.live) for worker in self._workers)
        print(f"round {number:2}: killed after {lasted:.2f} s, {self.acknowledged - before} acknowledged, "
              f"ready again in {server.ready_after * 1000:.0f} ms, {live} sessions live, "
              f"{len(self.tally.violations) - failed} violations")

    def under_load(self, server: Server, interrupt: Callable[[], None], load: type[Load] = Load) -> float:
        """Interrupts after a while what all workers do, and tells how long that was."""
        dying, lasts = threading.Event(), self._random.uniform(0.1, self._longest)

        def stop() -> None:
            time.sleep(lasts)
            try:
                interrupt()
            finally:
                dying.set()

        together(stop, *(load(worker, server.core(), dying).run for worker in self._workers))
        return lasts

    def _audit(self, server: Server) -> None:
        together(*(Audit(worker, server.core(), self.tally).run for worker in self._workers))

    def _old_revocations(self, server: Server) -> None:
        """Looks once more at sessions that were revoked in any round."""
        everything = [session for worker in self._workers for session in worker.revoked]
        core = server.core()
        for session in self._random.sample(everything, min(REVOKED_SAMPLE, len(everything))):
            reply = core.information(session.handle)
            self.tally.check("a session revoked long ago is gone", reply.outcome == "UNAUTHORISED", reply.outcome)

    @property
    def counts(self) -> Counter[str]:
        return sum((worker.acknowledged for worker in self._workers), Counter())

    @property
    def acknowledged(self) -> int:
        return sum(self.counts.values())

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        return f"{self.acknowledged} acknowledged ({kinds}), {len(self.tally.violations)} violations"
