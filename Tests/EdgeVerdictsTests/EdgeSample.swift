import Foundations
import LosslessJSON
import RevocationFeed
import SessionEngine
import Synchronization
import TestSupport

@testable import EdgeVerdicts

/// Values for tests that do not care which.
enum EdgeSample {
    static let now = Timestamp(milliseconds: 1_700_000_000_000)
    static let handle = "11111111-1111-4111-8111-111111111111"
    static let origin = "https://app.example.com"

    static func claims(
        _ format: AccessTokenFormat = .v5, user: String = "u1", tenant: TenantID = .public,
        antiCSRFToken: String? = nil,
        expiresAt: Timestamp = now + .hours(1), issuedAt: Timestamp = now, payload: JSONObject = [:]
    ) -> AccessTokenClaims {
        let hash = TokenHash(of: RefreshToken("R0"))
        return AccessTokenClaims(
            format: format, handle: SessionHandle(handle), userID: UserID(user), recipeUserID: UserID(user),
            tenantID: tenant, refreshTokenHash: hash, parentRefreshTokenHash: nil,
            antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init), issuedAt: issuedAt, expiresAt: expiresAt,
            userData: JSONObjectText(payload))
    }

    static func session(_ payload: JSONObject = [:], antiCSRFToken: String? = nil) -> EdgeSession {
        EdgeSession(claims: claims(antiCSRFToken: antiCSRFToken, payload: payload), payload: payload)
    }

    static func request(
        _ fields: [(String, String)], asking: EdgeRequest.Asking = .byFields, levels: [String] = []
    ) -> EdgeRequest {
        EdgeRequest(fields: fields.map { EdgeRequest.Field($0.0, $0.1) }, asking: asking, levels: levels)
    }
}

/// A verifier whose core, feed and clocks are a test's.
final class EdgeBench: Sendable {
    private struct State {
        var keys: [SigningKey]
        var word = CoreWord.alive
        var isDown = false
        var fetches = 0
        var questions: [String] = []
        var steady: Int64 = 1_000_000
    }

    private let state: Mutex<State>
    let clock: TestClock
    let feed: FeedVerifier
    let keys: KeySetCache
    let verifier: EdgeVerifier

    init(_ policy: FeedPolicy = FeedPolicy(), publicOrigin: String? = EdgeSample.origin) throws {
        let box = Box()
        clock = TestClock(EdgeSample.now)
        let clock = clock
        state = Mutex(State(keys: [try TestKeys.signingKey(.es256)]))
        feed = FeedVerifier(
            policy: policy, steady: { box.bench?.steady ?? MonotonicTime(nanoseconds: 0) }, time: { clock.now })
        keys = KeySetCache(
            staleness: .hours(24),
            .init(
                fetch: { box.bench?.fetch(at: $0) ?? .failure(KeySetUnavailable("gone")) }, time: { clock.now },
                wait: { clock.advance(by: Milliseconds($0)) }))
        verifier = EdgeVerifier(
            .init(origins: [EdgeSample.origin], publicOrigin: publicOrigin), keys: keys, feed: feed,
            clock: ClockAndRandomness(time: { clock.now }, randomBits: { 7 }),
            ask: { box.bench?.answer(to: $0) ?? .failed })
        box.set(self)
    }

    var steady: MonotonicTime { MonotonicTime(nanoseconds: state.withLock(\.steady) * 1_000_000) }
    var fetches: Int { state.withLock(\.fetches) }
    var questions: Int { state.withLock(\.questions.count) }

    func set(word: CoreWord) { state.withLock { $0.word = word } }
    func set(isDown: Bool) { state.withLock { $0.isDown = isDown } }
    func set(keys: [SigningKey]) { state.withLock { $0.keys = keys } }
    /// Both clocks move.
    func advance(_ milliseconds: Int64) {
        state.withLock { $0.steady += milliseconds }
        clock.advance(by: Milliseconds(milliseconds))
    }

    /// An answer of the feed.
    func news(_ entries: [FeedEntry] = []) throws {
        let page = FeedPage(stream: "s", isReset: true, age: Milliseconds(0), next: "n", entries: entries)
        _ = try feed.take(page, askedAt: steady)
    }

    func token(
        _ claims: AccessTokenClaims = EdgeSample.claims(), _ key: SigningKey? = nil
    ) throws -> String {
        try AccessToken(signing: claims, with: try key ?? TestKeys.signingKey(.es256)).exposed
    }

    /// What is said about a token in `Authorization`.
    func verdict(_ token: String, _ fields: [(String, String)] = []) async -> EdgeVerdict {
        await verifier.verdict(on: EdgeSample.request([("authorization", "Bearer \(token)")] + fields)).value
    }

    private func fetch(at time: Timestamp) -> Result<KeySet, KeySetUnavailable> {
        state.withLock { state in
            state.fetches += 1
            let list = state.keys.compactMap { try? $0.verificationKey.jwk() }.map(JSONValue.object)
            let body: JSONObject = ["keys": .array(list)]
            guard !state.isDown,
                let keys = KeySet(
                    parsing: body.serialized(), maxAgeSeconds: 60, longest: .hours(4), fetchedAt: time)
            else { return .failure(KeySetUnavailable("down")) }
            return .success(keys)
        }
    }

    private func answer(to token: String) -> CoreWord {
        state.withLock { state in
            state.questions.append(token)
            return state.isDown ? .failed : state.word
        }
    }

    private final class Box: Sendable {
        private struct Weak { weak var bench: EdgeBench? }
        private let state = Mutex(Weak())
        var bench: EdgeBench? { state.withLock(\.bench) }
        func set(_ bench: EdgeBench) { state.withLock { $0.bench = bench } }
    }
}

extension EdgeVerdict {
    /// Its name, and whose session it is where it is good.
    var word: String {
        if case .active(let session) = self { "active \(session.claims.userID.rawValue)" } else { name }
    }
}
