public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        guard !lastSeen.isEmpty else { return }
        let rows = lastSeen.map { [appValue, .text($0.key.rawValue), .integer($0.value.milliseconds)] }
        try await database.writer.write { (connection) throws(StorageError) in
            try admit(on: connection)
            for row in rows { try connection.run(Statement.noteActivity, row) }
        }
    }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        let values = [appValue, .integer(time.milliseconds)]
        let counts = try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.countActiveUsers, values) { $0.integer(0) }
        }
        return Int(counts.first ?? 0)
    }
}
