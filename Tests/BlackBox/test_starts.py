"""Hostile surroundings: starts that must not succeed, open networks, wrong keys, and ordinary starts and ends."""

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
    code, output = child.wait(15), child.output
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
        yield running
        assert KEY not in running.output


@pytest.mark.parametrize("headers", [
    {}, {"api-key": "x" * 27}, {"api-key": ""}, {"api-key": KEY + "0"}, {"api-key": KEY[:-1]},
    {"api-key": f"{KEY},{OTHER_KEY}"}, {"authorization": f"Basic {KEY}"},
    {"api-key": "x", "authorization": KEY}], ids=str)
def test_without_a_right_key_nothing_is_made(keyed: Server, headers: dict[str, str]) -> None:
    reply = keyed.core(headers=headers).create("unkeyed")
    assert (reply.status, reply.text) == (401, "Invalid API key\n")
    assert reply.headers.get("content-type", "").startswith("text/html")


@pytest.mark.parametrize("headers", [{"api-key": KEY}, {"api-key": OTHER_KEY}, {"authorization": KEY},
                                     {"authorization": f"bearer {KEY}"}], ids=str)
def test_a_key_opens(keyed: Server, headers: dict[str, str]) -> None:
    assert keyed.core(headers=headers).create("keyed").ok


@pytest.mark.parametrize(("path", "status"), [("/hello", 200), ("/.well-known/jwks.json", 200), ("/apiversion", 401),
                                              ("/nothing", 404)])
def test_what_needs_a_key(keyed: Server, path: str, status: int) -> None:
    assert keyed.core().get(path).status == status
    assert keyed.core("9.9", {"api-key": "x"}).create("keyed").status == 401, "a wrong key beats a wrong version"


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
