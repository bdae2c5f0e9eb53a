"""Follows sessions with a copied refresh token, for up to 60 lives of the access token, until the thief is noticed.

The owner's page refreshes within a second of the end of its access token and uses what it got at once. The thief copied
both tokens once, knows the rule (docs/decisions/0019) and when the owner refreshed last, and does not see the owner's
traffic. He is in step after a period if he holds the refresh token that the owner holds. The programs are unmodified;
their wall clock is moved (clock_shim.c), so that 60 hours take seconds. The seed decides what owner and thief do; the
programs throw dice of their own.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate
from typing import Callable, Iterator

import pytest
from follow_places import LIFE, Kind, Pair, Place, Places, Unexpected
from harness import Json
from wall_clock import Clock

PERIODS = 60
WINDOW = 60.0
"""W, the length of the first window of a token."""
SHORTEST_WINDOW = 0.5
GRACE = 30.0
SILENCE = 120.0
SHARED_PART = 0.5
"""The part of an access token's life that may be taken off when tokens were shared."""
HANDFUL = 12
"""More periods than anybody shares by chance: one in ten goes on."""
MEAN_EXTRA = 2.0
"""What the rule promises of the mean number of periods in step after the first one."""
POLLS = 60


class Strategy(Enum):
    """What the thief does with his copy."""

    AHEAD = "ahead"
    """Fetches the owner's next token once, early, and keeps it."""
    EAGER = "eager"
    """The same, and uses it at once."""
    POLL = "poll"
    """Presents the token again and again, most often about the end of the access token."""
    TARGET = "target"
    """Presents it in all the windows that he can get where the owner is most likely."""
    AFTER = "after"
    """Presents it a second and a half after the end that he knows, or where he thinks that it is."""
    ACCESS = "access"
    """Uses the access token as long as it lives, and nothing else."""


AT_FIRST = (Strategy.AHEAD, Strategy.EAGER, Strategy.POLL)
"""Those who are noticed in the period of the copy; the others share it, or do nothing."""
RUNS = dict.fromkeys(Strategy, 5) | {Strategy.TARGET: 10, Strategy.AFTER: 10, Strategy.ACCESS: 1}
QUICK_RUNS = dict.fromkeys(Strategy, 1) | {Strategy.TARGET: 3, Strategy.AFTER: 3}


@dataclass(frozen=True)
class View:
    """What the thief knows in one period."""

    now: float
    last: float
    """When the owner refreshed last."""
    end: float | None
    """When the owner's access token ends; nobody can tell if it was shortened."""
    at_once: bool

    def plan(self, strategy: Strategy, dice: random.Random) -> list[float]:
        """When he presents the token that he shares with the owner."""
        likely = self.end or self.last + LIFE * (1 - SHARED_PART / 2)
        if strategy in (Strategy.AHEAD, Strategy.EAGER):
            times = [self.now]
        elif strategy == Strategy.POLL:
            times = [self.now + (likely - self.now) * n / POLLS for n in range(POLLS)]
            times += [likely + off for off in (-20, -8, -3, -0.7, -0.1, 0.3, 1.2, 5)]
        elif strategy == Strategy.AFTER:
            times = [likely + 1.5]
        else:
            times = self._aimed(dice)
        return [moment for moment in times if moment >= self.now]

    def _aimed(self, dice: random.Random) -> list[float]:
        """One call in each window; the first reaches back as well, because a late predecessor is answered again."""
        reach = [GRACE] if self.at_once else [WINDOW / 2 ** n for n in range(16) if WINDOW / 2 ** n >= SHORTEST_WINDOW]
        first = self.end - reach[0] / 2 if self.end else self._densest(dice, reach[0] + sum(reach)) + reach[0]
        return [first, *(first + passed + 0.01 * n for n, passed in enumerate(accumulate(reach[:-1]), 1))]

    def _densest(self, dice: random.Random, seconds: float) -> float:
        """The beginning of the seconds in which the owner comes most likely."""
        draws = sorted(self.last + LIFE * (1 - SHARED_PART * dice.random()) + dice.random() for _ in range(200))
        inside = [sum(start <= other <= start + seconds for other in draws) for start in draws]
        return draws[inside.index(max(inside))] - 0.02


class Caught(Exception):
    """A used-up token came back and was noticed; the argument is whose request it was."""


