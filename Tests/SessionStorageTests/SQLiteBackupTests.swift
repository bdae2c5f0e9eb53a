import Foundation
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("Backups of the database (finding O1)")
struct SQLiteBackupTests {
    private let folder: TemporaryFolder
    private let shelf: TemporaryFolder

    init() throws { (folder, shelf) = (try TemporaryFolder(), try TemporaryFolder()) }

    private var target: String { "\(shelf.path)/backup" }

    private func fill(_ database: SQLiteDatabase, _ names: some Sequence<Int>) async throws {
        for name in names {
            let record = Sample.record("s\(name)", payload: #"{"x":"\#(String(repeating: "y", count: 4_000))"}"#)
            try await database.storage(of: .public).insert(record, audit: .created(record))
        }
    }

    @discardableResult
    private func backup(overwrites: Bool = false, progress: (Int, Int) -> Void = { _, _ in }) throws -> BackupManifest {
        try SQLiteBackup(folder: folder.path).run(
            to: target, overwrites: overwrites, at: Sample.now, release: "test", progress: progress)
    }

    private func restored(_ copy: String) async throws -> Int {
        let place = try TemporaryFolder()
        _ = try SQLiteRestore(folder: place.path).run(from: copy, RestoreOrder(at: Sample.now))
        return try await SQLiteDatabase(folder: place.path).storage(of: .public)
            .handles(of: UserID("u1"), liveAt: Sample.now).count
    }

    @Test("finding O1: a backup beside a core that writes is of one moment, whole, private, and can be restored")
    func online() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database, 0..<1_500)
        var (progress, writing): ([Int], Int) = ([], 0)
        let manifest = try backup { copied, total in
            progress.append(copied * 100 / max(1, total))
            // Another connection changes the database between two parts.
            writing += 1
            let sql = "DELETE FROM session_info WHERE session_handle = 's\(writing)'"
            try? SQLiteConnection(path: database.path, access: .readWrite).execute(sql)
        }
        #expect(progress.count >= 2 && progress.last == 100 && progress == progress.sorted())
        #expect(try shelf.mode(of: "backup") == 0o600 && shelf.mode(of: "backup.manifest.json") == 0o600)
        #expect(manifest.lastSequences == [.public: 1_500] && manifest.restoreNumber == 0)
        #expect(try BackupManifest.digest(of: target) == manifest.sha256)
        #expect(try FileManager.default.contentsOfDirectory(atPath: shelf.path).count == 2, "nothing else is left")
        #expect(try await restored(target) == 1_500)
    }

    @Test("finding O1: a backup of a folder without a core")
    func offline() async throws {
        do { try await fill(SQLiteDatabase(folder: folder.path), 0..<3) }
        try backup()
        #expect(try await restored(target) == 3)
        #expect(throws: Never.self) { try SQLiteDatabase(folder: folder.path) }
    }

    @Test("finding O1: nothing is overwritten unless that is said, and never the database itself")
    func overwriting() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database, 0..<1)
        try Data("precious".utf8).write(to: URL(filePath: target))
        #expect(throws: StorageError(.alreadyExists, "")) { try backup() }
        #expect(try Data(contentsOf: URL(filePath: target)) == Data("precious".utf8))
        try backup(overwrites: true)
        #expect(try await restored(target) == 1)
        let own = SQLiteBackup(folder: folder.path)
        for overwrites in [false, true] {
            #expect(throws: StorageError.self) {
                try own.run(to: database.path, overwrites: overwrites, at: Sample.now, release: "test")
            }
        }
        #expect(try await database.storage(of: .public).session(SessionHandle("s0")) != nil)
    }

    @Test("finding O1: a backup that was cut or changed is not restored, and nothing is touched")
    func damaged() async throws {
        do { try await fill(SQLiteDatabase(folder: folder.path), 0..<50) }
        try backup()
        let whole = try Data(contentsOf: URL(filePath: target))
        var changed = whole
        changed[whole.count - 1] ^= 1
        for bad in [whole.prefix(whole.count - 4_096), whole.prefix(4_096), Data(), changed] {
            try bad.write(to: URL(filePath: target))
            await #expect(throws: StorageError(.corrupt, "")) { try await restored(target) }
        }
        try whole.write(to: URL(filePath: target))
        #expect(try await restored(target) == 50)
    }

    @Test("finding O1: a folder without a database, and one whose database is empty, have no backup")
    func nothing() throws {
        #expect(throws: StorageError(.unavailable, "")) { try backup() }
        try Data().write(to: URL(filePath: "\(folder.path)/\(SQLiteDatabase.fileName)"))
        try folder.setMode(0o600, of: SQLiteDatabase.fileName)
        #expect(throws: StorageError(.misconfigured, "")) { try backup() }
        #expect(try FileManager.default.contentsOfDirectory(atPath: shelf.path).isEmpty)
    }
}
