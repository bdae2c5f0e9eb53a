import CoreConfiguration
import Logging
import OperatorLog
import ServiceLifecycle
import UnixSignals

/// What SIGHUP does: the log files are opened again, and what can change while a core runs is read again.
struct Reload: Service, CustomStringConvertible {
    /// The configuration of the start.
    let configuration: OperatorConfiguration
    /// Reads the configuration again, as the start did.
    let read: @Sendable () throws -> OperatorConfiguration
    let log: OperatorLogWriter
    let logger: Logger
    let manager: ServiceManager
    /// Hands new settings to what answers requests.
    let adopt: @Sendable (OperatorConfiguration) -> Void

    var description: String { "Reload" }

    func run() async throws {
        var current = configuration
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            manager.isReloading()
            log.reopen()
            current = reload(current)
            manager.report("READY=1")
        }
    }

    /// The configuration from now on; the old one where the new one is not good.
    private func reload(_ current: OperatorConfiguration) -> OperatorConfiguration {
        let reload: OperatorConfiguration.Reload
        do {
            reload = try current.reload(read())
        } catch {
            logger.error("SIGHUP: nothing was changed, because the configuration is not good: \(error)")
            return current
        }
        adopt(reload.configuration)
        log.level = reload.configuration.log.level
        for warning in reload.configuration.warnings { logger.notice("SIGHUP: \(warning)") }
        let changed = reload.changed.isEmpty ? "no key has changed" : "new values of \(Self.list(reload.changed))"
        logger.notice("SIGHUP: log files are open again; \(changed)")
        if !reload.deferred.isEmpty {
            logger.warning("SIGHUP: changed, but counts from the next start on only: \(Self.list(reload.deferred))")
        }
        return reload.configuration
    }

    private static func list(_ names: [String]) -> String { names.joined(separator: ", ") }
}
