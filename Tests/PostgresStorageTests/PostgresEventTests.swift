import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage
import Testing

@testable import PostgresStorage

@Suite("The outbox of security events in PostgreSQL", .enabled(if: TestDatabase.uri != nil))
struct PostgresEventTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)
    private static let revocation = Revocation(by: .user, .handle, at: now)

    private static func stream(_ name: String) throws -> EventStreamName { try #require(EventStreamName(name)) }

    private static func waiting(_ storage: PostgresSessionStorage) async throws -> [String] {
        try await storage.pendingEvents(of: stream("s"), after: 0, limit: 999).compactMap(\.event.handle?.rawValue)
    }

    /// An entry of the audit log about the end of a session, as SQL.
    private static func entry(_ handle: String, _ tables: TableNames) -> String {
        """
        INSERT INTO \(tables.quoted("tessera_audit_trail")) (app_id, time, event, session_handle, user_id, details, means)
        VALUES ('public', \(now.milliseconds), 'revoked', '\(handle)', 'u', '{}', 'handle')
        """
    }

    @Test("of two nodes that ask at once one has the stream, and the other once it has run out")
    func leases() async throws {
        let settings = try TestDatabase.settings()
        let one = try await TestDatabase.make(settings, node: "one")
        let nodes = [one, try await TestDatabase.make(settings, node: "two")]
        defer { for node in nodes { node.close() } }
        let name = try Self.stream("s")
        try await nodes[0].storage(of: .public).registerStreams([name])
        for round in 0..<20 {
            let held = try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<8 {
                    let storage = nodes[number % 2].storage(of: .public)
                    group.addTask {
                        let owner = "\(round)-\(number)"
                        return try await storage.leaseStream(name, for: owner, lasting: .seconds(1_000)) ? owner : nil
                    }
                }
                var held: [String] = []
                for try await owner in group { if let owner { held.append(owner) } }
                return held
            }
            let owner = try #require(held.first)
            #expect(held.count == 1)
            let other = nodes[round % 2].storage(of: .public)
            #expect(try await other.leaseStream(name, for: owner, lasting: Milliseconds(0)))
        }
    }

    @Test("an event that becomes visible after later ones is delivered all the same")
    func lateRow() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        let other = try BlockingConnection(PostgresSettings(uri: try #require(TestDatabase.uri)).client)
        try other.run("BEGIN")
        try other.run(Self.entry("early", settings.tables))
        try TestDatabase.run(Self.entry("late", settings.tables))
        let seen = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9)
        #expect(seen.map(\.event.handle?.rawValue) == ["late"])
        let outcomes = seen.map { EventOutcome($0.number, .delivered) }
        #expect(try await storage.settleEvents(of: Self.stream("s"), outcomes) == 1)
        try other.run("COMMIT")
        let rest = try await storage.pendingEvents(of: Self.stream("s"), after: 0, limit: 9)
        #expect(rest.map(\.event.handle?.rawValue) == ["early"])
        #expect(rest.allSatisfy { $0.number < seen[0].number })
    }

    @Test(
        "an end, its entry and its event are one step: where one of them fails, none is there",
        arguments: ["tessera_audit_trail", "tessera_event_outbox", "tessera_revocations"])
    func atomicity(_ table: String) async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        try await storage.insert(record("a"))
        let (quoted, function) = (settings.tables.quoted(table), settings.tables.quoted("planted"))
        try TestDatabase.run(
            """
            CREATE FUNCTION \(function)() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'planted'; END $$;
            """)
        try TestDatabase.run(
            "CREATE TRIGGER planted BEFORE INSERT ON \(quoted) FOR EACH ROW EXECUTE FUNCTION \(function)()")
        let handle = SessionHandle("a")
        await #expect(throws: StorageError.self) {
            try await storage.remove(.handles([handle]), audit: Self.revocation)
        }
        await #expect(throws: StorageError.self) {
            try await storage.update(handle) { _ in
                Decision(.remove, (), audit: .revoked(handle, tenant: .public, user: UserID("u"), Self.revocation))
            }
        }
        #expect(try await storage.session(handle) != nil)
        #expect(try await storage.auditEvents(AuditQuery()).isEmpty)
        #expect(try await Self.waiting(storage).isEmpty)
        try TestDatabase.run("DROP TRIGGER planted ON \(quoted)")
        #expect(try await storage.remove(.handles([handle]), audit: Self.revocation).count == 1)
        #expect(try await Self.waiting(storage) == ["a"])
    }

    @Test("a node of the release before, which knows no outbox, leaves events all the same")
    func olderNode() async throws {
        let settings = try TestDatabase.settings()
        let new = try await TestDatabase.make(settings)
        var older = settings
        older.newestSchemaLevel = 10
        let old = try await TestDatabase.make(older, node: "old")
        defer {
            new.close()
            old.close()
        }
        try await new.storage(of: .public).registerStreams([Self.stream("s")])
        try await old.storage(of: .public).insert(record("a"))
        _ = try await old.storage(of: .public).remove(.handles([SessionHandle("a")]), audit: Self.revocation)
        #expect(try await Self.waiting(new.storage(of: .public)) == ["a"])
    }

    @Test("a role that may not write to the outbox leaves events all the same")
    func otherRole() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s")])
        let (log, role) = (settings.tables.quoted("tessera_audit_trail"), "r\(settings.tables.schema)")
        let other = try BlockingConnection(PostgresSettings(uri: try #require(TestDatabase.uri)).client)
        for sql in [
            "CREATE ROLE \(role)", "GRANT USAGE ON SCHEMA \(TableNames.quote(settings.tables.schema)) TO \(role)",
            "GRANT INSERT ON \(log) TO \(role)", "SET ROLE \(role)", Self.entry("a", settings.tables),
        ] { try other.run(sql) }
        #expect(try await Self.waiting(storage) == ["a"])
        for sql in ["RESET ROLE", "DROP OWNED BY \(role)", "DROP ROLE \(role)"] { try other.run(sql) }
    }

    @Test("what was written for a stream while it was removed goes with the rest")
    func orphans() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let storage = database.storage(of: .public)
        try await storage.registerStreams([Self.stream("s"), Self.stream("t")])
        let other = try BlockingConnection(PostgresSettings(uri: try #require(TestDatabase.uri)).client)
        try other.run("BEGIN")
        try other.run(Self.entry("a", settings.tables))
        #expect(try await storage.removeStream(Self.stream("s")) == 0)
        try other.run("COMMIT")
        #expect(try await Self.waiting(storage) == ["a"])
        #expect(try await storage.buryEvents(olderThan: Self.now, limit: 9) == 1)
        #expect(try await Self.waiting(storage).isEmpty)
        #expect(try await storage.pendingEvents(of: Self.stream("t"), after: 0, limit: 9).count == 1)
    }

    @Test("the diagnostics name a trigger that is missing or off", arguments: ["DISABLE TRIGGER", "DROP"])
    func missingTrigger(_ change: String) async throws {
        let settings = try TestDatabase.settings()
        try await TestDatabase.make(settings).close()
        func found() throws -> [Diagnostic] {
            var diagnostics = DatabaseDiagnostics(of: settings, clock: { Self.now })
            return try diagnostics.run().filter { $0.text.contains("trigger") }
        }
        #expect(try found().isEmpty)
        let (log, name) = (settings.tables.quoted("tessera_audit_trail"), SchemaMigration.eventTrigger)
        try TestDatabase.run(
            change == "DROP" ? "DROP TRIGGER \(name) ON \(log)" : "ALTER TABLE \(log) \(change) \(name)")
        let bad = try found()
        #expect(bad.count == 1 && bad.first?.severity == .bad)
        #expect(bad.first?.text.contains("streams of security events miss ends of sessions") == true)
    }

    @Test("what waits is found by an index in the order of its numbers, also among very many")
    func plans() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let outbox = settings.tables.quoted("tessera_event_outbox")
        try TestDatabase.run(
            """
            INSERT INTO \(outbox) (app_id, stream, sequence, time, event, session_handle, details, since, dead)
            SELECT 'public', 's' || i % 3, i, i, 'revoked', 'h' || i, '{}', i, i % 100 = 0
            FROM generate_series(1, 20000) AS i
            """)
        try TestDatabase.run("ANALYZE \(outbox)")
        let statement = database.statements.selectPendingEvents
        var sql = statement.sql
        for (index, name) in statement.parameters.enumerated().reversed() {
            let value = ["app": "'public'", "stream": "'s1'", "after": "0", "limit": "100"][name] ?? ""
            sql = sql.split(separator: "$\(index + 1)", omittingEmptySubsequences: false).joined(separator: value)
        }
        let plan = try TestDatabase.run("EXPLAIN \(sql)").map { ($0.first ?? nil) ?? "" }.joined(separator: "\n")
        #expect(plan.contains("Index") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "\(plan)")
    }

    private func record(_ handle: String) -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: .public, userID: UserID("u"),
            currentTokenHash: StoredTokenHash(stored: "h"), sessionData: JSONObjectText([:]),
            accessTokenPayload: JSONObjectText([:]), createdAt: Self.now,
            expiresAt: Timestamp(milliseconds: 32_000_000_000_000), signingKeyKind: .dynamic)
    }
}
