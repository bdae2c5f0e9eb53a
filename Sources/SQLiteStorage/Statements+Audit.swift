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

    private static let auditFilter = """
        (?3 IS NULL OR session_handle = ?3) AND (?4 IS NULL OR user_id = ?4) AND (?5 IS NULL OR event = ?5)
        """
    static let selectNewestAudit = """
        SELECT \(auditColumns) FROM audit_trail WHERE app_id = ?1 AND sequence < ?2 AND \(auditFilter) \
        ORDER BY sequence DESC LIMIT ?6
        """
    static let selectOldestAudit = """
        SELECT \(auditColumns) FROM audit_trail WHERE app_id = ?1 AND sequence > ?2 AND \(auditFilter) \
        ORDER BY sequence LIMIT ?6
        """

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
            .integer(time.milliseconds), .text(name.rawValue), handle.map { .text($0.text) } ?? .null,
            tenantID.map { .text($0.text) } ?? .null, userID.map { .text($0.text) } ?? .null,
            .text(JSONObjectText(details).text),
        ]
    }
}

extension AuditRecord {
    /// Reads the columns of `Statement.selectNewestAudit`.
    init(row: SQLiteRow) throws(StorageError) {
        guard let name = AuditEvent.Name(rawValue: row.text(2)),
            let details = try? JSONObjectText(stored: row.text(6)).decoded()
        else { throw StorageError(.corrupt, "entry \(row.integer(0)) of audit_trail cannot be read") }
        let event = AuditEvent(
            name: name, time: Timestamp(milliseconds: row.integer(1)),
            handle: row.isNull(3) ? nil : SessionHandle(row.text(3)),
            tenantID: row.isNull(4) ? nil : TenantID(row.text(4)), userID: row.isNull(5) ? nil : UserID(row.text(5)),
            details: details)
        self.init(sequence: row.integer(0), event: event)
    }
}

extension AuditQuery {
    /// The statement with its values after `app_id`.
    var statement: (sql: String, values: [SQLiteValue]) {
        let filter: [SQLiteValue] = [
            handle.map { .text($0.text) } ?? .null, userID.map { .text($0.text) } ?? .null,
            name.map { .text($0.rawValue) } ?? .null, .integer(Int64(max(0, limit))),
        ]
        switch order {
        case .newestFirst(let before): return (Statement.selectNewestAudit, [.integer(before ?? .max)] + filter)
        case .oldestFirst(let after): return (Statement.selectOldestAudit, [.integer(after)] + filter)
        }
    }
}
