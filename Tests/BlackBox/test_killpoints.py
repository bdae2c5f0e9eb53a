"""Kills the server with `kill -9` at every named place inside every operation (experiment E-03).

For each operation a traced run tells which places it passes. Then, for each place and each pass, a server is armed to
die there, the operation is asked for, the server is started again over the same data folder, and the client asks again.
Everything that was acknowledged must hold (I1, I3), there is one live chain (I2), a detected theft is a revoked session
(I7), and the audit log has every change once and no other (I9).

Two servers work side by side, each with a client who lives through all of its kills.
"""

from __future__ import annotations

import http.client
import os
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import Callable

import pytest
from harness import Core, ServerFailed, together
from killpoints_changes import FirstStart, Regenerate, Remove, RemoveAll, UpdateData, UpdatePayload, Upgrade
from killpoints_checks import KNOWN_STOLEN, NEWEST, Holder, Places, Probe, Trail, tokens
from killpoints_operations import (CDI, Create, LateRepeat, OlderDriver, Operation, RefreshAtOnce, RefreshChild,
                                   RefreshCurrent, RepeatAtOnce, Reuse, ReuseAtOnce, SoftRefusal, StaleReuse,
                                   StaleReuseAtOnce, VerifyChild, must)
from killpoints_server import CONFIG, DEBUG_BINARY, PointServer, milliseconds, numbered

SERVERS = 2
OPERATIONS: list[type[Operation]] = [
    Create, RefreshCurrent, RefreshChild, VerifyChild, RefreshAtOnce, RepeatAtOnce, OlderDriver, LateRepeat,
    SoftRefusal, Reuse, StaleReuse, ReuseAtOnce, StaleReuseAtOnce, UpdatePayload, UpdateData, Regenerate, Remove,
    RemoveAll, Upgrade, FirstStart]
FORGETFUL = CONFIG + "revoke_session_on_token_theft: false\n"
NETWORK = (OSError, http.client.HTTPException, ServerFailed)
MOST_FAILURES = 3
TRIES = 4
ENDED_KEPT = 40
QUICK_STRIKES = 3
"""In a short run, the places of each operation; further ones only where no other operation has been struck there."""
QUICK_CONTROL = 12


@dataclass(frozen=True)
class Strike:
    """A place in an operation at which a server is to die."""

    operation: type[Operation]
    place: str
    count: int

    def __str__(self) -> str:
        return f"{self.operation.name} at {self.place}:{self.count}"


class Lane:
    """One server after another on one data folder, and a client for each rule of rotation who lives through it all."""

    def __init__(self, campaign: Campaign) -> None:
        self.tally, self.config = campaign.tally, campaign.config
        self.kills, self.missed, self.restarts = campaign.kills, campaign.missed, campaign.restarts
        self.server = PointServer(self.config)
        self.survivors: list[Holder] = []
        self.ended: deque[Holder] = deque(maxlen=ENDED_KEPT)
        """Sessions of earlier kills; each was ended in the end."""
        self.begin()

    def begin(self) -> None:
        self.server = PointServer(self.config)
        self.server.restarts = self.restarts
        self.server.start()
        self.survivors = []
        self.ended.clear()
        for cdi in (CDI, NEWEST):
            core = self.server.core(cdi)
            made = must(core.create(f"survivor-{cdi}"))
            self.survivors.append(Holder(f"survivor-{cdi}", made.json["session"]["handle"], cdi, *tokens(made)))
            core.close()

    def trace(self, kind: type[Operation]) -> list[Strike]:
        """The places that an operation passes, found by doing it."""
        operation, server = kind(), self.server
        if kind is FirstStart:
            server = PointServer(self.config)
        else:
            self._prepare(operation)
        server.start()
        begin = 0 if kind is FirstStart else len(server.passed())
        core = server.core(operation.acts_at or operation.cdi)
        operation.act(core)
        core.close()
        found = [Strike(kind, *each) for each in numbered(server.passed(), begin)]
        server.kill()
        self.server.disarm()
        if kind is not FirstStart:
            self.server.start()
        return found

    def strike(self, strike: Strike) -> None:
        """Tries until the place is reached: writes that meet share a transaction, and then pass fewer places."""
        if not any(self._kills(strike) for _ in range(TRIES)):
            self.missed.append(strike)

    def _kills(self, strike: Strike) -> bool:
        """Does an operation, dies at the place, starts again and looks; tells whether the place was reached."""
        self.tally.places.place = str(strike)
        server = PointServer(self.config) if strike.operation is FirstStart else self.server
        server.restarts = self.restarts
        operation = strike.operation()
        if strike.operation is not FirstStart:
            self._prepare(operation)
        reached = self._dies(server.arm(strike.place, strike.count), operation)
        self.kills[strike.place] += reached
        server.kill()
        server.restart()
        self._look(server, operation)
        if strike.operation is FirstStart:
            server.kill()
        return reached

    def _prepare(self, operation: Operation) -> None:
        """Makes what the operation needs and kills the server: what it acknowledged must outlive that too."""
        if self.server.configure(operation.config):
            self.server.kill()
            self.server.start()
        core = self.server.core(operation.cdi)
        operation.prepare(core)
        core.close()
        self.server.kill()

    def _dies(self, server: PointServer, operation: Operation) -> bool:
        """Whether the armed server dies under the operation."""
        try:
            server.start()
            core = server.core(operation.acts_at or operation.cdi)
            operation.act(core)
            core.close()
        except NETWORK:
            return server.has_died()
        return False

    def _look(self, server: PointServer, operation: Operation) -> None:
        probe = Probe(server, self.tally)
        operation.check(probe)
        if server is self.server:
            for survivor in self.survivors:
                probe.goes_on(survivor)
            self.ended.extend(operation.holders)
        probe.close()

    def finish(self) -> None:
        """Looks once more at what ended long ago and at those who lived through everything."""
        self.tally.places.place = "the end"
        self.server.kill()
        self.server.restart()
        probe = Probe(self.server, self.tally)
        for holder in self.ended:
            probe.ended(holder)
        for survivor in self.survivors:
            probe.settles(survivor)
        self._replay(probe.core)
        probe.close()
        self.server.kill()

    def _replay(self, core: Core) -> None:
        """Replays the whole trail: the sessions that it leaves are those that are there."""
        live: dict[str, set[str]] = {}
        for record in Trail(core).records:
            sessions = live.setdefault(record.get("userId", ""), set())
            if record["event"] == "created":
                sessions.add(record["sessionHandle"])
            elif record["event"] == "revoked" or record.get("means") == "reuse":
                self.tally.check("I9: only what was there ends", record["sessionHandle"] in sessions, record)
                sessions.discard(record["sessionHandle"])
        for user, sessions in live.items():
            if user:
                self.tally.equal("I9: the audit log leaves the sessions that are there", set(core.handles(user)), sessions)


