"""Security events (docs/events.md): each end that was answered reaches each receiver, in order, whatever breaks."""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import threading
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Callable

import pytest
from event_receiver import CHANGED, ISSUER, LOGOUT, REVOKED, Event, Poller, Receiver, Verifier
from harness import Core, Json, Reply, Server, binary, until
from postgres import Cluster
from verify_place import certificate

SECRET = "Bearer a-secret-of-the-receiver"
BEARER = "the-bearer-of-a-poller-that-is-long"
PUSH = {"name": "billing", "method": "push", "audience": "https://billing.example.com", "authorization": SECRET}
LOGOUT_STREAM = {"name": "web", "method": "backchannel_logout", "audience": "client-1"}
POLL = {"name": "siem", "method": "poll", "audience": "https://siem.example.com", "authorization": BEARER}
SETTLE_SECONDS = 120.0


def streams(path: Path, *found: Json) -> str:
    """A configuration with these streams."""
    file = path / "streams.json"
    file.write_text(json.dumps({"issuer": ISSUER, "streams": list(found)}))
    file.chmod(0o600)
    return f"event_streams_file: {file}\n"


def pushed(receiver: Receiver) -> Json:
    return {**PUSH, "url": receiver.url}


def tessera(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command on the data of a server."""
    place = [] if server.database else ["--data-dir", str(server.data)]
    return subprocess.run([str(binary()), *arguments, *place], capture_output=True, text=True, timeout=90,
                          stdin=subprocess.DEVNULL, env={**os.environ, **server.environment})


def listed(server: Server) -> dict[str, Json]:
    done = tessera(server, "events", "list", "--json")
    assert done.returncode == 0, done.stderr
    return {state["stream"]: state for state in map(json.loads, done.stdout.splitlines())}


def end(core: Core, user: str) -> str:
    """Creates a session and ends it; gives its handle."""
    handle = str(core.create(user).json["session"]["handle"])
    assert core.revoke([handle]).ok
    return handle


def change(core: Core, user: str, name: str) -> Reply:
    return core.post("/tessera/events/credential-change", {
        "userId": user, "credentialType": "password", "changeType": "update", "friendlyName": name})


def events_of(receiver: Receiver, verifier: Verifier, audience: str) -> list[Event]:
    return [verifier.event(token, audience) for token in receiver.accepted()]


def test_push_poll_and_logout(tmp_path: Path) -> None:
    """One end reaches a pushed receiver, one that asks, and a relying party; each token is verified by joserfc."""
    with Receiver() as receiver, Receiver() as party:
        config = streams(tmp_path, pushed(receiver), POLL, {**LOGOUT_STREAM, "url": party.url})
        with Server(config=config) as server:
            core, verifier = server.core(), Verifier(server.port)
            assert change(core, "alice", "her password").ok
            handle = end(core, "alice")
            assert until(lambda: len(receiver.accepted()) == 2 and len(party.accepted()) == 1)
            first, second = events_of(receiver, verifier, PUSH["audience"])
            assert (first.kind, first.session, first.user, first.friendly) == (CHANGED, None, "alice", "her password")
            assert (second.kind, second.session, second.user) == (REVOKED, handle, "alice")
            assert {arrival.headers["authorization"] for arrival in receiver.arrivals} == {SECRET}
            assert {arrival.headers["content-type"] for arrival in receiver.arrivals} == {"application/secevent+jwt"}
            logout = verifier.logout(party.accepted()[0], LOGOUT_STREAM["audience"])
            assert (logout.session, logout.user) == (handle, "alice") and LOGOUT in logout.claims["events"]
            assert "authorization" not in party.arrivals[0].headers
            polled: list[Event] = []
            poller, taken = Poller(server.port, "siem", BEARER), []
            while page := poller.ask(ack=taken, returnImmediately=True)["sets"]:
                polled += [verifier.event(token, POLL["audience"]) for token in page.values()]
                assert list(page) == [event.jti for event in polled[-len(page):]]
                taken = list(page)
            assert [event.subject for event in polled] == [first.subject, second.subject]
            assert {event.claims["txn"] for event in polled} == {first.claims["txn"], second.claims["txn"]}
            assert not {event.jti for event in polled} & {first.jti, second.jti}, "two streams share an identifier"
            waiting = threading.Timer(0.5, lambda: end(server.core(), "bob"))
            waiting.start()
            news = poller.ask()["sets"]
            waiting.join()
            assert [verifier.event(token, POLL["audience"]).user for token in news.values()] == ["bob"]
            refused = poller.ask(setErrs={jti: {"err": "invalid_key"} for jti in news}, returnImmediately=True)
            assert refused["sets"] == {} and listed(server)["siem"]["dead"] == 1
            for bearer in ("x" * 20, ""):
                reply = Core(server.port, cdi=None).send("POST", "/tessera/events/poll/siem", b"{}", {
                    "content-type": "application/json", "authorization": f"Bearer {bearer}"})
                assert reply.status == 401, reply.text


def test_all_sessions_of_a_user_are_one_event(tmp_path: Path) -> None:
    """More sessions than one step ends are one event about the user; refreshes and creations are none."""
    with Receiver() as receiver, Server(config=streams(tmp_path, pushed(receiver))) as server:
        core, verifier = server.core(), Verifier(server.port)
        made = [core.create("many").json for _ in range(501)]
        assert core.refresh(made[0]["refreshToken"]["token"]).ok
        assert core.post("/recipe/session/remove", {"userId": "many"}).ok
        handle = end(core, "one")
        assert until(lambda: len(receiver.accepted()) >= 2)
        found = {event.subject for event in events_of(receiver, verifier, PUSH["audience"])}
        assert found == {(None, "many", None), (handle, "one", None)}
        assert until(lambda: listed(server)["billing"]["pending"] == 0)


def test_a_receiver_that_is_down_comes_back(tmp_path: Path) -> None:
    """What ends meanwhile waits, also over a restart of the core, and is delivered in the order of each user."""
    receiver = Receiver()
    with Server(config=streams(tmp_path, pushed(receiver))) as server:
        handles = [end(server.core(), f"u{number % 3}") for number in range(12)]
        assert until(lambda: listed(server)["billing"]["lastError"] is not None)
        state = listed(server)["billing"]
        assert state["pending"] == 12 and state["dead"] == 0 and state["oldestPending"] is not None
        assert server.stop() == 0
        server.start()
        verifier = Verifier(server.port)
        with receiver:
            assert until(lambda: len(receiver.accepted()) >= 12, SETTLE_SECONDS)
            found = [event.session for event in events_of(receiver, verifier, PUSH["audience"])]
            for user in range(3):
                assert [handle for handle in found if handle in handles[user::3]] == handles[user::3]
            assert until(lambda: listed(server)["billing"]["pending"] == 0)
            assert listed(server)["billing"]["lastError"] is None


@pytest.mark.parametrize("behaviour", ["fail", "hang", "redirect"])
def test_an_answer_that_takes_nothing_is_tried_again(behaviour: str, tmp_path: Path, quick: bool) -> None:
    """A 500, a redirect and silence lose nothing; no redirect is followed, and no words of a receiver are kept."""
    with Receiver(behaviour) as receiver, Server(config=streams(tmp_path, pushed(receiver))) as server:
        verifier = Verifier(server.port)
        handle = end(server.core(), "u")
        # The core waits ten seconds for an answer; of a sample the receiver gives up before.
        came = (lambda: receiver.arrivals) if behaviour == "hang" and quick else (
            lambda: listed(server)["billing"]["lastError"])
        assert until(came)
        state = listed(server)["billing"]
        assert (state["pending"], state["dead"]) == (1, 0)
        receiver.became("accept")
        assert until(lambda: receiver.accepted(), SETTLE_SECONDS)
        assert [event.session for event in events_of(receiver, verifier, PUSH["audience"])] == [handle]
        identifiers = {verifier.event(arrival.token, PUSH["audience"]).jti for arrival in receiver.arrivals}
        assert len(receiver.arrivals) > 1 and len(identifiers) == 1, "one event has one identifier"
        assert receiver.redirected == 0
        assert "secret-of-the-receiver" not in server.output + str(state["lastError"])


def test_a_receiver_by_https(tmp_path: Path) -> None:
    """Its certificate is checked: one that is not trusted gets no token, and nothing is lost meanwhile."""
    signed, private = certificate(tmp_path)
    with Receiver(certificate=(signed, private)) as receiver:
        config = streams(tmp_path, pushed(receiver))
        with Server(config=config) as untrusting:
            handle = end(untrusting.core(), "alice")
            assert until(lambda: listed(untrusting)["billing"]["lastError"] is not None)
            assert receiver.arrivals == [] and listed(untrusting)["billing"]["pending"] == 1
            data, trust = untrusting.data, {"SSL_CERT_FILE": str(signed), "CURL_CA_BUNDLE": str(signed)}
            untrusting.stop()
            with Server(data=data, config=config, environment=trust) as server:
                assert until(lambda: len(receiver.accepted()) == 1, SETTLE_SECONDS)
                event = Verifier(server.port).event(receiver.accepted()[0], PUSH["audience"])
                assert (event.session, receiver.arrivals[0].headers["authorization"]) == (handle, SECRET)
                assert until(lambda: listed(server)["billing"]["pending"] == 0)


def test_a_dead_letter_is_sent_when_an_operator_asks(tmp_path: Path) -> None:
    """A 400 with a code is a dead letter at once; `tessera events` lists, retries and removes."""
    with Receiver("reject") as receiver, Server(config=streams(tmp_path, pushed(receiver))) as server:
        handle = end(server.core(), "u")
        assert until(lambda: listed(server)["billing"]["dead"] == 1)
        assert "invalid_request" in listed(server)["billing"]["lastError"]
        assert listed(server)["billing"]["pending"] == 0 and len(receiver.arrivals) == 1
        shown = tessera(server, "events", "list").stdout
        assert "billing" in shown and "dead=1" in shown
        receiver.became("accept")
        retried = tessera(server, "events", "retry", "billing")
        assert retried.returncode == 0 and "1 event" in retried.stdout, retried.stderr
        assert until(lambda: receiver.accepted())
        event = events_of(receiver, Verifier(server.port), PUSH["audience"])[0]
        assert event.session == handle
        assert until(lambda: listed(server)["billing"]["pending"] == 0)
        assert tessera(server, "events", "retry", "nothing").returncode == 1
        assert tessera(server, "events", "remove", "nothing", "--confirm", "nothing").returncode == 1
        receiver.stop()
        end(server.core(), "u")
        assert until(lambda: listed(server)["billing"]["pending"] == 1)
        assert server.stop() == 0
        removed = tessera(server, "events", "remove", "billing", "--confirm", "billing")
        assert removed.returncode == 0 and "1 event" in removed.stdout, removed.stderr
        assert listed(server) == {}


def test_an_erasure_leaves_what_waits(tmp_path: Path) -> None:
    """A user who is erased is named by what waits until it is delivered, and by nothing afterwards."""
    receiver = Receiver()
    with Server(config=streams(tmp_path, pushed(receiver))) as server:
        core = server.core()
        ended = end(core, "erased-user")
        living = core.create("erased-user").json["session"]["handle"]
        done = tessera(server, "users", "forget", "erased-user", "--confirm", "erased-user")
        assert done.returncode == 0, done.stderr
        with receiver:
            assert until(lambda: len(receiver.accepted()) >= 2, SETTLE_SECONDS)
            found = events_of(receiver, Verifier(server.port), PUSH["audience"])
            assert [(event.session, event.user) for event in found] == [
                (ended, "erased-user"), (living, "erased-user")]
            assert until(lambda: listed(server)["billing"]["pending"] == 0)
        assert server.stop() == 0
        assert b"erased-user" not in (server.data / "tessera.sqlite").read_bytes(), "the user is named in the database"


class Load:
    """Users whose credentials change and whose sessions end, over cores that come and go."""

    def __init__(self, cores: list[Server], seed: int) -> None:
        self.ports = [core.port for core in cores]
        """Where the cores that run are: a port that is free may be another program's a moment later."""
        self.asked: dict[str, list[str]] = defaultdict(list)
        """What was asked for, of each user in its order: a name of a credential, or a session's handle."""
        self.answered: set[str] = set()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(f"{seed}/{number}",), daemon=True)
                         for number in range(4)]
        for thread in self._threads:
            thread.start()

    def _run(self, name: str) -> None:
        dice, count = random.Random(name), 0
        while not self._ended.is_set():
            user, ports = f"user-{name}-{dice.randrange(3)}", list(self.ports)
            if not ports:
                time.sleep(0.01)
                continue
            port = dice.choice(ports)
            core = Core(port, timeout=10)
            try:
                for _ in range(dice.randrange(1, 5)):
                    # Some forty events a second: what is delivered has to keep up, on a slow machine too.
                    time.sleep(dice.uniform(0, 0.2))
                    count += 1
                    label = self._step(core, user, f"{name}#{count}", dice.random() < 0.3)
                    if label and port in self.ports:
                        self.answered.add(label)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            finally:
                core.close()

    def _step(self, core: Core, user: str, label: str, is_change: bool) -> str | None:
        """Changes a credential or ends a session; gives what names it if the core says that it is done."""
        if is_change:
            self.asked[user].append(label)
            return label if change(core, user, label).ok else None
        created = core.create(user)
        if not created.ok:
            return None
        handle = str(created.json["session"]["handle"])
        self.asked[user].append(handle)
        return handle if core.revoke([handle]).json.get("sessionHandlesRevoked") == [handle] else None

    def replace(self, core: Server) -> None:
        """Kills a core and starts another one on its data."""
        self.ports.remove(core.port)
        core.kill()
        core.start()
        self.ports.append(core.port)

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def judge(self, found: list[Event], server: Server) -> None:
        """Holds what arrived to what was asked for."""
        assert {state["dead"] for state in listed(server).values()} == {0}, listed(server)
        identifiers: dict[str, str] = {}
        order: dict[str, list[str]] = defaultdict(list)
        for event in found:
            label = event.session or event.friendly
            assert label is not None and event.user is not None
            if identifiers.setdefault(label, event.jti) != event.jti:
                raise AssertionError(f"{label} has two identifiers")
            if label not in order[event.user]:
                order[event.user].append(label)
        assert len(set(identifiers.values())) == len(identifiers), "two events share an identifier"
        missing = self.answered - set(identifiers)
        logged = {label: tessera(server, "audit", "--session", label).stdout for label in sorted(missing)[:5]}
        assert not missing, (f"{len(missing)} of {len(self.answered)} that were answered never arrived", logged)
        for user, arrived in order.items():
            expected = [label for label in self.asked[user] if label in identifiers]
            assert set(arrived) == set(expected), f"{user}: {set(arrived) - set(expected)} was invented"
            assert arrived == expected, f"the events of {user} arrived in another order"


