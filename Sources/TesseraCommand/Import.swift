import ArgumentParser
import CoreConfiguration
import Foundations
import SQLiteStorage
import SessionEngine
import SessionImport
import SessionStorage

/// `tessera import`: takes over the sessions and keys of a SuperTokens core.
struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Take over the sessions and keys of a SuperTokens core.",
        discussion: """
            Reads a plain-text dump of the core's PostgreSQL database, made with pg_dump, and never changes it. The whole \
            dump is checked before anything is written. An interrupted import resumes when it is run again.

            Exits with 0 when everything was imported, with 1 when it failed and with 2 when it is finished but left \
            something behind, which it names. A dump holds private keys: keep it like a password file, and delete it \
            afterwards.
            """)

    @Option(help: "The dump, a file.")
    var from: String

    @OptionGroup var options: DataOptions

    @Flag(help: "Only check the dump and say what would be imported.")
    var dryRun = false

    @Option(help: "The schema of the tables, 'postgresql_table_schema'.")
    var schema = "public"

    @Option(help: "The prefix of the tables' names, 'postgresql_table_names_prefix'.")
    var tablePrefix = ""

    @Flag(
        help: """
            The core was older than 5.0 and ran with 'access_token_signing_key_dynamic: false': its signing key is kept \
            for good.
            """)
    var staticSigningKey = false

    func run() async throws {
        do {
            let leftBehind = try await importDump()
            if leftBehind { throw ExitCode(2) }
        } catch let error as ImportError {
            throw Failure(error.description)
        } catch let error as StorageError {
            throw Failure(error.detail)
        }
    }

    /// Imports, and returns whether something was skipped that should have been imported.
    private func importDump() async throws -> Bool {
        let target = try target()
        let file = try dumpFile()
        let selection = ImportOptions(
            tables: TableSelection(schema: schema, prefix: tablePrefix), keepsSigningKey: staticSigningKey)
        let now = ClockAndRandomness.system.time()
        let meter = ProgressMeter(total: file.size)
        let plan = try DumpAnalysis(of: file, options: selection, now: now).plan { meter.show("checking", bytes: $0) }
        meter.end()
        let summary = ImportSummary(plan: plan, source: file.path, target: target)
        if dryRun {
            summary.printPlan()
            return plan.refused.count > 0
        }
        let checkpoints = CheckpointFile(folder: target)
        let database = try SQLiteDatabase(folder: target)
        defer { database.close() }
        guard case .after(let rows) = try ImportCheckpoint.start(of: plan, given: try checkpoints.load()) else {
            print("\(target) has this dump already; nothing was changed")
            return false
        }
        for warning in try await ImportedApps(directory: database.apps, time: now).register(plan) {
            ProgressMeter.report("note: \(warning)")
        }
        let importer = Importer(of: file, options: selection, now: now) { database.storage(of: $0) }
        let report = try await importer.run(plan, after: rows) { (progress) throws(ImportError) in
            try checkpoints.save(ImportCheckpoint(fingerprint: plan.fingerprint, rowsDone: progress.rowsDone))
            meter.show("importing", bytes: progress.bytesRead, sessions: progress.sessions)
        }
        try checkpoints.save(
            ImportCheckpoint(fingerprint: plan.fingerprint, rowsDone: plan.sessionRows, isFinished: true))
        meter.end()
        summary.print(report)
        return plan.refused.count + report.refused.count > 0
    }

    /// The folder that the configuration names.
    ///
    /// A half of an import in a database that nodes share would be served, so that a database is refused.
    private func target() throws -> String {
        let place = try options.place()
        guard options.dataDir != nil || place.database == nil else {
            throw Failure(
                "the configuration names PostgreSQL, and an import writes a data folder: give --data-dir for a folder, or "
                    + "restore the dump with psql into that database and start on it as it is (docs/migrating.md, 'On the "
                    + "same database')")
        }
        return Paths.dataFolder(place)
    }

    /// Keeps a core from serving half of its sessions: the other half would be signed out for good.
    static func refuseUnfinished(in folder: String) throws {
        let checkpoint: ImportCheckpoint?
        do throws(ImportError) { checkpoint = try CheckpointFile(folder: folder).load() } catch {
            throw Failure(error.description)
        }
        guard let checkpoint, !checkpoint.isFinished else { return }
        throw Failure(
            "an import into \(folder) has not finished; run it again, or remove \(folder)/\(CheckpointFile.fileName) "
                + "to start with the sessions that are there")
    }

    private func dumpFile() throws -> DumpFile {
        if from == "-" {
            throw Failure("the import reads its source twice and cannot take standard input; give a file")
        }
        let scheme = from.prefix { $0 != ":" }.lowercased()
        if ["postgres", "postgresql", "jdbc"].contains(scheme), from.contains("://") {
            // The address holds a password: it is not repeated.
            throw Failure(
                """
                reading from a running PostgreSQL is not there yet; make a dump first:
                  (umask 077; pg_dump --encoding=UTF8 --file=supertokens.sql --dbname='postgresql://...')
                  tessera import --from supertokens.sql
                """)
        }
        let file = try DumpFile(path: Paths.absolute(from))
        if file.isReadableByOthers {
            ProgressMeter.report(
                "warning: others may read \(file.path), which holds private keys: chmod 600 \(file.path)")
        }
        return file
    }
}
