import CTesseraSQLite
import Foundations
import PlatformLibC
import SessionStorage

/// One connection to the file with its prepared statements.
///
/// Not shared: one thread at a time holds it.
final class SQLiteConnection {
    private let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]
    private var isOpen = true

    enum Access {
        case readWrite
        case readOnly
        /// Read as a file that no process changes: nothing is put beside it.
        case unchanging

        fileprivate var flags: Int32 {
            switch self {
            case .readWrite: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readOnly: SQLITE_OPEN_READONLY
            case .unchanging: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            }
        }

        fileprivate func name(of path: String) -> String {
            self == .unchanging ? "file:\(PercentEncoding.component.encode(path))?immutable=1" : path
        }
    }

    /// Opens the file; a writer creates it.
    init(path: String, access: Access) throws(StorageError) {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(
            access.name(of: path), &opened, access.flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let opened else { throw StorageError(.unavailable, "SQLite has no memory for \(path)") }
        guard code == SQLITE_OK else {
            let detail = String(cString: sqlite3_errmsg(opened))
            sqlite3_close_v2(opened)
            throw StorageError(.unavailable, "cannot open \(path): \(detail)")
        }
        handle = opened
        sqlite3_busy_timeout(handle, 5_000)
    }

    deinit { close() }

    /// Closes the connection; nothing may be asked of it afterwards.
    func close() {
        guard isOpen else { return }
        isOpen = false
        for statement in statements.values { sqlite3_finalize(statement) }
        statements = [:]
        sqlite3_close_v2(handle)
    }

    /// What is asked of a database that was closed.
    static let closed = StorageError(.unavailable, "the database is closed: this core is stopping")

    /// Whether no transaction is open, for example because SQLite had to roll one back.
    var isOutsideTransaction: Bool { sqlite3_get_autocommit(handle) != 0 }

    /// Runs statements without parameters, such as a migration.
    func execute(_ sql: String) throws(StorageError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw error(code) }
    }

    /// Runs one statement to its end and collects its rows.
    ///
    /// - Parameters:
    ///   - sql: the text; it is prepared once for each connection.
    ///   - values: the values of its `?`s.
    ///   - row: reads one row.
    func query<Row>(
        _ sql: String, _ values: [SQLiteValue] = [], row: (SQLiteRow) throws(StorageError) -> Row
    ) throws(StorageError) -> [Row] {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() {
            let code = value.bind(to: statement, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw error(code) }
        }
        var rows: [Row] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append(try row(SQLiteRow(statement: statement)))
            case SQLITE_DONE: return rows
            case let code: throw error(code)
            }
        }
    }

    /// Runs one statement that gives no rows.
    ///
    /// - Returns: how many rows it changed.
    @discardableResult
    func run(_ sql: String, _ values: [SQLiteValue] = []) throws(StorageError) -> Int {
        _ = try query(sql, values) { _ in () }
        return Int(sqlite3_changes(handle))
    }

    /// Ends a transaction.
    ///
    /// A commit that fails for want of room has failed; after any other failure the contents of the disk are unknown.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/unknownOutcome`` in that case.
    func commit() throws(StorageError) {
        do throws(StorageError) {
            try run("COMMIT")
        } catch {
            let code = sqlite3_extended_errcode(handle)
            let hasFailed = code == SQLITE_FULL || tessera_sqlite_is_failed_write(code) != 0 && error.code == .full
            throw hasFailed ? error : StorageError(.unknownOutcome, error.detail)
        }
    }

    /// Copies another connection's database over this one's, some pages at a time.
    ///
    /// - Parameters:
    ///   - other: in a transaction that has read: the copy is of what that one sees, whatever is written meanwhile.
    ///   - pages: how many between two reports.
    ///   - progress: receives how many of how many are copied.
    func takeCopy(
        of other: SQLiteConnection, pages: Int32, _ progress: (Int, Int) -> Void
    ) throws(StorageError) {
        guard let backup = sqlite3_backup_init(handle, "main", other.handle, "main") else {
            throw error(sqlite3_extended_errcode(handle))
        }
        var code = SQLITE_OK
        while code == SQLITE_OK {
            code = sqlite3_backup_step(backup, pages)
            let (total, rest) = (sqlite3_backup_pagecount(backup), sqlite3_backup_remaining(backup))
            progress(Int(total) - Int(rest), Int(total))
        }
        let end = sqlite3_backup_finish(backup)
        guard code == SQLITE_DONE, end == SQLITE_OK else { throw error(code == SQLITE_DONE ? end : code) }
    }

    /// Makes the file grow by whole chunks of bytes, each in one call to the system.
    func growInChunks(of size: Int) throws(StorageError) {
        var size = Int32(clamping: size)
        let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_CHUNK_SIZE, &size)
        guard code == SQLITE_OK else { throw error(code) }
    }

    private func prepared(_ sql: String) throws(StorageError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var made: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
        guard code == SQLITE_OK, let made else { throw error(code) }
        statements[sql] = made
        return made
    }

    /// Whether there was no room on the disk; SQLite itself says so only where it writes pages, and not of quotas.
    private func lacksRoom(_ code: Int32) -> Bool {
        if code & 0xFF == SQLITE_FULL { return true }
        let reason = sqlite3_system_errno(handle)
        return tessera_sqlite_is_failed_growth(code) != 0 && (reason == ENOSPC || reason == EDQUOT)
    }

    /// SQLite's result code as an error; its message names tables and files, never values.
    private func error(_ code: Int32) -> StorageError {
        let message = String(cString: sqlite3_errmsg(handle))
        return switch code & 0xFF {
        case _ where lacksRoom(code):
            StorageError(.full, "\(message): free some space for the data folder; no restart is needed")
        // A number that is counted on is at its end, or is not a number.
        case _ where tessera_sqlite_is_refused_value(code) != 0: StorageError(.corrupt, message)
        case SQLITE_CONSTRAINT: StorageError(.alreadyExists, message)
        case SQLITE_CORRUPT, SQLITE_NOTADB: StorageError(.corrupt, message)
        default: StorageError(.unavailable, "\(message) (SQLite code \(code))")
        }
    }
}

