import LosslessJSON
import SessionEngine
import SessionStorage
import Testing

@testable import PostgresStorage

@Suite("Limits of sessions and of their number in PostgreSQL (docs/policy.md)", .enabled(if: TestDatabase.uri != nil))
struct PostgresPolicyTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)

    private static func record(
        _ handle: String, user: String, at time: Timestamp = now, tenant: String = "public",
        traits: SessionTraits = .none
    ) -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: TenantID(tenant), userID: UserID(user),
            currentTokenHash: StoredTokenHash(stored: "h-\(handle)"), sessionData: JSONObjectText(stored: "{}"),
            accessTokenPayload: JSONObjectText(stored: "{}"), createdAt: time, expiresAt: time + .days(1),
            signingKeyKind: .dynamic, traits: traits)
    }

    @Test("Of 50 sign-ins at once on two nodes 3 live and 47 were evicted, 5 rounds")
    func parallel() async throws {
        let settings = try TestDatabase.settings()
        let nodes = [
            try await TestDatabase.make(settings, node: "one"), try await TestDatabase.make(settings, node: "two"),
        ]
        defer { for node in nodes { node.close() } }
        let admission = SessionAdmission(limit: SessionLimit(3), terms: .unlimited)
        for round in 0..<5 {
            let user = "u\(round)"
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    let storage = nodes[number % 2].storage(of: .public)
                    group.addTask {
                        let record = Self.record("\(round)-\(number)", user: user)
                        _ = try await storage.insert(record, admission: admission, audit: .created(record))
                    }
                }
                try await group.waitForAll()
            }
            let storage = nodes[round % 2].storage(of: .public)
            #expect(try await storage.handles(of: UserID(user), liveAt: Self.now).count == 3)
            let ends = try await storage.auditEvents(AuditQuery(userID: UserID(user), name: .revoked))
            #expect(ends.count == 47 && ends.allSatisfy { $0.event.means == .limit && $0.event.actor == .core })
            #expect(ends.first?.event.details["limit"] == 3)
            #expect(ends.first?.event.details["replacedBy"]?.string?.isEmpty == false)
            #expect(try await storage.auditEvents(AuditQuery(userID: UserID(user), name: .created)).count == 50)
        }
    }

    @Test(
        "AN03: of 32 upgrades at once on two nodes one takes the session's place, and the others store nothing, 5 rounds"
    )
    func upgrades() async throws {
        let settings = try TestDatabase.settings()
        let nodes = [
            try await TestDatabase.make(settings, node: "one"), try await TestDatabase.make(settings, node: "two"),
        ]
        defer { for node in nodes { node.close() } }
        for round in 0..<5 {
            let old = Self.record("old\(round)", user: "anon_0123456789ABCDEFGHIJab")
            try await nodes[0].storage(of: .public).insert(old)
            let limit = round % 2 == 0 ? nil : SessionLimit(1)
            let admission = SessionAdmission(limit: limit, predecessor: old, terms: .unlimited)
            let outcomes = try await withThrowingTaskGroup(of: SessionAdmission.Outcome.self) { group in
                for number in 0..<32 {
                    let storage = nodes[number % 2].storage(of: .public)
                    group.addTask {
                        let record = Self.record("\(round)-\(number)", user: "u\(round)-\(number % 4)")
                        return try await storage.insert(record, admission: admission, audit: .created(record))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.count { $0 == .created(ended: [old.handle]) } == 1, "round \(round)")
            #expect(outcomes.count { $0 == .predecessorChanged } == 31, "round \(round)")
            let ends = try await nodes[1].storage(of: .public).auditEvents(
                AuditQuery(handle: old.handle, name: .revoked))
            #expect(ends.count == 1 && ends.first?.event.means == .replaced, "round \(round)")
        }
        let created = try await nodes[1].storage(of: .public).auditEvents(AuditQuery(name: .created))
        #expect(created.count == 5)
    }

    @Test("What is refused, replaced, and counted by tenant and by use")
    func actions() async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let storage = database.storage(of: .public)
        func insert(
            _ record: SessionRecord, _ limit: SessionLimit?, replacing old: String? = nil, audited: Bool = true
        ) async throws -> SessionAdmission.Outcome {
            try await storage.insert(
                record,
                admission: SessionAdmission(limit: limit, replaced: old.map { SessionHandle($0) }, terms: .unlimited),
                audit: audited ? .created(record) : nil)
        }
        let refuses = SessionLimit(2, action: .refuseNew)
        for name in ["a", "b"] {
            #expect(try await insert(Self.record(name, user: "u"), refuses) == .created(ended: []))
        }
        #expect(try await insert(Self.record("c", user: "u"), refuses) == .refused(["a", "b"]))
        #expect(try await storage.session(SessionHandle("c")) == nil)
        let refusal = try await storage.auditEvents(AuditQuery(name: .refused))
        #expect(refusal.count == 1 && refusal.first?.event.details["count"] == 2 && refusal.first?.event.handle == nil)
        #expect(try await insert(Self.record("c", user: "u"), refuses, replacing: "a") == .created(ended: ["a"]))
        let replaced = try await storage.auditEvents(AuditQuery(handle: SessionHandle("a"), name: .revoked)).first?
            .event
        #expect(replaced?.means == .replaced && replaced?.details["replacedBy"] == "c")
        #expect(
            try await insert(Self.record("d", user: "v"), nil, replacing: "b", audited: false) == .created(ended: []))
        #expect(try await storage.session(SessionHandle("b")) != nil, "another user's")
        // By use: the one that was rotated last stays.
        var used = Self.record("x", user: "w")
        used.rotatedAt = Self.now + .seconds(50)
        let byUse = SessionLimit(2, action: .evictIdle)
        _ = try await insert(used, byUse)
        _ = try await insert(Self.record("y", user: "w", at: Self.now + .seconds(10)), byUse)
        #expect(
            try await insert(Self.record("z", user: "w", at: Self.now + .seconds(20)), byUse) == .created(ended: ["y"]))
        // By tenant, and without those that no user began.
        let byTenant = SessionLimit(1, scope: .tenant)
        _ = try await insert(Self.record("p", user: "q", tenant: "t1"), byTenant)
        let anonymous = Self.record("r", user: "q", tenant: "t2", traits: SessionTraits(flags: .anonymous))
        #expect(try await insert(anonymous, byTenant) == .created(ended: []))
        #expect(try await insert(Self.record("s", user: "q", tenant: "t2"), byTenant) == .created(ended: []))
        #expect(try await insert(Self.record("t", user: "q", tenant: "t2"), byTenant) == .created(ended: ["s"]))
        await #expect(throws: StorageError.self) { _ = try await insert(Self.record("t", user: "q"), byTenant) }
    }

    @Test("The fragment of SQL and the function say the same of every row, and why it ended")
    func liveness() async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let storage = database.storage(of: .public)
        let terms = SessionTerms(
            validity: .days(100), normal: SessionLimits(idle: .seconds(900), absolute: .seconds(3_600)),
            remembered: SessionLimits(absolute: .seconds(7_200)))
        var records: [SessionRecord] = []
        for flags in [SessionTraits.Flags(), .remembered] {
            for authenticated: Int64? in [nil, -7_200, -3_600, 0] {
                for own: Int64? in [nil, 0, 600, Int64.max / 1_000] {
                    for end: Int64 in [-1, 0, 1, 5_000_000] {
                        let traits = SessionTraits(
                            authenticatedAt: authenticated.map { Self.now + .seconds($0) },
                            limits: SessionLimits(absolute: own.map { .seconds($0) }), flags: flags)
                        var record = Self.record(
                            "l\(records.count)", user: "u", at: Self.now + .seconds(-3_599), traits: traits)
                        record.expiresAt = Self.now + Milliseconds(end)
                        records.append(record)
                        try await storage.insert(record)
                    }
                }
            }
        }
        let live = Set(try await storage.handles(of: UserID("u"), tenant: nil, liveAt: Self.now, within: terms))
        let expected = records.filter { !$0.isExpired(at: Self.now, within: terms) }.map(\.handle)
        #expect(live == Set(expected) && !expected.isEmpty && expected.count < records.count)
        let ended = try await storage.remove(
            .expired(at: Self.now, limit: 1_000, within: terms), audit: .expiry(at: Self.now))
        #expect(Set(ended).union(live).count == records.count && ended.count == records.count - live.count)
        let events = try await storage.auditEvents(AuditQuery(name: .revoked, limit: 1_000)).map(\.event)
        #expect(events.count == ended.count)
        for record in records where !live.contains(record.handle) {
            let expiry = record.expiry(within: terms)
            let event = events.first { $0.handle == record.handle }
            #expect(event?.details["reason"] == .string(expiry.reason.rawValue), "\(record.handle)")
            #expect(event?.details["endedAt"]?.number?.int64 == expiry.endedAt.milliseconds, "\(record.handle)")
        }
    }

    @Test("Level, methods, times and limits come back as they were stored, also after a change")
    func traits() async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let storage = database.storage(of: .public)
        let traits = SessionTraits(
            authenticatedAt: Self.now, limits: SessionLimits(idle: .seconds(120), absolute: .seconds(300)),
            level: "aal2", methods: ["pwd", "otp"], levelAt: Self.now + .seconds(1), flags: .remembered)
        let record = Self.record("k", user: "u", traits: traits)
        try await storage.insert(record)
        #expect(try await storage.session(record.handle)?.traits == traits)
        try await storage.update(record.handle) { current, _ in
            guard var next = current else { return Decision(.keep, ()) }
            next.traits.level = "aal3"
            return Decision(.replace(next), ())
        }
        #expect(try await storage.session(record.handle)?.traits.level == "aal3")
    }
}
