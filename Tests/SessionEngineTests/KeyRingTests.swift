import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite("Who signs and who verifies (docs/specification/core.md 5.2)")
struct KeyRingTests {
    private static let interval = Milliseconds.seconds(168 * 3_600)
    private static let validity = Milliseconds.seconds(3_600)
    private static let schedule = KeySchedule(updateInterval: interval, accessTokenValidity: validity)
    private static let start = Timestamp(milliseconds: 1_600_000_000_000)

    private func key(
        _ id: String, at time: Timestamp, kind: SigningKeyKind = .dynamic, _ algorithm: SigningAlgorithm = .es256
    ) throws -> SigningKey {
        try TestKeys.signingKey(algorithm, id: id, kind: kind, createdAt: time.milliseconds)
    }

    private func signer(_ ring: KeyRing, after span: Int64, _ kind: SigningKeyKind = .dynamic) -> String? {
        ring.signer(kind, .es256, at: Self.start + Milliseconds(span), schedule: Self.schedule)?.id.rawValue
    }

    private func lacks(_ ring: KeyRing, after span: Int64) -> Bool {
        ring.lacksKey(.dynamic, .es256, at: Self.start + Milliseconds(span), schedule: Self.schedule)
    }

    @Test("An empty ring signs with nothing, publishes nothing and lacks every key")
    func empty() {
        let ring = KeyRing()
        for kind in [SigningKeyKind.dynamic, .static] {
            #expect(ring.signer(kind, .es256, at: Self.start, schedule: Self.schedule) == nil)
            #expect(ring.lacksKey(kind, .es256, at: Self.start, schedule: Self.schedule))
        }
        #expect(ring.published(at: Self.start, schedule: Self.schedule).isEmpty)
        #expect(ring.cacheLifetimeSeconds(at: Self.start, schedule: Self.schedule) == 1)
    }

    @Test("A key alone signs at once and to the end of its interval")
    func alone() throws {
        let ring = KeyRing([try key("d-1", at: Self.start)])
        #expect(signer(ring, after: 0) == "d-1")
        #expect(signer(ring, after: Self.interval.count - 1) == "d-1")
        #expect(signer(ring, after: Self.interval.count) == nil)
    }

    @Test("A successor signs after 60 s, or as soon as its predecessor's interval is over")
    func overlap() throws {
        let second = Self.interval.count - 60_000
        let ring = KeyRing([
            try key("d-1", at: Self.start), try key("d-2", at: Self.start + Milliseconds(second)),
        ])
        #expect(signer(ring, after: second) == "d-1")
        #expect(signer(ring, after: second + 59_999) == "d-1")
        #expect(signer(ring, after: second + 60_000) == "d-2")
        let early = KeyRing([try key("d-1", at: Self.start), try key("d-2", at: Self.start + Milliseconds(5_000))])
        #expect(signer(early, after: 64_999) == "d-1")
        #expect(signer(early, after: 65_000) == "d-2")
        let late = KeyRing([
            try key("d-1", at: Self.start), try key("d-2", at: Self.start + Milliseconds(Self.interval.count - 1)),
        ])
        #expect(signer(late, after: Self.interval.count) == "d-2")
    }

    @Test("A key is lacking once the newest one's interval is over but for 60 s")
    func lacksKey() throws {
        let ring = KeyRing([try key("d-1", at: Self.start)])
        #expect(!lacks(ring, after: 0))
        #expect(!lacks(ring, after: Self.interval.count - 60_000))
        #expect(lacks(ring, after: Self.interval.count - 59_999))
        #expect(lacks(ring, after: Self.interval.count))
    }

    @Test("A static key never has to be replaced and the newest one signs")
    func staticKeys() throws {
        let ring = KeyRing([
            try key("s-1", at: Self.start, kind: .static),
            try key("s-2", at: Self.start + Milliseconds(1), kind: .static),
        ])
        #expect(signer(ring, after: .max, .static) == "s-2")
        #expect(!ring.lacksKey(.static, .es256, at: Timestamp(milliseconds: .max), schedule: Self.schedule))
        #expect(signer(ring, after: 0) == nil)
        let published = ring.published(at: Timestamp(milliseconds: .max), schedule: Self.schedule)
        #expect(published.map(\.id.rawValue) == ["s-2", "s-1"])
    }

