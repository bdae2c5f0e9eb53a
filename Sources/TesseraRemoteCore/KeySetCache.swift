import Foundations
import LosslessJSON
import SessionEngine
import Synchronization
import TesseraSessions

/// The keys of the cores, fetched when they are needed and kept while they may be (docs/specification/sdk.md 2.7,
/// docs/decisions/0032).
///
/// While there are keys that may be used, no verification waits: what is due is fetched beside. When no core answers, the last good
/// keys stay in use for a while: an outage must not sign a user out.
final class KeySetCache: Sendable {
    /// A key set and its times.
    struct Keys: Sendable {
        let verification: VerificationKeys
        let published: JSONValue
        /// When it was asked for.
        let fetchedAt: Timestamp
        let life: Milliseconds
        /// Later sets have greater numbers.
        var number = 0

        /// The set without keys that are trusted no more.
        func without(_ killed: Set<KeyID>) -> Keys {
            guard !killed.isEmpty else { return self }
            let published = self.published.array?.filter { jwk in
                !(jwk.object?["kid"]?.string.flatMap(KeyID.init).map(killed.contains) ?? false)
            }
            return Keys(
                verification: VerificationKeys(verification.all.filter { !killed.contains($0.id) }),
                published: published.map(JSONValue.array) ?? self.published, fetchedAt: fetchedAt, life: life,
                number: number)
        }
    }

    private struct State {
        var keys: Keys?
        var fetching: Task<Result<Keys, SessionError>, Never>?
        /// When a set was asked for last because of its age.
        var lastTry: Timestamp?
        /// When a set was asked for last because a key was missing.
        var lastLook: Timestamp?
        /// Why the last fetch gave no keys.
        var failure: SessionError?
        /// Names of keys that a recent look did not find, and when that began.
        var missing: [KeyID: Timestamp] = [:]
        /// Keys of which the feed of ended sessions says that they are trusted no more.
        var killed: Set<KeyID> = []
        var waiting = 0
    }

    private enum Step {
        case newer(Keys)
        case absent
        case join(Task<Result<Keys, SessionError>, Never>)
        case look(Task<Result<Keys, SessionError>, Never>, Timestamp)
        case wait(Milliseconds, since: Timestamp)
        case failed(SessionError)
    }

    /// How often the set is fetched, for its age and for missing keys, each.
    static let cooldown = Milliseconds(500)
    /// How many may wait at a time because their keys are missing.
    static let waitingLimit = 64
    /// For how long the last host is waited for.
    static let timeout = Milliseconds.seconds(5)
    static let sizeLimit = 64 * 1_024
    static let countLimit = 64

    private let client: CoreClient
    private let longest: Milliseconds
    private let staleness: Milliseconds
    private let state = Mutex(State())

    /// Begins without keys.
    ///
    /// - Parameters:
    ///   - client: what asks the cores.
    ///   - longest: for how long a set counts as current at most.
    ///   - staleness: for how long it stays in use after that while no core answers.
    init(client: CoreClient, longest: Milliseconds, staleness: Milliseconds) {
        self.client = client
        self.longest = longest
        self.staleness = staleness
    }

