import Foundations
public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    /// Adds an event to the audit log in the transaction of the change that it records.
    func note(_ event: AuditEvent?, on connection: SQLiteConnection) throws(StorageError) {
        guard let event else { return }
        try connection.run(Statement.insertAudit, [appValue] + event.columns)
        Failpoint.reach("sqlite.audit-written")
    }

    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        let (sql, values) = query.statement
        return try await database.readers.readAside { (connection) throws(StorageError) in
            try connection.query(sql, [appValue] + values) { AuditRecord(row: $0) }
        }
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        let oldest = Timestamp(milliseconds: (now.sinceEpoch - retention.age).count)
        let values: [SQLiteValue] = [
            appValue, .integer(oldest.milliseconds), .integer(retention.entries), .integer(Int64(max(0, limit))),
        ]
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            try connection.run(Statement.deleteOldAudit, values)
        }
    }
}
