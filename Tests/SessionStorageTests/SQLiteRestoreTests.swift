import Foundation
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@Suite("Restoring a copy of the database (finding R2)")
struct SQLiteRestoreTests {
    private let folder: TemporaryFolder
    private let copies: TemporaryFolder

    init() throws {
        (folder, copies) = (try TemporaryFolder(), try TemporaryFolder())
    }

    private func open() throws -> SQLiteDatabase { try SQLiteDatabase(folder: folder.path) }

    /// The command on a folder that no core has.
    private var restore: SQLiteRestore { SQLiteRestore(folder: folder.path) }

    /// Adds sessions with an audit event each.
    private func fill(_ names: [String], app: AppID = .public) async throws {
        let storage = try open().storage(of: app)
        for name in names {
            let record = Sample.record(name)
            try await storage.insert(record, audit: .created(record))
        }
    }

    /// A copy as an operator makes it with cp, log and all.
    private func copy() throws -> String {
        let files = FileManager.default
        let name = "\(copies.path)/copy-\(UUID().uuidString)"
        try files.createDirectory(atPath: name, withIntermediateDirectories: true)
        for file in ["tessera.sqlite", "tessera.sqlite-wal"] where files.fileExists(atPath: "\(folder.path)/\(file)") {
            try files.copyItem(atPath: "\(folder.path)/\(file)", toPath: "\(name)/\(file)")
        }
        return name
    }

    private func auditLog(app: AppID = .public) async throws -> [AuditRecord] {
        try await open().storage(of: app).auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
    }

