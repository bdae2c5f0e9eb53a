import Foundations
import SessionEngine
import Testing

@testable import CoreConfiguration

@Suite("Nothing of a secret is in any message")
struct ConfigurationSecretTests {
    private static let secret = "Hunter2Hunter2"

    private func messages(_ yaml: String, _ environment: [String: String] = [:]) -> String {
        do throws(ConfigurationError) {
            let seen = try OperatorConfiguration(file: (yaml, "/c.yaml"), environment: environment)
            return seen.warnings.joined(separator: "\n") + seen.listing
                + "\(seen.settings)\(String(describing: seen.database))"
                + "\(String(describing: seen.keyEncryption))"
        } catch {
            return error.description
        }
    }

    /// Files that are broken in a line with a secret, or have one where none belongs.
    static let files = [
        "api_keys: \(secret)\napi_keys: \(secret)x", "api_keys: \(secret)_\(secret)\n", "api_keys: [\(secret)]",
        "api_keys: {\(secret): 1}", "api_keys: \"\(secret)", "api_keys: '\(secret)\nport: 1", "api_keys: *\(secret)",
        "api_keys: &\(secret)", "api_keys: !\(secret) x", "api_keys: \(secret): \(secret)", "API_KEYS=\(secret)",
        "port: 1\nAPI_KEYS=\(secret)", "port: 1\n\(secret)", "\(secret): 1", "\(secret): [1]", "{\(secret)",
        "[\(secret)",
        "? [\(secret)]\n: 1", "- \(secret)", "\(secret)", "%\(secret)", "---\n\(secret)\n---\n\(secret)",
        "supertokens_saas_secret: \(secret)", "key_encryption_key: \(secret)\nkey_encryption_key_file: f",
        "key_encryption_key: \(secret)", "key_encryption_key_command: echo \(secret)\nkey_encryption_key: x",
        "postgresql_password: \(secret)", "postgresql_user: u\npostgresql_password: \(secret)",
        "postgresql_connection_uri: postgresql://u:\(secret)@h/d", "postgresql_connection_uri: u:\(secret)@h/d",
        "postgresql_connection_uri: postgresql://u:a@\(secret)@h/d",
        "postgresql_connection_uri: postgresql://u:\(secret)/@h/d",
        "postgresql_connection_uri: postgresql://u:\(secret)%@h/d",
        "postgresql_connection_uri: jdbc:postgresql://u:\(secret)@h",
        "postgresql_host: postgresql://u:\(secret)@h/d",
        "postgresql_user: u\npostgresql_host: postgresql://u:\(secret)@h/d",
        "postgresql_user: u\npostgresql_host: u:\(secret)@h", "host: u:\(secret)@h", "port: u:\(secret)@h",
        "postgresql_user: u\npostgresql_connection_attributes: password=\(secret)&x",
        "postgresql_user: u\npostgresql_connection_attributes: password=\(secret)",
        "mysql_connection_uri: mysql://u:\(secret)@h", "otel_collector_connection_uri: http://u:\(secret)@h",
        "mysql_password: \(secret)", "a_password: \(secret)", "bcrypt_log_rounds: \(secret)",
    ]

    @Test("in a file (finding E9)", arguments: files)
    func file(yaml: String) {
        let text = messages(yaml)
        #expect(!text.contains("unter2"), "\(text)")
    }

    @Test("in the environment (finding E9)")
    func environment() {
        for key in ConfigurationKey.all where key.traits.contains(.secret) {
            for value in [
                Self.secret, "postgresql://u:a@\(Self.secret)@h", "tcp://\(Self.secret)", "u=\(Self.secret)&x",
            ] {
                let text = messages("", [key.promisedVariable: value, key.ownVariable: value + "2"])
                #expect(!text.contains("unter2"), "\(key.name): \(text)")
            }
        }
        #expect(!messages("", ["MYSQL_CONNECTION_URI": Self.secret]).contains("unter2"))
    }

    @Test("what is printed is long enough to help and no longer (finding E4)")
    func long() {
        let text = messages("port: \(String(repeating: "9", count: 500))")
        #expect(text.contains("9999") && text.count < 200)
    }

    /// Addresses with a character that would have to be written as an escape.
    static let encoded = [
        "postgresql://app:Se@cret@db/x", "postgresql://app:Se/cret@db/x", "postgres://app:S%cret@db/x",
        "postgresql://app:@@db/x", "postgresql://app@corp:pw@db/x",
        "postgresql://app:Se@cret@db:5432,db2:5433/x?sslmode=require",
        "postgresql://app:1/2@db/x", "postgresql://app:a%zz@db/x", "postgresql://app:a%00@db",
        "postgresql://app:Se/c?r@db/x",
    ]

    @Test("a password that breaks an address is told with the remedy (finding E3)", arguments: encoded)
    func percent(uri: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(environment: ["POSTGRESQL_CONNECTION_URI": uri])
        }
        let text = error?.description ?? ""
        #expect(
            text.hasPrefix(
                "POSTGRESQL_CONNECTION_URI in the environment: 'postgresql_connection_uri': percent-encode the password"
            ))
        #expect(!text.contains("cret") && !text.contains("db/x"), "\(text)")
    }

    /// Other addresses that cannot be.
    static let impossible = [
        ("postgresql://db:x/y", "port"), ("postgresql://db:0/y", "port"), ("postgresql://db:70000/y", "port"),
        ("postgresql://u:p@[::1]:y/z", "port"), ("postgresql://u:p@h /d", "white space"),
        ("postgresql://u:p q@h/d", "white space"),
        ("mysql://u:p@h", "incorrect format"), ("u:p@h/d", "incorrect format"),
    ]

    @Test("an address that cannot be is not waited for (finding E3)", arguments: impossible)
    func cannotBe(uri: String, reason: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try OperatorConfiguration(file: ("postgresql_connection_uri: '\(uri)'", "/c.yaml"))
        }
        #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }

    @Test(
        "every address that libpq takes is taken (finding E3)",
        arguments: [
            "postgresql://", "postgresql://db", "postgresql://db:5433/x", "postgres://u@db/x", "postgresql://u:p@db/x",
            "postgresql://u:p%40p@db/x", "postgresql://u:a:b#c$d&e?f@db/x", "postgresql://u:p@[2001:db8::1]:5432/x",
            "postgresql://a:1,b:2,c/x?target_session_attrs=any", "postgresql:///x?host=/var/run/postgresql&port=5433",
            "postgresql://%2Fvar%2Frun/x", "postgresql://u:p@db/x?application_name=a@b",
            "postgresql:///x?user=u&password=a@b",
            "  postgresql://db/x\n",
        ])
    func possible(uri: String) throws {
        let database = try OperatorConfiguration(environment: ["POSTGRESQL_CONNECTION_URI": uri]).database
        #expect(database?.parameters.first?.value == String(uri.trimmed(\.isWhitespace)))
    }
}
