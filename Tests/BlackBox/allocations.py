#!/usr/bin/env python3
"""Counts what the core allocates for one operation, HTTP included, and holds it to a budget.

A count does not depend on what else the machine does, so a budget can be close. Each operation is sent many times over one
connection; work beside the requests (upkeep, the log) is a small part of the many.
"""

from __future__ import annotations

import argparse
import mmap
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Callable

from harness import Checks, Core, Server, TemporaryFolder, exit_on_signals

HERE = Path(__file__).resolve().parent
TIMES = 400
WARM_UP = 50
# What was measured and a tenth more. Whoever makes one of them smaller lowers its budget.
BUDGETS = {"hello": 33, "verify": 81, "verify checkDatabase": 100, "information": 76, "create": 195, "refresh": 350}
CONFIG = "access_token_signing_algorithm: ES256\n"


class Counter:
    """The number of allocations of a server that runs with the counter loaded."""

    def __init__(self) -> None:
        """Builds the counter."""
        self._folder = TemporaryFolder("tessera-allocations-")
        self._library, self._count = self._folder.path / "count.so", self._folder.path / "count"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", self._library, HERE / "malloc_count.c"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """What a server has to be started with."""
        return {"LD_PRELOAD": str(self._library), "TESSERA_MALLOC_COUNT": str(self._count)}

    @property
    def value(self) -> int:
        """How many allocations there were so far."""
        with self._count.open("rb") as file, mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ) as memory:
            return int(struct.unpack("=Q", memory[:8])[0])


def operations(core: Core) -> dict[str, Callable[[], object]]:
    """What is counted; each call is one request that has to succeed."""
    session = core.create("counted", {"role": "user"}, {"cart": [1, 2, 3]}).json
    token, handle = session["accessToken"]["token"], session["session"]["handle"]
    chain = [core.create("chain").json["refreshToken"]["token"]]
    number = iter(range(1_000_000))

    def refresh() -> object:
        reply = core.refresh(chain[-1])
        chain.append(reply.json["refreshToken"]["token"])
        return reply

    return {
        "hello": lambda: core.get("/hello"),
        "verify": lambda: core.verify(token),
        "verify checkDatabase": lambda: core.verify(token, True),
        "information": lambda: core.information(handle),
        "create": lambda: core.create(f"user-{next(number)}", {"role": "user"}, {"cart": [1, 2, 3]}),
        "refresh": refresh,
    }


def main() -> int:
    """Counts and judges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    exit_on_signals()
    counter, checks = Counter(), Checks()
    with Server(config=CONFIG, environment=counter.environment) as server:
        for name, request in operations(server.core()).items():
            for _ in range(WARM_UP):
                request()
            before = counter.value
            replies = [request() for _ in range(TIMES)]
            each = (counter.value - before) / TIMES
            checks.check(f"{name} succeeds", all(reply.status == 200 for reply in replies))
            title = f"{name}: {each:.1f} allocations, at most {BUDGETS[name]}"
            checks.check(title, 0 < each <= BUDGETS[name])
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
