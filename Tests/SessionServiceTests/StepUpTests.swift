import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Step-up: the user of a session is authenticated once more (ASVS 7.2.4 and 7.5.1)")
struct StepUpTests {
    private static let limited: SessionPolicy = {
        var policy = World.policy
        policy.limits = SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))
        return policy
    }()
    private static let second = StepUp(level: "aal2", methods: ["pwd", "otp"], isFull: true)

    private static func stepUp(
        _ world: World, _ token: RefreshToken, _ stepUp: StepUp = second
    ) async throws -> RefreshResult {
        try await world.service.stepUp(stepUp, with: PresentedRefreshToken(refreshToken: token))
    }

    private static func stepped(
        _ world: World, _ token: RefreshToken, _ stepUp: StepUp = second
    ) async throws -> IssuedTokens {
        let result = try await Self.stepUp(world, token, stepUp)
        return try #require(result.tokens, "\(result)")
    }

    @Test("A full one begins a new absolute term, sets the level, and retires the refresh token and its parent")
    func full() async throws {
        let world = try await World(policy: Self.limited)
        let first = try await world.create()
        world.clock.advance(by: .seconds(500))
        let child = try await world.refreshed(first.refreshToken)
        world.clock.advance(by: .seconds(100))
        let elevated = try await Self.stepped(world, child.refreshToken)
        #expect(elevated.session.handle == first.session.handle, "it is the same session")
        let record = try #require(try await world.storage.session(first.session.handle))
        #expect(record.traits.level == "aal2" && record.traits.methods == ["pwd", "otp"])
        #expect(record.traits.authenticatedAt == world.clock.now && record.traits.levelAt == world.clock.now)
        #expect(record.expiresAt == world.clock.now + .seconds(900))
        #expect(elevated.refreshTokenExpiresAt == record.expiresAt)
        // Its access token needs no first use.
        #expect(try await world.verdict(elevated.accessToken.exposed, database: true) == .valid)
        let next = try await world.refreshed(elevated.refreshToken)
        world.clock.advance(by: .seconds(200))
        #expect(try await world.refresh(child.refreshToken).isReuse)
        #expect(try await world.refresh(next.refreshToken).refusal == .sessionNotActive)
    }

    @Test("One factor alone sets level and activity, and the absolute term stays")
    func partial() async throws {
        let world = try await World(policy: Self.limited)
        let first = try await world.create()
        let created = world.clock.now
        world.clock.advance(by: .seconds(600))
        _ = try await Self.stepped(world, first.refreshToken, StepUp(level: "aal2", methods: ["otp"]))
        let record = try #require(try await world.storage.session(first.session.handle))
        #expect(record.authenticatedAt == created && record.traits.levelAt == world.clock.now)
        #expect(record.expiresAt == world.clock.now + .seconds(900))
    }

    @Test("finding P3: a lost reply gets the same answer within the sharing window, at both rules of rotation")
    func lostReply() async throws {
        for (window, policy) in [(60, Self.limited), (60, World.superTokensPolicy)] {
            let world = try await World(policy: policy)
            let first = try await world.create()
            let one = try await Self.stepped(world, first.refreshToken)
            for _ in 0..<3 {
                world.clock.advance(by: .seconds(Int64(window / 4)))
                let again = try await Self.stepped(world, first.refreshToken)
                #expect(again.refreshToken.exposed == one.refreshToken.exposed)
            }
            let events = try await world.storage.auditEvents(AuditQuery(name: .authenticated))
            #expect(events.count == 1, "a repeated answer writes nothing")
            #expect(events.first?.event.details["level"] == "aal2" && events.first?.event.details["full"] == true)
            #expect(events.first?.event.details["from"] == .null)
        }
    }

    @Test("finding P3: another tab that refreshes meanwhile waits, accuses nobody and changes nothing")
    func otherTab() async throws {
        for atOnce in [false, true] {
            let world = try await World(policy: Self.limited)
            let first = try await world.create()
            let before = try await world.refreshed(first.refreshToken)
            let elevated = try await Self.stepped(world, first.refreshToken)
            let stored = try await world.storage.session(first.session.handle)
            world.clock.advance(by: .seconds(30))
            for token in [first.refreshToken, before.refreshToken] {
                guard case .tooLate = try await world.refresh(token, atOnce: atOnce) else {
                    Issue.record("a plain refresh got an answer")
                    continue
                }
                guard case .tooLate = try await Self.stepUp(world, token, StepUp(level: "aal3", methods: ["hwk"]))
                else {
                    Issue.record("another level got an answer")
                    continue
                }
            }
            #expect(try await world.storage.session(first.session.handle) == stored, "nothing is written")
            #expect(try await world.refresh(elevated.refreshToken, atOnce: atOnce).tokens != nil)
        }
    }

    @Test("After the window and the silence the retired token is reuse and ends the session")
    func reuse() async throws {
        let world = try await World(policy: Self.limited)
        let first = try await world.create()
        let elevated = try await Self.stepped(world, first.refreshToken)
        world.clock.advance(by: .seconds(121))
        #expect(try await world.refresh(first.refreshToken).isReuse)
        #expect(try await world.refresh(elevated.refreshToken).refusal == .sessionNotActive)
    }

    @Test("A copy of the token cannot ride along: what it was given before the step-up is retired")
    func thief() async throws {
        let world = try await World(policy: Self.limited)
        let first = try await world.create()
        let copied = try await world.refreshed(first.refreshToken)
        let elevated = try await Self.stepped(world, first.refreshToken)
        #expect(copied.refreshToken.exposed != elevated.refreshToken.exposed)
        world.clock.advance(by: .seconds(61))
        #expect(try await world.refresh(copied.refreshToken).isReuse)
    }

    @Test("A retired token, an ended session and a stranger's token get no level")
    func refusals() async throws {
        let world = try await World(policy: Self.limited)
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        _ = try await world.refreshed(second.refreshToken)
        guard case .tooLate = try await Self.stepUp(world, first.refreshToken) else {
            Issue.record("a superseded token was stepped up")
            return
        }
        #expect(try await world.storage.session(first.session.handle)?.traits == SessionTraits.none)
        world.clock.advance(by: .seconds(901))
        #expect(try await Self.stepUp(world, second.refreshToken).refusal == .sessionNotActive)
        let other = try await World(seed: 9)
        let stranger = try await other.create()
        #expect(try await Self.stepUp(world, stranger.refreshToken).tokens == nil)
    }

    @Test("Tokens say when and how where it is wanted; one in hand keeps its level, also with another payload")
    func claims() async throws {
        var policy = World.policy
        policy.tellsAuthentication = true
        let world = try await World(policy: policy)
        let first = try await world.create(payload: ["k": "v", "acr": "mine"])
        let begun = world.clock.now.wholeSeconds
        func payload(_ token: AccessToken) throws -> JSONObject { try ReadToken(token.exposed).payload }
        #expect(try payload(first.accessToken)["auth_time"]?.number?.int64 == begun)
        #expect(try payload(first.accessToken)["acr"] == nil && payload(first.accessToken)["k"] == "v")
        world.clock.advance(by: .seconds(100))
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .valid, "nothing has changed")
        let elevated = try await Self.stepped(world, first.refreshToken)
        let claims = try payload(elevated.accessToken)
        #expect(claims["acr"] == "aal2" && claims["amr"]?.array?.compactMap(\.string) == ["pwd", "otp"])
        #expect(claims["auth_time"]?.number?.int64 == begun + 100)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .valid)
        _ = try await world.service.replaceData(of: first.session.handle, accessTokenPayload: ["k": "w"])
        let old = try payload(try await world.replacement(of: first.accessToken.exposed, database: true))
        #expect(old["k"] == "w" && old["acr"] == nil && old["auth_time"]?.number?.int64 == begun)
        let new = try payload(try await world.replacement(of: elevated.accessToken.exposed, database: true))
        #expect(new["k"] == "w" && new["acr"] == "aal2")
        let plain = try await World()
        #expect(try payload(try await plain.create().accessToken)["auth_time"] == nil)
    }

    @Test("SQLite keeps level, methods and times")
    func sqlite() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let world = try await World(policy: Self.limited, storage: database.storage(of: .public))
        let first = try await world.create()
        _ = try await Self.stepped(world, first.refreshToken)
        let record = try #require(try await world.storage.session(first.session.handle))
        #expect(
            record.traits
                == SessionTraits(
                    authenticatedAt: world.clock.now, level: "aal2", methods: ["pwd", "otp"], levelAt: world.clock.now))
    }
}
