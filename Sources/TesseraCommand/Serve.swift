import ArgumentParser
import CoreConfiguration
import CoreServer
import Logging
import SQLiteStorage
import ServiceLifecycle
import SessionEngine
import SessionService
import SessionStorage
import UnixSignals

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `tessera serve`: opens the data folder and answers drivers until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the core.",
        discussion: """
            Needs no configuration: sessions are kept in a data folder of yours and only this machine is served. \
            Settings come from flags, then the environment (PORT is SUPERTOKENS_PORT, any other key its name in \
            capitals), then the configuration file, then the defaults.
            """)

    @Option(help: "A configuration file with SuperTokens' keys.")
    var config: String?

    @Option(help: "The address to listen on. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "The port to listen on; 0 takes a free one. (default: 3567)")
    var port: Int?

    @Option(help: "The folder of the database. (default: tessera in the user's data folder)")
    var dataDir: String?

    func run() async throws {
        do {
            try await serve()
        } catch let error as ConfigurationError {
            throw Failure(error.description)
        } catch let error as ListenError {
            throw Failure(error.description)
        } catch let error as StorageError {
            throw Failure(error.detail)
        } catch ServiceError.storage(let error) {
            throw Failure(error.detail)
        }
    }

    private func serve() async throws {
        CoreServer.shareProcessors()
        let configuration = try readConfiguration()
        var logger = Logger(label: "tessera", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = configuration.logLevel ?? .critical
        let folder = configuration.dataDirectory.map(Paths.absolute) ?? Paths.defaultDataFolder
        let database = try SQLiteDatabase(folder: folder)
        try Import.refuseUnfinished(in: folder)
        let keyPool = SigningKeyPool()
        let service = try await SessionService(
            storage: database.apps.storage(of: .public), policy: configuration.policy, keyPool: keyPool)
        let apps = AppRegistry(
            directory: database.apps,
            settings: AppSettings(policy: configuration.policy, core: configuration.settings), service: service,
            keyPool: keyPool, readSettings: configuration.apps.settings)
        let api = CoreAPI(service: service, settings: configuration.settings, logger: logger, apps: apps)
        let banner = Banner(configuration: configuration, database: database.path)
        // The libraries' own progress is not the operator's; what they warn of is.
        var quiet = logger
        quiet.logLevel = logger.logLevel == .debug ? .debug : max(logger.logLevel, .warning)
        let server = CoreServer(api: api, host: configuration.host, port: configuration.port, logger: quiet) { port in
            banner.print(port: port)
        }
        try await run([KeyPreparation(service: service, logger: logger), server], quiet)
    }

    private func run(_ services: [any Service], _ logger: Logger) async throws {
        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(20)
        try await ServiceGroup(configuration: group).run()
    }

    private func readConfiguration() throws -> CoreConfiguration {
        var file: (text: String, path: String)?
        if let config {
            let path = Paths.absolute(config)
            guard let data = try? Data(contentsOf: URL(filePath: path)),
                let text = String(validating: data, as: UTF8.self)
            else { throw Failure("cannot read the configuration file \(path)") }
            file = (text, path)
        }
        var configuration = try CoreConfiguration(
            file: file, environment: ProcessInfo.processInfo.environment,
            flags: CoreConfiguration.Flags(host: host, port: port, dataDirectory: dataDir))
        configuration.settings.processID = ProcessInfo.processInfo.processIdentifier
        return configuration
    }
}

/// A start that failed, told in one line.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Makes the signing keys while the server is already listening, so that neither waits for the other.
struct KeyPreparation: Service {
    let service: SessionService
    let logger: Logger

    func run() async throws {
        do {
            try await service.prepareSigningKeys()
        } catch {
            logger.warning("signing keys will be made at the first sign-in", metadata: ["error": "\(error)"])
        }
        try await gracefulShutdown()
    }
}
