"""Hostile surroundings: starts that must not succeed, open networks, side doors, and ordinary starts and ends.

Which keys open what is RefusalTests'.
"""

from __future__ import annotations

import stat
import time
from typing import Callable, Iterator

import pytest
from harness import HOST, Child, Server, free_port

KEY = "hostile-test-key-0123456789"
OTHER_KEY = "another-test-key-0123456789"


def fails(child: Child, *words: str) -> None:
    """The start ends, says why, and is no crash."""
    code, output = child.wait(60), child.output
    assert 0 < code < 128 and "fatal error" not in output.lower(), output
    assert all(word.lower() in output.lower() for word in words), output


@pytest.mark.parametrize(("config", "words"), [
    ("api_keys: short\n", ["too short", "20"]), (f"api_keys: '{KEY}!'\n", ["Invalid characters"]),
    ("access_token_validity: 0\n", ["access_token_validity"]),
    ("access_token_validity: long\n", ["access_token_validity"]),
    ("a: [\n", ["config.yaml"]), ("- a\n- b\n", ["config.yaml"])])
def test_a_wrong_configuration_ends_the_start(config: str, words: list[str]) -> None:
    fails(Server(config=config).launch(), *words)


def test_a_missing_configuration_ends_the_start() -> None:
    server = Server(config="")
    server.port = free_port()
    arguments = server.arguments()
    fails(Child(arguments[:-1] + [arguments[-1] + ".missing"]), ".missing")


def test_every_interface_needs_keys() -> None:
    fails(Server().launch("0.0.0.0"), "api_keys", "127.0.0.1")


def test_one_folder_and_one_port_belong_to_one_server(server: Server) -> None:
    if server.database is None:
        fails(Server(server.data).launch(), "folder", str(server.data))
    other = Server()
    other.port = server.port
    fails(Child(other.arguments()), str(server.port), "in use")
    assert server.core().get("/hello").status == 200


@pytest.fixture(scope="module")
def keyed() -> Iterator[Server]:
    """A server with two keys, of which it never prints one."""
    with Server(config=f"api_keys: {KEY}, {OTHER_KEY}\n") as running:
        assert running.core(headers={"api-key": KEY}).create("keyed").ok
        assert not running.core(headers={"api-key": f"{KEY},{OTHER_KEY}"}).create("unkeyed").ok, "both at once are none"
        yield running
        assert KEY not in running.output


@pytest.mark.parametrize("cdi", [None, "5.4"])
@pytest.mark.parametrize("path", [
    "/RECIPE/Session/user", "/recipe/session/user/", "//recipe/session/user", "/recipe//session/user",
    "/%72ecipe/session/user", "/recipe%2fsession/user", "/public/recipe/session/user",
    "/appid-public/public/recipe/session/user", "/nowhere/recipe/session/user", "/appid-x/y/recipe/session/user",
    "/hello/../recipe/session/user", "/./recipe/session/user", "/.well-known/jwks.json/../../recipe/session/user",
    f"http://{HOST}/recipe/session/user", "/session/user", "/SESSION/USER"])
def test_no_other_spelling_is_a_side_door(keyed: Server, path: str, cdi: str | None) -> None:
    assert keyed.core(cdi).get(path, userId="keyed").status in (400, 401, 404)


def test_a_run_ends_and_begins_again(serve: Callable[..., Server]) -> None:
    server = serve("acess_token_validity: 100\nlog_level: INFO\n")
    assert server.says("acess_token_validity"), f"an unknown key is reported: {server.output}"
    idle = server.core()
    kept = idle.create("keeper", {}, {"kept": True}).json
    if server.database is None:
        modes = {str(path): stat.filemode(path.stat().st_mode) for path in [server.data, *server.data.rglob("*")]}
        assert all(mode.endswith("------") for mode in modes.values()), modes
    begun = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - begun < 10, "SIGTERM beside an idle client"
    idle.close()
    server.start()
    read = server.core().information(kept["session"]["handle"])
    assert read.json.get("userDataInDatabase") == {"kept": True}
    assert server.core().verify(kept["accessToken"]["token"], True).ok
