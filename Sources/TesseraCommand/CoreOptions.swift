import ArgumentParser
import CoreConfiguration
import CoreServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The options of every command that runs a core.
struct CoreOptions: ParsableArguments {
    @Option(
        name: [.long, .customLong("with-config")],
        help: "A configuration file with SuperTokens' keys.")
    var config: String?

    @Option(help: "The address to listen on. (default: 127.0.0.1)")
    var host: String?

    @Option(help: "The port to listen on; 0 takes a free one. (default: 3567)")
    var port: Int?

    @Option(help: "The folder of the database. (default: tessera in the user's data folder)")
    var dataDir: String?

    @Flag(help: "Allow signing keys of less than an hour, for tests on this machine only.")
    var testMode = false

    /// Reads the configuration file, the environment and these options.
    func configuration() throws -> OperatorConfiguration {
        var file: (text: String, path: String)?
        if let config {
            let path = Paths.absolute(config)
            guard let data = try? Data(contentsOf: URL(filePath: path)),
                let text = String(validating: data, as: UTF8.self)
            else { throw Failure("cannot read the configuration file \(path)") }
            file = (text, path)
        }
        do throws(ConfigurationError) {
            var configuration = try OperatorConfiguration(
                file: file, environment: ProcessInfo.processInfo.environment,
                flags: OperatorConfiguration.Flags(host: host, port: port, dataDirectory: dataDir, isTest: testMode))
            configuration.settings.processID = ProcessInfo.processInfo.processIdentifier
            return configuration
        } catch {
            throw Failure(error.description)
        }
    }

    /// These options on the command line of another process.
    var arguments: [String] {
        let named = [("config", config.map(Paths.absolute)), ("host", host), ("port", port.map { String($0) })]
        return named.flatMap { name, value in value.map { ["--\(name)", $0] } ?? [] }
            + (dataDir.map { ["--data-dir", Paths.absolute($0)] } ?? []) + (testMode ? ["--test-mode"] : [])
    }
}
