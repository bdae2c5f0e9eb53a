#!/usr/bin/env python3
"""The core's own door: what a stranger may send, byte by byte, and the right answer to it.

The rows W3, W4, W7, P1 to P7, C1 and C2 of the first judgement, each with inputs of its kind; titles name their finding.
storm.py is about many clients at once.
"""

from __future__ import annotations

import argparse
import sys
import time

from door_browsers import Pages, Replies, closing
from door_expect import Expectations
from door_limits import Crowds
from door_places import Places
from door_refusals import Refusals
from door_splits import Splits
from door_storage import Away, Drain
from door_versions import Hosts, Idleness, Versions
from door_wire import KEY, LimitedServer
from door_work import Pipelines, Strangers
from harness import Checks, exit_on_signals


def main() -> int:
    """Runs all checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="without what takes half a minute or more")
    parser.add_argument("--only", default="", help="the names of parts, with commas between them")
    parser.add_argument("--verbose", action="store_true", help="print what passes as well")
    options = parser.parse_args()
    exit_on_signals()
    checks, begun = Checks(quiet=not options.verbose), time.monotonic()
    with LimitedServer() as server, LimitedServer(config=f"api_keys: {KEY}\n") as keyed:
        parts = (Expectations(checks, server, keyed), Versions(checks, server), Hosts(checks, server), Refusals(checks),
                 Replies(checks, server, keyed), Pages(checks, server, keyed), Strangers(checks), Crowds(checks),
                 Places(checks), Splits(checks, not options.quick),
                 Drain(checks), Pipelines(checks, not options.quick), Idleness(checks, server, not options.quick),
                 Away(checks, not options.quick))
        for part in parts:
            name, at = type(part).__name__, time.monotonic()
            if options.only and name not in options.only.split(","):
                continue
            before = checks.passed, checks.failed
            checks.run(name, part.run)
            print(f"{name}: {checks.passed - before[0]} passed, {checks.failed - before[1]} failed, "
                  f"{time.monotonic() - at:.1f} s", flush=True)
        checks.check("both servers lived through it", server.alive and keyed.alive)
    closing(checks)
    print(f"{time.monotonic() - begun:.0f} s")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
