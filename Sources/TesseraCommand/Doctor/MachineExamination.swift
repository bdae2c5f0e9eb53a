import CoreConfiguration
import Foundations
import PlatformLibC
import SQLiteStorage
import SessionDoctor
import SessionStorage

#if PostgreSQL
    import PostgresStorage
#endif

/// Looks at the machine of a core, and changes nothing.
struct MachineExamination {
    private let options: CoreOptions

    init(_ options: CoreOptions) {
        self.options = options
    }

    /// Everything that was seen, judged.
    func report() async -> DoctorReport {
        var facts = MachineFacts()
        facts.time = ClockAndRandomness.system.time()
        facts.descriptorLimit = Self.descriptorLimit()
        var place = "no data folder"
        do {
            let configuration = try options.configuration()
            facts.configurationNotes = configuration.warnings
            if let database = configuration.database {
                place = "PostgreSQL"
                Self.examine(database, &facts)
            } else {
                place = Paths.dataFolder(configuration)
                Self.examine(folder: place, &facts)
            }
            facts.secretFiles = Self.secretFiles(
                configuration.hasSecretInFile ? options.config : nil, configuration.keyEncryption,
                configuration.eventStreamsFile)
        } catch {
            facts.configurationProblem = "\(error)"
        }
        facts.cores = await Self.runningCores()
        let (diagnoses, good) = facts.judgement
        return DoctorReport(subject: "This machine, \(place)", diagnoses: diagnoses, good: good)
    }

    private static func examine(folder: String, _ facts: inout MachineFacts) {
        do throws(StorageError) {
            let found = try SQLiteExamination.examine(folder)
            facts.storage = found.map { .good($0) } ?? .absent(folder: folder)
        } catch {
            facts.storage = .bad(error.detail)
        }
        let files = ["", "-wal", "-shm"].map { "\(folder)/\(SQLiteDatabase.fileName)\($0)" }
        facts.privateEntries = ([folder] + files).compactMap { entry($0)?.entry }
        facts.newestFile = files.compactMap { entry($0)?.writtenAt }.max()
        facts.freeBytes = freeBytes(of: folder)
    }

    private static func examine(_ database: DatabaseSettings, _ facts: inout MachineFacts) {
        #if PostgreSQL
            do {
                let settings = try PostgresSettings.make(database)
                let found = try Doctor.Postgres.diagnostics(of: settings)
                facts.storage = .good(settings.address)
                facts.database = found.filter { $0.severity != .good }.map { diagnostic in
                    Diagnosis(
                        code: "M11", severity: diagnostic.severity == .bad ? .bad : .advice, summary: diagnostic.text,
                        observed: [], fix: diagnostic.hint ?? "See 'tessera doctor postgres' and docs/scale.md.")
                }
            } catch let error as StorageError {
                facts.storage = .bad("no connection: \(error.detail)")
            } catch {
                facts.storage = .bad("\(error)")
            }
        #else
            facts.storage = .bad("this program was built without PostgreSQL (--traits PostgreSQL)")
        #endif
    }

    private static func secretFiles(
        _ configuration: String?, _ key: KeyEncryptionSource?, _ events: String?
    ) -> [MachineFacts.Entry] {
        var paths = [configuration, events].compactMap(\.self)
        if case .file(let path)? = key { paths.append(path) }
        return paths.compactMap { entry(Paths.absolute($0))?.entry }
    }

    /// Owner, mode and time of a file or a folder; `nil` where there is none.
    private static func entry(_ path: String) -> (entry: MachineFacts.Entry, writtenAt: Timestamp)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        #if canImport(Darwin)
            let seconds = Int64(status.st_mtimespec.tv_sec)
        #else
            let seconds = Int64(status.st_mtim.tv_sec)
        #endif
        return (
            MachineFacts.Entry(path: path, mode: UInt32(status.st_mode) & 0o777, isOwn: isOwn(status.st_uid)),
            Timestamp(milliseconds: 0) + .seconds(seconds)
        )
    }

    /// Root examines for the user that runs the core.
    private static func isOwn(_ user: uid_t) -> Bool { user == getuid() || getuid() == 0 }

    /// Room for the folder, or for the first one above it that is there.
    private static func freeBytes(of folder: String) -> UInt64? {
        var path = folder
        var status = statvfs()
        while statvfs(path, &status) != 0 {
            guard let slash = path.lastIndex(of: "/"), path != "/" else { return nil }
            path = slash == path.startIndex ? "/" : String(path[..<slash])
        }
        return UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue
    }

    private static func descriptorLimit() -> UInt64? {
        #if canImport(Glibc)
            let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        return getrlimit(resource, &limit) == 0 ? UInt64(limit.rlim_max) : nil
    }

    private static func runningCores() async -> [MachineFacts.RunningCore] {
        var cores: [MachineFacts.RunningCore] = []
        for instance in StartedFiles().all() where instance.hasProcess {
            let host = instance.reachableHost
            guard
                let address = WebAddress(
                    "http://\(host.contains(":") ? "[\(host)]" : host):\(instance.port)/health/ready")
            else { continue }
            let outcome = await ProbeTransport().send(ProbeRequest("GET", address))
            if case .failure(.refused) = outcome { continue }
            let offset = outcome.reply.flatMap { reply in
                reply.value("date").flatMap(HTTPDate.parse).map { $0 - reply.sentAt }
            }
            let name = "the core of PID \(instance.pid) at \(host):\(instance.port)"
            cores.append(MachineFacts.RunningCore(name: name, status: outcome.reply?.status, clockOffset: offset))
        }
        return cores
    }
}
