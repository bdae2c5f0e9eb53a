"""A core follows another on a socket that stays open, and says how it is (docs/decisions/0036)."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest
from harness import HOST, Core, Server, until
from machine import Machine
from service_manager import ServiceManager, old_program
from upgrade_load import Load

REPLACEMENTS = (20, 4)
BETWEEN = 100


@pytest.fixture
def manager() -> Iterator[ServiceManager]:
    with ServiceManager() as made:
        yield made


def test_no_request_fails_while_a_core_is_replaced(
        manager: ServiceManager, rounds: Callable[[int, int], int], say: Callable[[str], None]) -> None:
    """Upgrade without noticing: 0 failed requests, and a session of before is refreshed after."""
    manager.start(old_program())
    token = Core(manager.port).create("of before").json["refreshToken"]["token"]
    gaps = []
    with Load(manager.port) as load:
        for _ in range(rounds(*REPLACEMENTS)):
            load.more(BETWEEN)
            gaps.append(manager.replace())
        load.more(BETWEEN)
    count = load.count
    say(f"{len(gaps)} replacements, {count.answered} requests answered, {len(count.failed)} failed; none was ready for "
        f"{max(gaps) * 1_000:.0f} ms at most, the slowest answer took {count.slowest * 1_000:.0f} ms")
    assert count.failed == [], count.failed[:5]
    assert count.answered > BETWEEN * len(gaps)
    assert Core(manager.port).refresh(token).ok


def test_who_comes_while_no_core_runs_waits(manager: ServiceManager) -> None:
    manager.start()
    assert manager.child is not None and manager.child.stop() == 0
    answers = []
    late = threading.Thread(target=lambda: answers.append(Core(manager.port).create("late")))
    late.start()
    late.join(0.2)
    assert answers == []
    manager.start()
    late.join(30)
    assert answers[0].ok


def test_a_silent_connection_may_ask_once_more_while_the_core_ends(manager: ServiceManager) -> None:
    """The reply says that it is the last; a connection that stays silent is closed."""
    child = manager.start()
    silent, asking = (socket.create_connection((HOST, manager.port)) for _ in range(2))
    for each in (silent, asking):
        each.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b" 200 " in each.recv(4_096)
    child.process.terminate()
    reply = b""
    while b"connection: close" not in reply.lower():
        asking.sendall(b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        reply = asking.recv(4_096)
    assert b" 503 " in reply
    assert silent.recv(1) == b"" and child.wait(30) == 0


def test_the_service_manager_hears_how_the_core_is(manager: ServiceManager) -> None:
    """READY, the watchdog, reloading, and STOPPING; storage that is away is told, and does not end the watchdog."""
    child = manager.start(environment={"WATCHDOG_USEC": "200000"})
    assert f"MAINPID={child.pid}" in manager.heard
    assert f"STATUS=Answers on http://{HOST}:{manager.port}" in manager.heard
    assert manager.hears("WATCHDOG=1")
    os.kill(child.pid, 1)
    assert manager.hears("RELOADING=1") and any(line.startswith("MONOTONIC_USEC=") for line in manager.heard)
    data = manager.path / "data"
    data.rename(manager.path / "elsewhere")
    assert until(lambda: Core(manager.port).get("/health/ready").status == 503)
    assert manager.hears("STATUS=Storage is away: what needs it gets 503")
    manager.heard.clear()
    assert manager.hears("WATCHDOG=1"), "storage that is away is no reason to be restarted (finding O1 of the review)"
    (manager.path / "elsewhere").rename(data)
    assert manager.hears("STATUS=Storage is back")
    child.process.terminate()
    assert manager.hears("STOPPING=1") and child.wait(30) == 0


def stands_still(pid: int) -> bool:
    """Whether each thread of a process is stopped."""
    try:
        states = [stat.read_text().rsplit(")", 1)[1].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:
        return False
    return set(states) == {"T"}


def test_a_core_that_hangs_feeds_no_watchdog(manager: ServiceManager) -> None:
    child = manager.start(environment={"WATCHDOG_USEC": "100000"})
    os.kill(child.pid, 19)
    assert until(lambda: stands_still(child.pid))
    manager.forget()
    assert not manager.hears("WATCHDOG=1", 0.5)
    os.kill(child.pid, 18)
    assert manager.hears("WATCHDOG=1")


def test_an_abstract_address_and_a_watchdog_of_another(manager: ServiceManager) -> None:
    name = f"tessera-test-{os.getpid()}"
    word = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    word.bind(b"\0" + name.encode())
    word.settimeout(30)
    manager.launch(environment={"NOTIFY_SOCKET": "@" + name, "WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"})
    assert word.recv(4_096).startswith(b"READY=1\n")
    word.settimeout(0.3)
    with pytest.raises(TimeoutError):
        word.recv(4_096)
    word.close()


@pytest.mark.parametrize("path", ["", "/nonexistent/notify", "vsock:2:1", "x" * 300, "/" + "x" * 300])
def test_a_manager_that_does_not_listen_changes_nothing(path: str, serve: Callable[..., Server]) -> None:
    core = serve(environment={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "nonsense", "LISTEN_FDS": "1", "LISTEN_PID": "1"})
    assert core.core().create("somebody").ok


@pytest.mark.parametrize(("config", "words"), [
    ("port: 4000", "'port' is not that of the socket"), ("host: 127.0.0.9\nport: 1", "the configuration has 2 errors"),
    ("host: 10.0.0.1", "disable tessera.socket")])
def test_an_address_that_is_not_the_sockets_is_refused(config: str, words: str) -> None:
    if "127.0.0.9" in config:
        words = "'port' is not that of the socket"
    with ServiceManager(config=config) as manager:
        child = manager.launch()
        assert child.wait(30) == 1 and words in child.output, child.output


@pytest.mark.parametrize("config", ["host: localhost", "port: 0", "host: '::1'"])
def test_an_address_that_is_the_sockets_may_be_said(config: str) -> None:
    with ServiceManager(config=config) as manager:
        manager.start()
        assert Core(manager.port).create("somebody").ok


def test_a_socket_that_others_reach_needs_a_key() -> None:
    """What the socket says counts as if the configuration had said it."""
    with ServiceManager("0.0.0.0") as manager:
        child = manager.launch()
        assert child.wait(30) == 1 and "Without an API key" in child.output, child.output
    with ServiceManager("0.0.0.0", "api_keys: a-key-for-the-upgrade-test") as manager:
        manager.start()
        assert Core(manager.port, headers={"api-key": "a-key-for-the-upgrade-test"}).create("somebody").ok


def test_what_is_no_socket_of_one_core_is_refused(manager: ServiceManager, tmp_path: Path) -> None:
    second = socket.create_server((HOST, 0))
    child = manager.launch(manager.listener.fileno(), second.fileno())
    assert child.wait(30) == 1 and "2 sockets" in child.output
    bound = socket.socket()
    bound.bind((HOST, 0))
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(tmp_path / "local"))
    local.listen()
    with (tmp_path / "file").open("w") as file:
        for wrong in (bound.fileno(), local.fileno(), file.fileno()):
            child = manager.launch(wrong)
            assert child.wait(30) == 1 and "no listening socket of TCP" in child.output, child.output
    for each in (second, bound, local):
        each.close()


def test_what_the_core_starts_gets_neither_socket(manager: ServiceManager) -> None:
    """The command for a key sees no descriptor 3 and no variable of the service manager."""
    seen = manager.path / "seen"
    manager._config.write_text(
        manager._config.read_text() + "key_encryption_key_command: '{ env; ls -l /proc/self/fd; } > "
        f"{seen}; printf %064d 7'\n")
    manager.start(environment={"WATCHDOG_USEC": "60000000"})
    text = seen.read_text()
    assert "PATH=" in text and not [name for name in ("LISTEN_", "NOTIFY_SOCKET", "WATCHDOG_") if name in text]
    assert "socket:" not in text


def test_health_is_asked_without_curl(machine: Machine, serve: Callable[..., Server]) -> None:
    """`tessera health`, by which a container's health is judged: the process, and with --ready its storage too."""
    core = serve("")
    config = ["--config", str(core._config), "--port", str(core.port)]
    for arguments, word in ([], "live\n"), (["--ready"], "ready\n"):
        done = machine.run("health", *config, *arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, word, ""), done
    core.data.rename(core.data.with_name("elsewhere"))
    assert until(lambda: machine.run("health", "--ready", *config).returncode == 1)
    done = machine.run("health", "--ready", *config)
    assert "/health/ready" in done.stderr and "503" in done.stderr
    assert machine.run("health", *config).returncode == 0, "the process is well"
    core.stop()
    done = machine.run("health", *config)
    assert done.returncode == 1 and "no core answers" in done.stderr
