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
        func configured() throws -> DatabaseSettings {
            guard let settings = try DataOptions.place(config).database else {
                throw Failure(
                    "no database is named: set postgresql_connection_uri in a file given with --config, or "
                        + "POSTGRESQL_CONNECTION_URI in the environment")
            }
            return settings
        }

        /// The same for the storage.
        func settings() throws -> PostgresSettings { try PostgresSettings.make(configured()) }

        /// What is to be said of an app's settings that a SuperTokens core keeps.
        func appLimits() throws -> @Sendable (AppSettingsFound) -> (reasons: [String], isServed: Bool) {
            let apps = try OperatorConfiguration().apps
            return { apps.limits(of: $0.coreConfig) }
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

    extension PostgresSettings {
        /// The settings of a configuration, or what is wrong with them in one line.
        static func make(_ settings: DatabaseSettings) throws -> PostgresSettings {
            do throws(StorageError) { return try PostgresSettings(settings) } catch { throw Failure(error.detail) }
        }
    }
#endif
