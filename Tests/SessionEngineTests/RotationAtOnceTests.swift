import SessionEngine
import Testing

/// The rule of CDI 5.6 (spec `core-wire` 4.4), one row for each of its cases.
struct RotationAtOnceTests {
    /// Presented token, its parent, milliseconds since the rotation, and what becomes of the session whose current token
    /// is R1 and whose previous one is R0.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let token: String
        var parent: String?
        var age: Int64 = 1
        let answer: Answer
    }

    enum Answer: Sendable, Equatable {
        /// The child is current and the named token is the previous one.
        case rotated(previous: String)
        /// The child is current; the previous token, its time and the session's end stay.
        case rotatedAgain
        case reuse(Refresh.ReuseClass)
    }

    static let grace = Milliseconds(30_000)
    static let rows = [
        Row(testDescription: "the current token", token: "R1", parent: "R0", answer: .rotated(previous: "R1")),
        Row(
            testDescription: "a child of the current token", token: "R2", parent: "R1", answer: .rotated(previous: "R2")
        ),
        Row(testDescription: "the previous token at once", token: "R0", age: 0, answer: .rotatedAgain),
        Row(testDescription: "the previous token in the last moment", token: "R0", age: 30_000, answer: .rotatedAgain),
        Row(testDescription: "the previous token too late", token: "R0", age: 30_001, answer: .reuse(.previous)),
        Row(testDescription: "a sibling of the current token", token: "R1b", parent: "R0", answer: .reuse(.orphan)),
        Row(testDescription: "an old token without a parent", token: "R-1", answer: .reuse(.stale)),
        Row(testDescription: "an older token", token: "R-1", parent: "R-2", answer: .reuse(.stale)),
        Row(testDescription: "a grandchild", token: "R3", parent: "R2", answer: .reuse(.stale)),
    ]

    private func record() -> SessionRecord {
        var record = Sample.record()
        record.currentTokenHash = Sample.hash("R1").stored
        record.previousTokenHash = Sample.hash("R0").stored
        record.rotatedAt = Sample.now
        return record
    }

    private func decide(_ row: Row, _ record: SessionRecord, at now: Timestamp) -> Decided<Refresh.Outcome> {
        let presented = Refresh.Presented(
            content: Sample.content(parent: row.parent), hash: Sample.hash(row.token),
            antiCSRFToken: nil)
        let rules = Refresh.Rules(
            checksAntiCSRF: true, signingKeyKind: nil, format: .v5, refreshTokenValidity: Sample.validity,
            rotation: .atOnce(child: Sample.hash("child"), gracePeriod: Self.grace))
        return Refresh.decide(of: presented, against: record, at: now, rules: rules)
    }

    @Test("every case of the rule holds", arguments: rows)
    func cases(row: Row) {
        let before = record()
        let now = Sample.now + Milliseconds(row.age)
        let decided = decide(row, before, at: now)
        var next = before
        next.currentTokenHash = Sample.hash("child").stored
        switch row.answer {
        case .reuse(let found):
            #expect(decided.outcome == .reuse(found))
            #expect(decided.change == .remove, "the session ends in the step that found the reuse")
            return
        case .rotatedAgain: break
        case .rotated(let previous):
            next.previousTokenHash = Sample.hash(previous).stored
            next.rotatedAt = now
            next.expiresAt = now + Sample.validity
        }
        #expect(decided.outcome == .issueChild(next))
        #expect(decided.change == .replace(next))
    }

    @Test("a session that has not rotated yet has no token to forgive")
    func first() {
        var fresh = record()
        (fresh.previousTokenHash, fresh.rotatedAt) = (nil, nil)
        let row = Row(testDescription: "", token: "R0", answer: .reuse(.stale))
        #expect(decide(row, fresh, at: Sample.now).outcome == .reuse(.stale))
    }

    @Test("a clock that was set back does not end a session", arguments: [-1, -3_600_000] as [Int64])
    func clockSetBack(step: Int64) {
        let row = Row(testDescription: "", token: "R0", answer: .rotatedAgain)
        guard case .issueChild = decide(row, record(), at: Sample.now + Milliseconds(step)).outcome else {
            Issue.record("the previous token was refused")
            return
        }
    }

    @Test("the rule of old finds the same classes and leaves the session to the driver", arguments: rows)
    func oldRule(row: Row) {
        let presented = Refresh.Presented(
            content: Sample.content(parent: row.parent), hash: Sample.hash(row.token),
            antiCSRFToken: nil)
        let rules = Refresh.Rules(
            checksAntiCSRF: true, signingKeyKind: nil, format: .v5, refreshTokenValidity: Sample.validity)
        let decided = Refresh.decide(of: presented, against: record(), at: Sample.now, rules: rules)
        switch row.answer {
        case .reuse(let found):
            #expect(decided.outcome == .reuse(row.token == "R0" ? .previous : found) && decided.change == .keep)
        case .rotatedAgain: #expect(decided.outcome == .reuse(.previous) && decided.change == .keep)
        case .rotated:
            guard case .issueChild = decided.outcome else {
                Issue.record("no child: \(decided.outcome)")
                return
            }
        }
    }

    /// The token's hash, its parent, the answer.
    static let verifications: [(String, String?, Verify.Outcome)] = [
        ("R1", nil, .valid(newerPayload: false)), ("R0", nil, .valid(newerPayload: false)),
        ("R1b", "R0", .valid(newerPayload: false)), ("R2", "R1", .valid(newerPayload: false)),
        ("R1b", nil, .rotatedOut), ("R-1", "R-2", .rotatedOut),
    ]

    @Test("a verification with a look at storage writes nothing and tells branches apart", arguments: verifications)
    func verification(token: String, parent: String?, outcome: Verify.Outcome) {
        let claims = Sample.claims(.v5, token: token, parent: parent)
        let rules = Verify.Rules(checksDatabase: true, refreshTokenValidity: Sample.validity, isReadOnly: true)
        #expect(Verify.needsRecord(claims, rules: rules))
        let decided = Verify.decide(of: claims, against: record(), at: Sample.now, rules: rules)
        #expect(decided.outcome == outcome && decided.change == .keep)
        var stateless = rules
        stateless.checksDatabase = false
        #expect(!Verify.needsRecord(claims, rules: stateless))
    }
}
