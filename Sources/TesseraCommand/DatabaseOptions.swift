#if PostgreSQL
    import ArgumentParser
    import CoreConfiguration
    import Logging
    import PostgresStorage
    import SessionStorage

    /// The options of commands that work on a PostgreSQL database.
    struct DatabaseOptions: ParsableArguments {
        @Option(
            name: [.long, .customLong("with-config")],
            help: "A configuration file with SuperTokens' keys; the environment goes before it.")
        var config: String?

        /// The database that the configuration names.
        func settings() throws -> PostgresSettings {
            let settings: PostgresSettings?
            do throws(StorageError) { settings = try Self.settings(config) } catch { throw Failure(error.detail) }
            guard let settings else {
                throw Failure(
                    "no database is named: set postgresql_connection_uri in a file given with --config, or "
                        + "POSTGRESQL_CONNECTION_URI in the environment")
            }
            return settings
        }

        /// The database that a configuration file or the environment names; `nil` where neither does.
        static func settings(_ config: String?) throws(StorageError) -> PostgresSettings? {
            let database: DatabaseSettings?
            do {
                let options = try CoreOptions.parse(config.map { ["--config", $0] } ?? [])
                database = try options.configuration().database
            } catch {
                throw StorageError(.unavailable, "\(error)")
            }
            guard let database else { return nil }
            return try PostgresSettings(database)
        }

        /// What its schema lacks.
        func plan() throws -> SchemaPlan {
            let settings = try settings()
            do throws(StorageError) {
                return try SchemaPlan(of: settings, logger: Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() })
            } catch {
                throw Failure(error.detail)
            }
        }
    }
#endif
