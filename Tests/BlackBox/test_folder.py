"""The data folder as an operator meets it: stops, copies, backups, lost files, loose modes, and faults of the program.

Findings O1, O2 and O4, on SQLite.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable

import pytest
from harness import Child, Core, Server, until
from machine import Machine

FILE = "tessera.sqlite"


def sign_in(server: Server, count: int = 20) -> list[str]:
    core = server.core()
    made = [core.create("somebody").json for _ in range(count)]
    core.close()
    assert all(answer["status"] == "OK" for answer in made)
    return [answer["refreshToken"]["token"] for answer in made]


def go_on(server: Server, tokens: list[str]) -> int:
    """How many sessions can be refreshed."""
    core = server.core()
    return sum(core.refresh(token).ok for token in tokens)


def refused(folder: Path, *words: str) -> str:
    """A start on a folder ends, says why, and changes nothing that is there."""
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".lock"}
    child = Server(folder).launch()
    code, output = child.wait(60), child.output
    assert code == 1 and all(word in output for word in words), (code, output)
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.name in before}
    assert {name for name in before if after.get(name) != before[name]} <= {"tessera.reserve", f"{FILE}-shm"}
    return output


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    folder = tmp_path / "aside"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_one_whole_file(serve: Callable[..., Server], aside: Path, number: int) -> None:
    """finding O1: after SIGTERM the file alone, copied elsewhere, has every session and the same keys."""
    server = serve()
    tokens, keys = sign_in(server), server.core().get("/.well-known/jwks.json").text
    os.kill(server.pid, number)
    assert server.child and server.child.wait(60) == 0
    assert not (server.data / f"{FILE}-wal").exists()
    shutil.copy2(server.data / FILE, aside / FILE)
    with Server(aside) as other:
        assert go_on(other, tokens) == len(tokens)
        assert other.core().get("/.well-known/jwks.json").text == keys


def test_a_file_without_its_log_is_refused(serve: Callable[..., Server], aside: Path) -> None:
    """finding O1: a copy of a running core's file, and a folder whose log was lost after a kill."""
    server = serve()
    tokens = sign_in(server)
    shutil.copy2(server.data / FILE, aside / FILE)
    said = refused(aside, "without its log", "tessera restore")
    assert "Fatal" not in said
    server.kill()
    log = server.data / f"{FILE}-wal"
    log.rename(aside / "log")
    refused(server.data, "lacks its newest writes")
    (aside / "log").rename(log)
    server.start()
    assert go_on(server, tokens) == len(tokens), "with the log it is whole"


