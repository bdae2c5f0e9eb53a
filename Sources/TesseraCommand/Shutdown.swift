import Foundations
import Logging
import ServiceLifecycle
import UnixSignals

/// The services of a core from the start to the end, which a signal brings; the log says which one.
struct Shutdown {
    let logger: Logger
    /// Where the libraries say how they are.
    let quiet: Logger
    let manager: ServiceManager

    /// How long what is under way may take.
    private static let drainLimit = Duration.seconds(20)

    /// Runs services until one fails or a signal ends them.
    func run(_ services: [any Service]) async throws {
        var configuration = ServiceGroupConfiguration(services: services, logger: quiet)
        configuration.maximumGracefulShutdownDuration = Self.drainLimit
        let group = ServiceGroup(configuration: configuration)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let begun = MonotonicTime.present
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                for await signal in signals {
                    manager.report("STOPPING=1")
                    logger.info("Tessera stops", metadata: ["why": "\(Self.name(of: signal))"])
                    await group.triggerGracefulShutdown()
                }
            }
            defer { tasks.cancelAll() }
            do {
                try await group.run()
            } catch {
                logger.error("Tessera stops", metadata: ["why": "\(error)"])
                throw error
            }
        }
        let seconds = (MonotonicTime.present - begun).inMilliseconds / 1_000
        logger.info("Tessera has stopped", metadata: ["upSeconds": .stringConvertible(seconds)])
    }

    private static func name(of signal: UnixSignal) -> String {
        switch signal {
        case .sigterm: "SIGTERM"
        case .sigint: "SIGINT"
        default: "\(signal)"
        }
    }
}
