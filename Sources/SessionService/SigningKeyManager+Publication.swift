import SessionEngine
import SessionStorage
import Synchronization

extension SigningKeyManager {
    /// The last comparison with storage for those who ask for the published keys, or the one under way.
    struct Comparison {
        var task: Task<Void, any Error>?
        var begun: Timestamp?
        var failure: ServiceError?

        /// Whether what is in memory need not be compared again.
        func isFresh(at now: Timestamp) -> Bool {
            guard let begun else { return false }
            return begun <= now && now < begun + Self.freshness
        }

        private static let freshness = Milliseconds(1_000)
    }

    /// Has ready what the published set always has: the keys in memory, compared with storage at most once a second.
    ///
    /// Any client may ask for the published keys, as often as it likes: storage does not notice. When storage is
    /// unreachable the keys in memory stay published, as they still verify (docs/decisions/0018).
    func prepareForPublication(_ algorithm: SigningAlgorithm) async throws(ServiceError) {
        let now = clock.time()
        let (isComplete, comparison) = state.withLock { state in
            let isComplete = [SigningKeyKind.dynamic, .static].allSatisfy { kind in
                state.ring.signer(kind, algorithm, at: now, schedule: schedule) != nil
            }
            // A successor that is due is published now, not within a second: it may be due for no longer.
            let isCurrent =
                isComplete && !state.ring.lacksKey(.dynamic, algorithm, at: now, schedule: schedule)
            let isFresh = state.comparison.isFresh(at: now) && (isCurrent || state.comparison.failure != nil)
            if !isFresh, state.comparison.task == nil { state.comparison.task = comparing(algorithm, from: now) }
            var comparison = state.comparison
            if isFresh { comparison.task = nil }
            return (isComplete, comparison)
        }
        if isComplete {
            // A caller that finds storage unreachable once does not wait for it.
            if comparison.failure == nil { try? await comparison.task?.value }
            return
        }
        do {
            guard let task = comparison.task else { throw comparison.failure ?? Self.noKey }
            try await task.value
        } catch {
            let error = error as? ServiceError ?? Self.noKey
            // A key of the other kind that a signer does not make now is no reason to keep those back that there are.
            guard case .signing = error, pool.external != nil else { throw error }
            guard !ring.published(at: now, schedule: schedule).isEmpty else { throw error }
        }
    }

    private static let noKey = ServiceError.storage(StorageError(.unavailable, "the signing keys could not be read"))

    private func comparing(_ algorithm: SigningAlgorithm, from begun: Timestamp) -> Task<Void, any Error> {
        Task {
            var failure: ServiceError?
            do throws(ServiceError) { try await prepare(algorithm) } catch { failure = error }
            state.withLock { $0.comparison = Comparison(begun: begun, failure: failure) }
            if let failure { throw failure }
        }
    }
}
