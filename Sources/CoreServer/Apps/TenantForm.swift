import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionStorage

/// The two ways in which drivers speak of a tenant's settings.
enum TenantForm {
    /// Login methods are switched on one by one (CDI 3.0).
    case first
    /// Login methods are factors in a list (CDI 5.0).
    case second

    /// The login methods of the first form, with the factors that they are in the second.
    private static let methods: [(name: String, member: TenantSettings.Member, factors: [String])] = [
        ("emailPassword", .emailPasswordEnabled, ["emailpassword"]),
        ("passwordless", .passwordlessEnabled, ["otp-email", "otp-phone", "link-email", "link-phone"]),
        ("thirdParty", .thirdPartyEnabled, ["thirdparty"]),
    ]

    /// Reads what a driver says about a tenant.
    func settings(_ fields: RequestFields) throws(InvalidRequest) -> TenantSettings {
        var settings = TenantSettings()
        switch self {
        case .first:
            for method in Self.methods {
                let isEnabled = try fields.optional(method.member.rawValue, \.bool)
                settings.set(method.member, isEnabled.map { .bool($0) })
            }
        case .second:
            settings.set(.firstFactors, try fields.optional(TenantSettings.Member.firstFactors.rawValue, \.factors))
            settings.set(
                .requiredSecondaryFactors,
                try fields.optional(TenantSettings.Member.requiredSecondaryFactors.rawValue, \.someFactors))
        }
        settings.set(coreConfig: try fields.optional("coreConfig", \.object))
        return settings
    }

    /// A tenant as a driver reads it.
    func document(_ tenant: TenantRecord) throws(StorageError) -> JSONObject {
        let settings = try TenantSettings(tenant)
        var document: JSONObject = ["tenantId": .string(tenant.id.text)]
        switch self {
        case .first:
            for method in Self.methods {
                var member: JSONObject = ["enabled": .bool(isEnabled(method.member, method.factors, settings, tenant))]
                if method.member == .thirdPartyEnabled { member.append("providers", []) }
                document.append(method.name, .object(member))
            }
        case .second:
            document.append("thirdParty", ["providers": []])
            for member in [TenantSettings.Member.firstFactors, .requiredSecondaryFactors] {
                if let factors = settings[member] { document.append(member.rawValue, factors) }
            }
        }
        document.append("coreConfig", .object(settings.coreConfig))
        return document
    }

    /// All tenants of an app.
    func documents(_ app: AppRecord) throws(StorageError) -> JSONValue {
        var documents: [JSONValue] = []
        for tenant in app.tenants { documents.append(.object(try document(tenant))) }
        return .array(documents)
    }

    /// What was said of a method, or else of its factors; a new app has all methods and a new tenant none.
    private func isEnabled(
        _ member: TenantSettings.Member, _ factors: [String], _ settings: TenantSettings, _ tenant: TenantRecord
    ) -> Bool {
        if let isEnabled = settings[member]?.bool { return isEnabled }
        if let listed = settings[.firstFactors]?.strings { return !Set(listed).isDisjoint(with: factors) }
        return tenant.id == .public
    }
}

extension JSONValue {
    /// A list of factors, empty or not, or `null` to take one back.
    fileprivate var factors: JSONValue? { isNull || strings != nil ? .some(self) : Optional.none }
    /// A list of at least one factor, or `null` to take one back.
    fileprivate var someFactors: JSONValue? { array?.isEmpty == true ? Optional.none : factors }
}
