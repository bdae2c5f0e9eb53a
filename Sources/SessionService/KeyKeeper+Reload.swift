import SessionEngine
import SessionStorage
import Synchronization

extension KeyKeeper {
    /// Reads the keys from storage because a token is not signed by any that is known here, at most once a second.
    ///
    /// Whoever comes within a second of the last reading waits for the next one if the token names a key that may be
    /// younger than that reading, so that a good token is not refused (docs/decisions/0018).
    ///
    /// - Parameter madeAt: when the key that the token names was made, or claims to have been; `nil` where none is named.
    func reloadForUnknownKey(madeAt: Timestamp?) async throws(ServiceError) {
        let task = state.withLock { state -> Task<Void, any Error>? in
            if let task = state.reloading { return task }
            var delay = Milliseconds(0)
            if let (begun, ended) = state.reloaded {
                // A clock that was set back does not make anybody wait for longer.
                delay = min(max(ended + Self.reloadInterval - ambient.time(), Milliseconds(0)), Self.reloadInterval)
                guard delay == Milliseconds(0) || madeAt.map({ begun <= $0 + Self.clockDifference }) ?? false else {
                    return nil
                }
            }
            let task = reloading(after: delay)
            state.reloading = task
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

    private func reloading(after delay: Milliseconds) -> Task<Void, any Error> {
        Task {
            if delay > Milliseconds(0) { await ambient.pause(delay) }
            let begun = ambient.time()
            defer {
                let ended = ambient.time()
                state.withLock { ($0.reloading, $0.reloaded) = (nil, (begun, ended)) }
            }
            try await load()
        }
    }
}
