import LosslessJSON
import SessionEngine
import Testing

/// When the predecessor is accepted where a refresh rotates at once: the rule of CDI 5.6 (docs/decisions/0019), with
/// successors of both kinds, and the older rule on sessions that rotated by it.
struct RotationAtOnceTests {
    /// Presented token, its parent, milliseconds since the rotation, and what becomes of the session whose current token
    /// is R1 and whose previous one is R0.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let token: String
        var parent: String?
        var age: Int64 = 1
        /// What the presented token would be exchanged for; R0's own successor is R1.
        var successor = "R1"
        var rotation = Refresh.Rotation.atOnce
        let answer: Answer
    }

    enum Answer: Sendable, Equatable {
        /// The successor is current and the named token is the previous one.
        case rotated(previous: String)
        /// The successor is current; the previous token, its time and the session's end stay.
        case replaced
        /// The current token is given again, and the session is marked as shared.
        case repeated
        /// The session stays as it is but for a window that opens.
        case opened
        case tooLate
        case reuse(Refresh.ReuseClass)
    }

    static let rows = [
        Row(
            testDescription: "the current token", token: "R1", parent: "R0", successor: "R2",
            answer: .rotated(previous: "R1")),
        Row(
            testDescription: "a successor of the current token", token: "R2", parent: "R1", successor: "R3",
            answer: .rotated(previous: "R2")),
        Row(testDescription: "another successor, at once", token: "R0", age: 0, successor: "R1b", answer: .replaced),
        Row(
            testDescription: "another successor, in the last moment", token: "R0", age: 30_000, successor: "R1b",
            answer: .replaced),
        Row(
            testDescription: "another successor, after the grace", token: "R0", age: 30_001, successor: "R1b",
            answer: .tooLate),
        Row(testDescription: "R0 again, at once", token: "R0", age: 0, answer: .repeated),
        Row(testDescription: "R0 again, in the last moment", token: "R0", age: 30_000, answer: .repeated),
        Row(testDescription: "R0 again, after the grace", token: "R0", age: 30_001, answer: .tooLate),
        Row(testDescription: "R0 again, in the last moment of silence", token: "R0", age: 120_000, answer: .tooLate),
        Row(testDescription: "R0 again, after the silence", token: "R0", age: 120_001, answer: .reuse(.previous)),
        Row(testDescription: "a sibling of the current token", token: "R1b", parent: "R0", answer: .reuse(.orphan)),
        Row(testDescription: "an old token without a parent", token: "R-1", answer: .reuse(.stale)),
        Row(testDescription: "an older token", token: "R-1", parent: "R-2", answer: .reuse(.stale)),
        Row(testDescription: "a grandchild", token: "R3", parent: "R2", answer: .reuse(.stale)),
    ]
    static let olderRows = [
        Row(
            testDescription: "at first use: the current token", token: "R1", parent: "R0", rotation: .atFirstUse,
            answer: .opened),
        Row(
            testDescription: "at first use: R0 again, in the last moment", token: "R0", age: 30_000,
            rotation: .atFirstUse, answer: .repeated),
        Row(
            testDescription: "at first use: R0 again, after the grace", token: "R0", age: 30_001, rotation: .atFirstUse,
            answer: .tooLate),
        Row(
            testDescription: "at first use: R0 again, after the silence", token: "R0", age: 120_001,
            rotation: .atFirstUse, answer: .reuse(.previous)),
        Row(
            testDescription: "at first use: another successor", token: "R0", successor: "R1b", rotation: .atFirstUse,
            answer: .tooLate),
        Row(
            testDescription: "at first use: a sibling", token: "R1b", parent: "R0", rotation: .atFirstUse,
            answer: .reuse(.orphan)),
        Row(
            testDescription: "at first use: an older token", token: "R-1", rotation: .atFirstUse, answer: .reuse(.stale)
        ),
    ]

    private static let issue = SharingState.Issue(window: 0, repeatsUntil: Sample.now + .seconds(30))

    private func record() -> SessionRecord {
        var record = Sample.record()
        record.currentTokenHash = Sample.hash("R1").stored
        record.previousTokenHash = Sample.hash("R0").stored
        record.rotatedAt = Sample.now
        record.rotationCount = 7
        record.storedSharing = SharingState(of: record.currentTokenHash, issue: Self.issue)
        return record
    }

    private func decide(
        _ row: Row, _ record: SessionRecord, at now: Timestamp, revokes: Bool = true, count: RotationCount? = nil
    ) -> Decision<Refresh.Outcome> {
        let presented = Refresh.Presented(
            content: Sample.content(parent: row.parent), hash: Sample.hash(row.token), antiCSRFToken: nil,
            rotationCount: count)
        let rules = Sample.rules(rotation: row.rotation, revokesOnReuse: revokes)
        return Refresh.decide(of: presented, against: record, at: now, rules: rules) { _ in Sample.hash(row.successor) }
    }

    @Test("every case of the rule holds", arguments: rows + olderRows)
    func cases(row: Row) {
        let before = record()
        let now = Sample.now + Milliseconds(row.age)
        let decided = decide(row, before, at: now)
        var (next, event) = (before, AuditEvent.Name?.none)
        var sharing = SharingState(of: next.currentTokenHash, issue: Self.issue)
        var (window, count, lifetime) = (UInt8(0), RotationCount(7), Refresh.Lifetime.shortened)
        switch row.answer {
        case .reuse(let found):
            #expect(decided.outcome == .reuse(found))
            #expect(decided.change == .remove, "the session ends in the step that found the reuse")
            #expect(decided.audit?.name == .reuseDetected)
            return
        case .tooLate:
            sharing.hasLatePredecessor = true
            next.storedSharing = sharing
            #expect(decided.outcome == .tooLate && decided.change == .replace(next))
            #expect(decided.audit?.name == .latePredecessor && decided.audit?.time == now)
            let again = decide(row, next, at: now)
            #expect(again.outcome == .tooLate && again.change == .keep && again.audit == nil, "it is noted once")
            return
        case .repeated: sharing.sharedAt = 7
        case .opened:
            sharing.window = SharingState.Window(openedAt: now, number: 0)
            (count, lifetime) = (8, .whole)
        case .replaced:
            next.currentTokenHash = Sample.hash(row.successor).stored
            sharing = SharingState(of: next.currentTokenHash, issue: Self.issue, sharedAt: 7)
            event = .refreshed
        case .rotated(let previous):
            next.previousTokenHash = Sample.hash(previous).stored
            next.currentTokenHash = Sample.hash(row.successor).stored
            next.rotatedAt = now
            next.rotationCount = previous == "R1" ? 8 : 9
            next.expiresAt = now + Sample.validity
            let issue = SharingState.Issue(window: 0, repeatsUntil: now + .seconds(30))
            sharing = SharingState(of: next.currentTokenHash, issue: issue)
            (count, lifetime, event) = (next.rotationCount, .whole, .refreshed)
        }
        window = 0
        next.storedSharing = sharing
        #expect(decided.outcome == .issue(next, .derived(window: window, count: count), lifetime))
        #expect(decided.change == .replace(next))
        #expect(decided.audit?.name == event)
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
        let row = Row(testDescription: "", token: "R0", answer: .repeated)
        guard case .issue = decide(row, record(), at: Sample.now + Milliseconds(step)).outcome else {
            Issue.record("the previous token was refused")
            return
        }
    }

    @Test("where the driver ends sessions, reuse is noted and changes nothing", arguments: olderRows)
    func leftToTheDriver(row: Row) {
        guard case .reuse(let found) = row.answer else { return }
        let now = Sample.now + Milliseconds(row.age)
        let decided = decide(row, record(), at: now, revokes: false)
        #expect(decided.outcome == .reuse(found) && decided.change == .keep)
        #expect(decided.audit?.name == .reuseDetected && decided.audit?.means == nil)
    }

    @Test("a rotation at once ends the session on reuse, whatever is left to drivers", arguments: rows)
    func neverLeft(row: Row) {
        guard case .reuse = row.answer else { return }
        let now = Sample.now + Milliseconds(row.age)
        #expect(decide(row, record(), at: now, revokes: false).change == .remove)
    }

    /// Token, its parent, its own count of rotations, the class, and how far it is from the current token's 7.
    static let distances: [(String, String?, RotationCount?, String, Int64?)] = [
        ("R0", nil, 6, "previous", 1), ("R0", nil, nil, "previous", 1), ("R1b", "R0", nil, "orphan", 0),
        ("R-1", nil, 5, "stale", 2), ("R-1", "R-2", 0, "stale", 7), ("R-1", "R-2", nil, "stale", nil),
    ]

    @Test("the event of a reuse tells how old the token was", arguments: distances)
    func event(token: String, parent: String?, count: RotationCount?, name: String, apart: Int64?) {
        let row = Row(testDescription: "", token: token, parent: parent, answer: .reuse(.stale))
        let now = Sample.now + Milliseconds(140_000)
        let event = decide(row, record(), at: now, count: count).audit
        #expect(event?.details["class"]?.string == name)
        #expect(event?.details["generationsApart"]?.number?.int64 == apart)
        #expect(event?.details["millisecondsSinceRotation"]?.number?.int64 == 140_000)
        #expect(event?.means == .reuse)
        #expect(event?.handle == Sample.handle && event?.userID == UserID("u1") && event?.time == now)
    }

    /// The token's hash, its parent, the answer.
    static let verifications: [(String, String?, Verify.Outcome)] = [
        ("R1", nil, .valid(newerPayload: false)), ("R0", nil, .valid(newerPayload: false)),
        ("R1b", "R0", .valid(newerPayload: false)), ("R2", "R1", .valid(newerPayload: false)),
        ("R1b", nil, .superseded), ("R-1", "R-2", .superseded),
    ]

    @Test("a verification with a look at storage writes nothing and tells branches apart", arguments: verifications)
    func verification(token: String, parent: String?, outcome: Verify.Outcome) {
        let claims = Sample.claims(.v5, token: token, parent: parent)
        let rules = Verify.Rules(
            checksDatabase: true, terms: SessionTerms(validity: Sample.validity), rotation: .atOnce)
        #expect(Verify.needsRecord(claims, rules: rules))
        let decided = Verify.decide(of: claims, against: record(), at: Sample.now, rules: rules)
        #expect(decided.outcome == outcome && decided.change == .keep)
        var stateless = rules
        stateless.checksDatabase = false
        #expect(!Verify.needsRecord(claims, rules: stateless))
    }
}
