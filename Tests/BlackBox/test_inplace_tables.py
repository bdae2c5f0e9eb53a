"""What a SuperTokens core finds in its tables after a core of ours has run on them, and which tables are refused."""

from __future__ import annotations

import json
import uuid

import pytest
from harness import Server, ServerFailed
from postgres import Cluster
from supertokens_place import dump, load, load_11_1_3, schema, tessera, what_a_core_reads

APPS = """
INSERT INTO tenant_configs VALUES
  ('', 'shop', 't1', '{}', true, false, true, false), ('', 'public', 'public', '{}', true, true, true, true),
  ('https://other.example', 'shop', 'public', '{}', true, true, true, true);
UPDATE tenant_configs SET core_config = '{"access_token_validity":1800,"refresh_token_validity":60,' ||
  '"password_reset_token_lifetime":5000,"ip_deny_regex":"192.0.2.1"}', email_password_enabled = true,
  passwordless_enabled = true, third_party_enabled = true, is_first_factors_null = true
  WHERE app_id = 'shop' AND tenant_id = 'public' AND connection_uri_domain = '';
INSERT INTO tenant_first_factors VALUES ('', 'shop', 't1', 'emailpassword'), ('', 'shop', 't1', 'thirdparty');
INSERT INTO tenant_required_secondary_factors VALUES ('', 'shop', 't1', 'totp');
INSERT INTO tenant_thirdparty_providers (connection_uri_domain, app_id, tenant_id, third_party_id, name)
  VALUES ('', 'shop', 't1', 'google', 'Google');
INSERT INTO tenant_thirdparty_provider_clients (connection_uri_domain, app_id, tenant_id, third_party_id, client_type,
  client_id, client_secret) VALUES ('', 'shop', 't1', 'google', '', 'id', 'secret');
"""
MANAGE = "/recipe/multitenancy"


