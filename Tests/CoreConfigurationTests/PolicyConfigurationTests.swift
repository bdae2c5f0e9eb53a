import CoreServer
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import Testing

@testable import CoreConfiguration

@Suite("Configuration of the session policy (docs/policy.md)")
struct PolicyConfigurationTests {
    private func read(_ yaml: String) throws(ConfigurationError) -> OperatorConfiguration {
        try OperatorConfiguration(file: (yaml, "/etc/config.yaml"), environment: [:])
    }

    private func problem(_ yaml: String) -> String? {
        do throws(ConfigurationError) {
            _ = try read(yaml)
            return nil
        } catch {
            return error.description
        }
    }

    @Test("Without a key there are no limits, and 0 and none are none")
    func defaults() throws {
        for yaml in ["", "session_idle_limit: 0\nsession_absolute_limit: none\nmax_sessions_per_user: 0"] {
            let policy = try read(yaml).policy
            #expect(policy == SessionPolicy(), "\(yaml)")
            #expect(
                policy.terms == SessionTerms(validity: policy.refreshTokenValidity, anonymousIdle: .days(30)))
        }
    }

    @Test("AN01: anonymous sessions have an idle limit of their own, which an app can only shorten")
    func anonymous() throws {
        #expect(try read("anonymous_session_idle_limit: none").policy.anonymousIdleLimit == nil)
        #expect(try read("anonymous_session_idle_limit: 0").policy.anonymousIdleLimit == nil)
        #expect(problem("anonymous_session_idle_limit: 119")?.contains("at least 120") == true)
        let core = try read("anonymous_session_idle_limit: 3600").policy
        #expect(core.anonymousIdleLimit == .hours(1))
        for (own, expected): (Milliseconds?, Milliseconds) in [
            (nil, .hours(1)), (.days(30), .hours(1)), (.seconds(600), .seconds(600)),
        ] {
            var app = SessionPolicy()
            app.anonymousIdleLimit = own
            #expect(app.tightened(by: core).anonymousIdleLimit == expected)
        }
    }

    @Test("Every key has its effect, and remembered sessions have the same limits unless something else is said")
    func keys() throws {
        let policy = try read(
            """
            session_idle_limit: 900
            session_absolute_limit: 43200
            remembered_session_idle_limit: none
            max_sessions_per_user: 3
            max_sessions_scope: tenant
            max_sessions_action: evict_idle
            access_token_authentication_claims: true
            """
        ).policy
        #expect(policy.limits == SessionLimits(idle: .seconds(900), absolute: .seconds(43_200)))
        #expect(policy.terms.remembered == SessionLimits(absolute: .seconds(43_200)))
        #expect(policy.sessionLimit == SessionLimit(3, action: .evictIdle, scope: .tenant))
        #expect(policy.tellsAuthentication)
        let other = try read("session_idle_limit: 900\nremembered_session_idle_limit: 0").policy
        #expect(other.terms.remembered == SessionLimits(idle: .seconds(900)))
    }

    @Test("How much is kept of what is said about clients is a choice of the operator (docs/devices.md)")
    func devices() throws {
        let policy = try read("device_address: off\ndevice_user_agent: label\ndevice_country: true").policy
        #expect(policy.devicePrivacy == DevicePrivacy(address: .off, userAgent: .label, keepsCountry: true))
        #expect(try read("").policy.devicePrivacy == DevicePrivacy(address: .prefix, userAgent: .full))
        #expect(problem("device_address: some")?.contains("\"off\", \"prefix\" or \"full\"") == true)
        #expect(problem("device_user_agent: some")?.contains("\"off\", \"label\" or \"full\"") == true)
    }

    @Test(
        "What cannot be is refused",
        arguments: [
            ("session_idle_limit: 119", "'session_idle_limit' must be at least 120 seconds, 0 or none."),
            ("session_absolute_limit: 299", "'session_absolute_limit' must be at least 300 seconds, 0 or none."),
            ("session_idle_limit: -900", "at least 120"), ("session_idle_limit: often", "whole number"),
            ("session_idle_limit: 900.5", "whole number"), ("session_idle_limit: 99999999999999999999", "whole number"),
            (
                "session_idle_limit: 3600\nsession_absolute_limit: 600",
                "'session_absolute_limit' must not be shorter than 'session_idle_limit'."
            ),
            (
                "remembered_session_idle_limit: 3600\nremembered_session_absolute_limit: 600",
                "'remembered_session_absolute_limit' must not be shorter than 'remembered_session_idle_limit'."
            ),
            ("max_sessions_per_user: -1", "between 0 and 10000"),
            ("max_sessions_per_user: 10001", "between 0 and 10000"),
            ("max_sessions_scope: user", "\"app\" or \"tenant\""), ("max_sessions_action: EVICT", "EVICT_OLDEST"),
            ("session_policy_preset: aal4", "\"aal1\""),
        ])
    func refused(row: (yaml: String, words: String)) {
        #expect(problem(row.yaml)?.contains(row.words) == true, "\(row.yaml): \(problem(row.yaml) ?? "taken")")
    }

    @Test("ASVS 7.1.1: a preset fills the limits of NIST SP 800-63B-4, and a looser one needs a documented deviation")
    func presets() throws {
        #expect(try read("session_policy_preset: aal1").policy.limits == SessionLimits(absolute: .days(30)))
        #expect(
            try read("session_policy_preset: aal2").policy.limits == SessionLimits(idle: .hours(1), absolute: .days(1)))
        #expect(
            try read("session_policy_preset: aal3").policy.limits
                == SessionLimits(idle: .minutes(15), absolute: .hours(12)))
        let tighter = try read("session_policy_preset: aal2\nsession_idle_limit: 900").policy
        #expect(tighter.limits == SessionLimits(idle: .seconds(900), absolute: .days(1)))
        let looser = [
            "session_idle_limit: 3601", "session_absolute_limit: 86401", "remembered_session_absolute_limit: 2592000",
            "remembered_session_idle_limit: none", "session_idle_limit: none",
        ]
        for line in looser {
            let yaml = "session_policy_preset: aal2\n\(line)"
            // Nothing said is filled; "none" said is none.
            #expect(problem(yaml)?.contains("documented_deviation") == true, "\(line)")
            let documented = try read(yaml + "\ndocumented_deviation: \"risk analysis 7\"")
            #expect(documented.warnings.contains { $0.contains("risk analysis 7") }, "\(line)")
        }
        #expect(
            problem("session_policy_preset: aal2\nremembered_session_idle_limit: none\ndocumented_deviation: \"\"")
                != nil)
    }

    @Test("The start says that access tokens get shorter, and what REFUSE_NEW means")
    func warnings() throws {
        let configuration = try read(
            "session_idle_limit: 900\nmax_sessions_per_user: 3\nmax_sessions_action: REFUSE_NEW")
        #expect(configuration.warnings.contains { $0.contains("access tokens live 180 s") })
        #expect(configuration.warnings.contains { $0.contains("locks the user out") })
        #expect(try read("session_idle_limit: 86400").warnings.isEmpty)
    }

    @Test("An app can tighten what the core says, and loosen nothing")
    func apps() throws {
        let core = try read("session_idle_limit: 900\nsession_absolute_limit: 43200\nmax_sessions_per_user: 5")
        func app(_ config: JSONObject) throws -> SessionPolicy { try core.apps.settings(config).policy }
        #expect(try app([:]).terms == core.policy.terms && app([:]).sessionLimit == core.policy.sessionLimit)
        #expect(try app(["session_idle_limit": 600]).limits.idle == .seconds(600))
        #expect(try app(["session_idle_limit": 3_600]).limits.idle == .seconds(900))
        #expect(try app(["session_idle_limit": "none"]).limits.idle == .seconds(900))
        #expect(try app(["remembered_session_absolute_limit": "none"]).terms.remembered.absolute == .seconds(43_200))
        #expect(try app(["max_sessions_per_user": 2]).sessionLimit?.count == 2)
        #expect(try app(["max_sessions_per_user": 0]).sessionLimit?.count == 5)
        #expect(
            try app(["max_sessions_per_user": 9, "max_sessions_action": "EVICT_IDLE"]).sessionLimit
                == SessionLimit(5, action: .evictIdle))
        #expect(throws: AppSettingsRefusal.self) { try app(["session_idle_limit": 100]) }
        #expect(throws: AppSettingsRefusal.self) {
            try app(["session_policy_preset": "aal3", "session_absolute_limit": 86_400, "documented_deviation": ""])
        }
    }
}
