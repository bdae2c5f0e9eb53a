import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@Suite("Signing keys over time (docs/specification/core.md 5)")
struct KeyTests {
    private func keyIDs(_ world: World) async throws -> [String] {
        try await world.service.publishedKeys().keys.array?.compactMap { $0.object?["kid"]?.string } ?? []
    }

    @Test("A fresh set has one dynamic and one static key and may be kept for 604740 s")
    func freshSet() async throws {
        let world = try await World()
        let published = try await world.service.publishedKeys()
        #expect(published.maxAgeSeconds == 604_740)
        #expect(try await keyIDs(world) == ["d-\(world.clock.now.milliseconds)"] + keyIDs(world).suffix(1))
        #expect(try await keyIDs(world).map { $0.prefix(2) } == ["d-", "s-"])
        world.clock.advance(by: .seconds(6))
        #expect(try await world.service.publishedKeys().maxAgeSeconds == 604_734)
    }

    @Test("A successor is published 60 s before it signs; the old key verifies to its end")
    func rotation() async throws {
        let world = try await World()
        let interval = World.policy.signingKeyUpdateInterval
        let (first, start) = (try await world.create(), world.clock.now)
        let oldKey = try ReadToken(first.accessToken.exposed).keyID
        world.clock.set(start + interval + .seconds(-59))
        let set = try await keyIDs(world)
        #expect(set.count == 3 && set[1] == oldKey)
        let stillOld = try await world.create()
        #expect(try ReadToken(stillOld.accessToken.exposed).keyID == oldKey)
        world.clock.set(start + interval)
        let new = try await world.create()
        #expect(try ReadToken(new.accessToken.exposed).keyID == set[0])
        #expect(try await world.verdict(stillOld.accessToken.exposed) == .valid)
        let retirement = start + interval + .seconds(2 * 3_600)
        world.clock.set(retirement)
        #expect(try await keyIDs(world).contains(oldKey))
        #expect(try await world.verdict(stillOld.accessToken.exposed) == .tryRefresh(.expired))
        world.clock.advance(by: Milliseconds(1))
        #expect(try await !keyIDs(world).contains(oldKey))
        #expect(try await world.verdict(stillOld.accessToken.exposed) == .tryRefresh(.unknownKey))
    }

    @Test(
        "finding D7: with an interval of seconds a successor is published a fifth of it ahead",
        arguments: [3, 5, 10, 3_600])
    func shortInterval(seconds: Int64) async throws {
        var policy = World.policy
        policy.signingKeyUpdateInterval = .seconds(seconds)
        let world = try await World(policy: policy)
        let (first, start) = (try await world.create(), world.clock.now)
        let oldKey = try ReadToken(first.accessToken.exposed).keyID
        let ahead = seconds == 3_600 ? Milliseconds.seconds(60) : Milliseconds(seconds * 200)
        world.clock.set(start + (policy.signingKeyUpdateInterval - ahead))
        #expect(try await keyIDs(world).count == 2, "not yet")
        world.clock.advance(by: Milliseconds(1))
        #expect(try await keyIDs(world).count == 3)
        #expect(try ReadToken(try await world.create().accessToken.exposed).keyID == oldKey)
        world.clock.set(start + policy.signingKeyUpdateInterval + Milliseconds(1))
        #expect(try ReadToken(try await world.create().accessToken.exposed).keyID != oldKey)
    }

    @Test("After a long sleep a new key is made at once; a retired one is deleted when the next one retires")
    func longSleep() async throws {
        let world = try await World()
        let first = try await world.create()
        world.clock.advance(by: .seconds(60 * 86_400))
        let second = try await world.create()
        #expect(try ReadToken(second.accessToken.exposed).keyID == "d-\(world.clock.now.milliseconds)")
        let records = try await world.storage.updateSigningKeys { _ in .none }
        let names = try [first, second].map { try ReadToken($0.accessToken.exposed).keyID }
        #expect(records.map(\.id.rawValue).sorted() == names)
        #expect(try await world.verdict(first.accessToken.exposed) == .tryRefresh(.unknownKey))
        world.clock.advance(by: .seconds(60 * 86_400))
        _ = try await world.create()
        #expect(try await !world.storage.signingKeys().map(\.id.rawValue).contains(names[0]))
    }

    @Test("No instant of a month lacks a signer, and no token is signed by a key that was not published before (K03)")
    func everyInstant() async throws {
        let world = try await World()
        _ = try await world.service.publishedKeys()
        var known = Set(try await keyIDs(world))
        for _ in 0..<(31 * 24 * 4) {
            world.clock.advance(by: .seconds(900 - 45))
            known.formUnion(try await keyIDs(world))
            world.clock.advance(by: .seconds(45))
            let token = try await world.create()
            #expect(known.contains(try ReadToken(token.accessToken.exposed).keyID))
        }
    }

