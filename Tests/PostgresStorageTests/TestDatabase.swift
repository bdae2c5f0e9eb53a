import LibPQClient
import Logging
import SessionStorage
import Synchronization
import Testing

@testable import PostgresStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Databases in the cluster that `make` starts; without one there is nothing to test.
enum TestDatabase {
    static let uri = ProcessInfo.processInfo.environment["TESSERA_TEST_POSTGRES"]

    private static let count = Mutex(0)

    /// Settings with a schema that no other caller uses.
    static func settings() throws -> PostgresSettings {
        let uri = try #require(uri, "start the tests with 'make unit', which has a cluster")
        let number = count.withLock { count in
            count += 1
            return count
        }
        let schema = "t\(ProcessInfo.processInfo.processIdentifier)_\(number)"
        var settings = try PostgresSettings(uri: uri, tables: TableNames(schema: schema, prefix: "p\"x"))
        settings.connections = 2
        // The tests share two processors with many others.
        settings.deadline = .seconds(120)
        return settings
    }

    /// A new database with two connections.
    static func make(_ settings: PostgresSettings? = nil, node: String = "node") async throws -> PostgresDatabase {
        try await PostgresDatabase(
            try settings ?? Self.settings(), node: node,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// Runs SQL beside the storage.
    @discardableResult
    static func run(_ sql: String) throws -> [[String?]] {
        try BlockingConnection(PostgresSettings(uri: try #require(uri)).client).run(sql)
    }
}
