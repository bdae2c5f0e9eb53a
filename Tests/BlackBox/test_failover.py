"""E-04: the database stops at once under load, or dies and its standby takes over; nothing acknowledged is lost.

A reply of 503 leaves open whether the operation happened, as a broken connection does. The negative control does the
same with synchronous_commit off, and must find losses.
"""

from __future__ import annotations

import time
from typing import Callable

from harness import Reply, Server, free_port, until
from kill9 import Campaign, Killed, Load
from postgres import Cluster

FAST = "access_token_signing_algorithm: ES256\n"
READY_SECONDS = 20.0


class PatientLoad(Load):
    """The load of kill9.py over a core that stays while its database goes."""

    def _create(self) -> None:
        try:
            super()._create()
        except Killed:
            self._worker.creation_unknown = True
            raise

    def _good(self, name: str, reply: Reply) -> bool:
        if reply.status == 503:
            raise Killed
        return super()._good(name, reply)


class StopCampaign(Campaign):
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
        with Server(database=self.uri(), config=FAST) as server:
            keys = self._keys(server)
            for number in range(1, rounds + 1):
                self._round(server, number)
            self.tally.equal("the signing keys are the same", self._keys(server), keys)
            self.tally.check("the core lived through it all", server.alive, server.output[-2000:])

    def _round(self, server: Server, number: int) -> None:
        before, failed = self.acknowledged, len(self.tally.violations)
        lasted = self.under_load(server, self.interrupt, PatientLoad)
        begun = time.monotonic()
        until(lambda: server.core().get("/health/ready").status == 200, READY_SECONDS, 0.01)
        self.recoveries.append(time.monotonic() - begun)
        self._audit(server)
        print(f"round {number:2}: stopped after {lasted:.2f} s, {self.acknowledged - before} acknowledged, ready "
              f"{self.recoveries[-1] * 1000:.0f} ms later, {len(self.tally.violations) - failed} violations")

    def interrupt(self) -> None:
        """Stops the server as a crash does, and starts it again."""
        self.cluster.stop("immediate")
        self.cluster.start()


class PromotionCampaign(StopCampaign):
    """Rounds in which the primary dies and its synchronous standby becomes the primary."""

    def __init__(self, seed: int) -> None:
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
        self._standby.remove()
        self.cluster.remove()


def lost_nothing(what: str, campaign: StopCampaign, quick: bool, say: Callable[[str], None]) -> None:
    """The verdict on a campaign; a sample has to hold on a machine that is ten times slower too."""
    slow = sorted(campaign.recoveries)[int(len(campaign.recoveries) * 0.95)]
    say(f"{what}: {campaign}, ready again {slow:.2f} s after the database (95 %)")
    assert campaign.tally.made and campaign.tally.violations == [] and slow < (15 if quick else 2)


def test_immediate_stops(seed: int, rounds: Callable[[int, int], int], quick: bool, say: Callable[[str], None]) -> None:
    with Cluster() as cluster:
        campaign, count = StopCampaign(cluster, seed), rounds(50, 5)
        campaign.run(count)
        lost_nothing(f"{count} immediate stops", campaign, quick, say)


def test_promotions_of_the_standby(seed: int, rounds: Callable[[int, int], int], quick: bool,
                                   say: Callable[[str], None]) -> None:
    campaign, count = PromotionCampaign(seed), rounds(20, 1)
    try:
        campaign.run(count)
        lost_nothing(f"{count} promotions", campaign, quick, say)
    finally:
        campaign.remove()


def test_commits_that_do_not_wait_for_the_disk_are_found_out(seed: int, say: Callable[[str], None]) -> None:
    """The negative control."""
    with Cluster({"wal_writer_delay": "10s"}) as cluster:
        campaign = StopCampaign(cluster, seed, "&options=-c%20synchronous_commit%3Doff")
        campaign.run(3)
        say(f"negative control, synchronous_commit off: {len(campaign.tally.violations)} violations in 3 stops")
        assert campaign.tally.violations