class Campaign:
    """Strikes that several lanes share."""

    def __init__(self, tally: Places, config: str) -> None:
        self.tally, self.config = tally, config
        self.kills: Counter[str] = Counter()
        """How many processes died at each place."""
        self.missed: list[Strike] = []
        """The strikes whose place was not reached."""
        self.restarts: list[float] = []
        """How long the servers took to start again."""
        self.lanes = [Lane(self) for _ in range(SERVERS)]
        self._failures = 0

    def traced(self, kinds: list[type[Operation]]) -> list[Strike]:
        """What the operations pass in both lanes: in one alone it was work that a core does by itself, at its times."""
        first, second = together(*(lambda lane=lane: [lane.trace(kind) for kind in kinds] for lane in self.lanes))
        found = [[strike for strike in one if strike in other] for one, other in zip(first, second)]
        assert all(found), "the server passes no named place: it is not a debug build"
        return [strike for each in found for strike in each]

    def run(self, strikes: list[Strike]) -> None:
        """Does the strikes and what comes at the end."""
        waiting = deque(strikes)
        together(*(lambda lane=lane: self._work(lane, waiting) for lane in self.lanes))

    def _work(self, lane: Lane, waiting: deque[Strike]) -> None:
        while self._failures < MOST_FAILURES:
            try:
                strike = waiting.popleft()
            except IndexError:
                break
            try:
                lane.strike(strike)
            except Exception as error:  # noqa: BLE001 - a broken strike must not hide the others
                self._failures += 1
                self.tally.check("restart: the strike runs to its end", False, f"{type(error).__name__}: {error}")
                lane.server.kill()
                lane.begin()
        lane.finish()


def sampled(strikes: list[Strike], dice: random.Random) -> list[Strike]:
    """Some places of each operation, and each place in some operation."""
    found, done = [], Counter[object]()
    for strike in dice.sample(strikes, len(strikes)):
        if done[strike.operation] < QUICK_STRIKES or not done[strike.place]:
            done.update([strike.operation, strike.place])
            found.append(strike)
    return found


@pytest.fixture(autouse=True)
def debug_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """The build that has failpoints, unless the caller names another one."""
    monkeypatch.setenv("TESSERA_BINARY", os.environ.get("TESSERA_DEBUG_BINARY", str(DEBUG_BINARY)))


def test_no_kill_at_any_place_breaks_a_promise(dice: random.Random, rounds: Callable[[int, int], int], quick: bool,
                                               say: Callable[[str], None]) -> None:
    tally = Places()
    campaign = Campaign(tally, CONFIG)
    strikes = campaign.traced(OPERATIONS)
    planned = sampled(strikes, dice) if quick else strikes * rounds(2, 1)
    dice.shuffle(planned)
    campaign.run(planned)
    say(f"checks: {tally.summary()}\nready again: {milliseconds(campaign.restarts)}")
    say(f"{len(OPERATIONS)} operations, {len(campaign.kills)} named places, {len(strikes)} places in operations, "
        f"{sum(campaign.kills.values())} kills, {len(tally.violations)} violations")
    assert [str(each) for each in campaign.missed] == [], "every place was reached"
    assert tally.violations == []


def test_a_revocation_that_is_left_to_the_driver_is_found_out(dice: random.Random, quick: bool,
                                                              say: Callable[[str], None]) -> None:
    """The negative control: as SuperTokens does it, sessions known to be stolen live on."""
    tally = Places()
    campaign = Campaign(tally, FORGETFUL)
    strikes = campaign.traced([Reuse, StaleReuse])
    campaign.run(dice.sample(strikes, QUICK_CONTROL if quick else len(strikes)))
    found = tally.violated[KNOWN_STOLEN]
    say(f"negative control: {found} violations found in {sum(campaign.kills.values())} kills")
    assert found
