import ArgumentParser
import CoreConfiguration
import CoreServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The options of every command that reads the configuration of a core.
struct CoreOptions: ParsableArguments {
    @Option(
        name: [.long, .customLong("with-config")],
        help: "A configuration file with SuperTokens' keys; 'tessera config keys' prints them.")
    var config: String?

    @Option(help: ArgumentHelp(stringLiteral: ConfigurationText.help("host")))
    var host: String?

    @Option(help: ArgumentHelp(stringLiteral: ConfigurationText.help("port")))
    var port: Int?

    @Option(help: ArgumentHelp(stringLiteral: ConfigurationText.help("data_dir")))
    var dataDir: String?

    @Flag(help: ArgumentHelp(stringLiteral: ConfigurationText.help("test_mode")))
    var testMode = false

    @Flag(
        help: ArgumentHelp(
            "Begin with an empty database where the one of the data folder is gone or has lost its log: without the old "
                + "sessions and keys. What is there is kept under another name; a whole database is used as ever."))
    var newDatabase = false

    @Flag(
        help: ArgumentHelp(
            "Say that the clock is right although it is more than 30 days from the last time that a core noted in its "
                + "storage. Without it nothing is removed as too old then."))
    var acceptClock = false

    /// Reads the configuration file, the environment and these options.
    ///
    /// - Parameter socket: a socket that the service manager has opened, whose address goes before all others.
    func configuration(_ socket: InheritedSocket? = nil) throws -> OperatorConfiguration {
        var flags = OperatorConfiguration.Flags(host: host, port: port, dataDirectory: dataDir, isTest: testMode)
        flags.socket = socket.map { ($0.host, $0.port) }
        var configuration = try ConfigurationFiles.configuration(config, flags)
        configuration.settings.processID = ProcessInfo.processInfo.processIdentifier
        return configuration
    }

    /// These options on the command line of another process.
    var arguments: [String] {
        let named = [("config", config.map(Paths.absolute)), ("host", host), ("port", port.map { String($0) })]
        let flags = [
            ("test-mode", testMode), ("new-database", newDatabase), ("accept-clock", acceptClock),
        ]
        return named.flatMap { name, value in value.map { ["--\(name)", $0] } ?? [] }
            + (dataDir.map { ["--data-dir", Paths.absolute($0)] } ?? [])
            + flags.filter(\.1).map { "--\($0.0)" }
    }
}

/// The options of commands that work on the data of a core, whether it runs or not.
struct DataOptions: ParsableArguments {
    @Option(
        name: [.long, .customLong("with-config")],
        help: "The core's configuration file: it says where the data are, and the environment goes before it.")
    var config: String?

    @Option(help: "The folder of the database, whatever the configuration says.")
    var dataDir: String?

    /// Where the data are; a folder on the command line goes before every database.
    func place() throws -> DataPlace { try Self.place(config, dataDir) }

    /// Where the data are, by a configuration file, the environment and a folder on the command line.
    static func place(_ config: String?, _ dataDir: String? = nil) throws -> DataPlace {
        let file = try ConfigurationFiles.read(config)
        do throws(ConfigurationError) {
            return try DataPlace(
                file: file, environment: ProcessInfo.processInfo.environment,
                flags: OperatorConfiguration.Flags(dataDirectory: dataDir), contents: ConfigurationFiles.contents)
        } catch {
            throw Failure(error.description)
        }
    }
}

/// The files of a configuration.
enum ConfigurationFiles {
    /// Reads a whole configuration: flags over environment over a file, if one was named.
    static func configuration(_ path: String?, _ flags: OperatorConfiguration.Flags) throws -> OperatorConfiguration {
        let file = try read(path)
        do throws(ConfigurationError) {
            return try OperatorConfiguration(
                file: file, environment: ProcessInfo.processInfo.environment, flags: flags, contents: contents)
        } catch {
            throw Failure(error.description)
        }
    }

    /// Reads a configuration file; `nil` where none was named.
    static func read(_ path: String?) throws -> (text: String, path: String)? {
        guard let path = path.map(Paths.absolute) else { return nil }
        guard let data = try? Data(contentsOf: URL(filePath: path)) else {
            throw Failure("cannot read the configuration file \(path)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Failure("the configuration file \(path) is not UTF-8")
        }
        return (text, path)
    }

    /// What a file holds that the environment names, such as API_KEYS_FILE.
    static func contents(_ path: String) -> String? {
        (try? Data(contentsOf: URL(filePath: Paths.absolute(path)))).flatMap { String(validating: $0, as: UTF8.self) }
    }
}
