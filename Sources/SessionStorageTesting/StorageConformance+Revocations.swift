import SessionEngine
import SessionStorage

/// The ends of sessions and keys are noted in the step that ends them (docs/decisions/0046).
extension StorageConformance {
    private static let start = ConformanceSample.start
    /// Later than any database's clock.
    private static let far = Timestamp(milliseconds: 32_000_000_000_000)

    private static func record(_ handle: String, user: String = "u1", tenant: String = "public") -> SessionRecord {
        ConformanceSample.record(handle, user: user, expiresAt: far, tenant: tenant)
    }

    /// What was noted, in words.
    private static func noted(_ storage: any SessionStorage, after sequence: Int64 = 0) async throws -> [String] {
        try await storage.revocations(after: sequence, limit: 1_000).records.map { record in
            switch record.subject {
            case .session(let handle): handle.rawValue
            case .user(let user, let tenant): "all of \(user.rawValue) in \(tenant?.rawValue ?? "-")"
            case .erasedUser(let digest, let tenant): "all of #\(digest) in \(tenant?.rawValue ?? "-")"
            case .key(let key): "key \(key.rawValue)"
            }
        }
    }

    static let revocationChecks = [
        Check("A session that ends in any way is noted once, and one that is rotated is not") { storage in
            try await storage.insert(all: ["a", "b", "c", "d", "e"].map { record($0) })
            try await storage.insert(record("x", user: "u2"))
            var rotated = record("a")
            rotated.rotationCount = 9
            let (next, created) = (rotated, record("a"))
            let wasThere = try await storage.update(created.handle) { Decision(.replace(next), $0 == created) }
            try expect(wasThere, "a session is not as it was stored")
            try expect(try await noted(storage), is: [], "noted while nothing has ended")
            try await storage.update(created.handle) { _ in Decision(.remove, ()) }
            _ = try await storage.remove(.handles([SessionHandle("b"), SessionHandle("no")]), audit: nil)
            let all = RevocationTarget.user(UserID("u1"), tenant: nil, liveAt: start)
            _ = try await storage.remove(all, audit: Revocation(by: .user, .all, at: start))
            let found = try await noted(storage)
            try expect(Array(found.prefix(2)), is: ["a", "b"], "noted first")
            try expect(Set(found.dropFirst(2)), is: ["c", "d", "e"], "noted for the user")
            try expect(found.count, is: 5, "how many were noted")
        },
        Check("A session that expired long ago is not noted when its row goes") { storage in
            try await storage.insert(ConformanceSample.record("old"))
            try await storage.insert(record("b"))
            let gone = try await storage.remove(.expired(at: ConformanceSample.later, limit: 9), audit: nil)
            try expect(gone.map(\.rawValue), is: ["old"], "removed as expired")
            try expect(try await noted(storage), is: [], "noted of what had expired")
        },
        Check("What was noted is read in pages, each number greater than the one before") { storage in
            let handles = (0..<25).map { "\($0)" }
            for handle in handles {
                try await storage.insert(record(handle))
                _ = try await storage.remove(.handles([SessionHandle(handle)]), audit: nil)
            }
            var (read, last): ([String], Int64) = ([], 0)
            while true {
                let page = try await storage.revocations(after: last, limit: 7)
                guard let newest = page.last else { break }
                try expect(newest > last && page.records.count <= 7, "a page ends at \(newest) after \(last)")
                try expect(page.records.allSatisfy { $0.notedAt > start }, "noted before it happened")
                read += try await noted(storage, after: last).prefix(page.records.count)
                last = newest
            }
            try expect(read, is: handles, "read in pages")
            try expect(try await storage.revocations(after: .max, limit: 7).records, is: [], "after the last number")
            try expect(try await storage.revocations(after: 0, limit: 0).records, is: [], "with limit 0")
        },
        Check("Many sessions of a user are noted as one, and not again when their rows go") { storage in
            try await CutOff.$largestStep.withValue(3) {
                try await storage.insert(all: (0..<6).map { record("\($0)", tenant: $0 < 5 ? "t" : "public") })
                let inTenant = RevocationTarget.user(UserID("u1"), tenant: TenantID("t"), liveAt: start)
                _ = try await storage.remove(inTenant, audit: nil)
                _ = try await storage.remove(.user(UserID("u1"), tenant: nil, liveAt: start), audit: nil)
                let swept = start + CutOff.settlingTime + Milliseconds(1)
                while try await storage.sweepCutOffs(at: swept, limit: 100) > 0 {}
                try expect(try await noted(storage), is: ["all of u1 in t", "all of u1 in -"], "noted")
                let page = try await storage.revocations(after: 0, limit: 9)
                try expect(page.records.map(\.time), is: [start, start], "up to when the sessions were created")
                while try await !storage.eraseUser(UserID("u1"), audit: nil, limit: 100).isDone {}
                let name = "all of #" + RevocationRecord.digest(of: UserID("u1"))
                try expect(
                    try await noted(storage), is: ["\(name) in t", "\(name) in -"], "noted of one who was erased")
            }
        },
        Check("A key that goes is noted, and stays when the rest is trimmed") { storage in
            let (old, new) = (try ConformanceSample.key("k1"), try ConformanceSample.key("k2"))
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [old, new]) }
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(removing: [old.id]) }
            for handle in ["a", "b", "c"] {
                try await storage.insert(record(handle))
                _ = try await storage.remove(.handles([SessionHandle(handle)]), audit: nil)
            }
            try expect(try await noted(storage), is: ["key k1", "a", "b", "c"], "noted")
            let notedAt = try await storage.revocations(after: 0, limit: 9).records.map(\.notedAt).max() ?? start
            try expect(try await storage.trimRevocations(notedBefore: start, limit: 9), is: 0, "trimmed too early")
            let after = notedAt + Milliseconds(1)
            try expect(try await storage.trimRevocations(notedBefore: after, limit: 2), is: 2, "trimmed at first")
            try expect(try await noted(storage), is: ["key k1", "c"], "left after the first step")
            try expect(try await storage.trimRevocations(notedBefore: after, limit: 2), is: 1, "trimmed at last")
            let last = try await storage.revocations(after: 0, limit: 9).last ?? 0
            try await storage.insert(record("d"))
            _ = try await storage.remove(.handles([SessionHandle("d")]), audit: nil)
            let next = try await storage.revocations(after: last, limit: 9)
            try expect(next.records.map(\.subject), is: [.session(SessionHandle("d"))], "noted after all was trimmed")
        },
    ]
}
