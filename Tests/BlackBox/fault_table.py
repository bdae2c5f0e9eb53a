"""The faults of docs/faults.md: by area, in the order of the page."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing

from faults import FILE, Case, Fault
from harness import HOST, Server
from test_disk import Disk

YEARS = 20 * 365.25
RESTORE = "restore a backup: `tessera restore BACKUP`"
LOG = f"put `{FILE}-wal` back, restore a backup, or `tessera restore --accept-missing-log`"
HANDLE = "(SELECT min(session_handle) FROM session_info WHERE user_id LIKE 'person-%')"


def damaged(name: str, title: str, change: bytes | float, *words: str, at: int | None = None) -> Fault:
    """The file is overwritten, or cut to a part of its length."""
    def breaks(case: Case) -> None:
        case.restored()
        if isinstance(change, bytes):
            case.write(change, at=at)
        else:
            case.cut(int(case.file.stat().st_size * change))
    return Fault(name, title, breaks, words, RESTORE)


def zeroed(case: Case) -> None:
    case.restored()
    case.write(bytes(case.file.stat().st_size))


def zeroed_table(case: Case) -> None:
    """Zeroes the root page of the sessions, which the start does not read."""
    with closing(sqlite3.connect(case.file)) as database:
        page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'session_info'").fetchone()[0]
    case.restored()
    case.write(bytes(4096), at=(page - 1) * 4096)


def last_page(case: Case) -> None:
    case.restored()
    # The file may be longer than the database, by room that SQLite took ahead; the head says how long that is.
    pages = int.from_bytes(case.file.read_bytes()[28:32], "big")
    case.cut((pages - 1) * 4096)


def foreign(case: Case) -> None:
    case.move(case.file)
    with closing(sqlite3.connect(case.file)) as database:
        database.executescript("CREATE TABLE guests (name TEXT); INSERT INTO guests VALUES ('x')")
    case.file.chmod(0o600)


def removed_folder(case: Case) -> None:
    case.move(case.data)
    case.undo.callback(case.made.clear)  # what the new one has, as the operator was told


def linked(case: Case) -> None:
    case.move(case.data)
    case.data.symlink_to(case.path / f"away-{case.data.name}")


def linked_file(case: Case) -> None:
    case.move(case.file)
    case.file.symlink_to(case.path / f"away-{FILE}")


def folder_is_file(case: Case) -> None:
    case.move(case.data)
    case.data.write_text("x")


def kept_log(case: Case) -> int:
    """Keeps a copy of the log, which comes back later; gives its length."""
    log, copy = case.data / f"{FILE}-wal", case.path / "log"
    shutil.copy2(log, copy)
    case.undo.callback(shutil.copy2, copy, log)
    return log.stat().st_size


def log_cut(case: Case) -> None:
    kept_log(case)
    case.cut(32 + 24 + 4096, case.data / f"{FILE}-wal")  # its head and its first page


def log_zeroed(case: Case) -> None:
    case.write(bytes(kept_log(case)), case.data / f"{FILE}-wal")


def index_cut(case: Case) -> None:
    case.cut(0, case.data / f"{FILE}-shm")


def in_use(case: Case) -> None:
    other = Server(case.data).start()
    case.undo.callback(other.stop)


def disk(case: Case, size: int = 16 << 20) -> Disk:
    """Puts the data folder on a file system of its own."""
    made = Disk(size)
    obstacle = made.mount()
    assert obstacle is None, obstacle
    subprocess.run(["cp", "-a", f"{case.data}/.", str(made.path)], check=True)
    made.path.chmod(0o700)
    subprocess.run(["mount", "--bind", str(made.path), str(case.data)], check=True)
    case.unmounts.callback(made.unmount)
    case.unmounts.callback(subprocess.run, ["umount", "-l", str(case.data)], check=False)
    return made


def full(case: Case) -> None:
    made = disk(case)
    case.cut(4 << 20, case.data / "tessera.reserve")  # what a disk of that size has
    filler = made.fill("filler", 0)
    case.undo.callback(filler.unlink)


def full_without_reserve(case: Case) -> None:
    made = disk(case)
    (case.data / "tessera.reserve").unlink()
    filler = made.fill("filler", 0)
    case.undo.callback(filler.unlink)


def read_only(case: Case) -> None:
    made = disk(case)
    for path in (case.data, made.path):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(path)], check=True)
    case.undo.callback(subprocess.run, ["mount", "-o", "remount,rw,bind", str(case.data)], check=True)


def full_while_running(case: Case) -> None:
    """The folder was put on a small disk before the start."""
    path = case.data / "filler"
    with path.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(bytes(4096))
            except OSError:
                break
    case.undo.callback(path.unlink)


def older_copy(case: Case) -> None:
    """A whole file that is older than what ran here last."""
    old = case.file.read_bytes()
    with Server(case.data) as server:
        server.core().create("newer")
        server.stop()
    new = case.file.read_bytes()
    case.undo.callback(case.write, new)
    case.undo.callback(case.made.clear)  # what the older one has, as the operator was told
    case.write(old)


def port_taken(case: Case) -> None:
    listener = socket.socket()
    listener.bind((HOST, 0))
    listener.listen()
    case.undo.callback(listener.close)
    case.argument("--port", str(listener.getsockname()[1]))


def off(case: Case, days: float) -> None:
    """Sets the clock. What is made by a wrong clock expires by it, and its keys are replaced when the clock is right."""
    case.undo.callback(case.made.clear)
    case.clock(days)


def directory_config(case: Case) -> None:
    case.argument("--config", str(case.path))


def row(table: str, column: str, value: str, where: str) -> "Row":
    return Row(table, column, value, where)


class Row:
    """A value in the database, and later the one of before."""

    def __init__(self, table: str, column: str, value: str, where: str) -> None:
        self.table, self.column, self.value, self.where = table, column, value, where

    def __call__(self, case: Case) -> None:
        with closing(sqlite3.connect(case.file)) as database:
            old = database.execute(f"SELECT quote({self.column}) FROM {self.table} WHERE {self.where}").fetchall()
        assert len(old) == 1
        case.sql(*(f"UPDATE {self.table} SET {self.column} = {value} WHERE {self.where}" for value in (self.value, old[0][0])))


def delete(text: str) -> "Deletion":
    return Deletion(text)


class Deletion:
    """A statement whose effect only the file of before undoes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, case: Case) -> None:
        content = case.file.read_bytes()
        case.undo.callback(case.write, content)
        case.sql(self.text)


