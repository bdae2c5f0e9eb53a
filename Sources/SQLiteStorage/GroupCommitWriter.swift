import Dispatch
import SessionStorage
import Synchronization

/// The one connection that writes.
///
/// Writes that arrive while a transaction is being made durable wait together and share the next one, so that
/// `synchronous=FULL` costs one flush a group and not one a write.
final class GroupCommitWriter: Sendable {
    /// One waiting write.
    private struct Write: Sendable {
        /// Does the work inside a transaction, and remembers the result for ``finish``.
        let perform: @Sendable (SQLiteConnection) -> StorageError?
        /// Tells the caller; with an error when the transaction did not become durable.
        let finish: @Sendable (StorageError?) -> Void
    }

    private struct Queue {
        var waiting: [Write] = []
        var isDraining = false
    }

    /// The most writes that share one transaction.
    private static let groupLimit = 256

    private let queue = Mutex(Queue())
    private let serial = DispatchQueue(label: "tessera.sqlite.writer", qos: .userInitiated)
    private let connection: Confined

    init(_ connection: sending SQLiteConnection) {
        self.connection = Confined(connection)
    }

    /// Runs `body` in a transaction, alone with the file, and returns when its result is durable.
    ///
    /// - Parameter body: may be run again when the group it was in could not be committed.
    @discardableResult
    func write<Result: Sendable>(
        _ body: @escaping @Sendable (SQLiteConnection) throws(StorageError) -> Result
    ) async throws(StorageError) -> Result {
        let slot = ResultSlot<Result>()
        let result = await withCheckedContinuation { continuation in
            let write = Write(
                perform: { connection in slot.fill(with: connection, body) },
                finish: { error in continuation.resume(returning: slot.take(unless: error)) })
            enqueue(write)
        }
        return try result.get()
    }

    private func enqueue(_ write: Write) {
        let mustStart = queue.withLock { queue in
            queue.waiting.append(write)
            defer { queue.isDraining = true }
            return !queue.isDraining
        }
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

    /// Commits a group; when that fails for lack of room, each write is tried by itself, because a small one may fit.
    private func commit(_ group: [Write]) {
        let error = attempt(group)
        if let error, error.code != .unknownOutcome, group.count > 1 {
            for write in group { commit([write]) }
        } else {
            for write in group { write.finish(error) }
        }
    }

    /// Runs a group in one transaction.
    ///
    /// A write that fails is undone alone and reports its own error.
    private func attempt(_ group: [Write]) -> StorageError? {
        let connection = connection.value
        do throws(StorageError) {
            try connection.run("BEGIN IMMEDIATE")
            Failpoint.reach("sqlite.begun")
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
        } catch {
            _ = try? connection.run("ROLLBACK")
            return error
        }
        return commitTransaction(on: connection)
    }

    /// A commit that fails for want of room has failed; after any other failure nobody can tell what the disk holds.
    private func commitTransaction(on connection: SQLiteConnection) -> StorageError? {
        do throws(StorageError) {
            Failpoint.reach("sqlite.before-commit")
            try connection.run("COMMIT")
            Failpoint.reach("sqlite.committed")
            return nil
        } catch {
            if !connection.isOutsideTransaction { _ = try? connection.run("ROLLBACK") }
            return error.code == .full ? error : StorageError(.unknownOutcome, error.detail)
        }
    }
}

/// Carries the connection into the writer's queue.
///
/// `@unchecked Sendable`: guarded by `GroupCommitWriter.serial`, the only place that reads `value`.
private final class Confined: @unchecked Sendable {
    let value: SQLiteConnection

    init(_ value: sending SQLiteConnection) {
        self.value = value
    }
}

/// Keeps the result of a write until its transaction is durable.
private final class ResultSlot<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, StorageError>?>(nil)

    /// Runs the work and returns its error, if it failed.
    func fill(
        with connection: SQLiteConnection, _ body: (SQLiteConnection) throws(StorageError) -> Value
    ) -> StorageError? {
        do throws(StorageError) {
            let value = try body(connection)
            result.withLock { $0 = .success(value) }
            return nil
        } catch {
            result.withLock { $0 = .failure(error) }
            return error
        }
    }

    func take(unless error: StorageError?) -> Result<Value, StorageError> {
        if let error { return .failure(error) }
        return result.withLock { $0 } ?? .failure(StorageError(.unavailable, "a write was never run"))
    }
}
