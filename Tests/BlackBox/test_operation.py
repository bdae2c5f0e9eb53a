"""A core as an operator runs it: wrong configurations, start, stop and list, address filters, base path, logs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from harness import HOST, Core, Server, free_port, until
from machine import Machine

KEY = "operation-test-key-0123456789"
NOTHING = "No SuperTokens instances running.\n"
ZERO = "line 1: 'access_token_validity' must be between 1 and 86400000 seconds inclusive. It is \"0\"."


# All texts are those of CoreConfigurationTests, AccessConfigurationTests and RotationConfigurationTests.
@pytest.mark.parametrize(("config", "environment", "text"), [
    ("access_token_validity: 0\n", {}, ZERO),
    ("refresh_token_silence: 1.5\n", {}, "'refresh_token_silence' has to be a whole number."),
    ("refresh_token_succession: x\n", {},
     "'refresh_token_succession' must be either \"DETERMINISTIC\" or \"RANDOM\"."),
    ("", {"IP_DENY_REGEX": "["}, "Provided regular expression is invalid for ip_deny_regex config"),
    ("", {"TESSERA_REFRESH_TOKEN_SILENCE": "601"},
     "'refresh_token_silence' must be between 0 and 600 seconds inclusive."),
    ("", {"MYSQL_CONNECTION_URI": "mysql://x"}, "'MYSQL_CONNECTION_URI' asks for MySQL"),
    ("", {"POSTGRESQL_PASSWORD": "secret"}, "'postgresql_user' and 'postgresql_connection_uri' are not set."),
], ids=lambda value: str(value)[:40])
def test_a_wrong_value_ends_the_start_with_its_text(machine: Machine, config: str, environment: dict[str, str],
                                                    text: str) -> None:
    done = machine.run("serve", "--port", "0", "--data-dir", str(machine.path / "refused"), "--config",
                       str(machine.config(config)), **environment)
    assert done.returncode == 1 and text in done.stderr


def test_a_start_in_the_background_tells_it_too(machine: Machine) -> None:
    config = machine.config("access_token_validity: 0\n")
    done = machine.run("start", f"--with-config={config}")
    assert done.returncode == 1 and ZERO in done.stderr and not machine.started


def stopped(pid: int, port: int) -> str:
    """What is said of a core that was stopped."""
    return f"Successfully stopped SuperTokens with PID {pid}, running on {HOST}:{port}\n"


def test_cores_are_started_listed_and_stopped(machine: Machine) -> None:
    assert machine.run("list").stdout == NOTHING
    assert machine.run("stop").stdout == "No SuperTokens instances are running.\n"
    config = machine.config("core_config_version: 0\nbase_path: /some/base/\n")
    one, port = machine.start("one", f"--with-config={config}", "--with-space=200", "--no-in-mem-db",
                              "--with-temp-dir=/tmp")
    assert [(p.name, p.read_text()) for p in machine.started] == [(f"{HOST}-{port}", f"{one}\n/some/base")]
    assert Core(port).get("/some/base/hello").status == 200, "it answers below its base path"
    assert Core(port).get("/hello").status == 404, "and nowhere else"
    two, second = machine.start("two")
    listed = (f"-> Instance PID: {one}, address: {HOST}:{port}, config file loaded: {config}",
              f"-> Instance PID: {two}, address: {HOST}:{second}, config file loaded: none")
    assert sorted(machine.run("list").stdout.splitlines()) == sorted(listed)
    again = machine.run("start", f"--port={port}", "--host", HOST, "--data-dir", str(machine.path / "three"))
    assert again.returncode == 1 and "in use" in again.stderr.lower()
    unknown = machine.run("stop", "--id=1")
    assert (unknown.stdout, unknown.returncode) == ("Unknown PID: 1\n", 1)
    assert machine.run("stop", f"--id={one}").stdout == stopped(one, port)
    assert machine.run("list").stdout == listed[1] + "\n", "the other is left"
    loose = [str(path) for path in machine.path.rglob("*") if path.name not in ("config.yaml", "state")
             and path.parent.name != "state" and path.lstat().st_mode & 0o077]
    assert not loose, "files of cores are private"


def test_a_core_that_was_killed_is_not_listed(machine: Machine) -> None:
    pid, port = machine.start("killed")
    os.kill(pid, signal.SIGKILL)
    status = Path(f"/proc/{pid}/stat")
    assert until(lambda: not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z")
    assert [p.name for p in machine.started] == [f"{HOST}-{port}"], "kill -9 leaves the file"
    assert machine.run("list").stdout == NOTHING and machine.started == []


def test_a_process_id_that_was_used_again_is_no_core(machine: Machine) -> None:
    """The process id of a stranger is in the files of no core and of another core."""
    pid, port = machine.start("one")
    stranger = subprocess.Popen(["sleep", "60"])
    folder = machine.path / "state" / ".started"
    for name in (f"{HOST}-{free_port()}", f"localhost-{port}"):
        (folder / name).write_text(f"{stranger.pid}\n")
    listed = machine.run("list").stdout
    assert str(pid) in listed and len(listed.splitlines()) == 1
    assert [p.name for p in machine.started] == [f"{HOST}-{port}"], "the stranger's files are gone"
    assert machine.run("stop").stdout == stopped(pid, port) and machine.started == []
    assert stranger.poll() is None, "a stranger is not stopped"
    stranger.kill()
    stranger.wait()


def test_addresses_that_may_not_ask(serve: Callable[..., Server]) -> None:
    denied = Server(config="ip_deny_regex: '127[.]0[.]0[.]1'\n")
    denied.launch()
    assert denied.says("Started SuperTokens")
    for method, path in (("GET", "/hello"), ("POST", "/recipe/session"), ("DELETE", "/config?pid=1")):
        reply = Core(denied.port).send(method, path, b"{}" if method == "POST" else None)
        assert (reply.status, reply.headers.get("content-type")) == (403, "text/html;charset=utf-8")
    assert denied.stop() == 0, "it stops all the same"
    assert serve("ip_allow_regex: '127[.]0[.]0[.]1|::1'\n").core().get("/hello").status == 200


def use(server: Server) -> list[str]:
    core = server.core(headers={"api-key": KEY})
    made = core.create("somebody@example.com", {}, {"private": "private-data"}).json
    core.handles("somebody@example.com")
    child = core.refresh(made["refreshToken"]["token"]).json
    core.verify(child["accessToken"]["token"])
    core.verify("not-a-token-but-secret")
    core.refresh("not-a-refresh-token-but-secret")
    tokens = [reply[name]["token"] for reply in (made, child) for name in ("accessToken", "refreshToken")]
    return [*tokens, *(token[:40] for token in tokens if not token.startswith("ey")), "not-a-", "somebody",
            "private-data"]


def test_logs_have_requests_and_no_secrets(machine: Machine, serve: Callable[..., Server]) -> None:
    info, errors = machine.path / "i.log", machine.path / "e.log"
    server = serve(f"log_level: DEBUG\ninfo_log_path: {info}\nerror_log_path: {errors}\napi_keys: {KEY}\n")
    secrets = use(server) + [KEY]
    assert until(lambda: "| API called: /recipe/session/user. Method: GET. Version: 5.4 app=public " in info.read_text())
    assert until(lambda: "API called: /recipe/session. Method: POST. Version: 5.4 app=public " in info.read_text())
    everything = info.read_text() + errors.read_text() + server.output
    assert not [secret for secret in secrets if secret in everything]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (info, errors)] == [0o600] * 2
    info.rename(machine.path / "i.log.1")
    os.kill(server.pid, signal.SIGHUP)
    assert until(lambda: server.core().get("/hello") and info.exists() and "API called: /hello" in info.read_text()), (
        f"SIGHUP opens a new file: {server.output}")


def test_a_log_that_cannot_be_written_is_told(serve: Callable[..., Server]) -> None:
    server = serve("info_log_path: /nowhere/i.log\nerror_log_path: /dev/full\n")
    assert server.says("/nowhere/i.log"), server.output
    assert server.core().create("u").ok


def test_logs_for_machines(machine: Machine) -> None:
    pid, port = machine.start("json", LOG_LEVEL="DEBUG", USE_STRUCTURED_LOGGING="true")
    Core(port).get("/hello")
    log = machine.path / "json" / "logs" / "info.log"
    said = "API called: /hello. Method: GET. Version: 5.4"
    assert until(lambda: f"{said}\"" in log.read_text())
    assert said in [json.loads(line)["message"] for line in log.read_text().rpartition("\n")[0].splitlines()]
    assert machine.run("stop", f"--id={pid}").returncode == 0
