"""The client in processes of its own (Examples/Notes): several share a session, are killed and stopped, and no session is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Callable, Iterator
from urllib.request import Request, urlopen

import pytest
from client_api import SessionAPI
from drivers_browser import API_KEY, KEYS, Application, SteadyServer
from drivers_releases import NEWEST
from drivers_silence import Hours
from harness import HOST, ROOT, Child, until

NOTES = os.environ.get("NOTES", str(ROOT / "Examples/.build/debug/notes"))
WEB_APP = os.environ.get("WEB_APP", str(ROOT / "Examples/.build/debug/WebApp"))
PROCESSES = 8
SECONDS = 60


class Notes:
    """A folder with a session, and processes that use it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.environment = {**os.environ, "API": url, "NOTES_FOLDER": str(folder)}

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([NOTES, "alice", *arguments], env=self.environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def run(self, *arguments: str) -> str:
        process = self.begin(*arguments)
        text = process.communicate(timeout=SECONDS)[0]
        assert process.returncode == 0, text
        return text.strip()


@pytest.fixture
def api() -> Iterator[SessionAPI]:
    made = SessionAPI()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def notes(api: SessionAPI, tmp_path: Path) -> Notes:
    made = Notes(api.url, tmp_path / "session")
    made.run("sign-in")
    made.run("add", "milk")
    return made


def test_eight_processes_make_one_refresh(
        api: SessionAPI, notes: Notes, quick: bool, pytestconfig: pytest.Config, say: Callable[[str], None]) -> None:
    """CL21, L15: one expired token, eight calls that succeed, one refresh."""
    rounds = pytestconfig.getoption("rounds") or (8 if quick else 500)
    for number in range(rounds):
        before = api.refreshes
        api.expire()
        processes = [notes.begin("list") for _ in range(PROCESSES)]
        texts = [process.communicate(timeout=SECONDS)[0].strip() for process in processes]
        assert texts == ["milk"] * PROCESSES, f"round {number}: {texts}"
        assert api.refreshes == before + 1, f"round {number}: {api.refreshes - before} refreshes"
    say(f"{rounds} rounds of {PROCESSES} processes, {api.refreshes} refreshes")
    assert api.refused == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_a_holder_of_the_lock_is_killed_or_stopped(api: SessionAPI, notes: Notes, number: signal.Signals) -> None:
    """CL20, CL21: the others go on at once after a kill, and after ten seconds beside one that was stopped."""
    api.expire()
    api.hold = threading.Event()
    holder = notes.begin("list")
    assert api.held.wait(SECONDS)
    os.kill(holder.pid, number)
    held, api.hold = api.hold, None
    begun = time.monotonic()
    assert notes.run("list") == "milk"
    took = time.monotonic() - begun
    # A second after a kill, on a machine ten times slower; ten seconds are waited for one that was stopped.
    assert took < 10 if number == signal.SIGKILL else took > 8
    held.set()
    holder.kill()
    holder.wait()
    assert notes.run("list") == "milk" and api.refused == 0


def test_a_process_that_is_killed_while_it_writes_loses_nothing(api: SessionAPI, notes: Notes) -> None:
    """CL12: the file is the old one or the new one, whenever a process ends."""
    for delay in range(12):
        api.expire()
        process = notes.begin("list")
        time.sleep(delay * 0.004)  # somewhere in its life; what is proved is that no moment matters
        process.kill()
        process.wait()
        assert notes.run("list") == "milk"
    assert api.refused == 0


def test_a_sign_out_reaches_the_server_later(api: SessionAPI, notes: Notes) -> None:
    """CL23: also when the access token is over, and when the server was away."""
    api.expire()
    assert notes.run("sign-out") == "signed out" and api.signed_out == 1
    assert notes.run("status") == "signed out: user"
    notes.run("sign-in")
    away = Notes("http://127.0.0.1:1", Path(notes.environment["NOTES_FOLDER"]))
    assert away.run("sign-out") == "signed out here" and api.signed_out == 1
    notes.run("sign-in")
    # At least once: a process may end between the server's answer and its note of it, and the next one says it again.
    assert until(lambda: notes.run("list") == "milk" and api.signed_out >= 2, SECONDS)


@pytest.fixture
def python(tmp_path: Path) -> Iterator[tuple[Hours, Application]]:
    """An application with supertokens-python on a core, and the time of both."""
    hours = Hours(tmp_path)
    with SteadyServer(config=KEYS + hours.config, environment=hours.environment) as core:
        uri = f"http://{HOST}:{core.port}"
        application = Application(NEWEST, NEWEST.python(), uri, environment=hours.environment).ready()
        yield hours, application
        application.child.kill()


@pytest.mark.skipif(not Hours.is_fast, reason="hours would take hours")
def test_notes_at_supertokens_python(python: tuple[Hours, Application], tmp_path: Path) -> None:
    """Header mode against an unmodified backend SDK: sign-in, refreshes, and a sign-out after the access token has expired."""
    hours, application = python
    notes = Notes(f"http://{HOST}:{application.port}", tmp_path / "session")
    notes.run("sign-in")
    notes.run("add", "milk")
    for _ in range(3):
        # The client's own clock stays: it learns from the answer that the token has expired.
        hours.to(hours.now + 7_200)
        assert notes.run("list") == "milk"
    assert notes.run("status") == "signed in as alice"
    hours.to(hours.now + 7_200)
    assert notes.run("sign-out") == "signed out"
    assert notes.run("status") == "signed out: user"
    with urlopen(Request(f"{application.core}/recipe/session/user?userId=alice", headers={
            "api-key": API_KEY, "cdi-version": "5.4"}), timeout=SECONDS) as answer:
        assert json.load(answer)["sessionHandles"] == []
    process = notes.begin("list")
    assert "Nobody is signed in" in process.communicate(timeout=SECONDS)[0] and process.returncode == 1


def test_notes_at_the_demo_application(tmp_path: Path) -> None:
    """The example of docs/client.md: against sessions of Tessera, whose clock is pushed on."""
    server = Child([WEB_APP], {"PORT": "0"})
    try:
        assert until(lambda: "Open http://localhost:" in server.output, SECONDS), server.output
        url = server.output.split("Open ")[1].split(" ")[0]
        book = Notes(url, tmp_path / "session")
        book.run("sign-in")
        for text in ("milk", "bread"):
            book.run("add", text)
        assert book.run("list") == "milk\nbread" and book.run("status") == "signed in as alice"
        assert book.run("sign-out") == "signed out"
        process = book.begin("list")
        assert "Nobody is signed in" in process.communicate(timeout=SECONDS)[0] and process.returncode == 1
    finally:
        server.kill()
