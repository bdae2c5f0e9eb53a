import Foundations
import SessionEngine
import SessionStorage

extension SchemaMigration {
    /// The trigger that fills the outbox of security events.
    static let eventTrigger = "tessera_note_events"

    /// The streams of security events with what waits for them, and what fills the outbox (docs/decisions/0049).
    ///
    /// A trigger of each row with a condition: an entry that is not kept pays for the comparison of a name, where a
    /// trigger of the statement would cost every refresh a call.
    static func eventOutbox(_ tables: TableNames) -> [SchemaStatement] {
        let (streams, outbox) = ("tessera_event_streams", "tessera_event_outbox")
        return [
            table(
                tables, streams,
                """
                app_id TEXT NOT NULL, name TEXT NOT NULL, owner TEXT, leased_until BIGINT NOT NULL DEFAULT 0, \
                last_error TEXT, last_delivery BIGINT, PRIMARY KEY (app_id, name)
                """),
            table(
                tables, outbox,
                """
                number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app_id TEXT NOT NULL, stream TEXT NOT NULL, \
                sequence BIGINT NOT NULL, time BIGINT NOT NULL, event TEXT NOT NULL, session_handle TEXT NOT NULL, \
                tenant_id TEXT, user_id TEXT, details TEXT NOT NULL, actor TEXT, means TEXT, since BIGINT NOT NULL, \
                attempts BIGINT NOT NULL DEFAULT 0, next_attempt BIGINT NOT NULL DEFAULT 0, \
                dead BOOLEAN NOT NULL DEFAULT false
                """),
            index(tables, outbox, "tessera_event_outbox_stream_index", "(app_id, stream, dead, number)"),
            SchemaStatement(
                purpose: "what \(tables.plain("tessera_audit_trail")) does at INSERT",
                sql: """
                    CREATE OR REPLACE FUNCTION \(tables.quoted(eventTrigger))() RETURNS trigger LANGUAGE plpgsql \
                    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$ BEGIN \(copy(tables)); \
                    RETURN NULL; END $body$
                    """, lock: .none),
            SchemaStatement(
                purpose: "a trigger of \(tables.plain("tessera_audit_trail"))",
                sql: """
                    DO $do$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgname = '\(eventTrigger)' \
                    AND tgrelid = '\(tables.quoted("tessera_audit_trail"))'::regclass) THEN CREATE TRIGGER \(eventTrigger) \
                    AFTER INSERT ON \(tables.quoted("tessera_audit_trail")) FOR EACH ROW WHEN (\(PendingEvent.isNoted)) \
                    EXECUTE FUNCTION \(tables.quoted(eventTrigger))(); END IF; END $do$
                    """, lock: .shareRowExclusiveBrief),
        ]
    }

    /// One row for each stream, but of the entries that follow one about all sessions of a user.
    private static func copy(_ tables: TableNames) -> String {
        """
        INSERT INTO \(tables.quoted("tessera_event_outbox")) (app_id, stream, sequence, time, event, session_handle, \
        tenant_id, user_id, details, actor, means, since) \
        SELECT NEW.app_id, name, NEW.sequence, NEW.time, NEW.event, NEW.session_handle, NEW.tenant_id, NEW.user_id, \
        NEW.details, NEW.actor, NEW.means, NEW.time \
        FROM \(tables.quoted("tessera_event_streams")) WHERE app_id = NEW.app_id \
        AND NOT (NEW.event = '\(AuditEvent.Name.revoked.rawValue)' \
        AND NEW.means IS NOT DISTINCT FROM '\(Revocation.Means.all.rawValue)' \
        AND EXISTS (SELECT 1 FROM \(tables.quoted("tessera_cut_offs")) AS c WHERE c.app_id = NEW.app_id \
        AND c.kind IN ('user', 'user_in_tenant') AND c.subject = NEW.user_id AND c.tenant IN ('', NEW.tenant_id) \
        AND c.made_at = NEW.time))
        """
    }
}
