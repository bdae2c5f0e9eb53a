import LosslessJSON
import SessionEngine
import SessionStorage

/// What drivers have said about a tenant, as they said it.
///
/// Only `coreConfig` means something to a session core; the rest is kept for the drivers that ask for it again.
struct TenantSettings: Equatable {
    /// The members that are kept beside `coreConfig`.
    enum Member: String, CaseIterable {
        case emailPasswordEnabled, thirdPartyEnabled, passwordlessEnabled, firstFactors, requiredSecondaryFactors
    }

    private static let coreConfigName = "coreConfig"

    private(set) var object: JSONObject

    /// Nothing was said.
    init() {
        object = [:]
    }

    /// Reads what storage remembers.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` for a text that no release has stored.
    init(_ record: TenantRecord) throws(StorageError) {
        guard let object = try? JSONValue(parsing: record.settings, limits: JSONLimits(bytes: .max)).object else {
            throw StorageError(.corrupt, "the settings of tenant \(record.id.text) are not JSON")
        }
        self.object = object
    }

    /// The configuration that was asked for.
    var coreConfig: JSONObject { object[Self.coreConfigName]?.object ?? [:] }

    subscript(member: Member) -> JSONValue? { object[member.rawValue] }

    /// Lays newer settings over these: a `null`, also one within `coreConfig`, takes a setting back.
    func merging(_ changes: TenantSettings) -> TenantSettings {
        var merged = TenantSettings()
        merged.object = object.merging(changes.object)
        merged.object[Self.coreConfigName] = .object(coreConfig.merging(changes.coreConfig))
        return merged
    }

    /// Sets a member.
    mutating func set(_ member: Member, _ value: JSONValue?) {
        object[member.rawValue] = value
    }

    /// Sets the configuration.
    mutating func set(coreConfig: JSONObject?) {
        object[Self.coreConfigName] = coreConfig.map { .object($0) }
    }
}
