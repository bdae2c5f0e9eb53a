import InMemoryStorage
import SQLiteStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@Suite("Every storage keeps every promise")
struct ConformanceTests {
    @Test("In memory", arguments: StorageConformance.checks)
    func memory(_ check: StorageConformance.Check) async throws {
        try await check.run(InMemorySessionStorage())
    }

    @Test("SQLite", arguments: StorageConformance.checks)
    func sqlite(_ check: StorageConformance.Check) async throws {
        let folder = try TemporaryFolder()
        try await check.run(try SQLiteDatabase(folder: folder.path).storage(of: .public))
    }

    @Test("Behind faults that never come", arguments: StorageConformance.checks)
    func faulty(_ check: StorageConformance.Check) async throws {
        try await check.run(FaultyStorage(InMemorySessionStorage()) { _ in nil })
    }

    @Test("Two apps in memory", arguments: StorageConformance.isolationChecks)
    func memoryIsolation(_ check: StorageConformance.IsolationCheck) async throws {
        try await check.run(InMemorySessionStorage(), InMemorySessionStorage())
    }

    @Test("Two apps in one SQLite file", arguments: StorageConformance.isolationChecks)
    func sqliteIsolation(_ check: StorageConformance.IsolationCheck) async throws {
        let folder = try TemporaryFolder()
        let database = try SQLiteDatabase(folder: folder.path)
        try await check.run(database.storage(of: AppID("a")), database.storage(of: AppID("b")))
    }

    @Test("The names of the checks differ")
    func names() {
        let names = StorageConformance.checks.map(\.name) + StorageConformance.isolationChecks.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.count >= 35)
    }
}
