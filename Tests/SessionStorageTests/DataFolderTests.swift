import Dispatch
import Foundation
import PlatformLibC
import SessionEngine
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("The data folder (finding O4)")
struct DataFolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func refusal(_ path: String) -> String? {
        do throws(StorageError) {
            _ = try SQLiteDatabase(folder: path)
            return nil
        } catch {
            return error.detail
        }
    }

    @Test(
        "finding O4: a folder that others may change is refused with the command that mends it",
        arguments: [0o777, 0o770, 0o707, 0o722, 0o720, 0o702, 0o1777, 0o2775])
    func looseFolder(_ mode: Int) throws {
        try FileManager.default.createDirectory(atPath: "\(folder.path)/data", withIntermediateDirectories: true)
        try folder.setMode(mode, of: "data")
        #expect(refusal("\(folder.path)/data")?.contains("chmod 700 \(folder.path)/data") == true)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/data").isEmpty, "nothing is made")
        try folder.setMode(0o755, of: "data")
        #expect(refusal("\(folder.path)/data") == nil, "others may read names")
    }

    @Test("A folder that is refused because it is in use closes no file of another thread's")
    func closesOnce() throws {
        let path = "\(folder.path)/data"
        let database = try SQLiteDatabase(folder: path)
        let lost = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 4) { thread in
            for _ in 0..<500 {
                if thread == 0 {
                    _ = refusal(path)
                } else {
                    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if close(descriptor) != 0 { lost.withLock { $0 += 1 } }
                }
            }
        }
        #expect(lost.withLock { $0 } == 0)
        #expect(database.problem == nil)
    }

    @Test("finding O4: a link in the place of the folder is refused, however it is spelt; one above it is followed")
    func linkedFolder() throws {
        let files = FileManager.default
        try files.createDirectory(atPath: "\(folder.path)/real/data", withIntermediateDirectories: true)
        try files.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "\(folder.path)/real")
        try files.createSymbolicLink(atPath: "\(folder.path)/to-data", withDestinationPath: "real/data")
        for spelling in ["to-data", "to-data/", "to-data/.", "to-data//", "link"] {
            let said = refusal("\(folder.path)/\(spelling)")
            #expect(said?.contains("symbolic link") == true && said?.contains("/real") == true, "\(spelling)")
        }
        #expect(refusal("\(folder.path)/link/data") == nil)
    }

    @Test(
        "finding O4: a link, a folder, a pipe or a second name in the place of a file is refused, and nothing is written through it",
        arguments: [
            SQLiteDatabase.fileName, "tessera.sqlite-wal", "tessera.sqlite-shm", "tessera.sqlite.lock",
            "tessera.reserve", StoreWitness.fileName,
        ])
    func foreignFiles(_ name: String) throws {
        let (path, target) = ("\(folder.path)/data/\(name)", "\(folder.path)/target")
        let places: [() throws -> Void] = [
            { try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target) },
            { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) },
            { #expect(mkfifo(path, 0o600) == 0) },
            { try FileManager.default.linkItem(atPath: target, toPath: path) },
        ]
        for place in places {
            try? FileManager.default.removeItem(atPath: "\(folder.path)/data")
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/data", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700]
            )
            try Data("precious".utf8).write(to: URL(filePath: target))
            try folder.setMode(0o600, of: "target")
            try place()
            #expect(refusal("\(folder.path)/data") != nil)
            #expect(try Data(contentsOf: URL(filePath: target)) == Data("precious".utf8))
        }
    }

    @Test("finding O4: a folder and a file of another user are refused", .enabled(if: geteuid() == 0))
    func foreignOwner() throws {
        _ = try SQLiteDatabase(folder: folder.path)
        for path in [folder.path, "\(folder.path)/\(SQLiteDatabase.fileName)", "\(folder.path)/tessera.sqlite.lock"] {
            #expect(chown(path, 4_711, 4_711) == 0)
            #expect(refusal(folder.path)?.contains("belongs to user 4711") == true)
            #expect(chown(path, 0, 0) == 0)
        }
        #expect(refusal(folder.path) == nil)
    }

    @Test(
        "finding O4: a file or the folder that goes away or is replaced is noticed before anything more is acknowledged",
        arguments: ["tessera.sqlite", "tessera.sqlite-wal", "tessera.sqlite-shm", "tessera.sqlite.lock", ""])
    func goneFiles(_ name: String) async throws {
        let (files, place) = (FileManager.default, "\(folder.path)/data")
        let database = try SQLiteDatabase(folder: place)
        let (storage, path) = (database.storage(of: .public), name.isEmpty ? place : "\(place)/\(name)")
        try await storage.insert(Sample.record("before"))
        #expect(database.problem == nil)
        try files.moveItem(atPath: path, toPath: "\(folder.path)/moved")
        #expect(database.problem?.contains("\(path) was removed") == true)
        await #expect(throws: StorageError(.unavailable, "")) { try await storage.insert(Sample.record("lost")) }
        if name.isEmpty {
            try files.createDirectory(atPath: path, withIntermediateDirectories: false)
        } else {
            try files.copyItem(atPath: "\(folder.path)/moved", toPath: path)
        }
        #expect(database.problem?.contains("\(path) was replaced") == true)
        await #expect(throws: StorageError(.unavailable, "")) {
            try await storage.remove(.handles([SessionHandle("before")]))
        }
        try files.removeItem(atPath: path)
        try files.moveItem(atPath: "\(folder.path)/moved", toPath: path)
        #expect(database.problem == nil, "what is put back is good again")
        try await storage.insert(Sample.record("after"))
    }

    @Test("finding O4: a write that was under way when the file went is not acknowledged")
    func goneMeanwhile() async throws {
        let database = try SQLiteDatabase(folder: "\(folder.path)/data")
        let (place, aside) = ("\(folder.path)/data", "\(folder.path)/aside")
        await #expect(throws: StorageError(.unknownOutcome, "")) {
            try await database.writer.write { (connection) throws(StorageError) in
                try connection.run("DELETE FROM user_last_active")
                rename(place, aside)
            }
        }
        rename(aside, place)
    }

    @Test("finding O4: a lock file that was removed and made again lets no second process in")
    func remadeLock() throws {
        let database = try SQLiteDatabase(folder: folder.path)
        try FileManager.default.removeItem(atPath: "\(folder.path)/tessera.sqlite.lock")
        #expect(throws: StorageError(.inUse, "")) { try SQLiteDatabase(folder: folder.path) }
        #expect(throws: StorageError(.inUse, "")) {
            try SQLiteRestore(folder: folder.path).mark(RestoreOrder(at: Sample.now))
        }
        withExtendedLifetime(database) {}
    }

    @Test("finding O4: everything that is made is its owner's alone, whatever the umask")
    func modes() async throws {
        let database = try SQLiteDatabase(folder: "\(folder.path)/a/b")
        try await database.storage(of: .public).insert(Sample.record("h"))
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            let isFolder = ["a", "a/b"].contains(name)
            #expect(try folder.mode(of: name) == (isFolder ? 0o700 : 0o600), "\(name)")
        }
    }
}
