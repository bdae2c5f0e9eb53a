#!/usr/bin/env python3
"""Attacks a running server: none of it may end the process, make it answer 5xx or leave others waiting."""

from __future__ import annotations

import sys
import time

from harness import Checks, Reply, Server, exit_on_signals, reply_watchers
from hostile_api import Fields, Texts, Tokens, Versions
from hostile_disk import FullDisk
from hostile_http import UNKNOWN, Malformed, Patience, Sizes
from hostile_operation import Keys, Runs, Starts


class Witness:
    """Counts answers and remembers those that no client may be able to cause."""

    def __init__(self) -> None:
        """Starts watching."""
        self.answers = 0
        self.server_errors: list[str] = []
        reply_watchers.append(self._notice)

    def _notice(self, reply: Reply) -> None:
        self.answers += 1
        if reply.status >= 500 and reply.status not in UNKNOWN:
            self.server_errors.append(reply.outcome)

    def stop(self) -> None:
        """Stops watching."""
        reply_watchers.remove(self._notice)


def attack(checks: Checks, server: Server) -> None:
    """Sends everything hostile to one server and looks whether it still stands."""
    witness, pid = Witness(), server.pid
    for part in (Sizes, Malformed, Fields, Texts, Versions, Tokens, Starts, Patience):
        begun = time.monotonic()
        checks.run(part.__name__, part(checks, server).run)
        checks.check(f"the server answers after {part.__name__} ({time.monotonic() - begun:.1f} s)",
                     server.alive and server.core().create("after").ok, server.output[-2000:])
    witness.stop()
    checks.check("the process is the same", server.alive and server.pid == pid)
    checks.check(f"none of {witness.answers} answers was a 5xx", not witness.server_errors, witness.server_errors)
    core = server.core()
    checks.equal("SIGTERM exits 0 after all that", server.stop(), 0)
    core.close()


def main() -> int:
    """Runs all attacks."""
    exit_on_signals()
    checks, begun = Checks(), time.monotonic()
    with Server() as server:
        attack(checks, server)
    for part in (Keys, Runs, FullDisk):
        checks.run(part.__name__, part(checks).run)
    print(f"{time.monotonic() - begun:.0f} s")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
