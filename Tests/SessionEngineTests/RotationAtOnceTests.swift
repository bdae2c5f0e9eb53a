import LosslessJSON
import SessionEngine
import Testing

/// When a used-up token may come back: the rule of CDI 5.6 (spec `core-wire` 4.4), with children of both kinds, and the
/// older rule on sessions that rotated by it.
struct RotationAtOnceTests {
    /// Presented token, its parent, milliseconds since the rotation, and what becomes of the session whose current token
    /// is R1 and whose previous one is R0.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let token: String
        var parent: String?
        var age: Int64 = 1
        /// What the presented token would be exchanged for; the deterministic child of R0 is R1.
        var child = "child"
        var isUsed = false
        var rotation = Refresh.Rotation.atOnce
        let answer: Answer
    }

    enum Answer: Sendable, Equatable {
        /// The child is current and the named token is the previous one.
        case rotated(previous: String)
        /// The child is current; the previous token, its time and the session's end stay.
        case rotatedAgain
        /// The session stays as it is.
        case repeated
        /// The session stays as it is but for the window, which is shut.
        case shut
        case reuse(Refresh.ReuseClass)
    }

    static let rows = [
        Row(testDescription: "the current token", token: "R1", parent: "R0", answer: .rotated(previous: "R1")),
        Row(
            testDescription: "the current token, used before", token: "R1", parent: "R0", isUsed: true,
            answer: .rotated(previous: "R1")),
        Row(
            testDescription: "a child of the current token", token: "R2", parent: "R1", answer: .rotated(previous: "R2")
        ),
        Row(testDescription: "another child, at once", token: "R0", age: 0, answer: .rotatedAgain),
        Row(testDescription: "another child, in the last moment", token: "R0", age: 30_000, answer: .rotatedAgain),
        Row(testDescription: "another child, too late", token: "R0", age: 30_001, answer: .reuse(.previous)),
        Row(
            testDescription: "another child, after the first use", token: "R0", isUsed: true, answer: .reuse(.previous)),
        Row(testDescription: "the same child, at once", token: "R0", age: 0, child: "R1", answer: .repeated),
        Row(
            testDescription: "the same child, in the last moment", token: "R0", age: 30_000, child: "R1",
            answer: .repeated),
        Row(
            testDescription: "the same child, too late", token: "R0", age: 30_001, child: "R1",
            answer: .reuse(.previous)),
        Row(
            testDescription: "the same child, after its first use", token: "R0", child: "R1", isUsed: true,
            answer: .reuse(.previous)),
        Row(testDescription: "a sibling of the current token", token: "R1b", parent: "R0", answer: .reuse(.orphan)),
        Row(testDescription: "an old token without a parent", token: "R-1", answer: .reuse(.stale)),
        Row(testDescription: "an older token", token: "R-1", parent: "R-2", answer: .reuse(.stale)),
        Row(testDescription: "a grandchild", token: "R3", parent: "R2", answer: .reuse(.stale)),
    ]
    static let olderRows = [
        Row(
            testDescription: "at first use: the current token, which is used by that", token: "R1", parent: "R0",
            rotation: .atFirstUse, answer: .shut),
        Row(
            testDescription: "at first use: the current token again", token: "R1", parent: "R0", isUsed: true,
            rotation: .atFirstUse, answer: .repeated),
        Row(
            testDescription: "at first use: the same child, in the last moment", token: "R0", age: 30_000, child: "R1",
            rotation: .atFirstUse, answer: .repeated),
        Row(
            testDescription: "at first use: the same child, too late", token: "R0", age: 30_001, child: "R1",
            rotation: .atFirstUse, answer: .reuse(.previous)),
        Row(
            testDescription: "at first use: the same child, after its first use", token: "R0", child: "R1",
            isUsed: true, rotation: .atFirstUse, answer: .reuse(.previous)),
        Row(
            testDescription: "at first use: another child", token: "R0", rotation: .atFirstUse,
            answer: .reuse(.previous)),
        Row(
            testDescription: "at first use: a sibling", token: "R1b", parent: "R0", rotation: .atFirstUse,
            answer: .reuse(.orphan)),
        Row(
            testDescription: "at first use: an older token", token: "R-1", rotation: .atFirstUse, answer: .reuse(.stale)
        ),
    ]

    private func record(isUsed: Bool = false) -> SessionRecord {
        var record = Sample.record()
        record.currentTokenHash = Sample.hash("R1").stored
        record.previousTokenHash = Sample.hash("R0").stored
        record.rotatedAt = Sample.now
        record.isCurrentTokenUsed = isUsed
        record.generation = 7
        return record
    }

    private func decide(
        _ row: Row, _ record: SessionRecord, at now: Timestamp, revokes: Bool = true, generation: Int64? = nil
    ) -> Decided<Refresh.Outcome> {
        let presented = Refresh.Presented(
            content: Sample.content(parent: row.parent), hash: Sample.hash(row.token), antiCSRFToken: nil,
            generation: generation)
        let rules = Sample.rules(child: row.child, rotation: row.rotation, revokesOnReuse: revokes)
        return Refresh.decide(of: presented, against: record, at: now, rules: rules)
    }

    @Test("every case of the rule holds", arguments: rows + olderRows)
    func cases(row: Row) {
        let before = record(isUsed: row.isUsed)
        let now = Sample.now + Milliseconds(row.age)
        let decided = decide(row, before, at: now)
        var next = before
        next.currentTokenHash = Sample.hash(row.child).stored
        switch row.answer {
        case .reuse(let found):
            #expect(decided.outcome == .reuse(found))
            #expect(decided.change == .remove, "the session ends in the step that found the reuse")
            #expect(decided.audit?.name == .reuseDetected)
            return
        case .repeated:
            #expect(decided.outcome == .issueChild(before))
            #expect(decided.change == .keep && decided.audit == nil)
            return
        case .shut:
            next = before
            next.isCurrentTokenUsed = true
        case .rotatedAgain: break
        case .rotated(let previous):
            next.previousTokenHash = Sample.hash(previous).stored
            next.rotatedAt = now
            next.isCurrentTokenUsed = false
            next.generation = 8
            next.expiresAt = now + Sample.validity
        }
        #expect(decided.outcome == .issueChild(next))
        #expect(decided.change == .replace(next))
        #expect(decided.audit?.name == .refreshed && decided.audit?.time == now)
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

    @Test("where the driver ends sessions, reuse is noted and changes nothing", arguments: olderRows)
    func leftToTheDriver(row: Row) {
        guard case .reuse(let found) = row.answer else { return }
        let now = Sample.now + Milliseconds(row.age)
        let decided = decide(row, record(isUsed: row.isUsed), at: now, revokes: false)
        #expect(decided.outcome == .reuse(found) && decided.change == .keep)
        #expect(decided.audit?.name == .reuseDetected && decided.audit?.details["by"] == nil)
    }

    @Test("a rotation at once ends the session on reuse, whatever is left to drivers", arguments: rows)
    func neverLeft(row: Row) {
        guard case .reuse = row.answer else { return }
        let now = Sample.now + Milliseconds(row.age)
        #expect(decide(row, record(isUsed: row.isUsed), at: now, revokes: false).change == .remove)
    }

    /// Token, its parent, its own count of rotations, the class, and how far it is from the current token's 7.
    static let distances: [(String, String?, Int64?, String, Int64?)] = [
        ("R0", nil, 6, "previous", 1), ("R0", nil, nil, "previous", 1), ("R1b", "R0", nil, "orphan", 0),
        ("R-1", nil, 5, "stale", 2), ("R-1", "R-2", 0, "stale", 7), ("R-1", "R-2", nil, "stale", nil),
    ]

    @Test("the event of a reuse tells how old the token was", arguments: distances)
    func event(token: String, parent: String?, generation: Int64?, name: String, apart: Int64?) {
        let row = Row(testDescription: "", token: token, parent: parent, answer: .reuse(.stale))
        let now = Sample.now + Milliseconds(40_000)
        let event = decide(row, record(), at: now, generation: generation).audit
        #expect(event?.details["class"]?.string == name)
        #expect(event?.details["generationsApart"]?.number?.int64 == apart)
        #expect(event?.details["millisecondsSinceRotation"]?.number?.int64 == 40_000)
        #expect(event?.details["by"]?.string == "theft")
        #expect(event?.handle == Sample.handle && event?.userID == UserID("u1") && event?.time == now)
    }

    @Test("random children leave the window of a promotion open, as SuperTokens' core does")
    func promotion() {
        let row = RefreshRow("", .child) { ($0.token, $0.parent) = ("R1", "R0") }
        for succession in Refresh.Succession.allCases {
            let rules = Sample.rules(succession: succession)
            let decided = Refresh.decide(of: row.presented, against: Sample.record(), at: Sample.now, rules: rules)
            guard case .issueChild(let next) = decided.outcome else {
                Issue.record("\(decided.outcome)")
                return
            }
            #expect(next.isCurrentTokenUsed == (succession == .deterministic))
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