@dataclass
class Outcome:
    """What came of one copy."""

    noticed: int | None = None
    """The period in which reuse ended the session; the first one is that of the copy."""
    by: str = "nobody"
    in_step: int = 0
    """The periods after which the thief held the owner's token."""
    soft: int = 0
    """Requests that were refused softly."""
    gone: bool = False
    """Whether the tokens of both are worth nothing after that."""
    reuse: list[Json] = field(default_factory=list)
    """What the audit log tells of reuse."""
    late: int = 0
    """How often it tells of a late predecessor."""
    problem: str = ""


class Episode:
    """One session, whose tokens are copied once."""

    def __init__(self, place: Place, clock: Clock, strategy: Strategy, dice: random.Random) -> None:
        """Begins the session; the copy is made a quarter of an hour or more before the access token ends."""
        self._place, self._clock, self._strategy, self._dice = place, clock, strategy, dice
        self._session = place.begin("alice")
        self._owner = self._mine = self._session.pair
        self._last = clock.now
        self._now = self._last + dice.uniform(0.02, 0.75) * LIFE
        self._outcome = Outcome()

    def run(self) -> Outcome:
        """Follows the session until the thief is noticed or the periods are over."""
        period = 0
        try:
            for period in range(1, PERIODS + 1):
                if self._strategy == Strategy.ACCESS:
                    self._watch(period)
                elif not self._in_step():
                    self._outcome.problem = "he is out of step, and neither he nor the owner was noticed"
                    break
        except Caught as caught:
            self._outcome.noticed, self._outcome.by = period, str(caught)
            held = {self._owner.refresh, self._mine.refresh}
            self._outcome.gone = all(self._place.refresh(token).kind == Kind.GONE for token in held)
        except Unexpected as error:
            self._outcome.problem = f"period {period}: {error}"
        trail = self._place.trail(self._session.handle)
        self._outcome.reuse = [record["details"] | {"means": record.get("means")} for record in trail if record["event"] == "reuse_detected"]
        self._outcome.late = sum(record["event"] == "late_parent" for record in trail)
        return self._outcome

    def _watch(self, period: int) -> None:
        """A period of an owner beside whom somebody uses the copied access token, as long as it lives."""
        if period == 1:
            self._clock.to(self._now)
            if self._place.use(self._mine) is None:
                raise Unexpected("the copied access token is refused before its end")
        self._owner_comes()
        if self._place.use(self._mine) is not None:
            raise Unexpected("the copied access token is accepted after its end")

    def _in_step(self) -> bool:
        """One period: whether the thief holds the owner's token after it."""
        comes = self._owner.end + self._dice.uniform(0.05, 1)
        known = self._owner.end if self._owner.end - self._last > LIFE - 2 else None
        calls = sorted(View(self._now, self._last, known, self._place.at_once).plan(self._strategy, self._dice))
        held: dict[str, Pair] = {}
        goes_on = self._thief_comes([moment for moment in calls if moment < comes], held)
        self._owner_comes(comes)
        if goes_on:
            self._thief_comes([moment for moment in calls if moment >= comes], held)
        if self._owner.refresh not in held:
            self._part(held)
            return False
        self._outcome.in_step += 1
        self._mine, self._now = held[self._owner.refresh], self._clock.now + 1
        return True

    def _exchange(self, who: str, moment: float, token: str) -> Pair | None:
        """Presents a token; there is nothing if it was refused softly."""
        self._clock.to(moment)
        answer = self._place.refresh(token)
        if answer.kind == Kind.THEFT:
            raise Caught(who)
        if answer.kind == Kind.GONE:
            raise Unexpected(f"the {who} is told that there is no session")
        self._outcome.soft += answer.pair is None
        return answer.pair

    def _owner_comes(self, moment: float | None = None) -> None:
        """The owner refreshes and uses what he gets; refused softly, he tries again."""
        moment = moment or self._owner.end + self._dice.uniform(0.05, 1)
        for later in (0, 1, SILENCE + 1):
            pair = self._exchange("owner", moment + later, self._owner.refresh)
            if pair is not None:
                self._last = self._clock.now
                used = self._place.use(pair)
                if used is None:
                    raise Unexpected("the owner's new access token is refused")
                self._owner = used
                return
        raise Unexpected("the owner is refused softly, again and again")

    def _thief_comes(self, moments: list[float], held: dict[str, Pair]) -> bool:
        """The thief presents the token until he is refused softly: somebody was there before.

        He stops as soon as he has the owner's token, as if he could know.
        """
        for moment in moments:
            if self._owner.refresh in held:
                break
            pair = self._exchange("thief", moment, self._mine.refresh)
            if pair is None:
                return False
            held[pair.refresh] = pair
            if self._strategy == Strategy.EAGER:
                self._place.use(pair)
        return True

    def _part(self, held: dict[str, Pair]) -> None:
        """Out of step, the thief presents what he holds after the silence; then the owner comes again."""
        for token in list(held) or [self._mine.refresh]:
            self._exchange("thief", self._last + SILENCE + 1, token)
        self._owner_comes()


