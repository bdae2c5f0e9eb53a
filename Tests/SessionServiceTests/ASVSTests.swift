import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

/// docs/asvs.md: each title begins with the number of a requirement of OWASP ASVS 5.0, chapter V7.
@Suite("OWASP ASVS 5.0, V7: session management")
struct ASVSTests {
    private static func policy(_ limits: SessionLimits = .none, most limit: SessionLimit? = nil) -> SessionPolicy {
        var policy = World.policy
        (policy.limits, policy.sessionLimit) = (limits, limit)
        return policy
    }

    @Test("ASVS 7.1.2: what happens at the maximum of sessions is decided for every action")
    func atTheMaximum() async throws {
        for action in SessionLimit.Action.allCases {
            let world = try await World(policy: Self.policy(most: SessionLimit(1, action: action)))
            let first = try await world.create()
            let result = try await world.service.createSession(NewSession(userID: "u1"))
            let handles = try await world.service.handles(of: UserID("u1"))
            #expect(handles.count == 1)
            switch (action, result) {
            case (.refuseNew, .limitReached): #expect(handles == [first.session.handle])
            case (.evictOldest, .created(let next)), (.evictIdle, .created(let next)):
                #expect(handles == [next.session.handle])
            default: Issue.record("\(action): \(result)")
            }
        }
    }

    @Test("ASVS 7.2.1: a token that these keys did not sign is refused")
    func verification() async throws {
        let (world, other) = (try await World(), try await World(seed: 2))
        let foreign = try await other.create()
        #expect(try await world.verdict(foreign.accessToken.exposed) != .valid)
        #expect(try await world.refresh(foreign.refreshToken).tokens == nil)
        let own = try await world.create()
        #expect(try await world.verdict(own.accessToken.exposed) == .valid)
        #expect(try await world.verdict(own.accessToken.exposed + "A") != .valid)
    }

    @Test("ASVS 7.2.2: every session has tokens of its own, which change with each refresh")
    func dynamicTokens() async throws {
        let world = try await World()
        let first = try await world.create()
        let second = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        #expect(Set([first, second, child].map(\.refreshToken.exposed)).count == 3)
        #expect(Set([first, second, child].map(\.accessToken.exposed)).count == 3)
    }

    @Test("ASVS 7.2.3: refresh tokens of 1,000 sessions differ, and each has more than 128 bits at random")
    func entropy() async throws {
        let world = try await World()
        var seen: Set<String> = []
        for _ in 0..<1_000 { seen.insert(try await world.create().refreshToken.exposed) }
        #expect(seen.count == 1_000)
        // 32 bytes from the system's generator are in each.
        let nonces = Set(seen.compactMap { $0.split(separator: ".").dropFirst().first })
        #expect(nonces.count == 1_000 && nonces.allSatisfy { $0.utf8.count >= 32 })
    }

    @Test("ASVS 7.2.4: an authentication of a living session retires its tokens; a sign-in never takes one over")
    func reauthentication() async throws {
        let world = try await World()
        let first = try await world.create()
        let result = try await world.service.stepUp(
            StepUp(level: "aal2", methods: ["pwd"], isFull: true),
            with: PresentedRefreshToken(refreshToken: first.refreshToken))
        let elevated = try #require(result.tokens)
        #expect(elevated.refreshToken.exposed != first.refreshToken.exposed)
        _ = try await world.refreshed(elevated.refreshToken)
        world.clock.advance(by: .seconds(121))
        #expect(try await world.refresh(first.refreshToken).isReuse)
        var replacing = NewSession(userID: "u2")
        let old = try await world.create(user: "u2")
        replacing.replacedSession = old.session.handle
        guard case .created(let new) = try await world.service.createSession(replacing) else { return }
        #expect(new.session.handle != old.session.handle)
        #expect(try await world.service.session(old.session.handle) == nil)
    }

    @Test("ASVS 7.3.1: a session that is not used for its idle limit has ended")
    func idle() async throws {
        let world = try await World(policy: Self.policy(SessionLimits(idle: .seconds(900))))
        let first = try await world.create()
        world.clock.advance(by: .seconds(900))
        #expect(try await world.refresh(first.refreshToken).refusal == .sessionNotActive)
    }

    @Test("ASVS 7.3.2: a session that is used all the time ends at its absolute limit")
    func absolute() async throws {
        let limits = SessionLimits(idle: .seconds(900), absolute: .seconds(43_200))
        let world = try await World(policy: Self.policy(limits))
        let start = world.clock.now
        var tokens = try await world.create()
        for step in 1...72 {
            world.clock.set(start + .seconds(Int64(step) * 600))
            let result = try await world.refresh(tokens.refreshToken)
            guard step < 72 else {
                #expect(result.refusal == .sessionNotActive, "12 hours")
                return
            }
            tokens = try #require(result.tokens, "step \(step)")
            #expect(tokens.accessToken.expiresAt <= start + .seconds(43_200))
        }
    }

    @Test("ASVS 7.4.1: after sign-out and after expiry neither token gives a session")
    func signOut() async throws {
        let world = try await World()
        let first = try await world.create()
        #expect(try await world.service.revoke([first.session.handle], by: .user) == [first.session.handle])
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .sessionNotActive)
        #expect(try await world.refresh(first.refreshToken).refusal == .sessionNotActive)
        let second = try await world.create()
        world.clock.advance(by: .seconds(3_600))
        #expect(try await world.verdict(second.accessToken.exposed) == .tryRefresh(.expired))
        world.clock.advance(by: .days(101))
        #expect(try await world.refresh(second.refreshToken).refusal == .sessionNotActive)
    }

    @Test("ASVS 7.4.2 and 7.4.5: an administrator ends all sessions of a user in one call")
    func allOfAUser() async throws {
        let world = try await World()
        for _ in 0..<5 { _ = try await world.create() }
        _ = try await world.create(user: "other")
        #expect(try await world.service.revokeAll(of: UserID("u1"), by: .administrator).count == 5)
        #expect(try await world.service.handles(of: UserID("u1")).isEmpty)
        #expect(try await world.service.handles(of: UserID("other")).count == 1)
        let event = try await world.storage.auditEvents(AuditQuery(name: .revoked)).first?.event
        #expect(event?.actor == .administrator && event?.means == .all)
    }

    @Test("ASVS 7.6.1: the term of a session counts from the sign-in at the identity provider")
    func federation() async throws {
        let world = try await World(policy: Self.policy(SessionLimits(absolute: .seconds(43_200))))
        var request = NewSession(userID: "u1")
        request.authenticatedAt = world.clock.now + .seconds(-40_000)
        guard case .created(let issued) = try await world.service.createSession(request) else {
            Issue.record("not created")
            return
        }
        #expect(issued.refreshTokenExpiresAt == world.clock.now + .seconds(3_200))
        request.authenticatedAt = world.clock.now + .seconds(-43_200)
        guard case .authenticatedTooLongAgo = try await world.service.createSession(request) else {
            Issue.record("an authentication of yesterday began a session")
            return
        }
    }
}
