import Foundation
import Foundations
import LosslessJSON
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

/// Requests on such rows are in Tests/BlackBox/test_extremes.py; what runs in the background is here.
@Suite("Rows that no release writes (finding O2)")
struct ExtremeRowTests {
    private let folder: TemporaryFolder
    private let database: SQLiteDatabase

    init() throws {
        folder = try TemporaryFolder()
        database = try SQLiteDatabase(folder: folder.path)
    }

    private func run(_ sql: String) throws {
        try SQLiteConnection(path: database.path, access: .readWrite).execute(sql)
    }

    private func cutOff(_ kind: String, _ subject: String, _ tenant: String, _ time: Int64, madeAt: Int64) throws {
        try run(
            "INSERT INTO cut_offs VALUES ('public', '\(kind)', '\(subject)', '\(tenant)', \(time), \(madeAt), 'odd')")
    }

    @Test("finding O2: cut-offs that name nobody do not hold up the sweep of the others")
    func sweep() async throws {
        let storage = database.storage(of: .public)
        for name in ["a", "b"] { try await storage.insert(Sample.record(name)) }
        for (kind, tenant) in [("", ""), ("x", ""), ("user", "t"), ("user_in_tenant", ""), ("USER", "")] {
            try cutOff(kind, "u1", tenant, .max, madeAt: .min)
        }
        try cutOff("user", "", "", .min, madeAt: .min)
        try cutOff("user", "u1", "", Sample.now.milliseconds, madeAt: 0)
        #expect(try await storage.sweepCutOffs(at: Sample.now + .seconds(11), limit: 100) == 2)
        #expect(try await storage.session(SessionHandle("a")) == nil)
        for time in [Int64.min, -1, 0, .max] {
            #expect(try await storage.sweepCutOffs(at: Timestamp(milliseconds: time), limit: .max) == 0)
        }
    }

    @Test("finding O2: a cut-off at the end of time is that user's matter", arguments: [Int64.max, .max - 1, .min, -1])
    func lastCutOff(_ time: Int64) async throws {
        try cutOff("user", "u1", "", time, madeAt: .max)
        let storage = database.storage(of: .public)
        _ = try? await storage.insert(Sample.record("a"))
        _ = try? await storage.remove(.user(UserID("u1"), liveAt: Sample.now))
        _ = try? await storage.handles(of: UserID("u1"), liveAt: Sample.now)
        try await storage.insert(Sample.record("b", user: "u2"))
        #expect(try await storage.session(SessionHandle("b")) != nil)
    }

    @Test("finding O2: an entry of the audit log that cannot be read does not hide the others")
    func auditEntries() async throws {
        let storage = database.storage(of: .public)
        for name in ["a", "b", "c"] {
            try await storage.insert(Sample.record(name), audit: .created(Sample.record(name)))
        }
        try run("UPDATE audit_trail SET event = 'of the future' WHERE sequence = 1")
        try run("UPDATE audit_trail SET details = '[' WHERE sequence = 2")
        try run("UPDATE audit_trail SET time = \(Int64.min), session_handle = '' WHERE sequence = 3")
        let log = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
        #expect(log.map(\.event.name) == [.unreadable, .unreadable, .created])
        #expect(log[0].event.details == ["column": "event"] && log[1].event.details == ["column": "details"])
        let retention = AuditRetention(age: Milliseconds(.max), entries: .max)
        _ = try await storage.trimAuditLog(retention, at: Timestamp(milliseconds: .min), limit: .max)
    }

    @Test("finding O2: numbers of the audit log at their end are an error of that app, and never of others")
    func lastNumber() async throws {
        let (storage, other) = (database.storage(of: .public), database.storage(of: AppID("other")))
        try await storage.insert(Sample.record("a"), audit: .created(Sample.record("a")))
        try run("UPDATE audit_trail SET sequence = \(Int64.max)")
        await #expect(throws: StorageError(.corrupt, "")) {
            try await storage.insert(Sample.record("b"), audit: .created(Sample.record("b")))
        }
        // In one group, if they meet.
        async let bad: Void = storage.insert(Sample.record("c"), audit: .created(Sample.record("c")))
        async let good: Void = other.insert(Sample.record("d"), audit: .created(Sample.record("d")))
        let failed: Bool
        do {
            try await bad
            failed = false
        } catch {
            failed = true
        }
        try await good
        #expect(failed)
        #expect(try await other.session(SessionHandle("d")) != nil)
    }

    @Test("finding O2: expired sessions with extreme times are removed, and no others", arguments: [Int64.min, -1, 0])
    func expiry(_ time: Int64) async throws {
        let storage = database.storage(of: .public)
        for name in ["a", "b"] { try await storage.insert(Sample.record(name)) }
        try run(
            """
            UPDATE session_info SET expires_at = \(time), created_at_time = \(Int64.max), generation = \(Int64.min),
            refresh_token_rotated_at = \(Int64.min), sharing = '- \(Int64.min) 255 255 \(Int64.max) \(Int64.max) 1'
            WHERE session_handle = 'a'
            """)
        let ended = try await storage.remove(.expired(at: Sample.now, limit: 9))
        #expect(ended == [SessionHandle("a")])
    }

    @Test(
        "finding O2: a value of another type is an error that names table, row and column, and others are read",
        arguments: ["tenant_id", "expires_at", "generation", "use_static_key", "refresh_token_hash_2", "sharing"])
    func wrongTypes(_ column: String) async throws {
        let storage = database.storage(of: .public)
        for name in ["a", "b"] { try await storage.insert(Sample.record(name)) }
        try run(
            """
            PRAGMA writable_schema = ON;
            UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, WITHOUT', 'WITHOUT');
            """)
        try run("UPDATE session_info SET \(column) = x'00ff' WHERE session_handle = 'a'")
        let error = await #expect(throws: StorageError.self) { try await storage.session(SessionHandle("a")) }
        #expect(error?.code == .corrupt)
        #expect(error?.detail == "session_info, row a: column \(column) holds a value of another type")
        #expect(try await storage.session(SessionHandle("b")) != nil)
        #expect(try await storage.remove(.handles([SessionHandle("a")])) == [SessionHandle("a")], "it can be ended")
    }

    @Test("finding O2: sums of stored times and counts stay at the ends of 64 bits")
    func sums() {
        let ends: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
        for left in ends {
            for right in ends {
                let (sum, overflow) = left.addingReportingOverflow(right)
                #expect(left.saturatingAdd(right) == (overflow ? (right < 0 ? .min : .max) : sum))
                let moment = MonotonicTime(nanoseconds: left)
                _ = (moment + .nanoseconds(right), moment - MonotonicTime(nanoseconds: right))
                let count = RotationCount(stored: left)
                _ = (count.successor(restoreNumber: 255).distance(from: RotationCount(stored: right)), count.rotations)
                _ = CivilTime(milliseconds: left).timeOfDay
            }
        }
        #expect(Duration.seconds(Int64.max).inNanoseconds == .max)
    }
}
