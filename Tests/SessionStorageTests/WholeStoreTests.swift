import Foundation
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("A database that is whole, and one that is not (finding O1)")
struct WholeStoreTests {
    private let folder: TemporaryFolder
    private let other: TemporaryFolder

    init() throws { (folder, other) = (try TemporaryFolder(), try TemporaryFolder()) }

    private var file: String { "\(folder.path)/\(SQLiteDatabase.fileName)" }

    private func fill(_ database: SQLiteDatabase, _ names: [String] = ["a", "b"]) async throws {
        let storage = database.storage(of: .public)
        for name in names { try await storage.insert(Sample.record(name), audit: .created(Sample.record(name))) }
    }

    /// What a process that was killed leaves: the files as they are at this moment.
    private func killed(_ names: [String], in target: TemporaryFolder) throws {
        for name in names {
            try FileManager.default.copyItem(atPath: "\(folder.path)/\(name)", toPath: "\(target.path)/\(name)")
        }
    }

    private func handles(_ database: SQLiteDatabase) async throws -> [String] {
        try await database.storage(of: .public).handles(of: UserID("u1"), liveAt: Sample.now).map(\.rawValue).sorted()
    }

    @Test("finding O1: after a close the one file has everything, and opens anywhere")
    func closed() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database)
        database.close()
        database.close()
        #expect(!FileManager.default.fileExists(atPath: "\(file)-wal"))
        await #expect(throws: StorageError(.unavailable, "")) { try await fill(database) }
        await #expect(throws: StorageError(.unavailable, "")) { try await handles(database) }
        try killed([SQLiteDatabase.fileName], in: other)
        let copy = try SQLiteDatabase(folder: other.path)
        #expect(try await handles(copy) == ["a", "b"] && copy.notice == nil)
    }

    @Test("finding O1: writes that wait when it is closed are done, later ones are refused")
    func closedUnderLoad() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        let storage = database.storage(of: .public)
        let done = await withTaskGroup(of: Int.self) { group in
            for number in 0..<200 {
                group.addTask {
                    if number == 100 { database.close() }
                    return (try? await storage.insert(Sample.record("s\(number)"))) == nil ? 0 : 1
                }
            }
            return await group.reduce(0, +)
        }
        database.close()
        let count = try SQLiteConnection(path: file, access: .readOnly)
            .query("SELECT count(*) FROM session_info") { $0.integer(0) }
        #expect(count == [Int64(done)])
    }

    @Test("finding O1: the file of a running core without its log is refused, with its log it opens")
    func copiedWhileOpen() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database)
        try killed([SQLiteDatabase.fileName], in: other)
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: other.path) }
        #expect(error?.code == .misconfigured)
        #expect(
            error?.detail.contains("copied while a core ran") == true
                && error?.detail.contains("tessera restore") == true)
        try killed(["tessera.sqlite-wal"], in: other)
        #expect(try await handles(SQLiteDatabase(folder: other.path)) == ["a", "b"])
        withExtendedLifetime(database) {}
    }

    @Test(
        "finding O1: a log that was lost, cut or replaced after a kill is noticed", arguments: ["gone", "cut", "zeros"])
    func lostLog(_ how: String) async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database)
        try killed([SQLiteDatabase.fileName, "tessera.sqlite-wal", StoreWitness.fileName], in: other)
        let log = URL(filePath: "\(other.path)/tessera.sqlite-wal")
        let size = try Data(contentsOf: log).count
        switch how {
        case "gone": try FileManager.default.removeItem(at: log)
        case "cut": try Data().write(to: log)
        default: try Data(count: size).write(to: log)
        }
        try? other.setMode(0o600, of: "tessera.sqlite-wal")
        let error = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: other.path) }
        #expect(error?.code == .misconfigured && error?.detail.contains("newest writes") == true)
        let order = RestoreOrder(at: Sample.now)
        #expect(throws: StorageError(.misconfigured, "")) { try SQLiteRestore(folder: other.path).mark(order) }
        #expect(try SQLiteRestore(folder: other.path, acceptsMissingLog: true).mark(order).number == 1)
        #expect(try SQLiteDatabase(folder: other.path).storage(of: .public).restoreNumber == 1)
        withExtendedLifetime(database) {}
    }

    @Test("finding O1: another program that wrote the log back has lost nothing")
    func writtenBack() async throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try await fill(database)
        try killed([SQLiteDatabase.fileName, "tessera.sqlite-wal", StoreWitness.fileName], in: other)
        try SQLiteConnection(path: "\(other.path)/\(SQLiteDatabase.fileName)", access: .readWrite)
            .execute("UPDATE session_info SET generation = 1")
        #expect(!FileManager.default.fileExists(atPath: "\(other.path)/tessera.sqlite-wal"))
        #expect(try await handles(SQLiteDatabase(folder: other.path)) == ["a", "b"])
        withExtendedLifetime(database) {}
    }

    @Test(
        "finding O1: a folder that had a database and has none, or a file with nothing in it, is never begun anew in silence",
        arguments: [0, 1, 100, 4_096])
    func emptied(_ size: Int) async throws {
        do { try await fill(SQLiteDatabase(folder: folder.path)) }
        // A file as SQLite makes it before its first table is there: a header alone.
        let bare = "\(other.path)/bare"
        try SQLiteConnection(path: bare, access: .readWrite).execute("PRAGMA journal_mode=WAL; PRAGMA user_version=0")
        try FileManager.default.removeItem(atPath: file)
        let missing = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(missing?.code == .misconfigured && missing?.detail.contains("--new-database") == true)
        try Data(contentsOf: URL(filePath: bare)).prefix(size).write(to: URL(filePath: file))
        try folder.setMode(0o600, of: SQLiteDatabase.fileName)
        let empty = #expect(throws: StorageError.self) { try SQLiteDatabase(folder: folder.path) }
        #expect(empty?.code == .misconfigured || empty?.code == .corrupt)
        #expect(empty?.detail.contains("--new-database") == true)
        let begun = try SQLiteDatabase(folder: folder.path, startsAnew: true)
        #expect(try await handles(begun) == [])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names.contains { $0.hasPrefix("tessera.sqlite.replaced-") }, "what was there is kept")
    }

    @Test(
        "finding O1: what is left beside a missing database refuses the start, each by itself",
        arguments: [
            "tessera.sqlite-wal", "tessera.reserve", "tessera.state", "tessera.sqlite.restoring",
        ])
    func remains(_ name: String) throws {
        try Data("x".utf8).write(to: URL(filePath: "\(folder.path)/\(name)"))
        try folder.setMode(0o600, of: name)
        #expect(throws: StorageError(.misconfigured, "")) { try SQLiteDatabase(folder: folder.path) }
        #expect(throws: Never.self) { try SQLiteDatabase(folder: folder.path, startsAnew: true) }
    }

    @Test("finding O1: a first start that ended early is no database that was lost, and a whole one is not begun anew")
    func firstStart() async throws {
        for name in ["tessera.sqlite.lock", "tessera.sqlite.new", "tessera.sqlite.new-journal", "tessera.reserve"] {
            try Data().write(to: URL(filePath: "\(folder.path)/\(name)"))
        }
        do { try await fill(SQLiteDatabase(folder: folder.path)) }
        #expect(try await handles(SQLiteDatabase(folder: folder.path, startsAnew: true)) == ["a", "b"])
    }

    @Test("finding O1: a database of an earlier release opens, log and all")
    func earlierRelease() async throws {
        let connection = try SQLiteConnection(path: file, access: .readWrite)
        try folder.setMode(0o600, of: SQLiteDatabase.fileName)
        try connection.execute("PRAGMA journal_mode=WAL")
        try Migration.run(on: connection)
        try killed([SQLiteDatabase.fileName, "tessera.sqlite-wal"], in: other)
        for name in [SQLiteDatabase.fileName, "tessera.sqlite-wal"] { try other.setMode(0o600, of: name) }
        let database = try SQLiteDatabase(folder: other.path)
        try await fill(database)
        #expect(try await handles(database) == ["a", "b"])
    }

    @Test("finding O1: a whole file that is older than what ran here last is used, and that is said")
    func olderFile() async throws {
        do { try await fill(SQLiteDatabase(folder: folder.path), ["a"]) }
        try killed([SQLiteDatabase.fileName], in: other)
        do { try await fill(SQLiteDatabase(folder: folder.path), ["b"]) }
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.copyItem(atPath: "\(other.path)/\(SQLiteDatabase.fileName)", toPath: file)
        let database = try SQLiteDatabase(folder: folder.path)
        #expect(database.notice?.contains("tessera restore") == true)
        #expect(try await handles(database) == ["a"])
    }

    @Test("finding O1: after a write that was refused for want of room, the witness is not ahead of the database")
    func refusedWriteIsNotWitnessed() async throws {
        do { try await fill(SQLiteDatabase(folder: folder.path)) }
        let reserve = try ReserveFile(path: "\(folder.path)/reserve", size: 16 * SQLiteConnection.pageSize)
        #expect(reserve.fill())
        let mark = try StoreMark(on: SQLiteConnection(path: file, access: .readOnly))
        let witness = StoreWitness(folder: folder.path)
        let writer = GroupCommitWriter(
            try SQLiteConnection(path: file, access: .readWrite),
            // Fewer pages than there are: nothing ordinary fits.
            reserve: Reserve(reserve, maximumPages: 16), progress: StoreProgress(mark, witness))
        await #expect(throws: StorageError(.full, "")) {
            try await writer.write(.ordinary) { connection throws(StorageError) in
                try connection.run("UPDATE session_info SET generation = 1")
            }
        }
        try await writer.write(.vital) { connection throws(StorageError) in
            try connection.run("DELETE FROM session_info WHERE session_handle = 'a'")
        }
        let stored = try StoreMark(on: SQLiteConnection(path: file, access: .readOnly))
        #expect(try #require(witness.seen).writes <= stored.writes)
        withExtendedLifetime(writer) {}
    }
}
