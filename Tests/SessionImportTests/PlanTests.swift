import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionImport
import SessionService
import SessionStorage
import TestSupport
import Testing

@Suite("What is imported and what is not")
struct PlanTests {
    /// Changes one value of a table of a dump.
    private static func change(
        _ tables: inout [DumpTable], _ table: String, row: Int = 0, _ column: String, _ value: DumpValue
    ) {
        guard let index = tables.firstIndex(where: { $0.name == table }),
            let place = tables[index].columns.firstIndex(of: column)
        else { return }
        tables[index].rows[row][place] = value
    }

    private static func core(_ generation: OldCore.Generation = .core1113, sessions: Int = 2) throws -> OldCore {
        var core = try OldCore(generation)
        for number in 0..<sessions { try core.signIn("u\(number)") }
        return core
    }

    @Test(
        "A session that cannot live here is counted with its reason",
        arguments: [
            ("jwt_user_payload", "[1]", .payloadNotJSON), ("jwt_user_payload", "{a:1}", .payloadNotJSON),
            ("jwt_user_payload", "{\"a\":1,\"a\":2}", .payloadNotJSON), ("session_data", "", .dataNotJSON),
            ("session_handle", "", .handleLength), ("refresh_token_hash_2", "ABC", .tokenHash),
            ("user_id", String(repeating: "é", count: 513), .userIDTooLong),
            ("jwt_user_payload", "{\"a\":\"\(String(repeating: "x", count: 40_000))\"}", .payloadTooLong),
        ] as [(String, String, Refusal)])
    func refusals(_ column: String, _ value: String, _ reason: Refusal) async throws {
        let dump = try Self.core().dump { Self.change(&$0, "session_info", column, .text(value)) }
        let plan = try ImportWorld.plan(dump)
        #expect(plan.sessions == 1 && plan.sessionRows == 2)
        #expect(plan.refused.entries[reason]?.count == 1 && plan.refused.count == 1)
        let report = try await ImportWorld.run(dump) { _ in InMemorySessionStorage() }
        #expect(report.imported == 1 && report.refused == plan.refused)
    }

    @Test("Payloads that are NULL are empty objects")
    func nulls() async throws {
        let core = try Self.core(sessions: 1)
        let dump = try core.dump {
            Self.change(&$0, "session_info", "jwt_user_payload", .null)
            Self.change(&$0, "session_info", "session_data", .null)
        }
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(dump) { _ in storage }
        let record = try #require(try await storage.session(core.sessions[0].handle))
        #expect(record.accessTokenPayload.text == "{}" && record.sessionData.text == "{}")
    }

    @Test("The rotation of core 12.1 comes along")
    func rotation() async throws {
        let core = try Self.core()
        let previous = String(repeating: "d", count: 64)
        let dump = try core.dump { tables in
            for index in tables.indices where tables[index].name == "session_info" {
                tables[index].columns += ["prev_refresh_token_hash_2", "refresh_token_rotated_at"]
                tables[index].rows[0] += [.text(previous), .integer(5)]
                tables[index].rows[1] += [.null, .null]
            }
        }
        let storage = InMemorySessionStorage()
        try await ImportWorld.run(dump) { _ in storage }
        let rotated = try #require(try await storage.session(core.sessions[0].handle))
        #expect(rotated.previousTokenHash?.hex == previous && rotated.rotatedAt == Timestamp(milliseconds: 5))
        let fresh = try #require(try await storage.session(core.sessions[1].handle))
        #expect(fresh.previousTokenHash == nil && fresh.rotatedAt == nil)
    }

    @Test("Expired sessions are skipped and counted")
    func expired() async throws {
        var core = try Self.core()
        try core.signIn("late", validFor: Milliseconds(0))
        try core.signIn("just", validFor: Milliseconds(1))
        let storage = InMemorySessionStorage()
        let report = try await ImportWorld.run(core.dump()) { _ in storage }
        #expect(report.imported == 3 && report.expired == 1)
        #expect(try await storage.session(core.sessions[2].handle) == nil)
    }

    @Test(
        "A value that no core writes is damage",
        arguments: [
            ("expires_at", "soon"), ("created_at_time", "1e3"), ("use_static_key", "maybe"),
            ("expires_at", "99999999999999999999"),
        ])
    func damage(_ column: String, _ value: String) throws {
        let dump = try Self.core().dump { Self.change(&$0, "session_info", column, .text(value)) }
        #expect { try ImportWorld.plan(dump) } throws: { ($0 as? ImportError)?.kind == .damaged }
    }

    @Test("Sessions without the key of their refresh tokens are refused", arguments: OldCore.Generation.allCases)
    func withoutKey(_ generation: OldCore.Generation) throws {
        let dump = try Self.core(generation).dump { Self.change(&$0, "key_value", "name", .text("other")) }
        #expect { try ImportWorld.plan(dump) } throws: { ($0 as? ImportError)?.kind == .unsuitable }
    }

    @Test("A dump without the sessions' table says which it has")
    func wrongSchema() throws {
        let dump = try Self.core().dump()
        let options = ImportOptions(tables: TableSelection(schema: "st"))
        #expect { try ImportWorld.plan(dump, options: options) } throws: { error in
            (error as? ImportError)?.text.contains("it has public.session_info") ?? false
        }
    }

    @Test("Tables of no concern are named")
    func otherTables() throws {
        let plan = try ImportWorld.plan(Self.core().dump())
        #expect(plan.otherTables.map(\.name) == ["public.user_last_active"])
        #expect(plan.otherTables.map(\.rows) == [1])
    }

    @Test("Old refresh tokens and linked accounts are remarked upon")
    func warnings() throws {
        let dump = try Self.core(.core252).dump { tables in
            tables.append(
                DumpTable(
                    name: "past_tokens",
                    columns: [
                        "refresh_token_hash_2", "parent_refresh_token_hash_2", "session_handle", "created_at_time",
                    ],
                    rows: [[.text("a"), .text("b"), .text("c"), .integer(1)]]))
            tables.append(
                DumpTable(
                    name: "app_id_to_user_id", columns: ["user_id", "primary_or_recipe_user_id"],
                    rows: [[.text("a"), .text("a")], [.text("b"), .text("a")]]))
        }
        let plan = try ImportWorld.plan(dump)
        #expect(plan.warnings.count == 2)
        #expect(plan.warnings[0].hasPrefix("1 rows of past_tokens") && plan.warnings[1].hasPrefix("1 linked"))
    }
}
