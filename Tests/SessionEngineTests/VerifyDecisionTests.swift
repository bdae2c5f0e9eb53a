import LosslessJSON
import Testing

@testable import SessionEngine

/// One rule of docs/specification/core.md 4.3.
struct VerifyRow: Sendable, CustomTestStringConvertible {
    /// What is expected.
    enum Answer: Sendable { case valid, renewal, update, sessionNotActive, payloadRefused }

    let testDescription: String
    var parent: String?
    var checksDatabase = false
    var current: String? = "R1"
    var endsIn: Int64 = 1
    var storedPayload: JSONObject = ["k": "v"]
    var format = AccessTokenFormat.v5
    let answer: Answer
    let isPromoted: Bool
    var needsRecord = true

    init(
        _ name: String, _ answer: Answer, promotes isPromoted: Bool = false, _ set: (inout VerifyRow) -> Void
    ) {
        testDescription = name
        self.answer = answer
        self.isPromoted = isPromoted
        set(&self)
    }

    /// The claims of the access token that came with the refresh token R1.
    var claims: AccessTokenClaims { Sample.claims(format, token: "R1", parent: parent) }

    var record: SessionRecord? {
        current.map {
            Sample.record(current: $0, payload: storedPayload, expiresAt: Sample.now + Milliseconds(endsIn))
        }
    }
}

@Suite("Deciding a verification (docs/specification/core.md 4.3)")
struct VerifyDecisionTests {
    static let rows = withoutDatabase + withDatabase + protection

    static let withoutDatabase = [
        VerifyRow("a token without a parent needs no storage", .valid) { $0.needsRecord = false },
        VerifyRow("a child's first use promotes it", .renewal, promotes: true) {
            ($0.parent, $0.current) = ("R0", "R0")
        },
        VerifyRow("a child that is current is renewed again", .renewal) { $0.parent = "R0" },
        VerifyRow("a sibling's token is good and is not renewed", .valid) { ($0.parent, $0.current) = ("R0", "R1b") },
        VerifyRow("a token of an older branch is good and is not renewed", .valid) {
            ($0.parent, $0.current) = ("R0", "R9")
        },
        VerifyRow("a child of a revoked session is refused", .sessionNotActive) {
            ($0.parent, $0.current) = ("R0", nil)
        },
        VerifyRow("a child of a session that ends now is refused", .sessionNotActive) {
            ($0.parent, $0.endsIn) = ("R0", 0)
        },
        VerifyRow("without the database a changed payload is taken at a promotion only", .valid) {
            ($0.parent, $0.current, $0.storedPayload) = ("R0", "R9", ["k": "new"])
        },
        VerifyRow("a promotion brings the payload of storage", .renewal, promotes: true) {
            ($0.parent, $0.current, $0.storedPayload) = ("R0", "R0", ["k": "new"])
        },
    ]

    static let withDatabase = [
        VerifyRow("the session is there", .valid) { $0.checksDatabase = true },
        VerifyRow("the session is revoked", .sessionNotActive) { ($0.checksDatabase, $0.current) = (true, nil) },
        VerifyRow("the session ends now", .sessionNotActive) { ($0.checksDatabase, $0.endsIn) = (true, 0) },
        VerifyRow("a changed payload gives a new token", .renewal) {
            ($0.checksDatabase, $0.storedPayload) = (true, ["k": "new"])
        },
        VerifyRow("finding R4: a changed payload gives an older branch a token, and no longer life", .update) {
            ($0.checksDatabase, $0.current, $0.storedPayload) = (true, "R9", ["k": "new"])
        },
        VerifyRow("a sibling's token is good and is not renewed", .valid) {
            ($0.checksDatabase, $0.parent, $0.current) = (true, "R0", "R9")
        },
        VerifyRow("a child's first use promotes it", .renewal, promotes: true) {
            ($0.checksDatabase, $0.parent, $0.current) = (true, "R0", "R0")
        },
    ]

    static let protection = [
        VerifyRow("a protected payload stops a renewal", .payloadRefused) {
            ($0.checksDatabase, $0.storedPayload) = (true, ["sub": "x"])
        },
        VerifyRow("a protected payload stops a promotion", .payloadRefused) {
            ($0.parent, $0.current, $0.storedPayload) = ("R0", "R0", ["tId": "x"])
        },
        VerifyRow("nothing is protected in V2", .renewal) {
            ($0.checksDatabase, $0.format, $0.storedPayload) = (true, .v2, ["sub": "x"])
        },
    ]

