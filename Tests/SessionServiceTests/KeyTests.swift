import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
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

    @Test("After a long sleep a new key is made at once and retired ones are deleted")
    func longSleep() async throws {
        let world = try await World()
        let first = try await world.create()
        world.clock.advance(by: .seconds(60 * 86_400))
        let second = try await world.create()
        #expect(try ReadToken(second.accessToken.exposed).keyID == "d-\(world.clock.now.milliseconds)")
        let records = try await world.storage.updateSigningKeys { _ in .none }
        #expect(records.map(\.id.rawValue) == [try ReadToken(second.accessToken.exposed).keyID])
        #expect(try await world.verdict(first.accessToken.exposed) == .tryRefresh(.unknownKey))
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