@pytest.mark.parametrize("damage", ["gone", "empty", "header", "zeros", "half"])
def test_a_database_that_is_gone_is_not_begun_again_in_silence(machine: Machine, serve: Callable[..., Server],
                                                               damage: str) -> None:
    """finding O1: no file, an empty one, a header alone, zeros; and the way out, which keeps what was there."""
    server = serve()
    sign_in(server, 2)
    server.stop()
    path, content = server.data / FILE, (server.data / FILE).read_bytes()
    kept = {"empty": b"", "header": content[:100], "zeros": bytes(len(content)), "half": content[:len(content) // 2]}
    path.unlink() if damage == "gone" else path.write_bytes(kept[damage])
    refused(server.data, "--new-database", "tessera restore")
    child = Child([*server.arguments(), "--new-database"])
    assert child.says("Started SuperTokens"), child.output
    assert child.stop() == 0
    assert damage == "gone" or list(server.data.glob(f"{FILE}.replaced-*"))


def test_a_backup_beside_a_running_core(machine: Machine, serve: Callable[..., Server]) -> None:
    """finding O1: `tessera backup` and `tessera restore`, with what they refuse and say."""
    server = serve()
    tokens, target = sign_in(server), machine.path / "sessions.backup"
    done = machine.run("backup", str(target), "--data-dir", str(server.data))
    assert done.returncode == 0 and "key-encryption key" in done.stdout, done.stderr
    assert [path.stat().st_mode & 0o777 for path in (target, Path(f"{target}.manifest.json"))] == [0o600] * 2
    manifest = json.loads(Path(f"{target}.manifest.json").read_text())
    assert {"sha256", "bytes", "takenAt", "release", "restoreNumber", "schema", "lastSequences"} <= set(manifest)
    again = machine.run("backup", str(target), "--data-dir", str(server.data))
    assert again.returncode == 1 and "--overwrite" in again.stderr
    assert machine.run("backup", str(target), "--data-dir", str(server.data), "--overwrite").returncode == 0
    sign_in(server, 3)
    server.stop()
    shutil.rmtree(server.data)
    restored = machine.run("restore", str(target), "--data-dir", str(server.data), "--accept-undone-revocations")
    assert restored.returncode == 0, restored.stderr
    server.start()
    assert go_on(server, tokens) == len(tokens)


def test_a_backup_of_postgresql_is_pg_dump_s(machine: Machine) -> None:
    """finding O1: the command says so."""
    done = machine.run("backup", str(machine.path / "x"), POSTGRESQL_CONNECTION_URI="postgresql://u:secret@h/d")
    assert done.returncode == 1 and "pg_dump" in done.stderr and "secret" not in done.stderr


@pytest.mark.parametrize("mode", [0o777, 0o775, 0o770, 0o722])
def test_a_folder_that_others_may_change_is_refused(aside: Path, mode: int) -> None:
    """finding O4: with the command that mends it."""
    aside.chmod(mode)
    refused(aside, f"chmod 700 {aside}", f"0{mode:o}")
    assert not list(aside.iterdir())


def test_links_are_refused_and_their_targets_stay(aside: Path, tmp_path: Path) -> None:
    """finding O4: for the folder and each file in it; a link above the folder is followed."""
    precious = tmp_path / "precious"
    for name in (FILE, f"{FILE}.lock", "tessera.reserve", "tessera.state", f"{FILE}-wal", f"{FILE}-shm"):
        precious.write_text("precious")
        precious.chmod(0o600)
        (aside / name).unlink(missing_ok=True)
        (aside / name).symlink_to(precious)
        refused(aside, name, "symbolic link")
        assert precious.read_text() == "precious"
        (aside / name).unlink()
    (tmp_path / "link").symlink_to(aside)
    for spelling in ("link", "link/", "link/."):
        child = Server(Path(tmp_path / "x")).launch()
        child.kill()
        arguments = child.process.args
        assert isinstance(arguments, list)
        arguments[arguments.index("--data-dir") + 1] = f"{tmp_path}/{spelling}"
        linked = Child(arguments)
        assert linked.wait(60) == 1 and "symbolic link" in linked.output
    with Server(tmp_path / "link" / "data"):
        assert (aside / "data" / FILE).is_file()


@pytest.mark.parametrize("name", ["", FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}.lock"])
def test_what_goes_away_while_a_core_runs_is_noticed(serve: Callable[..., Server], tmp_path: Path, name: str) -> None:
    """finding O4: not ready, nothing acknowledged, a line in the log; put back, all goes on."""
    server = serve()
    token = sign_in(server, 1)[0]
    path = server.data / name if name else server.data
    path.rename(tmp_path / "moved")
    core = server.core()
    for answer in (core.create("lost"), core.refresh(token), core.revoke(["x"])):
        assert answer.status >= 500, answer.text
    assert until(lambda: core.get("/hello").status == 503) and core.get("/health/ready").status == 503
    assert core.get("/health/live").status == 200
    assert server.says(f"the data folder: {path} was removed while this core runs"), server.output
    if name == f"{FILE}.lock":
        refused(server.data, "another process")
        path.unlink()
    (tmp_path / "moved").rename(path)
    assert until(lambda: core.get("/hello").status == 200) and server.says("the data folder is back")
    assert core.refresh(token).ok
    assert server.stop() == 0


def test_a_removed_folder_acknowledges_nothing(serve: Callable[..., Server]) -> None:
    """finding O4: `rm -rf` under a running core, and a second core on a new folder of that name."""
    server = serve()
    sign_in(server, 1)
    shutil.rmtree(server.data)
    assert server.core().create("lost").status >= 500
    with Server(server.data) as second:
        assert second.core().create("somebody").ok
        assert server.core().create("lost").status >= 500 and server.alive


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGTRAP, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT,
                                    signal.SIGFPE, signal.SIGQUIT])
def test_a_fault_prints_one_line_and_no_memory(serve: Callable[..., Server], number: signal.Signals) -> None:
    """finding O2: no registers, no stack, no core dump, and the supervisor sees the signal."""
    server = serve()
    limits = dict(line[:25].strip() and (line[:25].strip(), line[26:].split())
                  for line in Path(f"/proc/{server.pid}/limits").read_text().splitlines()[1:])
    assert limits["Max core file size"][:2] == ["0", "0"]
    assert Path(f"/proc/{server.pid}/maps").stat().st_uid == 0, "not dumpable"
    assert server.says("Started SuperTokens") and until(lambda: server.output.endswith("\n"))
    before = server.output
    os.kill(server.pid, number)
    assert server.child and server.child.wait(20) == -number
    said = server.output.removeprefix(before)
    # Whole lines of the log, such as that a key was made, may have come just before.
    *others, last = said.splitlines()
    assert last.startswith("tessera: ended by ") and said.endswith("\n") and "0x" not in said, said
    assert all(" | " in line for line in others), said


def test_the_usual_tools_still_reach_a_core(serve: Callable[..., Server], machine: Machine) -> None:
    """finding O2: a process that cannot be dumped can be listed, asked and stopped."""
    pid, port = machine.start("tools")
    assert Core(port).get("/hello").status == 200
    assert str(pid) in machine.run("list").stdout
    assert machine.run("audit", "--data-dir", str(machine.path / "tools")).returncode == 0
    assert machine.run("stop").returncode == 0
    assert not subprocess.run(["ls", str(machine.path / "tools" / f"{FILE}-wal")], capture_output=True).returncode == 0