    @Test(
        "finding K6: the key of an application's token is published as long as the token lives, whatever says how long",
        arguments: [
            (365 * 86_400, "{}"), (60, "{\"exp\":2000000000}"), (60, "{\"exp\":2.0e9}"), (60, "{\"exp\":1999999999.5}"),
        ])
    func longApplicationToken(_ seconds: Int64, _ text: String) async throws {
        let world = try await World.withRSAKeys()
        let payload = try #require(try JSONValue(parsing: text).object)
        let validity = Milliseconds.seconds(seconds)
        let end = text == "{}" ? world.clock.now + validity : Timestamp(milliseconds: 2_000_000_000_000)
        let token = try await world.service.signToken(
            payload: payload, issuer: "i", validity: validity, kind: .dynamic)
        let key = try ReadToken(token).keyID
        let node = try await World(seed: 2, storage: world.storage, clock: world.clock)
        for _ in 0..<3 {
            world.clock.set(Timestamp(milliseconds: (world.clock.now.milliseconds + end.milliseconds) / 2))
            _ = try await world.create()
            _ = try await world.service.removeRetiredKeys()
            let published = try await (keyIDs(world), keyIDs(node))
            #expect(published.0.contains(key) && published.1.contains(key))
        }
        world.clock.set(end)
        #expect(try await keyIDs(node).contains(key))
        world.clock.advance(by: .seconds(2 * 86_400))
        #expect(try await !keyIDs(node).contains(key))
    }

    @Test("finding K6: tokens of ordinary lives write nothing, and tokens of one day write once")
    func lifeOfKeys() async throws {
        let clock = TestClock()
        let storage = FaultyStorage(try await World.storageWithRSAKeys(at: clock.now)) { _ in nil }
        let world = try await World(storage: storage, clock: clock)
        func sign(_ days: Int64) async throws -> Int {
            let before = storage.callCount
            _ = try await world.service.signToken(
                payload: [:], issuer: "i", validity: .seconds(days * 86_400), kind: .dynamic)
            return storage.callCount - before
        }
        _ = try await sign(0)
        #expect(try await sign(6) == 0)
        #expect(try await sign(30) == 1)
        #expect(try await sign(30) == 0)
    }