    @Test("Every rule holds", arguments: rows)
    func decides(_ row: VerifyRow) {
        let rules = Verify.Rules(checksDatabase: row.checksDatabase, terms: SessionTerms(validity: Sample.validity))
        #expect(Verify.needsRecord(row.claims, rules: rules) == row.needsRecord)
        let decided = Verify.decide(of: row.claims, against: row.record, at: Sample.now, rules: rules)
        var next = row.record
        if row.isPromoted {
            next?.previousTokenHash = row.record?.currentTokenHash
            next?.rotatedAt = Sample.now
            next?.rotationCount = 1
            next?.currentTokenHash = Sample.hash("R1").stored
            next?.expiresAt = Sample.now + Sample.validity
            next?.storedSharing = SharingState(
                of: Sample.hash("R1").stored,
                issue: SharingState.Issue(window: nil, repeatsUntil: nil))
        }
        let outcome: Verify.Outcome? =
            switch row.answer {
            case .valid: .valid(newerPayload: nil)
            case .renewal: next.map { .renew($0, .whole) }
            case .update: next.map { .renew($0, .unchanged) }
            case .sessionNotActive: .sessionNotActive
            case .payloadRefused: .payloadRefused
            }
        #expect(decided.outcome == outcome)
        #expect(decided.change == (row.isPromoted ? next.map(SessionChange.replace) : .keep))
        #expect(decided.audit?.name == (row.isPromoted ? .refreshed : nil))
    }

    @Test("A payload with the same meaning in other words is not a change")
    func sameMeaning() {
        var record = Sample.record(current: "R1")
        record.accessTokenPayload = JSONObjectText(stored: "{\"b\":1.0E30,\"a\":[1]}")
        let claims = Sample.claims(.v5, token: "R1", userData: ["a": [1], "b": .number(JSONNumber(0))])
        var same = claims
        same.userData = JSONObjectText(stored: "{\"a\":[1],\"b\":1e+30}")
        let rules = Verify.Rules(checksDatabase: true, terms: SessionTerms(validity: Sample.validity))
        #expect(
            Verify.decide(of: same, against: record, at: Sample.now, rules: rules).outcome == .valid(newerPayload: nil))
        #expect(
            Verify.decide(of: claims, against: record, at: Sample.now, rules: rules).outcome
                == .renew(record, .whole))
    }

    @Test("A token is expired at its very expiry time and not before", arguments: AccessTokenFormat.allCases)
    func expiry(_ format: AccessTokenFormat) {
        let claims = Sample.claims(format)
        let end = Sample.now + Sample.hour
        #expect(throws: Never.self) { try check(claims, nil, false, at: end + Milliseconds(-1)) }
        #expect(throws: AccessTokenProblem.expired) { try check(claims, nil, false, at: end) }
        #expect(throws: AccessTokenProblem.expired) { try check(claims, nil, false, at: Timestamp(milliseconds: .max)) }
    }

    private func check(
        _ claims: AccessTokenClaims, _ given: String?, _ checks: Bool, at now: Timestamp = Sample.now
    ) throws {
        try Verify.check(claims, antiCSRFToken: given.map(AntiCSRFToken.init), checksAntiCSRF: checks, at: now)
    }

    @Test("The anti-CSRF token has to be there and right, if it is checked")
    func antiCSRF() {
        let with = Sample.claims(.v5, antiCSRFToken: "c")
        let without = Sample.claims(.v5)
        #expect(throws: Never.self) { try check(with, "c", true) }
        #expect(throws: Never.self) { try check(with, "x", false) }
        #expect(throws: Never.self) { try check(without, nil, false) }
        for given in ["x", "", nil] {
            #expect(throws: AccessTokenProblem.antiCSRFMismatch) { try check(with, given, true) }
        }
        for given in [nil, "c"] {
            #expect(throws: AccessTokenProblem.antiCSRFMissing) { try check(without, given, true) }
        }
        #expect(throws: AccessTokenProblem.expired) { try check(with, "x", true, at: Timestamp(milliseconds: .max)) }
    }
}
