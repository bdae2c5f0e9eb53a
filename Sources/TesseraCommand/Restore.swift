import ArgumentParser
import CoreConfiguration
import Foundations
import Logging
import SQLiteStorage
import SessionEngine
import SessionStorage

#if PostgreSQL
    import PostgresStorage
#endif

/// `tessera restore`: puts a copy back, or marks one that was put back.
struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Restore a copy of the data so that no client that refreshed since is accused of theft.",
        discussion: """
            Stop every core first. COPY is a file of 'tessera backup', a copy of tessera.sqlite with its -wal file beside it if \
            it has one, or of the whole data folder. Without COPY the data that is there is marked as restored: for a folder that was put back \
            already, and for PostgreSQL after pg_restore or a point-in-time recovery.

            Refresh tokens that are newer than the copy are then adopted once, or sign their users out: after_restore. \
            Revocations made after the copy are lost: repeat them from an audit log that was kept elsewhere \
            ('tessera audit --json'), end all sessions, or say that you accept it.
            """)

    @Argument(help: "The copy: a database file or a data folder.")
    var copy: String?

    @OptionGroup var options: DataOptions

    @Option(help: "A file of 'tessera audit --json': the revocations in it that are newer than the copy are repeated.")
    var auditLog: String?

    @Flag(help: "Take a database that lacks its log (its -wal file): the newest sessions and keys are lost.")
    var acceptMissingLog = false

    @Flag(help: "Revoke all sessions of all apps: all users sign in again.")
    var signOutAll = false

    @Flag(help: "Let sessions live that were revoked after the copy was made.")
    var acceptUndoneRevocations = false

    func validate() throws {
        guard auditLog != nil || signOutAll || acceptUndoneRevocations else {
            throw ValidationError(
                "revocations made after the copy are undone by a restore: give --audit-log FILE to repeat them, "
                    + "--sign-out-all, or --accept-undone-revocations.")
        }
    }

    func run() async throws {
        do {
            let log = try auditLog.map { try ShippedAuditLog(path: Paths.absolute($0)) }
            let order = RestoreOrder(
                ends: log?.ends ?? [], massEnds: log?.massEnds ?? [], endsAllSessions: signOutAll,
                at: ClockAndRandomness.system.time())
            let (place, report) = try await restore(order)
            printReport(place, report, log)
        } catch let error as StorageError {
            throw Failure(error.detail)
        }
    }

    private func restore(_ order: RestoreOrder) async throws -> (String, RestoreReport) {
        let configured = try options.place()
        #if PostgreSQL
            if options.dataDir == nil, let settings = try configured.database.map(PostgresSettings.make) {
                guard copy == nil else {
                    throw Failure(
                        "the configuration names PostgreSQL: put its copy back with pg_restore, then run 'tessera restore' "
                            + "without COPY (docs/backup.md)")
                }
                let logger = Logger(label: "tessera") { _ in SwiftLogNoOpLogHandler() }
                let database = try await PostgresDatabase(settings, node: "restore", logger: logger)
                defer { database.close() }
                return (database.address, try await database.markRestored(order))
            }
        #endif
        let folder = Paths.dataFolder(configured)
        let restore = SQLiteRestore(folder: folder, acceptsMissingLog: acceptMissingLog)
        let report = try copy.map { try restore.run(from: Paths.absolute($0), order) } ?? restore.mark(order)
        return ("\(folder)/\(SQLiteDatabase.fileName)", report)
    }

    private func printReport(_ place: String, _ report: RestoreReport, _ log: ShippedAuditLog?) {
        print("Restored \(place)")
        print("  Restore number  \(report.number)")
        if let replaced = report.replaced {
            print("  Replaced        \(replaced) has what was there before; delete it when all is well")
        }
        print("  Sessions ended  \(report.ended)")
        if let log {
            for (app, reach) in log.reach.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                let last = report.lastSequences[app] ?? 0
                print(
                    "  Audit log       app \(app.rawValue): the copy ends at entry \(last), the file at \(reach)"
                        + (reach > last ? "" : ", so nothing could be repeated"))
            }
        } else if !signOutAll {
            print("  Revocations     those made after the copy are undone, as you accepted")
        }
        print("  Newer tokens    are adopted once, or signed out: after_restore")
    }
}
