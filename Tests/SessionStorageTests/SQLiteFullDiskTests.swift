import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@Suite("A disk that is full (I8)")
struct SQLiteFullDiskTests {
    private static let payload = "{\"k\":\"" + String(repeating: "x", count: 3_000) + "\"}"

    /// Fills a storage until it refuses; the result is the number of sessions in it.
    private func fill(_ storage: SQLiteSessionStorage) async throws -> Int {
        for number in 0..<10_000 {
            do {
                try await storage.insert(Sample.record("h\(number)", payload: Self.payload))
            } catch {
                #expect(error.code == .full)
                return number
            }
        }
        Issue.record("10,000 sessions fit into 60 pages")
        return 0
    }

    @Test("Writes are refused as full, nothing is lost and reads continue")
    func full() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path, maximumPages: 60).storage(of: .public)
        let count = try await fill(storage)
        #expect(count > 10)
        await #expect(throws: StorageError(.full, "")) {
            try await storage.insert(Sample.record("late", payload: Self.payload))
        }
        #expect(try await storage.session(SessionHandle("late")) == nil)
        #expect(try await storage.handles(of: UserID("u1"), liveAt: Sample.now).count == count)
        for number in 0..<count {
            #expect(try await storage.session(SessionHandle("h\(number)")) != nil)
        }
        let kept = try await storage.update(SessionHandle("h0")) { Decision(.keep, $0 != nil) }
        #expect(kept)
        #expect(try await storage.updateSigningKeys { _ in .none } == [])
    }

    @Test("Revoking works while the disk is full and makes room again")
    func room() async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path, maximumPages: 60).storage(of: .public)
        let count = try await fill(storage)
        let handles = (0..<count / 2).map { SessionHandle("h\($0)") }
        #expect(try await storage.remove(.handles(handles)) == handles)
        try await storage.insert(Sample.record("late", payload: Self.payload))
        #expect(try await storage.session(SessionHandle("late")) != nil)
    }

    @Test("With more pages the same file takes more")
    func morePages() async throws {
        let folder = try TemporaryFolder()
        let count: Int
        do {
            let storage = try SQLiteDatabase(folder: folder.path, maximumPages: 60).storage(of: .public)
            count = try await fill(storage)
        }
        let storage = try SQLiteDatabase(folder: folder.path, maximumPages: 200).storage(of: .public)
        #expect(try await storage.handles(of: UserID("u1"), liveAt: Sample.now).count == count)
        try await storage.insert(Sample.record("late", payload: Self.payload))
        #expect(try await storage.session(SessionHandle("late")) != nil)
    }

    @Test("When many writes share a full disk, those that fit are done and each is told the truth about itself")
    func group() async throws {
        let (alone, together) = (try TemporaryFolder(), try TemporaryFolder())
        let room = try await fill(try SQLiteDatabase(folder: alone.path, maximumPages: 60).storage(of: .public))
        let storage = try SQLiteDatabase(folder: together.path, maximumPages: 60).storage(of: .public)
        let inserted = await insertions(200, into: storage)
        #expect(inserted.filter(\.isThere).count >= room - 2, "of \(room) that fit one after the other")
        #expect(inserted.contains { !$0.isThere })
        for (number, isThere) in inserted {
            #expect((try await storage.session(SessionHandle("h\(number)")) != nil) == isThere, "h\(number)")
        }
    }

    /// A verdict that leaves the session, and so frees no page.
    private func notice(_ handle: SessionHandle, _ storage: SQLiteSessionStorage) async throws(StorageError) {
        let event = AuditEvent(name: .reuseDetected, time: Sample.now, handle: handle, userID: UserID("u1"))
        try await storage.update(handle) { _ in Decision(.keep, (), audit: event) }
    }

    @Test("Verdicts and revocations get through where everything else is refused (finding R5)")
    func vital() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path, maximumPages: 60)
        let storage = database.storage(of: .public)
        let count = try await fill(storage)
        let handle = SessionHandle("h0")
        // More than the rest of a page, so that the held pages are used.
        for _ in 0..<100 { try await notice(handle, storage) }
        #expect(try await storage.auditEvents(AuditQuery(name: .reuseDetected, limit: 1_000)).count == 100)
        await #expect(throws: StorageError(.full, "")) {
            try await storage.update(handle) { record in
                guard var record else { return Decision(.keep, ()) }
                record.rotationCount = 7
                return Decision(.replace(record), ())
            }
        }
        #expect(try await storage.session(handle) == Sample.record("h0", payload: Self.payload))
        await #expect(throws: StorageError(.full, "")) { try await storage.noteActivity([UserID("u1"): Sample.now]) }
        let event = AuditEvent(name: .reuseDetected, time: Sample.now, handle: handle)
        try await storage.update(handle) { _ in Decision(.remove, (), audit: event) }
        #expect(try await storage.session(handle) == nil)
        let revocation = Revocation(by: .user, .handle, at: Sample.now)
        #expect(try await storage.remove(.handles([SessionHandle("h1")]), audit: revocation).count == 1)
        let all = RevocationTarget.user(UserID("u1"), liveAt: Sample.now)
        #expect(try await storage.remove(all, audit: revocation).count == count - 2)
        #expect(try await storage.auditEvents(AuditQuery(name: .revoked, limit: 1_000)).count == count - 1)
        try await storage.insert(Sample.record("later", payload: Self.payload))
    }

    @Test("Keys are removed and tenants and apps end where nothing is added (finding R5)")
    func endings() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path, maximumPages: 60)
        let storage = database.storage(of: .public)
        let app = AppID("other")
        for tenant in [TenantID.public, TenantID("t1")] {
            let record = TenantRecord(id: tenant, createdAt: Sample.now)
            try await database.apps.updateTenant(of: app) { _ in TenantDecision(storing: record, ()) }
        }
        let key = SigningKeyRecord(
            id: try #require(KeyID("d-1")), kind: .dynamic, algorithm: .es256, createdAt: Sample.now,
            privateKeyDER: [UInt8](repeating: 7, count: 100))
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
        _ = try await fill(storage)
        for _ in 0..<100 { try await notice(SessionHandle("h0"), storage) }
        let retired = AuditEvent.key(.keyRetired, "d-1", at: Sample.now)
        let kept = try await storage.updateSigningKeys { _ in SigningKeyChange(removing: [key.id], events: [retired]) }
        #expect(kept == [])
        await #expect(throws: StorageError(.full, "")) {
            try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
        }
        await #expect(throws: StorageError(.full, "")) {
            let record = TenantRecord(id: TenantID("t2"), createdAt: Sample.now)
            try await database.apps.updateTenant(of: app) { _ in TenantDecision(storing: record, ()) }
        }
        let revocation = Revocation(by: .administrator, .all, at: Sample.now)
        #expect(try await database.apps.removeTenant(TenantID("t1"), of: app, audit: revocation))
        #expect(try await database.apps.removeApp(app))
        #expect(try await database.apps.app(app) == nil)
    }

    /// Inserts many sessions at once and says which were acknowledged.
    private func insertions(
        _ count: Int, into storage: SQLiteSessionStorage
    ) async -> [(number: Int, isThere: Bool)] {
        await withTaskGroup(of: (number: Int, isThere: Bool).self) { group in
            for number in 0..<count {
                group.addTask {
                    do throws(StorageError) {
                        try await storage.insert(Sample.record("h\(number)", payload: Self.payload))
                        return (number, true)
                    } catch {
                        #expect(error.code == .full)
                        return (number, false)
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
    }
}
