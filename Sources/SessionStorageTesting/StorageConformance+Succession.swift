import Foundations
import LosslessJSON
import SessionEngine
import SessionStorage

/// Sessions that take the place of another user's, and sessions in which another person acts as the user.
extension StorageConformance {
    private static let anonymous = "anon_0123456789ABCDEFGHIJab"

    private static func admission(_ predecessor: SessionRecord, _ limit: SessionLimit? = nil) -> SessionAdmission {
        SessionAdmission(limit: limit, predecessor: predecessor, terms: .unlimited)
    }

    static let successionChecks = [
        Check(
            "A session takes another user's place in one step with its end, and only while that one is as it was read"
        ) {
            storage in
            let old = ConformanceSample.record("a", user: anonymous)
            let next = ConformanceSample.record("b")
            try await storage.insert(old)
            var stale: [SessionRecord] = [ConformanceSample.record("none", user: anonymous)]
            for change in 0..<5 {
                var other = old
                switch change {
                case 0: other.sessionData = JSONObjectText(stored: "{\"k\":1}")
                case 1: other.accessTokenPayload = JSONObjectText(stored: "{\"k\":1}")
                case 2: other.currentTokenHash = StoredTokenHash(stored: "other")
                case 3: other.expiresAt = old.expiresAt + .seconds(1)
                default: other.traits = SessionTraits(flags: .anonymous)
                }
                stale.append(other)
            }
            for other in stale {
                let outcome = try await storage.insert(next, admission: admission(other), audit: .created(next))
                try expect(outcome == .predecessorChanged, "the outcome beside another record: \(outcome)")
            }
            try expect(try await storage.session(next.handle) == nil, "a session was stored")
            try expect(try await storage.session(old.handle) == old, "the session was changed")
            try expect(try await storage.auditEvents(AuditQuery()).isEmpty, "events of nothing")
            let outcome = try await storage.insert(next, admission: admission(old), audit: .created(next))
            try expect(outcome == .created(ended: ["a"]), "the outcome: \(outcome)")
            try expect(try await storage.session(old.handle) == nil, "the old session is there")
            try expect(ConformanceSample.isSame(try await storage.session(next.handle), next), "the new session")
            let event = try await storage.auditEvents(AuditQuery(name: .revoked)).first?.event
            try expect(
                event?.means == .replaced && event?.handle == "a" && event?.userID == UserID(anonymous)
                    && event?.details["replacedBy"] == "b", "the event of the end: \(String(describing: event))")
            let again = ConformanceSample.record("c", user: "u2")
            let second = try await storage.insert(again, admission: admission(old), audit: nil)
            try expect(second == .predecessorChanged, "the outcome after that: \(second)")
            try expect(try await storage.session(again.handle) == nil, "a second session was stored")
        },
        Check("What takes a place counts in the limit of its user, and a refusal leaves all as it was") { storage in
            let (old, first) = (ConformanceSample.record("a", user: anonymous), ConformanceSample.record("b"))
            try await storage.insert(all: [old, first])
            let next = ConformanceSample.record("c", createdAt: ConformanceSample.start + .seconds(1))
            let refusing = admission(old, SessionLimit(1, action: .refuseNew))
            let refused = try await storage.insert(next, admission: refusing, audit: .created(next))
            try expect(refused == .refused(["b"]), "the refusal: \(refused)")
            try expect(try await storage.session(old.handle) == old, "the session that was to end")
            try expect(try await storage.session(next.handle) == nil, "a refused session")
            var stale = old
            stale.expiresAt = old.expiresAt + .seconds(1)
            let changed = try await storage.insert(next, admission: admission(stale, SessionLimit(1)), audit: nil)
            try expect(changed == .predecessorChanged, "the outcome beside another record: \(changed)")
            try expect(try await storage.session(first.handle) != nil, "a session ended for nothing")
            let evicting = try await storage.insert(
                next, admission: admission(old, SessionLimit(1)), audit: .created(next))
            guard case .created(let ended) = evicting else { throw ConformanceFailure("no session: \(evicting)") }
            try expect(Set(ended), is: ["a", "b"], "what ended")
            try expect(try await storage.handleTexts(of: "u1"), is: ["c"], "handles")
            let events = try await storage.auditEvents(AuditQuery(name: .revoked)).map(\.event)
            let means = events.map { ($0.handle?.rawValue ?? "") + " " + ($0.means?.rawValue ?? "") }
            try expect(Set(means), is: ["a replaced", "b limit"], "events")
        },
        Check("Of 32 who take one session's place exactly one does") { storage in
            for round in 0..<10 {
                let old = ConformanceSample.record("old\(round)", user: anonymous)
                try await storage.insert(old)
                let outcomes = try await inParallel(32) { number in
                    let next = ConformanceSample.record("new\(round)-\(number)", user: "u\(number)")
                    return try await storage.insert(next, admission: admission(old), audit: .created(next))
                }
                try expect(outcomes.count { $0 == .created(ended: [old.handle]) }, is: 1, "who did in round \(round)")
                try expect(outcomes.count { $0 == .predecessorChanged }, is: 31, "who did not in round \(round)")
            }
            let revoked = try await storage.auditEvents(AuditQuery(name: .revoked, limit: 1_000))
            try expect(revoked.count, is: 10, "events of ends")
        },
        Check("A change of a session and a session that takes its place: none of the two is lost") { storage in
            for round in 0..<20 {
                let old = ConformanceSample.record("old\(round)", user: anonymous)
                let next = ConformanceSample.record("new\(round)")
                try await storage.insert(old)
                async let written = storage.update(old.handle) { record -> Decision<Bool> in
                    guard var record else { return Decision(.keep, false) }
                    record.sessionData = JSONObjectText(stored: "{\"k\":1}")
                    return Decision(.replace(record), true)
                }
                async let taken = storage.insert(next, admission: admission(old), audit: nil)
                let (isWritten, outcome) = (try await written, try await taken)
                let isTaken = outcome == .created(ended: [old.handle])
                try expect(isWritten != isTaken, "round \(round): written \(isWritten), taken \(isTaken)")
                try expect(try await storage.session(next.handle) != nil, is: isTaken, "the new session")
                try expect(try await storage.session(old.handle) != nil, is: isWritten, "the old session")
            }
        },
    ]
}

