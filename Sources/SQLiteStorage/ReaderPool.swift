import Dispatch
import SessionStorage
import Synchronization

/// Read-only connections.
///
/// A read by key takes microseconds, so it runs where it was asked for, without a queue.
final class ReaderPool: Sendable {
    /// `nil` once the database is closed.
    private let idle = Mutex<[Reader]?>([])
    private let path: String
    /// One at a time, so that searches take no more than one processor from those who are waited for.
    private let aside = DispatchQueue(label: "tessera.sqlite.searches", qos: .utility)

    init(path: String) {
        self.path = path
    }

    /// Runs `body` with a connection of its own, over the last committed state of the file.
    func read<Result>(_ body: (SQLiteConnection) throws(StorageError) -> Result) throws(StorageError) -> Result {
        let (isOpen, waiting) = idle.withLock { ($0 != nil, $0?.popLast()) }
        guard isOpen else { throw SQLiteConnection.closed }
        let reader = if let waiting { waiting } else { try Reader(path: path) }
        defer { idle.withLock { $0?.append(reader) } }
        return try body(reader.connection)
    }

    /// Closes the connections; one that is in use, when its read has ended.
    func close() { idle.withLock { $0 = nil } }

    /// Runs a search, which may look at many rows, on a thread of its own: not on those that serve (finding W6).
    func readAside<Value: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StorageError) -> Value
    ) async throws(StorageError) -> Value {
        let slot = ResultSlot(body)
        let result = await withCheckedContinuation { continuation in
            aside.async {
                var failure: StorageError?
                do throws(StorageError) {
                    try self.read { (connection) throws(StorageError) in _ = slot.fill(with: connection) }
                } catch {
                    failure = error
                }
                continuation.resume(returning: slot.take(unless: failure))
            }
        }
        return try result.get()
    }
}

/// A connection on its way between readers.
///
/// `@unchecked Sendable`: guarded by `ReaderPool.idle`; a reader is either in that list or held by one call.
private final class Reader: @unchecked Sendable {
    let connection: SQLiteConnection

    init(path: String) throws(StorageError) {
        connection = try SQLiteConnection(path: path, access: .readOnly)
    }
}
