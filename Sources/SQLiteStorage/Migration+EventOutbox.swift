import Foundations
import SessionEngine
import SessionStorage

extension Migration {
    /// The streams of security events with what waits for them, and what fills the outbox (docs/decisions/0049).
    ///
    /// `since` is when an event came into its state. The trigger calls no function, and an entry is inserted with OR FAIL:
    /// otherwise SQLite keeps a journal for each statement, which costs a refresh and a creation 7 us.
    static let eventOutbox = Migration(
        name: "0014-event-outbox",
        sql: """
            CREATE TABLE event_streams (
                app_id TEXT NOT NULL,
                name TEXT NOT NULL,
                owner TEXT,
                leased_until INTEGER NOT NULL DEFAULT 0,
                last_error TEXT,
                last_delivery INTEGER,
                PRIMARY KEY (app_id, name)
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE event_outbox (
                number INTEGER PRIMARY KEY AUTOINCREMENT,
                app_id TEXT NOT NULL,
                stream TEXT NOT NULL,
                sequence INTEGER NOT NULL,
                time INTEGER NOT NULL,
                event TEXT NOT NULL,
                session_handle TEXT,
                tenant_id TEXT,
                user_id TEXT,
                details TEXT NOT NULL,
                actor TEXT,
                means TEXT,
                since INTEGER NOT NULL,
                attempts INTEGER NOT NULL DEFAULT 0,
                next_attempt INTEGER NOT NULL DEFAULT 0,
                dead INTEGER NOT NULL DEFAULT 0
            ) STRICT;
            CREATE INDEX event_outbox_stream ON event_outbox (app_id, stream, dead, number);
            CREATE TRIGGER event_noted AFTER INSERT ON audit_trail
            WHEN \(PendingEvent.isNoted)
            BEGIN
                INSERT INTO event_outbox (app_id, stream, sequence, time, event, session_handle, tenant_id, user_id, details,
                    actor, means, since)
                SELECT NEW.app_id, name, NEW.sequence, NEW.time, NEW.event, NEW.session_handle, NEW.tenant_id, NEW.user_id,
                    NEW.details, NEW.actor, NEW.means, NEW.time
                FROM event_streams WHERE app_id = NEW.app_id AND NOT (NEW.event = '\(AuditEvent.Name.revoked.rawValue)'
                    AND NEW.means IS '\(Revocation.Means.all.rawValue)' AND EXISTS (SELECT 1 FROM cut_offs AS c
                    WHERE c.app_id = NEW.app_id AND c.kind IN ('user', 'user_in_tenant') AND c.subject = NEW.user_id
                    AND c.tenant IN ('', NEW.tenant_id) AND c.made_at = NEW.time));
            END;
            """)
}
