import CoreDriverInterface
import CoreServer
import Foundations

extension CoreSettings {
    /// Reads who may ask and what may be asked (docs/specification/core.md 7.1 and 8.1 to 8.3).
    mutating func readAccess(_ values: ConfigurationValues) throws(ConfigurationError) {
        apiKeys = try Self.apiKeys(values)
        operatorKey = try Self.operatorKey(values, hasKeys: !apiKeys.isEmpty)
        peers = try Self.peers(values)
        versions = try Self.versions(values)
        guard let path = BasePath(values.text(.basePath) ?? "") else {
            throw ConfigurationError("Invalid characters in base_path config")
        }
        basePath = path
    }

    private static func apiKeys(_ values: ConfigurationValues) throws(ConfigurationError) -> [String] {
        guard let text = values.text(.apiKeys) else { return [] }
        let keys = text.split(separator: ",").map { String($0.trimmed(\.isWhitespace)) }
        // A lone comma is a lost key, not a request for none.
        guard !keys.isEmpty, keys.allSatisfy({ $0.count >= 20 }) else {
            throw ConfigurationError("One of the API keys is too short. Please use at least 20 characters")
        }
        for key in keys { try requirePlain(key) }
        return keys
    }

    private static func operatorKey(
        _ values: ConfigurationValues, hasKeys: Bool
    ) throws(ConfigurationError) -> String? {
        guard let key = values.text(.operatorKey) else { return nil }
        guard hasKeys else {
            throw ConfigurationError("supertokens_saas_secret can only be used when api_key is also defined")
        }
        guard key.count >= 40 else {
            throw ConfigurationError("supertokens_saas_secret is too short. Please use at least 40 characters")
        }
        try requirePlain(key)
        return key
    }

    private static func requirePlain(_ key: String) throws(ConfigurationError) {
        let isPlain = key.allSatisfy { $0 == "=" || $0 == "-" || ($0.isASCII && ($0.isLetter || $0.isNumber)) }
        guard isPlain else {
            throw ConfigurationError(
                "Invalid characters in API key. Please only use '=', '-' and alpha-numeric (including capitals)")
        }
    }

    private static func peers(_ values: ConfigurationValues) throws(ConfigurationError) -> PeerFilter? {
        let allow = values.text(.allowedPeers)
        let deny = values.text(.deniedPeers)
        if allow == nil, deny == nil { return nil }
        guard PeerFilter(allow: allow) != nil else { throw invalidExpression(.allowedPeers) }
        guard let filter = PeerFilter(allow: allow, deny: deny) else { throw invalidExpression(.deniedPeers) }
        return filter
    }

    private static func invalidExpression(_ key: ConfigurationKey) -> ConfigurationError {
        ConfigurationError("Provided regular expression is invalid for \(key.rawValue) config")
    }

    private static func versions(_ values: ConfigurationValues) throws(ConfigurationError) -> VersionBounds {
        let newest = values.text(.newestVersion) ?? values.text(.legacyNewestVersion)
        var bounds = VersionBounds.all
        do throws(VersionBounds.Problem) {
            if let newest { bounds = try VersionBounds(through: newest) }
        } catch {
            throw message(error, .newestVersion)
        }
        do throws(VersionBounds.Problem) {
            if let oldest = values.text(.oldestVersion) {
                bounds = try bounds.narrowed(by: VersionBounds(from: oldest))
            }
        } catch {
            throw message(error, .oldestVersion)
        }
        return bounds
    }

    private static func message(_ problem: VersionBounds.Problem, _ key: ConfigurationKey) -> ConfigurationError {
        switch problem {
        case .notAVersion: ConfigurationError("\(key.rawValue) is not a valid semantic version")
        case .notSupported: ConfigurationError("\(key.rawValue) is not a supported version")
        case .contradictory:
            ConfigurationError("supertokens_min_cdi_version cannot be greater than supertokens_max_cdi_version")
        }
    }
}
