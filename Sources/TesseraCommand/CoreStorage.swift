import CoreConfiguration
import CoreServer
import Logging
import SQLiteStorage
import SessionEngine
import SessionService
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if PostgreSQL
    import PostgresStorage
#endif

/// The storage that a configuration names, open.
struct CoreStorage: Sendable {
    var apps: any AppDirectory
    /// What encrypts private keys, if anything does.
    let encryption: KeyEncryption?
    /// Where it is, for the operator.
    let address: String
    /// Whether other processes may have it open too.
    let isShared: Bool
    /// Whether it answers now.
    let isReady: @Sendable () async -> Bool
    /// Why it cannot answer now, where that is known without asking it.
    var problem: @Sendable () -> String? = { nil }
    /// What the operator should know about the disk.
    var diskWarning: String?
    /// Why nothing is written where files of this process are gone; `nil` when all is well.
    var folderProblem: @Sendable () -> String? = { nil }
    /// Ends its use: what is in memory or in a log is in its place afterwards.
    var close: @Sendable () -> Void = {}
    /// What it says of itself when metrics are asked for.
    var gauges = StorageGauges()
    /// Sets what gets the size and the time of each commit.
    var observeCommits: @Sendable (@escaping @Sendable (Int, Duration) -> Void) -> Void = { _ in }

    /// Opens the storage; waits for a database that is on its way.
    ///
    /// - Parameters:
    ///   - configuration: says where.
    ///   - startsAnew: whether a data folder that has lost its database gets a new one.
    ///   - logger: where waiting is logged.
    static func open(
        _ configuration: OperatorConfiguration, startsAnew: Bool, logger: Logger
    ) async throws -> CoreStorage {
        let encryption = try KeyEncryption.read(configuration.keyEncryption)
        if let database = configuration.database {
            return try await openPostgreSQL(database, encryption, logger, configuration.log.level)
        }
        let folder = Paths.dataFolder(configuration)
        let database = try SQLiteDatabase(folder: folder, startsAnew: startsAnew)
        try Import.refuseUnfinished(in: folder)
        try database.requireRefreshTokenKeys()
        var gauges = StorageGauges()
        gauges.waitingWrites = { database.waitingWrites }
        gauges.missingReserve = { database.missingReserve }
        return CoreStorage(
            apps: database.apps, encryption: encryption, address: database.path, isShared: false,
            isReady: { database.problem == nil }, diskWarning: diskWarning(database),
            folderProblem: { database.problem }, close: { database.close() }, gauges: gauges,
            observeCommits: { database.commits.observe($0) })
    }

    private static func diskWarning(_ database: SQLiteDatabase) -> String? {
        if let notice = database.notice { return notice }
        guard database.missingReserve > 0 else { return nil }
        let missing = (database.missingReserve + 1_023) / 1_024
        return "The disk is nearly full: sign-ins and refreshes are refused until \(missing) KiB more are free for the "
            + "data folder; revocations and verifications continue."
    }

    /// When what is removed: a database that nodes share is searched a little at a time and all the time, by the node
    /// that holds the lease.
    var maintenance: Maintenance.Schedule {
        var schedule = Maintenance.Schedule()
        if isShared { (schedule.sessionInterval, schedule.spread) = (.seconds(10), .seconds(10)) }
        return schedule
    }

    /// The keys of an app, decrypted; a key that is refused is an error in the log.
    func keys(of app: AppID, logger: Logger) -> ObservedKeyStore {
        let keys = EncryptedKeyStore(apps.storage(of: app), of: app, with: encryption) { refused in
            logger.error("a signing key is not used", metadata: ["reason": .string(refused.reason)])
        }
        return ObservedKeyStore(keys, of: app, logger)
    }

    /// What the operator should know about the private keys; asked once the service is open.
    ///
    /// - Parameter besideSigner: whether a signer is to have them.
    func warnings(besideSigner: Bool) async throws -> [String] {
        let report = try await KeyEncryptionReport(reading: apps.storage(of: .public))
        func count(_ keys: [String]) -> String { "\(keys.count) private key\(keys.count == 1 ? " is" : "s are")" }
        var warnings: [String] = []
        if encryption == nil, !report.clear.isEmpty {
            warnings.append(
                "\(count(report.clear)) stored unencrypted in the database; 'key_encryption_key_file' and "
                    + "'tessera keys encrypt' encrypt them (docs/configuration.md).")
        }
        if encryption != nil, !report.earlierForm.isEmpty {
            warnings.append(
                "\(count(report.earlierForm)) encrypted as earlier releases did, without protection of when it was made; "
                    + "'tessera keys encrypt' encrypts them again.")
        }
        if besideSigner, !report.stored.isEmpty {
            warnings.append(
                "\(count(report.stored)) still in the database beside the signer (\(report.stored.joined(separator: ", "))); "
                    + "'tessera keys retire' ends them once a key of the signer signs (docs/signers.md).")
        }
        return warnings
    }

    #if PostgreSQL
        private static func openPostgreSQL(
            _ settings: DatabaseSettings, _ encryption: KeyEncryption?, _ logger: Logger, _ level: Logger.Level?
        ) async throws -> CoreStorage {
            let place = try PostgresSettings(settings)
            // Lost connections are the client's details; that storage is away is logged once (`StorageWatch`).
            var quiet = logger
            quiet.logLevel = level == .debug ? .debug : .notice
            let database = try await PostgresOpening(place, settings.migrates, quiet).open()
            var gauges = StorageGauges()
            gauges.waitingWrites = { database.waitingStatements }
            gauges.connections = { database.connections }
            return CoreStorage(
                apps: database.apps, encryption: encryption, address: database.address, isShared: true,
                isReady: { await database.isReady() }, problem: { database.problem }, gauges: gauges)
        }
    #else
        private static func openPostgreSQL(
            _ settings: DatabaseSettings, _ encryption: KeyEncryption?, _ logger: Logger, _ level: Logger.Level?
        ) async throws -> CoreStorage {
            throw Failure(
                "the configuration asks for PostgreSQL, and this program was built without it: "
                    + "build with 'swift build --traits PostgreSQL'")
        }
    #endif
}

extension KeyEncryption {
    /// Reads the key-encryption key from where the configuration says.
    static func read(_ source: KeyEncryptionSource?) throws -> KeyEncryption? {
        guard let source else { return nil }
        let text: String
        switch source {
        case .text(let value): text = value
        case .file(let path):
            guard let data = FileManager.default.contents(atPath: Paths.absolute(path)) else {
                throw Failure("the key-encryption key cannot be read from \(path)")
            }
            text = String(decoding: data, as: UTF8.self)
        case .command(let command): text = try output(of: command)
        }
        guard let encryption = KeyEncryption(text) else {
            throw Failure(
                "the key-encryption key from \(source) has to be 32 bytes, as 64 hexadecimal digits or in base64 "
                    + "(openssl rand -hex 32 makes one)")
        }
        return encryption
    }

    private static func output(of command: String) throws -> String {
        do throws(ShellCommand.Failure) {
            return try ShellCommand.output(of: command)
        } catch {
            switch error {
            case .cannotRun: throw Failure("the command for the key-encryption key cannot be run")
            case .ended(let status): throw Failure("the command for the key-encryption key ended with \(status)")
            }
        }
    }
}
