#!/usr/bin/env python3
"""Runs a core directly on the schema of SuperTokens' core 11.1.3, and looks at what that core would find afterwards.

The schema is migrated while a million sessions are in it and others write, with an eye on every lock.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time

from harness import Checks, Server, binary, exit_on_signals
from import_dump import AWKWARD, HANDLE, VECTORS, make_dump
from nodes import LockWatch
from postgres import USER, Cluster

ADDED = {"apps": {"tessera_revision"}, "tenants": {"tessera_settings"},
         "session_info": {"prev_refresh_token_hash_2", "refresh_token_rotated_at", "tessera_token_used",
                          "tessera_generation", "tessera_version", "tessera_sharing"}}


def tessera(uri: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with a database in its environment."""
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=300, check=False,
                          env={**os.environ, "POSTGRESQL_CONNECTION_URI": uri})


def columns(cluster: Cluster, database: str) -> dict[str, set[str]]:
    """The columns of every table."""
    found: dict[str, set[str]] = {}
    for line in cluster.query("SELECT table_name || ' ' || column_name FROM information_schema.columns "
                              "WHERE table_schema = 'public'", database):
        table, column = line.split()
        found.setdefault(table, set()).add(column)
    return found


def restore(cluster: Cluster, name: str, rows: int) -> str:
    """Makes a database as a SuperTokens core leaves it."""
    uri = cluster.create_database(name)
    dump = make_dump().replace("OWNER TO st;", f"OWNER TO {USER};")
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri], input=dump, text=True, check=True,
                   stdout=subprocess.DEVNULL)
    cluster.query("INSERT INTO session_info SELECT 'public', 'public', 'h' || n, 'u' || n % 1000, md5(n::text), '{}', "
                  f"4102444800000, n, '{{}}', false FROM generate_series(1, {rows}) AS n", name)
    return uri


def watch_works(cluster: Cluster, checks: Checks) -> None:
    """The watch over locks sees one: its negative control."""
    cluster.create_database("watched")
    cluster.query("CREATE TABLE t (a int)", "watched")
    watch = LockWatch(cluster, "watched")
    # Two seconds, because a busy machine looks with gaps, and each gap begins another lock.
    cluster.query("BEGIN; LOCK TABLE t; SELECT pg_sleep(2); COMMIT", "watched")
    seen = watch.stop()
    checks.check(f"a lock of two seconds is seen ({seen * 1000:.0f} ms without a gap)", seen > 0.3)


def migrates(cluster: Cluster, checks: Checks, uri: str, rows: int) -> None:
    """The additions, made beside the traffic of the old core."""
    before = columns(cluster, "old")
    plan = tessera(uri, "migrate", "plan")
    checks.check("the plan says what it found and what it locks",
                 plan.returncode == 0 and "SuperTokens" in plan.stdout and "SHARE UPDATE EXCLUSIVE" in plan.stdout
                 and "ACCESS EXCLUSIVE, for an entry" in plan.stdout, plan.stdout + plan.stderr)
    checks.equal("the plan changes nothing", columns(cluster, "old"), before)
    doctor = tessera(uri, "doctor", "postgres")
    checks.check("the doctor sees what is missing", "0001-sessions" in doctor.stdout, doctor.stdout)
    end, slowest = threading.Event(), [0.0]

    def old_core() -> None:
        process = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", uri], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        assert process.stdin and process.stdout
        number = 0
        while not end.is_set():
            number += 1
            begun = time.monotonic()
            process.stdin.write("BEGIN; SELECT 1 FROM session_info WHERE app_id = 'public' AND tenant_id = 'public' "
                                f"AND session_handle = 'h{number}' FOR UPDATE; UPDATE session_info SET expires_at = "
                                "expires_at + 1 WHERE app_id = 'public' AND tenant_id = 'public' AND "
                                f"session_handle = 'h{number}'; COMMIT; SELECT 'end';\n")
            process.stdin.flush()
            for line in process.stdout:
                if line.strip() == "end":
                    break
            slowest[0] = max(slowest[0], time.monotonic() - begun)
        process.kill()

    writer = threading.Thread(target=old_core)
    writer.start()
    watch = LockWatch(cluster, "old")
    done = tessera(uri, "migrate", "apply")
    longest = watch.stop()
    end.set()
    writer.join()
    checks.check("the schema is migrated", done.returncode == 0, done.stdout + done.stderr)
    checks.check("progress is shown", "[1/" in done.stderr and "100%" in done.stderr + "100%", done.stderr)
    checks.check(f"no lock that stops others for 100 ms ({rows} rows; longest {longest * 1000:.0f} ms)", longest < 0.1)
    checks.check(f"the old core's transactions went on (slowest {slowest[0] * 1000:.0f} ms)", slowest[0] < 1)
    after = columns(cluster, "old")
    checks.equal("only our own was added", {table: after[table] - before.get(table, set()) for table in before
                                            if after.get(table) != before[table]}, ADDED)
    checks.equal("and only our own tables", sorted(set(after) - set(before)),
                 ["tessera_audit_trail", "tessera_cut_offs", "tessera_schema_migrations", "tessera_signing_keys"])
    checks.check("a second time there is nothing to do", "up to date" in tessera(uri, "migrate", "apply").stdout)


