#!/usr/bin/env python3
"""Runs a core as an operator does: wrong configurations, start, stop and list, address filters, base path, logs."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

from harness import HOST, Checks, Core, Server, TemporaryFolder, binary, exit_on_signals, free_port
from operation_audit import Trail

KEY = "operation-test-key-0123456789"
SECRET = "operation-test-secret-0123456789-0123456789"
WAIT_SECONDS = 10.0
REFUSALS = [
    ("core_config_version: -1\n", {}, "'core_config_version' is not set in the config.yaml file. "
     "Please redownload and install SuperTokens"),
    ("access_token_validity: 0\n", {},
     "'access_token_validity' must be between 1 and 86400000 seconds inclusive. The config file can be found here: /"),
    ("access_token_validity: 1h\n", {}, "'access_token_validity' must be of type long"),
    ("refresh_token_validity: 60\n", {}, "'refresh_token_validity' must be strictly greater than "
     "'access_token_validity'. The config file can be found here: /"),
    ("access_token_signing_key_update_interval: 0.5\n", {},
     "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour. "),
    ("max_server_pool_size: 0\n", {}, "'max_server_pool_size' must be >= 1. The config file"),
    ("base_path: a b\n", {}, "Invalid characters in base_path config"),
    ("log_level: LOUD\n", {},
     "'log_level' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\"."),
    ("ip_allow_regex: '*'\n", {}, "Provided regular expression is invalid for ip_allow_regex config"),
    ("", {"IP_DENY_REGEX": "["}, "Provided regular expression is invalid for ip_deny_regex config"),
    (f"supertokens_saas_secret: {SECRET}\n", {},
     "supertokens_saas_secret can only be used when api_key is also defined"),
    ("supertokens_max_cdi_version: abc\n", {}, "supertokens_max_cdi_version is not a valid semantic version"),
    ("", {"SUPERTOKENS_MIN_CDI_VERSION": "9.9"}, "supertokens_min_cdi_version is not a supported version"),
    ("refresh_token_rotation_grace_period: 301\n", {},
     "'refresh_token_rotation_grace_period' must be between 0 and 300 seconds inclusive. The config file"),
    ("access_token_validity_jitter: 1\n", {},
     "'access_token_validity_jitter' must be between 0 and 0.25 inclusive. The config file"),
    ("recent_token_reuse_behaviour: x\n", {}, "recent_token_reuse_behaviour property is not set correctly. "
     "It must be one of [TOKEN_THEFT, UNAUTHORISED]"),
    ("refresh_token_sharing_window: 120.5\n", {},
     "'refresh_token_sharing_window' must be between 0 and 120 seconds inclusive. The config file"),
    ("", {"TESSERA_RSA_PROVIDER": "libressl"}, "'rsa_provider' must be \"automatic\", \"boringssl\" or \"openssl\"."),
    ("", {"TESSERA_REFRESH_TOKEN_SHARING_WINDOW": "-1"},
     "'refresh_token_sharing_window' must be between 0 and 120 seconds inclusive."),
    ("refresh_token_shared_jitter: 0.6\n", {},
     "'refresh_token_shared_jitter' must be between 0 and 0.5 inclusive. The config file"),
    ("", {"TESSERA_REFRESH_TOKEN_SILENCE": "601"},
     "'refresh_token_silence' must be between 0 and 600 seconds inclusive."),
    ("refresh_token_silence: 1.5\n", {}, "'refresh_token_silence' must be of type int"),
    ("refresh_token_succession: x\n", {},
     "'refresh_token_succession' must be either \"DETERMINISTIC\" or \"RANDOM\". The config file"),
    ("after_restore: x\n", {}, "'after_restore' must be either \"ADOPT\" or \"SIGN_OUT\". The config file"),
    ("", {"MYSQL_CONNECTION_URI": "mysql://x"}, "'MYSQL_CONNECTION_URI' asks for MySQL"),
    ("", {"POSTGRESQL_CONNECTION_URI": "jdbc:x"}, "The provided postgresql connection URI has an incorrect format."),
    ("", {"POSTGRESQL_PASSWORD": "secret"}, "'postgresql_user' and 'postgresql_connection_uri' are not set."),
    (f"test_mode: true\nhost: 0.0.0.0\napi_keys: {KEY}\n", {}, "'test_mode' lifts limits"),
]


class Machine:
    """A folder of its own for configuration, data and word of running cores, with the `tessera` command."""

    def __init__(self) -> None:
        """Makes the folder."""
        self._folder = TemporaryFolder("tessera-operation-")
        self.path = self._folder.path

    @property
    def started(self) -> list[Path]:
        """The files by which cores are found."""
        folder = self.path / "state" / ".started"
        return sorted(folder.iterdir()) if folder.is_dir() else []

    def config(self, text: str) -> Path:
        """Writes a configuration file."""
        path = self.path / "config.yaml"
        path.write_text(text)
        return path

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            [str(binary()), *arguments], capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL,
            env={**os.environ, "TESSERA_STATE_DIR": str(self.path / "state"), **environment})

    def start(self, name: str, *arguments: str, **environment: str) -> tuple[int, int]:
        """Starts a core in the background and gives its process id and its port."""
        done = self.run("start", "--port", "0", "--host", HOST, "--data-dir", str(self.path / name), *arguments,
                        **environment)
        words = done.stdout.split()
        if done.returncode != 0 or len(words) != 7:
            raise RuntimeError(f"start: {done.returncode} {done.stdout!r} {done.stderr!r}")
        return int(words[6]), int(words[3].rsplit(":", 1)[1])

    def close(self) -> None:
        """Ends what still runs."""
        for path in self.started:
            try:
                os.kill(int(path.read_text().splitlines()[0]), signal.SIGKILL)
            except (OSError, ValueError, IndexError):
                pass
        self._folder.remove()


class Refusals:
    """Every wrong value ends the start with its text, in the foreground and in the background."""

    def __init__(self, checks: Checks, machine: Machine) -> None:
        """Prepares the checks."""
        self._checks, self._machine = checks, machine

    def run(self) -> None:
        """Runs the checks."""
        for config, environment, text in REFUSALS:
            path = self._machine.config(config)
            done = self._machine.run("serve", "--port", "0", "--data-dir", str(self._machine.path / "refused"),
                                     "--config", str(path), **environment)
            name = (config.strip() or str(environment)).replace("\n", ", ")
            self._checks.check(f"{name}: exit 1 and its text", done.returncode == 1 and text in done.stderr,
                               f"{done.returncode} {done.stderr}")
        path = self._machine.config("access_token_validity: 0\n")
        done = self._machine.run("start", "--with-config=" + str(path))
        self._checks.check("start tells it too", done.returncode == 1 and REFUSALS[1][2] in done.stderr, done)
        self._checks.check("nothing was left", not self._machine.started, self._machine.started)


class LifeCycle:
    """Start, list, stop; two cores; a core that was killed; a process id that was used again."""

    def __init__(self, checks: Checks, machine: Machine) -> None:
        """Prepares the checks."""
        self._checks, self._machine = checks, machine

    def run(self) -> None:
        """Runs the checks."""
        equal, machine = self._checks.equal, self._machine
        equal("nothing to list", machine.run("list").stdout, "No SuperTokens instances running.\n")
        equal("nothing to stop", machine.run("stop").stdout, "No SuperTokens instances are running.\n")
        config = machine.config("core_config_version: 0\nbase_path: /some/base/\n")
        one, port = machine.start("one", f"--with-config={config}", "--with-space=200", "--no-in-mem-db",
                                  "--with-temp-dir=/tmp")
        equal("the file of the core", [(p.name, p.read_text()) for p in machine.started],
              [(f"{HOST}-{port}", f"{one}\n/some/base")])
        equal("it answers below its base path", Core(port).get("/some/base/hello").status, 200)
        equal("and nowhere else", Core(port).get("/hello").status, 404)
        two, second = machine.start("two")
        listed = (f"-> Instance PID: {one}, address: {HOST}:{port}, config file loaded: {config}",
                  f"-> Instance PID: {two}, address: {HOST}:{second}, config file loaded: none")
        equal("both are listed", sorted(machine.run("list").stdout.splitlines()), sorted(listed))
        self._not_started(port)
        unknown = machine.run("stop", "--id=1")
        equal("an unknown process id", (unknown.stdout, unknown.returncode), ("Unknown PID: 1\n", 1))
        equal("one is stopped", machine.run("stop", f"--id={one}").stdout, self._stopped(one, port))
        equal("the other is left", machine.run("list").stdout, listed[1] + "\n")
        self._killed(two, second)
        three, third = machine.start("two")
        self._used_again(third, three)
        equal("all are stopped", machine.run("stop").stdout, self._stopped(three, third))
        equal("nothing is left", machine.started, [])
        self._private()

    def _stopped(self, pid: int, port: int) -> str:
        return f"Successfully stopped SuperTokens with PID {pid}, running on {HOST}:{port}\n"

    def _not_started(self, port: int) -> None:
        done = self._machine.run("start", f"--port={port}", "--host", HOST, "--data-dir",
                                 str(self._machine.path / "three"))
        self._checks.check("a port in use: start says so", done.returncode == 1 and "in use" in done.stderr.lower(), done)

    def _killed(self, pid: int, port: int) -> None:
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline and Path(f"/proc/{pid}/stat").exists():
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                break
            time.sleep(0.02)
        self._checks.equal("kill -9 leaves the file", [p.name for p in self._machine.started], [f"{HOST}-{port}"])
        self._checks.equal("a dead core is not listed", self._machine.run("list").stdout,
                           "No SuperTokens instances running.\n")
        self._checks.equal("its file is gone", self._machine.started, [])

    def _used_again(self, port: int, core: int) -> None:
        """Puts the process id of a stranger into the files of no core and of another core."""
        stranger = subprocess.Popen(["sleep", "60"])
        folder = self._machine.path / "state" / ".started"
        (folder / f"{HOST}-{free_port()}").write_text(f"{stranger.pid}\n")
        (folder / f"localhost-{port}").write_text(f"{stranger.pid}\n")
        listed = self._machine.run("list").stdout
        self._checks.check("a stranger is not listed", str(core) in listed and len(listed.splitlines()) == 1, listed)
        self._checks.check("a stranger is not stopped", stranger.poll() is None)
        self._checks.equal("the stranger's files are gone", [p.name for p in self._machine.started], [f"{HOST}-{port}"])
        stranger.kill()
        stranger.wait()

    def _private(self) -> None:
        loose = [str(path) for path in self._machine.path.rglob("*") if path.name != "config.yaml"
                 and path.parent.name not in ("state",) and path.name != "state" and path.lstat().st_mode & 0o077]
        self._checks.check("files of cores are private", not loose, loose)


class Filter:
    """Addresses that may not ask."""

    def __init__(self, checks: Checks, machine: Machine) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        server = Server(config="ip_deny_regex: '127[.]0[.]0[.]1'\n")
        server.launch()
        self._until(server, "Started SuperTokens")
        for method, path in (("GET", "/hello"), ("POST", "/recipe/session"), ("GET", "/nothing"),
                             ("GET", "/.well-known/jwks.json"), ("DELETE", "/config?pid=1")):
            reply = Core(server.port).send(method, path, b"{}" if method == "POST" else None)
            self._checks.equal(f"{method} {path} is denied", (reply.status, reply.headers.get("content-type")),
                               (403, "text/html;charset=utf-8"))
        self._checks.equal("it stops all the same", server.stop(), 0)
        with Server(config="ip_allow_regex: '127[.]0[.]0[.]1|::1'\n") as allowed:
            self._checks.equal("an allowed address is served", allowed.core().get("/hello").status, 200)

    def _until(self, server: Server, text: str) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while text not in server.output and time.monotonic() < deadline:
            time.sleep(0.02)


class Logs:
    """What is in the logs, and what is not."""

    def __init__(self, checks: Checks, machine: Machine) -> None:
        """Prepares the checks."""
        self._checks, self._machine = checks, machine

    def run(self) -> None:
        """Runs the checks."""
        folder = self._machine.path
        info, errors = folder / "i.log", folder / "e.log"
        config = f"log_level: DEBUG\ninfo_log_path: {info}\nerror_log_path: {errors}\napi_keys: {KEY}\n"
        with Server(config=config) as server:
            secrets = self._use(server) + [KEY]
            self._checks.check("the log has requests", "| API called: /recipe/session/user. Method: GET. Version: 5.4\n\n"
                               in info.read_text(), info.read_text()[-500:])
            self._checks.check("their end", "API ended: /recipe/session. Method: POST\n\n" in info.read_text())
            everything = info.read_text() + errors.read_text() + server.output
            self._checks.check("no secret and no user is in it", not [s for s in secrets if s in everything],
                               [s for s in secrets if s in everything])
            for path in (info, errors):
                self._checks.equal(f"{path.name} is private", stat.S_IMODE(path.stat().st_mode), 0o600)
            info.rename(folder / "i.log.1")
            os.kill(server.pid, signal.SIGHUP)
            self._rotated(server, info)
        self._unwritable()
        self._structured()

    def _use(self, server: Server) -> list[str]:
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

    def _rotated(self, server: Server, path: Path) -> None:
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            server.core().get("/hello")
            if path.exists() and "API called: /hello" in path.read_text():
                break
            time.sleep(0.02)
        self._checks.check("SIGHUP opens a new file", path.exists() and server.alive, server.output)

    def _unwritable(self) -> None:
        with Server(config="info_log_path: /nowhere/i.log\nerror_log_path: /dev/full\n") as server:
            self._checks.check("a log file that cannot be opened is reported", server.says("/nowhere/i.log"),
                               server.output)
            self._checks.check("and nothing else happens", server.core().create("u").ok)

    def _structured(self) -> None:
        pid, port = self._machine.start("json", LOG_LEVEL="DEBUG", USE_STRUCTURED_LOGGING="true")
        Core(port).get("/hello")
        lines = (self._machine.path / "json" / "logs" / "info.log").read_text().splitlines()
        events = [json.loads(line) for line in lines]
        self._checks.check("structured lines", any(event["message"] == "API called: /hello. Method: GET. Version: 5.4"
                                                   for event in events), lines[-3:])
        self._checks.equal("it stops", self._machine.run("stop", f"--id={pid}").returncode, 0)


def main() -> int:
    """Runs all checks, each on a machine of its own."""
    exit_on_signals()
    checks = Checks()
    for part in (Refusals, LifeCycle, Filter, Logs, Trail):
        machine = Machine()
        checks.run(part.__name__, part(checks, machine).run)
        machine.close()
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
