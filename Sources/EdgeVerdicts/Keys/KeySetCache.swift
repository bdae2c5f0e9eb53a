package import Foundations
package import SessionEngine
import Synchronization

/// The keys of the cores, fetched when they are needed and kept while they may be (docs/specification/sdk.md 2.7,
/// docs/decisions/0032).
///
/// While there are keys that may be used, no verification waits: what is due is fetched beside. When no core answers, the last good
/// keys stay in use for a while: an outage must not sign a user out.
package final class KeySetCache: Sendable {
    /// How keys are fetched, and how time passes.
    package struct Surroundings: Sendable {
        /// Asks the cores for their keys, given the time.
        package var fetch: @Sendable (Timestamp) async -> Result<KeySet, KeySetUnavailable>
        /// The time.
        package var time: @Sendable () -> Timestamp
        /// Waits for some milliseconds.
        package var wait: @Sendable (Int64) async throws -> Void

        package init(
            fetch: @escaping @Sendable (Timestamp) async -> Result<KeySet, KeySetUnavailable>,
            time: @escaping @Sendable () -> Timestamp, wait: @escaping @Sendable (Int64) async throws -> Void
        ) {
            (self.fetch, self.time, self.wait) = (fetch, time, wait)
        }
    }

    private struct State {
        var keys: KeySet?
        var fetching: Task<Result<KeySet, KeySetUnavailable>, Never>?
        /// When a set was asked for last because of its age.
        var lastTry: Timestamp?
        /// When a set was asked for last because a key was missing.
        var lastLook: Timestamp?
        /// Why the last fetch gave no keys.
        var failure: KeySetUnavailable?
        /// Names of keys that a recent look did not find, and when that began.
        var missing: [KeyID: Timestamp] = [:]
        /// Keys of which the feed of ended sessions says that they are trusted no more.
        var killed: Set<KeyID> = []
        var waiting = 0
    }

    private enum Step {
        case newer(KeySet)
        case absent
        case join(Task<Result<KeySet, KeySetUnavailable>, Never>)
        case look(Task<Result<KeySet, KeySetUnavailable>, Never>, Timestamp)
        case wait(Milliseconds, since: Timestamp)
        case failed(KeySetUnavailable)
    }

    /// How often the set is fetched, for its age and for missing keys, each.
    package static let cooldown = Milliseconds(500)
    /// How many may wait at a time because their keys are missing.
    static let waitingLimit = 64
    /// For how long the last host is waited for.
    package static let timeout = Milliseconds.seconds(5)

    private let staleness: Milliseconds
    private let surroundings: Surroundings
    private let state = Mutex(State())

    /// Begins without keys.
    ///
    /// - Parameters:
    ///   - staleness: for how long a set stays in use after its time while no core answers.
    ///   - surroundings: how keys are fetched.
    package init(staleness: Milliseconds, _ surroundings: Surroundings) {
        self.staleness = staleness
        self.surroundings = surroundings
    }

    /// The keys that verify now, as far as they are at hand; where there are none they are being fetched.
    package func atHand() -> KeySet? { try? known().get() }

    /// The keys that verify now; it waits only where there are none that may be used.
    ///
    /// - Throws: ``KeySetUnavailable``.
    package func current() async throws(KeySetUnavailable) -> KeySet {
        switch known() {
        case .success(let keys): return keys
        case .failure(let missing): return try await missing.fetching.value.get()
        }
    }

    /// There are no keys that may be used, and some are being fetched.
    private struct Missing: Error {
        let fetching: Task<Result<KeySet, KeySetUnavailable>, Never>
    }

    private func known() -> Result<KeySet, Missing> {
        let now = surroundings.time()
        return state.withLock { state in
            guard let keys = state.keys, now - keys.fetchedAt < keys.life + staleness else {
                return .failure(Missing(fetching: fetch(&state, at: now)))
            }
            let age = now - keys.fetchedAt
            if age < Milliseconds(0) || age >= keys.life, !Self.isRecent(state.lastTry, at: now) {
                _ = fetch(&state, at: now)
            }
            return .success(keys)
        }
    }

    /// The claims of a token, by the keys at hand or by later ones where the token may be for those.
    ///
    /// - Returns: why it is not accepted, where no later keys can help.
    /// - Throws: ``KeySetUnavailable``: without an answer of a core a key that is not known is no verdict.
    package func claims(
        of token: UnverifiedAccessToken
    ) async throws(KeySetUnavailable) -> Result<AccessTokenClaims, AccessTokenProblem> {
        let start = surroundings.time()
        var known = try await current()
        var isLatest = false
        while true {
            do throws(AccessTokenProblem) {
                return .success(try token.claims(verifiedBy: known.verification))
            } catch {
                guard error.mayBeForNewerKeys, !isLatest,
                    let later = try await later(than: known, for: error == .unknownKey ? token.keyID : nil)
                else { return .failure(error) }
                known = later
                isLatest = later.fetchedAt >= start
            }
        }
    }

    /// A later set than one that lacks a key.
    ///
    /// The cores are asked at most once in half a second, by one call for all who wait.
    ///
    /// - Parameters:
    ///   - seen: the set that was tried.
    ///   - id: the key that it lacks; `nil` where it is not known which key is meant, or the key is there and does not fit:
    ///     then none waits for the half second to pass, and no answer is an answer too.
    /// - Returns: `nil` where there is no later set, and the cores were asked for this key a moment ago.
    /// - Throws: ``KeySetUnavailable``: without an answer nothing is known about the key.
    package func later(than seen: KeySet, for id: KeyID?) async throws(KeySetUnavailable) -> KeySet? {
        var waitedSince: Timestamp?
        while true {
            switch step(seen, id, waitedSince) {
            case .newer(let keys): return keys
            case .absent: return nil
            case .failed(let error): return try none(id, error)
            case .wait(let span, let look):
                if id == nil { return nil }
                // Cancellation shows at the next step.
                try? await surroundings.wait(span.count)
                leave()
                waitedSince = look
            case .join(let task):
                let result = await task.value
                leave()
                if case .failure(let error) = result { return try none(id, error) }
            case .look(let task, let start):
                let result = await task.value
                leave()
                switch result {
                case .failure(let error): return try none(id, error)
                case .success(let keys):
                    if let id, keys.verification[id] == nil { state.withLock { $0.missing[id] = start } }
                    return keys
                }
            }
        }
    }

    /// Takes keys out, for ever, and has the set fetched beside.
    package func drop(_ killed: some Sequence<KeyID>) {
        let now = surroundings.time()
        state.withLock { state in
            state.killed.formUnion(killed)
            state.keys = state.keys?.without(state.killed)
            _ = fetch(&state, at: now)
        }
    }

    /// For how many seconds a set may still be kept.
    package func maxAgeSeconds(of keys: KeySet) -> Int64 {
        let rest = keys.life - (surroundings.time() - keys.fetchedAt)
        return min(max(rest.count, 1_000), keys.life.count) / 1_000
    }

    /// Waits until nothing is being fetched: for tests.
    package func settle() async {
        while let task = state.withLock({ $0.fetching }) { _ = await task.value }
    }

    private func none(_ id: KeyID?, _ error: KeySetUnavailable) throws(KeySetUnavailable) -> KeySet? {
        if id == nil { return nil }
        throw error
    }

    private func leave() {
        state.withLock { $0.waiting -= 1 }
    }

    /// What one who lacks a key does next; who is to wait is counted.
    ///
    /// - Parameters:
    ///   - seen: the set that was tried.
    ///   - id: the key that it lacks.
    ///   - waitedSince: the look after which half a second was waited.
    private func step(_ seen: KeySet, _ id: KeyID?, _ waitedSince: Timestamp?) -> Step {
        let now = surroundings.time()
        return state.withLock { state in
            if let keys = state.keys, keys.number > seen.number { return .newer(keys) }
            if let id, Self.isRecent(state.missing[id], at: now) { return .absent }
            guard state.waiting < Self.waitingLimit else {
                return .failed(KeySetUnavailable("too many tokens name keys that are not known"))
            }
            if let fetching = state.fetching {
                state.waiting += 1
                return .join(fetching)
            }
            if let last = state.lastLook, last != waitedSince, Self.isRecent(last, at: now) {
                // Another one asked meanwhile, without an answer; that goes for all.
                if waitedSince != nil, let failure = state.failure { return .failed(failure) }
                if id != nil { state.waiting += 1 }
                return .wait(Self.cooldown - (now - last), since: last)
            }
            state.waiting += 1
            state.lastLook = now
            state.missing = state.missing.filter { Self.isRecent($0.value, at: now) }
            return .look(fetch(&state, at: now), now)
        }
    }

    private static func isRecent(_ time: Timestamp?, at now: Timestamp) -> Bool {
        guard let time else { return false }
        return now >= time && now - time < cooldown
    }

    /// The fetch that all share.
    private func fetch(_ state: inout State, at now: Timestamp) -> Task<Result<KeySet, KeySetUnavailable>, Never> {
        if let fetching = state.fetching { return fetching }
        state.lastTry = now
        let task = Task { await self.fetchAndKeep(now) }
        state.fetching = task
        return task
    }

    private func fetchAndKeep(_ start: Timestamp) async -> Result<KeySet, KeySetUnavailable> {
        let result = await surroundings.fetch(start)
        return state.withLock { state in
            state.fetching = nil
            if case .failure(let error) = result { state.failure = error }
            guard case .success(var keys) = result else { return result }
            state.failure = nil
            keys.number = (state.keys?.number ?? 0) + 1
            keys = keys.without(state.killed)
            state.keys = keys
            return .success(keys)
        }
    }
}

extension AccessTokenProblem {
    /// Whether the token may be good for a key set that is newer than the one at hand.
    var mayBeForNewerKeys: Bool {
        switch self {
        case .unknownKey, .signatureInvalid, .headerMismatch(.alg): true
        default: false
        }
    }
}
