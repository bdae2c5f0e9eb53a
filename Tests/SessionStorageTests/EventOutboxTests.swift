import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("The outbox of security events in SQLite")
struct EventOutboxTests {
    private static let revocation = Revocation(by: .user, .handle, at: Sample.now)

    private static func stream(_ name: String) throws -> EventStreamName { try #require(EventStreamName(name)) }

    private static func waiting(_ storage: SQLiteSessionStorage) async throws -> [String] {
        try await storage.pendingEvents(of: stream("s"), after: 0, limit: 99).compactMap(\.event.handle?.rawValue)
    }

    private static func run(_ sql: String, on path: String) throws {
        try SQLiteConnection(path: path, access: .readWrite).execute(sql)
    }

    @Test(
        "An end, its entry and its event are one step: where one of them fails, none is there",
        arguments: ["audit_trail", "event_outbox", "revocations"])
    func atomicity(_ table: String) async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        try await storage.insert(Sample.record("a", expiresAt: Timestamp(milliseconds: 32_000_000_000_000)))
        try Self.run(
            "CREATE TRIGGER planted BEFORE INSERT ON \(table) BEGIN SELECT RAISE(ABORT, 'planted'); END",
            on: database.path)
        await #expect(throws: StorageError.self) {
            try await storage.remove(.handles([SessionHandle("a")]), audit: Self.revocation)
        }
        #expect(try await storage.session(SessionHandle("a")) != nil)
        #expect(try await storage.auditEvents(AuditQuery()).isEmpty)
        #expect(try await Self.waiting(storage).isEmpty)
        try Self.run("DROP TRIGGER planted", on: database.path)
        #expect(try await storage.remove(.handles([SessionHandle("a")]), audit: Self.revocation).count == 1)
        #expect(try await Self.waiting(storage) == ["a"])
    }

    @Test("What settles several events and fails on the way has settled none")
    func settling() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        for handle in ["a", "b"] {
            try await storage.insert(Sample.record(handle))
            _ = try await storage.remove(.handles([SessionHandle(handle)]), audit: Self.revocation)
        }
        let numbers = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9).map(\.number)
        try Self.run(
            "CREATE TRIGGER planted BEFORE UPDATE ON event_outbox BEGIN SELECT RAISE(ABORT, 'planted'); END",
            on: database.path)
        await #expect(throws: StorageError.self) {
            try await storage.settleEvents(
                of: Self.stream("s"),
                [EventOutcome(numbers[0], .delivered), EventOutcome(numbers[1], .dead(error: "x"))])
        }
        #expect(try await Self.waiting(storage) == ["a", "b"])
        #expect(try await storage.eventStreams().first?.lastDelivery == nil)
    }

    @Test("A tenant that goes ends its sessions as events, and an app takes its streams with it")
    func directories() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        let (app, tenant) = (AppID("shop"), TenantID("t"))
        for id in [TenantID.public, tenant] {
            try await database.apps.updateTenant(of: app) { _ in
                TenantDecision(storing: TenantRecord(id: id, createdAt: Sample.now), ())
            }
        }
        let storage = database.apps.storage(of: app)
        try await storage.registerStreams([Self.stream("s")])
        var record = Sample.record("a")
        record.tenantID = tenant
        try await storage.insert(record)
        let revocation = Revocation(by: .driver, .tenant, at: Sample.now)
        #expect(try await database.apps.removeTenant(tenant, of: app, audit: revocation))
        let pending = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9)
        #expect(pending.map(\.event.means) == [.tenant] && pending.first?.event.tenantID == tenant)
        #expect(try await database.apps.removeApp(app))
        #expect(try await storage.eventStreams().isEmpty)
        await #expect(throws: StorageError(.noSuchTenant, "")) {
            try await storage.registerStreams([Self.stream("s")])
        }
        let connection = try SQLiteConnection(path: database.path, access: .readOnly)
        let rows = "SELECT (SELECT count(*) FROM event_outbox) + (SELECT count(*) FROM event_streams)"
        #expect(try connection.query(rows) { $0.integer(0) } == [0])
    }

    @Test("A copy of the database has what waited, and a restore that ends sessions says so to its streams")
    func restored() async throws {
        let (folder, copies) = (try TemporaryFolder(), try TemporaryFolder())
        let copy = "\(copies.path)/copy"
        do {
            let database = try SQLiteDatabase(folder: folder.path)
            let storage = database.storage(of: .public)
            try await storage.registerStreams([Self.stream("s")])
            for handle in ["a", "b"] { try await storage.insert(Sample.record(handle)) }
            _ = try await storage.remove(.handles([SessionHandle("a")]), audit: Self.revocation)
            try Self.run("VACUUM INTO '\(copy)'", on: database.path)
            try copies.setMode(0o600, of: "copy")
            let numbers = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9).map(\.number)
            _ = try await storage.settleEvents(of: Self.stream("s"), numbers.map { EventOutcome($0, .delivered) })
        }
        let order = RestoreOrder(endsAllSessions: true, at: Sample.now)
        let report = try SQLiteRestore(folder: folder.path, acceptsMissingLog: true).run(from: copy, order)
        #expect(report.ended == 1)
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        let pending = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9)
        #expect(pending.map(\.event.handle?.rawValue) == ["a", "b"])
        #expect(pending.map(\.event.means) == [.handle, .restore])
        #expect(pending.map(\.sequence) == [1, (1 << 40) + 1])
    }

    @Test("A database of the release before gets its outbox, and its sessions end as events from then on")
    func upgrade() async throws {
        let folder = try TemporaryFolder()
        let path: String
        do { path = try SQLiteDatabase(folder: folder.path).path }
        try Self.run(
            """
            DROP TRIGGER event_noted; DROP TABLE event_outbox; DROP TABLE event_streams;
            DELETE FROM schema_migrations WHERE name = '\(Migration.eventOutbox.name)'
            """, on: path)
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        try await storage.insert(Sample.record("a"))
        _ = try await storage.remove(.handles([SessionHandle("a")]), audit: Self.revocation)
        #expect(try await Self.waiting(storage) == ["a"])
    }

    @Test("A core that was killed has no stream any more when the next one opens its folder")
    func leases() async throws {
        let folder = try TemporaryFolder()
        let name = try Self.stream("s")
        do {
            let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
            try await storage.registerStreams([name])
            #expect(try await storage.leaseStream(name, for: "one", lasting: .seconds(1_000)))
            let beside = try SQLiteDatabase(beside: folder.path).storage(of: .public)
            #expect(try await !beside.leaseStream(name, for: "two", lasting: .seconds(1_000)))
        }
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        #expect(try await storage.leaseStream(name, for: "two", lasting: .seconds(1_000)))
    }

    @Test("A database without its trigger is refused: events would be missed without a sign")
    func missingTrigger() throws {
        let folder = try TemporaryFolder()
        let path: String
        do { path = try SQLiteDatabase(folder: folder.path).path }
        try Self.run("DROP TRIGGER event_noted", on: path)
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(error?.detail.contains("it lacks the trigger event_noted") == true)
    }

    @Test("What waits is found by an index in the order of its numbers")
    func plans() async throws {
        let folder = try TemporaryFolder()
        for (sql, count) in [
            (Statement.selectPendingEvents, 4), (Statement.deleteEvent, 3), (Statement.deleteDeadEvents, 4),
            (Statement.buryEvents, 4), (Statement.reviveEvents, 3), (Statement.deleteEventsOfStream, 2),
        ] {
            let plan = try await QueryPlan(of: sql, count, in: folder)
            let index = sql == Statement.deleteEvent ? "INTEGER PRIMARY KEY" : "event_outbox_stream"
            #expect(plan.description.contains(index) && !plan.scans && !plan.sorts, "\(plan)")
        }
    }
}
