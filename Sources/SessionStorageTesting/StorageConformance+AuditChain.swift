import LosslessJSON
import SessionEngine
import SessionStorage

/// The chain over the audit log, its filters by actor and time, and the erasure of users (docs/decisions/0025).
extension StorageConformance {
    private static let start = ConformanceSample.start

    /// The n-th of a number of events about some users, one a second.
    private static func event(_ number: Int) -> AuditEvent {
        AuditEvent(
            name: number.isMultiple(of: 3) ? .revoked : .created, time: start + .seconds(Int64(number)),
            handle: SessionHandle("h\(number)"), tenantID: .public, userID: UserID("u\(number % 2)"),
            actor: number.isMultiple(of: 3) ? .driver : nil, means: number.isMultiple(of: 3) ? .handle : nil,
            details: ["text": "ä\u{0}"])
    }

    private static func fill(_ storage: any SessionStorage, _ numbers: ClosedRange<Int>) async throws {
        for number in numbers {
            let record = ConformanceSample.record("h\(number)", user: "u\(number % 2)")
            try await storage.insert(record, audit: event(number))
        }
    }

    static let auditChainChecks = [
        Check("the audit log is read by actor and by time, in both directions and in pages") { storage in
            try await fill(storage, 1...9)
            func handles(_ query: AuditQuery) async throws -> [String] {
                try await storage.auditEvents(query).compactMap { $0.event.handle?.rawValue }
            }
            try expect(try await handles(AuditQuery(actor: .driver)), is: ["h9", "h6", "h3"], "by an actor")
            try expect(try await handles(AuditQuery(actor: .core)), is: [], "by another actor")
            let (since, until) = (start + .seconds(3), start + .seconds(7))
            let all = AuditQuery(order: .oldestFirst(after: 0), since: since, until: until)
            try expect(try await handles(all), is: ["h3", "h4", "h5", "h6"], "of a time")
            var page = AuditQuery(since: since, until: until, limit: 3)
            let newest = try await storage.auditEvents(page)
            try expect(newest.compactMap(\.event.handle?.rawValue), is: ["h6", "h5", "h4"], "the newest of a time")
            page.order = .newestFirst(before: newest.last?.sequence)
            try expect(try await handles(page), is: ["h3"], "the page before")
            page.order = .oldestFirst(after: newest.last?.sequence ?? 0)
            try expect(try await handles(page), is: ["h5", "h6"], "the page after")
            let ofUser = AuditQuery(userID: UserID("u1"), since: since, until: until)
            try expect(try await handles(ofUser), is: ["h5", "h3"], "of a user and a time")
            try expect(try await handles(AuditQuery(since: start + .seconds(8))), is: ["h9", "h8"], "since a time")
            let found = try await storage.auditEvents(AuditQuery(actor: .driver, limit: 1)).map(\.event)
            try expect(found, is: [event(9)], "an event with who did it and how")
        },
        Check("the chain takes each entry once, and verifies") { storage in
            try await fill(storage, 1...5)
            try await storage.chainAll()
            try await fill(storage, 6...7)
            try await storage.chainAll()
            let chain = try await storage.verified()
            try expect(chain.entryCount, is: 7, "chained entries")
            try expect(chain.pageCount >= 2 && chain.firstPage?.number == 1, "the pages are not numbered from 1")
            let noted = AuditVerification(of: .public, noted: chain.firstPage?.hash)
            try expect(try await storage.verified(noted).hasFoundHead, "the noted head was not found")
            let head = try await storage.auditPages(after: 0, limit: 100).last
            try await storage.chainAll()
            try expect(try await storage.auditPages(after: 0, limit: 100).last, is: head, "a page without entries")
        },
        Check("the chain is trimmed by whole pages, and what is left verifies") { storage in
            for number in 1...3 {
                try await fill(storage, (number * 10)...(number * 10 + 3))
                try await storage.chainAll()
            }
            let keepsAll = AuditRetention(age: .seconds(1_000), entries: 12)
            let now = start + .seconds(40)
            try expect(try await storage.trimAuditLog(keepsAll, at: now, limit: 9), is: 0, "trimmed without need")
            let byNumber = AuditRetention(age: .seconds(1_000), entries: 7)
            try expect(try await storage.trimAuditLog(byNumber, at: now, limit: 1), is: 4, "trimmed by number")
            let byAge = AuditRetention(age: .seconds(1), entries: 100)
            try expect(try await storage.trimAuditLog(byAge, at: now, limit: 100), is: 4, "trimmed by age")
            try expect(try await storage.verified().entryCount, is: 4, "entries that are left")
            try await fill(storage, 40...41)
            try await storage.chainAll()
            try expect(try await storage.verified().entryCount, is: 6, "entries after the next ones")
        },
        Check("a user who is erased is nowhere, and the chain verifies") { storage in
            try await fill(storage, 1...5)
            try await storage.noteActivity([UserID("u1"): start, UserID("u0"): start])
            try await storage.chainAll()
            let head = try await storage.auditPages(after: 0, limit: 100).last
            try await fill(storage, 6...7)
            let done = try await storage.erase("u1")
            try expect(done.sessions, is: 4, "ended sessions")
            try expect(done.entries, is: 8, "entries with the pseudonym")
            try expect(done.wasSeen, "when the user was last seen was not known")
            try expect(try await storage.handleTexts(of: "u1"), is: [], "sessions")
            try expect(try await storage.handleTexts(of: "u0").count, is: 3, "sessions of another user")
            try expect(try await storage.countActiveUsers(since: start), is: 1, "active users")
            try expect(try await storage.auditEvents(AuditQuery(userID: UserID("u1"))), is: [], "the user's entries")
            let pseudonym = UserID(done.pseudonym ?? "")
            try expect(try await storage.auditEvents(AuditQuery(userID: pseudonym)).count, is: 8, "the pseudonym's")
            let again = try await storage.erase("u1")
            try expect(again, is: ErasureProgress(isDone: true), "a second time")
            try expect(try await storage.verified().head, is: head, "the head")
            try await storage.chainAll()
            try expect(try await storage.verified().entryCount, is: 11, "entries after it")
            try await fill(storage, 9...9)
            try await storage.chainAll()
            let other = try await storage.erase("u1")
            try expect(
                other.entries == 2 && other.pseudonym != done.pseudonym, "the user got the same pseudonym again")
            try await storage.chainAll()
            try expect(try await storage.verified().entryCount, is: 13, "entries in the end")
        },
        Check("the sessions of a user who is erased go, also those that a mass end ended") { storage in
            try await CutOff.$largestStep.withValue(2) {
                try await fill(storage, 1...9)
                _ = try await storage.remove(.user(UserID("u1"), liveAt: start), audit: nil)
                let done = try await storage.erase("u1")
                try expect(done.sessions, is: 5, "ended sessions")
                try expect(try await storage.handleTexts(of: "u1"), is: [], "sessions")
                try await storage.insert(ConformanceSample.record("h1", user: "u1", createdAt: start + .seconds(9_000)))
                try expect(try await storage.handleTexts(of: "u1"), is: ["h1"], "a session that begins later")
            }
        },
        Check("an event without a change is added") { storage in
            try await storage.addAuditEvent(event(3))
            try expect(try await storage.auditEvents(AuditQuery()).map(\.event), is: [event(3)], "the audit log")
        },
    ]
}

