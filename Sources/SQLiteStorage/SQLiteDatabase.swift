public import SessionEngine
public import SessionStorage

/// One database file with the sessions and keys of every app, held by one process.
///
/// Durable by `journal_mode=WAL` and `synchronous=FULL`: what has been acknowledged survives `kill -9` and a loss of
/// power. One connection writes, a few read beside it.
public final class SQLiteDatabase: Sendable {
    let writer: GroupCommitWriter
    let readers: ReaderPool
    private let lock: FileLock
    /// How often this database was restored from a copy.
    let restoreNumber: UInt8
    /// Where the file is.
    public let path: String

    /// The name of the file in its folder.
    public static let fileName = "tessera.sqlite"

    /// Opens the database in a folder, creating both where they are missing, and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - folder: the data folder.
    ///   - maximumPages: the most pages (of 4096 bytes) that the file may have; `nil` for as many as fit on the disk.
    /// - Throws: `StorageError`; `StorageError.Code.inUse` when another process has the folder.
    public init(folder: String, maximumPages: Int? = nil) throws(StorageError) {
        try FilePermissions.createPrivateFolder(folder)
        path = "\(folder)/\(Self.fileName)"
        lock = try FileLock(path: "\(path).lock")
        try FilePermissions.preparePrivateFile(path)
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        if let maximumPages { try connection.execute("PRAGMA max_page_count=\(maximumPages)") }
        let mode = try connection.query("PRAGMA journal_mode") { $0.text(0) }
        let synchronous = try connection.query("PRAGMA synchronous") { $0.integer(0) }
        guard mode == ["wal"], synchronous == [2] else {
            throw StorageError(.unavailable, "\(path) cannot be made durable on this file system (no WAL)")
        }
        try Migration.run(on: connection)
        let name: [SQLiteValue] = [.text(AppID.public.text), .text(StoredValueName.restoreNumber.rawValue)]
        let stored = try connection.query(Statement.selectValue, name) { $0.text(0) }.first
        restoreNumber = try StoredValueName.restoreNumber(stored)
        writer = GroupCommitWriter(connection)
        readers = ReaderPool(path: path)
    }

    /// The storage of one app, whether ``apps`` knows it or not.
    public func storage(of app: AppID) -> SQLiteSessionStorage {
        SQLiteSessionStorage(database: self, app: app, checksTenants: false)
    }

    /// The apps and tenants in this file.
    public var apps: SQLiteAppDirectory { SQLiteAppDirectory(database: self) }
}
