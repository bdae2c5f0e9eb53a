import CoreServer
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import Testing

@testable import CoreConfiguration

@Suite("This machine, other machines, and what a running core takes over")
struct ConfigurationRuleTests {
    private static let key = "ABCDEFGHIJKLMNOPQRST"

    private func read(_ yaml: String, _ environment: [String: String] = [:]) throws(ConfigurationError)
        -> OperatorConfiguration
    {
        try OperatorConfiguration(file: (yaml, "/c.yaml"), environment: environment)
    }

    static let here = [
        "127.0.0.1", "127.9.8.7", "localhost", "LocalHost", "localhost.", "::1", "[::1]", "0:0:0:0:0:0:0:1",
        "[0:0:0:0:0:0:0:1]",
        "::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "::ffff:7f00:1", "::FFFF:127.0.0.1", "0::1",
    ]

    @Test("this machine in any spelling needs no API key (finding E5)", arguments: here)
    func thisMachine(host: String) throws {
        let seen = try OperatorConfiguration(flags: .init(host: host))
        #expect(!seen.host.contains("[") && seen.settings.apiKeys.isEmpty)
    }

    static let elsewhere = [
        "0.0.0.0", "::", "[::]", "10.0.0.1", "::ffff:10.0.0.1", "::ffff:0:0", "::127.0.0.1", "::2", "fe80::1",
        "127.0.0.1.example.com",
        "0127.0.0.1", "127.0.0.01", "128.0.0.1", "127.0.0", "127.0.0.256", "localhost.example.com", "[localhost]",
        "::1::1",
    ]

