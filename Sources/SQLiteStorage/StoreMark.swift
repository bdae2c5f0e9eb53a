import Foundations
import PlatformLibC
import SessionEngine
import SessionStorage

/// What a database says about itself, so that a file without its log is noticed (docs/decisions/0029).
///
/// Kept in the table of named values with the app `public`.
struct StoreMark {
    /// The name of the store, which its copies share.
    var store: String?
    /// Whether a process that writes had the file, so that the newest rows may be in the log beside it.
    var isOpen: Bool
    /// Counts writes, about ten a second at most.
    var writes: Int64

    private static let storeName = "tessera_store"
    private static let logName = "tessera_log"
    private static let writesName = "tessera_writes"
    private static let open = "open"
    private static let closed = "closed"

    /// Reads the mark; a database of an earlier release has none.
    ///
    /// - Throws: ``StorageError``; with ``StorageError/Code/corrupt`` for a count that is no number.
    init(on connection: SQLiteConnection) throws(StorageError) {
        func value(_ name: String) throws(StorageError) -> String? {
            let key: [SQLiteValue] = [.text(AppID.public.rawValue), .text(name)]
            return try connection.query(Statement.selectValue, key) { $0.text(0) }.first
        }
        (store, isOpen) = (try value(Self.storeName), try value(Self.logName) == Self.open)
        let text = try value(Self.writesName) ?? "0"
        guard let count = Int64(text), count >= 0 else {
            throw StorageError(.corrupt, "key_value, name \(Self.writesName): not a number of writes")
        }
        writes = count
    }

    /// Stores the mark.
    func write(on connection: SQLiteConnection) throws(StorageError) {
        try Self.store(store, Self.storeName, on: connection)
        try Self.store(isOpen ? Self.open : Self.closed, Self.logName, on: connection)
        try Self.store("\(writes)", Self.writesName, on: connection)
    }

    /// Stores the count alone.
    func writeCount(on connection: SQLiteConnection) throws(StorageError) {
        try Self.store("\(writes)", Self.writesName, on: connection)
    }

    private static func store(
        _ value: String?, _ name: String, on connection: SQLiteConnection
    ) throws(StorageError) {
        guard let value else { return }
        try connection.run(Statement.storeValue, [.text(AppID.public.rawValue), .text(name), .text(value)])
    }

    /// This mark with one write more.
    func counting() -> StoreMark {
        var mark = self
        mark.writes = writes.saturatingAdd(1)
        return mark
    }

    /// The name of a new store.
    static func newStore() -> String {
        var random = ClockAndRandomness.system.random
        return RandomText.uuid(using: &random)
    }
}

/// The file beside the database that says how far the store had come, written after its writes.
///
/// Lazily, and never waited for: a number that is too low harms nothing.
struct StoreWitness: Sendable {
    /// The name of the file in the data folder.
    static let fileName = "tessera.state"
    private static let head = "tessera-state-1"
    private static let length = 128

    let path: String

    /// The file of a data folder.
    init(folder: String) { path = "\(folder)/\(Self.fileName)" }

    /// What it says; `nil` where there is none that can be read.
    var seen: (store: String, writes: Int64)? {
        guard let descriptor = try? PrivateFile.open(path, .existing) else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.length)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let words = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(whereSeparator: \.isWhitespace)
        guard words.count == 3, words[0] == Self.head, let writes = Int64(words[2]) else { return nil }
        return (String(words[1]), writes)
    }

    /// Notes how far a store has come; a disk without room for that is no reason to refuse anything.
    func note(_ mark: StoreMark) {
        guard let store = mark.store, let descriptor = try? PrivateFile.open(path, .made) else { return }
        defer { close(descriptor) }
        let text = "\(Self.head) \(store) \(mark.writes)"
        let line = text + String(repeating: " ", count: max(0, Self.length - 1 - text.utf8.count)) + "\n"
        _ = pwrite(descriptor, line, line.utf8.count, 0)
    }

    /// Forgets what was there, because another database takes its place.
    func remove() { unlink(path) }
}

/// Notes the writes of the one connection that writes.
///
/// Not shared: the writer alone has it, beside its connection.
final class StoreProgress {
    private var mark: StoreMark
    private let witness: StoreWitness
    private let clock: @Sendable () -> MonotonicTime
    private var nextNote: MonotonicTime?

    /// How often a write is counted at most.
    static let interval = Duration.milliseconds(100)

    init(
        _ mark: StoreMark, _ witness: StoreWitness,
        clock: @escaping @Sendable () -> MonotonicTime = { MonotonicTime.present }
    ) {
        (self.mark, self.witness, self.clock) = (mark, witness, clock)
    }

    /// Counts a group of writes in its own transaction, if it is time.
    ///
    /// - Returns: the mark that the transaction makes durable, for ``committed(_:)``; `nil` when it is not yet time.
    func count(on connection: SQLiteConnection) throws(StorageError) -> StoreMark? {
        let now = clock()
        guard nextNote.map({ now >= $0 }) ?? true else { return nil }
        let next = mark.counting()
        try next.writeCount(on: connection)
        return next
    }

    /// Says beside the database that the transaction with this mark is durable.
    ///
    /// The caller passes it from the same transaction: a mark that was kept from one that failed would put the witness
    /// ahead of the database, and the next start would miss writes that never were.
    func committed(_ counted: StoreMark) {
        (mark, nextNote) = (counted, clock() + Self.interval)
        witness.note(mark)
    }

    /// Says in the database that everything is in it, and nothing in its log.
    ///
    /// - Parameters:
    ///   - connection: the one that writes.
    ///   - isInPlace: whether the folder is still the one of the database.
    func close(on connection: SQLiteConnection, isInPlace: Bool) throws(StorageError) {
        var last = mark.counting()
        last.isOpen = false
        try connection.run("BEGIN IMMEDIATE")
        do throws(StorageError) {
            try last.write(on: connection)
            try connection.commit()
        } catch {
            if !connection.isOutsideTransaction { _ = try? connection.run("ROLLBACK") }
            throw error
        }
        if isInPlace { witness.note(last) }
    }
}
