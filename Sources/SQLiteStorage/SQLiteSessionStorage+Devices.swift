public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        guard page.limit > 0 else { return [] }
        let place = page.before
        let values: [SQLiteValue] =
            [appValue, .text(page.user.rawValue)] + LivenessBounds(at: page.time, within: page.terms).values + [
                page.tenant.map { .text($0.rawValue) } ?? .null, .integer(place?.createdAt.milliseconds ?? .max),
                // No handle comes after this text, which only the first page has.
                .text(place?.handle.rawValue ?? "\u{10FFFF}"), .integer(Int64(page.limit)),
            ]
        return try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.selectSessionsBefore, values) { (row) throws(StorageError) in
                try SessionRecord(row: row)
            }
        }
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        let values = [appValue, .text(user.rawValue), .integer(Int64(max(0, limit)))]
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            try connection.query(Statement.forgetDevices, values) { _ in () }.count
        }
    }
}
