import SessionEngine
import SessionService

extension SessionPolicy {
    /// Reads what concerns sessions (spec `core-wire` 7.1).
    init(_ values: ConfigurationValues) throws(ConfigurationError) {
        let accessSeconds = try values.integer(.accessTokenValidity, type: "long") ?? 3_600
        guard (1...86_400_000).contains(accessSeconds) else {
            throw values.error("'access_token_validity' must be between 1 and 86400000 seconds inclusive.")
        }
        let refreshMinutes = try values.number(.refreshTokenValidity) ?? 144_000
        let refresh = Milliseconds(Self.whole(refreshMinutes * 60_000))
        guard refresh > .seconds(accessSeconds) else {
            throw values.error("'refresh_token_validity' must be strictly greater than 'access_token_validity'.")
        }
        let newName = try values.number(.signingKeyUpdateInterval)
        let oldName = try values.number(.signingKeyUpdateIntervalOfOld)
        let intervalHours = newName ?? oldName ?? 168
        guard intervalHours >= 1 else {
            throw values.error(
                "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour.")
        }
        self.init(
            accessTokenValidity: .seconds(accessSeconds), refreshTokenValidity: refresh,
            signingKeyUpdateInterval: Milliseconds(Self.whole(intervalHours * 3_600_000)),
            signingAlgorithm: try Self.algorithm(values))
    }

    private static func algorithm(_ values: ConfigurationValues) throws(ConfigurationError) -> SigningAlgorithm {
        let text = values.text(.signingAlgorithm) ?? SigningAlgorithm.rs256.rawValue
        guard let algorithm = SigningAlgorithm(rawValue: text.uppercased()) else {
            throw values.error("'access_token_signing_algorithm' must be either \"RS256\" or \"ES256\".")
        }
        return algorithm
    }

    /// The nearest whole number; a number beyond 64 bits is the largest, never a trap.
    private static func whole(_ number: Double) -> Int64 {
        Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }
}
