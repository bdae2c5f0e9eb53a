import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("Anonymous sessions and their upgrade (docs/decisions/0044)")
struct UpgradeTests {
    private static func anonymous(
        _ world: World, payload: JSONObject = ["anonymous": true], data: JSONObject = ["basket": 1],
        tenant: TenantID = .public,
        antiCSRF: Bool = false
    ) async throws -> IssuedTokens {
        var session = NewSession(
            userID: "", accessTokenPayload: payload, sessionData: data, tenantID: tenant, usesAntiCSRF: antiCSRF)
        session.isAnonymous = true
        guard case .created(let tokens) = try await world.service.createSession(session) else {
            throw Unexpected("no session")
        }
        return tokens
    }

    private static func upgrade(
        _ world: World, _ token: RefreshToken, to user: UserID = "u1", level: String? = nil, keepsData: Bool = true,
        data: JSONObject = [:], antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool = false
    ) async throws -> UpgradeResult {
        var session = NewSession(userID: user, accessTokenPayload: ["k": "v"], sessionData: data)
        session.level = level
        return try await world.service.upgrade(
            Upgrade(to: session, keepsData: keepsData),
            with: PresentedRefreshToken(
                refreshToken: token, antiCSRFToken: antiCSRFToken, usesAntiCSRF: usesAntiCSRF))
    }

    private static func upgraded(
        _ world: World, _ token: RefreshToken, to user: UserID = "u1", keepsData: Bool = true, data: JSONObject = [:]
    ) async throws -> IssuedTokens {
        let result = try await upgrade(world, token, to: user, keepsData: keepsData, data: data)
        return try #require(result.tokens, "\(result)")
    }

