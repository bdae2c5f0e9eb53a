import Foundations
import SessionStorage

extension SchemaMigration {
    /// The table of ends, and what fills it in the statement that ends (docs/decisions/0046): also one of a SuperTokens core
    /// that runs beside, whose role needs no rights on our tables.
    ///
    /// A session that expired a while ago, and one that a cut-off has ended before, are not noted.
    static func revocations(_ tables: TableNames) -> [SchemaStatement] {
        let log = "tessera_revocations"
        return [
            table(
                tables, log,
                """
                sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app_id TEXT NOT NULL, kind TEXT NOT NULL, \
                subject TEXT NOT NULL, tenant TEXT NOT NULL, time BIGINT NOT NULL, noted_at BIGINT NOT NULL
                """),
            index(tables, log, "tessera_revocations_app_index", "(app_id, sequence)"),
        ]
            + trigger(
                tables, "tessera_note_sessions", on: "session_info", "DELETE", "OLD",
                """
                SELECT app_id, 'session', session_handle, '', noted.at, noted.at FROM changed, noted \
                WHERE expires_at > noted.at - \(RevocationRecord.expiryMargin.count) \
                AND NOT EXISTS (SELECT 1 FROM \(tables.quoted("tessera_cut_offs")) AS c WHERE c.app_id = changed.app_id \
                AND c.kind = 'user' AND c.subject = changed.user_id AND c.tenant = '' AND c.time >= created_at_time) \
                AND NOT EXISTS (SELECT 1 FROM \(tables.quoted("tessera_cut_offs")) AS c WHERE c.app_id = changed.app_id \
                AND c.kind = 'user_in_tenant' AND c.subject = changed.user_id AND c.tenant = changed.tenant_id \
                AND c.time >= created_at_time)
                """)
            + trigger(
                tables, "tessera_note_cut_offs", on: "tessera_cut_offs", "INSERT", "NEW",
                "SELECT app_id, 'user', subject, tenant, time, noted.at FROM changed, noted")
            + trigger(
                tables, "tessera_note_keys", on: "tessera_signing_keys", "DELETE", "OLD",
                "SELECT app_id, 'key', key_id, '', noted.at, noted.at FROM changed, noted")
    }

    /// The names of the triggers, each with its table and what is wrong without it.
    static let triggers = [
        ("tessera_note_sessions", "session_info", "the feed of ended sessions has gaps"),
        ("tessera_note_cut_offs", "tessera_cut_offs", "the feed of ended sessions has gaps"),
        ("tessera_note_keys", "tessera_signing_keys", "the feed of ended sessions has gaps"),
        (eventTrigger, "tessera_audit_trail", "streams of security events miss ends of sessions"),
    ]

    /// A trigger for each statement, with its function.
    private static func trigger(
        _ tables: TableNames, _ name: String, on table: String, _ change: String, _ rows: String, _ noted: String
    ) -> [SchemaStatement] {
        let (function, target) = (tables.quoted(name), tables.quoted(table))
        return [
            SchemaStatement(
                purpose: "what \(tables.plain(table)) does at \(change)",
                sql: """
                    CREATE OR REPLACE FUNCTION \(function)() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
                    SET search_path = pg_catalog, pg_temp AS $body$ BEGIN \
                    INSERT INTO \(tables.quoted("tessera_revocations")) (app_id, kind, subject, tenant, time, noted_at) \
                    WITH noted AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at) \
                    \(noted); RETURN NULL; END $body$
                    """, lock: .none),
            SchemaStatement(
                purpose: "a trigger of \(tables.plain(table))",
                sql: """
                    DO $do$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = '\(name)' \
                    AND tgrelid = '\(target)'::regclass) THEN CREATE TRIGGER \(name) AFTER \(change) ON \(target) \
                    REFERENCING \(rows) TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION \(function)(); \
                    END IF; END $do$
                    """, lock: .shareRowExclusiveBrief),
        ]
    }
}
