import LosslessJSON
import SessionEngine
import SessionStorage

/// Events and changes belong together: both are there or neither is.
extension StorageConformance {
    private static let start = ConformanceSample.start

    private static func event(
        _ handle: String, _ name: AuditEvent.Name = .created, user: String = "u1", at time: Timestamp = start
    ) -> AuditEvent {
        AuditEvent(
            name: name, time: time, handle: SessionHandle(handle), tenantID: .public, userID: UserID(user),
            details: ["text": "ä\u{0}", "count": 3])
    }

    static let auditChecks = [
        Check("an insert writes its event, unless the handle is taken") { storage in
            try await storage.insert(ConformanceSample.record("h"), audit: event("h"))
            _ = try? await storage.insert(ConformanceSample.record("h"), audit: event("h"))
            try expect(try await storage.events(), is: [event("h")], "the audit log")
        },
        Check("an update writes its event, with a change and without one") { storage in
            try await storage.insert(ConformanceSample.record("h"))
            var next = ConformanceSample.record("h")
            next.rotationCount = 9
            let (changed, handle) = (next, SessionHandle("h"))
            try await storage.update(handle) { _ in Decision(.replace(changed), (), audit: event("h", .refreshed)) }
            try await storage.update(handle) { _ in Decision(.keep, (), audit: event("h", .reuseDetected)) }
            try await storage.update(handle) { _ in Decision(.keep, ()) }
            try await storage.update(handle) { _ in Decision(.remove, (), audit: event("h", .reuseDetected)) }
            let expected = [event("h", .refreshed), event("h", .reuseDetected), event("h", .reuseDetected)]
            try expect(try await storage.events(), is: expected, "the audit log")
        },
        Check("an update of a session that does not exist writes no event") { storage in
            let handle = SessionHandle("nobody")
            try await storage.update(handle) { _ in Decision(.remove, (), audit: event("nobody")) }
            try expect(try await storage.events(), is: [], "the audit log")
        },
        Check("each session that a removal ends has an event, and no other has") { storage in
            try await storage.insert(all: [
                ConformanceSample.record("a"), ConformanceSample.record("b", user: "u2"),
                ConformanceSample.record("c", user: "u2"),
            ])
            let first = Revocation(by: .user, .handle, at: start)
            let second = Revocation(by: .administrator, .all, at: start + Milliseconds(1))
            let third = Revocation(by: .core, .expiry, at: start + .seconds(9_999))
            _ = try await storage.remove(.handles(["a", "x", "a"].map(SessionHandle.init)), audit: first)
            _ = try await storage.remove(.user(UserID("u2"), liveAt: start), audit: second)
            try await storage.insert(ConformanceSample.record("d"))
            _ = try await storage.remove(.expired(at: start + .seconds(9_999), limit: 10), audit: third)
            let revoked = [("a", "u1", first), ("b", "u2", second), ("c", "u2", second)].map {
                AuditEvent.revoked(SessionHandle($0), tenant: .public, user: UserID($1), $2)
            }
            let expected = revoked + [.revoked(ConformanceSample.record("d"), third, within: .unlimited)]
            try expect(try await storage.events(), is: expected, "the audit log")
        },
        Check("a change of keys writes its events, and no change writes none") { storage in
            let key = try ConformanceSample.key("d-1")
            let events = [AuditEvent.key(.keyCreated, "d-1", at: start)]
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key], events: events) }
            _ = try await storage.updateSigningKeys { _ in .none }
            let used = [AuditEvent.key(.keyUsed, "d-1", at: start)]
            let keys = try await storage.updateSigningKeys { _ in
                SigningKeyChange(updating: [key.used(since: start)], events: used)
            }
            try expect(keys.map(\.firstUsedAt), is: [start], "first uses")
            try expect(try await storage.updateSigningKeys { _ in .none }, is: keys, "keys")
            try expect(try await storage.events(), is: events + used, "the audit log")
        },
        Check("the first writer of a value writes its event, and none after") { storage in
            let event = AuditEvent.key(.keyCreated, "refresh_token_key", at: start)
            for text in ["one", "two"] {
                _ = try await storage.value(named: .refreshTokenKey, audit: event) { text }
            }
            try expect(try await storage.events(), is: [event], "the audit log")
        },
        Check("a value that is replaced writes its event, and one that is not writes none") { storage in
            _ = try await storage.value(named: .refreshTokenKey) { "one" }
            let event = AuditEvent.key(.keyCreated, "refresh_token_key", at: start)
            for _ in 0..<2 {
                _ = try await storage.replaceValue(named: .refreshTokenKey, "one", by: "two", audit: event)
            }
            try expect(try await storage.events(), is: [event], "the audit log")
        },
    ]

    static let auditLogChecks = [
        Check("the audit log is read in both directions, in pages") { storage in
            for number in 1...7 {
                try await storage.insert(ConformanceSample.record("h\(number)"), audit: event("h\(number)"))
            }
            let all = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
            let numbers = all.map(\.sequence)
            try expect(Set(numbers).count, is: 7, "different numbers")
            try expect(numbers, is: numbers.sorted(), "the order of the numbers")
            let back = try await storage.auditEvents(AuditQuery(order: .newestFirst(before: numbers[4]), limit: 3))
            try expect(back.map(\.sequence), is: [numbers[3], numbers[2], numbers[1]], "a page backwards")
            let on = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: numbers[4]), limit: 3))
            try expect(on.map(\.sequence), is: [numbers[5], numbers[6]], "a page forwards")
            let newest = try await storage.auditEvents(AuditQuery(limit: 1))
            try expect(newest, is: [all[6]], "the newest entry")
        },
        Check("the audit log is read by session, by user and by kind") { storage in
            try await storage.insert(ConformanceSample.record("a"), audit: event("a"))
            try await storage.insert(ConformanceSample.record("b", user: "u2"), audit: event("b", user: "u2"))
            _ = try await storage.remove(
                .handles([SessionHandle("b")]), audit: Revocation(by: .user, .handle, at: start))
            let ofSession = try await storage.auditEvents(AuditQuery(handle: SessionHandle("a")))
            try expect(ofSession.map(\.event), is: [event("a")], "of a session")
            let ofUser = try await storage.auditEvents(AuditQuery(userID: UserID("u2"), name: .revoked))
            try expect(ofUser.map(\.event.name), is: [.revoked], "of a user and a kind")
            let ofNobody = try await storage.auditEvents(AuditQuery(userID: UserID("u3")))
            try expect(ofNobody, is: [], "of nobody")
        },
        Check("what is too old or too much is trimmed, the oldest first and never the newest") { storage in
            for number in 1...9 {
                let time = start + .seconds(Int64(number))
                let entry = event("h\(number)", at: time)
                try await storage.insert(ConformanceSample.record("h\(number)"), audit: entry)
            }
            let age = AuditRetention(age: .seconds(10), entries: 100)
            let now = start + .seconds(14)
            try expect(try await storage.trimAuditLog(age, at: now, limit: 2), is: 2, "trimmed at most")
            try expect(try await storage.trimAuditLog(age, at: now, limit: 100), is: 1, "trimmed by age")
            let size = AuditRetention(age: .seconds(10), entries: 4)
            try expect(try await storage.trimAuditLog(size, at: now, limit: 100), is: 2, "trimmed by number")
            try expect(
                try await storage.events().compactMap(\.handle?.rawValue), is: ["h6", "h7", "h8", "h9"], "what is left")
            let nothing = AuditRetention(age: .seconds(0), entries: 0)
            let much = start + .seconds(9_999)
            try expect(try await storage.trimAuditLog(nothing, at: much, limit: 100), is: 3, "trimmed at the end")
            let last = try await storage.auditEvents(AuditQuery())
            try await storage.insert(ConformanceSample.record("new"), audit: event("new"))
            let newest = try await storage.auditEvents(AuditQuery(limit: 1))
            try expect((newest.first?.sequence ?? 0) > (last.first?.sequence ?? 0), "a number was given twice")
        },
    ]
}

extension AuditLog {
    /// The audit events, oldest first.
    fileprivate func events() async throws -> [AuditEvent] {
        try await auditEvents(AuditQuery(order: .oldestFirst(after: 0))).map(\.event)
    }
}
