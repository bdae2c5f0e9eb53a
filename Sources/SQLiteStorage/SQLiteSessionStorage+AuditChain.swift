import Foundations
public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        let app = app
        return try await database.readers.readAside { (connection) throws(StorageError) in
            try SQLiteAuditChain(app: app, connection: connection).pages(after: number, limit: limit)
        }
    }

    public func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        let app = app
        return try await database.readers.readAside { (connection) throws(StorageError) in
            try SQLiteAuditChain(app: app, connection: connection).entries(after: sequence, limit: limit)
        }
    }

    public func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        let app = app
        let isComplete = try database.readers.read { (connection) throws(StorageError) in
            try SQLiteAuditChain(app: app, connection: connection).isComplete()
        }
        if isComplete { return 0 }
        return try await database.writer.write { (connection) throws(StorageError) in
            try SQLiteAuditChain(app: app, connection: connection).addPage(at: now)
        }
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        let (app, appValue) = (app, appValue)
        let oldest = Timestamp(milliseconds: (now.sinceEpoch - retention.age).count)
        let values: [SQLiteValue] = [
            appValue, .integer(oldest.milliseconds), .integer(retention.entries), .integer(Int64(max(0, limit))),
        ]
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            let chain = SQLiteAuditChain(app: app, connection: connection)
            guard try chain.pages(after: .min, limit: 1).isEmpty else {
                return try chain.trim(retention, at: now, limit: limit)
            }
            return try connection.run(Statement.deleteOldAudit, values)
        }
    }

    public func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        try await database.writer.write(.vital) { (connection) throws(StorageError) in
            try note(event, on: connection)
        }
    }

    /// Sessions go first, then the entries, which are then all there will be, and at last what is left of the user.
    public func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        let (app, key) = (app, [appValue, SQLiteValue.text(user.rawValue)])
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            let handles = try connection.query(
                Statement.selectSessionsOfUser, key + [.integer(Int64(max(1, limit)))]
            ) { SessionHandle($0.text(0)) }
            if !handles.isEmpty {
                for handle in handles { try end(handle, revocation, on: connection) }
                return ErasureProgress(sessions: handles.count)
            }
            let chain = SQLiteAuditChain(app: app, connection: connection)
            let (count, pseudonym) = try chain.eraseEntries(of: user, limit: max(1, limit))
            if count > 0 { return ErasureProgress(entries: count, pseudonym: pseudonym) }
            let wasSeen = try connection.run(Statement.deleteActivity, key) > 0
            try connection.run(Statement.deleteCutOffsOfUser, key)
            try connection.run(Statement.eraseFromRevocations, key + [.text(RevocationRecord.digest(of: user))])
            try connection.run(Statement.deleteSalt, key)
            return ErasureProgress(wasSeen: wasSeen, isDone: true)
        }
    }

    /// Deletes a row of a user who is erased, also one that a cut-off ended.
    private func end(
        _ handle: SessionHandle, _ revocation: Revocation?, on connection: SQLiteConnection
    ) throws(StorageError) {
        let row = try connection.query(Statement.deleteCutOffSession, [appValue, .text(handle.rawValue)]) {
            EndedRow($0, handle)
        }
        guard let ended = row.first, let revocation else { return }
        try note(ended.event(revocation), on: connection)
    }
}