    @Test("A key of another algorithm neither signs nor fills the need")
    func algorithms() throws {
        let ring = KeyRing([
            try key("d-1", at: Self.start, .rs256), try key("s-1", at: Self.start, kind: .static, .rs256),
        ])
        #expect(signer(ring, after: 0) == nil)
        #expect(lacks(ring, after: 0))
        #expect(ring.lacksKey(.static, .es256, at: Self.start, schedule: Self.schedule))
        let signer = ring.signer(.dynamic, .rs256, at: Self.start, schedule: Self.schedule)
        #expect(signer?.id.rawValue == "d-1")
    }

    @Test("A dynamic key verifies for its interval and twice the life of a token")
    func retirement() throws {
        let ring = KeyRing([try key("d-1", at: Self.start)])
        let end = Self.start + Self.interval + Self.validity + Self.validity
        let id = try TestKeys.keyID("d-1")
        for (time, isTrusted) in [(Self.start, true), (end, true), (end + Milliseconds(1), false)] {
            #expect((ring.verificationKeys(at: time, schedule: Self.schedule)[id] != nil) == isTrusted)
            #expect(ring.published(at: time, schedule: Self.schedule).isEmpty != isTrusted)
            #expect(ring.retired(at: time, schedule: Self.schedule).isEmpty == isTrusted)
        }
    }

    @Test("The accepted keys stay the same until the next one retires, to the millisecond")
    func nextRetirement() throws {
        let later = Self.start + Milliseconds(100_000)
        let ring = KeyRing([try key("d-1", at: Self.start), try key("d-2", at: later)])
        func accepted(at time: Timestamp) -> [KeyID] {
            ring.verificationKeys(at: time, schedule: Self.schedule).all.map(\.id)
        }
        let first = ring.nextRetirement(after: Self.start, schedule: Self.schedule)
        #expect(accepted(at: first).count == 2 && accepted(at: first + Milliseconds(1)).count == 1)
        let second = ring.nextRetirement(after: first + Milliseconds(1), schedule: Self.schedule)
        #expect(second - first == Milliseconds(100_000))
        let never = ring.nextRetirement(after: second + Milliseconds(1), schedule: Self.schedule)
        #expect(never == Timestamp(milliseconds: .max))
    }

    @Test("A token that is signed in the last moment verifies until it expires")
    func noTokenOutlivesItsKey() {
        let lastSignature = Self.schedule.signingEnd(ofKeyMadeAt: Self.start)
        #expect(lastSignature + Self.validity < Self.schedule.retirement(ofKeyMadeAt: Self.start))
    }

    @Test("Keys are published newest first, dynamic before static")
    func order() throws {
        let keys = try [
            key("s-1", at: Self.start + Milliseconds(9), kind: .static), key("d-1", at: Self.start),
            key("d-3", at: Self.start + Milliseconds(2)), key("d-2", at: Self.start + Milliseconds(1)),
        ]
        let published = KeyRing(keys).published(at: Self.start, schedule: Self.schedule)
        #expect(published.map(\.id.rawValue) == ["d-3", "d-2", "d-1", "s-1"])
        let jwks = try KeyRing(keys).jwks(at: Self.start, schedule: Self.schedule)
        #expect(jwks.array?.map { $0.object?["kid"] } == ["d-3", "d-2", "d-1", "s-1"])
    }

    @Test("A fresh key set may be kept for 604740 s, an old one for a second")
    func cacheLifetime() throws {
        let ring = KeyRing([try key("d-1", at: Self.start)])
        let rows: [(Int64, Int64)] = [
            (0, 604_740), (6_000, 604_734), (604_738_000, 2), (604_739_000, 1), (604_740_000, 1), (.max, 1),
        ]
        for (span, seconds) in rows {
            let time = Self.start + Milliseconds(span)
            #expect(ring.cacheLifetimeSeconds(at: time, schedule: Self.schedule) == seconds, "after \(span) ms")
        }
    }

    @Test("A key set is never kept beyond the next successor of any algorithm in use (K03)")
    func cacheLifetimeOfTwoAlgorithms() throws {
        let later = Self.start + .seconds(100 * 3_600)
        let ring = KeyRing([try key("d-1", at: Self.start), try key("d-2", at: later, .rs256)])
        let left = (Self.schedule.successorDue(ofKeyMadeAt: Self.start) - later).count / 1_000
        #expect(ring.cacheLifetimeSeconds(at: later, schedule: Self.schedule) == left)
    }
}