def test_finding_d2_what_a_core_reads_is_the_same_before_and_after(cluster: Cluster) -> None:
    """finding D2: settings of apps are read in place, and a run that changes nothing leaves the list as it was."""
    uri = load_11_1_3(cluster, "shopping")
    cluster.query(APPS, "shopping")
    for command in (("doctor", "postgres"), ("migrate", "plan")):
        done = tessera(uri, *command)
        assert "'ip_deny_regex' cannot be set for an app" in done.stdout and done.returncode == 0, done.stdout
        assert "connectionUriDomain" in done.stdout, done.stdout
    before = what_a_core_reads(cluster, "shopping")
    with Server(database=uri) as server:
        core = server.core()
        made = core.post("/appid-shop/recipe/session", {
            "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}).json
        life = made["accessToken"]["expiry"] - made["accessToken"]["createdTime"]
        assert life == 1_800_000, "an app's own validity counts"
        life = made["refreshToken"]["expiry"] - made["refreshToken"]["createdTime"]
        assert life == 3_600_000, "in minutes, as there"
        own = core.create("u").json["accessToken"]
        assert own["expiry"] - own["createdTime"] == 3_600_000, "the core's own otherwise"
        apps = {app["appId"]: app for app in core.get(MANAGE + "/app/list/v2").json["apps"]}
        assert sorted(apps) == ["public", "shop"]
        tenants = {tenant["tenantId"]: tenant for tenant in apps["shop"]["tenants"]}
        assert sorted(tenants["t1"]["firstFactors"]) == ["emailpassword", "thirdparty"]
        assert tenants["t1"]["requiredSecondaryFactors"] == ["totp"]
        assert tenants["public"]["coreConfig"]["access_token_validity"] == 1800
        first = core.get("/appid-shop/t1" + MANAGE + "/tenant").json
        assert (first["emailPassword"], first["passwordless"]) == ({"enabled": True}, {"enabled": False})
        assert server.says("ip_deny_regex"), ("a setting without effect is told", server.output)
        handles = [made["session"]["handle"]]
        assert core.post("/appid-shop/recipe/session/remove", {"sessionHandles": handles}).json[
            "sessionHandlesRevoked"] == handles
        for handle in core.handles("u"):
            core.revoke([handle])
        assert server.stop() == 0
    assert what_a_core_reads(cluster, "shopping") == before


def test_finding_d2_apps_survive_both_ways(cluster: Cluster) -> None:
    """finding D2: an app made here is what such a core would write, and what it changes is read."""
    uri = load_11_1_3(cluster, "bothways")
    cluster.query(APPS, "bothways")
    before = what_a_core_reads(cluster, "bothways")
    with Server(database=uri) as server:
        core = server.core()
        config = {"access_token_validity": 61, "refresh_token_validity": 70}
        assert core.put(MANAGE + "/app/v2", {"appId": "made", "coreConfig": config}).json["createdNew"] is True
        tenant = {"tenantId": "t9", "firstFactors": ["otp-email", "thirdparty"], "requiredSecondaryFactors": ["totp"]}
        assert core.put("/appid-made" + MANAGE + "/tenant/v2", tenant).json["createdNew"] is True
        rows = cluster.query("SELECT connection_uri_domain, tenant_id, core_config, email_password_enabled, "
                             "passwordless_enabled, third_party_enabled, is_first_factors_null FROM tenant_configs "
                             "WHERE app_id = 'made' ORDER BY tenant_id", "bothways")
        assert rows == ['|public|{"access_token_validity":61,"refresh_token_validity":70}|t|t|t|t',
                        "|t9|{}|f|t|t|f"], "as such a core writes it"
        factors = "SELECT factor_id FROM tenant_{} WHERE app_id = 'made' ORDER BY 1"
        assert cluster.query(factors.format("first_factors"), "bothways") == ["otp-email", "thirdparty"]
        assert cluster.query(factors.format("required_secondary_factors"), "bothways") == ["totp"]
        for table in ("apps", "tenants"):
            assert len(cluster.query(f"SELECT 1 FROM {table} WHERE app_id = 'made' AND created_at_time > 0", "bothways"))
        # A change here reaches there, and takes nothing away that is another core's.
        assert core.put("/appid-shop" + MANAGE + "/app/v2", {}).status == 403
        changed = core.put(MANAGE + "/app/v2", {"appId": "shop", "coreConfig": {"access_token_validity": 900}})
        assert changed.json.get("createdNew") is False, changed.text
        stored = json.loads(cluster.query("SELECT core_config FROM tenant_configs WHERE app_id = 'shop' AND tenant_id = "
                                          "'public' AND connection_uri_domain = ''", "bothways")[0])
        assert stored == {"access_token_validity": 900, "refresh_token_validity": 60,
                          "password_reset_token_lifetime": 5000, "ip_deny_regex": "192.0.2.1"}
        fewer = {"tenantId": "t1", "firstFactors": ["emailpassword"], "requiredSecondaryFactors": None}
        assert core.put("/appid-shop" + MANAGE + "/tenant/v2", fewer).ok
        assert server.stop() == 0
    # The old core goes on: another validity, another tenant, and an app of its own.
    cluster.query("UPDATE tenant_configs SET core_config = '{\"access_token_validity\":77}' WHERE app_id = 'made' AND "
                  "tenant_id = 'public'; DELETE FROM tenant_first_factors WHERE app_id = 'made'; INSERT INTO "
                  "tenant_first_factors VALUES ('', 'made', 't9', 'webauthn'); INSERT INTO apps VALUES ('old', 5); "
                  "INSERT INTO tenants VALUES ('old', 'public', 5); INSERT INTO tenant_configs VALUES ('', 'old', "
                  "'public', '{\"access_token_validity\":99}', true, true, true, true)", "bothways")
    with Server(database=uri) as server:
        core = server.core()
        for app, seconds in (("made", 77), ("old", 99), ("shop", 900)):
            made = core.post(f"/appid-{app}/recipe/session", {
                "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}).json
            life = made["accessToken"]["expiry"] - made["accessToken"]["createdTime"]
            assert life == seconds * 1000, (app, life)
        assert core.get("/appid-made/t9" + MANAGE + "/tenant/v2").json["firstFactors"] == ["webauthn"]
        for app in ("made", "old"):
            assert core.post(MANAGE + "/app/remove", {"appId": app}).json["didExist"] is True
        for handle in core.get("/appid-shop/recipe/session/user", userId="u").json["sessionHandles"]:
            core.post("/appid-shop/recipe/session/remove", {"sessionHandles": [handle]})
        restored = {"appId": "shop", "coreConfig": {"access_token_validity": 1800}}
        assert core.put(MANAGE + "/app/v2", restored).ok
        more = {"tenantId": "t1", "firstFactors": ["emailpassword", "thirdparty"], "requiredSecondaryFactors": ["totp"]}
        assert core.put("/appid-shop" + MANAGE + "/tenant/v2", more).ok
        assert server.stop() == 0
    assert with_sorted_settings(what_a_core_reads(cluster, "bothways")) == with_sorted_settings(before), "as it was"


def with_sorted_settings(lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """The lists with the members of each `core_config` in one order: a changed member may have another place."""
    def row(text: str) -> str:
        cells = text.split("|")
        return "|".join([*cells[:3], json.dumps(json.loads(cells[3]), sort_keys=True), *cells[4:]])
    return {**lists, "tenant_configs": sorted(map(row, lists["tenant_configs"]))}


RENAMES = {
    "5.0": "ALTER TABLE session_info ADD COLUMN use_static_key boolean NOT NULL DEFAULT false; CREATE TABLE "
           "session_access_token_signing_keys (created_at_time bigint PRIMARY KEY, value text); CREATE TABLE "
           "jwt_signing_keys (key_id varchar(255) PRIMARY KEY, key_string text, algorithm varchar(10), created_at bigint)",
    "3.6": "CREATE TABLE session_access_token_signing_keys (created_at_time bigint PRIMARY KEY, value text)",
    "4.5": "CREATE TABLE session_access_token_signing_keys (created_at_time bigint PRIMARY KEY, value text); CREATE TABLE "
           "user_last_active (user_id varchar(128) PRIMARY KEY, last_active_time bigint)",
    "3.0": "CREATE TABLE emailpassword_users (user_id char(36) PRIMARY KEY)",
    "2.4": "CREATE TABLE past_tokens (refresh_token_hash_2 varchar(128) PRIMARY KEY)",
    "2.5": "SELECT 1",
}
"""Schemas before there were apps, as additions to that of core 2.5.2."""

LOSSES = {
    "12.1": "ALTER TABLE session_info ADD COLUMN prev_refresh_token_hash_2 varchar(128), ADD COLUMN "
            "refresh_token_rotated_at bigint",
    "11.3": "CREATE TABLE saml_clients (app_id varchar(64), client_id varchar(256))",
    "9.3": "DROP TABLE webauthn_users CASCADE; DROP TABLE webauthn_credentials CASCADE",
    "8.0": "DROP TABLE webauthn_users, oauth_clients CASCADE",
    "7.0": "DROP TABLE webauthn_users, oauth_clients, tenant_first_factors CASCADE",
    "6.0": "DROP TABLE webauthn_users, oauth_clients, tenant_first_factors CASCADE; ALTER TABLE app_id_to_user_id DROP "
           "COLUMN primary_or_recipe_user_id CASCADE",
}
"""Schemas with apps, as changes of that of core 11.1.3."""


def refused(cluster: Cluster, name: str, uri: str, says: str) -> None:
    """Each command refuses the database in the same words, and writes nothing."""
    before = dump(cluster, name)
    for arguments in (("doctor", "postgres"), ("migrate", "plan"), ("migrate", "apply")):
        done = tessera(uri, *arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 1 and says in said and "nothing was changed" in said, (arguments, said)
        assert "tessera import" in said or "postgresql_table_schema" in said, ("the way to go", said)
    with pytest.raises(ServerFailed) as failure:
        with Server(database=uri):
            pass
    assert says in str(failure.value) and "the server ended with 1" in str(failure.value), str(failure.value)
    assert dump(cluster, name) == before, "nothing was written"


@pytest.mark.parametrize("version", [*RENAMES, *LOSSES])
def test_finding_d3_other_generations_are_named_and_left_alone(cluster: Cluster, version: str) -> None:
    """finding D3: the schema of every other generation is refused with its version, and nothing is written."""
    name = "old_" + version.replace(".", "_")
    base, changes = ("2.5.2", RENAMES) if version in RENAMES else ("11.1.3", LOSSES)
    uri = load(cluster, name, schema(base))
    cluster.query(changes[version], name)
    refused(cluster, name, uri, f"a SuperTokens core {'1.0 to 2.4' if version == '2.4' else version}")


def test_finding_d3_tables_of_others_are_left_alone(cluster: Cluster) -> None:
    """finding D3: tables of the same names that no core has made are refused as well."""
    for name, sql in (("foreign_one", "CREATE TABLE tenants (id int PRIMARY KEY, name text)"),
                      ("foreign_two", "CREATE TABLE key_value (key text, value text)"),
                      ("foreign_three", "CREATE TABLE session_info (id int); CREATE TABLE apps (id int)")):
        uri = cluster.create_database(name)
        cluster.query(sql, name)
        refused(cluster, name, uri, "which no core has made")
    uri = cluster.create_database("unrelated")
    cluster.query("CREATE TABLE customers (id int PRIMARY KEY)", "unrelated")
    with Server(database=uri) as server:
        assert server.core().create("u").outcome == "OK", "tables of other names do not matter"


def test_finding_d5_a_name_that_does_not_fit_says_so(cluster: Cluster) -> None:
    """findings D5 and D6: a user id that the tables of such a core cannot hold is refused in words, a half emoji is kept."""
    uri = load_11_1_3(cluster, "texts")
    with Server(database=uri) as server:
        core = server.core()
        assert core.create("x" * 128).ok
        long = core.create("x" * 129)
        assert (long.status, "longer than its column" in long.text, "128" in long.text) == (400, True, True), long.text
        zero = core.create("a\u0000b")
        assert (zero.status, zero.text) == (400, "Field name 'userId' has the character U+0000 in it\n")
        half = {"name": "\ud83d", "\ude00": [None, "x\ud83dy"]}
        body = json.dumps({"userId": "half", "userDataInJWT": half, "userDataInDatabase": half, "enableAntiCsrf": False})
        made = core.send("POST", "/recipe/session", body.encode()).json
        assert made["session"]["userDataInJWT"] == half
        read = core.information(made["session"]["handle"]).json
        assert (read["userDataInJWT"], read["userDataInDatabase"]) == (half, half), "and back from PostgreSQL"
        assert core.refresh(made["refreshToken"]["token"]).json["session"]["userDataInJWT"] == half


def test_finding_d2_an_app_elsewhere_is_not_served(cluster: Cluster) -> None:
    """finding D2: an app whose sessions are in a database of its own is named, and its requests are not answered from here."""
    uri = load_11_1_3(cluster, "elsewhere")
    cluster.query("UPDATE tenant_configs SET core_config = '{\"postgresql_connection_uri\":\"postgresql://u:hidden@h/d\"}'",
                  "elsewhere")
    doctor = tessera(uri, "doctor", "postgres")
    assert doctor.returncode == 1 and "'shop' is not served" in doctor.stdout, doctor.stdout
    plan = tessera(uri, "migrate", "plan")
    assert plan.returncode == 0 and "'shop' is not served" in plan.stdout, plan.stdout
    with Server(database=uri) as server:
        core = server.core()
        assert core.get("/appid-shop/recipe/session/user", userId="u").status == 500
        assert core.create("u").ok, "others are served"
        assert server.says("'postgresql_connection_uri' is not supported"), server.output
        assert "hidden" not in server.output + doctor.stdout + plan.stdout
    cluster.query("UPDATE tenant_configs SET core_config = '{\"postgresql_connection_pool_size\":5,"
                  "\"access_token_validity\":120}'", "elsewhere")
    with Server(database=uri) as server:
        made = server.core().post("/appid-shop/recipe/session", {
            "userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}).json
        assert made["accessToken"]["expiry"] - made["accessToken"]["createdTime"] == 120_000


def test_finding_d9_linked_accounts(cluster: Cluster) -> None:
    """finding D9: sessions of linked accounts name their primary user, and end with him."""
    uri = load_11_1_3(cluster, "linked")
    primary, member, named, alone = (str(uuid.uuid4()) for _ in range(4))
    cluster.query(
        "INSERT INTO app_id_to_user_id VALUES "
        f"('public', '{primary}', 'emailpassword', '{primary}', true), "
        f"('public', '{member}', 'thirdparty', '{primary}', true), "
        f"('public', '{named}', 'passwordless', '{primary}', true), "
        f"('public', '{alone}', 'passwordless', '{alone}', false); "
        f"INSERT INTO userid_mapping VALUES ('public', '{named}', 'bob', NULL)", "linked")
    for command in (("doctor", "postgres"), ("migrate", "plan")):
        done = tessera(uri, *command)
        assert done.returncode == 0 and "2 users are linked" in done.stdout and "4 users of log-in" in done.stdout, (
            command, done.stdout + done.stderr)
    with Server(database=uri) as server:
        core = server.core()
        assert server.says("2 users are linked"), server.output
        sessions = {user: core.create(user).json for user in (primary, member, "bob", alone)}
        for user, made in sessions.items():
            told = user if user == alone else primary
            assert (made["session"]["userId"], made["session"]["recipeUserId"]) == (told, user)
            again = core.refresh(made["refreshToken"]["token"]).json
            assert (again["session"]["userId"], again["session"]["recipeUserId"]) == (told, user), "and at refresh"
            seen = core.verify(again["accessToken"]["token"], True).json["session"]
            assert (seen["userId"], seen["recipeUserId"]) == (told, user), "and at verify"
            read = core.information(made["session"]["handle"]).json
            assert (read["userId"], read["recipeUserId"]) == (told, user), "and when it is read"
            row = cluster.query(f"SELECT user_id FROM session_info WHERE session_handle = "
                                f"'{made['session']['handle']}'", "linked")
            assert row == [user], "the row has the user of the login method, as there"
        handles = {user: made["session"]["handle"] for user, made in sessions.items()}
        family = {handles[user] for user in (primary, member, "bob")}
        for user in (primary, member, named, "bob"):
            assert set(core.get("/recipe/session/user", userId=user).json["sessionHandles"]) == family, user
        single = core.get("/recipe/session/user", userId=member, fetchSessionsForAllLinkedAccounts="false").json
        assert single["sessionHandles"] == [handles[member]]
        own = core.post("/recipe/session/remove", {"userId": member, "revokeSessionsForLinkedAccounts": False}).json
        assert own["sessionHandlesRevoked"] == [handles[member]]
        ended = core.post("/recipe/session/remove", {"userId": primary}).json["sessionHandlesRevoked"]
        assert set(ended) == family - {handles[member]}
        assert core.handles(alone) == [handles[alone]], "nobody else's"
        assert core.handles("u1"), "nor those of users who are no users there"
