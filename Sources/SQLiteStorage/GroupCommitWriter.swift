import Dispatch
import Foundations
import SessionStorage
import Synchronization

/// The one connection that writes.
///
/// Writes that arrive while a transaction is being made durable wait together and share the next one, so that
/// `synchronous=FULL` costs one flush a group and not one a write. When there is no room for every write, ordinary ones
/// give way to vital ones (docs/decisions/0020).
final class GroupCommitWriter: Sendable {
    /// One waiting write.
    private struct Write: Sendable {
        let importance: WriteImportance
        /// Does the work inside a transaction, and remembers the result for ``finish``.
        let perform: @Sendable (SQLiteConnection) -> StorageError?
        /// Resumes the caller; with an error when the transaction did not become durable.
        let finish: @Sendable (StorageError?) -> Void
    }

    private struct Queue {
        var waiting: [Write] = []
        var isDraining = false
        var isClosed = false
    }

    /// The most writes that share one transaction.
    private static let groupLimit = 256

    private let queue = Mutex(Queue())
    private let serial = DispatchQueue(label: "tessera.sqlite.writer", qos: .userInitiated)
    private let place: Confined
    /// Gets the size and the time of each commit.
    let commits = CommitObserver()
    /// Says what is wrong when the files are no longer where they were opened.
    private let watch: FolderWatch?

    /// Takes the connection and what goes with it.
    ///
    /// - Parameters:
    ///   - connection: the one that writes.
    ///   - reserve: the room that is kept for vital writes.
    ///   - progress: counts what is written.
    ///   - watch: what has to stay where it is.
    init(
        _ connection: sending SQLiteConnection, reserve: sending Reserve? = nil, progress: sending StoreProgress? = nil,
        watch: FolderWatch? = nil
    ) {
        place = Confined(connection, reserve, progress)
        self.watch = watch
        serial.setSpecific(key: Self.isHere, value: true)
    }

    /// How many writes wait for their transaction.
    var waitingCount: Int { queue.withLock(\.waiting.count) }

    private static let isHere = DispatchSpecificKey<Bool>()

    /// Ends writing: what waits is written, what comes later is refused, the log goes back into the database, and the
    /// connection is closed.
    func close() {
        let wasOpen = queue.withLock { queue in
            defer { queue.isClosed = true }
            return !queue.isClosed
        }
        guard wasOpen else { return }
        // The last who names a database may be a write that has just ended here.
        if DispatchQueue.getSpecific(key: Self.isHere) == true { return closeHere() }
        serial.sync { closeHere() }
    }

    private func closeHere() {
        drain()
        let connection = place.connection
        if let progress = place.progress {
            try? progress.close(on: connection, isInPlace: watch?.problem == nil)
            _ = try? connection.query("PRAGMA wal_checkpoint(TRUNCATE)") { _ in () }
        }
        connection.close()
    }

    /// Runs `body` in a transaction, alone with the file, and returns when its result is durable.
    ///
    /// - Parameters:
    ///   - importance: whether the reserve is there for it.
    ///   - body: may be run again when the group it was in could not be committed.
    @discardableResult
    func write<Result: Sendable>(
        _ importance: WriteImportance = .ordinary,
        _ body: @escaping @Sendable (SQLiteConnection) throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        let slot = ResultSlot(body)
        let result = await withCheckedContinuation { continuation in
            let write = Write(
                importance: importance, perform: { connection in slot.fill(with: connection) },
                finish: { error in continuation.resume(returning: slot.take(unless: error)) })
            enqueue(write)
        }
        return try result.get()
    }

    private func enqueue(_ write: Write) {
        let (isClosed, mustStart) = queue.withLock { queue in
            if queue.isClosed { return (true, false) }
            queue.waiting.append(write)
            defer { queue.isDraining = true }
            return (false, !queue.isDraining)
        }
        if isClosed { return write.finish(SQLiteConnection.closed) }
        if mustStart { serial.async { self.drain() } }
    }

    private func drain() {
        while true {
            let group = queue.withLock { queue in
                let group = Array(queue.waiting.prefix(Self.groupLimit))
                queue.waiting.removeFirst(group.count)
                queue.isDraining = !group.isEmpty
                return group
            }
            if group.isEmpty { return }
            commit(group)
        }
    }

