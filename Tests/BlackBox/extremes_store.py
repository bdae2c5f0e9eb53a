"""A store with a row in every table, and values that no release writes in the columns of it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

from harness import CDI, Core, Json, Server, binary

INTEGERS: tuple[Any, ...] = (-(1 << 63), (1 << 63) - 1, -1, 0, 1 << 32, (1 << 53) + 1)
TEXTS: tuple[Any, ...] = (
    "", "-1", "9223372036854775808", "-", "- - - - - - 0", "null", "[]", '{"a":1', "[" * 200_000, "x" * 2_000_000,
    "\u0001\u007f", "\U0010ffff", "d-9223372036854775807", "s--", "1000::", "TSK1:", "TSK1:AAAA", "255", "-9223372036854775808")
BLOBS: tuple[Any, ...] = (b"", b"\0", b"TSK1", b"TSK1" + bytes(11), b"\x30\x82\xff\xff", bytes(2_000_000))
REALS: tuple[Any, ...] = (1.5, -1e308, 1e308)
SECRET_COLUMNS = {"private_key", "value"}


@dataclass(frozen=True)
class Change:
    """What is stored in a column of some rows of a table."""

    table: str
    column: str
    value: Any
    rows: str

    def __str__(self) -> str:
        """Names the change and not all of a value of two megabytes."""
        return f"{self.table}.{self.column} = {str(self.value)[:40]!r} where {self.rows}"


class Clients:
    """Two users of one core, of which one's rows are changed, and an app beside theirs."""

    def __init__(self, server: Server) -> None:
        core = server.core()
        assert core.put("/recipe/multitenancy/app", {"appId": "other"}).ok
        assert core.put("/appid-other/recipe/multitenancy/tenant", {"tenantId": "t1"}).ok
        self.victim = self.signed_in(core, "victim")
        self.bystander = self.signed_in(core, "bystander")
        self.other = core.post("/appid-other/recipe/session", self.body("elsewhere")).json
        again = core.refresh(self.victim["refreshToken"]["token"]).json
        core.verify(again["accessToken"]["token"])
        self.earlier, self.victim = self.victim, again
        core.refresh(again["refreshToken"]["token"])
        core.close()

    @staticmethod
    def body(user: str) -> Json:
        return {"userId": user, "userDataInJWT": {"a": 1}, "userDataInDatabase": {"b": 2}, "enableAntiCsrf": False,
                "useDynamicSigningKey": True}

    def signed_in(self, core: Core, user: str) -> Json:
        made = core.post("/recipe/session", self.body(user)).json
        assert made["status"] == "OK"
        return made

    @property
    def handle(self) -> str:
        return str(self.victim["session"]["handle"])

    def requests(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every operation of the service: version, method, path and body; those that end sessions come last."""
        check = {"doAntiCsrfCheck": False, "enableAntiCsrf": False}
        handle, user = f"sessionHandle={self.handle}", "userId=victim"
        for session in (self.victim, self.earlier, self.bystander):
            token, refresh = session["accessToken"]["token"], session["refreshToken"]["token"]
            for version in (CDI, "5.6"):
                for database in (False, True):
                    yield version, "POST", "/recipe/session/verify", {
                        "accessToken": token, "checkDatabase": database, **check}
            if session is not self.earlier:
                for version in (CDI, "5.6"):
                    yield version, "POST", "/recipe/session/refresh", {
                        "refreshToken": refresh, "enableAntiCsrf": False, "useDynamicSigningKey": True}
            yield CDI, "POST", "/recipe/session/regenerate", {"accessToken": token, "userDataInJWT": {"c": 3}}
        for version in ("2.7", CDI):
            yield version, "GET", f"/recipe/session?{handle}", None
        for path in ("/recipe/session/user", "/appid-other/recipe/session/user"):
            yield CDI, "GET", f"{path}?{user}", None
        yield CDI, "PUT", "/recipe/session/data", {"sessionHandle": self.handle, "userDataInDatabase": {"d": 4}}
        yield CDI, "PUT", "/recipe/jwt/data", {"sessionHandle": self.handle, "userDataInJWT": {"e": 5}}
        for place in ("", "/appid-other"):
            yield CDI, "GET", f"{place}/.well-known/jwks.json", None
            yield CDI, "GET", f"{place}/recipe/jwt/jwks", None
            yield "2.7", "POST", f"{place}/recipe/handshake", {}
            yield CDI, "POST", f"{place}/recipe/jwt", {
                "payload": {}, "algorithm": "RS256", "useStaticSigningKey": True, "jwksDomain": "x", "validity": 60}
            yield CDI, "GET", f"{place}/users/count/active?since=0", None
            yield CDI, "POST", f"{place}/recipe/session", self.body("newcomer")
            yield CDI, "GET", f"{place}/recipe/multitenancy/tenant/list", None
            for query in ("", "?user=victim", f"?session={self.handle}", "?event=created", "?limit=1000"):
                yield CDI, "GET", f"{place}/tessera/audit{query}", None
        yield CDI, "GET", "/recipe/multitenancy/app/list", None
        yield CDI, "PUT", "/appid-other/recipe/multitenancy/tenant", {"tenantId": "t2"}
        yield CDI, "POST", "/recipe/session/remove", {"sessionHandles": [self.handle, "nobody"]}
        yield CDI, "POST", "/recipe/session/remove", {"userId": "victim"}
        yield CDI, "POST", "/appid-other/recipe/multitenancy/tenant/remove", {"tenantId": "t1"}
        yield CDI, "POST", "/recipe/multitenancy/app/remove", {"appId": "other"}
        yield CDI, "GET", "/hello", None


class SQLiteStore:
    """The data folder, as it was when the core had been stopped."""

    def __init__(self, server: Server) -> None:
        self.server, self.copy = server, server.data.parent / "pristine"
        with closing(sqlite3.connect(server.data / "tessera.sqlite")) as database:
            insert = "INSERT INTO cut_offs VALUES ('public', 'user', 'somebody', '', 1, 1, 'admin')"
            database.execute(insert)
            database.commit()
            self._loosen(database)
        shutil.copytree(server.data, self.copy)

    @staticmethod
    def _loosen(database: sqlite3.Connection) -> None:
        """Lets columns hold values of any type: an attacker or a bug with the file can do so too."""
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, WITHOUT', 'WITHOUT')")
        database.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')')")
        database.commit()

    def changes(self, handle: str) -> list[Change]:
        found = []
        with closing(sqlite3.connect(self.copy / "tessera.sqlite")) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            for table in tables:
                for _, column, kind, needed, _, key in database.execute(f"PRAGMA table_info({table})"):
                    texts, others = (TEXTS, INTEGERS) if kind != "INTEGER" else (TEXTS[:3], INTEGERS)
                    values = [*others, *texts, *BLOBS, *REALS, *([] if needed or key else [None])]
                    found += [Change(table, column, value, self._rows(table, key, handle)) for value in values]
        return found

    @staticmethod
    def _rows(table: str, key: int, handle: str) -> str:
        if table == "session_info":
            return f"session_handle = '{handle}'"
        return "rowid = 1" if table == "schema_migrations" else (
            f"app_id = (SELECT max(app_id) FROM {table})" if key else "true")

    def apply(self, change: Change) -> bool:
        """Puts the store back as it was, and stores a value; tells whether that can be stored at all."""
        shutil.rmtree(self.server.data)
        shutil.copytree(self.copy, self.server.data)
        with closing(sqlite3.connect(self.server.data / "tessera.sqlite")) as database:
            try:
                database.execute(f"UPDATE OR IGNORE {change.table} SET {change.column} = ? WHERE {change.rows}",
                                 (change.value,))
                database.commit()
            except (sqlite3.Error, OverflowError):
                return False
        return True


class PostgresStore:
    """The database, of which each change gets a copy."""

    def __init__(self, server: Server) -> None:
        self.server, self.pristine = server, str(server.database)
        self._sql(self.pristine, "INSERT INTO tessera_cut_offs (app_id, kind, subject, tenant, time, made_at, ended_by) "
                  "VALUES ('public', 'user', 'somebody', '', 1, 1, 'admin')")

    @staticmethod
    def _sql(database: str, text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-"],
                              input=text, capture_output=True, text=True, check=False)

    def changes(self, handle: str) -> list[Change]:
        columns = self._sql(self.pristine, """
            SELECT json_agg(json_build_array(table_name, column_name, data_type, is_nullable)) FROM
            information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_type = 'BASE TABLE' AND table_schema = 'public'""").stdout
        found = []
        for table, column, kind, nullable in json.loads(columns):
            values: tuple[Any, ...] = {"bigint": INTEGERS, "integer": INTEGERS, "bytea": BLOBS,
                                       "boolean": (True, False)}.get(kind, TEXTS)
            rows = f"session_handle = '{handle}'" if table == "session_info" else "true"
            found += [Change(table, column, value, rows)
                      for value in (*values, *([None] if nullable == "YES" else []))]
        return found

    def apply(self, change: Change) -> bool:
        head, _, options = self.pristine.partition("?")
        base, name = head.rpartition("/")[0], head.rpartition("/")[2] + "_changed"
        database = f"{base}/{name}?{options}"
        for text in (f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                     f"CREATE DATABASE {name} TEMPLATE {head.rpartition('/')[2]}"):
            done = self._sql(f"{base}/postgres?{options}", text)
            assert done.returncode == 0, done.stderr
        self.server.database = self.server.environment["POSTGRESQL_CONNECTION_URI"] = database
        statement = f"UPDATE {change.table} SET {change.column} = {literal(change.value)} WHERE {change.rows}"
        return self._sql(database, "SET session_replication_role = replica;" + statement).returncode == 0


def literal(value: Any) -> str:
    """A value as SQL."""
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, str):
        return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
    return "NULL" if value is None else str(value)


def command(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs a command on the store of a server that is stopped."""
    place = [] if server.database else ["--data-dir", str(server.data)]
    return subprocess.run([str(binary()), *arguments, *place], env={**os.environ, **server.environment},
                          capture_output=True, text=True, timeout=90, check=False)