    @Test("finding K2: after a change of the algorithm the old key signs until every verifier can know the new one")
    func changeOfAlgorithm() async throws {
        let world = try await World()
        let before = try await world.create()
        let published = try await world.service.publishedKeys()
        world.clock.advance(by: .seconds(86_400))
        var policy = World.policy
        policy.signingAlgorithm = .rs256
        let storage = world.storage
        let switched = try await World(seed: 2, policy: policy, storage: storage, clock: world.clock)
        try await switched.service.prepareSigningKeys()
        func algorithm(_ kind: SigningKeyKind) async throws -> String? {
            try ReadToken(try await switched.create(kind: kind).accessToken.exposed).header["alg"]?.string
        }
        let cacheEnd = world.clock.now + .seconds(published.maxAgeSeconds - 86_400)
        for kind in SigningKeyKind.allCases { #expect(try await algorithm(kind) == "ES256") }
        #expect(try await keyIDs(switched).count == 4)
        world.clock.set(cacheEnd + Milliseconds(-1))
        #expect(try await algorithm(.dynamic) == "ES256")
        world.clock.set(cacheEnd)
        for kind in SigningKeyKind.allCases { #expect(try await algorithm(kind) == "RS256") }
        #expect(try await switched.verdict(before.accessToken.exposed) == .tryRefresh(.expired))
    }

    @Test("finding K3: a key that is deleted from storage neither signs nor verifies, and another takes its place")
    func deletedKey() async throws {
        let world = try await World()
        let token = try await world.create().accessToken.exposed
        let names = Set(try await world.storage.signingKeys().map(\.id.rawValue))
        try await world.service.followKeys(names)
        _ = try await world.storage.updateSigningKeys { SigningKeyChange(removing: $0.map(\.id)) }
        #expect(try await world.verdict(token) == .valid)
        try await world.service.followKeys([])
        #expect(try await world.verdict(token) == .tryRefresh(.unknownKey))
        world.clock.advance(by: Milliseconds(1))
        let next = try await world.create().accessToken.exposed
        #expect(try ReadToken(next).keyID != ReadToken(token).keyID)
    }

    @Test("A session keeps its kind of key until a refresh switches it")
    func kinds() async throws {
        let world = try await World()
        let first = try await world.create(kind: .static)
        let switched = try await world.refreshed(first.refreshToken, kind: .dynamic)
        let kept = try await world.refreshed(switched.refreshToken)
        let back = try await world.refreshed(kept.refreshToken, kind: .static)
        let replaced = try await world.replacement(of: back.accessToken.exposed)
        let tokens = [first, switched, kept, back].map(\.accessToken.exposed) + [replaced.exposed]
        let kinds = try tokens.map { try ReadToken($0).keyID.prefix(2) }
        #expect(kinds == ["s-", "d-", "d-", "s-", "s-"])
    }

    @Test("The key of old SDKs verifies V2 tokens and says when to ask again")
    func legacyKey() async throws {
        let world = try await World.withRSAKeys()
        let dynamic = try await world.service.legacyVerificationKey(.dynamic)
        #expect(dynamic.expiresAt == world.clock.now + World.policy.signingKeyUpdateInterval)
        let fixed = try await world.service.legacyVerificationKey(.static)
        #expect(fixed.expiresAt - world.clock.now == .seconds(10 * 365 * 86_400))
        let expected = try TestKeys.signingKey(.rs256).verificationKey.spkiBase64
        #expect(dynamic.spkiBase64 == expected && fixed.spkiBase64 == expected)
    }

    @Test("Two services on one storage share the refresh key and every signing key")
    func twoServices() async throws {
        let one = try await World(seed: 1)
        let two = try await World(seed: 2, storage: one.storage, clock: one.clock)
        let first = try await one.create()
        #expect(try await two.verdict(first.accessToken.exposed) == .valid)
        let child = try await two.refreshed(first.refreshToken)
        #expect(try await one.verdict(child.accessToken.exposed) == .renewed)
        let fixed = try await two.create(kind: .static)
        #expect(try await one.verdict(fixed.accessToken.exposed) == .valid)
        _ = try await one.refreshed(fixed.refreshToken)
        #expect(try await keyIDs(one) == keyIDs(two))
        let records = try await one.storage.updateSigningKeys { _ in .none }
        #expect(records.count == 2)
    }

    @Test("Services that start together agree on one key of each kind", arguments: 0..<20 as Range<UInt64>)
    func startTogether(_ seed: UInt64) async throws {
        let (storage, clock) = (InMemorySessionStorage(), TestClock())
        let tokens = try await inParallel(8) { number in
            let world = try await World(seed: seed * 8 + UInt64(number), storage: storage, clock: clock)
            try await world.service.prepareSigningKeys()
            return try await world.create().accessToken.exposed
        }
        let records = try await storage.updateSigningKeys { _ in .none }
        #expect(records.count == 2, "seed \(seed)")
        #expect(Set(try tokens.map { try ReadToken($0).keyID }).count == 1, "seed \(seed)")
    }

    @Test("64 first sign-ins at once make one key")
    func oneCreation() async throws {
        let world = try await World()
        let tokens = try await inParallel(64) { number in try await world.create(user: "u\(number)") }
        #expect(Set(try tokens.map { try ReadToken($0.accessToken.exposed).keyID }).count == 1)
        #expect(Set(tokens.map(\.session.handle)).count == 64)
        #expect(try await world.storage.updateSigningKeys { _ in .none }.count == 1)
    }

    @Test("Tokens of another app are refused everywhere (T18)")
    func otherApp() async throws {
        let (one, two) = (try await World(seed: 1), try await World(seed: 2))
        let (mine, _) = (try await one.create(), try await two.create())
        let verdict = try await two.verdict(mine.accessToken.exposed)
        #expect(verdict == .tryRefresh(.unknownKey) || verdict == .tryRefresh(.signatureInvalid))
        #expect(try await two.refresh(mine.refreshToken).refusal == .notAToken(.notAuthentic))
        #expect(try await two.refresh(RefreshToken(mine.accessToken.exposed)).refusal == .notAToken(.unknownVersion))
        #expect(try await one.verdict(mine.refreshToken.exposed) == .tryRefresh(.headerUnreadable))
    }

    @Test("A tenant's session carries the tenant in its handle, tokens and answers")
    func tenants() async throws {
        let world = try await World()
        let first = try await world.create(tenant: TenantID("t1"))
        #expect(first.session.handle.rawValue.hasSuffix("_t1"))
        #expect(try ReadToken(first.accessToken.exposed).payload["tId"] == "t1")
        let child = try await world.refreshed(first.refreshToken)
        #expect(child.session.tenantID == TenantID("t1"))
        #expect(try await world.refreshed(child.refreshToken).session.tenantID == TenantID("t1"))
    }
}
