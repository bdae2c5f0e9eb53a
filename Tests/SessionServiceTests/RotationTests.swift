import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

@Suite("Rotation, theft and races (docs/specification/core.md 4.2 and 4.3)")
struct RotationTests {
    @Test("Theft 1: a token whose child's access token was verified is reuse")
    func theftAfterVerify() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        #expect(try await world.verdict(child.accessToken.exposed) == .renewed)
        world.clock.advance(by: .seconds(121))
        let result = try await world.refresh(first.refreshToken)
        guard case .reuseDetected(let handle, let user, _) = result else { throw Unexpected("\(result)") }
        #expect(handle == first.session.handle)
        #expect(user == UserID("u1"))
    }

    @Test("Theft 2: a token whose child was refreshed is reuse")
    func theftAfterRefresh() async throws {
        let world = try await World()
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        let third = try await world.refreshed(second.refreshToken)
        _ = try await world.refreshed(third.refreshToken)
        #expect(try await world.refresh(first.refreshToken).isReuse)
        #expect(
            try await world.refresh(third.refreshToken).refusal == .sessionNotActive, "the step that detects it ends it"
        )
    }

    @Test("Where the driver ends sessions, a thief is told every time until it does")
    func leftToTheDriver() async throws {
        let world = try await World(policy: World.superTokensPolicy)
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        let third = try await world.refreshed(second.refreshToken)
        #expect(try await world.refresh(first.refreshToken).isReuse)
        _ = try await world.refreshed(third.refreshToken)
        #expect(try await world.refresh(second.refreshToken).isReuse)
    }

    @Test("The original access token stays good after a child's first use")
    func grandparent() async throws {
        let world = try await World()
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        _ = try await world.replacement(of: second.accessToken.exposed)
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
    }

    @Test("One token refreshed many times in one window has one successor; after the silence it is reuse")
    func race() async throws {
        let world = try await World()
        let first = try await world.create(antiCSRF: true)
        var children: [IssuedTokens] = []
        for _ in 0..<12 {
            children.append(
                try await world.refreshed(
                    first.refreshToken, antiCSRFToken: first.antiCSRFToken, usesAntiCSRF: true))
        }
        #expect(Set(children.map(\.refreshToken.exposed)).count == 1)
        #expect(Set(children.map { $0.antiCSRFToken?.exposed }).count == 1)
        #expect(try await world.verdict(children[5].accessToken.exposed) == .renewed)
        _ = try await world.refreshed(children[7].refreshToken)
        #expect(try await !world.refresh(first.refreshToken, antiCSRFToken: first.antiCSRFToken).isReuse)
        world.clock.advance(by: .seconds(121))
        #expect(try await world.refresh(first.refreshToken).isReuse)
        #expect(try await world.refresh(children[0].refreshToken).refusal == .sessionNotActive)
    }

    @Test("A restart and another process make the same child")
    func restart() async throws {
        let world = try await World(seed: 1)
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        let other = try await World(seed: 2, storage: world.storage, clock: world.clock)
        #expect(try await other.refreshed(first.refreshToken).refreshToken.exposed == child.refreshToken.exposed)
    }

    @Test("With random children the first that is used wins, as in SuperTokens' core")
    func randomRace() async throws {
        let world = try await World(policy: World.superTokensPolicy)
        let first = try await world.create()
        var children: [IssuedTokens] = []
        for _ in 0..<12 { children.append(try await world.refreshed(first.refreshToken)) }
        #expect(Set(children.map(\.refreshToken.exposed)).count == 12)
        #expect(try await world.verdict(children[5].accessToken.exposed) == .renewed)
        for (number, child) in children.enumerated() where number != 5 {
            #expect(try await world.refresh(child.refreshToken).isReuse)
            #expect(try await world.verdict(child.accessToken.exposed) == .valid)
        }
        _ = try await world.refreshed(children[5].refreshToken)
    }

    @Test("The first verification of a child gives a replacement, the replacement's gives none")
    func verifyAfterRefresh() async throws {
        let world = try await World()
        let first = try await world.create()
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        let child = try await world.refreshed(first.refreshToken)
        let replacement = try await world.replacement(of: child.accessToken.exposed)
        #expect(try ReadToken(replacement.exposed).payload["parentRefreshTokenHash1"] == .null)
        #expect(try await world.verdict(replacement.exposed) == .valid)
        #expect(try await world.verdict(child.accessToken.exposed) == .renewed)
    }

    @Test("64 clients that use 64 random children at once: exactly one wins (T12)", arguments: 0..<10 as Range<UInt64>)
    func concurrentUse(_ seed: UInt64) async throws {
        let world = try await World(seed: seed, policy: World.superTokensPolicy)
        let first = try await world.create()
        let children = try await inParallel(64) { _ in try await world.refreshed(first.refreshToken) }
        let answers = try await inParallel(64) { number in
            number.isMultiple(of: 2)
                ? try await world.verdict(children[number].accessToken.exposed) == .renewed
                : !(try await world.refresh(children[number].refreshToken).isReuse)
        }
        #expect(answers.filter { $0 }.count == 1, "seed \(seed)")
        var live = 0
        for child in children where !(try await world.refresh(child.refreshToken).isReuse) { live += 1 }
        #expect(live == 1, "seed \(seed)")
    }

    @Test("64 clients that refresh one token and use what they get: all continue", arguments: 0..<10 as Range<UInt64>)
    func sharedChild(_ seed: UInt64) async throws {
        let world = try await World(seed: seed)
        let first = try await world.create()
        let children = try await inParallel(64) { _ in try await world.refreshed(first.refreshToken) }
        let answers = try await inParallel(64) { number in
            number.isMultiple(of: 2)
                ? try await world.verdict(children[number].accessToken.exposed) == .renewed
                : !(try await world.refresh(children[number].refreshToken).isReuse)
        }
        #expect(answers.allSatisfy { $0 }, "seed \(seed)")
        world.clock.advance(by: .seconds(121))
        #expect(try await world.refresh(first.refreshToken).isReuse, "seed \(seed)")
    }

    @Test(
        "finding R1: who fetches each token in advance is noticed when its owner has used his",
        arguments: [false, true])
    func ahead(atOnce: Bool) async throws {
        let world = try await World()
        var held = try await world.create()
        for period in 1...60 {
            let copy = try await world.refresh(held.refreshToken, atOnce: atOnce)
            world.clock.advance(by: .seconds(3_601))
            let owner = try await world.refresh(held.refreshToken, atOnce: atOnce)
            guard case .refreshed(let mine) = owner else {
                #expect(owner.isReuse && period == 1)
                return
            }
            held = mine
            _ = try await world.verify(held.accessToken.exposed)
            let stolen = try #require(copy.tokens)
            world.clock.advance(by: .seconds(121))
            if try await world.refresh(stolen.refreshToken, atOnce: atOnce).isReuse {
                #expect(period == 1)
                return
            }
        }
        Issue.record("followed for 60 periods")
    }

    @Test(
        "finding R7: a doubled request that arrives after the first use is given the same token, or nothing for a while"
    )
    func doubled() async throws {
        let world = try await World()
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        _ = try await world.replacement(of: child.accessToken.exposed)
        for seconds in [0, 30, 30] {
            world.clock.advance(by: .seconds(Int64(seconds)))
            let again = try await world.refreshed(first.refreshToken)
            #expect(again.refreshToken.exposed == child.refreshToken.exposed)
        }
        world.clock.advance(by: .seconds(60))
        #expect(try await world.refresh(first.refreshToken).word == "tooLate")
        _ = try await world.refreshed(child.refreshToken)
    }

    @Test("finding R3: a current token under another version suffix is no token, and nothing happens to the session")
    func suffix() async throws {
        let world = try await World()
        let first = try await world.create()
        for suffix in ["V0", "V1", "v2", "V3"] {
            let altered = RefreshToken(first.refreshToken.exposed.dropLast(2) + suffix)
            for atOnce in [false, true] {
                let result = try await world.refresh(altered, atOnce: atOnce)
                #expect(result.refusal == .notAToken(.unknownVersion))
            }
        }
        _ = try await world.refreshed(first.refreshToken)
    }

    @Test("finding R4: a rotated-out access token is never given a longer life, however often its payload changes")
    func superseded() async throws {
        let world = try await World()
        let first = try await world.create()
        let second = try await world.refreshed(first.refreshToken)
        let third = try await world.refreshed(second.refreshToken)
        _ = try await world.replacement(of: third.accessToken.exposed)
        var token = first.accessToken
        for number in 0..<5 {
            world.clock.advance(by: .seconds(600))
            _ = try await world.service.replaceData(
                of: first.session.handle, accessTokenPayload: ["n": .integer(number)])
            token = try await world.replacement(of: token.exposed, database: true)
            #expect(token.expiresAt == first.accessToken.expiresAt)
            #expect(try ReadToken(token.exposed).payload["n"] == .integer(number), "it tells the truth all the same")
        }
        world.clock.advance(by: .seconds(601))
        #expect(try await world.verdict(token.exposed, database: true) == .tryRefresh(.expired))
    }

    @Test("finding R6: what an application had signed is no access token, whatever it says")
    func applicationToken() async throws {
        let world = try await World.withRSAKeys()
        let session = try await world.create(format: .v5)
        var payload = try ReadToken(session.accessToken.exposed).payload
        payload["exp"] = .integer(4_000_000_000)
        for kind in SigningKeyKind.allCases {
            let token = try await world.service.signToken(
                payload: payload, issuer: "i", validity: .seconds(1_000_000_000), kind: kind)
            #expect(try await world.verdict(token) == .tryRefresh(.headerLacks(.version)))
            #expect(try await world.verdict(token, database: true) == .tryRefresh(.headerLacks(.version)))
            guard case .notAToken = try await world.service.regenerate(accessToken: token, payload: nil) else {
                Issue.record("regenerated")
                return
            }
        }
    }

    @Test("A session ends at its expiry and not before, and a promotion begins a new life")
    func expiry() async throws {
        let world = try await World()
        let first = try await world.create()
        let almost = World.policy.refreshTokenValidity - Milliseconds(1)
        world.clock.advance(by: almost)
        let child = try await world.refreshed(first.refreshToken)
        #expect(child.refreshTokenExpiresAt == world.clock.now + World.policy.refreshTokenValidity)
        _ = try await world.refreshed(child.refreshToken)
        world.clock.advance(by: almost)
        _ = try await world.refreshed(child.refreshToken)
        world.clock.advance(by: Milliseconds(1))
        #expect(try await world.refresh(child.refreshToken).refusal == .sessionNotActive)
        #expect(try await world.service.session(first.session.handle) == nil)
    }

    @Test("Refreshing alone does not make a session live longer")
    func refreshDoesNotExtend() async throws {
        let world = try await World()
        let first = try await world.create()
        let end = try #require(try await world.service.session(first.session.handle)).expiresAt
        world.clock.advance(by: .seconds(86_400))
        _ = try await world.refreshed(first.refreshToken)
        #expect(try await world.service.session(first.session.handle)?.expiresAt == end)
    }

    @Test("after a refresh token was shared, an access token lives half its life at least and shorter than any other")
    func shortened() async throws {
        let world = try await World()
        for _ in 0..<8 {
            let first = try await world.create()
            let whole = try await world.refreshed(first.refreshToken).accessToken
            let shared = try await world.refreshed(first.refreshToken).accessToken
            let life = (shared.expiresAt - shared.issuedAt).count
            #expect((whole.expiresAt - whole.issuedAt).count == 3_600_000)
            #expect((1_799_000..<3_600_000).contains(life), "\(life) ms")
        }
    }
}

/// Runs something many times at once and gives the results in order.
func inParallel<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Value
) async throws -> [Value] {
    try await withThrowingTaskGroup(of: (Int, Value).self) { group in
        for number in 0..<count { group.addTask { (number, try await body(number)) } }
        var results: [Int: Value] = [:]
        for try await (number, value) in group { results[number] = value }
        return (0..<count).compactMap { results[$0] }
    }
}
