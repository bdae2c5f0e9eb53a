import CoreConfiguration
import CoreDriverInterface
import CoreServer
import Logging
import OperatorLog
import SessionEngine
import SessionService

/// What an operator sees when the core is ready.
struct Banner: Sendable {
    let configuration: OperatorConfiguration
    let database: String
    let keyWarnings: [String]
    let diskWarning: String?
    /// Where metrics are answered.
    let metrics: AnsweredMetrics
    /// Where traces go, if anywhere.
    let traces: String?
    /// Where the admin page is, if anywhere.
    let admin: String?
    /// How often the store was restored.
    let restoreNumber: UInt8

    private var restored: String? {
        guard restoreNumber > 0 else { return nil }
        let times = restoreNumber == 1 ? "once" : "\(restoreNumber) times"
        let newer = configuration.policy.afterRestore == .adopt ? "are adopted once" : "sign their users out"
        return "These data were restored from a copy \(times): refresh tokens that are newer \(newer) (after_restore)."
    }

    /// Where the core answers.
    func address(port: Int) -> String {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        return "http://\(host):\(port)\(configuration.settings.basePath.text)"
    }

    private var file: String {
        let file = configuration.settings.configurationPath
        return file.isEmpty ? "none: defaults, environment and flags" : file
    }

    /// Says in the log where everything is.
    ///
    /// - Parameters:
    ///   - port: the port that is listened on.
    ///   - logger: the log.
    func log(port: Int, to logger: Logger) {
        logger.info(
            "Tessera has started",
            metadata: [
                "address": "\(address(port: port))", "data": "\(database)", "configuration": "\(file)",
                "infoLog": "\(configuration.log.infoPath ?? "standard output")",
                "errorLog": "\(configuration.log.errorPath ?? "standard error")",
                "metrics": "\(metrics.place)", "apiKeys": .stringConvertible(configuration.settings.apiKeys.count),
                "pid": .stringConvertible(Int(configuration.settings.processID)), "version": "\(Tessera.version)",
            ])
        for note in notes { logger.warning("\(note)") }
    }

    private var notes: [String] {
        configuration.warnings + keyWarnings + [restored, diskWarning, metrics.note].compactMap(\.self)
    }

    /// Says on the console where everything is; no one waits for its reader.
    func print(port: Int) {
        let keys = configuration.settings.apiKeys.count
        var lines = [
            "Tessera \(Tessera.version)",
            "  API            \(address(port: port))",
            "  CDI            \(CDIVersion.summary(of: configuration.settings.versions.versions))",
            "  API key        \(keys == 0 ? "none asked for: only this machine is served" : "\(keys) configured")",
            "  Data           \(database)",
            "  Metrics        \(metrics.place)",
            "  Configuration  \(file)",
        ]
        if let admin { lines.append("  Admin page     \(admin)") }
        if let traces { lines.append("  Traces         \(traces)") }
        lines += notes.map { "  Note           \($0)" }
        // The name is that of the interface: scripts and images wait for this line (docs/specification/core.md 7.4).
        lines.append(
            "Started SuperTokens on \(configuration.host):\(port) with PID: \(configuration.settings.processID)")
        LogOutput.standardOutput.write(lines.joined(separator: "\n") + "\n")
    }
}
