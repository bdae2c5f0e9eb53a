import Foundations
import PlatformLibC
import SessionStorage

/// Decides whether what lies in a data folder is a whole database, before anything is written: a core that began
/// with an empty one beside the remains of another would make new keys and sign all users out in silence (docs/decisions/0029).
struct StoreJudgement {
    private let folder: String
    private let path: String
    private let witness: StoreWitness
    /// Whether there was a log beside the database before it was opened.
    private let hadLog: Bool

    /// Looks into a data folder that this process has.
    init(_ folder: DataFolder) {
        self.folder = folder.path
        path = folder.database
        witness = StoreWitness(folder: folder.path)
        hadLog = Self.exists(path + "-wal")
    }

    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static let waysOut =
        "put back what is missing, restore a backup with 'tessera restore BACKUP', or begin "
        + "without the old sessions and keys with 'tessera serve --new-database' (docs/backup.md)"

    /// Makes an empty database in a folder that never had one.
    ///
    /// - Returns: whether it did.
    /// - Throws: ``StorageError`` with ``StorageError/Code/misconfigured`` when one was there before.
    func prepare() throws(StorageError) -> Bool {
        for suffix in ["", "-wal", "-shm", "-journal"] { try PrivateFile.judge(path + suffix) }
        try PrivateFile.judge(witness.path)
        guard !Self.exists(path) else { return false }
        if let remains {
            throw StorageError(
                .misconfigured, "there is no database \(path), but \(remains) says that there was one: \(Self.waysOut)")
        }
        try Self.create(path)
        PrivateFile.synchronize(folder: folder)
        return true
    }

    /// What an operator should know of a folder in which nothing was: it may be one whose volume is not mounted.
    static let noticeOfNew =
        "This is a new, empty database. If there was one before, stop, and mount or restore it (docs/backup.md)."

    /// What only a folder has that had a database.
    private var remains: String? {
        let names = [path + "-wal", witness.path, "\(path).restoring"]
        if let name = names.first(where: Self.exists) { return name }
        let reserve = "\(folder)/\(ReserveFile.fileName)"
        var status = stat()
        // An empty one may be left of a first start that did not come to the database.
        guard lstat(reserve, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 else { return nil }
        return reserve
    }

    /// A database comes into being under another name and takes its own when it is whole: a file of that name that holds
    /// nothing is a remainder.
    private static func create(_ path: String) throws(StorageError) {
        let new = "\(path).new"
        for suffix in ["", "-journal"] { unlink(new + suffix) }
        close(try PrivateFile.open(new, .new))
        try fill(new)
        guard rename(new, path) == 0 else {
            throw StorageError(.unavailable, "cannot name \(path): \(String(cString: strerror(errno)))")
        }
    }

    private static func fill(_ path: String) throws(StorageError) {
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;")
        try Migration.run(on: connection)
        var mark = try StoreMark(on: connection)
        mark.store = StoreMark.newStore()
        try mark.write(on: connection)
    }

    /// Throws if the database that is there holds nothing at all, as one does that was copied without its log.
    func judgeContents(on connection: SQLiteConnection) throws(StorageError) {
        try Self.judgeContents(of: path, on: connection)
    }

    /// The same for any file.
    static func judgeContents(of path: String, on connection: SQLiteConnection) throws(StorageError) {
        let tables = try connection.query("SELECT count(*) FROM sqlite_schema") { $0.integer(0) }
        guard tables == [0] else {
            let own = "SELECT name FROM sqlite_schema WHERE name = 'schema_migrations'"
            guard try connection.query(own, row: { $0.text(0) }).isEmpty else { return }
            throw StorageError(
                .misconfigured, "\(path) is the database of another program (no schema_migrations): \(waysOut)")
        }
        throw StorageError(
            .misconfigured, "\(path) holds nothing: it was cut, or copied without its log \(path)-wal: \(waysOut)")
    }

    /// The error for a file that SQLite cannot read, or whose mark is not one, with the way out.
    func damaged(_ error: StorageError) -> StorageError {
        StorageError(.corrupt, "\(path) is damaged (\(error.detail)): \(Self.waysOut)")
    }

    /// Throws if writes that the database had are missing.
    ///
    /// - Parameter mark: what it says about itself.
    func judge(_ mark: StoreMark) throws(StorageError) {
        guard mark.isOpen else { return }
        if let seen = witness.seen, seen.store == mark.store {
            guard mark.writes < seen.writes else { return }
            throw StorageError(
                .misconfigured,
                "\(path) lacks its newest writes: the log \(path)-wal that was beside it is gone or is another one: "
                    + Self.waysOutOfLostLog)
        }
        guard !hadLog else { return }
        throw StorageError(
            .misconfigured,
            "\(path) was copied while a core ran, and without its log \(path)-wal, which has the newest sessions and keys: "
                + Self.waysOutOfLostLog)
    }

    private static let waysOutOfLostLog =
        "put the log beside it, restore a backup with 'tessera restore BACKUP', or "
        + "continue with what the file has by 'tessera restore --accept-missing-log' (docs/backup.md)"

    /// What an operator should know of a whole database that is older than the one that ran here last.
    func notice(_ mark: StoreMark) -> String? {
        guard !mark.isOpen, let seen = witness.seen, seen.store == mark.store, mark.writes < seen.writes else {
            return nil
        }
        return "The database is older than the one that ran here last: a copy was put back. Run 'tessera restore' "
            + "(docs/backup.md), or users who were signed out since stay signed in."
    }

    /// Moves what is there out of the way, whatever it is, and keeps it.
    static func moveAway(_ folder: DataFolder, at time: Timestamp) throws(StorageError) {
        let old = "\(folder.database).replaced-\(time.milliseconds)"
        for suffix in ["", "-wal", "-shm", "-journal"] where exists(folder.database + suffix) {
            guard rename(folder.database + suffix, old + suffix) == 0 else {
                let reason = String(cString: strerror(errno))
                throw StorageError(.unavailable, "cannot move \(folder.database)\(suffix) away: \(reason)")
            }
        }
        for name in [ReserveFile.fileName, StoreWitness.fileName] { unlink("\(folder.path)/\(name)") }
        let staging = "\(folder.database).restoring"
        if exists(staging) { rename(staging, "\(old).restoring") }
    }
}
