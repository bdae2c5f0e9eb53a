import Foundations
public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let current = try database.readers.read { (connection) throws(StorageError) in try keys(on: connection) }
        let preview = decide(current)
        if preview == .none { return current }
        return try await database.writer.write(preview.importance) { (connection) throws(StorageError) in
            let change = decide(try keys(on: connection))
            if change != .none { try admit(on: connection) }
            for id in change.removed { try connection.run(Statement.deleteKey, [appValue, .text(id.rawValue)]) }
            for key in change.added { try connection.run(Statement.insertKey, [appValue] + key.columns) }
            for key in change.updated { try connection.run(Statement.updateKey, [appValue] + key.columns) }
            Failpoint.reach("sqlite.keys-written")
            for event in change.events { try note(event, on: connection) }
            return try keys(on: connection)
        }
    }

    private func keys(on connection: SQLiteConnection) throws(StorageError) -> [SigningKeyRecord] {
        try connection.query(Statement.selectKeys, [appValue]) { (row) throws(StorageError) in
            try SigningKeyRecord(row: row)
        }
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        let key = [appValue, .text(name.rawValue)]
        if let value = try await storedValue(name) { return value }
        let new = candidate()
        return try await database.writer.write { (connection) throws(StorageError) in
            try admit(on: connection)
            if try connection.run(Statement.insertValue, key + [.text(new)]) > 0 { try note(event, on: connection) }
            return try connection.query(Statement.selectValue, key) { $0.text(0) }.first ?? new
        }
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.selectValue, [appValue, .text(name.rawValue)]) { $0.text(0) }.first
        }
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        let values = [appValue, .text(name.rawValue), .text(old), .text(new)]
        return try await database.writer.write { (connection) throws(StorageError) in
            guard try connection.run(Statement.updateValue, values) > 0 else { return false }
            try note(event, on: connection)
            return true
        }
    }
}