def collect(port: int, verifier: Verifier, into: list[Event], pages: int = 1_000_000) -> None:
    """Takes what waits for the receiver that asks, up to a number of pages, of which the last is not acknowledged."""
    poller, taken = Poller(port, "siem", BEARER), []
    for _ in range(pages):
        page = poller.ask(ack=taken, returnImmediately=True)["sets"]
        into += [verifier.event(token, POLL["audience"]) for token in page.values()]
        taken = list(page)
        if not page:
            return


def test_kill_9_at_any_moment(seed: int, rounds: Callable[[int, int], int], tmp_path: Path,
                              say: Callable[[str], None]) -> None:
    """SE10: a core that is killed while sessions end and events are on their way loses none and invents none."""
    count, dice = rounds(200, 6), random.Random(f"{seed}/events")
    with Receiver() as receiver, Server(config=streams(tmp_path, pushed(receiver), POLL)) as server:
        verifier, polled = Verifier(server.port), list[Event]()
        load = Load([server], seed)
        for number in range(count):
            time.sleep(dice.uniform(0.02, 1.5))
            receiver.behaviour = "fail" if number % 10 == 5 else "accept"
            load.replace(server)
            if number % 3 == 0:
                collect(server.port, verifier, polled, pages=5)
        receiver.behaviour = "accept"
        load.stop()
        assert until(lambda: listed(server)["billing"]["pending"] == 0, SETTLE_SECONDS, 0.2)
        collect(server.port, verifier, polled)
        pushes = events_of(receiver, verifier, PUSH["audience"])
        say(f"{count} kills, {len(load.answered)} events, {len(pushes)} pushed and {len(polled)} polled arrivals")
        load.judge(polled, server)
        load.judge(pushes, server)


