#if PostgreSQL
    import ArgumentParser
    import CoreConfiguration
    import Foundations
    import Logging
    import PostgresStorage
    import SessionStorage

    /// `tessera migrate`: the schema of a PostgreSQL database.
    struct Migrate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Migrate the schema of a PostgreSQL database online.",
            subcommands: [Plan.self, Apply.self])

        /// `tessera migrate plan`.
        struct Plan: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Print what would be done, with the lock of each statement; change nothing.")

            @OptionGroup var options: DatabaseOptions

            func run() throws {
                let plan = try options.plan()
                for note in plan.notes { print("Note: \(note).") }
                let appLimits = try options.appLimits()
                for found in plan.appSettings {
                    let (reasons, isServed) = appLimits(found)
                    let what = isServed ? "has a setting without effect" : "is not served"
                    for reason in reasons { print("Note: the app '\(found.app)' \(what): \(reason).") }
                }
                if plan.steps.isEmpty { return print("The schema is up to date.") }
                if plan.isOnSuperTokens {
                    print("The tables are those of a SuperTokens core (11.1.3): only additions are made.\n")
                }
                for step in plan.steps {
                    print("Step \(step.name)")
                    for statement in step.statements {
                        print("  \(statement.purpose)\n    lock: \(statement.lock.rawValue)\n    \(statement.sql)")
                    }
                }
                print("\n'tessera migrate apply' does this. What needs a table for itself waits for at most 100 ms.")
            }
        }

        /// `tessera migrate apply`.
        struct Apply: ParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Do what 'tessera migrate plan' prints; can be interrupted and run again.")

            @OptionGroup var options: DatabaseOptions

            func run() throws {
                let plan = try options.plan()
                if plan.steps.isEmpty { return print("The schema is up to date.") }
                do throws(StorageError) {
                    try plan.apply { statement, number, count in
                        ProgressMeter.report(
                            "[\(number)/\(count)] \(statement.purpose) (lock: \(statement.lock.rawValue))")
                    } building: { progress in
                        let filled = Int(min(1, progress.share) * 30)
                        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: 30 - filled)
                        ProgressMeter.report("       [\(bar)] \(Int(min(1, progress.share) * 100))%  \(progress.phase)")
                    }
                } catch {
                    throw Failure(error.detail)
                }
                print("The schema is up to date.")
            }
        }
    }
#endif