/// A value for a `?`.
enum SQLiteValue {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    fileprivate func bind(to statement: OpaquePointer, at index: Int32) -> Int32 {
        switch self {
        case .null:
            return sqlite3_bind_null(statement, index)
        case .integer(let value):
            return sqlite3_bind_int64(statement, index, value)
        case .text(var value):
            return value.withUTF8 { utf8 in
                utf8.withMemoryRebound(to: CChar.self) { bytes in
                    sqlite3_bind_text(
                        statement, index, bytes.baseAddress ?? Self.emptyText, Int32(clamping: bytes.count),
                        tessera_sqlite_transient())
                }
            }
        case .blob(let value):
            return value.withUnsafeBytes { bytes in
                sqlite3_bind_blob(
                    statement, index, bytes.baseAddress, Int32(clamping: bytes.count), tessera_sqlite_transient())
            }
        }
    }

    /// An empty buffer may have no address, and SQLite would take none for NULL.
    private static var emptyText: UnsafePointer<CChar> { tessera_empty_text() }
}

/// The row that a statement stands on; valid until the statement moves.
struct SQLiteRow {
    fileprivate let statement: OpaquePointer

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

    func text(_ column: Int32) -> String {
        guard let bytes = sqlite3_column_text(statement, column) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, column))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// An integer that is stored as one.
    ///
    /// - Parameters:
    ///   - column: its number.
    ///   - table: where the row is from.
    ///   - name: what the row is called there, never a secret.
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt``, which names table, row and column.
    func integer(_ column: Int32, of table: StaticString, _ name: String) throws(StorageError) -> Int64 {
        guard sqlite3_column_type(statement, column) == SQLITE_INTEGER else { throw wrong(column, table, name) }
        return integer(column)
    }

    /// A text that is stored as one; the same as ``integer(_:of:_:)``.
    func text(_ column: Int32, of table: StaticString, _ name: String) throws(StorageError) -> String {
        guard sqlite3_column_type(statement, column) == SQLITE_TEXT else { throw wrong(column, table, name) }
        return text(column)
    }

    private func wrong(_ column: Int32, _ table: StaticString, _ name: String) -> StorageError {
        let what = sqlite3_column_name(statement, column).map { String(cString: $0) } ?? "\(column)"
        return StorageError(.corrupt, "\(table), row \(name.prefix(128)): column \(what) holds a value of another type")
    }

    func blob(_ column: Int32) -> [UInt8] {
        guard let bytes = sqlite3_column_blob(statement, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(statement, column))))
    }
}