def test_kill_9_of_one_of_two_cores_on_postgres(seed: int, rounds: Callable[[int, int], int], tmp_path: Path,
                                                say: Callable[[str], None]) -> None:
    """The same with two cores on one PostgreSQL: the other one delivers what the killed one had."""
    count, dice = rounds(100, 3), random.Random(f"{seed}/events/postgres")
    with Cluster() as cluster, Receiver() as receiver, ExitStack() as stack:
        config = streams(tmp_path, pushed(receiver))
        cores = [stack.enter_context(Server(database=cluster.uri(), config=config)) for _ in range(2)]
        verifier, load = Verifier(cores[0].port), Load(cores, seed)
        for _ in range(count):
            time.sleep(dice.uniform(0.02, 1.5))
            load.replace(dice.choice(cores))
            # As if the time of the lease had passed.
            cluster.query("UPDATE tessera_event_streams SET leased_until = 0")
        load.stop()
        cluster.query("UPDATE tessera_event_streams SET leased_until = 0")
        assert until(lambda: listed(cores[0])["billing"]["pending"] == 0, SETTLE_SECONDS, 0.2)
        pushes = events_of(receiver, verifier, PUSH["audience"])
        say(f"{count} kills of one of two cores, {len(load.answered)} events, {len(pushes)} arrivals")
        load.judge(pushes, cores[0])
