#if PostgreSQL
    import CoreConfiguration
    import Foundations
    import Logging
    import PostgresStorage
    import SessionEngine
    import SessionStorage

    #if canImport(FoundationEssentials)
        import FoundationEssentials
    #else
        import Foundation
    #endif

    extension PostgresSettings {
        /// The settings of a configuration.
        init(_ settings: DatabaseSettings) throws(StorageError) {
            let tables = TableNames(schema: settings.schema, prefix: settings.prefix, overrides: settings.tableNames)
            // libpq reads the URI once here, so that an error in it is reported as one.
            if let uri = settings.parameters.first(where: { $0.name == "dbname" })?.value, uri.contains("://") {
                _ = try PostgresSettings(uri: uri)
            }
            self.init(parameters: settings.parameters, tables: tables)
            if let size = settings.poolSize { connections = size }
            if let limit = settings.groupLimit { batchLimit = limit }
        }
    }

    /// Opens a database whose server may not be up yet (docs/specification/core.md 7.2).
    struct PostgresOpening {
        private let settings: PostgresSettings
        private let migrates: Bool
        private let logger: Logger

        /// The longest time that it waits, and the time between two log lines.
        private static let timeout = Milliseconds(60 * 60 * 1_000)
        private static let logInterval = Milliseconds(10_000)

        init(_ settings: PostgresSettings, _ migrates: Bool, _ logger: Logger) {
            self.settings = settings
            self.migrates = migrates
            self.logger = logger
        }

        /// Opens it; fails at once if an operator has to change something.
        func open() async throws -> PostgresDatabase {
            let begun = ClockAndRandomness.system.time()
            var loggedAt: Timestamp?
            while true {
                do throws(StorageError) {
                    let database = try await PostgresDatabase(
                        settings, migrates: migrates, node: Self.node, logger: logger)
                    try await database.requireRefreshTokenKeys()
                    return database
                } catch {
                    let now = ClockAndRandomness.system.time()
                    guard error.code == .unavailable, now < begun + Self.timeout else { throw error }
                    if loggedAt.map({ $0 + Self.logInterval <= now }) ?? true {
                        loggedAt = now
                        logger.error(
                            """
                            Error connecting to PostgreSQL instance. Please make sure that PostgreSQL is running and that \
                            you have specified the correct values for it (\(settings.address)): \(error.detail)
                            """)
                    }
                    await ClockAndRandomness.system.pause(
                        Milliseconds(250 + Int64(ClockAndRandomness.system.randomBits() % 250)))
                }
            }
        }

        /// This process among those that share the database.
        private static var node: String {
            "\(ProcessInfo.processInfo.processIdentifier)-\(String(ClockAndRandomness.system.randomBits(), radix: 16))"
        }
    }
#endif
