"""Databases as SuperTokens' cores leave them, and what such a core would read there."""

from __future__ import annotations

import os
import re
import subprocess

from harness import binary
from import_dump import SCHEMAS, make_dump
from postgres import USER, Cluster

LISTS = {
    "apps": "app_id, created_at_time",
    "tenants": "app_id, tenant_id, created_at_time",
    "tenant_configs": "connection_uri_domain, app_id, tenant_id, core_config, email_password_enabled, "
                      "passwordless_enabled, third_party_enabled, is_first_factors_null",
    "tenant_first_factors": "connection_uri_domain, app_id, tenant_id, factor_id",
    "tenant_required_secondary_factors": "connection_uri_domain, app_id, tenant_id, factor_id",
    "tenant_thirdparty_providers": "connection_uri_domain, app_id, tenant_id, third_party_id, name",
    "tenant_thirdparty_provider_clients": "connection_uri_domain, app_id, tenant_id, third_party_id, client_type, "
                                          "client_id, client_secret",
    "app_id_to_user_id": "app_id, user_id, recipe_id, primary_or_recipe_user_id, is_linked_or_is_a_primary_user",
    "userid_mapping": "app_id, supertokens_user_id, external_user_id",
    "session_info": "app_id, tenant_id, session_handle, user_id, refresh_token_hash_2, session_data, expires_at, "
                    "created_at_time, jwt_user_payload, use_static_key",
}
"""The columns that a core reads, by table."""


def tessera(uri: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command with a database in its environment."""
    return subprocess.run([str(binary()), *arguments], capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "POSTGRESQL_CONNECTION_URI": uri, **environment})


def load(cluster: Cluster, name: str, sql: str) -> str:
    """Makes a database of SQL as pg_dump writes it."""
    uri = cluster.create_database(name)
    sql = re.sub(r"OWNER TO st;", f"OWNER TO {USER};", sql)
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", uri], input=sql, text=True, check=True,
                   stdout=subprocess.DEVNULL)
    return uri


def load_11_1_3(cluster: Cluster, name: str) -> str:
    """A database of core 11.1.3 with sessions, keys, and the app `shop` with its settings."""
    return load(cluster, name, make_dump())


def schema(version: str) -> str:
    """The schema of a core, empty."""
    return (SCHEMAS / f"schema-{version}.sql").read_text()


def dump(cluster: Cluster, name: str) -> str:
    """All of a database, as text that is the same for the same contents."""
    text = subprocess.run(["pg_dump", "-d", cluster.uri(name)], capture_output=True, text=True, check=True).stdout
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


def what_a_core_reads(cluster: Cluster, name: str) -> dict[str, list[str]]:
    """What a core of 11.1.3 reads there, by table."""
    return {table: cluster.query(f"SELECT {columns} FROM {table} ORDER BY {columns}", name)
            for table, columns in LISTS.items()}
