import PostgresStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Testing

@Suite("PostgreSQL keeps every promise of a storage", .enabled(if: TestDatabase.uri != nil))
struct PostgresConformanceTests {
    @Test("Sessions and keys", arguments: StorageConformance.checks)
    func storage(_ check: StorageConformance.Check) async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        try await check.run(database.storage(of: .public))
    }

    @Test("Two apps in one database", arguments: StorageConformance.isolationChecks)
    func isolation(_ check: StorageConformance.IsolationCheck) async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        for app in ["a", "b"] {
            _ = try await database.apps.updateTenant(of: AppID(app)) { _ in
                TenantDecision(storing: TenantRecord(id: .public, createdAt: Timestamp(milliseconds: 1)), ())
            }
        }
        try await check.run(database.storage(of: AppID("a")), database.storage(of: AppID("b")))
    }

    @Test("Apps and tenants", arguments: StorageConformance.directoryChecks)
    func directory(_ check: StorageConformance.DirectoryCheck) async throws {
        let database = try await TestDatabase.make()
        defer { database.close() }
        try await check.run(database.apps)
    }
}
