#!/usr/bin/env python3
"""Drives unmodified, published releases of the SuperTokens SDK against the server.

Each release is installed, at the versions of its requirements-drivers-*.txt, into a virtual environment of its own that
git ignores. The application is drivers_app.py; this script is its users: it speaks HTTP to the application only.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from drivers_browser import API_KEY, Application, SteadyServer
from drivers_features import Claims, Expiry, Keys, Restart
from drivers_places import Apps, Generations, Tenants
from drivers_releases import RELEASES, Feature, Release
from drivers_rotation import RandomRotation, StrictRotation
from drivers_scenario import ESSENCE, ORDINARY, Guarded, Scenario
from drivers_silence import Hours, Silence, check_silence
from harness import HOST, Checks, Server, TemporaryFolder, exit_on_signals

SHORT_SECONDS = 8
KEYS = f"api_keys: {API_KEY}\n"
STRICT = KEYS + "refresh_token_sharing_window: 0\nrefresh_token_silence: 0\n"
AS_SUPERTOKENS = KEYS + "refresh_token_succession: RANDOM\nrevoke_session_on_token_theft: false\n"


def address(server: Server) -> str:
    """The connection URI of a server."""
    return f"http://{HOST}:{server.port}"


class Drive:
    """All that is done with one release."""

    def __init__(self, checks: Checks, dice: random.Random, release: Release, python: Path) -> None:
        """Prepares the checks of a release."""
        self.checks = checks
        self.dice = dice
        self.release = release
        self.python = python
        self.applications: list[Application] = []

    def run(self) -> None:
        """Starts the cores and the applications and runs every check."""
        self.checks.equal(f"[{self.release.version}] the SDK is as it was published", self.release.altered(), [])
        short = KEYS + f"access_token_validity: {SHORT_SECONDS}\n"
        if not self.release.has(Feature.KEY_KIND):  # an old driver leaves the choice to the core
            short += "access_token_signing_key_dynamic: false\n"
        core, short_core = SteadyServer(config=KEYS), SteadyServer(config=short)
        with core, short_core:
            names = {"plain": (), "guarded": ("--anti-csrf", "VIA_TOKEN", "--note-theft")}
            if self.release.has(Feature.KEY_KIND):
                names["static"] = ("--static-keys",)
            found = {name: self.start(core, *options) for name, options in names.items()}
            brief = self.start(short_core)
            for application in self.applications:
                application.ready()
            self.check_cores(core, found, brief)
            if self.checks.failed:
                print("--- the applications said", *(each.child.output[-3000:] for each in self.applications), sep="\n")
            for name, server in (("core", core), ("short-lived core", short_core)):
                self.checks.check(f"[{self.release.version}] the {name} is alive and ends with 0",
                                  server.alive and server.stop() == 0, server.output[-2000:])
        for application in self.applications:
            application.child.kill()

    def start(self, core: Server, *options: str, path: str = "") -> Application:
        """Starts an application of this release."""
        self.applications.append(Application(self.release, self.python, address(core) + path, *options))
        return self.applications[-1]

    def check_cores(self, core: SteadyServer, found: dict[str, Application], brief: Application) -> None:
        """Runs every check against running cores and applications."""
        expiries = [Expiry(self.checks, self.dice, brief, mode, f"expiry, {mode}") for mode in self.release.modes]
        for expiry in expiries:
            expiry.run("sign_in")
        for mode in self.release.modes:
            Scenario(self.checks, self.dice, found["plain"], mode, mode).run(*ORDINARY)
        self.check_features(core, found)
        self.check_anti_csrf(found["guarded"])
        for mode in self.release.modes:
            Restart(self.checks, self.dice, found["plain"], mode, core).run("restart")
        for expiry in expiries:
            expiry.run("expired")

    def check_anti_csrf(self, guarded: Application) -> None:
        """Runs the checks with anti-CSRF tokens."""
        cookies = Guarded(self.checks, self.dice, guarded, "cookie", "VIA_TOKEN, cookie")
        cookies.run("anti_csrf", *ORDINARY)
        if self.release.has(Feature.HEADER):
            headers = Guarded(self.checks, self.dice, guarded, "header", "VIA_TOKEN, header")
            headers.run("no_anti_csrf", "refresh", "theft")

    def check_features(self, core: SteadyServer, found: dict[str, Application]) -> None:
        """Runs the checks of what not every release has."""
        plain = found["plain"]
        for mode in self.release.modes:
            if self.release.has(Feature.CLAIMS):
                claims = Claims(self.checks, self.dice, plain, mode, mode)
                claims.run("claims", "claims_by_handle", "protected")
            if self.release.has(Feature.KEY_KIND):
                Keys(self.checks, self.dice, found["static"], plain, mode).run("static_keys", "other_kind")
        if self.release.has(Feature.DIRECT):
            Claims(self.checks, self.dice, plain, "header", "functions").run("direct", "keys", "tokens")
        self.checks.run(f"[{self.release.version}] tenants and apps", lambda: self.check_places(core, plain))
        self.checks.run(f"[{self.release.version}] theft at once", self.check_strict)
        self.checks.run(f"[{self.release.version}] as SuperTokens' core", self.check_as_supertokens)
        if not self.release.has(Feature.CHECK):
            self.checks.run(f"[{self.release.version}] blacklisting", self.check_blacklisting)

    def check_places(self, core: SteadyServer, plain: Application) -> None:
        """Runs the checks of tenants and of an application that has an app of the core for itself."""
        inside = self.start(core, path=f"/appid-{self.make_app(core)}").ready()
        for mode in self.release.modes:
            Apps(self.checks, self.dice, inside, plain, mode).run("apart")
            if self.release.has(Feature.TENANTS):
                for name, application in (("tenants", plain), ("tenants of an app", inside)):
                    tenants = Tenants(self.checks, self.dice, application, mode, f"{name}, {mode}")
                    tenants.run("tenants", "tenant_session", "tenant_lists")

    def make_app(self, core: SteadyServer) -> str:
        """Makes an app as an operator does, since no SDK can."""
        app = f"a{self.dice.randrange(10**9)}"
        cdi, path = self.release.app_call
        made = core.core(cdi, {"api-key": API_KEY}).put(path, {"appId": app})
        self.checks.equal(f"[{self.release.version}] make an app", (made.outcome, made.json.get("createdNew")),
                          ("OK", True))
        return app

    def check_strict(self) -> None:
        """Runs the checks of theft with a core that forgives nobody."""
        with SteadyServer(config=STRICT) as core:
            application = self.start(core).ready()
            for mode in self.release.modes:
                strict = StrictRotation(self.checks, self.dice, application, mode, f"strict, {mode}")
                strict.run("chain", "theft")

    def check_as_supertokens(self) -> None:
        """Runs the checks of rotation with a core that rotates as SuperTokens' own."""
        with SteadyServer(config=AS_SUPERTOKENS) as core:
            application = self.start(core).ready()
            for mode in self.release.modes:
                rotation = RandomRotation(self.checks, self.dice, application, mode, f"as SuperTokens, {mode}")
                rotation.run("chain", "lost_reply", "parallel", "theft")

    def check_blacklisting(self) -> None:
        """Runs the checks with a core that looks into the database for every old driver."""
        with SteadyServer(config=KEYS + "access_token_blacklisting: true\n") as core:
            application = self.start(core).ready()
            scenario = Scenario(self.checks, self.dice, application, "cookie", "blacklisting")
            scenario.run("blacklisting", "verify", "refresh", "theft", "sign_out")