DATA_FOLDER = [
    Fault("folder-is-a-file", "The data folder is a file", folder_is_file, ("not a folder",), "move it away"),
    Fault("folder-linked", "The data folder is a symbolic link", linked, ("symbolic link",),
          "name the folder itself in `data_dir`"),
    Fault("folder-open", "Others may write to the data folder", lambda c: c.mode(c.data, 0o777), ("chmod 700",),
          "see who wrote there, then `chmod 700`"),
    Fault("folder-of-another", "The data folder belongs to another user", lambda c: c.owner(c.data, 65534),
          ("belongs to", "chown"), "`chown`, or start as its user"),
    Fault("file-of-another", "The database belongs to another user", lambda c: c.owner(c.file, 65534),
          ("belongs to", "chown"), "`chown`"),
    Fault("file-linked", "The database is a symbolic link", linked_file, ("symbolic link",), "put the file itself there"),
    Fault("file-open", "Others may write to the database", lambda c: c.mode(c.file, 0o666), ("chmod 600",),
          "see who wrote there, then `chmod 600`"),
    Fault("file-removed", "The database is gone, its folder is not", lambda c: c.move(c.file),
          ("there is no database", "--new-database"), "mount or put it back, or restore a backup"),
    Fault("folder-removed", "The whole data folder is gone", removed_folder, ("a new, empty database", "If there was one before"),
          "stop, mount or put it back, or restore a backup", starts=True),
    Fault("folder-moved", "The data folder goes away while a core runs", lambda c: c.move(c.data),
          ("was removed while this core runs",), "put it back", starts=True, running=True),
    Fault("file-moved", "The database goes away while a core runs", lambda c: c.move(c.file),
          ("was removed while this core runs",), "put it back", starts=True, running=True),
    Fault("log-moved", "The log goes away while a core runs", lambda c: c.move(c.data / f"{FILE}-wal"),
          ("was removed while this core runs",), "put it back", starts=True, running=True),
    Fault("in-use", "Another core has the folder", in_use, ("another process",), "stop the other one"),
    Fault("read-only", "The file system is read-only", read_only, ("Read-only file system",), "mount it writable"),
    Fault("disk-full", "The disk is full at the start", full, ("nearly full", "revocations"),
          "make room; sessions can be verified and revoked meanwhile", starts=True),
    Fault("disk-full-no-reserve", "The same, and the reserve was removed", full_without_reserve, ("free some space",),
          "make room; leave `tessera.reserve` where it is"),
    Fault("disk-fills", "The disk becomes full while a core runs", full_while_running, ("full",),
          "make room; sessions can be verified and revoked meanwhile", starts=True, running=True),
]

