import PlatformLibC
import Testing

@testable import TesseraClient

@Suite("A session in a file")
struct FileStoreTests {
    static let sample: StoredSession = {
        var session = StoredSession()
        session.account = 3
        session.tokens = StoredTokens(
            refresh: Secret("r\"\u{0}"), access: Secret("a"), front: "f", lifetime: .max, arrivedWall: -1,
            arrivedSteady: 7, boot: "b", isFromBackground: true)
        session.pendingSignOuts = [PendingSignOut(refresh: Secret("x"), access: Secret("y"), since: 9, key: nil)]
        return session
    }()

    @Test(
        "CL12, CL13: what is kept is what is read, by another store of the folder too, and only its owner may read it")
    func roundTrip() async throws {
        let folder = try TestFolder()
        let store = try FileStore(folder: folder.path)
        #expect(try await store.read() == StoredSession())
        _ = try await store.update { _ in Self.sample }
        var expected = Self.sample
        expected.revision = 1
        #expect(try await FileStore(folder: folder.path + "/").read() == expected)
        var status = stat()
        #expect(stat(folder.path + "/session.json", &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test("CL12: a file that others may read, a link, a folder and half a record are errors and never 'signed out'")
    func refused() async throws {
        for make in Self.faults {
            let folder = try TestFolder()
            let store = try FileStore(folder: folder.path)
            _ = try await store.update { _ in Self.sample }
            make(folder.path + "/session.json")
            await #expect(throws: StoreError.self) { try await store.read() }
            await #expect(throws: StoreError.self) { try await store.update { $0 } }
            rmdir(folder.path + "/session.json")
        }
        let folder = try TestFolder()
        chmod(folder.path, 0o755)
        #expect(throws: StoreError.self) { try FileStore(folder: folder.path) }
    }

    static let faults: [@Sendable (String) -> Void] = [
        { chmod($0, 0o644) },
        { path in
            rename(path, path + ".old")
            symlink(path + ".old", path)
        },
        { path in
            unlink(path)
            mkdir(path, 0o700)
        },
        { truncate($0, 20) },
        { truncate($0, 0) },
    ]

    @Test("what a killed process left is written over, and a lock of one that was stopped is not waited for for ever")
    func leftOver() async throws {
        let folder = try TestFolder()
        let store = try FileStore(folder: folder.path, writeWait: .milliseconds(20))
        let descriptor = open(folder.path + "/session.new", O_WRONLY | O_CREAT, 0o600)
        #expect(write(descriptor, "half", 4) == 4)
        close(descriptor)
        _ = try await store.update { _ in Self.sample }
        #expect(access(folder.path + "/session.new", F_OK) != 0)
        let held = try #require(try FileLock.taken(folder.path + "/write.lock"))
        _ = try await store.update { _ in Self.sample }
        held.release()
        #expect(try await store.read().revision == 2)
    }

    @Test("two stores change one record hundreds of times at once, and no change is lost")
    func together() async throws {
        let folder = try TestFolder()
        let stores = try (0..<2).map { _ in try FileStore(folder: folder.path, writeWait: .seconds(600)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<300 {
                group.addTask {
                    _ = try await stores[number % 2].update { kept in
                        var next = kept
                        next.account += 1
                        return next
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await stores[0].read().account == 300)
    }

    @Test("CL20: the right to refresh is one process's at a time")
    func lock() throws {
        let folder = try TestFolder()
        let stores = try [FileStore(folder: folder.path), FileStore(folder: folder.path)]
        let held = try #require(try stores[0].tryRefreshLock())
        #expect(try stores[1].tryRefreshLock() == nil)
        held.release()
        held.release()
        #expect(try stores[1].tryRefreshLock() != nil)
    }
}
