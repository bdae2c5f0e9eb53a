import LosslessJSON
import SessionEngine
import SessionStorage

extension Statement {
    private static let auditColumns = "sequence, time, event, session_handle, tenant_id, user_id, details, actor, means"

    /// Each app counts its own entries; the newest one is never deleted, so no number is given twice.
    private static let lastSequence = "(SELECT coalesce(max(sequence), 0) FROM audit_trail WHERE app_id = ?1)"

    /// What a failure leaves is undone with the transaction, or to its savepoint (docs/decisions/0049).
    static let insertAudit = """
        INSERT OR FAIL INTO audit_trail (app_id, \(auditColumns)) \
        VALUES (?1, \(lastSequence) + 1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
        """

    /// An entry with a number of its own.
    static let insertNumberedAudit = """
        INSERT INTO audit_trail (app_id, \(auditColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
        """

    /// One entry for each session of a tenant that is about to end.
    static let insertAuditOfTenant = """
        INSERT INTO audit_trail (app_id, \(auditColumns)) \
        SELECT app_id, \(lastSequence) + row_number() OVER (ORDER BY created_at_time, session_handle), ?3, 'revoked', \
        session_handle, tenant_id, user_id, \(ActorColumn.details()), ?4, ?5 FROM session_info WHERE app_id = ?1 AND tenant_id = ?2
        """

    /// A page of entries that match the values of some columns, beginning at the number `?2`, of the time from `?3` to
    /// before `?4`.
    ///
    /// Each of these columns has an index in the order of the numbers. The first one's is used, which the planner would not
    /// always choose: the others are asked of what it finds.
    static func selectAudit(matching columns: [String], newestFirst: Bool, inTime: Bool) -> String {
        let conditions = columns.enumerated().map { index, column in
            " AND \(index == 0 ? "" : "+")\(column) = ?\(index + (inTime ? 5 : 3))"
        }
        let time = inTime ? " AND +time >= ?3 AND +time < ?4" : ""
        let index = columns.first.map { " INDEXED BY audit_trail_\($0.prefix { $0 != "_" })" } ?? ""
        return """
            SELECT \(auditColumns) FROM audit_trail\(index) \
            WHERE app_id = ?1 AND sequence \(newestFirst ? "<" : ">") ?2\
            \(time)\(conditions.joined()) ORDER BY sequence \(newestFirst ? "DESC " : "") \
            LIMIT ?\(columns.count + (inTime ? 5 : 3))
            """
    }

    /// A page of all entries of the time from `?3` to before `?4`, in the order of their times, beginning beside the
    /// number `?2`.
    static func selectAuditInTime(newestFirst: Bool) -> String {
        let direction = newestFirst ? "DESC" : "ASC"
        return """
            SELECT \(auditColumns) FROM audit_trail INDEXED BY audit_trail_time WHERE app_id = ?1 AND time >= ?3 AND time < ?4 \
            AND (time, sequence) \(newestFirst ? "<" : ">") (CASE ?2 WHEN \(Int64.max) THEN ?2 ELSE coalesce((SELECT time \
            FROM audit_trail WHERE app_id = ?1 AND sequence <= ?2 ORDER BY sequence DESC LIMIT 1), \(Int64.min)) END, ?2) \
            ORDER BY time \(direction), sequence \(direction) LIMIT ?5
            """
    }

    /// For a log without a chain; looks at the oldest entries only: they are in the order of time but for steps of the clock.
    static let deleteOldAudit = """
        DELETE FROM audit_trail WHERE app_id = ?1 AND sequence IN (\
        SELECT sequence FROM (SELECT sequence, time FROM audit_trail WHERE app_id = ?1 ORDER BY sequence LIMIT ?4) \
        WHERE sequence < \(lastSequence) AND (sequence <= \(lastSequence) - ?3 OR time < ?2))
        """
}

extension AuditEvent {
    /// The values of `Statement.insertAudit` after `app_id`.
    var columns: [SQLiteValue] {
        [
            .integer(time.milliseconds), .text(name.rawValue), handle.map { .text($0.rawValue) } ?? .null,
            tenantID.map { .text($0.rawValue) } ?? .null, userID.map { .text($0.rawValue) } ?? .null,
            .text(JSONObjectText(details).text), actor.map { .text($0.rawValue) } ?? .null,
            means.map { .text($0.rawValue) } ?? .null,
        ]
    }
}

extension Revocation {
    /// The values of `Statement.insertAuditOfTenant` after app and tenant.
    var columns: [SQLiteValue] { [.integer(time.milliseconds), .text(actor.rawValue), .text(means.rawValue)] }
}

extension AuditRecord {
    /// Reads the columns of `Statement.selectAudit(matching:newestFirst:)`.
    init(row: SQLiteRow) {
        let time = Timestamp(milliseconds: row.integer(1))
        guard let name = AuditEvent.Name(rawValue: row.text(2)) else {
            self.init(sequence: row.integer(0), event: .unreadable("event", at: time))
            return
        }
        guard let details = try? JSONObjectText(stored: row.text(6)).decoded() else {
            self.init(sequence: row.integer(0), event: .unreadable("details", at: time))
            return
        }
        let event = AuditEvent(
            name: name, time: time,
            handle: row.isNull(3) ? nil : SessionHandle(row.text(3)),
            tenantID: row.isNull(4) ? nil : TenantID(row.text(4)), userID: row.isNull(5) ? nil : UserID(row.text(5)),
            actor: row.isNull(7) ? nil : AuditActor(rawValue: row.text(7)),
            means: row.isNull(8) ? nil : Revocation.Means(rawValue: row.text(8)), details: details)
        self.init(sequence: row.integer(0), event: event)
    }
}

extension AuditQuery {
    /// The statement with its values after `app_id`.
    ///
    /// The start of a search in the order of time is the place of an entry; without one it is beyond every entry.
    var statement: (sql: String, values: [SQLiteValue]) {
        let filter: [(column: String, value: String?)] = [
            ("session_handle", handle?.rawValue), ("user_id", userID?.rawValue), ("event", name?.rawValue),
            ("actor", actor?.rawValue),
        ]
        let asked = filter.compactMap { column, value in value.map { (column, SQLiteValue.text($0)) } }
        let (newestFirst, start) =
            switch order {
            case .newestFirst(let before): (true, before ?? .max)
            case .oldestFirst(let after): (false, after)
            }
        let inTime = since != nil || until != nil
        let times: [SQLiteValue] = [
            .integer(since?.milliseconds ?? .min), .integer(until?.milliseconds ?? .max),
        ]
        let limit = SQLiteValue.integer(Int64(max(0, limit)))
        if inTime, asked.isEmpty {
            return (Statement.selectAuditInTime(newestFirst: newestFirst), [.integer(start)] + times + [limit])
        }
        let sql = Statement.selectAudit(matching: asked.map(\.0), newestFirst: newestFirst, inTime: inTime)
        return (sql, [.integer(start)] + (inTime ? times : []) + asked.map(\.1) + [limit])
    }
}
