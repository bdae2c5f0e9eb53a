import Foundations
import SessionEngine
import SessionService
import SessionStorage

extension ConfigurationKey {
    /// How long sessions live and how many a user may have (docs/policy.md).
    static let ofPolicy: [ConfigurationKey] = [
        ConfigurationKey(
            "session_idle_limit", .limit(atLeast: PolicyKeys.leastIdle), \.policy.limits.idle, default: "none",
            [.app, .own],
            "seconds a session may be unused, at least 120; `0` or `none` for no limit. Access tokens then live a fifth of it"
        ),
        ConfigurationKey(
            "session_absolute_limit", .limit(atLeast: PolicyKeys.leastAbsolute), \.policy.limits.absolute,
            default: "none", [.app, .own],
            "seconds from one full authentication to the next, at least 300; `0` or `none` for no limit"),
        ConfigurationKey(
            "remembered_session_idle_limit", .choiceOfLimit(atLeast: PolicyKeys.leastIdle),
            \.policy.rememberedIdleLimit, default: "as `session_idle_limit`", [.app, .own],
            "the same of sessions whose users asked to be remembered; `0` is as for the others, `none` is no limit"),
        ConfigurationKey(
            "remembered_session_absolute_limit", .choiceOfLimit(atLeast: PolicyKeys.leastAbsolute),
            \.policy.rememberedAbsoluteLimit, default: "as `session_absolute_limit`", [.app, .own],
            "the same of sessions whose users asked to be remembered; `0` is as for the others, `none` is no limit"),
        ConfigurationKey(
            "anonymous_session_idle_limit", .limit(atLeast: PolicyKeys.leastIdle), \.policy.anonymousIdleLimit,
            [.app, .own],
            "seconds an anonymous session may be unused, where the limits of all are not shorter; `none` for those alone"
        ),
        ConfigurationKey(
            "max_sessions_per_user",
            .whole(0...SessionLimit.largest) { "'\($0)' must be between 0 and \(SessionLimit.largest) inclusive." },
            \.policyKeys.count, [.app, .own], "how many sessions a user may have at a time; `0` for any number"),
        ConfigurationKey(
            "max_sessions_scope",
            .choice(SessionLimit.Scope.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be either \"app\" or \"tenant\"."
            },
            \.policyKeys.scope, [.app, .own], "whether those of all tenants count together, or each tenant's by itself"),
        ConfigurationKey(
            "max_sessions_action",
            .choice(SessionLimit.Action.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be \"EVICT_OLDEST\", \"EVICT_IDLE\" or \"REFUSE_NEW\"."
            },
            \.policyKeys.action, [.app, .own],
            """
            what happens beyond that: the sessions begun first end, or those unused for the longest time, or no session is \
            begun (409). With `REFUSE_NEW` a thief with that many sessions locks the user out
            """),
        ConfigurationKey(
            "session_policy_preset",
            .choice(PolicyPreset.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be \"none\", \"aal1\", \"aal2\" or \"aal3\"."
            },
            \.policyKeys.preset, [.app, .own],
            "limits of NIST SP 800-63B-4 for an assurance level, where none are set; looser ones need `documented_deviation`"
        ),
        ConfigurationKey(
            "documented_deviation", .someText, \.policyKeys.deviation, [.app, .own],
            "why limits are looser than those of the preset, or where that is written (ASVS 7.1.1)"),
        ConfigurationKey(
            "access_token_authentication_claims", .flag, \.policy.tellsAuthentication, [.app, .own],
            "whether access tokens have `auth_time`, `acr` and `amr`: when and how the user was authenticated"),
        ConfigurationKey(
            "device_address",
            .choice(DevicePrivacy.Address.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be \"off\", \"prefix\" or \"full\"."
            },
            \.policy.devicePrivacy.address, [.app, .own],
            "how much of a client's address is kept with its session: nothing, the network (/24, /48), or all of it"),
        ConfigurationKey(
            "device_user_agent",
            .choice(DevicePrivacy.UserAgent.allCases.map { ($0.rawValue, $0) }) {
                "'\($0)' must be \"off\", \"label\" or \"full\"."
            },
            \.policy.devicePrivacy.userAgent, [.app, .own],
            "how much of a client's `User-Agent`: nothing, a label such as `Firefox on Linux`, or its first 256 bytes too"
        ),
        ConfigurationKey(
            "device_country", .flag, \.policy.devicePrivacy.keepsCountry, [.app, .own],
            "whether the country is kept that a backend says; it is never looked up"),
    ]
}

/// The limits of an assurance level of NIST SP 800-63B-4 (section 2).
enum PolicyPreset: String, Sendable, CaseIterable {
    case none, aal1, aal2, aal3

    /// The longest limits that the level allows.
    var limits: SessionLimits {
        switch self {
        case .none: .none
        case .aal1: SessionLimits(absolute: .days(30))
        case .aal2: SessionLimits(idle: .hours(1), absolute: .days(1))
        case .aal3: SessionLimits(idle: .minutes(15), absolute: .hours(12))
        }
    }
}

/// What the keys of the policy say before rules that concern several are looked at.
struct PolicyKeys: Sendable {
    static let leastIdle = Milliseconds.seconds(120)
    static let leastAbsolute = Milliseconds.seconds(300)

    var count = 0
    var action = SessionLimit.Action.evictOldest
    var scope = SessionLimit.Scope.app
    var preset = PolicyPreset.none
    var deviation: String?
}

extension ValueFormat where Value == Milliseconds? {
    /// Whole seconds, or 0 or `none` for no limit.
    static func limit(atLeast least: Milliseconds) -> ValueFormat {
        ValueFormat<SessionPolicy.LimitChoice>.choiceOfLimit(atLeast: least).mapped { choice in
            if case .of(let limit) = choice { limit } else { nil }
        } back: { limit in
            limit.map { .of($0) } ?? .asNormal
        }
    }
}

extension ValueFormat where Value == SessionPolicy.LimitChoice {
    /// Whole seconds, 0 for the limit of the others, or `none`.
    static func choiceOfLimit(atLeast least: Milliseconds) -> ValueFormat {
        ValueFormat(.long) { text, name in
            if text.lowercased() == "none" { return .value(.none) }
            guard let seconds = Int64(text) else { return .breach(.type(.long)) }
            if seconds == 0 { return .value(.asNormal) }
            guard Milliseconds.seconds(seconds) >= least else {
                return .breach(.rule("'\(name)' must be at least \(least.count / 1_000) seconds, 0 or none."))
            }
            return .value(.of(.seconds(seconds)))
        } print: { choice in
            switch choice {
            case .asNormal: nil
            case .none: "none"
            case .of(let limit): NumberText.of(Double(limit.count) / 1_000)
            }
        }
    }
}

extension ValueFormat {
    /// The same text for another type of value.
    fileprivate func mapped<Other>(
        _ there: @escaping @Sendable (Value) -> Other, back: @escaping @Sendable (Other) -> Value
    ) -> ValueFormat<Other> {
        ValueFormat<Other>(type) { text, name in
            switch parse(text, name) {
            case .value(let value): .value(there(value))
            case .breach(let breach): .breach(breach)
            }
        } print: {
            print(back($0))
        }
    }
}
