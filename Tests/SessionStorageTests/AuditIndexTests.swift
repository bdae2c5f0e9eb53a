import Dispatch
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("Reading the audit log (finding W6)")
struct AuditIndexTests {
    private static let queries: [(AuditQuery, index: String)] = [
        (AuditQuery(), "PRIMARY KEY"),
        (AuditQuery(userID: UserID("u")), "audit_trail_user"),
        (AuditQuery(handle: SessionHandle("h")), "audit_trail_session"),
        (AuditQuery(name: .revoked), "audit_trail_event"),
        (AuditQuery(userID: UserID("u"), name: .revoked), "audit_trail_user"),
        (AuditQuery(handle: SessionHandle("h"), userID: UserID("u"), name: .revoked), "audit_trail_session"),
        (AuditQuery(actor: .core), "audit_trail_actor"),
        (AuditQuery(name: .revoked, actor: .core), "audit_trail_event"),
        (AuditQuery(userID: UserID("u"), since: Sample.now, until: Sample.now), "audit_trail_user"),
        (AuditQuery(actor: .core, since: Sample.now), "audit_trail_actor"),
    ]

    @Test(
        "finding W6: each filter is looked up in an index and read in its order, in both directions", arguments: 0..<10)
    func plans(_ number: Int) async throws {
        let folder = try TemporaryFolder()
        for order in [AuditQuery.Order.newestFirst(before: nil), .newestFirst(before: 9), .oldestFirst(after: 0)] {
            var (query, index) = Self.queries[number]
            query.order = order
            let (sql, values) = query.statement
            let plan = try await QueryPlan(of: sql, values.count + 1, in: folder)
            #expect(plan.steps.count == 1 && plan.description.contains(index), "\(plan)")
            #expect(!plan.scans && !plan.sorts, "\(plan)")
        }
    }

    @Test("finding E7: a time alone is looked up in an index and read in its order, in both directions")
    func timePlans() async throws {
        let folder = try TemporaryFolder()
        for order in [AuditQuery.Order.newestFirst(before: nil), .newestFirst(before: 9), .oldestFirst(after: 5)] {
            let (sql, values) = AuditQuery(order: order, since: Sample.now, until: Sample.now).statement
            let plan = try await QueryPlan(of: sql, values.count + 1, in: folder)
            #expect(plan.description.contains("audit_trail_time") && !plan.scans && !plan.sorts, "\(plan)")
        }
    }

    @Test("finding E7: the entries of a user who is erased are found by an index")
    func erasurePlans() async throws {
        let folder = try TemporaryFolder()
        let statements = [
            (Statement.hasAuditOfUser, 2), (Statement.eraseAuditOfUser, 5), (Statement.deleteUnusedSalt, 2),
        ]
        for (sql, count) in statements {
            let plan = try await QueryPlan(of: sql, count, in: folder)
            #expect(plan.description.contains("audit_trail_user") && !plan.scans, "\(plan)")
        }
    }

    @Test("finding W6: searches of the log do not run where sessions are verified")
    func aside() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let storage = database.storage(of: .public)
        try await storage.insert(Sample.record("h"), audit: .created(Sample.record("h")))
        let (started, begin) = AsyncStream.makeStream(of: Void.self)
        // A search that takes as long as it likes holds up the next search, and no read of a session.
        let gate = DispatchSemaphore(value: 0)
        async let slow = database.readers.readAside { (_) throws(StorageError) -> Int in
            begin.yield()
            gate.wait()
            return 1
        }
        for await _ in started { break }
        async let log = storage.auditEvents(AuditQuery())
        for _ in 0..<100 { #expect(try await storage.session(SessionHandle("h")) != nil) }
        gate.signal()
        #expect(try await slow == 1)
        #expect(try await log.count == 1)
    }
}
