import CoreDriverInterface
import CoreServer
import SessionEngine
import SessionService
import Testing

@testable import CoreConfiguration

/// Who may ask, what may be asked, what is logged: keys of docs/specification/core.md 7.1 with their messages.
struct AccessConfigurationTests {
    private func read(
        _ yaml: String? = nil, environment: [String: String] = [:], flags: OperatorConfiguration.Flags = .init()
    ) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: yaml.map { ($0, "/etc/config.yaml") }, environment: environment, flags: flags)
    }

    private static let keys = "api_keys: ABCDEFGHIJKLMNOPQRST\n"

    /// YAML and the whole message that makes startup fail.
    static let refusals: [(String, String)] = [
        (
            "core_config_version: -1",
            "'core_config_version' is not set in the config.yaml file. Please redownload and install SuperTokens"
        ),
        ("core_config_version: one", "'core_config_version' has to be a whole number."),
        ("port: 2147483648", "'port' must be between 0 and 65535."),
        ("host: [a]", "'host' has to be a text. It is a list or a mapping."),
        ("base_path: /a b", "Invalid characters in base_path config"),
        ("api_keys: ','", "One of the API keys is too short. Please use at least 20 characters"),
        (
            "supertokens_saas_secret: ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRST",
            "supertokens_saas_secret can only be used when api_key is also defined"
        ),
        (
            keys + "supertokens_saas_secret: ABCDEFGHIJKLMNOPQRST",
            "supertokens_saas_secret is too short. Please use at least 40 characters"
        ),
        (
            keys + "supertokens_saas_secret: ABCDEFGHIJKLMNOPQRST_ABCDEFGHIJKLMNOPQRST",
            "Invalid characters in API key. Please only use '=', '-' and alpha-numeric (including capitals)"
        ),
        ("ip_allow_regex: '['", "Provided regular expression is invalid for ip_allow_regex config"),
        ("ip_deny_regex: 'a)|(b'", "Provided regular expression is invalid for ip_deny_regex config"),
        ("supertokens_max_cdi_version: abc", "supertokens_max_cdi_version is not a valid semantic version"),
        ("supertokens_default_cdi_version: 9.9", "supertokens_default_cdi_version is not a supported version"),
        ("supertokens_min_cdi_version: 5.0.0", "supertokens_min_cdi_version is not a valid semantic version"),
        ("supertokens_min_cdi_version: 9.9", "supertokens_min_cdi_version is not a supported version"),
        (
            "supertokens_min_cdi_version: 5.1\nsupertokens_max_cdi_version: 5.0",
            "supertokens_min_cdi_version cannot be greater than supertokens_max_cdi_version"
        ),
        ("max_server_pool_size: 0", "'max_server_pool_size' must be >= 1."),
        ("max_server_pool_size: many", "'max_server_pool_size' has to be a whole number."),
        ("disable_telemetry: 2", "'disable_telemetry' has to be true or false."),
        ("webserver_https_enabled: 2", "'webserver_https_enabled' has to be true or false."),
        ("deadlock_logger_enable: 2", "'deadlock_logger_enable' has to be true or false."),
        ("supertokens_saas_load_only_cud: 'a b'", "supertokens_saas_load_only_cud is invalid"),
        (
            "refresh_token_rotation_grace_period: 301",
            "'refresh_token_rotation_grace_period' must be between 0 and 300 seconds inclusive."
        ),
        ("refresh_token_rotation_grace_period: 1.5", "'refresh_token_rotation_grace_period' has to be a whole number."),
        (
            "access_token_validity_jitter: 0.26",
            "'access_token_validity_jitter' must be between 0 and 0.25 inclusive."
        ),
        ("access_token_validity_jitter: some", "'access_token_validity_jitter' has to be a number."),
        (
            "recent_token_reuse_behaviour: IGNORE",
            "recent_token_reuse_behaviour property is not set correctly. "
                + "It must be one of [TOKEN_THEFT, UNAUTHORISED]"
        ),
        ("test_mode: perhaps", "'test_mode' has to be true or false."),
        (
            "test_mode: true\naccess_token_dynamic_signing_key_update_interval: 0",
            "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour."
        ),
        (
            keys + "test_mode: true\nhost: 0.0.0.0",
            "'test_mode' lifts limits that protect sessions, and '0.0.0.0' is not this machine only. "
                + "Remove 'test_mode', or listen on 127.0.0.1."
        ),
        (
            "mysql_connection_uri: mysql://x",
            "'mysql_connection_uri' asks for MySQL, which this release does not speak: it keeps sessions in "
                + "an SQLite file or in PostgreSQL. Remove every key of MySQL to start with that."
        ),
        (
            "postgresql_connection_uri: jdbc:postgresql://x",
            "The provided postgresql connection URI has an incorrect format. Please use a format like "
                + "postgresql://[user[:[password]]@]host[:port][/dbname][?attr1=val1&attr2=val2..."
        ),
        (
            "postgresql_password: secret",
            "'postgresql_user' and 'postgresql_connection_uri' are not set. Please set at least one of these values"
        ),
        (
            "postgresql_user: u\npostgresql_connection_pool_size: 0",
            "'postgresql_connection_pool_size' must be between 1 and 10000."
        ),
        (
            "key_encryption_key: a\nkey_encryption_key_file: b",
            "Set only one of 'key_encryption_key', 'key_encryption_key_file' and 'key_encryption_key_command'."
        ),
    ]

    @Test("a broken rule ends the start with exactly its message", arguments: refusals)
    func refusal(yaml: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(yaml) }
        #expect(error?.problems.map(\.text) == [message])
        #expect(error?.description.hasPrefix("/etc/config.yaml, line ") == true, "\(error?.description ?? "")")
    }

    @Test("a database in the environment is not overlooked")
    func databaseInEnvironment() {
        #expect(throws: ConfigurationError.self) { try read(environment: ["POSTGRESQL_CONNECTION_URI": "x"]) }
        // What a container platform sets for a service of that name.
        #expect(throws: Never.self) { try read(environment: ["POSTGRESQL_PORT": "tcp://10.0.0.1:5432"]) }
    }

    @Test("keys about access have their effect")
    func access() throws {
        let secret = "ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRST"
        let settings = try read(
            Self.keys + """
                base_path: some/base/
                supertokens_saas_secret: \(secret)
                ip_deny_regex: 10\\..*
                supertokens_min_cdi_version: 2.1
                supertokens_max_cdi_version: 5.0
                """
        ).settings
        #expect(settings.basePath.text == "/some/base" && settings.operatorKey == secret && settings.peers != nil)
        #expect(settings.versions.versions.first?.description == "2.1")
        #expect(settings.versions.versions.last?.description == "5.0")
    }

    @Test("the old name of the newest version is an alias that the new name beats")
    func alias() throws {
        let old = "supertokens_default_cdi_version: 5.0\n"
        #expect(try read(old).settings.versions.versions.last?.description == "5.0")
        let both = try read(old + "supertokens_max_cdi_version: 5.1").settings
        #expect(both.versions.versions.last?.description == "5.1")
    }

    @Test("keys of CDI 5.6 reach the policy")
    func rotation() throws {
        let policy = try read(
            """
            refresh_token_rotation_grace_period: 0
            access_token_validity_jitter: 0.25
            recent_token_reuse_behaviour: unauthorised
            """
        ).policy
        #expect(policy.rotationGracePeriod == .seconds(0) && policy.accessTokenValidityJitter == 0.25)
        #expect(!policy.reportsRecentReuseAsTheft)
    }

    @Test(
        "test mode allows short key intervals, by file, environment and flag",
        arguments: [("test_mode: true\n", [:], false), ("", ["TESSERA_TEST_MODE": "true"], false), ("", [:], true)])
    func testMode(line: String, environment: [String: String], flag: Bool) throws {
        let interval = "access_token_dynamic_signing_key_update_interval: 0.001\n"
        let configuration = try read(line + interval, environment: environment, flags: .init(isTest: flag))
        #expect(configuration.policy.signingKeyUpdateInterval == Milliseconds(3_600))
        #expect(configuration.settings.allowsShortKeyIntervals)
        #expect(throws: ConfigurationError.self) { try read(interval) }
    }

    @Test("log files")
    func logFiles() throws {
        let nothing = try read("info_log_path: \"null\"\n").log
        #expect(nothing == LogSettings())
        let yaml = "info_log_path: /var/i.log\nerror_log_path: e.log\nlog_level: none\n"
        let log = try read(yaml, environment: ["USE_STRUCTURED_LOGGING": "TRUE"]).log
        #expect(log.infoPath == "/var/i.log" && log.errorPath == "e.log" && log.level == nil && log.isStructured)
    }

    @Test("unknown keys are ignored whatever they have")
    func unknownKeys() throws {
        #expect(try read("something: [1, 2]\n").warnings.count == 1)
    }
}
