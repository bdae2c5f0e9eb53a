public import CoreServer
public import SessionService

/// Everything an operator decides, checked.
public struct OperatorConfiguration: Sendable {
    /// The address to listen on.
    public var host: String
    /// The port to listen on; 0 lets the system choose.
    public var port: Int
    /// How long a connection may be silent between requests, in seconds.
    public var idleTimeout: Int
    /// Where the data is, if it was said.
    public var dataDirectory: String?
    /// Where sessions are, unless it is a folder of this machine.
    public var database: DatabaseSettings?
    /// Where the key that encrypts private keys comes from.
    public var keyEncryption: KeyEncryptionSource?
    /// Which library makes RSA signatures.
    public var rsaProvider: RSAProvider
    /// What was decided about sessions.
    public var policy: SessionPolicy
    /// What was decided about the core's answers.
    public var settings: CoreSettings
    /// What apps may decide for themselves.
    public let apps: AppConfiguration
    /// What is logged, how and where.
    public var log: LogSettings
    /// What the operator should know although the core starts.
    public var warnings: [String]

    /// What the command line can say.
    public struct Flags: Sendable {
        /// `--host`.
        public var host: String?
        /// `--port`.
        public var port: Int?
        /// `--data-dir`.
        public var dataDirectory: String?

        /// `--test-mode`.
        public var isTest: Bool

        public init(
            host: String? = nil, port: Int? = nil, dataDirectory: String? = nil, isTest: Bool = false
        ) {
            self.host = host
            self.port = port
            self.dataDirectory = dataDirectory
            self.isTest = isTest
        }

        /// The flags as if a file had them.
        fileprivate var texts: [ConfigurationKey: String] {
            var texts: [ConfigurationKey: String] = [:]
            texts[.host] = host
            texts[.port] = port.map { String($0) }
            texts[.dataDirectory] = dataDirectory
            if isTest { texts[.testMode] = "true" }
            return texts
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
        let values = try ConfigurationValues(file: file, environment: environment, flags: flags.texts)
        try Self.checkWithoutEffect(values)
        host = values.text(.host) ?? "127.0.0.1"
        port = Int(try values.integer(.port) ?? 3567)
        guard (0...65_535).contains(port) else { throw values.error("'port' must be between 0 and 65535.") }
        idleTimeout = Int(try values.integer(.idleTimeout) ?? 75)
        guard (1...3_600).contains(idleTimeout) else {
            throw values.error("'server_idle_timeout' must be between 1 and 3600 seconds.")
        }
        dataDirectory = values.text(.dataDirectory)
        database = try DatabaseSettings(values)
        keyEncryption = try KeyEncryptionSource(values)
        rsaProvider = try RSAProvider(values)
        policy = try SessionPolicy(values)
        settings = try CoreSettings(values)
        settings.configurationPath = file?.path ?? ""
        log = try LogSettings(values, environment: environment)
        warnings = values.warnings + policy.warnings
        apps = AppConfiguration(values)
        try requireKeyOffLoopback()
        try refuseTestModeOffLoopback()
    }

    /// Keys that set nothing here still have to be what they say.
    private static func checkWithoutEffect(_ values: ConfigurationValues) throws(ConfigurationError) {
        if try values.integer(.coreConfigVersion) == -1 {
            throw ConfigurationError(
                "'core_config_version' is not set in the config.yaml file. Please redownload and install SuperTokens")
        }
        if let size = try values.integer(.serverPoolSize), size < 1 {
            throw values.error("'max_server_pool_size' must be >= 1.")
        }
        for key in [ConfigurationKey.webserverHTTPS, .disableTelemetry, .deadlockLogger] { _ = try values.bool(key) }
        if let domain = values.text(.loadOnlyDomain), domain.contains(where: { $0.isWhitespace || $0 == "/" }) {
            throw ConfigurationError("supertokens_saas_load_only_cud is invalid")
        }
    }

    /// Every client that can reach the core is the application; without a key that may only be this machine
    /// (docs/specification/security.md H02).
    private func requireKeyOffLoopback() throws(ConfigurationError) {
        guard settings.apiKeys.isEmpty, !isLoopback else { return }
        throw ConfigurationError(
            "Without an API key the core listens on this machine only, and '\(host)' is not this machine. "
                + "Set 'api_keys' in config.yaml (or API_KEYS in the environment) to a key of at least 20 characters, "
                + "or listen on 127.0.0.1.")
    }

    private func refuseTestModeOffLoopback() throws(ConfigurationError) {
        guard settings.allowsShortKeyIntervals, !isLoopback else { return }
        throw ConfigurationError(
            "'test_mode' lifts limits that protect sessions, and '\(host)' is not this machine only. "
                + "Remove 'test_mode', or listen on 127.0.0.1.")
    }

    /// Whether only this machine can reach the core.
    private var isLoopback: Bool {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return host == "localhost" || host == "::1"
            || (numbers.count == 4 && numbers.first == 127 && !numbers.contains(nil))
    }
}
