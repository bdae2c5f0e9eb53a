import ArgumentParser
import CoreConfiguration
import Foundations
import SQLiteStorage
import SessionEngine
import SessionStorage

/// `tessera backup`: one whole file with all sessions and keys.
struct Backup: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Copy the database into one whole file, while a core runs on it or not.",
        discussion: """
            FILE is of one moment, examined, on the disk and readable by you alone when the command ends; beside it \
            FILE.manifest.json says what it is. 'tessera restore FILE' puts it back. A database of PostgreSQL is copied with \
            pg_dump (docs/backup.md).
            """)

    @Argument(help: "The file to make.")
    var file: String

    @OptionGroup var options: DataOptions

    @Flag(help: "Replace FILE if it exists.")
    var overwrite = false

    func run() throws {
        let place = try options.place()
        guard options.dataDir != nil || place.database == nil else {
            throw Failure(
                "the configuration names PostgreSQL: copy that database with pg_dump (docs/backup.md), or give --data-dir "
                    + "for a folder")
        }
        let (folder, target) = (Paths.dataFolder(place), Paths.absolute(file))
        let meter = ProgressMeter(total: 0)
        do throws(StorageError) {
            let manifest = try SQLiteBackup(folder: folder).run(
                to: target, overwrites: overwrite, at: ClockAndRandomness.system.time(), release: Tessera.version
            ) { copied, total in
                meter.show("copying", part: Int64(copied), of: Int64(total))
            }
            meter.end()
            report(manifest, target)
        } catch {
            meter.end()
            throw Failure(error.detail)
        }
    }

    private func report(_ manifest: BackupManifest, _ target: String) {
        print("Backup of \(SQLiteDatabase.fileName): \(target)")
        print("  Size            \(manifest.bytes) bytes, examined")
        print("  Manifest        \(BackupManifest.path(of: target))")
        print("  Restore number  \(manifest.restoreNumber)")
        for (app, last) in manifest.lastSequences.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            print("  Audit log       app \(app.rawValue): ends at entry \(last)")
        }
        print("  Not in it       the key-encryption key, without which encrypted keys stay closed; API keys and")
        print("                  configuration; revocations from now on (keep 'tessera audit --json' elsewhere)")
    }
}
