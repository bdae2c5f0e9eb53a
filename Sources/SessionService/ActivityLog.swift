import SessionEngine
import SessionStorage
import Synchronization

/// Buffers when users were last seen, so that a sign-in or a refresh costs no write of its own.
///
/// What has not been written when the process is killed is lost; it is a statistic.
final class ActivityLog: Sendable {
    /// How many users are kept in memory at most.
    private static let capacity = 1_024

    private let pending = Mutex<[UserID: Timestamp]>([:])
    private let storage: any ActivityStore

    init(storage: any ActivityStore) {
        self.storage = storage
    }

    func note(_ user: UserID, at now: Timestamp) {
        let isFull = pending.withLock { pending in
            pending[user] = now
            return pending.count >= Self.capacity
        }
        if isFull { Task { try? await flush() } }
    }

    /// Writes what has been collected; on failure it is collected again.
    func flush() async throws(StorageError) {
        let taken = pending.withLock { pending in
            defer { pending = [:] }
            return pending
        }
        do throws(StorageError) {
            try await storage.noteActivity(taken)
        } catch {
            pending.withLock { pending in
                // Full already: newer notes are worth more.
                if pending.count < Self.capacity { pending.merge(taken) { max($0, $1) } }
            }
            throw error
        }
    }
}
