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

    public init(_ reason: String) {
        self.reason = reason
    }
}