// Who acts in a session is named by each event of it.
extension StorageConformance {
    static let actor = #"{"act":{"sub":"support:mara é","iss":"https://staff.example.com"}}"#

    /// A session in which another person acts, or one whose application has an `act` of its own.
    static func acting(_ handle: String, flags: SessionTraits.Flags = .impersonated) -> SessionRecord {
        var record = ConformanceSample.record(handle, payload: String(actor.dropLast()) + #","k":"}"}"#)
        record.traits.flags = flags
        return record
    }

    private static let ends: [(name: String, act: @Sendable (any SessionStorage) async throws -> Void)] = [
        ("by its handle", { _ = try await $0.remove(.handles(["h0"]), audit: revocation) }),
        ("with others", { _ = try await $0.remove(.handles(["h0", "h1", "h2"]), audit: revocation) }),
        ("with all of its user's", { _ = try await $0.remove(.user(UserID("u1"), liveAt: start), audit: revocation) }),
        (
            "by a cut-off",
            { storage in
                try await CutOff.$largestStep.withValue(2) {
                    _ = try await storage.remove(.user(UserID("u1"), liveAt: start), audit: revocation)
                    _ = try await storage.sweepCutOffs(at: start + .seconds(3_600), limit: 100)
                }
            }
        ),
        (
            "by itself",
            { _ = try await $0.remove(.expired(at: start + .days(1), limit: 10), audit: .expiry(at: start + .days(1))) }
        ),
        ("with its user", { _ = try await $0.eraseUser(UserID("u1"), audit: revocation, limit: 10) }),
        (
            "by a decision",
            { storage in
                _ = try await storage.update("h0") { record, _ in
                    Impersonation.end(record, at: start, within: .unlimited)
                }
            }
        ),
    ]
    private static let start = ConformanceSample.start
    private static let revocation = Revocation(by: .user, .handle, at: ConformanceSample.start)

    static let actorChecks = ends.map { end in
        Check("The end of a session in which another person acts names the actor: \(end.name)") { storage in
            let damaged = ConformanceSample.record("h2", payload: #"{"act":"#)
            try await storage.insert(all: [acting("h0"), acting("h1", flags: .remembered), damaged])
            try await end.act(storage)
            let events = try await storage.auditEvents(AuditQuery(name: .revoked)).map(\.event)
            let own = events.first { $0.handle == "h0" }
            let expected = try JSONValue(parsing: actor).object?["act"]
            try expect(own?.details["act"] == expected && expected != nil, "the actor: \(String(describing: own))")
            for other in events where other.handle != "h0" {
                try expect(other.details["act"] == nil, "an actor of \(String(describing: other.handle))")
            }
        }
    }
}
