public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        let values: [SQLiteValue] = [appValue, .integer(sequence), .integer(Int64(max(0, limit)))]
        let (time, rows) = try database.readers.read { (connection) throws(StorageError) in
            let time = try connection.query("SELECT \(Migration.moment)") { $0.integer(0) }.first ?? 0
            let rows = try connection.query(Statement.selectRevocations, values) { row in
                let record = RevocationRecord(
                    sequence: row.integer(0), kind: row.text(1), subject: row.text(2), tenant: row.text(3),
                    time: row.integer(4), notedAt: row.integer(5))
                return (number: row.integer(0), record: record)
            }
            return (Timestamp(milliseconds: time), rows)
        }
        return RevocationPage(
            history: "\(restoreNumber)", time: time, records: rows.compactMap(\.record), last: rows.last?.number,
            isLast: rows.count < limit)
    }

    public func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let values: [SQLiteValue] = [appValue, .integer(time.milliseconds), .integer(Int64(max(0, limit)))]
        return try await database.writer.write { (connection) throws(StorageError) in
            try connection.run(Statement.trimRevocations, values)
        }
    }
}

extension Statement {
    fileprivate static let selectRevocations = """
        SELECT sequence, kind, subject, tenant, time, noted_at FROM revocations WHERE app_id = ?1 AND sequence > ?2 \
        ORDER BY sequence LIMIT ?3
        """
    fileprivate static let trimRevocations = """
        DELETE FROM revocations WHERE sequence IN (SELECT sequence FROM revocations WHERE app_id = ?1 AND kind <> 'key' \
        AND noted_at < ?2 ORDER BY sequence LIMIT ?3)
        """
    /// Names a user who is erased by a digest.
    static let eraseFromRevocations = """
        UPDATE revocations SET kind = '\(RevocationRecord.erasedKind)', subject = ?3 \
        WHERE app_id = ?1 AND kind = 'user' AND subject = ?2
        """
}
