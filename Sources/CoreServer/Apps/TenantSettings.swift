import CoreDriverInterface
import LosslessJSON
import SessionStorage

extension TenantSettings {
    /// Takes what a driver says; what it leaves out is not set.
    init(_ fields: TenantFields) {
        self.init()
        self[.emailPasswordEnabled] = fields.emailPasswordEnabled?.wire
        self[.passwordlessEnabled] = fields.passwordlessEnabled?.wire
        self[.thirdPartyEnabled] = fields.thirdPartyEnabled?.wire
        self[.firstFactors] = fields.firstFactors?.wire
        self[.requiredSecondaryFactors] = fields.requiredSecondaryFactors?.wire
        self[.coreConfig] = fields.coreConfig?.wire
    }
}
