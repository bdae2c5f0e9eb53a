public import SessionStorage

/// Decides whether a database has what this release made: a table, a column or a key that was removed would only be
/// noticed by the first request that needs it, and a trigger by no one.
enum SchemaJudgement {
    private static let parts = """
        SELECT 'column ' || t.name || '.' || c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
        WHERE t.type = 'table' UNION ALL SELECT 'trigger ' || name FROM sqlite_schema WHERE type = 'trigger'
        """

    /// Looks at a database after its migrations.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` and the name of what is missing.
    static func judge(_ connection: SQLiteConnection) throws(StorageError) {
        let whole = try SQLiteConnection(path: ":memory:", access: .readWrite)
        try Migration.run(on: whole)
        let expected = Set(try whole.query(parts) { $0.text(0) })
        let found = Set(try connection.query(parts) { $0.text(0) })
        if let missing = expected.subtracting(found).sorted().first {
            throw StorageError(.corrupt, "it lacks the \(missing)")
        }
    }
}

extension SQLiteDatabase {
    /// Throws if an app has sessions and no key to read their refresh tokens with: a new one would sign all users out.
    ///
    /// - Throws: `StorageError.Code.misconfigured` with the app and what to do.
    public func requireRefreshTokenKeys() throws(StorageError) {
        let connection = try SQLiteConnection(path: path, access: .readOnly)
        let apps = try connection.query(
            """
            SELECT app_id FROM (SELECT DISTINCT app_id FROM tenants) AS a
            WHERE NOT EXISTS (SELECT 1 FROM key_value AS v WHERE v.app_id = a.app_id AND v.name = ?)
            AND EXISTS (SELECT 1 FROM session_info AS s WHERE s.app_id = a.app_id)
            """, [.text(StoredValueName.refreshTokenKey.rawValue)]
        ) { $0.text(0) }
        if let app = apps.first { throw StorageError.withoutRefreshTokenKey(app) }
    }
}
