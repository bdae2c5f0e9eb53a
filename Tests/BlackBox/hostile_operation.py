"""Hostile surroundings: a second server, open networks, wrong keys, wrong configuration."""

from __future__ import annotations

import stat
import time
from pathlib import Path

from harness import HOST, Checks, Child, Server, free_port

KEY = "hostile-test-key-0123456789"
OTHER_KEY = "another-test-key-0123456789"
END_SECONDS = 15.0


class Starts:
    """Starts that must not succeed, and what they say."""

    def __init__(self, checks: Checks, server: Server) -> None:
        """Prepares the checks beside a running server."""
        self._checks = checks
        self._server = server

    def run(self) -> None:
        """Runs the checks."""
        if self._server.database is None:
            second = Server(self._server.data)
            self._fails("a second server on the same folder", second, second.launch(), "folder",
                        str(self._server.data))
        self._checks.equal("the first server still answers", self._server.core().get("/hello").status, 200)
        self._port_in_use()
        away = Server()
        self._fails("0.0.0.0 without API keys", away, away.launch("0.0.0.0"), "api_keys", "127.0.0.1")
        for name, config, *words in (
                ("a short API key", "api_keys: short\n", "too short", "20"),
                ("an API key with odd characters", f"api_keys: '{KEY}!'\n", "Invalid characters"),
                ("a validity of zero", "access_token_validity: 0\n", "access_token_validity"),
                ("a validity that is no number", "access_token_validity: long\n", "access_token_validity"),
                ("a configuration that is no YAML", "a: [\n", "config.yaml"),
                ("a configuration that is a list", "- a\n- b\n", "config.yaml")):
            server = Server(config=config)
            self._fails(name, server, server.launch(), *words)
        self._missing_file()

    def _fails(self, name: str, server: Server, child: Child, *words: str) -> None:
        code = child.wait(END_SECONDS)
        output = child.output
        self._checks.check(f"{name}: exits non-zero", code > 0, f"exit {code}: {output}")
        for word in words:
            self._checks.check(f"{name}: says '{word}'", word.lower() in output.lower(), output)
        self._checks.check(f"{name}: no crash report", "fatal error" not in output.lower() and code < 128, output)

    def _port_in_use(self) -> None:
        server = Server()
        server.port = self._server.port
        child = Child(server.arguments())
        self._fails("a port in use", server, child, str(self._server.port), "in use")

    def _missing_file(self) -> None:
        server = Server(config="")
        server.port = free_port()
        arguments = server.arguments()
        child = Child(arguments[:-1] + [arguments[-1] + ".missing"])
        self._fails("a missing configuration file", server, child, ".missing")


class Keys:
    """API keys guard everything that needs guarding."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks on a server with two keys."""
        with Server(config=f"api_keys: {KEY}, {OTHER_KEY}\n") as server:
            self._refusals(server)
            for name, headers in (("api-key", {"api-key": KEY}), ("the second key", {"api-key": OTHER_KEY}),
                                  ("Authorization", {"authorization": KEY}),
                                  ("Bearer", {"authorization": f"bearer {KEY}"})):
                self._checks.check(f"{name} opens", server.core(headers=headers).create("keyed").ok)
            for path in ("/hello", "/.well-known/jwks.json"):
                self._checks.equal(f"{path} needs no key", server.core().get(path).status, 200)
            self._checks.equal("/apiversion needs a key", server.core().get("/apiversion").status, 401)
            self._checks.equal("an unknown path is 404 without a key", server.core().get("/nothing").status, 404)
            self._checks.equal("a wrong key beats a wrong version",
                               server.core("9.9", {"api-key": "x"}).create("keyed").status, 401)
            self._side_doors(server)
            self._checks.check("no key is ever printed", KEY not in server.output, server.output)

    def _refusals(self, server: Server) -> None:
        for name, headers in (("no key", {}), ("a wrong key", {"api-key": "x" * 27}), ("an empty key", {"api-key": ""}),
                              ("a longer key", {"api-key": KEY + "0"}), ("a shorter key", {"api-key": KEY[:-1]}),
                              ("both keys at once", {"api-key": f"{KEY},{OTHER_KEY}"}),
                              ("Basic", {"authorization": f"Basic {KEY}"}),
                              ("a wrong key beside a right one", {"api-key": "x", "authorization": KEY})):
            reply = server.core(headers=headers).create("unkeyed")
            self._checks.equal(f"{name} is refused", (reply.status, reply.text), (401, "Invalid API key\n"))
            self._checks.check(f"{name}: as text", reply.headers.get("content-type", "").startswith("text/html"))

    def _side_doors(self, server: Server) -> None:
        """Tries other spellings of guarded paths."""
        for path in ("/RECIPE/Session/user", "/recipe/session/user/", "//recipe/session/user", "/recipe//session/user",
                     "/%72ecipe/session/user", "/recipe%2fsession/user", "/public/recipe/session/user",
                     "/appid-public/public/recipe/session/user", "/nowhere/recipe/session/user",
                     "/appid-x/y/recipe/session/user", "/hello/../recipe/session/user", "/./recipe/session/user",
                     "/.well-known/jwks.json/../../recipe/session/user", f"http://{HOST}/recipe/session/user",
                     "/session/user", "/SESSION/USER"):
            for cdi in (None, "5.4"):
                status = server.core(cdi).get(path, userId="keyed").status
                self._checks.check(f"{path} at {cdi} stays shut", status in (400, 401, 404), status)


class Runs:
    """Ordinary starts and ends."""

    def __init__(self, checks: Checks) -> None:
        """Prepares the checks."""
        self._checks = checks

    def run(self) -> None:
        """Runs the checks."""
        with Server(config="acess_token_validity: 100\nlog_level: INFO\n") as server:
            self._checks.check("an unknown configuration key is reported", server.says("acess_token_validity"),
                               server.output)
            idle = server.core()
            kept = idle.create("keeper", {}, {"kept": True}).json
            if server.database is None:
                self._checks.check("the data folder is private", self._private(server.data), self._modes(server.data))
            begun = time.monotonic()
            self._checks.equal("SIGTERM exits 0 beside an idle client", server.stop(), 0)
            self._checks.check("SIGTERM takes less than 10 s", time.monotonic() - begun < 10)
            idle.close()
            server.start()
            read = server.core().information(kept["session"]["handle"])
            self._checks.equal("what was there is there again", read.json.get("userDataInDatabase"), {"kept": True})
            self._checks.check("old tokens verify again", server.core().verify(kept["accessToken"]["token"], True).ok)

    def _modes(self, folder: Path) -> dict[str, str]:
        return {str(path): stat.filemode(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}

    def _private(self, folder: Path) -> bool:
        return all(not path.stat().st_mode & 0o077 for path in [folder, *folder.rglob("*")])
