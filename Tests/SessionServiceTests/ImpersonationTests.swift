import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Another person acts as a user, visibly and for a while (docs/decisions/0044)")
struct ImpersonationTests {
    private static func actor(_ subject: String = "support:mara", issuer: String? = "https://staff.example.com") throws
        -> ActingParty
    {
        try #require(ActingParty(subject: subject, issuer: issuer))
    }

    private static func begun(
        _ world: World, lifetime: Milliseconds = Impersonation.usual, payload: JSONObject = ["k": "v"],
        isRemembered: Bool = false
    ) async throws -> IssuedTokens {
        var session = NewSession(userID: "u1", accessTokenPayload: payload)
        session.impersonation = Impersonation(by: try actor(), reason: "ticket 4711", lifetime: lifetime)
        session.isRemembered = isRemembered
        guard session.impersonation != nil, case .created(let tokens) = try await world.service.createSession(session)
        else { throw Unexpected("no session") }
        return tokens
    }

    private static let claim: JSONValue = ["sub": "support:mara", "iss": "https://staff.example.com"]

    private static func events(_ world: World, _ tokens: IssuedTokens) async throws -> [AuditEvent] {
        let query = AuditQuery(order: .oldestFirst(after: 0), handle: tokens.session.handle)
        return try await world.service.auditEvents(query).map(\.event)
    }

    @Test(
        "AN06: the end is fixed: no refresh, no remembering and no configuration moves it", arguments: [60, 900, 3_600])
    func lifetime(seconds: Int64) async throws {
        var policy = World.policy
        policy.limits = SessionLimits(idle: .days(10), absolute: .days(20))
        let world = try await World(policy: policy)
        let first = try await Self.begun(world, lifetime: .seconds(seconds), isRemembered: true)
        let end = world.clock.now + .seconds(seconds)
        #expect(first.refreshTokenExpiresAt == end && first.accessToken.expiresAt <= end)
        let record = try #require(try await world.storage.session(first.session.handle))
        #expect(record.traits.flags == .impersonated)
        var token = first.refreshToken
        for _ in 0..<5 {
            world.clock.advance(by: .seconds(seconds / 6))
            let next = try await world.refreshed(token)
            #expect(next.refreshTokenExpiresAt == end && next.accessToken.expiresAt <= end)
            #expect(try ReadToken(next.accessToken.exposed).payload["act"] == Self.claim)
            _ = try await world.verify(next.accessToken.exposed)
            token = next.refreshToken
        }
        world.clock.set(end + Milliseconds(-1))
        #expect(try await world.service.session(first.session.handle) != nil)
        #expect(try await world.refresh(token).tokens == nil, "less than a second is left")
        world.clock.set(end)
        #expect(try await world.service.session(first.session.handle) == nil)
        #expect(try await world.refresh(token).refusal == .sessionNotActive)
    }

    @Test("AN06: a shorter limit of all sessions counts here too; a time or reason out of range is none")
    func bounds() async throws {
        var policy = World.policy
        policy.limits = SessionLimits(absolute: .seconds(300))
        let world = try await World(policy: policy)
        let first = try await Self.begun(world)
        #expect(first.refreshTokenExpiresAt == world.clock.now + .seconds(300))
        let actor = try Self.actor()
        for seconds: Int64 in [-1, 0, 59, 3_601, .max / 1_000] {
            #expect(Impersonation(by: actor, reason: "r", lifetime: .seconds(seconds)) == nil)
        }
        #expect(Impersonation(by: actor, reason: "") == nil)
        #expect(Impersonation(by: actor, reason: String(repeating: "r", count: 501)) == nil)
        for name in ["", "a\"b", "a\\b", "a{b", "a}b", "a\u{0}", "a\n", String(repeating: "x", count: 256)] {
            #expect(ActingParty(subject: name) == nil && ActingParty(subject: "x", issuer: name) == nil)
        }
    }

    @Test("AN07, AN11: the claim names the actor, and no change of the payload sets or drops it")
    func claim() async throws {
        let world = try await World()
        let first = try await Self.begun(world, payload: ["a": 1, "act": ["sub": "admin"]])
        #expect(first.session.accessTokenPayload.text.hasPrefix(#"{"act":{"sub":"support:mara""#))
        func stored() async throws -> JSONObject? {
            try await world.storage.session(first.session.handle)?.accessTokenPayload.decoded()
        }
        for payload: JSONObject in [[:], ["b": 2], ["act": .null], ["act": ["sub": "other"]], ["b": 2, "act": 7]] {
            _ = try await world.service.replaceData(of: first.session.handle, accessTokenPayload: payload)
            #expect(try await stored()?["act"] == Self.claim)
            #expect(try await stored()?["b"] == payload["b"])
            let result = try await world.service.regenerate(accessToken: first.accessToken.exposed, payload: payload)
            guard case .regenerated(_, let token?) = result else {
                Issue.record("\(result)")
                return
            }
            #expect(try ReadToken(token.exposed).payload["act"] == Self.claim)
        }
        // An application's own claim of that name is its own (E5).
        let own = try await world.create(payload: ["act": ["sub": "mine"]])
        _ = try await world.service.replaceData(of: own.session.handle, accessTokenPayload: ["act": ["sub": "yours"]])
        let record = try await world.storage.session(own.session.handle)
        #expect(try record?.accessTokenPayload.decoded() == ["act": ["sub": "yours"]] && record?.actor == nil)
    }

