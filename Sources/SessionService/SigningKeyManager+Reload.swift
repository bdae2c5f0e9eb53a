import SessionEngine
import SessionStorage
import Synchronization

extension SigningKeyManager {
    /// A reading of the keys that a token of an unknown key has caused.
    struct Reading {
        let task: Task<Void, any Error>
        /// Whether storage is asked already; before that the reading is put off.
        var hasBegun: Bool
        var waiters = 1

        /// How many may wait: few for a reading that is put off, because any client can make up a recent key ID.
        private static let (waitersAhead, waitersDuring) = (8, 256)

        /// Joins the waiting callers, unless there are enough.
        mutating func join(isRecentlyCreated: Bool) -> Task<Void, any Error>? {
            guard hasBegun ? waiters < Self.waitersDuring : isRecentlyCreated && waiters < Self.waitersAhead else {
                return nil
            }
            waiters += 1
            return task
        }
    }

    /// Reads the keys from storage because a token is not signed by any that is known here, at most once a second.
    ///
    /// A caller within 1 s of the last reload waits for the next one if the token names a key that may be newer than
    /// that reading, so that a good token is not refused; a few at once do, all others are answered with what is known
    /// (docs/decisions/0018).
    ///
    /// - Parameter madeAt: when the key that the token names was made, or claims to have been; `nil` where none is named.
    func reloadForUnknownKey(madeAt: Timestamp?) async throws(ServiceError) {
        let now = clock.time()
        let task = state.withLock { state -> Task<Void, any Error>? in
            let isRecentlyCreated =
                madeAt.map { $0 + Self.recentPeriod >= now && $0 <= now + Self.recentPeriod } ?? false
            if state.reading != nil { return state.reading?.join(isRecentlyCreated: isRecentlyCreated) }
            var delay = Milliseconds(0)
            if let (begun, ended) = state.reloaded {
                // A clock that was set back does not make a caller wait for longer.
                delay = min(max(ended + Self.reloadInterval - now, Milliseconds(0)), Self.reloadInterval)
                let mayBeNew = isRecentlyCreated && madeAt.map { begun <= $0 + Self.clockDifference } ?? false
                guard delay == Milliseconds(0) || mayBeNew else { return nil }
            }
            let task = reloading(after: delay)
            state.reading = Reading(task: task, hasBegun: delay == Milliseconds(0))
            return task
        }
        do {
            try await task?.value
        } catch let error as StorageError {
            throw .storage(error)
        } catch {
            throw .storage(StorageError(.unavailable, "the signing keys could not be read"))
        }
    }

    private static let reloadInterval = Milliseconds(1_000)
    /// How far the clocks of two nodes may differ before a key seems older than it is.
    private static let clockDifference = Milliseconds(1_000)
    /// How far from now a key may have been made for its tokens to be waited for.
    private static let recentPeriod = Milliseconds(120_000)

    private func reloading(after delay: Milliseconds) -> Task<Void, any Error> {
        Task {
            if delay > Milliseconds(0) {
                await clock.pause(delay)
                state.withLock { $0.reading?.hasBegun = true }
            }
            let begun = clock.time()
            defer {
                let ended = clock.time()
                state.withLock { ($0.reading, $0.reloaded) = (nil, (begun, ended)) }
            }
            try await load()
        }
    }
}