    /// Makes a world whose service has the dice of a seed.
    typealias Make = @Sendable (UInt64) async throws -> World
    /// What is asked of the service over each storage.
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let run: @Sendable (Make) async throws -> Void
    }

    static let cases = [
        Case(testDescription: "AN03: a new session in one step", run: upgrade),
        Case(testDescription: "AN03: a double click and a lost reply", run: repeated),
        Case(testDescription: "AN03: every other use waits", run: others),
        Case(testDescription: "AN03: many at once", run: race),
        Case(testDescription: "AN03: no write is lost", run: writes),
    ]

    @Test("AN03: an upgrade, its repetition, and what happens beside it, in memory", arguments: cases)
    func inMemory(one: Case) async throws {
        try await one.run { try await World(seed: $0) }
    }

    @Test("AN01: an anonymous session has an id of the core's, its own idle limit, and no place in the limit of a user")
    func creation() async throws {
        var policy = World.policy
        policy.sessionLimit = SessionLimit(1, action: .refuseNew)
        let world = try await World(policy: policy)
        let first = try await Self.anonymous(world)
        let user = first.session.userID
        #expect(user.isAnonymous && user.rawValue.hasPrefix("anon_") && user.rawValue.utf8.count == 27)
        #expect(first.refreshTokenExpiresAt == world.clock.now + .days(30))
        var ids: Set<UserID> = [user]
        for _ in 0..<200 { ids.insert(try await Self.anonymous(world).session.userID) }
        #expect(ids.count == 201)
        for id in [
            "u1", "anon_", "anon_0123456789012345678901é", "anon_01234567890123456789012",
            "anonx0123456789012345678901",
        ] {
            var session = NewSession(userID: UserID(id))
            session.isAnonymous = true
            guard case .notAnonymous = try await world.service.createSession(session) else {
                Issue.record("\(id) was taken")
                continue
            }
        }
        // The same user again: neither counts.
        var second = NewSession(userID: user)
        second.isAnonymous = true
        guard case .created = try await world.service.createSession(second) else {
            Issue.record("an anonymous session counts")
            return
        }
        let event = try await world.storage.auditEvents(AuditQuery(name: .created, limit: 1)).first?.event
        #expect(event?.details["anonymous"] == true)
    }

    @Test(
        "AN01: the limit of anonymous sessions only shortens, and is no limit of others",
        arguments: [(nil, 2_592_000), (600, 600), (8_640_000, 2_592_000)] as [(Int64?, Int64)])
    func idleLimit(normal: Int64?, expected: Int64) async throws {
        var policy = World.policy
        policy.limits = SessionLimits(idle: normal.map { .seconds($0) })
        let world = try await World(policy: policy)
        let first = try await Self.anonymous(world)
        let end = world.clock.now + .seconds(expected)
        #expect(first.refreshTokenExpiresAt == end)
        let other = try await world.create()
        let otherEnd = normal.map { world.clock.now + .seconds($0) } ?? world.clock.now + policy.refreshTokenValidity
        #expect(other.refreshTokenExpiresAt == min(otherEnd, world.clock.now + policy.refreshTokenValidity))
        world.clock.advance(by: .seconds(expected) - Milliseconds(1))
        #expect(try await world.service.session(first.session.handle) != nil)
        world.clock.advance(by: Milliseconds(1))
        #expect(try await world.service.session(first.session.handle) == nil)
    }

    /// An upgrade is a new session with other tokens and the data of the old one, which ended in the same step.
    @Sendable private static func upgrade(_ make: Make) async throws {
        let world = try await make(1)
        let first = try await Self.anonymous(world)
        world.clock.advance(by: .seconds(100))
        let user = try await Self.upgraded(world, first.refreshToken, data: ["name": "n", "basket": 2])
        #expect(user.session.handle != first.session.handle && user.session.userID == UserID("u1"))
        #expect(user.refreshToken.exposed != first.refreshToken.exposed)
        #expect(user.refreshTokenExpiresAt == world.clock.now + World.policy.refreshTokenValidity)
        let record = try #require(try await world.storage.session(user.session.handle))
        #expect(
            try record.sessionData.decoded() == ["basket": 2, "name": "n"],
            "of two members of one name the user's stays")
        #expect(try record.accessTokenPayload.decoded() == ["k": "v"], "nothing of the anonymous payload is kept")
        #expect(record.traits == SessionTraits.none && record.createdAt == world.clock.now)
        #expect(record.rotationCount == 0 && record.previousTokenHash == nil)
        #expect(try await world.storage.session(first.session.handle) == nil)
        let events = try await world.storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0))).map(\.event)
        let old = events.filter { $0.handle == first.session.handle }
        #expect(old.map(\.name) == [.created, .revoked])
        #expect(old.last?.means == .replaced && old.last?.actor == .core)
        #expect(old.last?.details["replacedBy"] == .string(user.session.handle.rawValue))
        #expect(old.last?.userID == first.session.userID)
        let new = events.filter { $0.handle == user.session.handle }
        #expect(new.map(\.name) == [.created])
        #expect(new.last?.details["replaces"] == .string(first.session.handle.rawValue))
        // The new tokens are those of any session.
        #expect(try await world.verdict(user.accessToken.exposed, database: true) == .valid)
        let next = try await world.refreshed(user.refreshToken)
        #expect(try await world.verdict(next.accessToken.exposed) == .renewed)
        world.clock.advance(by: .seconds(200))
        #expect(try await world.refresh(user.refreshToken).isReuse)
    }

    @Test("AN03: without keepData nothing is kept; a level and methods are those of the sign-in")
    func withoutData() async throws {
        let world = try await World()
        let first = try await Self.anonymous(world)
        let user = try await Self.upgraded(world, first.refreshToken, keepsData: false)
        #expect(try await world.storage.session(user.session.handle)?.sessionData.decoded() == [:])
        let second = try await Self.anonymous(world, tenant: TenantID("t1"))
        guard case .upgraded(let tokens) = try await Self.upgrade(world, second.refreshToken, level: "aal1") else {
            Issue.record("no upgrade")
            return
        }
        #expect(tokens.session.tenantID == TenantID("t1") && tokens.session.handle.rawValue.hasSuffix("_t1"))
        #expect(try await world.storage.session(tokens.session.handle)?.traits.level == "aal1")
    }

    /// A double click and a lost reply get the same session for a while.
    @Sendable private static func repeated(_ make: Make) async throws {
        let world = try await make(1)
        let first = try await Self.anonymous(world)
        let one = try await Self.upgraded(world, first.refreshToken)
        for _ in 0..<3 {
            world.clock.advance(by: .seconds(20))
            let again = try await Self.upgraded(world, first.refreshToken)
            #expect(again.session.handle == one.session.handle)
            #expect(again.refreshToken.exposed == one.refreshToken.exposed)
            #expect(try await world.verdict(again.accessToken.exposed, database: true) == .valid)
        }
        #expect(
            try await world.storage.auditEvents(AuditQuery(name: .created)).count == 2, "a repetition writes nothing")
        world.clock.advance(by: Milliseconds(1))
        let late = try await Self.upgrade(world, first.refreshToken)
        #expect(late.refresh?.refusal == .sessionNotActive)
        #expect(try await world.refresh(one.refreshToken).tokens != nil, "the session of the user lives")
    }

    /// For a while every other use of a token of the anonymous session waits, and changes nothing.
    @Sendable private static func others(_ make: Make) async throws {
        let world = try await make(1)
        let first = try await Self.anonymous(world)
        let tab = try await world.refreshed(first.refreshToken)
        let user = try await Self.upgraded(world, first.refreshToken)
        let stored = try await world.storage.session(user.session.handle)
        world.clock.advance(by: .seconds(60))
        for token in [first.refreshToken, tab.refreshToken] {
            #expect(try await world.refresh(token).word == "tooLate")
            #expect(try await world.refresh(token, atOnce: true).word == "tooLate")
            #expect(try await Self.upgrade(world, token, to: "u2").refresh?.word == "tooLate")
            let stepUp = try await world.service.stepUp(
                StepUp(level: "aal2", methods: []), with: PresentedRefreshToken(refreshToken: token))
            #expect(stepUp.word == "tooLate")
        }
        #expect(try await Self.upgrade(world, first.refreshToken, level: "aal2").refresh?.word == "tooLate")
        #expect(
            try await Self.upgrade(world, tab.refreshToken).refresh?.word == "tooLate", "another token of the session")
        // An access token that was under way is no reason to sign the user out.
        for token in [first, tab] {
            #expect(try await world.verdict(token.accessToken.exposed, database: true) == .superseded)
        }
        #expect(try await world.storage.session(user.session.handle) == stored, "nothing is written")
        world.clock.advance(by: Milliseconds(1))
        for token in [first.refreshToken, tab.refreshToken] {
            #expect(try await world.refresh(token).refusal == .sessionNotActive)
        }
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .sessionNotActive)
    }

    @Test("AN03: a repetition after the new session was refreshed waits; after it was ended it is refused")
    func repeatedLater() async throws {
        let world = try await World()
        let first = try await Self.anonymous(world)
        let user = try await Self.upgraded(world, first.refreshToken)
        let next = try await world.refreshed(user.refreshToken)
        _ = try await world.replacement(of: next.accessToken.exposed)
        #expect(try await Self.upgrade(world, first.refreshToken).refresh?.word == "tooLate")
        _ = try await world.service.revoke([user.session.handle])
        #expect(try await Self.upgrade(world, first.refreshToken).refresh?.refusal == .sessionNotActive)
        #expect(
            try await world.refresh(first.refreshToken).refusal == .sessionNotActive, "AN05: nothing is brought back")
    }

    @Test("AN03: a copy of the anonymous token is worth nothing after the upgrade, and noticed before it")
    func thief() async throws {
        let world = try await World()
        let first = try await Self.anonymous(world)
        let copied = try await world.refreshed(first.refreshToken)
        let user = try await Self.upgraded(world, first.refreshToken)
        for seconds: Int64 in [0, 30, 31, 200] {
            world.clock.advance(by: .seconds(seconds))
            for token in [first.refreshToken, copied.refreshToken] {
                #expect(try await world.refresh(token).tokens == nil)
                #expect(try await Self.upgrade(world, token, to: "thief").tokens == nil)
            }
        }
        #expect(try await world.verdict(user.accessToken.exposed, database: true) == .valid)
        // A thief who was first: the presented token is superseded, and the session ends as in a refresh.
        let second = try await Self.anonymous(world)
        let stolen = try await world.refreshed(second.refreshToken)
        _ = try await world.refreshed(stolen.refreshToken)
        _ = try await world.refreshed(stolen.refreshToken)
        #expect(try await Self.upgrade(world, second.refreshToken).refresh?.word == "tooLate")
        world.clock.advance(by: .seconds(200))
        guard case .refused(.reuseDetected(let handle, _, _)) = try await Self.upgrade(world, second.refreshToken)
        else {
            Issue.record("a superseded token was upgraded")
            return
        }
        #expect(handle == second.session.handle)
        #expect(try await world.storage.session(second.session.handle) == nil)
        #expect(try await world.refresh(stolen.refreshToken).refusal == .sessionNotActive)
    }

    @Test("AN03: what is no anonymous session, has ended or comes from elsewhere is not upgraded")
    func refusals() async throws {
        let world = try await World()
        let user = try await world.create()
        guard case .notAnonymous = try await Self.upgrade(world, user.refreshToken, to: "u2") else {
            Issue.record("a user's session was upgraded")
            return
        }
        #expect(try await world.verdict(user.accessToken.exposed, database: true) == .valid)
        let ended = try await Self.anonymous(world)
        _ = try await world.service.revoke([ended.session.handle])
        #expect(try await Self.upgrade(world, ended.refreshToken).refresh?.refusal == .sessionNotActive)
        let stranger = try await Self.anonymous(try await World(seed: 9))
        #expect(try await Self.upgrade(world, stranger.refreshToken).tokens == nil)
        let old = try await Self.anonymous(world)
        world.clock.advance(by: .days(30))
        #expect(try await Self.upgrade(world, old.refreshToken).refresh?.refusal == .sessionNotActive)
        let guarded = try await Self.anonymous(world, antiCSRF: true)
        let bare = try await Self.upgrade(world, guarded.refreshToken, usesAntiCSRF: true)
        #expect(bare.refresh?.refusal == .antiCSRFMismatch)
        let good = try await Self.upgrade(
            world, guarded.refreshToken, antiCSRFToken: guarded.antiCSRFToken, usesAntiCSRF: true)
        let token = try #require(good.tokens?.antiCSRFToken)
        #expect(!token.matches(guarded.antiCSRFToken))
        let again = try await Self.upgrade(
            world, guarded.refreshToken, antiCSRFToken: guarded.antiCSRFToken, usesAntiCSRF: true)
        #expect(again.tokens?.antiCSRFToken.map(token.matches) == true)
    }

    @Test("AN03: the user's sessions are counted, and a refusal leaves the anonymous one alive")
    func limit() async throws {
        var policy = World.policy
        policy.sessionLimit = SessionLimit(1, action: .refuseNew)
        let world = try await World(policy: policy)
        let other = try await world.create()
        let first = try await Self.anonymous(world)
        guard case .limitReached(_, [other.session.handle]) = try await Self.upgrade(world, first.refreshToken) else {
            Issue.record("no refusal")
            return
        }
        #expect(try await world.refresh(first.refreshToken).tokens != nil)
        _ = try await world.service.revoke([other.session.handle])
        #expect(try await Self.upgrade(world, first.refreshToken).tokens != nil)
    }

    /// Of many upgrades at once to several users one wins, the others wait, and all of one user agree.
    @Sendable private static func race(_ make: Make) async throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            let world = try await make(seed)
            let first = try await Self.anonymous(world)
            let answers = try await inParallel(24) { number -> UpgradeResult in
                // A tab that refreshes meanwhile.
                if number == 7 { return .refused(try await world.refresh(first.refreshToken)) }
                return try await Self.upgrade(world, first.refreshToken, to: UserID("u\(number % 3)"))
            }
            let issued = answers.compactMap(\.tokens)
            #expect(Set(issued.map(\.session.handle)).count == 1, "seed \(seed)")
            #expect(Set(issued.map(\.session.userID)).count == 1, "seed \(seed)")
            #expect(Set(issued.map(\.refreshToken.exposed)).count == 1, "seed \(seed)")
            let others = answers.filter { $0.tokens == nil }.map { $0.refresh?.word ?? "another" }
            #expect(others.count { $0 != "tooLate" } <= 1, "seed \(seed): \(others)")
            #expect(Set(others).isSubset(of: ["tooLate", "refreshed"]), "seed \(seed): \(others)")
            let live = try await world.storage.auditEvents(AuditQuery(name: .created)).map(\.event.handle)
            #expect(live.count == 2, "seed \(seed)")
            #expect(try await world.storage.auditEvents(AuditQuery(name: .revoked)).count == 1, "seed \(seed)")
        }
    }

    /// No write of data is lost while the session is upgraded.
    @Sendable private static func writes(_ make: Make) async throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            let world = try await make(seed)
            let first = try await Self.anonymous(world)
            async let written = world.service.replaceData(of: first.session.handle, sessionData: ["basket": 9])
            async let upgraded = Self.upgraded(world, first.refreshToken)
            let (isWritten, user) = (try await written, try await upgraded)
            let data = try await world.storage.session(user.session.handle)?.sessionData.decoded()
            #expect(data == (isWritten ? ["basket": 9] : ["basket": 1]), "seed \(seed)")
        }
    }

    @Test("AN03: a fault of storage is no answer, and the same request finds out what became of it")
    func faults() async throws {
        let storage = InMemorySessionStorage()
        let world = try await World(storage: storage)
        let first = try await Self.anonymous(world)
        let user = try await Self.upgraded(world, first.refreshToken)
        // As after a lost reply of the storage: another node, the same request.
        let other = try await World.makeService(seed: 5, storage: storage, clock: world.clock)
        let again = try await other.upgrade(
            Upgrade(to: NewSession(userID: "u1")), with: PresentedRefreshToken(refreshToken: first.refreshToken))
        #expect(again.tokens?.refreshToken.exposed == user.refreshToken.exposed)
    }
}

extension UpgradeResult {
    /// The new tokens, if there are any.
    var tokens: IssuedTokens? {
        if case .upgraded(let tokens) = self { tokens } else { nil }
    }

    /// What a refresh was answered too.
    var refresh: RefreshResult? {
        if case .refused(let result) = self { result } else { nil }
    }
}
