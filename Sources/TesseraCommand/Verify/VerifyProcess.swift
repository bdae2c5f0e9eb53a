import CTesseraMalloc
import CoreConfiguration
import CoreServer
import EdgeVerdicts
import Foundations
import Logging
import OperatorLog
import OperatorMetrics
import PlatformLibC
import RevocationFeed
import ServiceLifecycle
import SessionDoctor
import SessionEngine

/// A sidecar in this process.
struct VerifyProcess {
    private let settings: VerifySettings
    private let log: OperatorLogWriter
    private let manager: ServiceManager

    /// Prepares a sidecar; nothing is opened but its log.
    init(_ settings: VerifySettings) {
        signal(SIGHUP, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        Console.claimDescriptors()
        self.settings = settings
        manager = ServiceManager.ofThisProcess()
        var warnings: [String] = []
        let logSettings = LogSettings()
        log = OperatorLogWriter(logSettings, warnings: &warnings)
        log.level = logSettings.level
    }

    /// Answers until the process is terminated.
    func run() async throws {
        defer { log.flush() }
        tessera_return_memory(2)
        let logger = Logger(label: "tessera") { log.handler(label: $0) }
        var quiet = logger
        quiet.logLevel = .warning
        let (knowledge, clock) = (CoreKnowledge(CoreDoor(settings)), ClockAndRandomness.system)
        let keys = KeySetCache(
            staleness: CoreKnowledge.staleness,
            .init(
                fetch: { await knowledge.keys(at: $0) }, time: clock.time,
                wait: { try await Task.sleep(for: .milliseconds($0)) }))
        let registry = MetricRegistry()
        let feed = VerifyFeed(settings, knowledge, keys, registry, clock, logger)
        let verifier = EdgeVerifier(
            EdgeVerifier.Settings(origins: settings.origins, publicOrigin: settings.publicOrigin), keys: keys,
            feed: feed.verifier, clock: clock, ask: { await knowledge.word(about: $0) })
        let isPublic = settings.app == VerifySettings.publicApp
        let api = EdgeAPI(
            verifier, apiKey: settings.apiKey, host: settings.listen.host, registry: registry, clock: clock,
            logger: logger,
            introspectElsewhere: { isPublic ? await knowledge.introspection(of: $0) : .inactive })
        ProcessMetrics.add(to: registry, startTime: clock.time().inSeconds)
        let server = CoreHTTPServer(api, host: settings.listen.host, port: settings.listen.port, logger: quiet) {
            [settings, manager] port in
            let address = "http://\(ListenAddress(host: settings.listen.host, port: port).text)"
            manager.isReady(at: address)
            Self.log(settings, address, to: logger)
        }
        do {
            try await Shutdown(logger: logger, quiet: quiet, manager: manager)
                .run([VerifyFeedService(feed: feed, each: { api.sayWhatIsDue() }), server])
        } catch let error as ListenError {
            throw Failure(error.description)
        }
    }

    private static func log(_ settings: VerifySettings, _ address: String, to logger: Logger) {
        logger.info(
            "Tessera verifies access tokens",
            metadata: [
                "address": "\(address)", "cores": "\(settings.cores.map(\.text).joined(separator: ","))",
                "whenSilent": "\(settings.policy.whenSilent.rawValue)", "version": "\(Tessera.version)",
            ])
        guard !Loopback.isLocal(settings.listen.host) else { return }
        logger.warning(
            "others than this machine reach \(address): all of them can try tokens, and read the metrics, without a key"
        )
    }
}
