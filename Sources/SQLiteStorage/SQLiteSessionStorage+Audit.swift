import Foundations
import SessionEngine
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
}