    @Test("any other machine does (finding E5)", arguments: elsewhere)
    func otherMachine(host: String) throws {
        let error = #expect(throws: ConfigurationError.self) { try OperatorConfiguration(flags: .init(host: host)) }
        #expect(error?.description.hasPrefix("--host: 'host': Without an API key") == true)
        #expect(throws: Never.self) {
            try OperatorConfiguration(environment: ["API_KEYS": Self.key], flags: .init(host: host))
        }
    }

    /// A database, the environment, and a word of the warning; `nil` where there is none.
    static let transports: [(String, [String: String], String?)] = [
        ("postgresql_connection_uri: postgresql://u@db/x", [:], "at db may be in the clear"),
        ("postgresql_connection_uri: postgresql://u@db/x?sslmode=prefer", [:], "sslmode=prefer"),
        ("postgresql_connection_uri: postgresql://u@db/x?sslmode=disable", [:], "in the clear"),
        ("postgresql_connection_uri: postgresql://u@db/x?sslmode=require", [:], "any certificate"),
        ("postgresql_connection_uri: postgresql://u@db/x?sslmode=verify-ca", [:], nil),
        ("postgresql_connection_uri: postgresql://u@db/x?a=b&sslmode=verify-full", [:], nil),
        ("postgresql_connection_uri: postgresql://u@db/x?sslrootcert=system", [:], nil),
        ("postgresql_connection_uri: postgresql://u@db/x", ["PGSSLMODE": "verify-full"], nil),
        (
            "postgresql_connection_uri: postgresql://u@db/x?sslmode=disable", ["PGSSLMODE": "verify-full"],
            "in the clear"
        ),
        ("postgresql_connection_uri: postgresql://u@127.0.0.1/x", [:], nil),
        ("postgresql_connection_uri: postgresql://u@[::1]:5432/x", [:], nil),
        ("postgresql_connection_uri: postgresql://localhost,db/x", [:], "at db"),
        ("postgresql_connection_uri: postgresql://%2Fvar%2Frun/x", [:], nil),
        ("postgresql_connection_uri: postgresql:///x?host=/run", [:], nil),
        ("postgresql_connection_uri: postgresql:///x?host=db", [:], "at db"),
        ("postgresql_connection_uri: postgresql:///x?hostaddr=10.0.0.1", [:], "at 10.0.0.1"),
        ("postgresql_connection_uri: postgresql:///x", ["PGHOST": "db"], "at db"),
        ("postgresql_connection_uri: postgresql:///x", [:], nil), ("postgresql_user: u", [:], nil),
        ("postgresql_user: u\npostgresql_host: db", [:], "at db"),
        ("postgresql_user: u\npostgresql_host: db\npostgresql_connection_attributes: sslmode=verify-full", [:], nil),
        ("port: 1", [:], nil),
    ]

    @Test("a database elsewhere that need not prove who it is is warned of (finding K7)", arguments: transports)
    func transport(yaml: String, environment: [String: String], word: String?) throws {
        let seen = try read(yaml, environment)
        #expect(seen.database?.transportWarning == seen.warnings.last)
        #expect(seen.warnings.count == (word == nil ? 0 : 1))
        if let word { #expect(seen.warnings.last?.contains(word) == true, "\(seen.warnings)") }
    }

    @Test("a running core takes over keys of access and the level, and names the rest (finding O6)")
    func reload() throws {
        var running = try read("api_keys: \(Self.key)\nport: 4000\naccess_token_validity: 60")
        running.settings.processID = 7
        let new = try read(
            "api_keys: \(Self.key)x\nport: 5000\naccess_token_validity: 70\nlog_level: DEBUG\nip_deny_regex: 10\\..*")
        let reload = try running.reload(new)
        #expect(reload.changed == ["api_keys", "ip_deny_regex", "log_level"])
        #expect(reload.deferred == ["port", "access_token_validity"])
        let after = reload.configuration
        #expect(after.settings.apiKeys == [Self.key + "x"] && after.settings.peers != nil && after.log.level == .debug)
        #expect(after.port == 4000 && after.policy.accessTokenValidity == .seconds(60))
        #expect(after.settings.processID == 7 && after.settings.configurationPath == "/c.yaml")
        #expect(try after.apps.settings([:]).policy == running.policy)
        let back = try after.reload(running)
        #expect(back.changed == reload.changed && back.deferred.isEmpty)
        #expect(back.configuration.settings.peers == nil && back.configuration.log.level == .info)
        #expect(try after.reload(after).changed.isEmpty)
    }

    @Test("what would not have been a good start is not taken over (finding O6)")
    func refusedReload() throws {
        let running = try read("api_keys: \(Self.key)\nhost: 10.0.0.1")
        let open = try read("host: 127.0.0.1")
        #expect(throws: ConfigurationError.self) { try running.reload(open) }
    }

    @Test("commands on data mind what says where these are, and nothing else (finding E6)")
    func place() throws {
        let place = try DataPlace(
            file: ("data_dir: /d\nhost: 10.0.0.1\naccess_token_validity: 0", "/c.yaml"), environment: [:],
            flags: .init())
        #expect(place.dataDirectory == "/d" && place.database == nil)
        let shared = try DataPlace(file: nil, environment: ["POSTGRESQL_USER": "u"], flags: .init())
        #expect(shared.database != nil)
        let flag = try DataPlace(file: nil, environment: ["TESSERA_DATA_DIR": "/e"], flags: .init(dataDirectory: "/f"))
        #expect(flag.dataDirectory == "/f")
        for (yaml, environment) in [
            ("- a", [:]), ("postgresql_user: u\npostgresql_port: x", [:]), ("", ["MYSQL_CONNECTION_URI": "x"]),
            ("data_dir: [1]", [:]), ("postgresql_password: p", [:]), ("mongodb_host: h", [:]),
        ] {
            #expect(throws: ConfigurationError.self, "\(yaml) \(environment)") {
                try DataPlace(file: (yaml, "/c.yaml"), environment: environment, flags: .init())
            }
        }
    }

    @Test("the listing says what counts and where it is from, and can be read again (finding E4)")
    func listing() throws {
        let yaml = "api_keys: \(Self.key)\nip_deny_regex: '10\\.\"x\"'\nlog_level: warn\ndisable_telemetry: true\n"
        let seen = try read(yaml, ["ACCESS_TOKEN_VALIDITY": "60"])
        let lines = seen.listing.split(separator: "\n").map(String.init)
        for line in [
            "# api_keys: set and not shown (/c.yaml, line 1)", "log_level: WARN # /c.yaml, line 3",
            "port: 3567 # default",
            "access_token_validity: 60 # ACCESS_TOKEN_VALIDITY in the environment",
            "# disable_telemetry: without effect here (/c.yaml, line 4)", "# cookie_domain: none (default)",
            "# info_log_path: standard output (default)",
        ] { #expect(lines.contains(line), "\(line)\n\(seen.listing)") }
        let again = try read(seen.listing)
        #expect(again.settings.peers == seen.settings.peers && again.policy == seen.policy && again.log == seen.log)
    }
}