    /// Commits a group, or the part of it that there may be room for.
    ///
    /// When that fails and nothing was done, each write is tried by itself, because a small one may fit; vital ones first.
    private func commit(_ group: [Write]) {
        if let problem = watch?.problem { return finish(group, StorageError(.unavailable, problem)) }
        var group = group
        let vital = group.filter { $0.importance == .vital }
        if vital.count < group.count, let refusal = place.reserve?.refusal(on: place.connection) {
            finish(group.filter { $0.importance == .ordinary }, refusal)
            group = vital
        }
        guard let error = attempt(group) else { return finish(group, nil) }
        if error.code == .unknownOutcome { return finish(group, error) }
        guard group.count == 1 else {
            for write in vital + group.filter({ $0.importance == .ordinary }) { commit([write]) }
            return
        }
        finish(group, vital.isEmpty ? error : insist(on: group, error))
    }

    private func finish(_ group: [Write], _ error: StorageError?) {
        for write in group { write.finish(error) }
    }

    /// Tries a vital write again as long as room can be made for it.
    private func insist(on write: [Write], _ failure: StorageError) -> StorageError? {
        guard let reserve = place.reserve else { return failure }
        var (error, failures) = (Optional(failure), 0)
        while error?.code == .full, reserve.makeRoom(on: place.connection, after: failures) {
            Failpoint.reach("sqlite.room-made")
            error = attempt(write)
            failures += 1
        }
        return error
    }

    /// Runs a group in one transaction.
    ///
    /// Hardly ever does a write of it fail; then all are run once more, each so that it can be undone by itself.
    private func attempt(_ group: [Write]) -> StorageError? {
        if group.isEmpty { return nil }
        var hasFailed = false
        let error = transaction(group) { (connection) throws(StorageError) in
            for write in group {
                if let failure = write.perform(connection) {
                    hasFailed = true
                    throw failure
                }
                Failpoint.reach("sqlite.write-done")
            }
        }
        guard hasFailed, group.count > 1 else { return error }
        return transaction(group) { (connection) throws(StorageError) in try performApart(group, connection) }
    }

    private func transaction(
        _ group: [Write], _ perform: (SQLiteConnection) throws(StorageError) -> Void
    ) -> StorageError? {
        let connection = place.connection
        let begun = MonotonicTime.present
        do throws(StorageError) {
            try connection.run("BEGIN IMMEDIATE")
            Failpoint.reach("sqlite.begun")
            try perform(connection)
            var counted: StoreMark?
            if hasOrdinary(group) {
                counted = try place.progress?.count(on: connection)
                try keepRoom()
            }
            Failpoint.reach("sqlite.before-commit")
            try connection.commit()
            Failpoint.reach("sqlite.committed")
            commits.note(group.count, MonotonicTime.present - begun)
            if let counted { place.progress?.committed(counted) }
            // What was written into a file that is gone must not be acknowledged.
            return watch?.problem.map { StorageError(.unknownOutcome, $0) }
        } catch {
            if !connection.isOutsideTransaction { _ = try? connection.run("ROLLBACK") }
            return error
        }
    }

    /// Runs the writes of a group; one that fails is undone alone and reports its own error.
    private func performApart(_ group: [Write], _ connection: SQLiteConnection) throws(StorageError) {
        for write in group {
            try connection.run("SAVEPOINT write_of_group")
            if let failure = write.perform(connection) {
                // A full disk may have ended the transaction; then the group has failed, not one write of it.
                if connection.isOutsideTransaction || failure.code == .full { throw failure }
                try connection.run("ROLLBACK TO write_of_group")
            }
            try connection.run("RELEASE write_of_group")
            Failpoint.reach("sqlite.write-done")
        }
    }

    private func hasOrdinary(_ group: [Write]) -> Bool { group.contains { $0.importance == .ordinary } }

    /// Throws if ordinary writes have taken the room that is kept for vital ones.
    private func keepRoom() throws(StorageError) {
        guard let reserve = place.reserve else { return }
        if !reserve.keepsRoom(on: place.connection) { throw Reserve.full }
    }
}

/// Carries the connection and what goes with it into the writer's queue.
///
/// `@unchecked Sendable`: guarded by `GroupCommitWriter.serial`, the only place that reads them.
private final class Confined: @unchecked Sendable {
    let connection: SQLiteConnection
    let reserve: Reserve?
    let progress: StoreProgress?

    init(
        _ connection: sending SQLiteConnection, _ reserve: sending Reserve?, _ progress: sending StoreProgress?
    ) {
        self.connection = connection
        self.reserve = reserve
        self.progress = progress
    }
}
