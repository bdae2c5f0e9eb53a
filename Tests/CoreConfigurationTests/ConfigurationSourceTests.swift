import CoreServer
import Logging
import SessionEngine
import Testing

@testable import CoreConfiguration

@Suite("Where values are from: file, environment, flags")
struct ConfigurationSourceTests {
    private static let key = "ABCDEFGHIJKLMNOPQRST"

    private func read(
        _ yaml: String = "", _ environment: [String: String] = [:], _ flags: OperatorConfiguration.Flags = .init(),
        contents: [String: String] = [:]
    ) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: (yaml, "/c.yaml"), environment: environment, flags: flags) { contents[$0] }
    }

    /// A value of each key that breaks no rule and is not the default.
    private static func sample(_ key: ConfigurationKey) -> String {
        let special = [
            "host": "127.0.0.2", "base_path": "/x", "api_keys": Self.key,
            "supertokens_saas_secret": Self.key + Self.key,
            "supertokens_max_cdi_version": "5.0", "supertokens_default_cdi_version": "5.0",
            "supertokens_min_cdi_version": "2.7", "recent_token_reuse_behaviour": "UNAUTHORISED",
            "refresh_token_succession": "RANDOM", "after_restore": "SIGN_OUT",
            "access_token_signing_algorithm": "ES256",
            "rsa_provider": "boringssl", "cookie_same_site": "strict", "session_expired_status_code": "440",
            "log_level": "WARN", "log_format": "json", "postgresql_connection_uri": "postgresql://localhost/x",
            "access_token_validity": "7",
            "anonymous_session_idle_limit": "777", "session_idle_limit": "777", "session_absolute_limit": "777",
            "remembered_session_idle_limit": "777",
            "remembered_session_absolute_limit": "777", "max_sessions_scope": "tenant",
            "max_sessions_action": "EVICT_IDLE", "session_policy_preset": "aal2",
            "device_address": "full", "device_user_agent": "label",
            "access_token_validity_jitter": "0.125", "refresh_token_shared_jitter": "0.375",
            "access_token_path": "/p", "refresh_api_path": "/p", "refresh_token_validity": "200000",
            "postgresql_connection_attributes": "a=b", "metrics_listen": "127.0.0.1:7",
            "verify_api_keys": "\(Self.key)-v", "admin_listen": "127.0.0.1:7", "admin_api_keys": "alice:\(Self.key)-a",
            "admin_origin": "https://admin.example.com",
            "signer": "unix:/run/s", "tracing": "http://localhost:7/v1/traces", "tracing_sample_ratio": "0.25",
        ]
        if let text = special[key.name] { return text }
        guard key.type == .boolean else { return "7" }
        return key.defaultText == "true" ? "false" : "true"
    }

    /// What has to be said beside a key, so that no rule of several keys is broken.
    private static func beside(_ key: ConfigurationKey) -> String {
        switch key.name {
        case "supertokens_saas_secret", "verify_api_keys": "api_keys: \(Self.key)"
        case "admin_listen": "admin_api_keys: \(Self.key)-a"
        case _ where key.name.hasPrefix("postgresql_") && key.name != "postgresql_user": "postgresql_user: u"
        default: ""
        }
    }

    /// A configuration of a core whose socket a service manager has opened.
    private func onSocket(
        _ host: String, _ port: Int, _ yaml: String, _ environment: [String: String] = [:], flag: Int? = nil
    ) throws(ConfigurationError) -> OperatorConfiguration {
        var flags = OperatorConfiguration.Flags(port: flag)
        flags.socket = (host, port)
        return try read(yaml, environment, flags)
    }

    @Test(
        "a socket that was handed over says host and port, and what differs from it is refused by its source (upgrade)")
    func socket() throws {
        for same in [
            "", "host: 127.0.0.1\nport: 3567", "host: localhost", "host: '[::1]'", "port: 0", "port: ' 3567 '",
        ] {
            let read = try onSocket("127.0.0.1", 3567, same)
            #expect(read.host == "127.0.0.1" && read.port == 3567, "\(same)")
        }
        #expect(try onSocket("10.0.0.1", 80, "host: 10.0.0.1\napi_keys: \(Self.key)").host == "10.0.0.1")
        for (yaml, environment, flag, place) in [
            ("host: 10.0.0.1\napi_keys: \(Self.key)", [:], nil, "/c.yaml, line 1: 'host' is not that of the socket"),
            (
                "", ["SUPERTOKENS_PORT": "80"], nil,
                "SUPERTOKENS_PORT in the environment: 'port' is not that of the socket"
            ),
            ("", [:], 80, "--port: 'port' is not that of the socket"),
        ] as [(String, [String: String], Int?, String)] {
            let error = #expect(throws: ConfigurationError.self) {
                try onSocket("127.0.0.1", 3567, yaml, environment, flag: flag)
            }
            #expect(error?.description.hasPrefix(place) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "a socket that other machines reach needs an API key, wherever it is from",
        arguments: ["0.0.0.0", "::", "10.0.0.1"])
    func publicSocket(host: String) {
        let error = #expect(throws: ConfigurationError.self) { try onSocket(host, 3567, "") }
        #expect(error?.description.contains("Without an API key") == true)
    }

    @Test("every key is read from its name in capitals and from TESSERA_ and that name (finding E2)")
    func variables() throws {
        for key in ConfigurationKey.all where !key.traits.contains(.ignored) {
            let sample = Self.sample(key)
            let expected = try read("\(key.name): '\(sample)'\n\(Self.beside(key))")
            #expect(key.text(expected.draft) == sample, "\(key.name)")
            for name in [key.promisedVariable, key.ownVariable] {
                let seen = try read(Self.beside(key), [name: sample])
                #expect(key.text(seen.draft) == sample, "\(name)")
            }
        }
    }

    @Test("which variable counts, and what is noted of the others (finding E2)")
    func precedence() throws {
        let both = try read("log_level: NONE", ["LOG_LEVEL": "WARN", "TESSERA_LOG_LEVEL": "ERROR"])
        #expect(both.log.level == .error)
        #expect(both.warnings == ["LOG_LEVEL in the environment is not used: TESSERA_LOG_LEVEL says something else."])
        #expect(try read("", ["LOG_LEVEL": "WARN", "TESSERA_LOG_LEVEL": "WARN"]).warnings.isEmpty)
        let own = try read("", ["KEY_ENCRYPTION_KEY": "secret-key-text"])
        #expect(own.keyEncryption != nil && own.warnings.count == 1)
        #expect(own.warnings.first?.contains("TESSERA_KEY_ENCRYPTION_KEY") == true)
        #expect(own.warnings.first?.contains("secret-key-text") == false)
        let misspelt = try read("", ["TESSERA_ACCES_TOKEN_VALIDITY": "5", "TESSERA_STATE_DIR": "/s"])
        #expect(
            misspelt.warnings
                == ["TESSERA_ACCES_TOKEN_VALIDITY in the environment is not a known key. Is it spelled right?"])
    }

    @Test("secrets may be in files that the environment names (finding E2)")
    func secretFiles() throws {
        let files = ["/run/keys": Self.key + "\n"]
        let seen = try read("api_keys: x", ["API_KEYS_FILE": "/run/keys"], contents: files)
        #expect(seen.settings.apiKeys == [Self.key])
        #expect(try read("", ["TESSERA_API_KEYS_FILE": "/run/keys"], contents: files).settings.apiKeys == [Self.key])
        let error = #expect(throws: ConfigurationError.self) { try read("", ["API_KEYS_FILE": "/no"]) }
        #expect(
            error?.description
                == "API_KEYS_FILE in the environment: the file that is to hold 'api_keys' cannot be read. "
                + "It is \"/no\".")
    }

    /// What container platforms set for a service of a name.
    static let foreign = [
        ("SUPERTOKENS_PORT", "tcp://10.0.0.1:3567"), ("SUPERTOKENS_PORT", "udp://10.0.0.1:3567"),
        ("TESSERA_PORT", "tcp://10.0.0.1:3567"), ("POSTGRESQL_PORT", "tcp://10.0.0.1:5432"),
        ("SUPERTOKENS_PORT", "tcp://[fd00::1]:3567"), ("TESSERA_POSTGRESQL_PORT", "tcp://10.0.0.1:5432"),
    ]

    @Test("another program's variable is noted and not used (finding E1)", arguments: foreign)
    func platforms(name: String, value: String) throws {
        let seen = try read("port: 4000\npostgresql_user: u", [name: value])
        #expect(seen.port == 4000 && seen.warnings.count == 1)
        #expect(seen.warnings.first?.hasPrefix("\(name) in the environment is ignored") == true)
        let beside = try read("", ["SUPERTOKENS_PORT": "tcp://10.0.0.1:1", "TESSERA_PORT": "4000"])
        #expect(beside.port == 4000, "the variable that means us counts")
    }

    @Test("variables that a platform sets beside them are not even noted (finding E1)")
    func platformNames() throws {
        let names = ["TESSERA_SERVICE_HOST", "TESSERA_SERVICE_PORT", "TESSERA_PORT_3567_TCP_ADDR", "PORT", "HOST"]
        #expect(try read("", Dictionary(uniqueKeysWithValues: names.map { ($0, "x") })).warnings.isEmpty)
    }

    @Test(
        "an address elsewhere than in a port is an error (finding E1)", arguments: ["SUPERTOKENS_PORT", "TESSERA_PORT"])
    func notForeign(name: String) {
        #expect(throws: ConfigurationError.self) { try read("", [name: "3567x"]) }
        #expect(throws: ConfigurationError.self) { try read("", ["ACCESS_TOKEN_VALIDITY": "tcp://10.0.0.1:1"]) }
    }

    /// Files with a key given twice, the port that counts, and the lines of the note.
    static let twice: [(String, Int, String)] = [
        ("port: 1\nport: 2", 2, "/c.yaml, line 2: 'port' is given twice; this one counts, and line 1 does not."),
        ("port: 1\nport:", 3567, "/c.yaml, line 2: 'port' is given twice; this one counts, and line 1 does not."),
        ("port: x\n\nport: 2", 2, "/c.yaml, line 3: 'port' is given twice; this one counts, and line 1 does not."),
        ("port: [1]\nport: 2", 2, "/c.yaml, line 2: 'port' is given twice; this one counts, and line 1 does not."),
        ("{port: 1, port: 2}", 2, "/c.yaml, line 1: 'port' is given twice; this one counts, and line 1 does not."),
        ("'port': 1\n\"port\": 2", 2, "/c.yaml, line 2: 'port' is given twice; this one counts, and line 1 does not."),
    ]

    @Test("a key given twice: the last one counts, and it is noted (finding E9)", arguments: twice)
    func lastCounts(yaml: String, port: Int, warning: String) throws {
        let seen = try read(yaml)
        #expect(seen.port == port && seen.warnings == [warning])
    }

    @Test("flags, environment and file say where they are (finding E4)")
    func sources() {
        let rows: [(String, [String: String], OperatorConfiguration.Flags, String)] = [
            ("\n\nport: x", [:], .init(), "/c.yaml, line 3: 'port' has to be a whole number. It is \"x\"."),
            (
                "", ["SUPERTOKENS_PORT": "x"], .init(),
                "SUPERTOKENS_PORT in the environment: 'port' has to be a whole number. It is \"x\"."
            ),
            (
                "", ["TESSERA_PORT": "-1"], .init(),
                "TESSERA_PORT in the environment: 'port' must be between 0 and 65535. It is \"-1\"."
            ),
            ("", [:], .init(port: 70_000), "--port: 'port' must be between 0 and 65535. It is \"70000\"."),
            (
                "cookie_same_site: none", [:], .init(),
                "/c.yaml, line 1: please set 'enable_anti_csrf' to true if 'cookie_same_site' is set to 'none'. It is \"none\"."
            ),
            (
                "supertokens_min_cdi_version: 1", [:], .init(),
                "/c.yaml, line 1: supertokens_min_cdi_version is not a valid semantic version. It is \"1\"."
            ),
            (
                "api_keys: short", [:], .init(),
                "/c.yaml, line 1: 'api_keys': One of the API keys is too short. Please use at least 20 characters"
            ),
            (
                "log_level: \"a\\u001b[2J\\nb\"", [:], .init(),
                "/c.yaml, line 1: 'log_level' config must be one of \"NONE\",\"DEBUG\", \"INFO\", \"WARN\" or \"ERROR\". It is \"a\\u{1b}[2J\\u{a}b\"."
            ),
        ]
        for (yaml, environment, flags, text) in rows {
            let error = #expect(throws: ConfigurationError.self) { try read(yaml, environment, flags) }
            #expect(error?.description == text)
        }
    }

    @Test("all errors are told at once, each once (finding E4)")
    func allAtOnce() {
        let error = #expect(throws: ConfigurationError.self) {
            try read(
                "port: x\naccess_token_validity: 0\nhost: 10.0.0.1\npostgresql_password: p\nmysql_host: h",
                ["TEST_MODE": "perhaps"], .init(port: 99_999))
        }
        #expect(
            error?.problems.map(\.key) == [
                "mysql_host", "port", "test_mode", "access_token_validity", "host", "postgresql_password",
            ])
        let lines = error?.description.split(separator: "\n") ?? []
        #expect(lines.count == 7 && lines.first == "the configuration has 6 errors:")
        #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("  ") })
    }

    @Test("a value that is broken is not told again by a rule of several keys (finding E4)")
    func once() {
        let error = #expect(throws: ConfigurationError.self) {
            try read("refresh_token_validity: x\naccess_token_validity: 86400000")
        }
        #expect(error?.problems.count == 1)
    }
}
