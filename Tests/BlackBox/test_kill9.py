"""`kill -9` under load, again and again: nothing that the server acknowledged is lost."""

from __future__ import annotations

from typing import Callable

from kill9 import Campaign


def test_nothing_acknowledged_is_lost(seed: int, rounds: Callable[[int, int], int], say: Callable[[str], None]) -> None:
    campaign, count = Campaign(seed), rounds(20, 5)
    campaign.run(count)
    say(f"{count} kills: {campaign}")
    assert campaign.tally.made and campaign.tally.violations == []
