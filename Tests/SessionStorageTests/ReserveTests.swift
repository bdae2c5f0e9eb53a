import Foundations
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import SQLiteStorage

/// A disk that is full until so many parts of the reserve are given back; only the test says when time passes.
private final class FullDisk: Sendable {
    let folder: TemporaryFolder
    let file: ReserveFile
    private let state = Mutex((time: MonotonicTime(nanoseconds: 0), partsNeeded: 0))

    /// Sixteen pages, so that a test can have as many free ones.
    static let size = 16 * SQLiteConnection.pageSize

    init() throws {
        folder = try TemporaryFolder()
        file = try ReserveFile(path: "\(folder.path)/\(ReserveFile.fileName)", size: Self.size)
        file.fill()
    }

    /// Writes find no room until so many parts are given back; for 0 there is room.
    func fill(until parts: Int) { state.withLock { $0.partsNeeded = parts } }

    func pass(_ duration: Duration) { state.withLock { $0.time = $0.time + duration } }

    var time: MonotonicTime { state.withLock(\.time) }

    func takeRoom() throws(StorageError) {
        let parts = state.withLock(\.partsNeeded)
        if file.missing < parts * Self.size / ReserveFile.parts { throw StorageError(.full, "planned") }
    }

    func writer() throws -> GroupCommitWriter {
        let connection = try SQLiteConnection(path: "\(folder.path)/x.sqlite", access: .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL; CREATE TABLE note (text TEXT) STRICT;")
        return GroupCommitWriter(connection, reserve: Reserve(file, clock: { self.time }))
    }
}

@Suite("Room that is kept for vital writes (finding R5)")
struct ReserveTests {
    private let disk: FullDisk
    private let writer: GroupCommitWriter
    private let runs = Counter()

    init() throws {
        disk = try FullDisk()
        writer = try disk.writer()
    }

    private func write(_ importance: WriteImportance, _ text: String = "x") async throws(StorageError) {
        try await writer.write(importance) { (connection) throws(StorageError) in
            runs.add()
            try connection.run("INSERT INTO note (text) VALUES (?)", [.text(text)])
            try disk.takeRoom()
        }
    }

    private func texts() async throws -> [String] {
        try await writer.write(.vital) { (connection) throws(StorageError) in
            try connection.query("SELECT text FROM note ORDER BY text") { $0.text(0) }
        }
    }

    @Test("A vital write gets as many parts as it needs, in the same call", arguments: 1...ReserveFile.parts)
    func vital(_ parts: Int) async throws {
        disk.fill(until: parts)
        try await write(.vital)
        #expect(disk.file.missing == parts * FullDisk.size / ReserveFile.parts)
        #expect(try await texts() == ["x"])
    }

    @Test("With nothing left to give it says so, after a few tries")
    func exhausted() async throws {
        disk.fill(until: ReserveFile.parts + 1)
        await #expect(throws: StorageError(.full, "")) { try await write(.vital) }
        #expect(disk.file.missing == FullDisk.size)
        #expect(runs.count == ReserveFile.parts + 2)
        disk.fill(until: 0)
        try await write(.vital)
        #expect(try await texts() == ["x"])
    }

    @Test("An ordinary write never gets any of it")
    func ordinary() async throws {
        disk.fill(until: 1)
        await #expect(throws: StorageError(.full, "")) { try await write(.ordinary) }
        #expect(disk.file.isWhole && runs.count == 1)
        #expect(try await texts() == [])
    }

    @Test("While some of it is missing ordinary writes are not even tried, vital ones continue")
    func refused() async throws {
        disk.fill(until: 1)
        try await write(.vital, "a")
        disk.fill(until: 0)
        let before = runs.count
        for _ in 0..<3 {
            disk.pass(.milliseconds(100))
            await #expect(throws: StorageError(.full, "")) { try await write(.ordinary) }
        }
        #expect(runs.count == before && !disk.file.isWhole)
        try await write(.vital, "b")
        #expect(try await texts() == ["a", "b"])
    }

    @Test("When there is room again it is taken first, and then everything continues")
    func again() async throws {
        disk.fill(until: 2)
        try await write(.vital, "a")
        disk.fill(until: 0)
        disk.pass(Reserve.interval)
        try await write(.ordinary, "b")
        #expect(disk.file.isWhole)
        #expect(try await texts() == ["a", "b"])
        disk.fill(until: 1)
        try await write(.vital, "c")
        await #expect(throws: StorageError(.full, "")) { try await write(.ordinary) }
    }

    @Test("Of many writes that come at once all vital ones are done, and no ordinary one")
    func group() async throws {
        disk.fill(until: 1)
        let results = await withTaskGroup(of: (Int, StorageError?).self) { group in
            for number in 0..<120 {
                group.addTask {
                    do throws(StorageError) {
                        try await write(number.isMultiple(of: 3) ? .vital : .ordinary, "\(1_000 + number)")
                        return (number, nil)
                    } catch {
                        return (number, error)
                    }
                }
            }
            return await group.reduce(into: [Int: StorageError?]()) { $0[$1.0] = $1.1 }
        }
        for (number, error) in results {
            #expect(error == (number.isMultiple(of: 3) ? nil : StorageError(.full, "")), "\(number)")
        }
        #expect(try await texts() == (0..<120).filter { $0.isMultiple(of: 3) }.map { "\(1_000 + $0)" })
    }

    @Test("Free pages inside the database are as good as the reserve, as long as there are as many")
    func freePages() async throws {
        try await writer.write { (connection) throws(StorageError) in
            for _ in 0..<40 { try connection.run("INSERT INTO note (text) VALUES (?)", [.text(Self.page)]) }
        }
        disk.fill(until: 1)
        try await writer.write(.vital) { (connection) throws(StorageError) in
            try connection.run("DELETE FROM note")
            try disk.takeRoom()
        }
        disk.fill(until: 0)
        var count = 0
        await #expect(throws: StorageError(.full, "")) {
            while count < 100 {
                try await write(.ordinary, Self.page)
                count += 1
            }
        }
        #expect(!disk.file.isWhole && (10...30).contains(count), "\(count)")
        try await write(.vital, Self.page)
        #expect(try await texts().count == count + 1)
    }

    /// A text that fills a page.
    private static let page = String(repeating: "x", count: 3_900)
}

private final class Counter: Sendable {
    private let value = Mutex(0)
    var count: Int { value.withLock { $0 } }
    func add() { value.withLock { $0 += 1 } }
}
