import Foundations
import LosslessJSON
import Testing

@testable import SessionEngine

/// Every cause of an end in words: what the audit log records is what `tessera audit`, the admin page and the SDK say.
@Suite("Session ends")
struct SessionEndTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let actor: AuditActor?
        let means: Revocation.Means?
        let details: JSONObject
        let cause: SessionEnd.Cause
        let text: String
        let userText: String

        init(
            _ actor: AuditActor?, _ means: Revocation.Means?, details: JSONObject = [:], _ cause: SessionEnd.Cause,
            _ text: String, _ userText: String
        ) {
            (self.actor, self.means, self.details) = (actor, means, details)
            (self.cause, self.text, self.userText) = (cause, text, userText)
        }

        var testDescription: String {
            "\(actor?.rawValue ?? "-") \(means?.rawValue ?? "-") \(details.text)"
        }
        var event: AuditEvent {
            AuditEvent(
                name: means == .reuse ? .reuseDetected : .revoked, time: Timestamp(milliseconds: 5_000_000),
                handle: "h", tenantID: "public", userID: "u", actor: actor, means: means, details: details)
        }
    }

    static let asked: [Row] = [
        Row(.user, .handle, .signedOut, "Signed out by the user", "You signed out"),
        Row(
            .user, .others, .signedOutOthers, "Signed out by the user, who ended all other sessions",
            "You signed out on all other devices"),
        Row(
            .user, .all, .signedOutEverywhere, "Signed out by the user, who ended all sessions",
            "You signed out on all devices"),
        Row(.administrator, .handle, .administrator, "Ended by an administrator", "An administrator signed you out"),
        Row(.administrator, .others, .administrator, "Ended by an administrator", "An administrator signed you out"),
        Row(.administrator, .all, .administrator, "Ended by an administrator", "An administrator signed you out"),
        Row(.driver, .handle, .application, "Ended by the application", "You were signed out by the service"),
        Row(.driver, .others, .application, "Ended by the application", "You were signed out by the service"),
        Row(.driver, .all, .application, "Ended by the application", "You were signed out by the service"),
        Row(.core, .handle, .unknown, "Ended; the audit log does not say why", "You were signed out by the service"),
        Row(nil, .all, .unknown, "Ended; the audit log does not say why", "You were signed out by the service"),
        Row(.driver, .tenant, .tenantDeleted, "Tenant deleted", "You were signed out by the service"),
        Row(.administrator, .app, .appDeleted, "Application deleted", "You were signed out by the service"),
        Row(
            .driver, .impersonationEnd, .impersonationEnded, "The person who acted as the user stopped",
            "The person who helped you has left"),
    ]

    static let byRules: [Row] = [
        Row(
            .core, .limit, details: ["limit": 3, "action": "EVICT_OLDEST", "replacedBy": "n"], .limit,
            "Ended by a newer sign-in: limit 3",
            "You signed in on another device, and only 3 devices can be signed in"),
        Row(
            .core, .limit, details: ["limit": 1, "action": "EVICT_IDLE", "replacedBy": "n"], .limit,
            "Ended by a newer sign-in: limit 1", "You signed in on another device, and only 1 device can be signed in"),
        Row(
            .core, .limit, details: [:], .limit, "Ended by a newer sign-in: too many sessions",
            "You signed in on another device, and only some devices can be signed in"),
        Row(
            .core, .replaced, details: ["replacedBy": "n"], .replaced, "Replaced by a new session",
            "You signed in again"),
        Row(
            .core, .expiry, details: ["reason": "idle", "endedAt": 4_000_000, "milliseconds": 900_000], .idle,
            "Not used for about 15 minutes", "You were not active for about 15 minutes"),
        Row(
            .core, .expiry, details: ["reason": "idle", "endedAt": 4_000_000], .idle,
            "Not used for as long as the idle limit",
            "You were not active for too long"),
        Row(
            .core, .expiry, details: ["reason": "absolute", "endedAt": 4_000_000, "milliseconds": 43_200_000],
            .absolute,
            "Longest duration reached: 12 hours since the last full authentication",
            "You have to sign in again every 12 hours"),
        Row(
            .core, .expiry, details: ["reason": "absolute"], .absolute, "Longest duration reached",
            "You have to sign in again from time to time"),
        Row(
            .core, .expiry, details: ["reason": "validity", "endedAt": 4_000_000], .validity,
            "Not used before its refresh token expired", "You were not here for too long"),
        Row(.core, .expiry, details: ["reason": "another"], .expired, "Expired", "You were not here for too long"),
        Row(.core, .expiry, details: [:], .expired, "Expired", "You were not here for too long"),
        Row(
            .core, .restore, details: [:], .restored, "Storage was restored from a copy that is older than its tokens",
            "The service had to be restored"),
        Row(
            .administrator, .restore, details: [:], .restored,
            "Its end was repeated after storage was restored from a copy",
            "The service had to be restored"),
    ]

    private static let stolen = "A copy of this sign-in may have been used elsewhere, so it was ended"

    static let reused: [Row] = [
        Row(
            .core, .reuse, details: ["class": "stale", "generationsApart": 2, "millisecondsSinceRotation": 2_460_123],
            .reuse,
            "A superseded refresh token was reused: 2 rotations old, 41 minutes after the last rotation", stolen),
        Row(
            .core, .reuse, details: ["class": "previous", "generationsApart": 1, "millisecondsSinceRotation": 61_000],
            .reuse,
            "A superseded refresh token was reused: 1 rotation old, 61 seconds after the last rotation", stolen),
        Row(
            .core, .reuse, details: ["class": "orphan", "generationsApart": 0, "millisecondsSinceRotation": 420],
            .reuse,
            "A superseded refresh token was reused: another successor of the same token was used before it, "
                + "420 milliseconds after the last rotation", stolen),
        Row(.core, .reuse, details: ["class": "stale"], .reuse, "A superseded refresh token was reused", stolen),
        Row(nil, nil, details: ["by": "theft"], .reuse, "A superseded refresh token was reused", stolen),
    ]

    static let former: [Row] = [
        Row(nil, nil, details: ["by": "user"], .signedOut, "Signed out by the user", "You signed out"),
        Row(
            nil, nil, details: ["by": "admin"], .administrator, "Ended by an administrator",
            "An administrator signed you out"),
        Row(nil, nil, details: ["by": "expiry"], .expired, "Expired", "You were not here for too long"),
        Row(
            nil, nil, details: [:], .unknown, "Ended; the audit log does not say why",
            "You were signed out by the service"),
    ]

    static let all = asked + byRules + reused + former

    @Test("each cause has its words", arguments: all)
    func words(row: Row) throws {
        let end = try #require(SessionEnd(row.event))
        #expect(end.cause == row.cause)
        #expect(end.text == row.text)
        #expect(end.userText == row.userText)
        #expect(end.actor == row.actor)
    }

    @Test("the table has every cause and every means")
    func complete() {
        #expect(Set(Self.all.map(\.cause)) == Set(SessionEnd.Cause.allCases))
        #expect(Set(Self.all.compactMap(\.means)) == Set(Revocation.Means.allCases))
        #expect(Set(Self.all.map(\.text)).allSatisfy { !$0.hasSuffix(".") })
    }

    @Test("an end is when the session ended, not when that was written")
    func times() throws {
        let idle = try #require(Self.byRules.first { $0.cause == .idle })
        #expect(SessionEnd(idle.event)?.endedAt.milliseconds == 4_000_000)
        let asked = try #require(Self.asked.first)
        #expect(SessionEnd(asked.event)?.endedAt.milliseconds == 5_000_000)
        let first = try #require(Self.byRules.first)
        let limit = try #require(SessionEnd(first.event))
        #expect(limit.limit == 3 && limit.successor == "n")
    }

    @Test("what ended no session has no reason", arguments: AuditEvent.Name.allCases)
    func others(name: AuditEvent.Name) {
        let event = AuditEvent(name: name, time: Timestamp(milliseconds: 1), handle: "h")
        #expect((SessionEnd(event) != nil) == (name == .revoked || name == .revokedAll))
    }

    @Test("the earliest end of several counts, in any order")
    func earliest() {
        let late = AuditEvent(
            name: .revoked, time: Timestamp(milliseconds: 9), handle: "h", actor: .administrator, means: .handle)
        let early = AuditEvent(
            name: .revokedAll, time: Timestamp(milliseconds: 8), actor: .user, means: .all)
        let other = AuditEvent(name: .refreshed, time: Timestamp(milliseconds: 7), handle: "h")
        for events in [[late, early, other], [other, early, late]] {
            #expect(SessionEnd.first(in: events)?.cause == .signedOutEverywhere)
        }
        #expect(SessionEnd.first(in: [other]) == nil)
    }

    @Test("details of other types are not believed and do not end the process")
    func odd() {
        for odd: JSONValue in ["x", true, nil, [1], ["a": 1], .integer(Int64.max), .integer(Int64.min)] {
            for row in Self.all {
                var event = row.event
                event.details = JSONObject(
                    row.details.members.map { .init(name: $0.name, value: odd) })
                #expect(SessionEnd(event).map { !$0.text.isEmpty && !$0.userText.isEmpty } == true)
            }
        }
    }

    @Test(
        "spans in words",
        arguments: [
            (0, "0 milliseconds"), (-5, "0 milliseconds"), (1, "1 millisecond"), (1_000, "1 second"),
            (1_500, "1500 milliseconds"), (59_999, "59 seconds"), (60_000, "1 minute"), (90_000, "90 seconds"),
            (5_400_000, "90 minutes"), (3_600_000, "1 hour"), (7_200_000, "2 hours"), (7_300_001, "2 hours"),
            (216_000_000, "60 hours"), (86_400_000, "1 day"), (8_640_000_000, "100 days"),
            (Int64.max, "106751991167 days"),
        ] as [(Int64, String)])
    func spans(milliseconds: Int64, words: String) {
        #expect(Milliseconds(milliseconds).words == words)
    }
}
