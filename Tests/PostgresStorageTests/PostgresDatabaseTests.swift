import LibPQClient
import Logging
import LosslessJSON
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Testing

@testable import PostgresStorage

/// What a server makes possible that a storage in one process does not.
@Suite("One PostgreSQL database, several processes", .enabled(if: TestDatabase.uri != nil))
struct PostgresDatabaseTests {
    private func record(_ handle: String, user: String = "u") -> SessionRecord {
        SessionRecord(
            handle: SessionHandle(handle), tenantID: .public, userID: UserID(user),
            currentTokenHash: StoredTokenHash(stored: "h"), sessionData: JSONObjectText([:]),
            accessTokenPayload: JSONObjectText([:]), createdAt: Timestamp(milliseconds: 1),
            expiresAt: Timestamp(milliseconds: 1_000), signingKeyKind: .dynamic)
    }

    @Test("one failure in a group is that caller's alone")
    func groups() async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let storage = database.storage(of: .public)
        try await storage.insert(record("taken"))
        let outcomes = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let handle = number.isMultiple(of: 8) ? "taken" : "h\(number)"
                    return (try? await storage.insert(self.record(handle))) != nil
                }
            }
            return await group.reduce(into: [true: 0, false: 0]) { $0[$1, default: 0] += 1 }
        }
        #expect(outcomes == [true: 56, false: 8])
        #expect(try await storage.handles(of: UserID("u"), liveAt: Timestamp(milliseconds: 2)).count == 57)
    }

    @Test("a text that PostgreSQL cannot hold is rejected, and no other statement notices")
    func unstorable() async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let storage = database.storage(of: .public)
        await #expect(throws: StorageError(.unstorable, "")) {
            try await storage.insert(record("zero", user: "a\u{0}b"))
        }
        #expect(try await storage.session(SessionHandle("a\u{0}")) == nil)
        #expect(try await storage.remove(.handles([SessionHandle("\u{0}")])) == [])
        try await storage.insert(record("good"))
    }

    @Test("of two nodes one holds the lease, and only it removes expired sessions")
    func leases() async throws {
        let settings = try TestDatabase.settings()
        let one = try await TestDatabase.make(settings, node: "one")
        let two = try await TestDatabase.make(settings, node: "two")
        defer {
            one.close()
            two.close()
        }
        for number in 0..<30 { try await one.storage(of: .public).insert(record("h\(number)")) }
        let late = Timestamp(milliseconds: 5_000)
        #expect(try await one.storage(of: .public).remove(.expired(at: late, limit: 10)).count == 10)
        #expect(try await two.storage(of: .public).remove(.expired(at: late, limit: 10)).isEmpty)
        #expect(try await one.storage(of: .public).remove(.expired(at: late, limit: 100)).count == 20)
    }

    @Test("a schema of a newer release is left alone, and one of the release before is served")
    func levels() async throws {
        var old = try TestDatabase.settings()
        old.newestSchemaLevel = 1
        try await TestDatabase.make(old).close()
        var new = old
        new.newestSchemaLevel = .max
        try await TestDatabase.make(new).close()
        try await TestDatabase.make(old).close()
        let marks = new.tables.quoted("tessera_schema_migrations")
        try TestDatabase.run("INSERT INTO \(marks) (name, level, works_with) VALUES ('0099-future', 99, 99)")
        await #expect(throws: StorageError(.newerSchema, "")) { try await TestDatabase.make(new) }
    }

    @Test("without leave to migrate, a missing step is an error that says what to do")
    func noMigration() async throws {
        let settings = try TestDatabase.settings()
        do {
            _ = try await PostgresDatabase(settings, migrates: false, node: "n", logger: .silent)
            Issue.record("a schema came from nowhere")
        } catch {
            #expect(error.detail.contains("tessera migrate apply"))
        }
    }

    @Test("a connection that is closed by the server is made again, and nothing acknowledged is lost")
    func reconnects() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let storage = database.storage(of: .public)
        for round in 0..<5 {
            try await storage.insert(record("before-\(round)"))
            try TestDatabase.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tessera' "
                    + "AND pid <> pg_backend_pid() AND query LIKE '%\"\(settings.tables.schema)\".%'"
            )
            #expect(try await storage.session(SessionHandle("before-\(round)")) != nil)
        }
    }

    @Test(
        "an error that ends the connection is returned, and the next statement finds another",
        arguments: [
            ("25006", StorageError.Code.unavailable), ("57P01", .unknownOutcome), ("40001", .unavailable),
            ("23505", .alreadyExists), ("53100", .full), ("22001", .unstorable), ("XX000", .unavailable),
        ])
    func endings(_ state: String, _ code: StorageError.Code) async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        let raising = PostgresStatement(
            "raise", .write, "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '\(state)'; END $$")
        await #expect(throws: StorageError(code, "")) { try await database.run(raising, [:]) }
        try await database.storage(of: .public).insert(record("after"))
        let reading = PostgresStatement("warn", .write, "DO $$ BEGIN RAISE WARNING 'not on the standby'; END $$")
        await #expect(throws: StorageError(.unknownOutcome, "")) { try await database.run(reading, [:]) }
        #expect(try await database.storage(of: .public).session(SessionHandle("after")) != nil)
    }

    @Test("no server, no answer: the error says where it was looked for, and never a password")
    func away() async throws {
        let settings = try PostgresSettings(uri: "postgresql://u:hunter2@127.0.0.1:1/x")
        do {
            _ = try await PostgresDatabase(settings, node: "n", logger: .silent)
            Issue.record("there is a server on port 1")
        } catch {
            #expect(error.code == .unavailable && !error.debugDescription.contains("hunter2"))
        }
        #expect(!"\(settings)".contains("hunter2") && settings.address == "PostgreSQL 127.0.0.1:1/x")
        #expect(throws: StorageError.self) { try PostgresSettings(uri: "postgresql://u@h/d?currentSchema=x") }
    }
}
