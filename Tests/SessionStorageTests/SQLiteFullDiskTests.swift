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

    @Test("Writes are refused as full, nothing is lost and reads go on")
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
        let kept = try await storage.update(SessionHandle("h0")) { Decided(.keep, $0 != nil) }
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
