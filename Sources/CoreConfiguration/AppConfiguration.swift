public import CoreServer
public import LosslessJSON
import SessionService

/// What an app's `coreConfig` means: values for this app over those of the core (docs/specification/core.md 7.1).
public struct AppConfiguration: Sendable {
    /// Keys that an app may set for itself.
    private static let keysOfApps: Set<String> = [
        "access_token_validity", "access_token_blacklisting", "access_token_signing_key_dynamic",
        "access_token_signing_key_update_interval", "access_token_dynamic_signing_key_update_interval",
        "access_token_signing_algorithm", "enable_anti_csrf", "refresh_token_validity",
        "refresh_token_rotation_grace_period", "access_token_validity_jitter", "api_keys",
        "refresh_token_succession", "revoke_session_on_token_theft",
    ]
    private let base: ConfigurationValues

    init(_ base: ConfigurationValues) {
        self.base = base
    }

    /// Lays an app's `coreConfig` over the core's configuration.
    ///
    /// The rules for values are those of `config.yaml`, so that a core in test mode takes what its file may say.
    ///
    /// - Throws: `AppSettingsRefusal` for a key that an app cannot set and for a value that breaks a rule.
    public func settings(_ coreConfig: JSONObject) throws(AppSettingsRefusal) -> AppSettings {
        var texts: [ConfigurationKey: String] = [:]
        for member in coreConfig.members {
            guard let key = try key(member.name) else { continue }
            texts[key] = try text(member)
        }
        // An app's interval under its old name is not outdone by the core's under the new one.
        if let interval = texts.removeValue(forKey: .legacySigningKeyUpdateInterval),
            texts[.signingKeyUpdateInterval] == nil
        {
            texts[.signingKeyUpdateInterval] = interval
        }
        let values = base.overlaid(with: texts)
        do throws(ConfigurationError) {
            return AppSettings(policy: try SessionPolicy(values), core: try CoreSettings(values))
        } catch {
            throw AppSettingsRefusal(error.description)
        }
    }

    /// The key of that name, `nil` for one without effect.
    private func key(_ name: String) throws(AppSettingsRefusal) -> ConfigurationKey? {
        let key = ConfigurationKey(rawValue: name)
        if let key, Self.keysOfApps.contains(name) { return key }
        if key == .disableTelemetry || ForeignKey.ofOtherRecipes.contains(name) { return nil }
        if ForeignKey.namesDatabase(name) {
            throw AppSettingsRefusal("'\(name)' is not supported: all apps are in the core's database")
        }
        if key != nil {
            throw AppSettingsRefusal("'\(name)' cannot be set for an app, only for the whole core")
        }
        throw AppSettingsRefusal("'\(name)' is not a known configuration key")
    }

    private func text(_ member: JSONObject.Member) throws(AppSettingsRefusal) -> String {
        switch member.value {
        case .string(let text): return text
        case .number(let number): return number.text
        case .bool(let bool): return String(bool)
        case .null, .array, .object: throw AppSettingsRefusal("'\(member.name)' must be a single value")
        }
    }
}
