import LosslessJSON
import SessionEngine
import SessionStorage

extension Statement {
    private static let auditColumns = "sequence, time, event, session_handle, tenant_id, user_id, details"

    /// Each app counts its own entries; the newest one is never deleted, so no number is given twice.
    private static let lastSequence = "(SELECT coalesce(max(sequence), 0) FROM audit_trail WHERE app_id = ?1)"

    static let insertAudit = """
        INSERT INTO audit_trail (app_id, \(auditColumns)) VALUES (?1, \(lastSequence) + 1, ?2, ?3, ?4, ?5, ?6, ?7)
        """

    /// An entry with a number of its own.
    static let insertNumberedAudit = """
        INSERT INTO audit_trail (app_id, \(auditColumns)) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        """

    /// One entry for each session of a tenant that is about to end.
    static let insertAuditOfTenant = """
        INSERT INTO audit_trail (app_id, \(auditColumns)) \
        SELECT app_id, \(lastSequence) + row_number() OVER (ORDER BY created_at_time, session_handle), ?3, 'revoked', \
        session_handle, tenant_id, user_id, ?4 FROM session_info WHERE app_id = ?1 AND tenant_id = ?2
        """

    /// A page of entries that match the values of some columns, beginning at the number `?2`.
    ///
    /// Each of these columns has an index in the order of the numbers. The first one's is used: the others are asked of
    /// what it finds.
    static func selectAudit(matching columns: [String], newestFirst: Bool) -> String {
        let conditions = columns.enumerated().map { index, column in
            " AND \(index == 0 ? "" : "+")\(column) = ?\(index + 3)"
        }
        return """
            SELECT \(auditColumns) FROM audit_trail WHERE app_id = ?1 AND sequence \(newestFirst ? "<" : ">") ?2\
            \(conditions.joined()) ORDER BY sequence \(newestFirst ? "DESC " : "")LIMIT ?\(columns.count + 3)
            """
    }

    /// Looks at the oldest entries only: they are in the order of time but for steps of the clock.
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
            .text(JSONObjectText(details).text),
        ]
    }
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
            details: details)
        self.init(sequence: row.integer(0), event: event)
    }
}

extension AuditQuery {
    /// The statement with its values after `app_id`.
    var statement: (sql: String, values: [SQLiteValue]) {
        let filter: [(column: String, value: String?)] = [
            ("session_handle", handle?.rawValue), ("user_id", userID?.rawValue), ("event", name?.rawValue),
        ]
        let asked = filter.compactMap { column, value in value.map { (column, SQLiteValue.text($0)) } }
        let (newestFirst, start) =
            switch order {
            case .newestFirst(let before): (true, before ?? .max)
            case .oldestFirst(let after): (false, after)
            }
        let sql = Statement.selectAudit(matching: asked.map(\.0), newestFirst: newestFirst)
        return (sql, [.integer(start)] + asked.map(\.1) + [.integer(Int64(max(0, limit)))])
    }
}
