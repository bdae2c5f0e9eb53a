public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    /// The app's sessions in the order of their handles, those that have expired included, for a copy elsewhere.
    ///
    /// - Parameters:
    ///   - handle: only sessions after it; `nil` from the beginning.
    ///   - limit: how many at most.
    /// - Throws: `StorageError`.
    public func sessions(after handle: SessionHandle?, limit: Int) throws(StorageError) -> [SessionRecord] {
        let values: [SQLiteValue] = [appValue, .text(handle?.rawValue ?? ""), .integer(Int64(limit))]
        return try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.selectSessionsAfter, values) { (row) throws(StorageError) in
                try SessionRecord(row: row)
            }
        }
    }

    /// When the app's users were last seen, in the order of their names, for a copy elsewhere.
    ///
    /// - Parameters:
    ///   - user: only users after it; `nil` from the beginning.
    ///   - limit: how many at most.
    /// - Throws: `StorageError`.
    public func activity(after user: UserID?, limit: Int) throws(StorageError) -> [(user: UserID, seen: Timestamp)] {
        let values: [SQLiteValue] = [appValue, .text(user?.rawValue ?? ""), .integer(Int64(limit))]
        return try database.readers.read { (connection) throws(StorageError) in
            try connection.query(Statement.selectActivityAfter, values) { row in
                (UserID(row.text(0)), Timestamp(milliseconds: row.integer(1)))
            }
        }
    }

    /// How many sessions the app has.
    ///
    /// - Throws: `StorageError`.
    public func countSessions() throws(StorageError) -> Int {
        try database.readers.read { (connection) throws(StorageError) in
            Int(try connection.query(Statement.countSessions, [appValue]) { $0.integer(0) }.first ?? 0)
        }
    }
}
