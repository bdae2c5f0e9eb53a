import Foundations
import LosslessJSON
import SessionEngine
import TesseraSessions

/// The keys of the cores, fetched when they are needed and kept while they may be (docs/specification/sdk.md 2.7).
///
/// When no core answers, the last good keys stay in use: an outage must not sign a user out.
actor KeySetCache {
    private struct Keys {
        var verification: VerificationKeys
        var published: JSONValue
        var fetchedAt: Timestamp
        var life: Milliseconds
    }

    /// How often an unknown key may make the set be fetched again.
    static let cooldown = Milliseconds(500)
    static let sizeLimit = 64 * 1_024
    static let countLimit = 64

    private let client: CoreClient
    private let clock: ClockAndRandomness
    private let longest: Milliseconds
    private var keys: Keys?
    private var lastTry: Timestamp?
    private var fetching: Task<Result<Keys, SessionError>, Never>?

    init(client: CoreClient, clock: ClockAndRandomness, longest: Milliseconds) {
        self.client = client
        self.clock = clock
        self.longest = longest
    }

    /// The keys that verify now.
    ///
    /// - Throws: ``SessionError/coreUnavailable(_:)`` when there never were any.
    func current() async throws(SessionError) -> VerificationKeys { try await valid().verification }

    /// The keys after one more look, because one was missing; at most one look in half a second.
    func refreshed() async throws(SessionError) -> VerificationKeys {
        if let lastTry, let keys, clock.time() - lastTry < Self.cooldown { return keys.verification }
        return try await fetched().verification
    }

    /// The set as it was published, and for how long it may be kept.
    func published() async throws(SessionError) -> PublishedKeys {
        let keys = try await valid()
        return PublishedKeys(keys: keys.published, maxAgeSeconds: keys.life.count / 1_000)
    }

    private func valid() async throws(SessionError) -> Keys {
        if let keys, clock.time() - keys.fetchedAt < keys.life { return keys }
        if let keys, let lastTry, clock.time() - lastTry < Self.cooldown { return keys }
        return try await fetched()
    }

    /// All waiting callers share one fetch.
    private func fetched() async throws(SessionError) -> Keys {
        let task = fetching ?? Task { await self.fetch() }
        fetching = task
        let result = await task.value
        fetching = nil
        switch result {
        case .success(let found):
            keys = found
            return found
        case .failure(let error):
            if let keys { return keys }
            throw error
        }
    }

    /// Asks the cores in the order in which they are listed; the first good answer counts.
    private func fetch() async -> Result<Keys, SessionError> {
        lastTry = clock.time()
        var problem = "there is no core to ask"
        for host in client.hosts {
            let request = CoreRequest(method: "GET", url: host + "/.well-known/jwks.json", fields: [], body: nil)
            do throws(CoreTransportError) {
                let response = try await client.transport.send(request, limit: Self.sizeLimit)
                if let keys = parse(response) { return .success(keys) }
                problem = "\(host) answered \(response.status) without a key set"
            } catch {
                problem = "\(error)"
            }
        }
        return .failure(.coreUnavailable("No SuperTokens core available to query for its keys: \(problem)"))
    }

    private func parse(_ response: CoreResponse) -> Keys? {
        guard response.status == 200, let published = try? JSONValue(parsing: response.body).object?["keys"],
            let list = published.array, list.count <= Self.countLimit
        else { return nil }
        let found = list.compactMap(\.object).compactMap(VerificationKey.init(jwk:))
        guard !found.isEmpty else { return nil }
        let life = response.maxAgeSeconds.map { min(longest, .seconds($0)) } ?? longest
        return Keys(
            verification: VerificationKeys(found), published: published, fetchedAt: clock.time(), life: life)
    }
}