DATABASE = [
    damaged("emptied", "The database is empty", b"", "holds nothing", "tessera restore"),
    damaged("header-only", "100 bytes of the database are left", 0.0007, "tessera restore"),
    damaged("half", "Half of the database is left", 0.5, "is damaged", "tessera restore"),
    Fault("last-page", "The last page of the database is missing", last_page, ("is damaged", "tessera restore"), RESTORE),
    Fault("zeroed", "The database is zeros", zeroed, ("tessera restore",), RESTORE),
    damaged("header-zeroed", "The first 100 bytes are zeros", bytes(100), "tessera restore", at=0),
    damaged("overwritten", "The database is a text", b"Dear diary,\n" * 900, "is damaged", "tessera restore"),
    Fault("table-zeroed", "A page of the sessions is zeros", zeroed_table, ("malformed",), RESTORE,
          starts=True),
    Fault("foreign", "Another program's database", foreign, ("another program", "tessera restore"), "put the core's own file there"),
    Fault("newer", "A newer release wrote the database",
          lambda c: c.sql("INSERT INTO schema_migrations (name) VALUES ('9999-x')",
                          "DELETE FROM schema_migrations WHERE name = '9999-x'"),
          ("newer",), "start that release, or restore the backup of before"),
    Fault("table-dropped", "A table is missing", delete("DROP TABLE session_info"),
          ("session_info", "tessera restore"), RESTORE),
    Fault("column-dropped", "A column is missing", delete("ALTER TABLE session_info DROP COLUMN sharing"),
          ("session_info", "tessera restore"), RESTORE),
    Fault("table-taken", "A table goes away while a core runs",
          lambda c: c.sql("ALTER TABLE session_info RENAME TO taken", "ALTER TABLE taken RENAME TO session_info"),
          ("no such table", "session_info"), RESTORE, starts=True, running=True),
    Fault("log-removed", "The log is gone after a crash", lambda c: c.move(c.data / f"{FILE}-wal"),
          ("lacks its newest writes",), LOG, killed=True),
    Fault("log-cut", "The log is cut after a crash", log_cut, ("lacks its newest writes",), LOG, killed=True),
    Fault("log-zeroed", "The log is zeros after a crash", log_zeroed, ("lacks its newest writes",), LOG, killed=True),
    Fault("older-copy", "An older copy was put back", older_copy, ("older than the one that ran here last",),
          "run `tessera restore`", starts=True),
    Fault("master-key-removed", "The key of the refresh tokens is gone",
          delete("DELETE FROM key_value WHERE name = 'refresh_token_key'"), ("refresh_token_key", "restore"), RESTORE),
    Fault("payload-of-a-row", "The payload of a session's tokens is no object",
          row("session_info", "jwt_user_payload", "'[]'", f"session_handle = {HANDLE}"),
          ("session_info", "jwt_user_payload"), "only this session is refused; revoke it", starts=True),
    Fault("rights-of-a-row", "A session's data are no JSON",
          row("session_info", "session_data", "'{'", f"session_handle = {HANDLE}"),
          ("session_info", "session_data"), "only this session is refused; revoke it", starts=True),
    Fault("signing-key", "A signing key cannot be read",
          row("signing_keys", "private_key", "x'00'", "key_id = (SELECT min(key_id) FROM signing_keys)"),
          ("signing key",), "`tessera keys list`, then restore a backup, or `tessera keys retire KID`"),
    Fault("store-mark", "The mark of the store is no number",
          row("key_value", "value", "'x'", "name = 'tessera_writes'"), ("tessera_writes", "restore"), RESTORE),
]

CONFIGURATION = [
    Fault("config-missing", "The configuration file is missing", lambda c: c.argument("--config", f"{c.path}/none"),
          ("cannot read the configuration file",), "put it back, or mend `--config`"),
    Fault("config-folder", "The configuration file is a folder", directory_config,
          ("cannot read the configuration file",), "name the file"),
    Fault("config-cut", "The configuration file is cut", lambda c: c.setting("api_keys: [\n"), ("config.yaml",),
          "mend the line; `tessera config check`"),
    Fault("config-value", "A value is of the wrong type", lambda c: c.setting("access_token_validity: soon\n"),
          ("access_token_validity", "line 1"), "mend the line; `tessera config check`"),
    Fault("config-unknown", "A key is misspelt", lambda c: c.setting("acess_token_validity: 100\n"),
          ("acess_token_validity",), "mend the line; `tessera config check`", starts=True),
    Fault("config-variable", "A variable of the environment is wrong",
          lambda c: c.variable("ACCESS_TOKEN_VALIDITY", "-1"), ("ACCESS_TOKEN_VALIDITY",), "mend the variable"),
    Fault("config-uri", "The address of the database is no address",
          lambda c: c.variable("POSTGRESQL_CONNECTION_URI", "postgresql//x"), ("POSTGRESQL_CONNECTION_URI",),
          "mend the variable"),
    Fault("port-taken", "Another program has the port", port_taken, ("in use",), "stop it, or name another port"),
]

CLOCK = [
    Fault("clock-ahead", "The clock is 20 years ahead at the start", lambda c: off(c, YEARS),
          ("ahead of", "--accept-clock"), "put it right and start again; nothing was removed", starts=True),
    Fault("clock-behind", "The clock is 20 years behind at the start", lambda c: off(c, -YEARS),
          ("behind", "--accept-clock"), "put it right and start again; nothing was removed", starts=True),
    Fault("clock-jumps-ahead", "The clock jumps 20 years ahead while a core runs", lambda c: off(c, YEARS),
          ("the clock jumped", "ahead"), "put it right; nothing was removed", starts=True, running=True),
    Fault("clock-jumps-back", "The clock jumps 20 years back while a core runs", lambda c: off(c, -YEARS),
          ("the clock jumped", "back"), "put it right; nothing was removed", starts=True, running=True),
]

AREAS = {"Data folder": DATA_FOLDER, "Database": DATABASE, "Configuration": CONFIGURATION, "Clock": CLOCK}
