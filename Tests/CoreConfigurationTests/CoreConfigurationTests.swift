import CoreServer
import Logging
import SessionEngine
import SessionService
import Testing

@testable import CoreConfiguration

/// Names, defaults, validation and messages of docs/specification/core.md 7.1 and 7.3.
struct CoreConfigurationTests {
    private func read(
        _ yaml: String? = nil, environment: [String: String] = [:], flags: OperatorConfiguration.Flags = .init()
    ) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: yaml.map { ($0, "/etc/config.yaml") }, environment: environment, flags: flags)
    }

    @Test("nothing configured is a safe core on loopback", arguments: [nil, "", "# only a comment\n", "port:\n"])
    func defaults(yaml: String?) throws {
        let configuration = try read(yaml)
        #expect(configuration.host == "127.0.0.1" && configuration.port == 3567)
        #expect(configuration.policy == SessionPolicy())
        #expect(configuration.policy.refreshTokenValidity == .seconds(100 * 24 * 3_600))
        #expect(configuration.settings.apiKeys.isEmpty && !configuration.settings.usesAntiCSRF)
        #expect(configuration.warnings.isEmpty && configuration.log.level == .info)
    }

    @Test("every key has its effect")
    func everyKey() throws {
        let configuration = try read(
            """
            core_config_version: 0
            port: 4000
            host: "0.0.0.0"
            data_dir: /data
            access_token_validity: 60
            access_token_blacklisting: true
            access_token_path: api
            access_token_signing_key_dynamic: false
            access_token_dynamic_signing_key_update_interval: 1.5
            access_token_signing_algorithm: es256
            enable_anti_csrf: true
            refresh_token_validity: 2
            refresh_api_path: /r
            cookie_domain: .example.com
            cookie_secure: true
            cookie_same_site: None
            session_expired_status_code: 440
            api_keys: " ABCDEFGHIJKLMNOPQRST , abcdefghij-klmnopqrst= "
            log_level: warn
            """)
        #expect(configuration.host == "0.0.0.0" && configuration.port == 4000 && configuration.dataDirectory == "/data")
        #expect(configuration.policy.accessTokenValidity == .seconds(60))
        #expect(configuration.policy.refreshTokenValidity == .seconds(120))
        #expect(configuration.policy.signingKeyUpdateInterval == .seconds(5_400))
        #expect(configuration.policy.signingAlgorithm == .es256)
        let settings = configuration.settings
        #expect(settings.checksDatabase && settings.usesAntiCSRF && settings.signingKeyKind == .static)
        #expect(settings.apiKeys == ["ABCDEFGHIJKLMNOPQRST", "abcdefghij-klmnopqrst="])
        #expect(settings.sessionExpiredStatusCode == 440 && settings.configurationPath == "/etc/config.yaml")
        #expect(settings.cookies.domain == ".example.com" && settings.cookies.secure)
        #expect(settings.cookies.sameSite == "none" && settings.cookies.accessTokenPath == "/api")
        #expect(settings.cookies.refreshTokenPath == "/r" && configuration.log.level == .warning)
    }

    @Test("flags beat the environment, which beats the file, which beats the defaults")
    func layers() throws {
        let yaml = "port: 1\naccess_token_validity: 10\nrefresh_token_validity: 1\n"
        let environment = ["SUPERTOKENS_PORT": "2", "ACCESS_TOKEN_VALIDITY": "20", "PORT": "9", "API_KEYS": ""]
        let configuration = try read(yaml, environment: environment, flags: .init(port: 3))
        #expect(configuration.port == 3)
        #expect(configuration.policy.accessTokenValidity == .seconds(20))
        #expect(configuration.policy.refreshTokenValidity == .seconds(60))
        #expect(try read(yaml, environment: environment).port == 2)
    }

    /// YAML and the message that makes startup fail.
    static let refusals: [(String, String)] = [
        ("port: x", "'port' has to be a whole number."), ("port: 70000", "'port' must be between 0 and 65535."),
        ("port: 99999999999999999999", "'port' has to be a whole number."),
        (
            "access_token_validity: 0",
            "'access_token_validity' must be between 1 and 86400000 seconds inclusive."
        ),
        ("access_token_validity: 1h", "'access_token_validity' has to be a whole number."),
        (
            "refresh_token_validity: 60",
            "'refresh_token_validity' must be strictly greater than 'access_token_validity'."
        ),
        ("refresh_token_validity: .nan", "'refresh_token_validity' has to be a number."),
        (
            "access_token_signing_key_update_interval: 0.5",
            "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour."
        ),
        (
            "access_token_signing_algorithm: HS256",
            "'access_token_signing_algorithm' must be either \"RS256\" or \"ES256\"."
        ),
        ("enable_anti_csrf: maybe", "'enable_anti_csrf' has to be true or false."),
        ("cookie_same_site: sometimes", "'cookie_same_site' must be either \"none\", \"strict\" or \"lax\""),
        (
            "cookie_same_site: none",
            "please set 'enable_anti_csrf' to true if 'cookie_same_site' is set to 'none'"
        ),
        (
            "session_expired_status_code: 600",
            "'session_expired_status_code' must be a value between 400 and 599, inclusive"
        ),
        ("api_keys: short", "One of the API keys is too short. Please use at least 20 characters"),
        (
            "api_keys: ABCDEFGHIJKLMNOPQRST_",
            "Invalid characters in API key. Please only use '=', '-' and alpha-numeric (including capitals)"
        ),
        (
            "log_level: LOUD",
            "'log_level' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\"."
        ),
        ("- a\n- b", "/etc/config.yaml has to be a list of 'key: value'."),
        ("port: [1]", "'port' has to be a whole number. It is a list or a mapping."),
        ("port: 1: 2", "/etc/config.yaml is not valid YAML"),
    ]

    @Test("a broken rule ends the start with a message that says which", arguments: refusals)
    func refusal(yaml: String, message: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(yaml) }
        #expect(error?.problems.first?.text.hasPrefix(message) == true, "\(error?.description ?? "")")
    }

    @Test("messages of broken rules name the file")
    func messageNamesFile() {
        let error = #expect(throws: ConfigurationError.self) { try read("access_token_validity: 0") }
        #expect(error?.description.hasPrefix("/etc/config.yaml, line 1: ") == true)
    }

    @Test("an unknown key and one without effect are reported")
    func warnings() throws {
        let configuration = try read("acess_token_validity: 5\nmax_server_pool_size: 10\n")
        #expect(configuration.warnings.count == 2)
        #expect(configuration.warnings.first?.contains("acess_token_validity") == true)
        #expect(configuration.warnings.last?.contains("'max_server_pool_size' has no effect") == true)
    }

    @Test(
        "without a key only loopback is served",
        arguments: ["0.0.0.0", "::", "10.0.0.1", "example.com", "127.example.com", "1270.0.0.1"])
    func needsKey(host: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try read(flags: .init(host: host)) }
        #expect(error?.description.contains("api_keys") == true)
        let environment = ["API_KEYS": "ABCDEFGHIJKLMNOPQRST"]
        #expect(try read(environment: environment, flags: .init(host: host)).host == host)
    }

    @Test("loopback in every spelling needs no key", arguments: ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
    func loopback(host: String) throws {
        #expect(try read(flags: .init(host: host)).host == host)
    }

    @Test("huge lifetimes do not overflow")
    func hugeValues() throws {
        let configuration = try read("refresh_token_validity: 1e300\naccess_token_validity: 86400000\n")
        #expect(configuration.policy.refreshTokenValidity == Milliseconds(.max))
        #expect(configuration.policy.accessTokenValidity == .seconds(86_400_000))
    }
}
