import SessionEngine
import SessionStorage

extension StorageConformance {
    static let listChecks = [
        Check("A user's handles come oldest first and without those of others") { storage in
            let times: [(String, Int64)] = [("c", 3), ("a", 1), ("b", 2), ("e", 5), ("d", 4)]
            for (handle, offset) in times {
                let created = ConformanceSample.start + Milliseconds(offset)
                try await storage.insert(ConformanceSample.record(handle, createdAt: created))
            }
            try await storage.insert(ConformanceSample.record("x", user: "u2"))
            try expect(try await storage.handleTexts(of: "u1"), is: ["a", "b", "c", "d", "e"], "handles")
            try expect(try await storage.handleTexts(of: "u2"), is: ["x"], "handles of another user")
            try expect(try await storage.handleTexts(of: "nobody"), is: [], "handles of nobody")
        },
        Check("A session is listed up to its last millisecond") { storage in
            let end = ConformanceSample.later
            try await storage.insert(ConformanceSample.record("h", expiresAt: end))
            for (offset, expected) in [(-1, ["h"]), (0, []), (1, [])] as [(Int64, [String])] {
                let listed = try await storage.handleTexts(of: "u1", liveAt: end + Milliseconds(offset))
                try expect(listed, is: expected, "handles \(offset) ms after the end")
            }
        },
        Check("A user's sessions are listed and removed in one tenant, or in all") { storage in
            for (handle, tenant) in [("a", "public"), ("b", "t1"), ("c", "t1"), ("d", "t2")] {
                try await storage.insert(ConformanceSample.record(handle, tenant: tenant))
            }
            try await storage.insert(ConformanceSample.record("x", user: "u2", tenant: "t1"))
            for (tenant, expected) in [("public", ["a"]), ("t1", ["b", "c"]), ("t3", [])] {
                let listed = try await storage.handles(
                    of: UserID("u1"), tenant: TenantID(tenant), liveAt: ConformanceSample.start)
                try expect(listed.map(\.rawValue), is: expected, "handles in \(tenant)")
            }
            let selection = RevocationTarget.user(
                UserID("u1"), tenant: TenantID("t1"), liveAt: ConformanceSample.start)
            try expect(try await storage.remove(selection).map(\.rawValue), is: ["b", "c"], "removed in one tenant")
            try expect(try await storage.handleTexts(of: "u1"), is: ["a", "d"], "handles left")
            try expect(try await storage.handleTexts(of: "u2"), is: ["x"], "handles of another user")
        },
        Check("The empty user has sessions like any other") { storage in
            try await storage.insert(all: [ConformanceSample.record("h", user: ""), ConformanceSample.record("i")])
            try expect(try await storage.handleTexts(of: ""), is: ["h"], "handles of the empty user")
        },
    ]

    static let removalChecks = [
        Check("Handles are removed in the order asked for, each once, unknown ones not at all") { storage in
            try await storage.insert(all: ["a", "b", "c"].map { ConformanceSample.record($0) })
            let asked = ["c", "none", "a", "c", ""].map { SessionHandle($0) }
            let removed = try await storage.remove(.handles(asked)).map(\.rawValue)
            try expect(removed, is: ["c", "a"], "removed handles")
            try expect(try await storage.handleTexts(of: "u1"), is: ["b"], "handles left")
            try expect(try await storage.remove(.handles(asked)), is: [], "removed the second time")
            try expect(try await storage.remove(.handles([])), is: [], "removed of nothing")
        },
        Check("An expired session is removed by its handle") { storage in
            let record = ConformanceSample.record("h", expiresAt: Timestamp(milliseconds: 1))
            try await storage.insert(record)
            try expect(try await storage.remove(.handles([record.handle])), is: [record.handle], "removed")
        },
        Check("A user's live sessions are removed, oldest first, and no others") { storage in
            let start = ConformanceSample.start
            try await storage.insert(all: [
                ConformanceSample.record("b", createdAt: start + Milliseconds(2)),
                ConformanceSample.record("a", createdAt: start + Milliseconds(1)),
                ConformanceSample.record("over", expiresAt: start), ConformanceSample.record("x", user: "u2"),
            ])
            let removed = try await storage.remove(.user(UserID("u1"), liveAt: start)).map(\.rawValue)
            try expect(removed, is: ["a", "b"], "removed handles")
            try expect(try await storage.session(SessionHandle("x")) != nil, "another user's session was removed")
            try expect(try await storage.session(SessionHandle("over")) != nil, "an ended session was removed")
            try expect(try await storage.remove(.user(UserID("nobody"), liveAt: start)), is: [], "of nobody")
        },
        Check("Ended sessions are removed, a limited number at a time, and live ones never") { storage in
            let end = ConformanceSample.later
            try await storage.insert(all: (0..<5).map { ConformanceSample.record("h\($0)", expiresAt: end) })
            try await storage.insert(ConformanceSample.record("live", expiresAt: end + Milliseconds(1)))
            let before = try await storage.remove(.expired(at: end + Milliseconds(-1), limit: 10))
            try expect(before, is: [], "removed before the end")
            var removed: [String] = []
            for expected in [2, 2, 1, 0] {
                let batch = try await storage.remove(.expired(at: end, limit: 2))
                try expect(batch.count, is: expected, "number of removed sessions")
                removed += batch.map(\.rawValue)
            }
            try expect(removed.sorted(), is: (0..<5).map { "h\($0)" }, "removed handles")
            try expect(try await storage.handleTexts(of: "u1"), is: ["live"], "handles left")
        },
        Check("With a limit of nothing nothing is removed") { storage in
            try await storage.insert(ConformanceSample.record("h", expiresAt: Timestamp(milliseconds: 0)))
            let removed = try await storage.remove(.expired(at: ConformanceSample.start, limit: 0))
            try expect(removed, is: [], "removed with limit 0")
        },
    ]
}
