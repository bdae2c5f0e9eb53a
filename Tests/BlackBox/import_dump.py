"""Imports a dump with `tessera import` and goes on with an old session over HTTP.

The token and the keys are the fixed vectors of Tests/SessionEngineTests/Vectors: nothing here can make a token.
`--dump FILE [--rows N]` only writes the dump, to try it on a real PostgreSQL or to measure.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from harness import ROOT, Checks, Server, ServerFailed, TemporaryFolder, binary, exit_on_signals

SCHEMAS = ROOT / "Tests" / "SessionImportTests" / "Schemas"
VECTORS = json.loads((ROOT / "Tests" / "SessionEngineTests" / "Vectors" / "tokens.json").read_text())
HANDLE = "11111111-1111-4111-8111-111111111111"
AWKWARD = {"text": "tab\t 'quote' \\ backslash \n newline, é 漢 🙂", "n": [1, 2.50, None]}
DAY = 86_400_000


def escape(value: object) -> str:
    """A value as COPY writes it."""
    if value is None:
        return "\\N"
    text = str(value)
    for plain, escaped in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return text


def copy(table: str, columns: str, rows: list[list[object]]) -> str:
    """A COPY block."""
    lines = "".join("\t".join(escape(value) for value in row) + "\n" for row in rows)
    return f"COPY public.{table} ({columns}) FROM stdin;\n{lines}\\.\n\n\n"


def make_dump(rows: int = 3) -> str:
    """A dump of core 11.1.3 with the session of the vectors, an ended one, one that is no session, and others."""
    now = int(time.time() * 1000)
    own, refresh = VECTORS["own"], VECTORS["refresh"]
    sessions = [
        ["public", "public", HANDLE, "u1", refresh["hash2"], json.dumps({"home": 1}), now + DAY, now - DAY,
         json.dumps(AWKWARD, ensure_ascii=False), "f"],
        ["shop", "public", HANDLE, "u1", refresh["hash2"], "{}", now + DAY, now - DAY, '{"shop":true}', "f"],
        ["public", "public", str(uuid.uuid4()), "u1", refresh["hash2"], "{}", now - 1, now - DAY, "{}", "f"],
        ["public", "public", str(uuid.uuid4()), "u1", refresh["hash2"], "{}", now + DAY, now - DAY, "[]", "f"],
    ]
    for number in range(rows + 1 - len(sessions)):
        token_hash = hashlib.sha256(str(number).encode()).hexdigest()
        sessions.append(["public", "public", str(uuid.uuid4()), f"user-{number % 1000}", token_hash,
                         '{"theme":"dark","number":%d}' % number, now + DAY, now - DAY, '{"role":"admin"}', "f"])
    key = f"{own['rsa_public_spki_b64']}|{own['rsa_private_pkcs8_b64']}"
    data = "".join([
        copy("apps", "app_id, created_at_time", [["public", now], ["shop", now]]),
        copy("tenants", "app_id, tenant_id, created_at_time",
             [["public", "public", now], ["shop", "public", now], ["shop", "t1", now]]),
        copy("tenant_configs", "connection_uri_domain, app_id, tenant_id, core_config",
             [["", "shop", "public", '{"access_token_validity":61,"ip_deny_regex":"x"}']]),
        copy("key_value", "app_id, tenant_id, name, value, created_at_time",
             [[app, "public", "refresh_token_key", refresh["master_key"], now] for app in ("public", "shop")]),
        copy("session_access_token_signing_keys", "app_id, created_at_time, value", [["public", now - DAY, key]]),
        copy("session_info", "app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, "
             "expires_at, created_at_time, jwt_user_payload, use_static_key", sessions),
    ])
    schema = (SCHEMAS / "schema-11.1.3.sql").read_text()
    place = schema.rindex("--\n-- Name: ", 0, schema.index("Type: CONSTRAINT"))
    return schema[:place] + data + schema[place:]


def tessera(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command."""
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=120)


def secrets_in(text: str) -> list[str]:
    """Which of the secrets of the dump a text shows."""
    values = {"master key": VECTORS["refresh"]["master_key"][-40:],
              "private key": VECTORS["own"]["rsa_private_pkcs8_b64"][40:80], "hash": VECTORS["refresh"]["hash2"]}
    return [name for name, value in values.items() if value in text]


def refusals(checks: Checks, folder: Path, dump: Path) -> None:
    """What the command does not take."""
    data = str(folder / "none")
    found = tessera("import", "--from", "postgresql://me:hunter2@db/x", "--data-dir", data)
    checks.equal("an address: exit code", found.returncode, 1)
    checks.check("an address: says pg_dump and no password", "pg_dump" in found.stderr and "hunter2" not in found.stderr,
                 found.stderr)
    cut = folder / "cut.sql"
    cut.write_text(dump.read_text()[:-200])
    found = tessera("import", "--from", str(cut), "--data-dir", data)
    checks.equal("a dump that is cut off: exit code", found.returncode, 1)
    checks.check("a dump that is cut off: says so", "cut off" in found.stderr, found.stderr)
    checks.check("nothing was made", not Path(data).exists())
    served = Server()
    served.start().stop()
    found = tessera("import", "--from", str(dump), "--data-dir", str(served.data))
    checks.check("a folder that has served", found.returncode == 1 and "fresh data folder" in found.stderr, found.stderr)
    checks.equal("it still starts", served.start().stop(), 0)


