import Foundations
import SessionStorage

extension Migration {
    /// The table of ends, and what fills it (docs/decisions/0046).
    ///
    /// Numbers are never given twice, also after all rows have gone. A session that expired a while ago, and one that a
    /// cut-off has ended before, are not noted.
    static let revocations = Migration(
        name: "0013-revocations",
        sql: """
            CREATE TABLE revocations (
                sequence INTEGER PRIMARY KEY AUTOINCREMENT,
                app_id TEXT NOT NULL,
                kind TEXT NOT NULL,
                subject TEXT NOT NULL,
                tenant TEXT NOT NULL,
                time INTEGER NOT NULL,
                noted_at INTEGER NOT NULL
            ) STRICT;
            CREATE INDEX revocations_app ON revocations (app_id, sequence);
            CREATE TRIGGER session_ended AFTER DELETE ON session_info
            WHEN OLD.expires_at > \(moment) - \(RevocationRecord.expiryMargin.count)
            AND NOT EXISTS (SELECT 1 FROM cut_offs WHERE app_id = OLD.app_id AND kind = 'user'
                AND subject = OLD.user_id AND tenant = '' AND time >= OLD.created_at_time)
            AND NOT EXISTS (SELECT 1 FROM cut_offs WHERE app_id = OLD.app_id AND kind = 'user_in_tenant'
                AND subject = OLD.user_id AND tenant = OLD.tenant_id AND time >= OLD.created_at_time)
            BEGIN
                \(insertion) VALUES (OLD.app_id, 'session', OLD.session_handle, '', \(moment), \(moment));
            END;
            CREATE TRIGGER cut_off_made AFTER INSERT ON cut_offs
            BEGIN
                \(insertion) VALUES (NEW.app_id, 'user', NEW.subject, NEW.tenant, NEW.time, \(moment));
            END;
            CREATE TRIGGER signing_key_gone AFTER DELETE ON signing_keys
            BEGIN
                \(insertion) VALUES (OLD.app_id, 'key', OLD.key_id, '', \(moment), \(moment));
            END;
            """)

    private static let insertion =
        "INSERT INTO revocations (app_id, kind, subject, tenant, time, noted_at)"
    /// The clock of the machine in milliseconds since 1970; one moment for a whole statement.
    static let moment = "CAST(round((julianday('now') - 2440587.5) * 86400000) AS INTEGER)"
}
