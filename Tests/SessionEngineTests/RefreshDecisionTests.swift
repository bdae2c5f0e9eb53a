import LosslessJSON
import TestSupport
import Testing

@testable import SessionEngine

/// One rule of docs/specification/core.md 4.2.
struct RefreshRow: Sendable, CustomTestStringConvertible {
    /// What is stored when the token comes.
    enum Stored: Sendable { case nothing, live, endsNow, endsInOneMillisecond, ended }
    /// What is expected.
    enum Answer: Sendable { case child, antiCSRFMismatch, sessionNotActive, payloadRefused, reuse }
    /// What becomes of the record.
    enum Change: Sendable { case keep, promotion, kindOnly, promotionAndKind }

    let testDescription: String
    var token = "R0"
    var parent: String?
    var sealed: String?
    var given: String?
    var checks = true
    var stored = Stored.live
    var format = AccessTokenFormat.v5
    var claim = "k"
    var kind: SigningKeyKind?
    let answer: Answer
    var change = Change.keep

    init(_ name: String, _ answer: Answer, _ change: Change = .keep, _ set: (inout RefreshRow) -> Void = { _ in }) {
        testDescription = name
        self.answer = answer
        self.change = change
        set(&self)
    }

    var record: SessionRecord? {
        let end: Timestamp? =
            switch stored {
            case .nothing: nil
            case .live: Sample.now + Sample.hour
            case .endsNow: Sample.now
            case .endsInOneMillisecond: Sample.now + Milliseconds(1)
            case .ended: Sample.now + Milliseconds(-1)
            }
        return end.map { Sample.record(payload: [claim: "v"], expiresAt: $0) }
    }

    var presented: Refresh.Presented {
        Refresh.Presented(
            content: Sample.content(parent: parent, antiCSRFToken: sealed), hash: Sample.hash(token),
            antiCSRFToken: given.map(AntiCSRFToken.init))
    }
}

@Suite("Deciding a refresh (docs/specification/core.md 4.2)")
struct RefreshDecisionTests {
    static let rows = lineage + expiry + antiCSRF + payloads + kinds

    static let lineage = [
        RefreshRow("the current token gives a child", .child),
        RefreshRow("the current token with a parent gives a child", .child) { $0.parent = "gone" },
        RefreshRow("a child of the current token is promoted", .child, .promotion) {
            ($0.token, $0.parent) = ("R1", "R0")
        },
        RefreshRow("an older token is reuse", .reuse) { ($0.token, $0.parent) = ("old", "older") },
        RefreshRow("a token without a parent that is not current is reuse", .reuse) { $0.token = "old" },
        RefreshRow("a grandchild of the current token is reuse", .reuse) { ($0.token, $0.parent) = ("R2", "R1") },
        RefreshRow("the parent of the current token is reuse", .reuse) { ($0.token, $0.parent) = ("R-1", "R-2") },
    ]

    static let expiry = [
        RefreshRow("without a record the session has ended", .sessionNotActive) { $0.stored = .nothing },
        RefreshRow("a session that ends now has ended", .sessionNotActive) { $0.stored = .endsNow },
        RefreshRow("a session that has ended is told before reuse", .sessionNotActive) {
            ($0.stored, $0.token) = (.ended, "old")
        },
        RefreshRow("a session lives to its last millisecond", .child) { $0.stored = .endsInOneMillisecond },
    ]

    static let antiCSRF = [
        RefreshRow("the right anti-CSRF token is accepted", .child) { ($0.sealed, $0.given) = ("a", "a") },
        RefreshRow("a wrong anti-CSRF token is refused", .antiCSRFMismatch) { ($0.sealed, $0.given) = ("a", "b") },
        RefreshRow("a longer anti-CSRF token is refused", .antiCSRFMismatch) { ($0.sealed, $0.given) = ("a", "aa") },
        RefreshRow("an empty anti-CSRF token is refused", .antiCSRFMismatch) { ($0.sealed, $0.given) = ("a", "") },
        RefreshRow("a missing anti-CSRF token is refused", .antiCSRFMismatch) { $0.sealed = "a" },
        RefreshRow("off: a sealed token is not asked for", .child) { ($0.sealed, $0.checks) = ("a", false) },
        RefreshRow("off, then on: no sealed token, none is asked for", .child),
        RefreshRow("off, then on: one that comes unasked does not matter", .child) { $0.given = "x" },
        RefreshRow("on, off, on: the stale sealed token is asked for", .antiCSRFMismatch) {
            ($0.sealed, $0.given) = ("stale", "newer")
        },
        RefreshRow("a wrong anti-CSRF token is told before a missing session", .antiCSRFMismatch) {
            ($0.sealed, $0.stored) = ("a", .nothing)
        },
        RefreshRow("a wrong anti-CSRF token is told before reuse", .antiCSRFMismatch) {
            ($0.sealed, $0.token) = ("a", "old")
        },
        RefreshRow("a wrong anti-CSRF token does not promote", .antiCSRFMismatch) {
            ($0.sealed, $0.token, $0.parent) = ("a", "R1", "R0")
        },
    ]

