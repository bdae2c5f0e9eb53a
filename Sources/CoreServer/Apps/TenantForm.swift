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

    /// What is told of a tenant alone.
    var read: ReplyTable<TenantReply> { self == .first ? Catalogue.tenantRead : Catalogue.tenantReadV2 }

    /// What is told of a tenant among others.
    private var element: ReplyTable<TenantReply> { self == .first ? Catalogue.tenant : Catalogue.tenantV2 }

    /// A tenant as a driver reads it.
    func reply(_ tenant: TenantRecord) throws(StorageError) -> TenantReply {
        let settings = try TenantSettings(tenant)
        var reply = TenantReply()
        (reply.tenant, reply.coreConfig) = (tenant.id.rawValue, settings.coreConfig)
        switch self {
        case .first:
            func enabled(_ method: TenantSettings.LoginMethod) -> JSONObject {
                ["enabled": .bool(settings.isEnabled(method, of: tenant.id))]
            }
            (reply.emailPassword, reply.passwordless) = (enabled(.emailPassword), enabled(.passwordless))
            reply.thirdParty = enabled(.thirdParty)
            reply.thirdParty?["providers"] = []
        case .second:
            reply.thirdParty = ["providers": []]
            reply.firstFactors = settings[.firstFactors].map { Factors(names: $0.strings) }
            reply.requiredSecondaryFactors = settings[.requiredSecondaryFactors].map { Factors(names: $0.strings) }
        }
        return reply
    }

    /// All tenants of an app.
    func documents(_ app: AppRecord) throws(StorageError) -> JSONObjects {
        var documents: [JSONObject] = []
        for tenant in app.tenants { documents.append(element.encode(try reply(tenant))) }
        return JSONObjects(documents)
    }
}
