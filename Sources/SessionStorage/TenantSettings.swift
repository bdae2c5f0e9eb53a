package import LosslessJSON
package import SessionEngine

/// What drivers have said about a tenant, as they said it.
///
/// Only `coreConfig` means something to a session core; the rest is kept for the drivers that ask for it again.
package struct TenantSettings: Sendable, Equatable {
    /// What is kept, by the names under which storage has it.
    package enum Member: String, Sendable {
        case emailPasswordEnabled, thirdPartyEnabled, passwordlessEnabled, firstFactors, requiredSecondaryFactors
        case coreConfig
    }

    /// The login methods that the first form of the interface switches on one by one.
    package enum LoginMethod: Sendable {
        case emailPassword, passwordless, thirdParty

        var member: Member {
            switch self {
            case .emailPassword: .emailPasswordEnabled
            case .passwordless: .passwordlessEnabled
            case .thirdParty: .thirdPartyEnabled
            }
        }

        /// What the second form calls it.
        var factors: Set<String> {
            switch self {
            case .emailPassword: ["emailpassword"]
            case .passwordless: ["otp-email", "otp-phone", "link-email", "link-phone"]
            case .thirdParty: ["thirdparty"]
            }
        }
    }

    package private(set) var object: JSONObject

    /// Nothing was said.
    package init() {
        object = [:]
    }

    /// Reads what storage remembers.
    ///
    /// - Throws: ``StorageError`` with ``StorageError/Code/corrupt`` for a text that no release has stored.
    package init(_ record: TenantRecord) throws(StorageError) {
        guard let object = try? JSONValue(parsing: record.settings, limits: JSONLimits(bytes: .max)).object else {
            throw StorageError(.corrupt, "the settings of tenant \(record.id.rawValue) are not JSON")
        }
        self.object = object
    }

    /// The configuration that was asked for.
    package var coreConfig: JSONObject { self[.coreConfig]?.object ?? [:] }

    /// What was said of one thing; `nil` where nothing was.
    package subscript(member: Member) -> JSONValue? {
        get { object[member.rawValue] }
        set { object[member.rawValue] = newValue }
    }

    /// Lays newer settings over these: a `null`, also one within `coreConfig`, takes a setting back.
    package func merging(_ changes: TenantSettings) -> TenantSettings {
        var merged = TenantSettings()
        merged.object = object.merging(changes.object)
        merged[.coreConfig] = .object(coreConfig.merging(changes.coreConfig))
        return merged
    }

    /// Whether a login method is on.
    ///
    /// What was said of it counts, or else of its factors; a new app has all methods and a new tenant none.
    package func isEnabled(_ method: LoginMethod, of tenant: TenantID) -> Bool {
        if let isEnabled = self[method.member]?.bool { return isEnabled }
        if let listed = factors(.firstFactors) { return !method.factors.isDisjoint(with: listed) }
        return tenant == .public
    }

    /// A list of factors; `nil` where there is none.
    package func factors(_ member: Member) -> [String]? { self[member]?.array?.compactMap(\.string) }
}
