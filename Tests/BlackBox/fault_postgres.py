"""The faults of docs/faults.md that only PostgreSQL has."""

from __future__ import annotations

import subprocess

from faults import Case, Fault, people
from harness import Server, free_port
from postgres import Cluster

TEMPLATE = "pristine"
DUMP = "restore the dump (`pg_restore`), then `tessera restore`"


class PristineDatabase:
    """A database with sessions, of which every case gets a copy."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        with Server(database=cluster.create_database(TEMPLATE)) as server:
            core = server.core()
            self.people = people(core)
            core.close()
            assert server.stop() == 0
        cluster.query("CREATE ROLE reader LOGIN; CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'right'", "postgres")
        rules = cluster.data / "pg_hba.conf"
        rules.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + rules.read_text())
        cluster.reload()

    def copy(self, name: str) -> str:
        """Makes a database anew, as it was."""
        self.cluster.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")
        self.cluster.query(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}", "postgres")
        return self.cluster.uri(name)


def anew(case: Case) -> None:
    """The way out is the dump."""
    cluster, name = case.cluster, case.name
    assert cluster

    def restore() -> None:
        cluster.query(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")
        cluster.query(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}", "postgres")
        case.made.clear()
    case.undo.callback(restore)


def sql(text: str) -> "Statement":
    return Statement(text)


class Statement:
    """Changes the database; the dump is the way back."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, case: Case) -> None:
        anew(case)
        case.sql(self.text)


def connect_as(case: Case, old: str, new: str) -> None:
    assert case.database
    case.undo.callback(setattr, case, "database", case.database)
    case.database = case.database.replace(old, new, 1)


def read_only_role(case: Case) -> None:
    case.sql("GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    connect_as(case, "//tessera@", "//reader@")


def stopped(case: Case) -> None:
    assert case.cluster
    case.undo.callback(case.cluster.start)
    case.cluster.stop()


def read_only(case: Case) -> None:
    assert case.cluster
    alter = f"ALTER DATABASE {case.name}"
    case.cluster.query(f"{alter} SET default_transaction_read_only = on", "postgres")
    case.undo.callback(case.cluster.query, f"{alter} RESET default_transaction_read_only", "postgres")


def no_such_server(case: Case) -> None:
    assert case.cluster
    connect_as(case, f":{case.cluster.port}/", f":{free_port()}/")


def dropped(case: Case) -> None:
    """The database itself is dropped under the core."""
    anew(case)
    assert case.cluster
    case.cluster.query(f"DROP DATABASE {case.name} WITH (FORCE)", "postgres")


def cut_data(case: Case) -> None:
    """A table's file of the server is cut, as by a broken disk."""
    assert case.cluster
    anew(case)
    cluster = case.cluster
    path = cluster.query("SELECT pg_relation_filepath('session_info')", case.name)[0]
    cluster.query("CHECKPOINT", case.name)
    cluster.stop()
    with (cluster.data / path).open("r+b") as file:
        file.write(b"\xff" * 8192)
    cluster.start()


POSTGRESQL = [
    Fault("pg-password", "The password is wrong", lambda c: connect_as(c, "//tessera@", "//guarded:wrong@"),
          ("password",), "mend `postgresql_password`"),
    Fault("pg-database", "There is no such database", lambda c: connect_as(c, f"/{c.name}?", "/nowhere?"),
          ("does not exist",), "create it, or mend the address"),
    Fault("pg-away", "The server does not answer at the start", no_such_server, ("PostgreSQL",),
          "start it; the core waits for it", waits=True),
    Fault("pg-stops", "The server is stopped while a core runs", stopped, ("PostgreSQL",), "start it; the core finds it",
          starts=True, running=True),
    Fault("pg-reader", "The role may only read", read_only_role, ("permission denied",),
          "grant the role what it needs: `tessera doctor`", starts=True),
    Fault("pg-read-only", "The database is read-only", read_only, ("read-only",), "connect to the primary", waits=True),
    Fault("pg-foreign", "Another program's tables have the names",
          sql("DROP TABLE session_info CASCADE; CREATE TABLE session_info (id INT)"), ("What to do",),
          "another database, or `postgresql_table_schema`"),
    Fault("pg-table-dropped", "A table is missing", sql("DROP TABLE session_info CASCADE"), ("session_info",), DUMP),
    Fault("pg-key-table-dropped", "The table of the keys is missing", sql("DROP TABLE tessera_signing_keys CASCADE"),
          ("tessera_signing_keys",), DUMP),
    Fault("pg-master-key", "The key of the refresh tokens is gone",
          sql("DELETE FROM key_value WHERE name = 'refresh_token_key'"), ("refresh_token_key", "backup"), DUMP),
    Fault("pg-page", "A page of the sessions is damaged", cut_data, ("invalid page",), DUMP, waits=True),
    Fault("pg-dropped", "The database is dropped while a core runs", dropped, ("does not exist",), DUMP,
          starts=True, running=True),
]