    @Test("the copy takes the place of the database, with the next restore number, and what was there is kept")
    func restores() async throws {
        try await fill(["a", "b"])
        let copy = try copy()
        try await fill(["c"])
        let report = try restore.run(from: copy, RestoreOrder(at: Sample.now))
        #expect(report.number == 1 && report.ended == 0 && report.lastSequences == [.public: 2])
        let storage = try open().storage(of: .public)
        #expect(storage.restoreNumber == 1)
        #expect(try await storage.session(SessionHandle("b")) != nil)
        #expect(try await storage.session(SessionHandle("c")) == nil)
        let replaced = try #require(report.replaced)
        #expect(FileManager.default.fileExists(atPath: replaced))
        let mode = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/tessera.sqlite")[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test("the audit log says so for each app, and its numbers continue where none was given before")
    func numbers() async throws {
        try await fill(["a"])
        try await fill(["x", "y"], app: AppID("other"))
        _ = try restore.run(from: try copy(), RestoreOrder(at: Sample.now))
        for (app, last) in [(AppID.public, 1), (AppID("other"), 2)] {
            let newest = try #require(try await auditLog(app: app).last)
            #expect(newest.sequence == 1 << 40 && newest.event.name == .restored)
            #expect(newest.event.details == ["restoreNumber": 1, "lastSequence": .integer(last)])
        }
        try await fill(["z"])
        #expect(try await auditLog().last?.sequence == (1 << 40) + 1)
    }

    @Test("revocations that are newer than the copy are repeated, older ones are not")
    func repeated() async throws {
        try await fill(["a", "b", "c"])
        let copy = try copy()
        let ends = [("a", 2), ("b", 4), ("nobody", 5)].map {
            RestoreOrder.End(app: .public, handle: SessionHandle($0.0), sequence: $0.1)
        }
        let report = try restore.run(from: copy, RestoreOrder(ends: ends, at: Sample.now))
        #expect(report.ended == 1)
        let storage = try open().storage(of: .public)
        #expect(try await storage.handles(of: UserID("u1"), liveAt: Sample.now).map(\.rawValue).sorted() == ["a", "c"])
        let auditLog = try await storage.auditEvents(AuditQuery(order: .oldestFirst(after: 0)))
        let last = try #require(auditLog.last?.event)
        #expect(last.name == .revoked && last.means == .restore && last.handle == SessionHandle("b"))
    }

    @Test("finding W5: the end of all of a user's sessions is repeated, also while the events of each are missing")
    func repeatedMassEnd() async throws {
        try await fill(["a", "b", "c"])
        let copy = try copy()
        let earlier = Sample.now + Milliseconds(-1)
        var restoredAt = Sample.now
        for (tenant, time, sequence, ended) in [
            (nil, Sample.now, 3, 0), (TenantID("other"), Sample.now, 9, 0), (nil, earlier, 9, 0),
            (nil, Sample.now, 4, 3),
        ] as [(TenantID?, Timestamp, Int64, Int)] {
            let end = RestoreOrder.MassEnd(
                app: .public, user: UserID("u1"), tenant: tenant, createdUpTo: time, sequence: sequence)
            // What a restore replaces is kept under a name with its time.
            restoredAt = restoredAt + Milliseconds(1)
            let report = try restore.run(from: copy, RestoreOrder(massEnds: [end], at: restoredAt))
            #expect(report.ended == ended)
        }
        #expect(try await open().storage(of: .public).handles(of: UserID("u1"), liveAt: Sample.now).isEmpty)
    }

    @Test("finding W5: a copy that was made between a cut-off and its sweep keeps all clients out")
    func copyBeforeSweep() async throws {
        try await fill(["a", "b", "c"])
        do {
            let storage = try open().storage(of: .public)
            let ended = try await CutOff.$largestStep.withValue(2) {
                try await storage.remove(
                    .user(UserID("u1"), liveAt: Sample.now), audit: Revocation(by: .administrator, .all, at: Sample.now)
                )
            }
            #expect(ended.count == 3)
        }
        _ = try restore.run(from: try copy(), RestoreOrder(at: Sample.now))
        let storage = try open().storage(of: .public)
        #expect(try await storage.session(SessionHandle("a")) == nil)
        #expect(try await storage.sweepCutOffs(at: Sample.now + .seconds(11), limit: 9) == 3)
    }

    @Test("all sessions of all apps end if that is wanted")
    func signOutAll() async throws {
        try await fill(["a", "b"])
        try await fill(["x"], app: AppID("other"))
        let order = RestoreOrder(endsAllSessions: true, at: Sample.now)
        #expect(try restore.run(from: try copy(), order).ended == 3)
        #expect(try await open().storage(of: AppID("other")).session(SessionHandle("x")) == nil)
    }

    @Test("the number counts restores of the copy and of what it replaces, and marking in place counts too")
    func counts() async throws {
        try await fill(["a"])
        let copy = try copy()
        #expect(try restore.run(from: copy, RestoreOrder(at: Sample.now)).number == 1)
        #expect(try restore.run(from: copy, RestoreOrder(at: Sample.now + .seconds(1))).number == 2)
        #expect(try restore.mark(RestoreOrder(at: Sample.now)).number == 3)
        #expect(try open().storage(of: .public).restoreNumber == 3)
    }

    @Test("nothing is changed where a core runs, the copy is none, or it is damaged")
    func refusals() async throws {
        try await fill(["a"])
        let order = RestoreOrder(at: Sample.now)
        #expect(throws: StorageError(.unavailable, "")) { try restore.run(from: "\(copies.path)/none", order) }
        let junk = "\(copies.path)/junk"
        try Data(repeating: 7, count: 9_000).write(to: URL(filePath: junk))
        #expect(throws: StorageError(.corrupt, "")) { try restore.run(from: junk, order) }
        let copy = try copy()
        let open = try open()
        let command = SQLiteRestore(folder: folder.path)
        #expect(throws: StorageError(.inUse, "")) { try command.run(from: copy, order) }
        #expect(throws: StorageError(.inUse, "")) { try command.mark(order) }
        #expect(try await open.storage(of: .public).session(SessionHandle("a")) != nil)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.contains("restoring") })
    }

    @Test("a restore number that is none stops the start")
    func damagedNumber() async throws {
        #expect(try StoredValueName.restoreNumber(nil) == 0)
        #expect(try StoredValueName.restoreNumber("254") == 254)
        for text in ["255", "-1", "", "x", "1.0"] {
            #expect(throws: StorageError(.corrupt, "")) { try StoredValueName.restoreNumber(text) }
        }
        #expect(throws: StorageError(.unstorable, "")) { try RestoreOrder.number(after: [3, 254]) }
    }
}