def judge(strategy: Strategy, found: Outcome) -> None:
    """What has to hold for a session."""
    assert not found.problem, "every answer is one of the rule's"
    assert (found.soft > 0) == (found.late > 0), "the audit log names what was refused softly"
    if strategy == Strategy.ACCESS:
        assert (found.noticed, found.soft, found.reuse) == (None, 0, []), "nobody is accused"
        return
    if strategy in AT_FIRST:
        assert found.noticed == 1, "noticed in the period of the copy"
    else:
        assert found.in_step > 0, "shares the first period, or the aim is bad"
        assert found.noticed == found.in_step + 1, "noticed in the period after the last one that he shared"
        assert found.in_step <= HANDFUL
    assert found.gone, "the session is over for both"
    assert [each["means"] for each in found.reuse] == ["reuse"], "the audit log names it, once"


def summary(strategy: Strategy, outcomes: list[Outcome]) -> str:
    """What came of some sessions."""
    noticed = [outcome.noticed for outcome in outcomes if outcome.noticed]
    classes = Counter(str(each.get("class")) for outcome in outcomes for each in outcome.reuse)
    by = Counter(outcome.by for outcome in outcomes)
    when = "nothing to notice" if strategy == Strategy.ACCESS else f"noticed in period {spread(noticed)}"
    return (f"{len(outcomes)} runs, {when} by {listed(by)}, in step {spread([each.in_step for each in outcomes])}, "
            f"{sum(outcome.soft for outcome in outcomes)} refused softly, audit class {listed(classes) or '-'}")


def spread(numbers: list[int]) -> str:
    """The smallest and the largest number, and the mean."""
    if not numbers:
        return "-"
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}, mean {sum(numbers) / len(numbers):.1f}"


def listed(found: Counter[str]) -> str:
    """What was found, and how often."""
    return ", ".join(name if len(found) == 1 else f"{name} {count}" for name, count in sorted(found.items()))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """All places, whose clocks can be moved: otherwise the rest would prove nothing."""
    found = Places(tmp_path_factory.mktemp("follow"))
    found.check_clocks()
    yield found
    found.stop()


Extra = dict[Strategy, list[int]]


@pytest.fixture(scope="module")
def extra() -> Extra:
    """The periods in step after the first one, of all sessions of a strategy."""
    return {Strategy.TARGET: [], Strategy.AFTER: []}


@pytest.mark.parametrize("strategy", Strategy, ids=lambda strategy: strategy.value)
@pytest.mark.parametrize("place", range(5), ids=Places.names)
def test_a_thief_is_noticed(places: Places, extra: Extra, seed: int, quick: bool, say: Callable[[str], None],
                            place: int, strategy: Strategy) -> None:
    where, outcomes = places.all[place], []
    for n in range((QUICK_RUNS if quick else RUNS)[strategy]):
        dice = random.Random(f"{seed}/{where.name}/{strategy.value}/{n}")
        outcomes.append(Episode(where, places.clock, strategy, dice).run())
        judge(strategy, outcomes[-1])
    say(f"{where.name}, {strategy.value}: {summary(strategy, outcomes)}")
    if strategy in extra:
        extra[strategy] += [outcome.in_step - 1 for outcome in outcomes]


@pytest.mark.parametrize("strategy", [Strategy.TARGET, Strategy.AFTER], ids=lambda strategy: strategy.value)
def test_he_is_not_in_step_for_long_in_the_mean(extra: Extra, say: Callable[[str], None], strategy: Strategy) -> None:
    found = extra[strategy] or pytest.skip("no session was followed")
    mean = sum(found) / len(found)
    say(f"{strategy.value}: {mean:.2f} periods in step after the first, in the mean of {len(found)} sessions")
    assert mean <= MEAN_EXTRA
