#if PostgreSQL
    import ArgumentParser
    import CoreConfiguration
    import Foundations
    import PostgresStorage
    import SessionStorage

    extension Doctor {
        /// `tessera doctor postgres`.
        struct Postgres: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Examine a PostgreSQL database: version, settings, privileges, clock, schema and indices.",
                discussion: "Exits with 1 if a check fails. Changes nothing.")

            @OptionGroup var options: DatabaseOptions

            func run() throws {
                let configured = try options.configured()
                let settings = try PostgresSettings.make(configured)
                print("\(settings.address)\n")
                var isWell = true
                if let warning = configured.transportWarning { print("\("advice".padded(to: 7)) \(warning)") }
                do throws(StorageError) {
                    for diagnostic in try Self.diagnostics(of: settings) {
                        print("\(diagnostic.severity.rawValue.padded(to: 7)) \(diagnostic.text)")
                        if let hint = diagnostic.hint { print("        -> \(hint)") }
                        if diagnostic.severity == .bad { isWell = false }
                    }
                } catch {
                    throw Failure("no connection: \(error.detail)")
                }
                if !isWell { throw ExitCode(1) }
            }

            /// Examines a database.
            static func diagnostics(of settings: PostgresSettings) throws(StorageError) -> [Diagnostic] {
                let apps = (try? OperatorConfiguration())?.apps
                var examination = DatabaseDiagnostics(of: settings, clock: ClockAndRandomness.system.time) {
                    apps?.limits(of: $0.coreConfig) ?? ([], true)
                }
                return try examination.run()
            }
        }
    }

    extension String {
        fileprivate func padded(to length: Int) -> String {
            self + String(repeating: " ", count: max(0, length - count))
        }
    }
#endif
