import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@Suite("Writes that share a transaction")
struct GroupCommitTests {
    @Test("256 insertions at once are all readable, also after the file is opened again")
    func insertions() async throws {
        let folder = try TemporaryFolder()
        do {
            let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<256 {
                    group.addTask {
                        try await storage.insert(Sample.record("h\(number)"))
                        let stored = try await storage.session(SessionHandle("h\(number)"))
                        #expect(stored == Sample.record("h\(number)"))
                    }
                }
                try await group.waitForAll()
            }
        }
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        #expect(try await storage.handles(of: UserID("u1"), liveAt: Sample.now).count == 256)
    }

    @Test("A write that fails does not harm its neighbours", arguments: 0..<10 as Range<UInt64>)
    func neighbours(_ seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let storage = try SQLiteDatabase(folder: folder.path).storage(of: .public)
        try await storage.insert(Sample.record("taken"))
        var random = SplitMix64(seed: seed)
        let handles = (0..<100).map { random.chance(percent: 30) ? "taken" : "h\($0)" }
        let refused = try await withThrowingTaskGroup(of: Int.self) { group in
            for handle in handles {
                group.addTask {
                    do {
                        try await storage.insert(Sample.record(handle, user: "u2"))
                        return 0
                    } catch let error as StorageError where error.code == .alreadyExists {
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(refused == handles.filter { $0 == "taken" }.count, "seed \(seed)")
        let stored = try await storage.handles(of: UserID("u2"), liveAt: Sample.now)
        #expect(Set(stored.map(\.rawValue)) == Set(handles).subtracting(["taken"]), "seed \(seed)")
        #expect(try await storage.session(SessionHandle("taken")) == Sample.record("taken"), "seed \(seed)")
    }
}
