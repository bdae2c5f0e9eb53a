"""What all parts of the black box have: options, one seed, servers that outlive no test, and skips that are told."""

from __future__ import annotations

import random
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

for name in (Path(__file__).parent / "BlackBox").glob("[!t]*.py"):
    pytest.register_assert_rewrite(name.stem)

import canaries  # noqa: E402
from door_wire import KEY  # noqa: E402 - assertions of helpers are to explain themselves
from harness import Child, Core, Server  # noqa: E402
from machine import Machine  # noqa: E402
from postgres import Cluster  # noqa: E402

Say = Callable[[str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of every part."""
    group = parser.getgroup("tessera")
    group.addoption("--quick", action="store_true", help="a sample of what is long")
    group.addoption("--seed", type=int, default=random.SystemRandom().randrange(1 << 31), help="repeats a run")
    group.addoption("--rounds", type=int, help="how often, where something is done again and again")
    group.addoption("--no-skips", action="store_true", help="a test that cannot run here fails")


def pytest_configure(config: pytest.Config) -> None:
    """Ends all processes and cleans up when somebody ends the run; threads that use them end then too."""

    def end(number: int, _: object) -> None:
        for child in list(Child.all):
            child.kill()
        pytest.exit(f"signal {number}", 128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)


def pytest_report_header(config: pytest.Config) -> str:
    return f"--seed {config.getoption('seed')}{' --quick' * config.getoption('quick')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is long where a sample is wanted."""
    if config.getoption("quick"):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("long")])
        items[:] = [item for item in items if not item.get_closest_marker("long")]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Makes a failure of a skip where nothing may be skipped."""
    report = (yield).get_result()  # type: ignore[attr-defined]
    if report.skipped and item.config.getoption("no_skips"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped: {report.longrepr[2]}"


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """Finding O5: nothing that a core has written during a test has a token, a key or a password in it."""
    yield
    found = [leak for child in list(Child.all) if child.is_core for leak in canaries.seen.leaks(child.unsearched())]
    assert not found, f"a core has written what is secret: {sorted(set(found))[:5]}"


@pytest.fixture(scope="session")
def quick(pytestconfig: pytest.Config) -> bool:
    """Whether a sample is enough."""
    return bool(pytestconfig.getoption("quick"))


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of the run."""
    return int(pytestconfig.getoption("seed"))


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> Callable[[int, int], int]:
    """How many rounds there are: those that were asked for, or the first number, or of a sample the second."""
    return lambda whole, sample: pytestconfig.getoption("rounds") or (
        sample if pytestconfig.getoption("quick") else whole)


@pytest.fixture
def dice(seed: int, request: pytest.FixtureRequest) -> random.Random:
    """The chance of a test."""
    return random.Random(f"{seed}/{request.node.name}")


@pytest.fixture(scope="session")
def say(pytestconfig: pytest.Config) -> Say:
    """Prints a figure that whoever reads the run wants to see, even if all is well."""
    reporter: Any = pytestconfig.pluginmanager.get_plugin("terminalreporter")
    capture: Any = pytestconfig.pluginmanager.get_plugin("capturemanager")

    def line(text: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(text)

    return line


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers that are gone after the test."""
    with ExitStack() as stack:
        yield lambda config=None, kind=Server, **more: stack.enter_context(kind(config=config, **more))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that logs its details, for all tests of a file."""
    with Server(environment={"TESSERA_LOG_LEVEL": "DEBUG"}) as running:
        yield running


@pytest.fixture(scope="module")
def keyed() -> Iterator[Server]:
    """A server that asks for a key, for all tests of a file."""
    with Server(config=f"api_keys: {KEY}\nlog_level: DEBUG\n") as running:
        yield running


@pytest.fixture
def core(server: Server) -> Iterator[Core]:
    """A connection to the server."""
    connection = server.core()
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL cluster for all tests of a file."""
    with Cluster() as running:
        yield running


@pytest.fixture
def machine() -> Iterator[Machine]:
    """A machine of its own for cores in the background."""
    made = Machine()
    yield made
    made.close()
