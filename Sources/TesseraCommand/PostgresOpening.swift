#if PostgreSQL
    import Foundations
    import CoreConfiguration
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
            // libpq reads the URI once here, so that a mistake in it is told as one.
            if let uri = settings.parameters.first(where: { $0.name == "dbname" })?.value, uri.contains("://") {
                _ = try PostgresSettings(uri: uri)
            }
            self.init(parameters: settings.parameters, tables: tables)
            if let size = settings.poolSize { connections = size }
            if let limit = settings.groupLimit { groupLimit = limit }
        }
    }

    /// Opens a database that may still be on its way (docs/specification/core.md 7.2).
    struct PostgresOpening {
        private let settings: PostgresSettings
        private let migrates: Bool
        private let logger: Logger

        /// How long it is waited for, and how often that is said.
        private static let patience = Milliseconds(60 * 60 * 1_000)
        private static let notice = Milliseconds(10_000)

        init(_ settings: PostgresSettings, _ migrates: Bool, _ logger: Logger) {
            self.settings = settings
            self.migrates = migrates
            self.logger = logger
        }

        /// Opens it, or fails with what somebody has to change.
        func open() async throws -> PostgresDatabase {
            let begun = ClockAndRandomness.system.time()
            var told: Timestamp?
            while true {
                do throws(StorageError) {
                    return try await PostgresDatabase(
                        settings, migrates: migrates, node: Self.node, logger: logger)
                } catch {
                    let now = ClockAndRandomness.system.time()
                    guard error.mayPass, now < begun + Self.patience else { throw error }
                    if told.map({ $0 + Self.notice <= now }) ?? true {
                        told = now
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

    extension StorageError {
        /// Whether waiting may help: nobody has to change a password, a name or the schema.
        fileprivate var mayPass: Bool {
            guard code == .unavailable else { return false }
            let settled = [
                "authentication failed", "does not exist", "pg_hba.conf", "no password", "permission denied",
                "tessera migrate", "not usable", "invalid", "(28", "(42", "(3D", "(0A",
            ]
            return !settled.contains { detail.contains($0) }
        }
    }
#endif
