import CoreDriverInterface
import CoreServer
import Foundations
import SessionEngine
import SessionService

/// Values on their way into a draft, with everything that is wrong with them.
struct ConfigurationReading {
    var draft: ConfigurationDraft
    private(set) var problems: [ConfigurationProblem]
    private let values: ConfigurationValues

    /// Puts every value into a draft by the row of its key.
    init(_ values: ConfigurationValues, over draft: ConfigurationDraft = ConfigurationDraft()) {
        self.values = values
        self.draft = draft
        problems = values.problems
        for key in ConfigurationKey.all {
            guard let entry = values[key.name], let breach = key.read(entry.text, &self.draft) else { continue }
            note(breach.words(of: key.name), [key.name], wire: breach.wire(of: key.name))
        }
    }

    /// Notes a problem of the first of some keys that was said, unless one of them has one already.
    ///
    /// - Parameters:
    ///   - text: what is wrong.
    ///   - keys: those that the rule is about.
    ///   - showsValue: whether the value may help.
    ///   - wire: the reason as the cores send it.
    mutating func note(_ text: String, _ keys: [String], showsValue: Bool = true, wire: String? = nil) {
        guard !problems.contains(where: { problem in keys.contains { $0 == problem.key } }) else { return }
        let key = keys.first { values[$0] != nil } ?? keys.first
        let entry = key.flatMap { values[$0] }
        let value = showsValue ? entry.flatMap { entry in key.flatMap { Self.visible(entry.text, of: $0) } } : nil
        problems.append(ConfigurationProblem(text, key: key, source: entry?.source, value: value, wire: wire))
    }

    /// Whether a key was given a value that can be used.
    func has(_ name: String) -> Bool {
        values[name].map { !$0.text.isEmpty } ?? false
    }

    /// A value as a message may show it; nothing of a secret, nor of what may be an address with a password in it.
    static func visible(_ text: String, of key: String) -> String? {
        guard ConfigurationKey.byName[key]?.traits.contains(.secret) == false, !text.contains("@") else { return nil }
        let isLong = text.count > 64
        let shown = text.unicodeScalars.prefix(64).map { scalar in
            scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                || scalar == "\""
                ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return shown.joined() + (isLong ? "..." : "")
    }

    /// The rules of sessions that concern several keys.
    mutating func judgeSessions() {
        let policy = draft.policy
        if policy.refreshTokenValidity <= policy.accessTokenValidity {
            note(
                "'refresh_token_validity' must be strictly greater than 'access_token_validity'.",
                ["refresh_token_validity", "access_token_validity"])
        }
        let interval = policy.signingKeyUpdateInterval
        if interval < (draft.settings.allowsShortKeyIntervals ? Milliseconds(1) : .seconds(3_600)) {
            note(
                "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour.",
                ["access_token_dynamic_signing_key_update_interval", "access_token_signing_key_update_interval"])
        }
        if draft.settings.cookies.sameSite == "none", !draft.settings.usesAntiCSRF {
            note(
                "please set 'enable_anti_csrf' to true if 'cookie_same_site' is set to 'none'",
                ["cookie_same_site", "enable_anti_csrf"])
        }
        draft.policy.auditRetention = draft.writesAudit ? draft.audit : nil
        judgePolicy()
    }

    /// The rules of who may ask, and what.
    mutating func judgeAccess() {
        if draft.settings.operatorKey != nil, draft.settings.apiKeys.isEmpty {
            note(
                "supertokens_saas_secret can only be used when api_key is also defined",
                ["supertokens_saas_secret", "api_keys"])
        }
        if !draft.settings.verifierKeys.isEmpty, draft.settings.apiKeys.isEmpty {
            note(
                "'verify_api_keys' limits what some may do, and without 'api_keys' every caller may do all: set both.",
                ["verify_api_keys", "api_keys"], showsValue: false)
        }
        if !Set(draft.settings.verifierKeys).isDisjoint(with: draft.settings.apiKeys) {
            note(
                "A key of 'verify_api_keys' is one of 'api_keys' too, so it would do more than verify.",
                ["verify_api_keys"], showsValue: false)
        }
        for (key, expression) in [("ip_allow_regex", draft.allowedPeers), ("ip_deny_regex", draft.deniedPeers)]
        where expression != nil && PeerFilter(allow: expression) == nil {
            note("Provided regular expression is invalid for \(key) config", [key])
        }
        if draft.allowedPeers != nil || draft.deniedPeers != nil {
            draft.settings.peers = PeerFilter(allow: draft.allowedPeers, deny: draft.deniedPeers)
        }
        judgeVersions()
        draft.host = Loopback.bare(draft.host)
        guard !Loopback.isLocal(draft.host) else { return }
        let host = Self.visible(draft.host, of: "host") ?? "the host"
        // Every client that can reach the core is the application; without a key that may only be this machine
        // (docs/specification/security.md H02).
        if draft.settings.apiKeys.isEmpty {
            note(
                "Without an API key the core listens on this machine only, and '\(host)' is not this machine. Set "
                    + "'api_keys' in config.yaml (or API_KEYS in the environment) to a key of at least 20 characters, or "
                    + "listen on 127.0.0.1.", ["host", "api_keys"], showsValue: false)
        }
        if draft.settings.allowsShortKeyIntervals {
            note(
                "'test_mode' lifts limits that protect sessions, and '\(host)' is not this machine only. Remove "
                    + "'test_mode', or listen on 127.0.0.1.", ["test_mode"], showsValue: false)
        }
    }

    private mutating func judgeVersions() {
        let newestName = draft.newestVersion == nil ? "supertokens_default_cdi_version" : "supertokens_max_cdi_version"
        do throws(VersionBounds.Problem) {
            if let newest = draft.newestVersion ?? draft.legacyNewestVersion {
                draft.settings.versions = try VersionBounds(through: newest)
            }
        } catch {
            note(Self.words(error, newestName), [newestName])
        }
        do throws(VersionBounds.Problem) {
            if let oldest = draft.oldestVersion {
                draft.settings.versions = try draft.settings.versions.narrowed(by: VersionBounds(from: oldest))
            }
        } catch {
            note(Self.words(error, "supertokens_min_cdi_version"), ["supertokens_min_cdi_version"])
        }
    }

    private static func words(_ problem: VersionBounds.Problem, _ key: String) -> String {
        switch problem {
        case .notAVersion: "\(key) is not a valid semantic version"
        case .notSupported: "\(key) is not a supported version"
        case .contradictory: "supertokens_min_cdi_version cannot be greater than supertokens_max_cdi_version"
        }
    }
}
