import LosslessJSON
import SessionEngine
import SessionStorage

extension StorageConformance {
    static let insertChecks = [
        Check("A session that was never inserted is not there") { storage in
            try expect(try await storage.session(SessionHandle("none")) == nil, "a session came from nowhere")
        },
        Check("An inserted session round-trips") { storage in
            let record = fullRecord
            try await storage.insert(record)
            let stored = try await storage.session(record.handle)
            try expect(ConformanceSample.isSame(stored, record), "the record changed on its way")
        },
        Check("A handle is taken once, and the second insertion changes nothing") { storage in
            let record = ConformanceSample.record("h")
            try await storage.insert(record)
            try await expectAlreadyExists(storage, ConformanceSample.record("h", user: "u2"))
            let stored = try await storage.session(record.handle)
            try expect(ConformanceSample.isSame(stored, record), "a refused insertion changed the session")
            try expect(try await storage.handleTexts(of: "u2"), is: [], "handles of the refused user")
        },
        Check("An expired session is still read") { storage in
            let record = ConformanceSample.record("h", expiresAt: Timestamp(milliseconds: 1))
            try await storage.insert(record)
            try expect(try await storage.session(record.handle) == record, "an expired session is not read")
        },
        Check("A removed session's handle may be taken again") { storage in
            try await storage.insert(ConformanceSample.record("h"))
            _ = try await storage.remove(.handles([SessionHandle("h")]))
            try await storage.insert(ConformanceSample.record("h", user: "u2"))
            try expect(try await storage.handleTexts(of: "u2"), is: ["h"], "handles of the new owner")
        },
    ]

    /// A record that has something else in every column.
    private static var fullRecord: SessionRecord {
        SessionRecord(
            handle: SessionHandle("handle_t1"), tenantID: TenantID("t1"), userID: UserID("user"),
            currentTokenHash: StoredTokenHash(stored: "hash"), sessionData: JSONObjectText(stored: "{\"a\":1}"),
            accessTokenPayload: JSONObjectText(stored: "{\"b\":2}"), createdAt: Timestamp(milliseconds: -5),
            expiresAt: Timestamp(milliseconds: .max), signingKeyKind: .static)
    }

    private static func expectAlreadyExists(_ storage: any SessionStorage, _ record: SessionRecord) async throws {
        do {
            try await storage.insert(record)
        } catch {
            return try expect(error.code == .alreadyExists, "a taken handle gives \(error) instead of alreadyExists")
        }
        throw ConformanceFailure("a taken handle was inserted again")
    }

    static let updateChecks = [
        Check("A decision sees the session as it is and its outcome is returned") { storage in
            let record = ConformanceSample.record("h")
            try await storage.insert(record)
            let seen = try await storage.update(record.handle) { Decision(.keep, $0) }
            try expect(seen == record, "a decision saw another session")
            try expect(try await storage.session(record.handle) == record, "keep changed the session")
        },
        Check("A replacement changes every column but the handle") { storage in
            try await storage.insert(ConformanceSample.record("handle_t1"))
            let record = fullRecord
            let outcome = try await storage.update(record.handle) { _ in Decision(.replace(record), "outcome") }
            try expect(outcome, is: "outcome", "outcome of a replacement")
            let stored = try await storage.session(record.handle)
            try expect(ConformanceSample.isSame(stored, record), "a replacement did not replace everything")
            try expect(try await storage.handleTexts(of: "user"), is: ["handle_t1"], "handles of the new user")
            try expect(try await storage.handleTexts(of: "u1"), is: [], "handles of the old user")
        },
        Check("A removal removes") { storage in
            try await storage.insert(all: [ConformanceSample.record("h"), ConformanceSample.record("other")])
            try await storage.update(SessionHandle("h")) { _ in Decision(.remove, ()) }
            try expect(try await storage.session(SessionHandle("h")) == nil, "a removed session is there")
            try expect(try await storage.handleTexts(of: "u1"), is: ["other"], "handles after a removal")
        },
        Check("A session that does not exist is decided upon as nil and not made") { storage in
            let record = ConformanceSample.record("h")
            for change in [SessionChange.replace(record), .remove, .keep] {
                let sawNothing = try await storage.update(record.handle) { Decision(change, $0 == nil) }
                try expect(sawNothing, "a decision saw a session that does not exist")
                try expect(try await storage.session(record.handle) == nil, "a decision made a session")
            }
        },
        Check("A removed session is not re-created by a decision") { storage in
            let record = ConformanceSample.record("h")
            try await storage.insert(record)
            _ = try await storage.remove(.handles([record.handle]))
            try await storage.update(record.handle) { _ in Decision(.replace(record), ()) }
            try expect(try await storage.session(record.handle) == nil, "a revoked session was re-created")
        },
        Check("A change is seen by the next read and the next decision") { storage in
            var record = ConformanceSample.record("h")
            try await storage.insert(record)
            for step in 1...20 {
                record.accessTokenPayload = JSONObjectText(stored: "{\"n\":\(step)}")
                let next = record
                try await storage.update(record.handle) { _ in Decision(.replace(next), ()) }
                let seen = try await storage.update(record.handle) { Decision(.keep, $0) }
                try expect(seen == next, "a decision missed change \(step)")
                try expect(try await storage.session(record.handle) == next, "a read missed change \(step)")
            }
        },
    ]
}
