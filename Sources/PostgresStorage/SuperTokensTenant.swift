import LibPQClient
import LosslessJSON
import SessionEngine
import SessionStorage

/// A tenant as a SuperTokens core keeps it in `tenant_configs` and its neighbours.
struct SuperTokensTenant: Equatable {
    private let coreConfig: JSONObject
    private let emailPassword: Bool?
    private let passwordless: Bool?
    private let thirdParty: Bool?
    /// `nil` where nothing was said of factors.
    private let firstFactors: Set<String>?
    private let secondFactors: Set<String>

    /// What such a core would keep of settings.
    init(_ settings: TenantSettings, of tenant: TenantID) {
        coreConfig = settings.coreConfig
        emailPassword = settings.isEnabled(.emailPassword, of: tenant)
        passwordless = settings.isEnabled(.passwordless, of: tenant)
        thirdParty = settings.isEnabled(.thirdParty, of: tenant)
        firstFactors = settings.factors(.firstFactors).map(Set.init)
        secondFactors = Set(settings.factors(.requiredSecondaryFactors) ?? [])
    }

    /// Reads ``Statements/configuration``.
    init(stored text: String, of tenant: TenantID) throws(StorageError) {
        let limits = JSONLimits(bytes: .max)
        guard let object = try? JSONValue(parsing: text, limits: limits).object,
            let config = try? JSONValue(parsing: object["coreConfig"]?.string ?? "{}", limits: limits).object
        else {
            throw StorageError(.corrupt, "tenant_configs: the settings of tenant \(tenant.rawValue) are not JSON")
        }
        coreConfig = config
        (emailPassword, passwordless) = (object["emailPassword"]?.bool, object["passwordless"]?.bool)
        thirdParty = object["thirdParty"]?.bool
        func factors(_ name: String) -> Set<String> { Set((object[name]?.array ?? []).compactMap(\.string)) }
        secondFactors = factors("secondFactors")
        let listed = factors("firstFactors")
        let saysNothing = object["hasNoFirstFactors"]?.bool ?? listed.isEmpty
        firstFactors = saysNothing ? nil : listed
    }

    /// The settings as this core keeps them.
    var settings: TenantSettings {
        var settings = TenantSettings()
        settings[.emailPasswordEnabled] = emailPassword.map(JSONValue.bool)
        settings[.passwordlessEnabled] = passwordless.map(JSONValue.bool)
        settings[.thirdPartyEnabled] = thirdParty.map(JSONValue.bool)
        settings[.firstFactors] = firstFactors.map(Self.list)
        if !secondFactors.isEmpty { settings[.requiredSecondaryFactors] = Self.list(secondFactors) }
        if !coreConfig.isEmpty { settings[.coreConfig] = .object(coreConfig) }
        return settings
    }

    private static func list(_ factors: Set<String>) -> JSONValue { .array(factors.sorted().map { .string($0) }) }

    /// The values of ``Statements/storedConfiguration``.
    var values: NamedValues {
        [
            "coreConfig": .text(coreConfig.text), "emailPassword": .bool(emailPassword ?? false),
            "passwordless": .bool(passwordless ?? false), "thirdParty": .bool(thirdParty ?? false),
            "hasNoFirstFactors": .bool(firstFactors == nil), "firstFactors": .texts((firstFactors ?? []).sorted()),
            "secondFactors": .texts(secondFactors.sorted()),
        ]
    }

    /// Equal when a core reads the same of both.
    static func == (left: SuperTokensTenant, right: SuperTokensTenant) -> Bool {
        left.coreConfig.isEquivalent(to: right.coreConfig) && left.emailPassword == right.emailPassword
            && left.passwordless == right.passwordless && left.thirdParty == right.thirdParty
            && left.firstFactors == right.firstFactors && left.secondFactors == right.secondFactors
    }
}

extension TenantRecord {
    /// The settings that count: what was said here as long as a SuperTokens core beside this one reads the same, and
    /// otherwise what it keeps, because it was changed there.
    ///
    /// - Parameter configuration: what that core keeps; `nil` where it keeps nothing.
    mutating func adopt(_ configuration: String?) throws(StorageError) {
        guard let configuration else { return }
        let kept = try SuperTokensTenant(stored: configuration, of: id)
        if SuperTokensTenant(try TenantSettings(self), of: id) != kept { settings = kept.settings.object.text }
    }
}
