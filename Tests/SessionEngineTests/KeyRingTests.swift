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
        }
    }

    @Test("A retired key is no longer needed once a newer one of its algorithm has retired too")
    func retired() throws {
        let ring = KeyRing([
            try key("d-1", at: Self.start), try key("d-2", at: Self.start + .seconds(1)),
            try key("d-3", at: Self.start, .rs256),
        ])
        let end = Self.schedule.retirement(ofKeyMadeAt: Self.start)
        #expect(ring.retired(at: end + .seconds(1), schedule: Self.schedule).isEmpty)
        let retired = ring.retired(at: end + .seconds(1) + Milliseconds(1), schedule: Self.schedule)
        #expect(retired.map(\.rawValue) == ["d-1"])
    }

    /// What signs with ES256, or with another algorithm where that is allowed.
    private func signerOrOther(_ ring: KeyRing, after span: Milliseconds, _ kind: SigningKeyKind = .dynamic) -> String?
    {
        ring.signer(kind, .es256, orOther: true, at: Self.start + span, schedule: Self.schedule)?.id.rawValue
    }

    @Test("finding K2: a key that nobody expected signs when no key set of before it is in a cache any more")
    func unexpectedKey() throws {
        let made = Milliseconds.seconds(3_600)
        let ring = KeyRing([try key("d-1", at: Self.start), try key("d-2", at: Self.start + made)])
        let maxAge = KeyRing([try key("d-1", at: Self.start)]).cacheLifetimeSeconds(
            at: Self.start + made, schedule: Self.schedule)
        let end = made + .seconds(maxAge)
        #expect(signer(ring, after: made.count) == "d-1")
        #expect(signer(ring, after: end.count - 1) == "d-1")
        #expect(signer(ring, after: end.count) == "d-2")
    }

    @Test(
        "finding K2: a key of another algorithm signs when no key set of before it is in a cache any more",
        arguments: [SigningKeyKind.dynamic, .static])
    func otherAlgorithm(_ kind: SigningKeyKind) throws {
        let made = Milliseconds.seconds(3_600)
        let ring = KeyRing([
            try key("d-1", at: Self.start, .rs256), try key("s-1", at: Self.start, kind: .static, .rs256),
            try key("d-2", at: Self.start + made), try key("s-2", at: Self.start + made, kind: .static),
        ])
        let (old, new) = kind == .dynamic ? ("d-1", "d-2") : ("s-1", "s-2")
        let due = Self.schedule.successorDue(ofKeyMadeAt: Self.start) - Self.start
        #expect(signerOrOther(ring, after: made, kind) == old)
        #expect(signerOrOther(ring, after: due + Milliseconds(-1), kind) == old)
        #expect(signerOrOther(ring, after: due, kind) == new)
        #expect(signer(ring, after: made.count, kind) == new, "where no other algorithm will do")
    }

    @Test("finding K2: whatever keys are added when, a key that signs was published for all that a cache may hold")
    func everyCacheKnowsTheSigner() throws {
        var random = SplitMix64(seed: 20_261_128)
        for round in 0..<200 {
            var keys: [SigningKey] = [try key("d-0", at: Self.start, .rs256)]
            var cached: [(until: Timestamp, ids: Set<KeyID>)] = []
            var now = Self.start
            for step in 0..<60 {
                now = now + Milliseconds(Int64(random.next() % 90_000_000))
                let algorithm: SigningAlgorithm = random.next() % 2 == 0 ? .es256 : .rs256
                let ring = KeyRing(keys)
                if ring.lacksKey(.dynamic, algorithm, at: now, schedule: Self.schedule) || random.next() % 8 == 0 {
                    keys.append(try key("d-\(step + 1)", at: now, algorithm))
                }
                let published = KeyRing(keys)
                let age = published.cacheLifetimeSeconds(at: now, schedule: Self.schedule)
                cached = cached.filter { now < $0.until }
                let signer = try #require(
                    published.signer(.dynamic, algorithm, orOther: true, at: now, schedule: Self.schedule))
                let others = published.dynamicKeys.contains { key in
                    key.createdAt < now && now < Self.schedule.signingEnd(ofKeyMadeAt: key.createdAt)
                }
                if others { #expect(cached.allSatisfy { $0.ids.contains(signer.id) }, "round \(round), step \(step)") }
                let ids = Set(published.published(at: now, schedule: Self.schedule).map(\.id))
                cached.append((now + .seconds(age), ids))
            }
        }
    }

    @Test("finding K4: a key of a clock that ran ahead is as if it were not there; the right one goes on")
    func keyOfTheFuture() throws {
        let later = Self.start + .seconds(20 * 365 * 86_400)
        let ring = KeyRing([try key("d-1", at: Self.start), try key("d-2", at: later)])
        #expect(signer(ring, after: 0) == "d-1")
        #expect(ring.cacheLifetimeSeconds(at: Self.start, schedule: Self.schedule) == 604_740)
        #expect(ring.published(at: Self.start, schedule: Self.schedule).map(\.id.rawValue) == ["d-1"])
        #expect(ring.retired(at: later, schedule: Self.schedule).isEmpty, "the right key is kept by the wrong clock")
        let alone = KeyRing([try key("d-2", at: later)])
        #expect(signer(alone, after: 0) == nil && lacks(alone, after: 0))
        #expect(alone.cacheLifetimeSeconds(at: Self.start, schedule: Self.schedule) == 1)
    }

    @Test("finding K4: clocks that differ by a time zone share their keys")
    func clocksThatDiffer() throws {
        let ring = KeyRing([try key("d-1", at: Self.start + .seconds(86_400))])
        #expect(signer(ring, after: 0) == "d-1" && !lacks(ring, after: 0))
        #expect(signer(ring, after: -1) == nil)
    }

    @Test("finding K6: a key stays published for the last token of it that lives longer")
    func longToken() throws {
        var long = try key("d-1", at: Self.start)
        let year = Self.start + .seconds(365 * 86_400)
        long.verifiesUntil = year
        let ring = KeyRing([long, try key("d-2", at: Self.start), try key("d-3", at: Self.start + .seconds(1))])
        #expect(ring.published(at: year, schedule: Self.schedule).map(\.id.rawValue) == ["d-1"])
        #expect(ring.published(at: year + Milliseconds(1), schedule: Self.schedule).isEmpty)
        #expect(ring.retired(at: year, schedule: Self.schedule).map(\.rawValue) == ["d-2"])
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
