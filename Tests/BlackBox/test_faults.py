"""A store that is broken in many ways: the operator is told, no process ends by a signal, and nothing is lost in silence.

The table is in fault_table.py; docs/faults.md is made of it (findings O1, O2, O4, K4, E1).
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from fault_postgres import POSTGRESQL, PristineDatabase
from fault_table import AREAS, disk
from faults import Case, Fault, Pristine
from harness import ROOT, Child, until
from postgres import Cluster
from wall_clock import Clock

STARTED = "Started SuperTokens"
PAGE = ROOT / "docs" / "faults.md"
ALL = [fault for area in AREAS.values() for fault in area]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Pristine:
    """The store that all cases have a copy of."""
    return Pristine(tmp_path_factory.mktemp("faults"))


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """The clock of the cores in the cases of the clock."""
    return Clock(tmp_path_factory.mktemp("clock"))


def started(case: Case) -> Child:
    """A core that has started."""
    child = case.launch()
    assert until(lambda: STARTED in child.output or not child.alive) and child.alive, child.output
    return child


def judge(case: Case, fault: Fault) -> None:
    """Breaks the store and looks at a core on it; then mends it and asks for everything that was acknowledged."""
    if fault.running:
        child = started(case)
    fault.breaks(case)
    if not fault.running:
        child = case.launch()
    if fault.starts:
        assert fault.running or until(lambda: STARTED in child.output or not child.alive), child.output
        assert child.alive, (child.process.returncode, child.output)
        case.ask()
    for word in fault.words:
        assert until(lambda: word in child.output or not child.alive) and word in child.output, (word, child.output)
    if fault.starts:
        assert child.alive
        if fault.running:
            case.undo.close()
        code = child.stop()
        assert code in (0, 1), (code, child.output)
    elif fault.waits:
        assert child.alive and STARTED not in child.output
        assert child.stop() in (0, 1, -signal.SIGTERM), child.output
    else:
        assert child.wait(60) == 1 and STARTED not in child.output, child.output
    case.undo.close()
    child = started(case)
    assert not case.missing(), child.output
    assert child.stop() == 0


@pytest.mark.parametrize("fault", ALL, ids=lambda fault: fault.name)
def test_a_fault_is_told_and_loses_nothing(pristine: Pristine, clock: Clock, tmp_path: Path, fault: Fault) -> None:
    """findings O1, O2, O4, K4, E1: the words of the table, then every session that was acknowledged."""
    case = Case(tmp_path, pristine.people, backup=pristine.backup)
    shutil.copytree(pristine.folder / ("killed" if fault.killed else "stopped"), case.data)
    clock.off(0)
    if fault.name.startswith("clock"):
        case.environment.update(clock.environment)
        case.undo.callback(clock.off, 0)
        case.clock = clock.off
    with case.unmounts:
        if fault.name == "disk-fills":
            disk(case)
        try:
            judge(case, fault)
        finally:
            if case.server and case.server.child:
                case.server.child.kill()
            case.undo.close()


@pytest.fixture(scope="module")
def database(cluster: Cluster) -> PristineDatabase:
    """The same in PostgreSQL."""
    return PristineDatabase(cluster)


@pytest.mark.parametrize("fault", POSTGRESQL, ids=lambda fault: fault.name)
def test_a_fault_of_postgresql_is_told_and_loses_nothing(database: PristineDatabase, tmp_path: Path,
                                                         fault: Fault) -> None:
    """findings O1, O2, D3: the same for what only a database server has."""
    case = Case(tmp_path, database.people, cluster=database.cluster, database=database.copy("faulty"))
    try:
        judge(case, fault)
    finally:
        if case.server and case.server.child:
            case.server.child.kill()
        case.undo.close()


def test_the_page_has_this_table() -> None:
    """docs/faults.md is what `python3 Tests/BlackBox/test_faults.py` prints."""
    assert PAGE.read_text() == page(), "run: python3 Tests/BlackBox/test_faults.py > docs/faults.md"


def page() -> str:
    """The table for operators."""
    lines = [
        "# Faults and what an operator sees", "",
        "Made of the table that `make operation` tries on a core, one after the other (`Tests/BlackBox/fault_table.py`).",
        "In every case the line is in the log or on standard error, no process ends by a signal, and when the fault is undone,",
        "or the backup restored where that is the way out, all sessions are there that had been acknowledged.", "",
        "*Refused*: the start ends with exit code 1. *Waits*: it says so again and again until the fault is undone.",
        "*Serves*: the core runs with it, and works as before when it is undone. [backup.md](backup.md) explains each way out.", ""]
    for area, faults in {**AREAS, "PostgreSQL": POSTGRESQL}.items():
        lines += [f"## {area}", "", "| Fault | Core | Words in the line | What to do |", "|---|---|---|---|"]
        for one in faults:
            core = "serves" if one.starts else "waits" if one.waits else "refused"
            words = ", ".join(f"`{word}`" for word in one.words)
            lines.append(f"| {one.title} | {core} | {words} | {one.way_out} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
