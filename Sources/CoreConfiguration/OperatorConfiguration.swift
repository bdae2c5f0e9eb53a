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
    /// Where metrics are answered; `nil` for nowhere.
    public var metrics: ListenAddress?
    /// Where the admin page is; `nil` for nowhere.
    public var admin: ListenAddress?
    /// What was decided about the admin page.
    public var adminSettings: AdminSettings
    /// Where the spans of requests go; `nil` for nowhere.
    public var tracing: TraceDestination?
    /// The share of the traces that begin here which is recorded.
    public var traceSampleRatio: Double
    /// Where the data is, if it was said.
    public var dataDirectory: String?
    /// Where sessions are, unless it is a folder of this machine.
    public var database: DatabaseSettings?
    /// Where the key that encrypts private keys comes from.
    public var keyEncryption: KeyEncryptionSource?
    /// The file that names the receivers of security events, if there are any.
    public var eventStreamsFile: String?
    /// The path of the socket of the signer that keeps private keys; `nil` where the core does.
    public var signer: String?
    /// For how long a request waits for that signer at most, in seconds.
    public var signerTimeout: Double
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
    /// What was said, and where.
    let values: ConfigurationValues
    let draft: ConfigurationDraft
    private let environment: [String: String]

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
        /// The address of a socket that the service manager has opened; nothing else may be said of host and port then.
        package var socket: (host: String, port: Int)?

        public init(
            host: String? = nil, port: Int? = nil, dataDirectory: String? = nil, isTest: Bool = false
        ) {
            self.host = host
            self.port = port
            self.dataDirectory = dataDirectory
            self.isTest = isTest
        }

        /// The flags as if a file had them.
        fileprivate var texts: [(key: String, flag: String, text: String)] {
            let said = [
                ("host", "--host", host), ("port", "--port", port.map { String($0) }),
                ("data_dir", "--data-dir", dataDirectory), ("test_mode", "--test-mode", isTest ? "true" : nil),
            ]
            return said.compactMap { key, flag, text in text.map { (key, flag, $0) } }
        }
    }

    /// Reads a configuration: flags over environment over file over defaults.
    ///
    /// - Parameters:
    ///   - file: the text and the absolute path of `config.yaml`, if there is one.
    ///   - environment: the process's environment.
    ///   - flags: what the command line says.
    ///   - contents: reads a file that the environment names (`API_KEYS_FILE`); `nil` where it cannot be read.
    /// - Throws: ``ConfigurationError`` with everything that is wrong.
    public init(
        file: (text: String, path: String)? = nil, environment: [String: String] = [:], flags: Flags = Flags(),
        contents: (String) -> String? = { _ in nil }
    ) throws(ConfigurationError) {
        var values = ConfigurationValues(file: file, environment: environment, flags: flags.texts, contents: contents)
        if let socket = flags.socket { values.takeSocket(host: socket.host, port: socket.port) }
        try self.init(values, path: file?.path ?? "", environment: environment)
    }

    init(
        _ values: ConfigurationValues, path: String, environment: [String: String]
    ) throws(ConfigurationError) {
        var reading = ConfigurationReading(values)
        reading.judgeSessions()
        reading.judgeAccess()
        reading.judgeAdminPage()
        reading.judgeEvents()
        database = reading.database(environment)
        keyEncryption = reading.keyEncryption()
        guard reading.problems.isEmpty else { throw ConfigurationError(reading.problems) }
        let draft = reading.draft
        (host, port, idleTimeout, dataDirectory) = (draft.host, draft.port, draft.idleTimeout, draft.dataDirectory)
        (rsaProvider, policy, log) = (draft.rsaProvider, draft.policy, draft.log)
        (signer, signerTimeout) = (draft.signer, draft.signerTimeout)
        settings = draft.settings
        settings.configurationPath = path
        (metrics, admin, adminSettings) = (draft.metrics, draft.admin, draft.adminSettings)
        traceSampleRatio = draft.traceSampleRatio
        eventStreamsFile = draft.eventStreamsFile
        let collector = reading.collector()
        tracing = draft.tracing ?? collector.destination
        warnings = values.warnings + policy.warnings
        warnings += policy.limitWarnings(draft.policyKeys, life: policy.accessTokenValidity)
        warnings += [database?.transportWarning, metrics?.metricsWarning, collector.warning].compactMap(\.self)
        apps = AppConfiguration(draft)
        (self.values, self.draft, self.environment) = (values, draft, environment)
        adminSettings.configuration = shownKeys.map(\.entry)
        adminSettings.warnings = warnings
    }

    /// Whether the configuration file itself has a password or a key in it, so that no other user should read it.
    package var hasSecretInFile: Bool {
        ConfigurationKey.all.contains { key in
            guard key.traits.contains(.secret), case .file? = values[key.name]?.source else { return false }
            return true
        }
    }

    /// Whether the address of the metrics was said: then it has to be free.
    public var isMetricsAddressGiven: Bool { values["metrics_listen"] != nil }

    /// What a running core makes of a configuration that was read again.
    public struct Reload: Sendable {
        /// This configuration with the new values of the keys that can change.
        public var configuration: OperatorConfiguration
        /// The keys that have changed.
        public var changed: [String]
        /// The keys whose new value counts from the next start on.
        public var deferred: [String]
    }

    /// Takes what can be changed while the core runs from a configuration that was read again.
    ///
    /// - Throws: ``ConfigurationError`` where the new values do not go with what stays.
    public func reload(_ new: OperatorConfiguration) throws(ConfigurationError) -> Reload {
        var merged = values
        var (changed, deferred): ([String], [String]) = ([], [])
        for key in ConfigurationKey.all where key.text(draft) != key.text(new.draft) {
            if key.traits.contains(.reloadable) {
                merged[key.name] = new.values[key.name]
                changed.append(key.name)
            } else if !key.traits.contains(.alias) {
                deferred.append(key.name)
            }
        }
        var configuration = try OperatorConfiguration(
            merged, path: settings.configurationPath, environment: environment)
        configuration.settings.processID = settings.processID
        configuration.warnings = new.warnings
        return Reload(configuration: configuration, changed: changed, deferred: deferred)
    }
}

/// Where the data of a core is, for commands that work on them without one.
public struct DataPlace: Sendable {
    /// The database, unless it is a folder.
    public let database: DatabaseSettings?
    /// The folder, if it was said.
    public let dataDirectory: String?

    /// Reads what a configuration says of it; what is wrong with other keys does not matter here.
    ///
    /// - Throws: ``ConfigurationError`` for a file that cannot be read and for these keys.
    public init(
        file: (text: String, path: String)?, environment: [String: String], flags: OperatorConfiguration.Flags,
        contents: (String) -> String? = { _ in nil }
    ) throws(ConfigurationError) {
        let values = ConfigurationValues(file: file, environment: environment, flags: flags.texts, contents: contents)
        var reading = ConfigurationReading(values)
        database = reading.database(environment)
        dataDirectory = reading.draft.dataDirectory
        let problems = reading.problems.filter { problem in
            problem.key.map { $0 == "data_dir" || ForeignKey.namesDatabase($0.lowercased()) } ?? true
        }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }
}
