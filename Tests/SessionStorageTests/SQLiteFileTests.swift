import Foundation
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("The SQLite file and its owner")
struct SQLiteFileTests {
    @Test("Everything is there after the file is opened again")
    func reopening() async throws {
        let folder = try TemporaryFolder()
        let key = SigningKeyRecord(
            id: try #require(KeyID("d-1")), kind: .dynamic, algorithm: .es256, createdAt: Sample.now,
            privateKeyDER: [1, 2, 3])
        do {
            let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
            try await storage.insert(Sample.record("h"))
            try await storage.insert(Sample.record("gone"))
            _ = try await storage.remove(.handles([SessionHandle("gone")]))
            _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
            _ = try await storage.value(named: .refreshTokenKey) { "secret" }
        }
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        #expect(try await storage.session(SessionHandle("h")) == Sample.record("h"))
        #expect(try await storage.session(SessionHandle("gone")) == nil)
        #expect(try await storage.updateSigningKeys { _ in .none } == [key])
        #expect(try await storage.value(named: .refreshTokenKey) { "other" } == "secret")
    }

    @Test("The files are free as soon as the last name of a database is gone, whatever was asked of it before")
    func dropping() async throws {
        let folder = try TemporaryFolder()
        for round in 0..<100 {
            do {
                let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
                try await storage.insert(Sample.record("h\(round)"))
                if round.isMultiple(of: 2) { _ = try await storage.auditEvents(AuditQuery()) }
            }
            #expect(!SQLiteDatabase.isInUse(folder: folder.path))
            let log = "\(folder.path)/\(SQLiteDatabase.fileName)-wal"
            #expect(!FileManager.default.fileExists(atPath: log))
        }
    }

    @Test("The folder and the files are their owner's alone (K08)")
    func permissions() async throws {
        let parent = try TemporaryFolder()
        let path = "\(parent.path)/deep/data"
        let database = try SQLiteDatabase(folder: path)
        try await database.storage(of: .public).insert(Sample.record("h"))
        #expect(try parent.mode(of: "deep/data") == 0o700)
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        #expect(names.contains("tessera.sqlite") && names.contains("tessera.sqlite-wal"))
        for name in names { #expect(try parent.mode(of: "deep/data/\(name)") == 0o600, "\(name)") }
    }

    @Test("A file that others may read or write is refused", arguments: [0o644, 0o640, 0o604, 0o660, 0o610, 0o601])
    func loosePermissions(_ mode: Int) throws {
        let folder = try TemporaryFolder()
        _ = try SQLiteDatabase(folder: folder.path)
        try folder.setMode(mode, of: SQLiteDatabase.fileName)
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(error?.code == .unavailable)
        #expect(error?.detail.contains("chmod 600") == true)
        try folder.setMode(0o600, of: SQLiteDatabase.fileName)
        #expect(throws: Never.self) { try SQLiteDatabase(folder: folder.path) }
    }

    @Test("A file where the folder should be, and a file that is no database, are refused")
    func wrongFiles() throws {
        let folder = try TemporaryFolder()
        let file = "\(folder.path)/file"
        try Data("hello".utf8).write(to: URL(fileURLWithPath: file))
        #expect(throws: StorageError(.unavailable, "")) { try SQLiteDatabase(folder: file) }
        let junk = "\(folder.path)/\(SQLiteDatabase.fileName)"
        try Data(repeating: 0x41, count: 8_192).write(to: URL(fileURLWithPath: junk))
        try folder.setMode(0o600, of: SQLiteDatabase.fileName)
        #expect(throws: StorageError(.corrupt, "")) { try SQLiteDatabase(folder: folder.path) }
    }

    @Test("A second opening in the same process is refused, until the first is closed")
    func sameProcess() throws {
        let folder = try TemporaryFolder()
        do {
            let first = try SQLiteDatabase(folder: folder.path)
            let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
            #expect(error?.code == .inUse)
            #expect(error?.detail.contains("process \(ProcessInfo.processInfo.processIdentifier)") == true)
            withExtendedLifetime(first) {}
        }
        #expect(throws: Never.self) { try SQLiteDatabase(folder: folder.path) }
    }

    @Test(
        "A database that another process holds is refused, until that process ends",
        .enabled(if: OtherProcess.isPossible))
    func otherProcess() throws {
        let folder = try TemporaryFolder()
        let lock = "\(folder.path)/\(SQLiteDatabase.fileName).lock"
        let other = try OtherProcess(holding: lock)
        #expect(throws: StorageError(.inUse, "")) { try SQLiteDatabase(folder: folder.path) }
        other.end()
        #expect(throws: Never.self) { try SQLiteDatabase(folder: folder.path) }
    }

    @Test("Another process cannot take the lock of an open database", .enabled(if: OtherProcess.isPossible))
    func lockIsHeld() throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        #expect(try !OtherProcess.canLock("\(database.path).lock"))
        withExtendedLifetime(database) {}
        let free = try TemporaryFolder()
        #expect(try OtherProcess.canLock("\(free.path)/lock"))
    }

    @Test("A file of a newer release is left alone")
    func newerSchema() async throws {
        let folder = try TemporaryFolder()
        let path: String
        do {
            let database = try SQLiteDatabase(folder: folder.path)
            try await database.storage(of: .public).insert(Sample.record("h"))
            path = database.path
        }
        try Self.run("INSERT INTO schema_migrations (name) VALUES ('9999-from-the-future')", on: path)
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(error?.code == .newerSchema)
        #expect(error?.detail.contains("9999-from-the-future") == true)
        try Self.run("DELETE FROM schema_migrations WHERE name = '9999-from-the-future'", on: path)
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        #expect(try await storage.session(SessionHandle("h")) == Sample.record("h"))
    }

    @Test("A migration that fails leaves no half of it")
    func failedMigration() throws {
        let folder = try TemporaryFolder()
        let connection = try SQLiteConnection(path: "\(folder.path)/x.sqlite", access: .readWrite)
        let good = Migration(name: "1", sql: "CREATE TABLE one (id INTEGER) STRICT;")
        let bad = Migration(name: "2", sql: "CREATE TABLE two (id INTEGER) STRICT; CREATE NONSENSE;")
        #expect(throws: StorageError.self) { try Migration.run(on: connection, steps: [good, bad]) }
        #expect(try connection.query("SELECT name FROM sqlite_master") { $0.text(0) } == [])
        try Migration.run(on: connection, steps: [good])
        try Migration.run(on: connection, steps: [good])
        #expect(try connection.query("SELECT name FROM schema_migrations") { $0.text(0) } == ["1"])
    }

    @Test("A damaged key row is corrupt, not a key")
    func corruptKey() async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        try Self.run(
            "INSERT INTO signing_keys VALUES ('public', 'd-1', 'odd', 'ES256', 1, x'00', NULL, NULL)", on: database.path
        )
        await #expect(throws: StorageError(.corrupt, "")) {
            try await database.storage(of: .public).updateSigningKeys { _ in .none }
        }
    }

    private static func run(_ sql: String, on path: String) throws {
        try SQLiteConnection(path: path, access: .readWrite).execute(sql)
    }
}
