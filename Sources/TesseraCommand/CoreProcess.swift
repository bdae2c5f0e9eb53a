import CTesseraMalloc
import CoreConfiguration
import CoreServer
import Logging
import OperatorLog
import PlatformLibC
import ServiceLifecycle
import SessionEngine
import SessionService
import SessionStorage
import SignerAgent

/// A core in this process.
struct CoreProcess {
    private let options: CoreOptions
    private let configuration: OperatorConfiguration
    private let log: OperatorLogWriter
    private let manager: ServiceManager
    private let socket: InheritedSocket?

    /// Prepares a core; nothing is opened but its log.
    init(_ options: CoreOptions) throws {
        // What comes before everything is ready changes nothing, and never ends the process.
        signal(SIGHUP, SIG_IGN)
        Console.claimDescriptors()
        self.options = options
        manager = ServiceManager.ofThisProcess()
        socket = try InheritedSocket.take()
        var configuration = try options.configuration(socket)
        log = OperatorLogWriter(configuration.log, warnings: &configuration.warnings)
        log.level = configuration.log.level
        self.configuration = configuration
    }

    /// Serves until the process is terminated.
    func run() async throws {
        // A reader that is slow, or none, does not keep the core from ending.
        defer { log.flush() }
        do {
            try await serve()
        } catch let error as ListenError {
            throw Failure(error.description)
        } catch let error as StorageError {
            throw Failure(error.detail)
        } catch ServiceError.storage(let error) {
            throw Failure(error.detail)
        }
    }

    private func serve() async throws {
        // The reader of the output may go away; that ends a write, not the core.
        signal(SIGPIPE, SIG_IGN)
        tessera_return_memory(2)
        let logger = logger()
        let metrics = TesseraMetrics()
        let traces = try TraceExport(configuration, metrics, instance: log.process, logger: logger)
        let storage = try await CoreStorage.open(
            configuration, startsAnew: options.newDatabase, logger: logger
        ).measured(by: metrics, isTraced: traces != nil)
        defer { storage.close() }
        let keyPool = keyPool(metrics, isTraced: traces != nil, logger)
        let service = try await SessionManager(
            storage: storage.apps.storage(of: .public), keyStore: storage.keys(of: .public, logger: logger),
            policy: configuration.policy, keyPool: keyPool)
        let apps = AppRegistry(
            directory: storage.apps, keyStore: { storage.keys(of: $0, logger: logger) },
            settings: AppSettings(policy: configuration.policy, core: configuration.settings), service: service,
            keyPool: keyPool, isShared: storage.isShared, logger: logger, readSettings: configuration.apps.settings)
        let events = try await EventReceivers.open(configuration, apps, metrics, logger: logger)
        let api = CoreAPI(
            service: service, settings: configuration.settings, logger: logger, apps: apps, isReady: storage.isReady
        ).counting(metrics).tracing(by: traces?.tracer).answering(events?.polls)
        let page = try await AnsweredMetrics.open(metrics, api, storage, configuration)
        let admin = try await AnsweredAdminPage.open(api, apps, storage, configuration, logger)
        let banner = Banner(
            configuration: configuration, database: storage.address,
            keyWarnings: try await storage.warnings(besideSigner: configuration.signer != nil),
            diskWarning: storage.diskWarning, metrics: page, traces: traces?.place, admin: admin?.place,
            restoreNumber: storage.apps.storage(of: .public).restoreNumber)
        let registration = Registration(configuration: configuration, logger: logger)
        let quiet = quiet(logger)
        var server = CoreHTTPServer(
            api: api, host: configuration.host, port: configuration.port, idleTimeout: configuration.idleTimeout,
            logger: quiet
        ) { [manager] port in
            manager.isReady(at: banner.address(port: port))
            registration.add(port: port)
            banner.print(port: port)
            banner.log(port: port, to: logger)
        }
        server.socket = socket?.descriptor
        let chaining = AuditChaining(directory: storage.apps, flush: { await apps.flush() }, logger: logger)
        // What comes first ends last: the spans of the last requests are exported too.
        let services: [any Service] =
            [traces].compactMap(\.self) + [
                KeyPreparation(service: service, logger: logger), server, chaining, reload(api, apps, admin, logger),
            ] + page.services + (admin?.services ?? []) + [events?.delivery].compactMap(\.self)
        defer { registration.remove() }
        do {
            try await Shutdown(logger: logger, quiet: quiet, manager: manager)
                .run(services + watches(api, apps, storage, logger))
        } catch {
            await apps.flush()
            throw error
        }
        await apps.flush()
        await chaining.chain()
    }

