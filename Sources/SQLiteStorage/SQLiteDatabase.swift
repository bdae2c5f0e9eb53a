import Foundations
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
    private let place: DataFolder?
    private let watch: FolderWatch?
    private let reserve: ReserveFile?
    /// How often this database was restored from a copy.
    let restoreNumber: UInt8
    /// What an operator should know about the file; `nil` when there is nothing.
    public let notice: String?
    /// Where the file is.
    public let path: String

    /// The name of the file in its folder.
    public static let fileName = "tessera.sqlite"

    /// Opens the database in a folder, creating both where there never was one, and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - folder: the data folder; no link, of this user, and changed by no other (docs/decisions/0029).
    ///   - maximumPages: the most pages (of 4096 bytes) that the file may have; `nil` for as many as fit on the disk.
    ///   - startsAnew: whether a database that is missing or has lost its log is moved away and replaced by an empty one.
    /// - Throws: `StorageError`; `StorageError.Code.inUse` when another process has the folder, and
    ///   `StorageError.Code.misconfigured` when a database was there and is not whole.
    public init(folder: String, maximumPages: Int? = nil, startsAnew: Bool = false) throws(StorageError) {
        let place = try DataFolder(folder)
        let opened: Opened
        do throws(StorageError) {
            opened = try Self.open(place)
        } catch {
            guard startsAnew, error.code == .misconfigured || error.code == .corrupt else { throw error }
            try StoreJudgement.moveAway(place, at: ClockAndRandomness.system.time())
            opened = try Self.open(place)
        }
        let (watch, reserve, connection) = (place.watch, opened.reserve, opened.connection)
        (self.place, path, self.watch) = (place, place.database, watch)
        (self.reserve, notice) = (reserve, opened.notice)
        if let maximumPages { try connection.execute("PRAGMA max_page_count=\(maximumPages)") }
        try connection.boundLog(by: reserve)
        restoreNumber = try connection.restoreNumber()
        reserve.fill()
        let progress = StoreProgress(opened.mark, StoreWitness(folder: place.path))
        writer = GroupCommitWriter(
            connection, reserve: Reserve(reserve, maximumPages: maximumPages), progress: progress, watch: watch)
        readers = ReaderPool(path: path)
    }

    /// Opens the database of a folder for a command, beside a core that may be running on it: SQLite's own locks keep them
    /// apart, and nothing is created or brought up to date.
    ///
    /// - Parameter folder: the data folder.
    /// - Throws: `StorageError`; `StorageError.Code.unavailable` where there is no database, or another release wrote it.
    public init(beside folder: String) throws(StorageError) {
        path = "\(DataFolder.withoutEnd(folder))/\(Self.fileName)"
        try PrivateFile.judge(path)
        guard access(path, F_OK) == 0 else {
            throw StorageError(
                .unavailable, "there is no database in \(folder); name the core's folder with --data-dir")
        }
        (place, watch, reserve, notice) = (nil, nil, nil, nil)
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        guard try Migration.isDone(on: connection) else {
            throw StorageError(
                .unavailable, "the database in \(folder) is of another release; start this release on it once")
        }
        restoreNumber = try connection.restoreNumber()
        writer = GroupCommitWriter(connection)
        readers = ReaderPool(path: path)
    }

    deinit { close() }

    /// Closes the database: all of it is in the one file afterwards, and what is asked later fails.
    ///
    /// It happens by itself when no one has the database or a storage of it any more.
    public func close() {
        readers.close()
        writer.close()
    }

    /// Passes on how many writes each commit had, and how long the transaction took.
    package var commits: CommitObserver { writer.commits }

    /// How many writes wait for their transaction now.
    package var waitingWrites: Int { writer.waitingCount }

    /// Whether a core runs on a folder.
    public static func isInUse(folder: String) -> Bool {
        DataFolder.isTaken(folder)
    }

    /// Why nothing is written: files were removed or replaced while this process has them; `nil` when all is well.
    public var problem: String? { watch?.problem }

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

extension SQLiteDatabase {
    /// What opening a file gives.
    fileprivate struct Opened: ~Copyable {
        let connection: SQLiteConnection
        let reserve: ReserveFile
        let mark: StoreMark
        let notice: String?
    }

    /// Opens the file; on a full disk with the room that an earlier process kept.
    fileprivate static func open(_ folder: DataFolder) throws(StorageError) -> sending Opened {
        let judgement = StoreJudgement(folder)
        let isNew = try judgement.prepare()
        let reserve = try ReserveFile(
            path: "\(folder.path)/\(ReserveFile.fileName)", size: ReserveFile.size(in: folder.path))
        while true {
            do throws(StorageError) {
                let connection = try SQLiteConnection(path: folder.database, access: .readWrite)
                try judgement.judgeContents(on: connection)
                let (mark, notice) = try prepare(connection, folder, judgement)
                return Opened(
                    connection: connection, reserve: reserve, mark: mark,
                    notice: isNew ? StoreJudgement.noticeOfNew : notice)
            } catch {
                if error.code == .corrupt { throw judgement.damaged(error) }
                guard error.code == .full, reserve.shrink() else { throw error }
            }
        }
    }

    private static func prepare(
        _ connection: SQLiteConnection, _ folder: DataFolder, _ judgement: StoreJudgement
    ) throws(StorageError) -> (StoreMark, notice: String?) {
        try connection.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        let mode = try connection.query("PRAGMA journal_mode") { $0.text(0) }
        let synchronous = try connection.query("PRAGMA synchronous") { $0.integer(0) }
        guard mode == ["wal"], synchronous == [2] else {
            throw StorageError(.unavailable, "\(folder.database) cannot be made durable on this file system (no WAL)")
        }
        try Migration.run(on: connection)
        try SchemaJudgement.judge(connection)
        var mark = try StoreMark(on: connection)
        try judgement.judge(mark)
        let notice = judgement.notice(mark)
        mark.store = mark.store ?? StoreMark.newStore()
        mark.isOpen = true
        mark = mark.counting()
        try connection.execute("BEGIN IMMEDIATE")
        do throws(StorageError) {
            try mark.write(on: connection)
            try connection.run(Statement.endLeases)
            try connection.execute("COMMIT")
        } catch {
            if !connection.isOutsideTransaction { try? connection.execute("ROLLBACK") }
            throw error
        }
        // Into the file itself, so that a copy of it alone says that it is not all.
        connection.writeLogBack()
        StoreWitness(folder: folder.path).note(mark)
        return (mark, notice)
    }
}
