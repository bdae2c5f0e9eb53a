import PlatformLibC
public import SessionEngine
public import SessionStorage

/// One database file with the sessions and keys of every app, held by one process.
///
/// Durable by `journal_mode=WAL` and `synchronous=FULL`: what has been acknowledged survives `kill -9` and a loss of
/// power. One connection writes, a few read beside it.
public final class SQLiteDatabase: Sendable {
    let writer: GroupCommitWriter
    let readers: ReaderPool
    private let lock: FileLock?
    private let reserve: ReserveFile?
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
        let reserve = try ReserveFile(
            path: "\(folder)/\(ReserveFile.fileName)", size: ReserveFile.size(in: folder))
        self.reserve = reserve
        let connection = try Self.open(path, reserve)
        if let maximumPages { try connection.execute("PRAGMA max_page_count=\(maximumPages)") }
        try connection.boundLog(by: reserve)
        restoreNumber = try Self.restoreNumber(connection)
        reserve.fill()
        writer = GroupCommitWriter(connection, reserve: Reserve(reserve, maximumPages: maximumPages))
        readers = ReaderPool(path: path)
    }

    /// Opens the database of a folder for a command, beside a core that may be running on it: SQLite's own locks keep them
    /// apart, and nothing is created or brought up to date.
    ///
    /// - Parameter folder: the data folder.
    /// - Throws: `StorageError`; `StorageError.Code.unavailable` where there is no database, or another release wrote it.
    public init(beside folder: String) throws(StorageError) {
        path = "\(folder)/\(Self.fileName)"
        guard access(path, F_OK) == 0 else {
            throw StorageError(
                .unavailable, "there is no database in \(folder); name the core's folder with --data-dir")
        }
        (lock, reserve) = (nil, nil)
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        guard try Migration.isDone(on: connection) else {
            throw StorageError(
                .unavailable, "the database in \(folder) is of another release; start this release on it once")
        }
        restoreNumber = try Self.restoreNumber(connection)
        writer = GroupCommitWriter(connection)
        readers = ReaderPool(path: path)
    }

    private static func restoreNumber(_ connection: SQLiteConnection) throws(StorageError) -> UInt8 {
        let name: [SQLiteValue] = [.text(AppID.public.rawValue), .text(StoredValueName.restoreNumber.rawValue)]
        return try StoredValueName.restoreNumber(
            try connection.query(Statement.selectValue, name) { $0.text(0) }.first)
    }

    /// Opens the file; on a full disk with the room that an earlier process kept.
    private static func open(
        _ path: String, _ reserve: ReserveFile
    ) throws(StorageError) -> sending SQLiteConnection {
        while true {
            do throws(StorageError) {
                return try open(path)
            } catch {
                guard error.code == .full, reserve.shrink() else { throw error }
            }
        }
    }

    private static func open(_ path: String) throws(StorageError) -> sending SQLiteConnection {
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        let mode = try connection.query("PRAGMA journal_mode") { $0.text(0) }
        let synchronous = try connection.query("PRAGMA synchronous") { $0.integer(0) }
        guard mode == ["wal"], synchronous == [2] else {
            throw StorageError(.unavailable, "\(path) cannot be made durable on this file system (no WAL)")
        }
        try Migration.run(on: connection)
        return connection
    }

    /// How much room on the disk is missing for the reserve that revocations find when the disk is full, in bytes; 0 when
    /// none is (docs/decisions/0020).
    ///
    /// While some is, nothing but revocations is written, unless the file has free pages of its own.
    public var missingReserve: Int { reserve?.missing ?? 0 }

    /// The storage of one app, whether ``apps`` knows it or not.
    public func storage(of app: AppID = .public) -> SQLiteSessionStorage {
        SQLiteSessionStorage(database: self, app: app, checksTenants: false)
    }

    /// The apps and tenants in this file.
    public var apps: SQLiteAppDirectory { SQLiteAppDirectory(database: self) }
}
