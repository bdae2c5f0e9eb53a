#!/usr/bin/env python3
"""Measures what the audit log costs a refresh: two servers, one with the audit log and one without, in turns.

Every request of the chain rotates a session, so every request of the first server also writes an entry.
"""

from __future__ import annotations

import argparse
import statistics
import sys

from bench import JUDGED_CONNECTIONS, Fixtures, Result, Server, Wrk, exit_on_signals

LIMIT = 0.10
TURNS = 5


class Side:
    """One of the two servers with what was measured of it."""

    def __init__(self, name: str, config: str) -> None:
        """Starts it."""
        self.name = name
        self.server = Server(config=config).__enter__()
        self._wrk = Wrk(self.server)
        self._fixtures = Fixtures(self.server.core())
        self.results: list[Result] = []

    def measure(self, seconds: float, counts: bool) -> None:
        """One turn; the first is for warming up."""
        result = self._wrk.run(self.name, "chain.lua", JUDGED_CONNECTIONS, seconds, self._fixtures.fresh_tokens())
        if result.errors:
            sys.exit(f"{result.errors} requests failed")
        if counts:
            self.results.append(result)

    @property
    def rate(self) -> float:
        """Requests per second, the median of all turns."""
        return statistics.median(result.requests_per_second for result in self.results)

    @property
    def cpu(self) -> float:
        """CPU microseconds per request, the median of all turns."""
        return statistics.median(result.cpu_microseconds for result in self.results)


def compare(algorithm: str, seconds: float) -> bool:
    """Measures both in turns; says whether the audit log costs no more than it may."""
    base = f"access_token_signing_algorithm: {algorithm}\n"
    sides = [Side("trail on", base), Side("trail off", base + "audit_trail: false\n")]
    for turn in range(TURNS + 1):
        for side in sides if turn % 2 else reversed(sides):
            side.measure(seconds if turn else 1, turn > 0)
    on, off = sides
    for side in sides:
        print(f"{algorithm} {side.name:10}{side.rate:8.0f} refreshes/s{side.cpu:8.0f} CPU us each", flush=True)
        side.server.__exit__(None, None, None)
    cost = 1 - on.rate / off.rate
    print(f"{algorithm}: the audit log costs {cost:.1%} of the throughput and {on.cpu / off.cpu - 1:.1%} of CPU time; "
          f"at most {LIMIT:.0%} of the throughput: {'ok' if cost <= LIMIT else 'MISSED'}", flush=True)
    return cost <= LIMIT


def main() -> int:
    """Compares with both algorithms."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="the length of each turn (default: 3)")
    options = parser.parse_args()
    exit_on_signals()
    held = [compare(algorithm, options.seconds) for algorithm in ("RS256", "ES256")]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
