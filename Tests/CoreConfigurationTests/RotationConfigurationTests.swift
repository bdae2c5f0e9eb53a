import SessionEngine
import SessionService
import Testing

@testable import CoreConfiguration

@Suite("Configuration of rotation (docs/decisions/0019)")
struct RotationConfigurationTests {
    private func read(
        _ yaml: String, environment: [String: String] = [:]
    ) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: (yaml, "/etc/config.yaml"), environment: environment)
    }

    /// The lifetime of an access token, and the window that goes with it, both in ms.
    static let windows: [(Int, Int64)] = [(3_600, 60_000), (900, 60_000), (300, 20_000), (60, 4_000), (1, 66)]

    @Test("the window is a fifteenth of an access token's life and at most a minute", arguments: windows)
    func window(row: (life: Int, window: Int64)) throws {
        let configuration = try read("access_token_validity: \(row.life)")
        #expect(configuration.policy.sharingWindow == Milliseconds(row.window))
        #expect(!configuration.warnings.contains { $0.contains("sharing_window") })
    }

    @Test("every key has its effect, from the file and from the environment")
    func keys() throws {
        let file = try read(
            """
            refresh_token_sharing_window: 1.5
            refresh_token_shared_jitter: 0.3
            refresh_token_silence: 0
            after_restore: sign_out
            """)
        #expect(file.policy.sharingWindow == Milliseconds(1_500) && file.policy.sharedJitter == 0.3)
        #expect(file.policy.silence == Milliseconds(0) && file.policy.afterRestore == .signOut)
        let environment = [
            "TESSERA_REFRESH_TOKEN_SHARING_WINDOW": "0", "TESSERA_REFRESH_TOKEN_SHARED_JITTER": "0.4",
            "TESSERA_REFRESH_TOKEN_SILENCE": "600", "TESSERA_AFTER_RESTORE": "ADOPT",
        ]
        let policy = try read("", environment: environment).policy
        #expect(policy.sharingWindow == Milliseconds(0) && policy.sharedJitter == 0.4)
        #expect(policy.silence == .seconds(600) && policy.afterRestore == .adopt)
    }

    static let refused = [
        (
            "refresh_token_sharing_window: 121",
            "'refresh_token_sharing_window' must be between 0 and 120 seconds inclusive."
        ),
        (
            "refresh_token_sharing_window: -1",
            "'refresh_token_sharing_window' must be between 0 and 120 seconds inclusive."
        ),
        ("refresh_token_shared_jitter: 0.51", "'refresh_token_shared_jitter' must be between 0 and 0.5 inclusive."),
        ("refresh_token_silence: 601", "'refresh_token_silence' must be between 0 and 600 seconds inclusive."),
        ("after_restore: maybe", "'after_restore' must be either \"ADOPT\" or \"SIGN_OUT\"."),
    ]

    @Test("a value that breaks a rule is told with the rule", arguments: refused)
    func refusals(yaml: String, text: String) {
        let error = #expect(throws: ConfigurationError.self) { try read(yaml) }
        #expect(error.map { "\($0)".contains(text) } ?? false)
    }

    static let warned = [
        ("access_token_validity: 300\nrefresh_token_sharing_window: 60", "'refresh_token_sharing_window'", "(20 s)"),
        ("access_token_validity: 200", "'refresh_token_rotation_grace_period'", "(20 s)"),
        ("refresh_token_shared_jitter: 0", "'refresh_token_shared_jitter'", "below 0.3"),
    ]

    @Test("what lets a copied token follow its owner is warned of", arguments: warned)
    func warnings(yaml: String, key: String, detail: String) throws {
        #expect(try read(yaml).warnings.contains { $0.contains(key) && $0.contains(detail) })
        #expect(try read(yaml + "\nrefresh_token_succession: RANDOM").warnings.isEmpty)
    }
}