def serves(cluster: Cluster, checks: Checks, uri: str) -> None:
    """Old sessions go on, and what is new is where the old core looks for it."""
    with Server(database=uri) as server:
        core = server.core()
        first = core.refresh(VECTORS["refresh"]["token"])
        checks.equal("the old refresh token is exchanged", first.outcome, "OK")
        checks.equal("the payload is there", first.json["session"]["userDataInJWT"], AWKWARD)
        checks.equal("the new access token is good", core.verify(first.json["accessToken"]["token"], True).outcome, "OK")
        kids = sorted(key["kid"] for key in core.get("/.well-known/jwks.json").json["keys"])
        dynamic = cluster.query("SELECT 'd-' || created_at_time FROM session_access_token_signing_keys "
                                "WHERE app_id = 'public' ORDER BY 1", "old")
        static = cluster.query("SELECT key_id FROM jwt_signing_keys WHERE app_id = 'public' AND algorithm = 'RS256'",
                               "old")
        checks.equal("the old core knows every key that is published", sorted(dynamic + static), kids)
        checks.equal("the old key signs", first.json["accessToken"]["token"].split(".")[0] != "", True)
        made = core.create("switcher", {"a": 1}, {"b": 2}).json
        row = cluster.query("SELECT tenant_id, user_id, length(refresh_token_hash_2), session_data, jwt_user_payload, "
                            f"use_static_key FROM session_info WHERE session_handle = '{made['session']['handle']}'",
                            "old")
        checks.equal("a new session is what the old core writes", row,
                     ['public|switcher|64|{"b":2}|{"a":1}|f'])
        # What the old core does when a team switches back: a session of its own, and a rotation of ours.
        cluster.query("INSERT INTO session_info (app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, "
                      "session_data, expires_at, created_at_time, jwt_user_payload, use_static_key) VALUES ('public', "
                      "'public', 'back', 'back', 'x', '{}', 4102444800000, 1, '{\"back\":true}', false)", "old")
        found = core.information("back")
        checks.check("a session that the old core made meanwhile is there",
                     found.ok and found.json.get("userDataInJWT") == {"back": True}, found.text)
        handle = made["session"]["handle"]
        cluster.query("UPDATE session_info SET refresh_token_hash_2 = 'another', expires_at = expires_at + 1 "
                      f"WHERE session_handle = '{handle}'", "old")
        checks.equal("a rotation by the old core counts", core.refresh(made["refreshToken"]["token"]).outcome,
                     "TOKEN_THEFT_DETECTED")
        checks.equal("a session ends for both", core.revoke([HANDLE]).json["sessionHandlesRevoked"], [HANDLE])
        checks.equal("its row is gone", cluster.query(
            f"SELECT app_id FROM session_info WHERE session_handle = '{HANDLE}'", "old"), ["shop"])
        checks.equal("stop", server.stop(), 0)
    checks.equal("the old core's secret is as it was", cluster.query(
        "SELECT value FROM key_value WHERE app_id = 'public' AND name = 'refresh_token_key'", "old"),
        [VECTORS["refresh"]["master_key"]])
    doctor = tessera(uri, "doctor", "postgres")
    checks.check("the doctor is content", doctor.returncode == 0 and "in place" in doctor.stdout
                 and "BAD" not in doctor.stdout, doctor.stdout + doctor.stderr)


def doctors(cluster: Cluster, checks: Checks) -> None:
    """What the doctor finds, and what it says to do."""
    cluster.query("CREATE ROLE weak LOGIN; ALTER ROLE weak SET synchronous_commit = off;", "postgres")
    uri = cluster.create_database("weak")
    weak = uri.replace(f"//{USER}@", "//weak@")
    found = tessera(weak, "doctor", "postgres")
    checks.check("a role that cannot make tables", found.returncode == 1 and "may not make tables" in found.stdout
                 and "GRANT" in found.stdout, found.stdout)
    checks.check("commits that do not wait", "ALTER ROLE weak SET synchronous_commit = on" in found.stdout, found.stdout)
    away = tessera(uri.replace(f":{cluster.port}", ":1"), "doctor", "postgres")
    checks.check("no server", away.returncode == 1 and "no connection" in away.stderr, away.stderr)
    nothing = subprocess.run([str(binary()), "doctor", "postgres"], capture_output=True, text=True, check=False)
    checks.check("no database named", nothing.returncode == 1 and "POSTGRESQL_CONNECTION_URI" in nothing.stderr,
                 nothing.stderr)
    with Server(database=uri):
        pass
    cluster.query("GRANT ALL ON ALL TABLES IN SCHEMA public TO weak", "weak")
    with Server(database=weak) as server:
        checks.check("a server-side setting that loses commits is put right, and told",
                     server.says("synchronous_commit was off"), server.output)
        settled = cluster.query("SELECT count(*) FROM pg_stat_activity WHERE usename = 'weak'", "weak")
        checks.check("the core is connected as that role", int(settled[0]) >= 1, settled)
    with Server(database=f"{uri}&options=-c%20synchronous_commit%3Doff") as server:
        checks.check("the operator's own word is taken, with an alarm", server.says("can be lost"), server.output)


def main() -> int:
    """Runs the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    options = parser.parse_args()
    rows = options.rows // 10 if options.quick else options.rows
    exit_on_signals()
    checks = Checks()
    with Cluster() as cluster:
        checks.run("watch", lambda: watch_works(cluster, checks))
        uri = restore(cluster, "old", rows)
        checks.run("migrate", lambda: migrates(cluster, checks, uri, rows))
        checks.run("serve", lambda: serves(cluster, checks, uri))
        checks.run("doctor", lambda: doctors(cluster, checks))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