    /// The keys that verify now; it waits only where there are none that may be used.
    ///
    /// - Throws: ``SessionError/coreUnavailable(_:)``.
    func current() async throws(SessionError) -> Keys {
        let now = client.clock.time()
        let (keys, task) = state.withLock { state -> (Keys?, Task<Result<Keys, SessionError>, Never>?) in
            guard let keys = state.keys, now - keys.fetchedAt < keys.life + staleness else {
                return (nil, fetch(&state, at: now))
            }
            let age = now - keys.fetchedAt
            if age < Milliseconds(0) || age >= keys.life, !Self.isRecent(state.lastTry, at: now) {
                _ = fetch(&state, at: now)
            }
            return (keys, nil)
        }
        if let keys { return keys }
        guard let task else { throw .coreUnavailable("there are no keys") }
        return try await task.value.get()
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
    /// - Throws: ``SessionError/coreUnavailable(_:)``: without an answer nothing is known about the key.
    func later(than seen: Keys, for id: KeyID?) async throws(SessionError) -> Keys? {
        var waitedSince: Timestamp?
        while true {
            switch step(seen, id, waitedSince) {
            case .newer(let keys): return keys
            case .absent: return nil
            case .failed(let error): return try none(id, error)
            case .wait(let span, let look):
                if id == nil { return nil }
                // Cancellation shows at the next step.
                try? await client.wait(span.count)
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
    func drop(_ killed: some Sequence<KeyID>) {
        let now = client.clock.time()
        state.withLock { state in
            state.killed.formUnion(killed)
            state.keys = state.keys?.without(state.killed)
            _ = fetch(&state, at: now)
        }
    }

    /// The set as it was published, and for how long it may still be kept.
    func published() async throws(SessionError) -> PublishedKeys {
        let keys = try await current()
        let rest = keys.life - (client.clock.time() - keys.fetchedAt)
        return PublishedKeys(
            keys: keys.published, maxAgeSeconds: min(max(rest.count, 1_000), keys.life.count) / 1_000)
    }

    /// Waits until nothing is being fetched: for tests.
    func settle() async {
        while let task = state.withLock({ $0.fetching }) { _ = await task.value }
    }

    private func none(_ id: KeyID?, _ error: SessionError) throws(SessionError) -> Keys? {
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
    private func step(_ seen: Keys, _ id: KeyID?, _ waitedSince: Timestamp?) -> Step {
        let now = client.clock.time()
        return state.withLock { state in
            if let keys = state.keys, keys.number > seen.number { return .newer(keys) }
            if let id, Self.isRecent(state.missing[id], at: now) { return .absent }
            guard state.waiting < Self.waitingLimit else {
                return .failed(.coreUnavailable("too many tokens name keys that are not known"))
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
    private func fetch(_ state: inout State, at now: Timestamp) -> Task<Result<Keys, SessionError>, Never> {
        if let fetching = state.fetching { return fetching }
        state.lastTry = now
        let task = Task { await self.fetchAndKeep(now) }
        state.fetching = task
        return task
    }

    private func fetchAndKeep(_ start: Timestamp) async -> Result<Keys, SessionError> {
        let result = await fetch(at: start)
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

    /// Asks the cores in the order in which they are listed; the first good answer counts.
    private func fetch(at start: Timestamp) async -> Result<Keys, SessionError> {
        var problem = "there is no core to ask"
        var retryAfter: Int64?
        let turns = client.hosts.listed(at: start)
        for (position, turn) in turns.enumerated() {
            let host = client.hosts.addresses[turn.index]
            var request = CoreRequest(method: "GET", url: host + "/.well-known/jwks.json", fields: [])
            let isLast = position == turns.count - 1
            request.timeout = turn.isProbe ? CoreClient.probeTimeout : isLast ? Self.timeout : CoreClient.timeout
            do throws(CoreTransportError) {
                let response = try await client.transport.send(request, limit: Self.sizeLimit)
                client.hosts.note(
                    response.isBusy ? .busy(seconds: response.retryAfterSeconds) : .answered, of: turn.index,
                    at: client.clock.time())
                if let keys = parse(response, start) { return .success(keys) }
                problem = "\(host) answered \(response.status) without a key set"
                retryAfter = [retryAfter, response.retryAfterSeconds].compactMap(\.self).min()
            } catch {
                let isRefused = if case .notSent = error { true } else { false }
                client.hosts.note(isRefused ? .refused : .hung, of: turn.index, at: client.clock.time())
                problem = "\(error)"
            }
        }
        return .failure(
            .coreUnavailable(
                "No SuperTokens core available to query for its keys: \(problem)", retryAfterSeconds: retryAfter))
    }

    private func parse(_ response: CoreResponse, _ start: Timestamp) -> Keys? {
        guard response.status == 200, let published = try? JSONValue(parsing: response.body).object?["keys"],
            let list = published.array, list.count <= Self.countLimit
        else { return nil }
        let found = list.compactMap(\.object).compactMap(VerificationKey.init(jwk:))
        guard !found.isEmpty else { return nil }
        let life = response.maxAgeSeconds.map { min(longest, .seconds($0)) } ?? longest
        return Keys(verification: VerificationKeys(found), published: published, fetchedAt: start, life: life)
    }
}