    @Test("AN11: a session that lost its actor, by another core's write, gives no tokens")
    func lost() async throws {
        let world = try await World()
        let first = try await Self.begun(world)
        _ = try await world.storage.update(first.session.handle) { record -> Decision<Void> in
            guard var record else { return Decision(.keep, ()) }
            record.accessTokenPayload = JSONObjectText(["k": "v"])
            return Decision(.replace(record), ())
        }
        #expect(try await world.refresh(first.refreshToken).refusal == .payloadRefused)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .payloadRefused)
    }

    @Test("AN08: such a session cannot be upgraded or stepped up, and lives on")
    func forbidden() async throws {
        let world = try await World()
        let first = try await Self.begun(world)
        let child = try await world.refreshed(first.refreshToken)
        for token in [first.refreshToken, child.refreshToken] {
            let presented = PresentedRefreshToken(refreshToken: token)
            let stepUp = try await world.service.stepUp(StepUp(level: "aal2", methods: ["otp"]), with: presented)
            #expect(stepUp.refusal == .impersonated)
            guard
                case .notAnonymous = try await world.service.upgrade(
                    Upgrade(to: NewSession(userID: "u2")), with: presented)
            else {
                Issue.record("it was upgraded")
                return
            }
        }
        #expect(try await world.storage.session(first.session.handle)?.traits.level == nil)
        #expect(try await world.refresh(first.refreshToken).tokens != nil)
        // Nor does it end a session of the user's, or count.
        var policy = World.policy
        policy.sessionLimit = SessionLimit(1, action: .refuseNew)
        let limited = try await World(policy: policy)
        let own = try await limited.create()
        let other = try await Self.begun(limited)
        #expect(try await limited.service.handles(of: "u1").count == 2)
        var replacing = NewSession(userID: "u1")
        replacing.replacedSession = other.session.handle
        _ = try await limited.service.createSession(replacing)
        #expect(try await limited.service.session(other.session.handle) != nil)
        #expect(try await limited.service.session(own.session.handle) != nil)
    }

    @Test("AN09, AN10: each end is in the audit log with the actor, as is each entry before it")
    func ends() async throws {
        let world = try await World()
        let ends: [(String, (IssuedTokens) async throws -> Void)] = [
            ("admin impersonationEnd", { _ = try await world.service.endImpersonation($0.session.handle) }),
            ("user handle", { _ = try await world.service.revoke([$0.session.handle], by: .user) }),
            ("driver all", { _ in _ = try await world.service.revokeAll(of: "u1") }),
            (
                "core reuse",
                { first in
                    let next = try await world.refreshed(first.refreshToken)
                    _ = try await world.replacement(of: next.accessToken.exposed)
                    world.clock.advance(by: .seconds(200))
                    _ = try await world.refresh(first.refreshToken)
                }
            ),
            (
                "core expiry",
                { _ in
                    world.clock.advance(by: .seconds(900))
                    _ = try await world.service.removeExpiredSessions(atMost: 100)
                }
            ),
        ]
        for (end, act) in ends {
            let first = try await Self.begun(world)
            let child = try await world.refreshed(first.refreshToken)
            _ = try await world.replacement(of: child.accessToken.exposed)
            _ = try await world.service.replaceData(of: first.session.handle, sessionData: ["x": 1])
            try await act(try #require(RefreshResult.refreshed(child).tokens))
            let events = try await Self.events(world, first)
            #expect(events.first?.name == .created && events.first?.details["reason"] == "ticket 4711")
            #expect(events.count >= 4 && events.allSatisfy { $0.details["act"] == Self.claim }, "\(end): \(events)")
            let last = events.last
            #expect("\(last?.actor?.rawValue ?? "") \(last?.means?.rawValue ?? "")" == end)
            #expect(try await world.service.session(first.session.handle) == nil)
        }
    }

    @Test("AN06: neither an anonymous session nor an impersonation makes a user an active one; an upgrade does")
    func activeUsers() async throws {
        let world = try await World()
        let start = world.clock.now
        _ = try await world.refreshed(try await Self.begun(world).refreshToken)
        var session = NewSession(userID: "")
        session.isAnonymous = true
        guard case .created(let anonymous) = try await world.service.createSession(session) else { return }
        let next = try await world.refreshed(anonymous.refreshToken)
        #expect(try await world.service.countActiveUsers(since: start) == 0)
        _ = try await world.service.upgrade(
            Upgrade(to: NewSession(userID: "u2")), with: PresentedRefreshToken(refreshToken: next.refreshToken))
        #expect(try await world.service.countActiveUsers(since: start) == 1)
    }

    @Test("AN09: the end of an impersonation ends nothing else")
    func onlyItself() async throws {
        let world = try await World()
        let own = try await world.create()
        #expect(try await !world.service.endImpersonation(own.session.handle))
        #expect(try await !world.service.endImpersonation("none"))
        #expect(try await world.service.session(own.session.handle) != nil)
        let first = try await Self.begun(world)
        #expect(try await world.service.endImpersonation(first.session.handle))
        #expect(try await !world.service.endImpersonation(first.session.handle))
    }

    @Test("AN07: tokens say nothing of an authentication that did not happen")
    func authenticationClaims() async throws {
        var policy = World.policy
        policy.tellsAuthentication = true
        let world = try await World(policy: policy)
        let first = try await Self.begun(world, payload: ["auth_time": 1, "acr": "aal3"])
        let payload = try ReadToken(first.accessToken.exposed).payload
        #expect(payload["auth_time"] == nil && payload["acr"] == nil && payload["act"] == Self.claim)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .valid)
    }
}
