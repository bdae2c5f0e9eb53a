import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

@Suite("Token formats over a session's life (docs/specification/core.md 2.1 and 2.5)")
struct FormatTests {
    @Test(
        "A refresh gives the asked format; a verification keeps the token's", arguments: AccessTokenFormat.allCases,
        AccessTokenFormat.allCases)
    func versions(_ created: AccessTokenFormat, _ refreshed: AccessTokenFormat) async throws {
        let world = try await World.withRSAKeys()
        let first = try await world.create(format: created)
        let child = try await world.refreshed(first.refreshToken, format: refreshed)
        let replacement = try await world.replacement(of: child.accessToken.exposed)
        let regenerated = try await world.service.regenerate(accessToken: replacement.exposed, payload: ["new": 1])
        guard case .regenerated(_, let token?) = regenerated else { throw Unexpected("\(regenerated)") }
        #expect(try ReadToken(first.accessToken.exposed).version == "\(created.rawValue)")
        for text in [child.accessToken.exposed, replacement.exposed, token.exposed] {
            #expect(try ReadToken(text).version == "\(refreshed.rawValue)")
        }
        #expect(try await world.verdict(token.exposed) == .valid)
    }

    @Test("V3 has exactly eight claims with one of the application's")
    func v3() async throws {
        let world = try await World()
        let token = try ReadToken(try await world.create(format: .v3).accessToken.exposed)
        #expect(token.payload.count == 8)
        #expect(token.keyID.hasPrefix("d-"))
        let issued = try #require(token.payload["iat"]?.number?.int64)
        let expires = try #require(token.payload["exp"]?.number?.int64)
        #expect(expires - issued == 3_600)
        #expect(issued == world.clock.now.wholeSeconds)
    }

    @Test("A tId claim made in V3 stays the application's, and stops a refresh to V4")
    func tenantClaim() async throws {
        let world = try await World()
        let first = try await world.create(payload: ["tId": "value"], format: .v3)
        guard case .valid(let facts, nil, _) = try await world.verify(first.accessToken.exposed) else {
            throw Unexpected("not valid")
        }
        #expect(facts.tenantID == .public)
        #expect(facts.accessTokenPayload.text == "{\"tId\":\"value\"}")
        #expect(try await world.refresh(first.refreshToken, format: .v4).refusal == .payloadRefused)
        _ = try await world.refreshed(first.refreshToken, format: .v3)
    }

    @Test("No session begins with a payload that no token could carry back", arguments: AccessTokenFormat.allCases)
    func largePayloads(_ format: AccessTokenFormat) async throws {
        let world = try await World()
        let frame = #"{"k":""}"#.utf8.count
        for (length, fits) in [(PayloadProblem.maximumLength, true), (PayloadProblem.maximumLength + 1, false)] {
            let payload: JSONObject = ["k": .string(String(repeating: "x", count: length - frame))]
            let request = NewSession(userID: UserID("u"), accessTokenPayload: payload, format: format)
            switch try await world.service.createSession(request) {
            case .created(let issued):
                #expect(fits)
                #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
            case .payloadRefused(let problem): #expect(!fits && problem == .tooLarge)
            case .limitReached, .authenticatedTooLongAgo, .notAnonymous, .proofRefused:
                Issue.record("there are no limits")
            }
        }
    }

    @Test("No session begins with a protected claim", arguments: [AccessTokenFormat.v3, .v4, .v5])
    func protectedClaims(_ format: AccessTokenFormat) async throws {
        let world = try await World()
        for name in format.protectedClaims {
            let request = NewSession(
                userID: UserID("u"), accessTokenPayload: ["ok": 1, name: nil], format: format)
            let result = try await world.service.createSession(request)
            guard case .payloadRefused(.protectedClaim) = result else { throw Unexpected("\(name): \(result)") }
        }
        #expect(try await world.service.handles(of: UserID("u")).isEmpty)
    }

    static let payloads: [JSONObject] = [
        ["test": nil], ["asdf???123": "utf-8 text"], ["n": .number(JSONNumber(9_007_199_254_740_993))], [:],
        ["u": "é<>&=\u{2028}'\"\\"], ["o": ["a": [1, nil, ["b": [:]]]]], ["": ""],
    ]

    @Test("A payload stays as it is through a whole life", arguments: payloads, AccessTokenFormat.allCases)
    func payloadSurvives(_ payload: JSONObject, _ format: AccessTokenFormat) async throws {
        let world = try await World.withRSAKeys()
        let first = try await world.create(payload: payload, format: format)
        #expect(first.session.accessTokenPayload.text == payload.text)
        guard case .valid(let facts, nil, _) = try await world.verify(first.accessToken.exposed) else {
            throw Unexpected("not valid")
        }
        #expect(facts.accessTokenPayload.text == payload.text)
        let child = try await world.refreshed(first.refreshToken, format: format)
        guard case .valid(let renewed, _?, _) = try await world.verify(child.accessToken.exposed, database: true) else {
            throw Unexpected("not renewed")
        }
        #expect(renewed.accessTokenPayload.text == payload.text)
        let stored = try #require(try await world.service.session(first.session.handle))
        #expect(stored.accessTokenPayload.text == payload.text)
        #expect(stored.sessionData.text == "{\"home\":1}")
    }

    @Test("Numbers keep the characters they came in")
    func numbers() async throws {
        let world = try await World()
        let text = "{\"a\":1e+30,\"b\":12345678901234567890,\"c\":1000.0,\"d\":-0}"
        let payload = try #require(try JSONValue(parsing: text).object)
        let tokens = try await world.create(payload: payload)
        guard case .valid(let facts, _, _) = try await world.verify(tokens.accessToken.exposed, database: true) else {
            throw Unexpected("not valid")
        }
        #expect(facts.accessTokenPayload.text == text)
    }

    @Test("A life of two years does not overflow", arguments: [63_072_000, 4_000_000_000, Int64.max])
    func longLives(_ seconds: Int64) async throws {
        var policy = World.policy
        (policy.accessTokenValidity, policy.refreshTokenValidity) = (.seconds(seconds), .seconds(seconds))
        let world = try await World(policy: policy)
        let tokens = try await world.create()
        #expect(tokens.refreshTokenExpiresAt == world.clock.now + .seconds(seconds))
        #expect(try await world.verdict(tokens.accessToken.exposed) == .valid)
        _ = try await world.refreshed(tokens.refreshToken)
    }

    @Test("The cheap formats are signed by the cheap key and the old ones by RSA")
    func algorithms() async throws {
        let world = try await World.withRSAKeys()
        try await world.service.prepareSigningKeys()
        // The RSA keys were there first: they sign for all until every verifier knows the others.
        world.clock.advance(by: World.policy.signingKeyUpdateInterval + .seconds(-60))
        for format in AccessTokenFormat.allCases {
            let token = try ReadToken(try await world.create(format: format).accessToken.exposed)
            #expect(token.header["alg"]?.string == (format.isLegacy ? "RS256" : "ES256"))
        }
    }
}
