import Foundation
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("Ending very many sessions in a SQLite file (finding W5)")
struct CutOffTests {
    private static let count = 1_234
    private static let user = UserID("many")
    private static let settled = Sample.now + CutOff.settlingTime + Milliseconds(1)
    private static let revocation = Revocation(by: .administrator, .all, at: Sample.now)

    /// Sessions `000000`, `000001` and so on of one user, and one of another.
    private static func fill(_ database: SQLiteDatabase) async throws {
        try SQLiteConnection(path: database.path, access: .readWrite).execute(
            """
            WITH RECURSIVE n (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i < \(count - 1))
            INSERT INTO session_info (app_id, session_handle, tenant_id, user_id, refresh_token_hash_2, session_data,
            jwt_user_payload, created_at_time, expires_at, use_static_key)
            SELECT 'public', printf('%06d', i), 'public', 'many', 'h', '{}', '{}', \(Sample.now.milliseconds) - i % 7,
            \((Sample.now + .seconds(3_600)).milliseconds), 0 FROM n
            """)
        try await database.storage(of: .public).insert(Sample.record("other"))
    }

    private static func number(_ sql: String, _ database: SQLiteDatabase) throws -> Int64 {
        try SQLiteConnection(path: database.path, access: .readOnly).query(sql) { $0.integer(0) }.first ?? -1
    }

    private static let rows = "SELECT count(*) FROM session_info"

    @Test("finding W5: the step that ends them touches no row, and each handle is told once")
    func smallStep() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        try await Self.fill(database)
        let storage = database.storage(of: .public)
        let ended = try await storage.remove(.user(Self.user, liveAt: Sample.now), audit: Self.revocation)
        #expect(Set(ended).count == Self.count && ended.count == Self.count)
        #expect(try Self.number(Self.rows, database) == Int64(Self.count) + 1)
        #expect(try Self.number("SELECT count(*) FROM audit_trail", database) == 1)
        #expect(try await storage.handles(of: Self.user, liveAt: Sample.now).isEmpty)
        #expect(try await storage.session(ended[700]) == nil)
        #expect(try await storage.session(SessionHandle("other")) != nil)
    }

    @Test("finding W5: a crash between the end and the sweep keeps all clients out, and the sweep continues")
    func crash() async throws {
        let folder = try TemporaryFolder()
        let copy = try TemporaryFolder()
        do {
            let database = try SQLiteDatabase(folder: folder.path)
            try await Self.fill(database)
            _ = try await database.storage(of: .public).remove(
                .user(Self.user, liveAt: Sample.now), audit: Self.revocation)
            #expect(
                try await database.storage(of: .public).sweepCutOffs(at: Self.settled, limit: 300) == 300)
            // What a process leaves that is killed here.
            for suffix in ["", "-wal"] {
                let name = SQLiteDatabase.fileName + suffix
                try FileManager.default.copyItem(atPath: "\(folder.path)/\(name)", toPath: "\(copy.path)/\(name)")
            }
        }
        let database = try SQLiteDatabase(folder: copy.path)
        let storage = database.storage(of: .public)
        #expect(try await storage.session(SessionHandle("000001")) == nil)
        #expect(try await storage.handles(of: Self.user, liveAt: Sample.now).isEmpty)
        var batches: [Int] = []
        repeat {
            batches.append(try await storage.sweepCutOffs(at: Self.settled, limit: 300))
        } while batches.last == 300
        #expect(batches == [300, 300, 300, 34])
        #expect(try Self.number(Self.rows, database) == 1)
        #expect(try Self.number("SELECT count(*) FROM cut_offs", database) == 0)
        let once = "SELECT count(DISTINCT session_handle) FROM audit_trail WHERE event = 'revoked'"
        #expect(try Self.number(once, database) == Int64(Self.count))
        #expect(try Self.number("SELECT count(*) FROM audit_trail", database) == Int64(Self.count) + 1)
    }

    @Test("finding W5: the creation times at the end of time neither trap nor shut a user out")
    func endOfTime() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        try await CutOff.$largestStep.withValue(1) {
            for (number, time) in [Int64.max - 1, .max - 2, .min].enumerated() {
                var record = Sample.record("\(number)")
                record.createdAt = Timestamp(milliseconds: time)
                try await storage.insert(record)
            }
            #expect(try await storage.remove(.user(UserID("u1"), liveAt: Sample.now)).count == 3)
            try await storage.insert(Sample.record("new"))
            #expect(try await storage.session(SessionHandle("new"))?.createdAt == Timestamp(milliseconds: .max))
            #expect(try await storage.handles(of: UserID("u1"), liveAt: Sample.now).map(\.rawValue) == ["new"])
        }
    }

    @Test(
        "finding W5: no statement of the step, of the pages or of a read looks at all rows",
        arguments: [
            (Statement.countSessionsOfUser, 3), (Statement.selectNewestOfUser, 2), (Statement.selectCutOffTime, 4),
            (Statement.firstPageOfLive, 4), (Statement.nextPageOfLive, 6), (Statement.firstPageOfEnded, 10),
            (Statement.nextPageOfEnded, 10), (Statement.selectCutOffHandles, 5), (Statement.deleteCutOffSession, 2),
            (Statement.selectSession, 2), (Statement.deleteSession, 2), (Statement.insertSession, 14),
        ])
    func plans(_ statement: String, _ parameters: Int) async throws {
        let folder = try TemporaryFolder()
        let plan = try await QueryPlan(of: statement, parameters, in: folder)
        #expect(!plan.scans && !plan.sorts, "\(plan)")
    }
}

/// How SQLite runs a statement over the tables of a new file.
struct QueryPlan: CustomStringConvertible {
    let steps: [String]

    init(of statement: String, _ parameters: Int, in folder: TemporaryFolder) async throws {
        let path = try SQLiteDatabase(folder: folder.path).path
        let connection = try SQLiteConnection(path: path, access: .readOnly)
        let values = Array(repeating: SQLiteValue.null, count: parameters)
        steps = try connection.query("EXPLAIN QUERY PLAN \(statement)", values) { $0.text(3) }
    }

    /// Whether it goes through all rows of a table that may be large.
    var scans: Bool { steps.contains { $0.hasPrefix("SCAN") && !$0.contains("CONSTANT") && !$0.contains("subquery") } }
    /// Whether it puts rows in order by itself.
    var sorts: Bool { steps.contains { $0.contains("TEMP B-TREE") } }
    var description: String { steps.joined(separator: " / ") }
}
