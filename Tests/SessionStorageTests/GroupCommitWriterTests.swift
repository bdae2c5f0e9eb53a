import SessionStorage
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("The writer by itself")
struct GroupCommitWriterTests {
    private let folder: TemporaryFolder
    private let writer: GroupCommitWriter
    private let reader: ReaderPool

    init() throws {
        folder = try TemporaryFolder()
        let path = "\(folder.path)/x.sqlite"
        let connection = try SQLiteConnection(path: path, access: .readWrite)
        try connection.execute("PRAGMA journal_mode=WAL; PRAGMA foreign_keys=ON;")
        try connection.execute(
            """
            CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT;
            CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)
            STRICT;
            """)
        writer = GroupCommitWriter(connection)
        reader = ReaderPool(path: path)
    }

    private func parents() throws -> [Int64] {
        try reader.read { (connection) throws(StorageError) in
            try connection.query("SELECT id FROM parent ORDER BY id") { $0.integer(0) }
        }
    }

    private func insertParent(_ id: Int64, then error: StorageError? = nil) async throws {
        try await writer.write { (connection) throws(StorageError) in
            try connection.run("INSERT INTO parent (id) VALUES (?)", [.integer(id)])
            if let error { throw error }
        }
    }

    @Test("A write that fails half-way leaves nothing, and its neighbours stay")
    func halfWay() async throws {
        let planned = StorageError(.unavailable, "planned")
        let failures = try await withThrowingTaskGroup(of: Int.self) { group in
            for id in 0..<60 as Range<Int64> {
                group.addTask {
                    do {
                        try await insertParent(id, then: id.isMultiple(of: 3) ? planned : nil)
                        return 0
                    } catch let error as StorageError where error.code == .unavailable {
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(failures == 20)
        #expect(try parents() == (0..<60).filter { !$0.isMultiple(of: 3) })
    }

    @Test("A commit that fails is never acknowledged, and the writer continues")
    func failedCommit() async throws {
        await #expect(throws: StorageError(.unknownOutcome, "")) {
            try await writer.write { (connection) throws(StorageError) in
                try connection.run("INSERT INTO child (id, parent) VALUES (1, 99)")
            }
        }
        try await insertParent(1)
        #expect(try parents() == [1])
        let children = try reader.read { (connection) throws(StorageError) in
            try connection.query("SELECT id FROM child") { $0.integer(0) }
        }
        #expect(children == [])
    }

    @Test("What a write returns is what its last run returned")
    func result() async throws {
        let sum = try await writer.write { (connection) throws(StorageError) in
            try connection.query("SELECT 40 + 2") { $0.integer(0) }
        }
        #expect(sum == [42])
    }

    @Test("A reader cannot write")
    func readOnly() throws {
        #expect(throws: StorageError(.unavailable, "")) {
            try reader.read { (connection) throws(StorageError) in
                try connection.run("INSERT INTO parent (id) VALUES (7)")
            }
        }
        #expect(try parents() == [])
    }
}