def check_time(checks: Checks, dice: random.Random, pythons: dict[Release, Path], quick: bool) -> None:
    """Runs the checks for which time has to pass; when there are no others, what matters most of those too."""
    hours = Hours(TemporaryFolder().path, quick)
    with SteadyServer(config=KEYS + hours.config, environment=hours.environment) as core:
        applications = [Application(release, python, address(core), environment=hours.environment)
                        for release, python in pythons.items()]
        for application in applications:
            application.ready()
        places = [(application, mode) for application in applications for mode in application.release.modes]
        if quick:
            for application, mode in places:
                if mode == "header" and application.release is not RELEASES[-1]:
                    continue
                Scenario(checks, dice, application, mode, mode).run(*ESSENCE)
            if len(pythons) == len(RELEASES):
                Generations(checks, dice, applications).run("upgrade", "old_cookies")
        if quick and not hours.is_fast:
            places = [place for place in places if place[0] is applications[-1]]
        check_silence([Silence(checks, dice, *place) for place in places], hours)
        checks.check("[silence] the core is alive and ends with 0", core.alive and core.stop() == 0, core.output)
        if checks.failed:
            print("--- the applications said", *(each.child.output[-3000:] for each in applications), sep="\n")


def check_generations(checks: Checks, dice: random.Random, pythons: dict[Release, Path]) -> None:
    """Runs the checks of sessions that wander between the releases."""
    with SteadyServer(config=KEYS) as core:
        applications = [Application(release, python, address(core)) for release, python in pythons.items()]
        for application in applications:
            application.ready()
        generations = Generations(checks, dice, applications)
        generations.run("upgrade", "old_tokens", "old_cookies", "protected_payload", "shared_lists",
                        "tenants_wander")
        checks.check("[generations] the core is alive and ends with 0", core.alive and core.stop() == 0, core.output)
        generations.run("without_core")
        if checks.failed:
            print("--- the applications said", *(each.child.output[-3000:] for each in applications), sep="\n")


def main() -> int:
    """Installs the releases if needed and runs the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--install-only", action="store_true", help="only make the environments")
    parser.add_argument("--quick", action="store_true", help="what matters most, with every release")
    parser.add_argument("--release", action="append", choices=[release.version for release in RELEASES],
                        help="only this release (again for another); skips what goes between releases")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    exit_on_signals()
    wanted = [release for release in RELEASES if options.release is None or release.version in options.release]
    pythons = {release: release.python() for release in wanted}
    if options.install_only:
        return 0
    print(f"seed {options.seed}")
    checks, dice, lines = Checks(), random.Random(options.seed), []
    steps = {"in the course of time": lambda: check_time(checks, dice, pythons, options.quick)}
    if not options.quick:
        steps |= {f"supertokens-python {release.version} (CDI {release.cdi})": Drive(checks, dice, release, python).run
                  for release, python in pythons.items()}
    if wanted == list(RELEASES) and not options.quick:
        steps["between the releases"] = lambda: check_generations(checks, dice, pythons)
    for name, step in steps.items():
        begun, passed, failed = time.monotonic(), checks.passed, checks.failed
        checks.run(f"the checks run to their end: {name}", step)
        lines.append(f"{name}: {checks.passed - passed} passed, {checks.failed - failed} failed"
                     f" in {time.monotonic() - begun:.0f} s")
    print(f"seed {options.seed}", *lines, sep="\n")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
