#!/usr/bin/env python3
"""E-04: the database stops at once under load, or dies and its synchronous standby takes over; nothing acknowledged is lost.

The load and its model are those of kill9.py. A reply of 503 leaves open whether the operation happened, as a broken
connection does. The negative control does the same with synchronous_commit off, and must find losses.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time

import kill9
from harness import Checks, Reply, Server, exit_on_signals, free_port
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\n"
READY_SECONDS = 20.0


class PatientLoad(kill9.Load):
    """The load of kill9.py over a core that stays while its database goes."""

    def _create(self) -> None:
        try:
            super()._create()
        except kill9.Killed:
            self._worker.creation_unknown = True
            raise

    def _good(self, name: str, reply: Reply) -> bool:
        if reply.status == 503:
            raise kill9.Killed
        return super()._good(name, reply)


class StopCampaign(kill9.Campaign):
    """Rounds of load, a stop of the database and a comparison."""

    def __init__(self, cluster: Cluster, seed: int, options: str = "") -> None:
        """Prepares the workers; `options` are further options of the connection."""
        super().__init__(seed, 0.8)
        self.cluster = cluster
        self.recoveries: list[float] = []
        self._options = options

    def uri(self) -> str:
        """The database as the core knows it."""
        return self.cluster.uri() + self._options

    def run(self, rounds: int) -> None:
        """Runs the rounds."""
        with Server(database=self.uri(), config=FAST) as server:
            keys = self._keys(server)
            for number in range(1, rounds + 1):
                self._round(server, number)
            self.checks.equal("the signing keys are the same", self._keys(server), keys)
            self.checks.check("the core lived through it all", server.alive, server.output[-2000:])

    def _round(self, server: Server, number: int) -> None:
        before, failed = self.acknowledged, self.checks.failed
        lasted = self._stop_under_load()
        self._audit(server)
        print(f"round {number:2}: stopped after {lasted:.2f} s, {self.acknowledged - before} acknowledged, ready "
              f"{self.recoveries[-1] * 1000:.0f} ms after the database, {self.checks.failed - failed} violations",
              flush=True)

    def _stop_under_load(self) -> float:
        dying = threading.Event()
        threads = [threading.Thread(target=PatientLoad(worker, self.server_core(), dying).run)
                   for worker in self._workers]
        lasts = self._random.uniform(0.1, self._longest)
        for thread in threads:
            thread.start()
        time.sleep(lasts)
        self.interrupt()
        dying.set()
        for thread in threads:
            thread.join()
        self._wait_until_ready()
        return lasts

    def interrupt(self) -> None:
        """Stops the server as a crash does, and starts it again."""
        self.cluster.stop("immediate")
        self.cluster.start()

    def _wait_until_ready(self) -> None:
        begun = time.monotonic()
        while time.monotonic() - begun < READY_SECONDS:
            core = self.server_core()
            ready = core.get("/health/ready").status == 200
            core.close()
            if ready:
                break
            time.sleep(0.01)
        self.recoveries.append(time.monotonic() - begun)

    def _audit(self, server: Server) -> None:
        self._server = server
        super()._audit(server)

    def _keys(self, server: Server) -> list[str]:
        self._server = server
        return super()._keys(server)

    def server_core(self) -> kill9.Core:
        """A connection to the core."""
        return self._server.core()


class PromotionCampaign(StopCampaign):
    """Rounds in which the primary dies and its synchronous standby becomes the primary."""

    def __init__(self, seed: int) -> None:
        """Makes a primary and its standby."""
        self._ports = (free_port(), free_port())
        primary = Cluster(self._settings(), port=self._ports[0]).start()
        super().__init__(primary, seed)
        self._standby = self._follow(primary, self._ports[1])

    @staticmethod
    def _settings() -> dict[str, str]:
        return {"wal_level": "replica", "max_wal_senders": "4", "hot_standby": "on"}

    def _follow(self, primary: Cluster, port: int) -> Cluster:
        standby = Cluster(self._settings(), port=port, data=primary).start()
        primary.configure({"synchronous_standby_names": "'standby'"})
        primary.reload()
        primary.wait_for_standby()
        return standby

    def uri(self) -> str:
        """Both servers: libpq takes the one that writes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in self._ports)
        return f"postgresql://tessera@{hosts}/tessera?target_session_attrs=read-write&gssencmode=disable"

    def interrupt(self) -> None:
        """Kills the primary and promotes the standby."""
        self.cluster.stop("immediate")
        # Until a new standby comes, the new primary waits for nobody.
        self._standby.configure({"synchronous_standby_names": "''"})
        self._standby.promote()
        self._standby.reload()

    def _round(self, server: Server, number: int) -> None:
        super()._round(server, number)
        dead, self.cluster = self.cluster, self._standby
        dead.remove()
        self._standby = self._follow(self.cluster, dead.port)

    def remove(self) -> None:
        """Removes both servers."""
        self._standby.remove()
        self.cluster.remove()


def stops(rounds: int, seed: int, checks: Checks) -> None:
    """Immediate stops."""
    with Cluster() as cluster:
        campaign = StopCampaign(cluster, seed)
        campaign.run(rounds)
        verdict(f"{rounds} immediate stops", campaign, checks)


def promotions(rounds: int, seed: int, checks: Checks) -> None:
    """Promotions of the synchronous standby."""
    campaign = PromotionCampaign(seed)
    try:
        campaign.run(rounds)
        verdict(f"{rounds} promotions", campaign, checks)
    finally:
        campaign.remove()


def control(rounds: int, seed: int, checks: Checks) -> None:
    """The same stops where commits do not wait for the disk: the method has to find losses."""
    with Cluster({"wal_writer_delay": "10s"}) as cluster:
        campaign = StopCampaign(cluster, seed, "&options=-c%20synchronous_commit%3Doff")
        campaign.run(rounds)
        checks.check(f"negative control, synchronous_commit off: {campaign.checks.failed} violations in {rounds} stops",
                     campaign.checks.failed > 0)


def verdict(what: str, campaign: StopCampaign, checks: Checks) -> None:
    """Says what a campaign found."""
    slow = sorted(campaign.recoveries)[int(len(campaign.recoveries) * 0.95)]
    checks.check(f"{what}: {campaign.acknowledged} acknowledged, {campaign.checks.failed} lost or wrong",
                 campaign.checks.failed == 0 and campaign.checks.passed > 0)
    checks.check(f"{what}: ready again {slow:.2f} s after the database (95 %)", slow < 2)


def main() -> int:
    """Runs the campaigns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--promotions", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="a tenth of the stops, a twentieth of the promotions")
    options = parser.parse_args()
    stopped, promoted = options.stops, options.promotions
    if options.quick:
        stopped, promoted = max(1, stopped // 10), max(1, promoted // 20)
    exit_on_signals()
    print(f"seed {options.seed}", flush=True)
    checks = Checks()
    checks.run("stops", lambda: stops(stopped, options.seed, checks))
    checks.run("promotions", lambda: promotions(promoted, options.seed, checks))
    checks.run("control", lambda: control(3, options.seed, checks))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
