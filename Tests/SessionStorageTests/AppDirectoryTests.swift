import InMemoryStorage
import SessionEngine
import SessionStorage
import SessionStorageTesting
import TestSupport
import Testing

@testable import SQLiteStorage

@Suite("Every directory of apps keeps every promise")
struct AppDirectoryTests {
    private static let start = Timestamp(milliseconds: 1)

    @Test("In memory", arguments: StorageConformance.directoryChecks)
    func memory(_ check: StorageConformance.DirectoryCheck) async throws {
        try await check.run(InMemoryAppDirectory())
    }

    @Test("SQLite", arguments: StorageConformance.directoryChecks)
    func sqlite(_ check: StorageConformance.DirectoryCheck) async throws {
        let folder = try TemporaryFolder()
        try await check.run(try SQLiteDatabase(folder: folder.path).apps)
    }

    @Test("The storages that a directory gives out are apart", arguments: StorageConformance.isolationChecks)
    func isolation(_ check: StorageConformance.IsolationCheck) async throws {
        let folder = try TemporaryFolder()
        let directories: [any AppDirectory] = [InMemoryAppDirectory(), try SQLiteDatabase(folder: folder.path).apps]
        for directory in directories {
            for name in ["a", "b"] { try await Self.make(name, in: directory) }
            try await check.run(directory.storage(of: AppID("a")), directory.storage(of: AppID("b")))
        }
    }

    private static func make(_ app: String, _ tenant: TenantID = .public, in directory: any AppDirectory) async throws {
        try await directory.updateTenant(of: AppID(app)) { _ in
            TenantDecision(storing: TenantRecord(id: tenant, createdAt: start), ())
        }
    }

    @Test("The names of the checks differ")
    func names() {
        let names = StorageConformance.directoryChecks.map(\.name)
        #expect(Set(names).count == names.count && names.count >= 11)
    }

    @Test("Apps and tenants are there after a restart")
    func reopening() async throws {
        let folder = try TemporaryFolder()
        do {
            let database = try SQLiteDatabase(folder: folder.path)
            try await Self.make("a", in: database.apps)
            try await Self.make("a", TenantID("t1"), in: database.apps)
        }
        let apps = try await SQLiteDatabase(folder: folder.path).apps.apps()
        #expect(apps.map(\.id.rawValue) == ["public", "a"])
        #expect(apps.last?.tenants.map(\.id.rawValue) == ["public", "t1"])
    }

    @Test("Every table that has rows of apps is emptied when an app ends")
    func tables() throws {
        let folder = try TemporaryFolder()
        _ = try SQLiteDatabase(folder: folder.path)
        let connection = try SQLiteConnection(
            path: "\(folder.path)/\(SQLiteDatabase.fileName)", access: .readOnly)
        let tables = try connection.query(
            """
            SELECT tables.name FROM sqlite_schema AS tables JOIN pragma_table_info(tables.name) AS columns
            WHERE tables.type = 'table' AND columns.name = 'app_id'
            """
        ) { $0.text(0) }
        let emptied = Statement.deleteRowsOfApp + [Statement.deleteTenantsOfApp]
        #expect(Set(tables.map { "DELETE FROM \($0) WHERE app_id = ?" }) == Set(emptied))
        #expect(tables.count >= 4)
    }
}
