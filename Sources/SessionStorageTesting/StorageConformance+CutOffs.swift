import LosslessJSON
import SessionEngine
import SessionStorage

/// The sessions of a user who has many end at once; what is left of them goes later (docs/decisions/0022).
extension StorageConformance {
    private static let start = ConformanceSample.start
    private static let settled = start + CutOff.settlingTime + Milliseconds(1)
    private static let revocation = Revocation(by: .administrator, .all, at: start)

    /// A check in which a user with more than three sessions has many.
    private static func check(
        _ name: String, _ run: @escaping @Sendable (any SessionStorage) async throws -> Void
    ) -> Check {
        Check(name) { storage in
            try await CutOff.$largestStep.withValue(3) { try await run(storage) }
        }
    }

    /// Ten sessions of a user, `0` to `9`, and one of another.
    private static func fill(_ storage: any SessionStorage) async throws {
        try await inParallel(10) { number in
            let created = start + Milliseconds(Int64(number) - 20)
            let tenant = number.isMultiple(of: 2) ? "public" : "t1"
            try await storage.insert(ConformanceSample.record("\(number)", createdAt: created, tenant: tenant))
        }
        try await storage.insert(ConformanceSample.record("x", user: "u2"))
    }

    private static func endAll(
        _ storage: any SessionStorage, in tenant: String? = nil, at now: Timestamp = start,
        audit: Revocation? = revocation
    ) async throws -> [String] {
        let selection = RevocationTarget.user(UserID("u1"), tenant: tenant.map(TenantID.init), liveAt: now)
        return try await storage.remove(selection, audit: audit).map(\.rawValue)
    }

    private static let numbers = (0..<10).map { "\($0)" }