def imports(checks: Checks, folder: Path, dump: Path) -> Server:
    """Dry run, import and import again."""
    data = folder / "data"
    command = ["import", "--from", str(dump), "--data-dir", str(data)]
    dry = tessera(*command, "--dry-run")
    checks.equal("dry run: exit code", dry.returncode, 2)
    checks.check("dry run: numbers", "2 to import" in dry.stdout and "1 left behind" in dry.stdout, dry.stdout)
    checks.check("dry run: writes nothing", not data.exists())
    checks.check("a dump that others may read is warned of", "chmod 600" in dry.stderr, dry.stderr)
    os.chmod(dump, 0o600)
    done = tessera(*command)
    checks.equal("import: exit code", done.returncode, 2)
    checks.check("import: numbers", "2 imported" in done.stdout and "not a JSON object" in done.stdout, done.stdout)
    checks.equal("import: what an app cannot have here is named", done.stderr.strip(),
                 "note: app shop, tenant public: 'ip_deny_regex' cannot be set for an app, only for the whole core; "
                 "it was left out")
    again = tessera(*command)
    checks.check("again: nothing to do", again.returncode == 0 and "already" in again.stdout, again.stdout + again.stderr)
    checks.equal("no secrets are shown", secrets_in(dry.stdout + done.stdout + done.stderr + again.stdout), [])
    server = Server(data)
    (data / "tessera.import").write_text(
        (data / "tessera.import").read_text().replace("state finished", "state running"))
    try:
        server.start()
        checks.check("an unfinished import is not served", False)
    except ServerFailed as error:
        checks.check("an unfinished import is not served", "has not finished" in str(error), error)
    checks.equal("it is finished by running it again", tessera(*command).returncode, 2)
    return server


def goes_on(checks: Checks, server: Server, dump: Path) -> None:
    """The old session over HTTP."""
    server.start()
    core = server.core()
    busy = tessera("import", "--from", str(dump), "--data-dir", str(server.data))
    checks.check("a folder in use is refused", busy.returncode == 1 and "another process" in busy.stderr, busy.stderr)
    token = VECTORS["refresh"]["token"]
    reply = core.refresh(token)
    checks.equal("the old refresh token is exchanged", reply.outcome, "OK")
    session = reply.json
    checks.equal("the payload came along", session["session"]["userDataInJWT"], AWKWARD)
    keys = core.get("/.well-known/jwks.json").json["keys"]
    checks.check("the old key is published",
                 any(key["n"].rstrip("=") == session_key() for key in keys), [key["kid"] for key in keys])
    verified = core.verify(session["accessToken"]["token"])
    checks.equal("the new access token is good", verified.outcome, "OK")
    newer = core.refresh(session["refreshToken"]["token"])
    checks.equal("the new one goes on", newer.outcome, "OK")
    late = core.refresh(token)
    checks.equal("the old refresh token once more, in time", late.outcome, "OK")
    checks.equal("is given the same new one", late.json["refreshToken"]["token"], session["refreshToken"]["token"])
    checks.equal("the newest one is used", core.verify(newer.json["accessToken"]["token"]).outcome, "OK")
    checks.equal("the old refresh token is used up", core.refresh(token).outcome, "TOKEN_THEFT_DETECTED")
    checks.equal("and its reuse ends the session",
                 core.refresh(newer.json["refreshToken"]["token"]).outcome, "UNAUTHORISED")
    shop = core.post("/appid-shop/recipe/session/refresh", {
        "refreshToken": token, "enableAntiCsrf": False, "useDynamicSigningKey": True})
    checks.equal("the other app's session goes on by itself", shop.outcome, "OK")
    checks.equal("with that app's payload", shop.json["session"]["userDataInJWT"], {"shop": True})
    life = shop.json["accessToken"]["expiry"] - shop.json["accessToken"]["createdTime"]
    checks.equal("and that app's configuration", life, 61_000)
    checks.equal("its tenant is known", core.post("/appid-shop/t1/recipe/session", {
        "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}).outcome, "OK")
    expired = core.verify(VECTORS["own"]["legacy_tokens"]["V2"])
    checks.check("the signature of an old access token is good, though it has expired",
                 "expired" in expired.text.lower(), expired.text)
    checks.equal("stop", server.stop(), 0)


def session_key() -> str:
    """The modulus of the vectors' key in base64url."""
    der = base64.b64decode(VECTORS["own"]["rsa_public_spki_b64"])
    modulus = der[-5 - 256:-5]
    return base64.urlsafe_b64encode(modulus).decode().rstrip("=")


def main() -> int:
    """Runs the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dump", type=Path)
    parser.add_argument("--rows", type=int, default=3)
    options = parser.parse_args()
    if options.dump:
        options.dump.write_text(make_dump(options.rows))
        return 0
    exit_on_signals()
    checks = Checks()
    folder = TemporaryFolder().path
    dump = folder / "dump.sql"
    dump.write_text(make_dump())
    os.chmod(dump, 0o644)
    checks.run("refusals", lambda: refusals(checks, folder, dump))
    checks.run("import", lambda: goes_on(checks, imports(checks, folder, dump), dump))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
