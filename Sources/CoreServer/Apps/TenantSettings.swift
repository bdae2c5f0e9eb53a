import CoreDriverInterface
import LosslessJSON
import SessionEngine
import SessionStorage

/// What drivers have said about a tenant, as they said it.
///
/// Only `coreConfig` means something to a session core; the rest is kept for the drivers that ask for it again.
struct TenantSettings: Equatable {
    /// What is kept, by the names under which storage has it.
    enum Member: String {
        case emailPasswordEnabled, thirdPartyEnabled, passwordlessEnabled, firstFactors, requiredSecondaryFactors
        case coreConfig
    }

    private(set) var object: JSONObject

    /// Nothing was said.
    init() {
        object = [:]
    }

    /// Takes what a driver says; what it leaves out is not set.
    init(_ fields: TenantFields) {
        self.init()
        set(.emailPasswordEnabled, fields.emailPasswordEnabled?.wire)
        set(.passwordlessEnabled, fields.passwordlessEnabled?.wire)
        set(.thirdPartyEnabled, fields.thirdPartyEnabled?.wire)
        set(.firstFactors, fields.firstFactors?.wire)
        set(.requiredSecondaryFactors, fields.requiredSecondaryFactors?.wire)
        set(.coreConfig, fields.coreConfig?.wire)
    }

    /// Reads what storage remembers.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` for a text that no release has stored.
    init(_ record: TenantRecord) throws(StorageError) {
        guard let object = try? JSONValue(parsing: record.settings, limits: JSONLimits(bytes: .max)).object else {
            throw StorageError(.corrupt, "the settings of tenant \(record.id.rawValue) are not JSON")
        }
        self.object = object
    }

    /// The configuration that was asked for.
    var coreConfig: JSONObject { self[.coreConfig]?.object ?? [:] }

    subscript(member: Member) -> JSONValue? { object[member.rawValue] }

    /// Lays newer settings over these: a `null`, also one within `coreConfig`, takes a setting back.
    func merging(_ changes: TenantSettings) -> TenantSettings {
        var merged = TenantSettings()
        merged.object = object.merging(changes.object)
        merged.set(.coreConfig, .object(coreConfig.merging(changes.coreConfig)))
        return merged
    }

    private mutating func set(_ member: Member, _ value: JSONValue?) { object[member.rawValue] = value }
}
