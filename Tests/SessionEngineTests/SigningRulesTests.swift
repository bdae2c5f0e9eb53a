import Foundations
import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

@Suite struct SigningRulesTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_123)
    private static let rules = SigningRules(longestLife: .seconds(3_600))

    private func refusal(
        _ header: String, _ payload: String, alg: SigningAlgorithm = .es256,
        rules: SigningRules = SigningRulesTests.rules
    ) throws -> SigningRules.Refusal? {
        let input = Base64.url.encode(Array(header.utf8)) + [0x2E] + Base64.url.encode(Array(payload.utf8))
        return refusal(input, alg, rules)
    }

    private func refusal(
        _ input: [UInt8], _ alg: SigningAlgorithm, _ rules: SigningRules = SigningRulesTests.rules
    ) -> SigningRules.Refusal? {
        guard let key = KeyID("d-1") else { return .malformed }
        do throws(SigningRules.Refusal) { try rules.check(input, by: key, alg, at: Self.now) } catch { return error }
        return nil
    }

    private func payload(iat: Int64 = 1_700_000_000, exp: Int64 = 1_700_003_600) -> String {
        #"{"sub":"u","iat":\#(iat),"exp":\#(exp)}"#
    }

    private let header = #"{"kid":"d-1","typ":"JWT","version":"5","alg":"ES256"}"#

    @Test func `A token of now is signed, and so is what an application has signed`() throws {
        #expect(try refusal(header, payload()) == nil)
        #expect(try refusal(#"{"kid":"d-1","typ":"JWT","alg":"ES256"}"#, payload()) == nil)
    }

    @Test(arguments: [
        #"{"kid":"d-2","typ":"JWT","version":"5","alg":"ES256"}"#,
        #"{"kid":"d-1","typ":"JWT","version":"5","alg":"RS256"}"#,
        #"{"kid":"d-1","typ":"JWT","version":"5","alg":"none"}"#, #"{"kid":"d-1","typ":"secevent+jwt","alg":"ES256"}"#,
        #"{"typ":"JWT","version":"5","alg":"ES256"}"#, #"{"kid":"d-1","typ":"JWT","version":"5","alg":"ES256","x":1}"#,
        "{}",
        "", "[]",
    ])
    func `A header that is not that of a token of this key is refused`(header: String) throws {
        #expect(try refusal(header, payload()) == .header)
    }

    @Test func `Time and lifetime are looked at to the second`() throws {
        let start: Int64 = 1_700_000_000
        for (offset, expected) in [(61, nil), (62, .issuedAt), (-60, nil), (-62, .issuedAt), (3_600, .issuedAt)]
            as [(Int64, SigningRules.Refusal?)]
        {
            let token = payload(iat: start + offset, exp: start + offset + 60)
            #expect(try refusal(header, token) == expected, "\(offset)")
        }
        for (life, expected) in [(1, nil), (3_601, nil), (3_602, .lifetime), (0, .lifetime), (-1, .lifetime)]
            as [(Int64, SigningRules.Refusal?)]
        {
            #expect(try refusal(header, payload(iat: start, exp: start + life)) == expected, "\(life)")
        }
    }

    @Test(arguments: [
        "{}", #"{"iat":1700000000}"#, #"{"iat":"1700000000","exp":1700000060}"#, #"{"exp":1700000060}"#,
        #"{"iat":1e999,"exp":1e999}"#,
    ])
    func `A payload without times is refused`(payload: String) throws {
        #expect(try refusal(header, payload) == .lifetime)
    }

    @Test func `Security events are signed where they are allowed, and nothing else in their name`() throws {
        let header = #"{"typ":"secevent+jwt","alg":"ES256","kid":"d-1"}"#
        let event = #"{"iat":1600000000,"events":{"e":{}}}"#
        let logout = #"{"typ":"logout+jwt","alg":"ES256","kid":"d-1"}"#
        #expect(try refusal(header, event) == .header)
        var rules = Self.rules
        rules.allowsEvents = true
        #expect(try refusal(header, event, rules: rules) == nil)
        let goodbye = #"{"iss":"i","sub":"u","aud":"a","iat":1700000000,"exp":1700000120,"events":{"e":{}}}"#
        #expect(try refusal(logout, goodbye, rules: rules) == nil)
        #expect(try refusal(logout, payload(), rules: rules) == .claims)
        #expect(
            try refusal(logout, goodbye.replacing("}}}", with: #"}},"scope":"a"}"#), rules: rules) == .claims)
        for payload in [
            #"{"iat":1600000000,"events":{"e":{}},"sub":"u"}"#, #"{"iat":1600000000,"events":{"e":{}},"exp":1}"#,
            #"{"iat":1600000000,"events":{"e":{}},"scope":"admin"}"#, #"{"iat":1600000000,"events":{"e":{},"f":{}}}"#,
            #"{"iat":1600000000,"events":{}}"#, #"{"iat":1600000000}"#, #"{"events":{"e":{}}}"#,
            #"{"iat":1700000100,"events":{"e":{}}}"#,
        ] { #expect(try refusal(header, payload, rules: rules) != nil, "\(payload)") }
        #expect(try refusal(logout, event, rules: rules) != nil)
        #expect(try refusal(header.replacing("d-1", with: "d-2"), event, rules: rules) == .header)
    }

    @Test func `A legacy token has no claims that other readers would take for its end`() throws {
        let times = #""timeCreated":1700000000000,"expiryTime":1700003600000"#
        for format in AccessTokenFormat.allCases where format.isLegacy {
            func input(_ payload: String) -> [UInt8] {
                AccessTokenHeader.legacy(format) + [0x2E] + format.base64.encode(Array(payload.utf8))
            }
            #expect(refusal(input(#"{"userId":"u",\#(times)}"#), .rs256) == nil, "the control")
            let decade = #"{"sub":"admin","iat":1700000000,"exp":2015360000,\#(times)}"#
            #expect(refusal(input(decade), .rs256) == .claims)
            #expect(refusal(input(#"{"userId":"u",\#(times)}"#), .es256) == .header)
        }
    }

    @Test func `The tokens of events that this release makes are signed`() throws {
        var rules = Self.rules
        rules.allowsEvents = true
        let key = try TestKeys.signingKey(.rs256, id: "d-1", kind: .static, createdAt: Self.now.milliseconds)
        for claims in [EventToken.setNames, EventToken.logoutNames] {
            #expect(claims.isSuperset(of: ["iss", "aud", "iat", "jti", "events"]))
        }
        let event = JSONObject([.init(name: "e", value: .object([:]))])
        let claims: JSONObject = [
            "iss": "i", "jti": "j", "iat": .integer(1_700_000_000), "aud": "a", "txn": "t", "sub_id": .object([:]),
            "events": .object(event),
        ]
        let input = EventToken.signingInput(claims, as: EventToken.setType, for: key)
        #expect(refusal(input, .rs256, rules) == nil)
    }

    @Test func `What is no signing input is refused`() throws {
        for input in ["", ".", "a.b.c", "no dot", "%%.%%"] {
            #expect(refusal(Array(input.utf8), .es256) != nil, "\(input)")
        }
        #expect(try refusal(header, "no json") == .malformed)
    }

    @Test func `Every format that the engine writes is signed, for its own key alone`() throws {
        for algorithm in SigningAlgorithm.allCases {
            let key = try TestKeys.signingKey(algorithm, id: "d-1", kind: .dynamic, createdAt: Self.now.milliseconds)
            for format in AccessTokenFormat.allCases where !format.isLegacy || algorithm == .rs256 {
                let claims = AccessTokenClaims(
                    format: format, handle: SessionHandle("h"), userID: UserID("u"), recipeUserID: UserID("u"),
                    tenantID: .public, refreshTokenHash: TokenHash(of: RefreshToken("r")), parentRefreshTokenHash: nil,
                    antiCSRFToken: nil, issuedAt: Self.now, expiresAt: Self.now + .seconds(3_600),
                    userData: JSONObjectText(["iat2": 1]))
                let input = try AccessToken.signingInput(of: claims, for: key)
                #expect(refusal(input, algorithm) == nil, "\(format) \(algorithm)")
                #expect(refusal(input, algorithm == .rs256 ? .es256 : .rs256) == .header)
            }
        }
    }
}