    /// Where signing keys come from, and what signs.
    private func keyPool(_ metrics: TesseraMetrics, isTraced: Bool, _ logger: Logger) -> SigningKeyPool {
        SigningKeyPool(
            signers: RSASigners(configuration.rsaProvider) { logger.info("\($0)") },
            external: AgentSigner.of(configuration, logger),
            onSignature: { metrics.signed($0, $1, traces: isTraced) })
    }

    /// For libraries: their own progress is not the operator's, and what they warn of is.
    private func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        quiet.logLevel = configuration.log.level == .debug ? .debug : .warning
        return quiet
    }

    /// What looks after sessions, keys, files, clock and storage while the core serves.
    private func watches(
        _ api: CoreAPI, _ apps: AppRegistry, _ storage: CoreStorage, _ logger: Logger
    ) -> [any Service] {
        [
            Maintenance(
                services: { await apps.services() }, schedule: storage.maintenance,
                isClockAccepted: options.acceptClock, timeText: { $0.rfc3339 }, logger: logger),
            KeyWatch(apps: apps, logger: logger), DataFolderWatch(problem: storage.folderProblem, logger: logger),
            ClockJumpWatch(logger: logger), Watch(api, problem: storage.problem),
            FeedEnd(apps: apps), StorageReport(manager: manager, isAway: { api.isStorageAway }),
        ]
    }

    private func reload(
        _ api: CoreAPI, _ apps: AppRegistry, _ admin: AnsweredAdminPage?, _ logger: Logger
    ) -> Reload {
        Reload(
            configuration: configuration, read: { [options, socket] in try options.configuration(socket) }, log: log,
            logger: logger, manager: manager,
            adopt: { configuration in
                api.adopt(configuration.settings)
                apps.adopt(
                    AppSettings(policy: configuration.policy, core: configuration.settings),
                    readSettings: configuration.apps.settings)
                admin?.api.adopt(configuration.adminSettings)
                api.noteReload()
            })
    }

    private func logger() -> Logger {
        var logger = Logger(label: "tessera") { label in
            var handler = log.handler(label: label)
            if configuration.tracing != nil { handler.metadataProvider = TraceExport.logMetadata }
            return handler
        }
        // The log's own level counts, which may change.
        logger.logLevel = .trace
        return logger
    }
}

/// Logs when files of the database are gone, and when they are back.
struct DataFolderWatch: Service, CustomStringConvertible {
    let problem: @Sendable () -> String?
    let logger: Logger

    var description: String { "DataFolderWatch" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var logged: String?
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                let found = problem()
                if found == logged { continue }
                if let found {
                    logger.error("the data folder: \(found)")
                } else {
                    logger.notice("the data folder is back")
                }
                logged = found
            }
        }
    }
}

/// Makes the signing keys while the server is already listening, so that neither waits for the other.
struct KeyPreparation: Service, CustomStringConvertible {
    let service: SessionManager
    let logger: Logger

    var description: String { "KeyPreparation" }

    func run() async throws {
        do {
            try await service.prepareSigningKeys()
        } catch {
            logger.warning("signing keys will be made at the first sign-in", metadata: ["error": "\(error)"])
        }
        try await gracefulShutdown()
    }
}
