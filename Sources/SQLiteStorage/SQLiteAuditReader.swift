public import SessionEngine
public import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the audit log in a data folder, whether a core has the folder or not, and writes nothing.
public struct SQLiteAuditReader: Sendable {
    private let readers: ReaderPool
    private let folder: String

    /// Looks into a data folder.
    ///
    /// - Throws: `StorageError` with `StorageError.Code.unavailable` when there is no database in it.
    public init(folder: String) throws(StorageError) {
        let path = "\(folder)/\(SQLiteDatabase.fileName)"
        guard FileManager.default.fileExists(atPath: path) else {
            throw StorageError(
                .unavailable, "there is no database in \(folder); name the core's folder with --data-dir")
        }
        self.folder = folder
        readers = ReaderPool(path: path)
    }

    /// A page of an app's audit log.
    ///
    /// - Throws: `StorageError`.
    public func page(_ query: AuditQuery, of app: AppID) throws(StorageError) -> [AuditRecord] {
        let (sql, values) = query.statement
        return try readers.read { (connection) throws(StorageError) in
            try admit(connection)
            return try connection.query(sql, [.text(app.rawValue)] + values) { AuditRecord(row: $0) }
        }
    }

    /// Throws unless the audit log is the one of this release.
    private func admit(_ connection: SQLiteConnection) throws(StorageError) {
        let tables = "SELECT 1 FROM sqlite_schema WHERE name = 'audit_pages'"
        guard try !connection.query(tables, row: { $0.integer(0) }).isEmpty else {
            throw StorageError(
                .unavailable, "the database in \(folder) has no audit log yet; start this release on it once")
        }
    }

    /// The chain over an app's audit log.
    public func chain(of app: AppID) -> any AuditChainReader { Chain(reader: self, app: app) }

    private struct Chain: AuditChainReader {
        let reader: SQLiteAuditReader
        let app: AppID

        func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
            try reader.readers.read { (connection) throws(StorageError) in
                try reader.admit(connection)
                return try SQLiteAuditChain(app: app, connection: connection).pages(after: number, limit: limit)
            }
        }

        func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
            try reader.readers.read { (connection) throws(StorageError) in
                try SQLiteAuditChain(app: app, connection: connection).entries(after: sequence, limit: limit)
            }
        }
    }
}
