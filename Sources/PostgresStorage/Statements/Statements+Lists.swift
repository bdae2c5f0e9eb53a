import Foundations
import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements about many sessions, about activity and the audit log; `$app` is the app.
extension Statements {
    static let order = "ORDER BY created_at_time, session_handle COLLATE \"C\""

    /// Deletes sessions, with an audit event for each unless `$eventTime` is NULL.
    private func revoking(_ name: String, where condition: String) -> PostgresStatement {
        PostgresStatement(
            name, .alone,
            """
            WITH ended AS (DELETE FROM \(tables.sessions) WHERE app_id = $app AND \(condition) \
            AND \(tables.isNotCutOff) RETURNING session_handle, tenant_id, user_id, created_at_time), \
            audit AS (INSERT INTO \(tables.auditLog) (app_id, \(QuotedTables.auditColumns)) \
            SELECT $app, $eventTime, 'revoked', session_handle, tenant_id, user_id, $eventDetails FROM ended \
            WHERE $eventTime IS NOT NULL \(Self.order)) \
            SELECT session_handle FROM ended \(Self.order)
            """)
    }

    var deleteSessions: PostgresStatement { revoking("deleteSessions", where: "session_handle = ANY ($handles)") }

    var deleteSessionsOfUser: PostgresStatement {
        revoking(
            "deleteSessionsOfUser",
            where: "user_id = $user AND expires_at > $now AND ($tenant IS NULL OR tenant_id = $tenant)")
    }

    /// Deletes up to `$limit` sessions that are expired at `$now` in the pages from `$firstPage` to before `$endPage`, the
    /// cheapest way to look at rows that no index knows.
    ///
    /// A row that was refreshed meanwhile is another row version and stays.
    var deleteExpiredSessions: PostgresStatement {
        revoking(
            "deleteExpiredSessions",
            where: """
                ctid = ANY (ARRAY(SELECT ctid FROM \(tables.sessions) WHERE app_id = $app AND expires_at <= $now \
                AND \(tables.isNotCutOff) AND ctid >= format('(%s,0)', $firstPage)::tid \
                AND ctid < format('(%s,0)', $endPage)::tid LIMIT $limit)) AND expires_at <= $now
                """)
    }

    /// Counts the pages of the sessions.
    var countPages: PostgresStatement {
        let name = tables.sessions.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        return PostgresStatement(
            "countPages", .read,
            """
            SELECT pg_catalog.pg_relation_size('\(name)'::regclass) / \
            pg_catalog.current_setting('block_size')::bigint
            """)
    }

    /// Acquires or renews the lease of `$node` for `$job`, for `$milliseconds` by the database's own clock.
    var acquireLease: PostgresStatement {
        let now = "(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint"
        return PostgresStatement(
            "acquireLease", .write,
            """
            INSERT INTO \(tables.values) AS held (app_id, tenant_id, name, value, created_at_time) \
            VALUES ('public', 'public', $job, $node, \(now) + $milliseconds) \
            ON CONFLICT (app_id, tenant_id, name) DO UPDATE SET value = excluded.value, \
            created_at_time = excluded.created_at_time \
            WHERE held.value = excluded.value OR held.created_at_time < \(now)
            """)
    }

    var noteActivity: PostgresStatement {
        PostgresStatement(
            "noteActivity", .alone,
            """
            INSERT INTO \(tables.users) AS known (app_id, user_id, last_active_time) \
            SELECT $app, seen.id, seen.time FROM unnest($users, $times) AS seen (id, time) \
            WHERE EXISTS (SELECT 1 FROM \(tables.tenants) WHERE app_id = $app) ORDER BY seen.id \
            ON CONFLICT (app_id, user_id) DO UPDATE \
            SET last_active_time = greatest(known.last_active_time, excluded.last_active_time)
            """)
    }

    var countActiveUsers: PostgresStatement {
        PostgresStatement(
            "countActiveUsers", .read,
            "SELECT count(*) FROM \(tables.users) WHERE app_id = $app AND last_active_time >= $since")
    }

    /// A filter of the audit log; each of these columns has an index in the order of the numbers.
    enum AuditFilter: String {
        case session = "session_handle"
        case user = "user_id"
        case event

        /// The parameter with the value that is looked for.
        var parameter: String {
            switch self {
            case .session: "session"
            case .user: "user"
            case .event: "event"
            }
        }
    }

    /// A page of up to `$limit` audit events that match all filters, beginning beside the number `$start`.
    func selectAuditEvents(matching filters: [AuditFilter], newestFirst: Bool) -> PostgresStatement {
        let conditions = filters.map { " AND \($0.rawValue) = $\($0.parameter)" }.joined()
        let name = ["select", newestFirst ? "newest" : "oldest"] + filters.map(\.rawValue)
        return PostgresStatement(
            name.joined(separator: "_"), .read,
            """
            SELECT sequence, \(QuotedTables.auditColumns) FROM \(tables.auditLog) \
            WHERE app_id = $app AND sequence \(newestFirst ? "<" : ">") $start\(conditions) \
            ORDER BY sequence \(newestFirst ? "DESC " : "")LIMIT $limit
            """)
    }

    /// Deletes the oldest audit events: those before `$oldest`, and all but the newest `$count`.
    ///
    /// Looks at the oldest `$limit` only: they are in the order of time but for steps of the clock.
    var deleteOldAuditEvents: PostgresStatement {
        let log = tables.auditLog
        return PostgresStatement(
            "deleteOldAuditEvents", .alone,
            """
            DELETE FROM \(log) WHERE app_id = $app AND sequence = ANY (ARRAY(SELECT sequence FROM \
            (SELECT sequence, time FROM \(log) WHERE app_id = $app ORDER BY sequence LIMIT $limit) AS oldest \
            WHERE sequence < (SELECT max(sequence) FROM \(log) WHERE app_id = $app) AND (time < $oldest OR sequence <= \
            (SELECT sequence FROM \(log) WHERE app_id = $app ORDER BY sequence DESC OFFSET $count LIMIT 1))))
            """)
    }
}

extension AuditRecord {
    /// Reads the columns of `Statements.selectAuditEvents(matching:newestFirst:)`.
    init(row: PostgresRow) {
        let time = Timestamp(milliseconds: row.integer(1))
        guard let name = AuditEvent.Name(rawValue: row.text(2)) else {
            self.init(sequence: row.integer(0), event: .unreadable("event", at: time))
            return
        }
        guard let details = try? JSONObjectText(stored: row.text(6)).decoded() else {
            self.init(sequence: row.integer(0), event: .unreadable("details", at: time))
            return
        }
        let handle = row.text(3)
        let event = AuditEvent(
            name: name, time: time,
            handle: handle.isEmpty ? nil : SessionHandle(handle), tenantID: row.optionalText(4).map(TenantID.init),
            userID: row.optionalText(5).map(UserID.init), details: details)
        self.init(sequence: row.integer(0), event: event)
    }
}
