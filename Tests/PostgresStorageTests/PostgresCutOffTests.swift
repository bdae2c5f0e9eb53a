import LibPQClient
import SessionEngine
import SessionStorage
import Testing

@testable import PostgresStorage

@Suite("Ending very many sessions in PostgreSQL (findings W5 and W6)", .enabled(if: TestDatabase.uri != nil))
struct PostgresCutOffTests {
    private static let now = Timestamp(milliseconds: 1_700_000_000_000)
    private static let count = 2_345
    private static let revocation = Revocation(by: .administrator, .all, at: now)

    private static func fill(_ tables: TableNames) throws {
        try TestDatabase.run(
            """
            INSERT INTO \(tables.quoted("session_info")) (app_id, tenant_id, session_handle, user_id,
            refresh_token_hash_2, session_data, jwt_user_payload, created_at_time, expires_at, use_static_key)
            SELECT 'public', 'public', 's' || i, CASE WHEN i % 10 = 0 THEN 'u' || i ELSE 'many' END, 'h', '{}', '{}',
            \(now.milliseconds) - i % 7, \((now + .seconds(3_600)).milliseconds), false
            FROM generate_series(1, \(count)) AS i
            """)
        try TestDatabase.run("ANALYZE \(tables.quoted("session_info"))")
    }

    private static func number(_ sql: String) throws -> Int {
        (try TestDatabase.run(sql).first?.first ?? nil).flatMap { Int($0) } ?? -1
    }

    @Test("finding W5: the statement that ends them touches no row, and another node finishes the work")
    func nodes() async throws {
        let settings = try TestDatabase.settings()
        let one = try await TestDatabase.make(settings, node: "one")
        let two = try await TestDatabase.make(settings, node: "two")
        defer {
            one.close()
            two.close()
        }
        try Self.fill(settings.tables)
        let (first, second) = (one.storage(of: .public), two.storage(of: .public))
        let ended = try await first.remove(.user(UserID("many"), liveAt: Self.now), audit: Self.revocation)
        let many = Self.count - Self.count / 10
        #expect(Set(ended).count == many && ended.count == many)
        let rows = "SELECT count(*) FROM \(settings.tables.quoted("session_info"))"
        #expect(try Self.number(rows) == Self.count)
        #expect(try await second.session(ended[9]) == nil)
        #expect(try await second.handles(of: UserID("many"), liveAt: Self.now).isEmpty)
        #expect(try await second.session(SessionHandle("s10")) != nil)
        let settled = Self.now + CutOff.settlingTime + Milliseconds(1)
        #expect(try await second.sweepCutOffs(at: settled, limit: 1_000) == 1_000)
        #expect(try await first.sweepCutOffs(at: settled, limit: 5_000) == 0, "two holds the lease")
        #expect(try await second.sweepCutOffs(at: settled, limit: 5_000) == many - 1_000)
        #expect(try Self.number(rows) == Self.count - many)
        #expect(try Self.number("SELECT count(*) FROM \(settings.tables.quoted("tessera_cut_offs"))") == 0)
        let log = settings.tables.quoted("tessera_audit_trail")
        #expect(
            try Self.number("SELECT count(DISTINCT session_handle) FROM \(log) WHERE event = 'revoked'") == many)
        #expect(try Self.number("SELECT count(*) FROM \(log)") == many + 1)
        #expect(try await first.auditEvents(AuditQuery(name: .revokedAll)).first?.event.handle == nil)
    }

    private static func plan(_ statement: PostgresStatement, _ values: [String: String]) throws -> String {
        var sql = statement.sql
        for (index, name) in statement.parameters.enumerated().reversed() {
            let value = try #require(values[name])
            sql = sql.split(separator: "$\(index + 1)", omittingEmptySubsequences: false).joined(separator: value)
        }
        return try TestDatabase.run("EXPLAIN \(sql)").map { ($0.first ?? nil) ?? "" }.joined(separator: "\n")
    }

    @Test("finding W5: the newest session and a page of a user come from an index")
    func sessionPlans() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        try Self.fill(settings.tables)
        let cutOff = try Self.plan(
            database.statements.storeCutOff,
            [
                "app": "'public'", "kind": "'user'", "user": "'many'", "scopeTenant": "''", "time": "1", "madeAt": "1",
                "actor": "'admin'", "tenant": "NULL", "note": "''",
            ])
        #expect(cutOff.contains("Index Only Scan Backward") && !cutOff.contains("Seq Scan"), "\(cutOff)")
        for user in ["'many'", "'u10'"] {
            let page = try Self.plan(
                database.statements.pageOfLive(isFirst: false),
                [
                    "app": "'public'", "user": user, "now": "1", "normalFloor": "0", "rememberedFloor": "0",
                    "tenant": "NULL", "lastCreated": "1",
                    "lastHandle": "'x'",
                ])
            #expect(page.contains("tessera_session_user_index"), "\(page)")
            for isFirst in [true, false] {
                let devices = try Self.plan(
                    database.statements.pageOfSessions(isFirst: isFirst),
                    [
                        "app": "'public'", "user": user, "now": "1", "normalFloor": "0", "rememberedFloor": "0",
                        "tenant": "NULL", "lastCreated": "1", "lastHandle": "'x'", "limit": "50",
                    ])
                #expect(devices.contains("tessera_session_user_index"), "\(devices)")
            }
        }
    }

    @Test("finding W6: each filter of the audit log is looked up in an index")
    func auditPlans() async throws {
        let settings = try TestDatabase.settings()
        let database = try await TestDatabase.make(settings)
        defer { database.close() }
        let log = settings.tables.quoted("tessera_audit_trail")
        try TestDatabase.run(
            """
            INSERT INTO \(log) (app_id, time, event, session_handle, tenant_id, user_id, details, actor)
            SELECT 'public', i, CASE WHEN i % 500 = 0 THEN 'revoked' ELSE 'refreshed' END, 's' || i % 2000, 'public',
            'u' || i % 1000, '{}', CASE WHEN i % 400 = 0 THEN 'core' END FROM generate_series(1, 20000) AS i
            """)
        try TestDatabase.run("ANALYZE \(log)")
        let filters: [(Statements.AuditFilter, String, String)] = [
            (.session, "'s7'", "tessera_audit_session_index"), (.user, "'u7'", "tessera_audit_user_index"),
            (.event, "'revoked'", "tessera_audit_event_index"), (.actor, "'core'", "tessera_audit_actor_index"),
        ]
        for (filter, value, index) in filters {
            for newestFirst in [true, false] {
                let plan = try Self.plan(
                    database.statements.selectAuditEvents(matching: [filter], newestFirst: newestFirst),
                    [
                        "app": "'public'", "start": newestFirst ? "9000000" : "0", filter.parameter: value,
                        "limit": "100",
                    ])
                #expect(plan.contains(index), "\(plan)")
            }
        }
        for newestFirst in [true, false] {
            let plan = try Self.plan(
                database.statements.selectAuditEventsInTime(newestFirst: newestFirst),
                ["app": "'public'", "start": "500", "since": "400", "until": "600", "limit": "100"])
            #expect(plan.contains("tessera_audit_time_index"), "\(plan)")
        }
        let found = try await database.storage(of: .public).auditEvents(
            AuditQuery(userID: UserID("u500"), name: .revoked))
        #expect(found.count == 20)
    }
}
