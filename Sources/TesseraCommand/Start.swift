import ArgumentParser
import CoreConfiguration

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// `tessera start`: starts a core in the background, as `supertokens start` does.
struct Start: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start the core in the background.",
        discussion: """
            Waits until the core answers and prints its address and process id. Its logs are info.log and error.log in \
            the folder 'logs' beside the database, unless the configuration names other files.
            """)

    @OptionGroup var options: CoreOptions

    @Flag(help: "Stay in the foreground, as 'tessera serve' does.")
    var foreground = false

    @Flag(name: .customLong("no-in-mem-db"), help: "Accepted: sessions are always kept in a file.")
    var noInMemoryDatabase = false

    @Option(name: .customLong("with-space"), help: "Ignored: there is no heap to size.")
    var heapSize: String?

    @Option(name: .customLong("with-temp-dir"), help: "Ignored: nothing temporary is written.")
    var temporaryFolder: String?

    func run() async throws {
        if foreground { return try await CoreProcess(options).run() }
        let configuration = try options.configuration()
        let logs = Paths.dataFolder(configuration) + "/logs"
        do {
            try FileManager.default.createDirectory(
                atPath: logs, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw Failure("cannot make the folder \(logs)")
        }
        let process = try BackgroundProcess(
            executable: Paths.executable, arguments: ["serve"] + options.arguments,
            environment: environment(configuration.log, logs), output: logs + "/start.log")
        try await wait(for: process)
    }

    /// This process's environment, with log files where the operator named none.
    private func environment(_ log: LogSettings, _ folder: String) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        if log.infoPath == nil { environment["INFO_LOG_PATH"] = folder + "/info.log" }
        if log.errorPath == nil { environment["ERROR_LOG_PATH"] = folder + "/error.log" }
        return environment
    }

    private func wait(for process: BackgroundProcess) async throws {
        for _ in 0..<3_000 {
            let hasEnded = process.hasEnded
            let output = process.output
            let lines = output.split(separator: "\n")
            if let line = lines.first(where: { $0.hasPrefix("Started SuperTokens on ") }), output.hasSuffix("\n") {
                print(line)
                return
            }
            if hasEnded {
                Console.complain(output)
                throw ExitCode.failure
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        process.end()
        throw Failure("the core did not start within a minute")
    }
}
