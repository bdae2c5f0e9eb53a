import Foundations
import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// The statements that read and trim the audit log; `$app` is the app.
extension Statements {
    /// A filter of the audit log; each of these columns has an index in the order of the numbers.
    enum AuditFilter: String {
        case session = "session_handle"
        case user = "user_id"
        case event
        case actor

        /// The parameter with the value that is looked for.
        var parameter: String {
            switch self {
            case .session: "session"
            case .user: "user"
            case .event: "event"
            case .actor: "actor"
            }
        }
    }

    /// A page of up to `$limit` audit events that match all filters, beginning beside the number `$start`; with `inTime`,
    /// of the time from `$since` to before `$until`.
    func selectAuditEvents(
        matching filters: [AuditFilter], newestFirst: Bool, inTime: Bool = false
    ) -> PostgresStatement {
        let conditions = filters.map { " AND \($0.rawValue) = $\($0.parameter)" }.joined()
        let name = ["select", newestFirst ? "newest" : "oldest"] + filters.map(\.rawValue) + (inTime ? ["time"] : [])
        return PostgresStatement(
            name.joined(separator: "_"), .read,
            """
            SELECT sequence, \(QuotedTables.auditColumns) FROM \(tables.auditLog) \
            WHERE app_id = $app AND sequence \(newestFirst ? "<" : ">") $start\(conditions)\
            \(inTime ? " AND time >= $since AND time < $until" : "") \
            ORDER BY sequence \(newestFirst ? "DESC " : "")LIMIT $limit
            """)
    }

    /// A page of up to `$limit` audit events of the time from `$since` to before `$until`, in the order of their times,
    /// beginning beside the number `$start`.
    func selectAuditEventsInTime(newestFirst: Bool) -> PostgresStatement {
        let direction = newestFirst ? "DESC" : "ASC"
        return PostgresStatement(
            newestFirst ? "select_newest_in_time" : "select_oldest_in_time", .read,
            """
            SELECT sequence, \(QuotedTables.auditColumns) FROM \(tables.auditLog) \
            WHERE app_id = $app AND time >= $since AND time < $until \
            AND (time, sequence) \(newestFirst ? "<" : ">") (CASE $start WHEN \(Int64.max) THEN $start \
            ELSE coalesce((SELECT time FROM \(tables.auditLog) WHERE app_id = $app AND sequence <= $start \
            ORDER BY sequence DESC LIMIT 1), '\(Int64.min)'::bigint) END, $start) \
            ORDER BY time \(direction), sequence \(direction) LIMIT $limit
            """)
    }

    /// Deletes the oldest audit events: those before `$oldest`, and all but the newest `$count`.
    ///
    /// For a log without a chain; looks at the oldest `$limit` only: they are in the order of time but for steps of the clock.
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
            userID: row.optionalText(5).map(UserID.init),
            actor: row.optionalText(7).flatMap(AuditActor.init(rawValue:)),
            means: row.optionalText(8).flatMap(Revocation.Means.init(rawValue:)), details: details)
        self.init(sequence: row.integer(0), event: event)
    }
}
