public import LosslessJSON
public import SessionService

/// What was decided about an app.
public struct AppSettings: Sendable, Equatable {
    /// About its sessions.
    public var policy: SessionPolicy
    /// About the core's answers to its drivers.
    public var core: CoreSettings

    public init(policy: SessionPolicy, core: CoreSettings) {
        self.policy = policy
        self.core = core
    }

    /// What the core's own configuration becomes with an app's `coreConfig` over it; throws for a value that cannot be
    /// taken.
    public typealias Reader = @Sendable (_ coreConfig: JSONObject) throws(AppSettingsRefusal) -> AppSettings
}

/// Why a `coreConfig` is not taken.
public struct AppSettingsRefusal: Error, Sendable, Equatable {
    /// The reason, for the driver.
    public let reason: String
    /// A key that means nothing to this core, and would mean something to another that shares the database; `nil` where
    /// something else is wrong.
    public let keyWithoutMeaning: String?

    /// Refuses a `coreConfig`.
    ///
    /// - Parameters:
    ///   - reason: the reason, for the driver.
    ///   - key: the key, if it is one that this core could ignore.
    public init(_ reason: String, keyWithoutMeaning key: String? = nil) {
        self.reason = reason
        keyWithoutMeaning = key
    }

    /// What a `coreConfig` means that another core has stored, whose keys are not all ours.
    ///
    /// - Parameters:
    ///   - coreConfig: the configuration.
    ///   - isIgnorable: whether a key may be ignored.
    ///   - read: what a configuration means.
    /// - Returns: the settings, and why keys were ignored.
    /// - Throws: ``AppSettingsRefusal`` for what must not be ignored.
    package static func read(
        _ coreConfig: JSONObject, ignoring isIgnorable: (String) -> Bool = { _ in true }, _ read: AppSettings.Reader
    ) throws(AppSettingsRefusal) -> (settings: AppSettings, ignored: [String]) {
        var (config, ignored) = (coreConfig, [String]())
        while true {
            do throws(AppSettingsRefusal) {
                return (try read(config), ignored)
            } catch {
                guard let key = error.keyWithoutMeaning, config[key] != nil, isIgnorable(key) else { throw error }
                config[key] = nil
                ignored.append(error.reason)
            }
        }
    }
}