    static let payloads = [
        RefreshRow("a protected payload stops the refresh", .payloadRefused) { $0.claim = "sub" },
        RefreshRow("a protected payload stops a promotion", .payloadRefused) {
            ($0.claim, $0.token, $0.parent) = ("tId", "R1", "R0")
        },
        RefreshRow("reuse is told before a protected payload", .reuse) { ($0.claim, $0.token) = ("sub", "old") },
        RefreshRow("tId travels in V3", .child) { ($0.claim, $0.format) = ("tId", .v3) },
        RefreshRow("tId does not travel in V4", .payloadRefused) { ($0.claim, $0.format) = ("tId", .v4) },
        RefreshRow("rsub travels in V4", .child) { ($0.claim, $0.format) = ("rsub", .v4) },
        RefreshRow("rsub does not travel in V5", .payloadRefused) { $0.claim = "rsub" },
        RefreshRow("everything travels in V2", .child) { ($0.claim, $0.format) = ("userId", .v2) },
    ]

    static let kinds = [
        RefreshRow("the kind of key switches", .child, .kindOnly) { $0.kind = .static },
        RefreshRow("the same kind of key changes nothing", .child) { $0.kind = .dynamic },
        RefreshRow("the kind switches together with a promotion", .child, .promotionAndKind) {
            ($0.kind, $0.token, $0.parent) = (.static, "R1", "R0")
        },
        RefreshRow("reuse does not switch the kind", .reuse) { ($0.kind, $0.token) = (.static, "old") },
    ]

    @Test("Every rule holds", arguments: rows)
    func decides(_ row: RefreshRow) {
        let rules = Sample.rules(checksAntiCSRF: row.checks, kind: row.kind, format: row.format)
        let decided = Refresh.decide(
            of: row.presented, against: row.record, at: Sample.now, rules: rules, successor: Sample.successor)
        let next = expectedRecord(row)
        #expect(decided.outcome == outcome(row, next))
        let kept: SessionChange = row.answer == .reuse ? .remove : .keep
        #expect(decided.change == (row.answer == .child ? next.map(SessionChange.replace) : kept))
        let event: AuditEvent.Name? = row.answer == .reuse ? .reuseDetected : row.change == .keep ? nil : .refreshed
        #expect(decided.audit?.name == event, "a change of the chain has its event, and nothing else has one")
    }

    @Test("A successor that cannot be made changes nothing")
    func failedSuccessor() throws {
        let row = try #require(Self.rows.first { $0.answer == .child && $0.change == .keep })
        var rules = Sample.rules(checksAntiCSRF: row.checks, kind: row.kind, format: row.format)
        rules.rotation = .atOnce
        let decided = Refresh.decide(
            of: row.presented, against: row.record, at: Sample.now, rules: rules, successor: { _ in nil })
        #expect(decided.outcome == .successorFailed && decided.change == .keep && decided.audit == nil)
    }

    private func expectedRecord(_ row: RefreshRow) -> SessionRecord? {
        guard var record = row.record else { return nil }
        if row.change == .promotion || row.change == .promotionAndKind {
            record.previousTokenHash = record.currentTokenHash
            record.currentTokenHash = Sample.hash(row.token).stored
            record.rotatedAt = Sample.now
            record.rotationCount = 1
            record.expiresAt = Sample.now + Sample.validity
        }
        let issue = SharingState.Issue(window: nil, repeatsUntil: nil)
        record.storedSharing = SharingState(
            of: record.currentTokenHash, window: SharingState.Window(openedAt: Sample.now, number: 0),
            issue: record.rotationCount == 0 ? nil : issue)
        if row.change == .kindOnly || row.change == .promotionAndKind { record.signingKeyKind = .static }
        return record
    }

    private func outcome(_ row: RefreshRow, _ next: SessionRecord?) -> Refresh.Outcome? {
        switch row.answer {
        case .child:
            next.map { .issue($0, .derived(window: 0, count: $0.rotationCount.successor()), .whole) }
        case .antiCSRFMismatch: .antiCSRFMismatch
        case .sessionNotActive: .sessionNotActive
        case .payloadRefused: .payloadRefused
        case .reuse: .reuse(.stale)
        }
    }

    @Test("A payload that is damaged in storage does not travel, except where it is nested")
    func damagedPayload() {
        var record = Sample.record()
        record.accessTokenPayload = JSONObjectText(stored: "{\"k\":")
        let row = RefreshRow("damaged", .payloadRefused)
        for format in AccessTokenFormat.allCases {
            let rules = Sample.rules(format: format)
            let decided = Refresh.decide(
                of: row.presented, against: record, at: Sample.now, rules: rules, successor: Sample.successor)
            if case .issue = decided.outcome {
                #expect(format.isLegacy)
            } else {
                #expect(decided.outcome == .payloadRefused && !format.isLegacy)
            }
        }
    }
}
