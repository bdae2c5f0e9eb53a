import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("The audit log of the service")
struct AuditTests {
    /// The audit log of a session, the oldest entry first, without keys.
    private func auditLog(_ world: World, of tokens: IssuedTokens) async throws -> [AuditEvent] {
        let query = AuditQuery(order: .oldestFirst(after: 0), handle: tokens.session.handle)
        return try await world.service.auditEvents(query).map(\.event)
    }

    @Test("A life from sign-in to theft leaves one entry for each change")
    func life() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await world.refreshed(first.refreshToken)
        _ = try await world.replacement(of: child.accessToken.exposed)
        _ = try await world.service.replaceData(of: first.session.handle, accessTokenPayload: ["a": 1])
        _ = try await world.service.replaceData(of: first.session.handle, sessionData: ["b": 1])
        _ = try await world.service.replaceData(of: first.session.handle, sessionData: ["b": 1])
        world.clock.advance(by: .seconds(130))
        _ = try await world.refresh(first.refreshToken)
        _ = try await world.refresh(first.refreshToken)
        let events = try await auditLog(world, of: first)
        #expect(events.map(\.name) == [.created, .refreshed, .dataChanged, .dataChanged, .reuseDetected])
        #expect(events.allSatisfy { $0.userID == UserID("u1") && $0.tenantID == .public })
        #expect(events[1].details == ["generation": 1, "keyKind": "dynamic"])
        #expect(events[2].details == ["payload": true, "sessionData": false])
        #expect(events[3].details == ["payload": false, "sessionData": true])
        let theft: JSONObject = [
            "class": "previous", "generationsApart": 1, "millisecondsSinceRotation": 130_000,
        ]
        #expect(events[4].details == theft && events[4].time == world.clock.now)
        #expect(events[4].actor == .core && events[4].means == .reuse)
    }

    @Test("Sessions are ended by somebody")
    func revocations() async throws {
        let world = try await World()
        let sessions = try await inParallel(4) { try await world.create(user: "u\($0)") }
        _ = try await world.service.revoke([sessions[0].session.handle])
        _ = try await world.service.revokeAll(of: UserID("u1"))
        world.clock.advance(by: World.policy.refreshTokenValidity)
        _ = try await world.service.removeExpiredSessions(atMost: 100)
        for (session, end) in zip(sessions, ["driver handle", "driver all", "core expiry", "core expiry"]) {
            let events = try await auditLog(world, of: session)
            #expect(events.map(\.name) == [.created, .revoked])
            #expect(events.last.map { "\($0.actor?.rawValue ?? "") \($0.means?.rawValue ?? "")" } == end)
        }
    }

    @Test("finding E7: an application says for whom sessions end")
    func actors() async throws {
        let world = try await World()
        for (number, actor) in [AuditActor.user, .administrator, .driver].enumerated() {
            let first = try await world.create(user: "u\(number)")
            let second = try await world.create(user: "u\(number)")
            _ = try await world.service.revoke([first.session.handle], by: actor)
            _ = try await world.service.revokeAll(of: UserID("u\(number)"), by: actor)
            for (session, means) in [(first, Revocation.Means.handle), (second, .all)] {
                let last = try await auditLog(world, of: session).last
                #expect(last?.actor == actor && last?.means == means)
            }
        }
        let keys = try await world.service.auditEvents(AuditQuery(name: .keyCreated)).map(\.event.actor)
        #expect(!keys.isEmpty && keys.allSatisfy { $0 == .core })
    }

    @Test("finding E7: verification says what is chained, what is not yet, and where the log is not what it was")
    func verification() async throws {
        let world = try await World()
        for _ in 0..<3 { _ = try await world.create() }
        let verifier = AuditVerifier(world.storage, of: .public)
        let before = try await verifier.run()
        #expect(before.fault == nil && before.verification.head == nil && before.unchained > 3)
        while try await world.storage.chainAuditLog(at: world.clock.now) > 0 {}
        _ = try await world.create()
        let after = try await verifier.run(noted: before.verification.head?.hash)
        #expect(after.fault == nil && after.verification.entryCount == before.unchained)
        #expect(after.unchained >= 1 && after.unchainedSince == world.clock.now.milliseconds)
        let strange = try await verifier.run(noted: String(repeating: "a", count: 64))
        #expect(strange.fault == nil && !strange.verification.hasFoundHead)
    }

    @Test("Keys are made, sign and retire, each once")
    func keys() async throws {
        let world = try await World()
        for _ in 0..<3 { _ = try await world.create() }
        world.clock.advance(by: World.policy.signingKeyUpdateInterval + World.policy.accessTokenValidity)
        _ = try await world.create()
        world.clock.advance(by: World.policy.signingKeyUpdateInterval)
        _ = try await world.create()
        world.clock.advance(by: World.policy.accessTokenValidity + World.policy.accessTokenValidity + Milliseconds(1))
        _ = try await world.service.removeRetiredKeys()
        let events = try await world.service.auditEvents(AuditQuery(order: .oldestFirst(after: 0))).map(\.event)
            .filter { $0.handle == nil }
        #expect(events.first?.details == ["key": "refresh_token_key"])
        let signing = events.dropFirst()
        let made = signing.filter { $0.name == .keyCreated }.compactMap { $0.details["key"]?.string }
        let used = signing.filter { $0.name == .keyUsed }.compactMap { $0.details["key"]?.string }
        let retired = signing.filter { $0.name == .keyRetired }.compactMap { $0.details["key"]?.string }
        #expect(made.count == 3 && Set(made).count == 3)
        #expect(used == made)
        #expect(retired == Array(made.prefix(retired.count)) && !retired.isEmpty)
    }

    @Test("A key that was used before a restart is not used for the first time again")
    func keyAfterRestart() async throws {
        let world = try await World()
        _ = try await world.create()
        let other = try await World(seed: 2, storage: world.storage, clock: world.clock)
        _ = try await other.create()
        let used = try await world.service.auditEvents(AuditQuery(name: .keyUsed))
        #expect(used.count == 1)
    }

    @Test("Without a auditLog nothing is written, and everything else is the same")
    func off() async throws {
        var policy = World.policy
        policy.auditRetention = nil
        let world = try await World(policy: policy)
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await world.replacement(of: child.accessToken.exposed)
        world.clock.advance(by: .seconds(61))
        #expect(try await world.refresh(first.refreshToken).word == "tooLate")
        world.clock.advance(by: .seconds(60))
        #expect(try await world.refresh(first.refreshToken).isReuse)
        #expect(try await world.refresh(child.refreshToken).refusal == .sessionNotActive)
        _ = try await world.service.revokeAll(of: UserID("u1"))
        #expect(try await world.service.auditEvents(AuditQuery()).isEmpty)
        #expect(try await world.service.trimAuditLog(atMost: 10) == 0)
    }

    @Test("No token, no payload and no secret is in the audit log")
    func noSecrets() async throws {
        let world = try await World()
        let first = try await world.create(payload: ["canary": "canary-payload"], antiCSRF: true)
        let child = try await world.refreshed(
            first.refreshToken, antiCSRFToken: first.antiCSRFToken, usesAntiCSRF: true)
        _ = try await world.verify(child.accessToken.exposed)
        _ = try await world.service.replaceData(of: first.session.handle, sessionData: ["canary": "canary-data"])
        _ = try await world.refresh(first.refreshToken, antiCSRFToken: first.antiCSRFToken, usesAntiCSRF: true)
        let records = try await world.service.auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
        var text = ""
        dump(records, to: &text)
        let secrets =
            [first, child].flatMap {
                [$0.refreshToken.exposed, $0.accessToken.exposed, $0.antiCSRFToken?.exposed ?? "?"]
            }
            + [TokenHash(of: first.refreshToken).hex, TokenHash(of: child.refreshToken).hex, "canary"]
        for secret in secrets { #expect(!text.contains(secret)) }
    }

    @Test("The audit log is kept as long as the policy says")
    func retention() async throws {
        var policy = World.policy
        policy.auditRetention = AuditRetention(age: .seconds(60), entries: 5)
        let world = try await World(policy: policy)
        for _ in 0..<10 { _ = try await world.create() }
        while try await world.service.trimAuditLog(atMost: 2) == 2 {}
        #expect(try await world.service.auditEvents(AuditQuery()).count == 5)
        world.clock.advance(by: .seconds(61))
        _ = try await world.create()
        while try await world.service.trimAuditLog(atMost: 2) == 2 {}
        #expect(try await world.service.auditEvents(AuditQuery()).count == 1)
    }
}