extension AuditLog where Self: AuditChainStore {
    /// Chains all that there is; another transaction of the database server may hold it up for a moment.
    func chainAll() async throws {
        let newest = try await auditEvents(AuditQuery(limit: 1)).first?.sequence ?? 0
        for _ in 0..<50_000 {
            if try await auditPages(after: 0, limit: 10_000).last?.last ?? 0 >= newest { return }
            _ = try await chainAuditLog(at: ConformanceSample.later)
        }
        throw ConformanceFailure("the newest entries are not chained")
    }

    /// Verifies all pages.
    func verified(_ from: AuditVerification? = nil) async throws -> AuditVerification {
        var verification = from ?? AuditVerification(of: .public)
        for page in try await auditPages(after: 0, limit: 10_000) {
            let entries = try await chainedEntries(
                after: verification.lastSequence, limit: AuditVerification.entriesToRead)
            do throws(AuditFault) { try verification.check(page, entries) } catch {
                throw ConformanceFailure("page \(error.page), entry \(error.sequence ?? 0): \(error.text)")
            }
        }
        return verification
    }

    /// Erases a user, a little at a time.
    func erase(_ user: String) async throws -> ErasureProgress {
        var done = ErasureProgress()
        let revocation = Revocation(by: .administrator, .all, at: ConformanceSample.later)
        for _ in 0..<1_000 where !done.isDone {
            done.add(try await eraseUser(UserID(user), audit: revocation, limit: 2))
        }
        return done
    }
}
