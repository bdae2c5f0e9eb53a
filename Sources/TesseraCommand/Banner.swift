import CoreConfiguration
import CoreDriverInterface
import CoreServer
import SessionEngine
import SessionService

/// What an operator sees when the core is ready.
struct Banner: Sendable {
    let configuration: OperatorConfiguration
    let database: String
    let keyWarning: String?
    let diskWarning: String?
    /// How often the store was restored.
    let restoreNumber: UInt8

    private var restored: String? {
        guard restoreNumber > 0 else { return nil }
        let times = restoreNumber == 1 ? "once" : "\(restoreNumber) times"
        let newer = configuration.policy.afterRestore == .adopt ? "are adopted once" : "sign their users out"
        return "These data were restored from a copy \(times): refresh tokens that are newer \(newer) (after_restore)."
    }

    /// Says where everything is.
    func print(port: Int) {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        let file = configuration.settings.configurationPath
        let keys = configuration.settings.apiKeys.count
        var lines = [
            "Tessera \(Tessera.version)",
            "  API            http://\(host):\(port)\(configuration.settings.basePath.text)",
            "  CDI            \(CDIVersion.summary(of: configuration.settings.versions.versions))",
            "  API key        \(keys == 0 ? "none asked for: only this machine is served" : "\(keys) configured")",
            "  Data           \(database)",
            "  Configuration  \(file.isEmpty ? "none: defaults, environment and flags" : file)",
        ]
        let notes = configuration.warnings + [keyWarning, restored, diskWarning].compactMap(\.self)
        lines += notes.map { "  Note           \($0)" }
        // The name is that of the interface: scripts and images wait for this line (docs/specification/core.md 7.4).
        lines.append(
            "Started SuperTokens on \(configuration.host):\(port) with PID: \(configuration.settings.processID)")
        Console.print(lines.joined(separator: "\n") + "\n")
    }
}
