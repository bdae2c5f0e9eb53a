public import CoreServer
public import Logging
public import SessionService

/// Everything an operator decides, checked.
public struct CoreConfiguration: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 lets the system choose.
    public var port: Int
    /// Where the data is, if it was said.
    public var dataDirectory: String?
    /// What was decided about sessions.
    public var policy: SessionPolicy
    /// What was decided about the core's answers.
    public var settings: CoreSettings
    /// What apps may decide for themselves.
    public let apps: AppConfiguration
    /// How much is logged; `nil` for nothing.
    public var logLevel: Logger.Level?
    /// What the operator should know although the core starts.
    public var remarks: [String]

    /// What the command line can say.
    public struct Flags: Sendable {
        /// `--host`.
        public var host: String?
        /// `--port`.
        public var port: Int?
        /// `--data-dir`.
        public var dataDirectory: String?

        /// Collects flags.
        public init(host: String? = nil, port: Int? = nil, dataDirectory: String? = nil) {
            self.host = host
            self.port = port
            self.dataDirectory = dataDirectory
        }
    }

    /// Reads a configuration: flags over environment over file over defaults.
    ///
    /// - Parameters:
    ///   - file: the text and the absolute path of `config.yaml`, if there is one.
    ///   - environment: the process's environment.
    ///   - flags: what the command line says.
    /// - Throws: ``ConfigurationError`` for the first value that breaks a rule.
    public init(
        file: (text: String, path: String)? = nil, environment: [String: String] = [:], flags: Flags = Flags()
    ) throws(ConfigurationError) {
        var flagTexts: [ConfigurationKey: String] = [:]
        flagTexts[.host] = flags.host
        flagTexts[.port] = flags.port.map { String($0) }
        flagTexts[.dataDirectory] = flags.dataDirectory
        let values = try ConfigurationValues(file: file, environment: environment, flags: flagTexts)
        _ = try values.integer(.coreConfigVersion)
        host = values.text(.host) ?? "127.0.0.1"
        port = Int(clamping: try values.integer(.port) ?? 3567)
        guard (0...65_535).contains(port) else { throw values.error("'port' must be between 0 and 65535.") }
        dataDirectory = values.text(.dataDirectory)
        policy = try SessionPolicy(values)
        settings = try CoreSettings(values)
        settings.configurationPath = file?.path ?? ""
        logLevel = try Self.logLevel(values)
        remarks = values.remarks
        apps = AppConfiguration(values)
        try requireKeyOffLoopback()
    }

    private static func logLevel(_ values: ConfigurationValues) throws(ConfigurationError) -> Logger.Level? {
        switch (values.text(.logLevel) ?? "INFO").uppercased() {
        case "NONE": return nil
        case "DEBUG": return .debug
        case "INFO": return .info
        case "WARN": return .warning
        case "ERROR": return .error
        default:
            throw ConfigurationError(
                "'log_level' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\".")
        }
    }

    /// Whoever can reach the core is the application; without a key that may only be this machine (statement H02).
    private func requireKeyOffLoopback() throws(ConfigurationError) {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        let isLoopback =
            host == "localhost" || host == "::1"
            || (numbers.count == 4 && numbers.first == 127 && !numbers.contains(nil))
        guard settings.apiKeys.isEmpty, !isLoopback else { return }
        throw ConfigurationError(
            "Without an API key the core listens on this machine only, and '\(host)' is not this machine. "
                + "Set 'api_keys' in config.yaml (or API_KEYS in the environment) to a key of at least 20 characters, "
                + "or listen on 127.0.0.1.")
    }
}