    static let cutOffChecks = [
        check("Many sessions of a user end in one step for every caller") { storage in
            try await fill(storage)
            try expect(try await endAll(storage), is: numbers, "ended handles")
            try await expectEnded(numbers, in: storage)
            try expect(try await storage.handleTexts(of: "u2"), is: ["x"], "handles of another user")
            let again = try await endAll(storage, at: start + Milliseconds(1))
            try expect(again, is: [], "handles that ended a second time")
            let expired = try await storage.remove(.expired(at: ConformanceSample.later, limit: 99), audit: nil)
            try expect(expired.map(\.rawValue), is: ["x"], "removed as expired")
            let events = try await storage.auditEvents(AuditQuery(name: .revokedAll)).count
            try expect(events <= 1, "one end of all sessions has \(events) events")
        },
        check("What is left of many sessions goes in batches, with one event for each") { storage in
            try await fill(storage)
            _ = try await endAll(storage)
            try expect(try await storage.sweepCutOffs(at: start, limit: 99), is: 0, "swept before its time")
            try expect(try await storage.sweepCutOffs(at: settled, limit: 0), is: 0, "swept with limit 0")
            let batches = try await sweep(storage, at: settled)
            try expect([[4, 4, 2], [0]].contains(batches), "swept in batches of \(batches)")
            let expected = numbers.map { number in
                AuditEvent.revoked(
                    SessionHandle(number), tenant: TenantID((Int(number) ?? 0).isMultiple(of: 2) ? "public" : "t1"),
                    user: UserID("u1"), revocation)
            }
            let found = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0), name: .revoked))
            try expect(found.map(\.event), is: expected, "the events of the sessions")
            try await storage.insert(ConformanceSample.record("3"))
            try expect(try await storage.handleTexts(of: "u1"), is: ["3"], "a handle that is taken again")
        },
        check("A session that begins after the end of all lives, whatever its creation time says") { storage in
            try await fill(storage)
            _ = try await endAll(storage)
            let late = ConformanceSample.record("late", createdAt: start + .seconds(-9), tenant: "t1")
            try await storage.insert(late)
            try await expectLive(late, in: storage)
            _ = try await sweep(storage, at: settled)
            try await expectLive(late, in: storage)
            try await inParallel(4) { try await storage.insert(ConformanceSample.record("n\($0)")) }
            let ended = try await endAll(storage, at: settled)
            try expect(Set(ended), is: ["late", "n0", "n1", "n2", "n3"], "ended the second time")
            try await expectEnded(ended, in: storage)
        },
        check("All of a user's sessions end in one tenant, then in all") { storage in
            try await fill(storage)
            try expect(try await endAll(storage, in: "t1"), is: ["1", "3", "5", "7", "9"], "ended in one tenant")
            try expect(try await storage.handleTexts(of: "u1"), is: ["0", "2", "4", "6", "8"], "handles left")
            let rest = try await endAll(storage, at: start + Milliseconds(1))
            try expect(rest, is: ["0", "2", "4", "6", "8"], "ended in all tenants")
            _ = try await sweep(storage, at: settled + .seconds(1))
            try expect(try await storage.ends().sorted(), is: numbers, "sessions with an event")
        },
        check("Sessions that ended by themselves or before are not ended by the end of all") { storage in
            try await fill(storage)
            let over = ConformanceSample.record("over", createdAt: start + .seconds(-99), expiresAt: start)
            try await storage.insert(over)
            _ = try await storage.remove(
                .handles([SessionHandle("4")]), audit: Revocation(by: .user, .handle, at: start))
            try await storage.update(SessionHandle("6")) { _ in Decision(.remove, ()) }
            let left = numbers.filter { $0 != "4" && $0 != "6" }
            try expect(try await endAll(storage), is: left, "ended handles")
            _ = try await sweep(storage, at: settled)
            let events = try await storage.auditEvents(AuditQuery(name: .revoked)).map(\.event)
            try expect(events.filter { $0.handle?.rawValue == "4" }.map(\.means), is: [.handle], "of 4")
            let byAdministrator = events.filter { $0.actor == .administrator && $0.means == .all }
            try expect(byAdministrator.count, is: 8, "events by an administrator")
            let ofOver = events.filter { $0.handle?.rawValue == "over" }.map(\.means)
            try expect([[], [.expiry]].contains(ofOver), "an expired session was ended: \(ofOver)")
        },
        check("Without an audit log the end of all sessions leaves no event") { storage in
            try await fill(storage)
            try expect(try await endAll(storage, audit: nil).count, is: 10, "ended handles")
            _ = try await sweep(storage, at: settled)
            try expect(try await storage.auditEvents(AuditQuery()), is: [], "the audit log")
        },
        check("Of sessions that are refreshed while all end none lives on") { storage in
            for round in 0..<10 {
                let names = (0..<6).map { "\(round)-\($0)" }
                try await inParallel(6) { try await storage.insert(ConformanceSample.record(names[$0])) }
                try await inParallel(7) { number in
                    if number == 3 { return _ = try await endAll(storage, at: start + Milliseconds(Int64(round))) }
                    let handle = SessionHandle(names[number % 6])
                    try await storage.update(handle) { current in
                        Decision(current.map { .replace($0) } ?? .keep, ())
                    }
                }
                try await expectEnded(names, in: storage)
            }
        },
        check("Sign-ins beside the end of all sessions live or have ended, and stay so") { storage in
            try await fill(storage)
            try await inParallel(12) { number in
                if number == 5 { return _ = try await endAll(storage) }
                try await storage.insert(ConformanceSample.record("n\(number)", createdAt: start + .seconds(-1)))
            }
            let names = (0..<12).filter { $0 != 5 }.map { "n\($0)" }
            let before = try await storage.handleTexts(of: "u1").sorted()
            _ = try await sweep(storage, at: settled)
            try expect(try await storage.handleTexts(of: "u1").sorted(), is: before, "handles after the sweep")
            try await expectEnded(numbers + names.filter { !before.contains($0) }, in: storage)
        },
    ]

    /// Sweeps until nothing is left, four rows at a time; returns how many there were each time.
    private static func sweep(_ storage: any SessionStorage, at now: Timestamp) async throws -> [Int] {
        var batches: [Int] = []
        repeat { batches.append(try await storage.sweepCutOffs(at: now, limit: 4)) } while batches.last == 4
        return batches
    }

    private static func expectEnded(_ handles: [String], in storage: any SessionStorage) async throws {
        for text in handles {
            let handle = SessionHandle(text)
            try expect(try await storage.session(handle) == nil, "session \(text) is read after its end")
            let record = ConformanceSample.record(text)
            let seen = try await storage.update(handle) { Decision(.replace(record), $0 != nil) }
            try expect(!seen, "a decision saw session \(text) after its end")
            try expect(try await storage.remove(.handles([handle])), is: [], "ended once more")
        }
        let listed = try await storage.handleTexts(of: "u1")
        try expect(listed.filter(handles.contains), is: [], "listed after their end")
    }

    private static func expectLive(_ record: SessionRecord, in storage: any SessionStorage) async throws {
        let stored = try await storage.session(record.handle)
        try expect(stored?.currentTokenHash == record.currentTokenHash, "a new session is not read")
        let seen = try await storage.update(record.handle) { current in
            Decision(current.map { .replace($0) } ?? .keep, current != nil)
        }
        try expect(seen, "a decision did not see a new session")
        try expect(try await storage.handleTexts(of: "u1"), is: [record.handle.rawValue], "handles")
    }
}

extension AuditLog {
    /// The sessions with an event of their end.
    fileprivate func ends() async throws -> [String] {
        try await auditEvents(AuditQuery(name: .revoked)).compactMap(\.event.handle?.rawValue)
    }
}
