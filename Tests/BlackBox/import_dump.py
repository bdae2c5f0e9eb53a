"""A dump of a SuperTokens core, as test_import.py and test_inplace.py use it.

The token and the keys are the fixed vectors of Tests/SessionEngineTests/Vectors: nothing here can make a token.
`import_dump.py FILE ROWS` writes the dump, to try it on a real PostgreSQL or to measure.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import uuid
from pathlib import Path

from harness import ROOT

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


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(make_dump(int(sys.argv[2])))
