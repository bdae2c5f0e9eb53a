public import CoreServer
public import LosslessJSON
import SessionService

/// What an app's `coreConfig` means: values for this app over those of the core (docs/specification/core.md 7.1).
public struct AppConfiguration: Sendable {
    private let base: ConfigurationDraft

    init(_ base: ConfigurationDraft) {
        self.base = base
    }

    /// Lays an app's `coreConfig` over the core's configuration.
    ///
    /// The rules for values are those of `config.yaml`, so that a core in test mode takes what its file may say.
    ///
    /// - Throws: `AppSettingsRefusal` for a key that an app cannot set and for a value that breaks a rule.
    public func settings(_ coreConfig: JSONObject) throws(AppSettingsRefusal) -> AppSettings {
        var texts: [String: String] = [:]
        for member in coreConfig.members {
            guard let key = try key(member.name) else { continue }
            texts[key.name] = try text(member)
        }
        var reading = ConfigurationReading(ConfigurationValues(app: texts), over: base)
        reading.judgeSessions()
        if let problem = reading.problems.first { throw AppSettingsRefusal(problem.wire) }
        // An app with keys of its own is closed to those of the core, also to those that only verify.
        if texts["api_keys"] != nil { reading.draft.settings.verifierKeys = [] }
        return AppSettings(policy: reading.draft.policy.tightened(by: base.policy), core: reading.draft.settings)
    }

    /// Why keys of an app's `coreConfig`, as another core has stored it, have no effect here, or why the app cannot be
    /// served at all.
    ///
    /// - Parameter text: the `coreConfig`, as it is stored.
    /// - Returns: a sentence for each, and whether the app can be served.
    public func limits(of text: String) -> (reasons: [String], isServed: Bool) {
        guard let config = try? JSONValue(parsing: text, limits: JSONLimits(bytes: .max)).object else {
            return (["its settings are not JSON"], false)
        }
        do throws(AppSettingsRefusal) {
            return (try AppSettingsRefusal.read(config, settings).ignored, true)
        } catch {
            return ([error.reason], false)
        }
    }

    /// The key of that name, `nil` for one without effect.
    private func key(_ name: String) throws(AppSettingsRefusal) -> ConfigurationKey? {
        let key = ConfigurationKey.byName[name]
        if let key, key.traits.contains(.app) { return key }
        if name == "disable_telemetry" || ForeignKey.ofOtherRecipes.contains(name) { return nil }
        if ForeignKey.namesDatabase(name) {
            throw AppSettingsRefusal(
                "'\(name)' is not supported: all apps are in the core's database",
                keyWithoutMeaning: ForeignKey.isAboutConnections(name) ? name : nil)
        }
        if key != nil {
            throw AppSettingsRefusal(
                "'\(name)' cannot be set for an app, only for the whole core", keyWithoutMeaning: name)
        }
        throw AppSettingsRefusal("'\(name)' is not a known configuration key", keyWithoutMeaning: name)
    }

    private func text(_ member: JSONObject.Member) throws(AppSettingsRefusal) -> String {
        switch member.value {
        case .string(let text): return text
        case .number(let number): return number.text
        case .bool(let bool): return String(bool)
        case .null, .loneSurrogates, .array, .object:
            throw AppSettingsRefusal("'\(member.name)' must be a single value")
        }
    }
}
