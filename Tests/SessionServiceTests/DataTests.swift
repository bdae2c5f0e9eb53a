import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

@Suite("Changing data (docs/specification/core.md 4.5 and 4.6)")
struct DataTests {
    private func regenerate(
        _ world: World, _ token: AccessToken, _ payload: JSONObject?
    ) async throws -> (SessionFacts, AccessToken?) {
        let result = try await world.service.regenerate(accessToken: token.exposed, payload: payload)
        guard case .regenerated(let facts, let token) = result else { throw Unexpected("\(result)") }
        return (facts, token)
    }

    @Test("A regeneration changes the payload and nothing else", arguments: AccessTokenFormat.allCases)
    func regenerates(_ format: AccessTokenFormat) async throws {
        let world = try await World.withRSAKeys()
        let parent = try await world.create(payload: [:], format: format)
        let first = try await world.refreshed(parent.refreshToken, format: format)
        world.clock.advance(by: .seconds(10))
        let (facts, token) = try await regenerate(world, first.accessToken, ["key": "value"])
        #expect(facts.accessTokenPayload.text == "{\"key\":\"value\"}")
        let (old, new) = (
            try ReadToken(first.accessToken.exposed).payload, try ReadToken(try #require(token).exposed).payload
        )
        let (issued, expires) = format.isLegacy ? ("timeCreated", "expiryTime") : ("iat", "exp")
        #expect(new[expires] == old[expires])
        #expect(new[issued] != old[issued])
        for name in ["sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "sub", "userId"] {
            #expect(new[name] == old[name], "\(name)")
        }
        #expect(!new.members.contains { $0.value.isNull && format.isLegacy })
        let (same, _) = try await regenerate(world, first.accessToken, nil)
        #expect(same.accessTokenPayload.text == "{\"key\":\"value\"}")
    }

    @Test("A regeneration neither reads nor changes the token relation")
    func lineageStays() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await regenerate(world, child.accessToken, ["a": 1])
        _ = try await world.refreshed(first.refreshToken)
        #expect(try await world.verdict(child.accessToken.exposed) == .renewed)
        world.clock.advance(by: .seconds(121))
        #expect(try await world.refresh(first.refreshToken).isReuse)
    }

    @Test("An expired token changes the payload and is not replaced (T17)")
    func regenerateExpired() async throws {
        let world = try await World()
        let first = try await world.create()
        world.clock.advance(by: .seconds(3_600))
        let (facts, token) = try await regenerate(world, first.accessToken, ["late": true])
        #expect(token == nil)
        #expect(facts.accessTokenPayload.text == "{\"late\":true}")
        let child = try await world.refreshed(first.refreshToken)
        #expect(child.session.accessTokenPayload.text == "{\"late\":true}")
    }

    @Test("A regeneration is refused for what this core did not sign, for an ended session, for a protected claim")
    func regenerateRefusals() async throws {
        let (world, other) = (try await World(), try await World(seed: 2))
        let first = try await world.create()
        let foreign = try await other.create().accessToken.exposed
        for text in ["", "a.b.c", first.refreshToken.exposed, foreign] {
            guard case .notAToken = try await world.service.regenerate(accessToken: text, payload: [:]) else {
                throw Unexpected("taken: \(text)")
            }
        }
        let result = try await world.service.regenerate(accessToken: first.accessToken.exposed, payload: ["sub": 1])
        guard case .payloadRefused = result else { throw Unexpected("\(result)") }
        #expect(try await world.service.session(first.session.handle)?.accessTokenPayload.text == "{\"k\":\"v\"}")
        _ = try await world.service.revoke([first.session.handle])
        let ended = try await world.service.regenerate(accessToken: first.accessToken.exposed, payload: [:])
        guard case .sessionNotActive = ended else { throw Unexpected("\(ended)") }
    }

    @Test("A changed payload reaches tokens at the next refresh, or at a verification that asks storage")
    func replacePayload() async throws {
        let world = try await World()
        let first = try await world.create()
        #expect(try await world.service.replaceData(of: first.session.handle, accessTokenPayload: ["new": 1]))
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        let replacement = try await world.replacement(of: first.accessToken.exposed, database: true)
        #expect(try ReadToken(replacement.exposed).payload["new"] == 1)
        #expect(try await world.verdict(replacement.exposed, database: true) == .valid)
        let child = try await world.refreshed(first.refreshToken)
        #expect(try ReadToken(child.accessToken.exposed).payload["new"] == 1)
    }

    @Test("A protected payload in storage stops a verification that would carry it")
    func protectedPayload() async throws {
        let world = try await World()
        let first = try await world.create()
        #expect(try await world.service.replaceData(of: first.session.handle, accessTokenPayload: ["sub": "root"]))
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .payloadRefused)
    }

    @Test("Data kept at home never travels")
    func sessionData() async throws {
        let world = try await World()
        let first = try await world.create()
        #expect(try await world.service.replaceData(of: first.session.handle, sessionData: ["secret": "hidden"]))
        let stored = try #require(try await world.service.session(first.session.handle))
        #expect(stored.sessionData.text == "{\"secret\":\"hidden\"}")
        #expect(stored.accessTokenPayload.text == "{\"k\":\"v\"}")
        let child = try await world.refreshed(first.refreshToken)
        #expect(try ReadToken(child.accessToken.exposed).payload["secret"] == nil)
    }

    @Test("Data of an ended session is not changed and not read")
    func ended() async throws {
        let world = try await World()
        let first = try await world.create()
        world.clock.advance(by: World.policy.refreshTokenValidity)
        #expect(try await !world.service.replaceData(of: first.session.handle, sessionData: [:]))
        #expect(try await world.service.session(first.session.handle) == nil)
        #expect(try await world.service.handles(of: UserID("u1")).isEmpty)
    }
}
