import SessionEngine
import SessionService
import SessionStorage

extension SessionPolicy {
    /// Reads what concerns sessions (docs/specification/core.md 7.1).
    init(_ values: ConfigurationValues) throws(ConfigurationError) {
        let accessSeconds = try values.integer(.accessTokenValidity) ?? 3_600
        guard (1...86_400_000).contains(accessSeconds) else {
            throw values.error("'access_token_validity' must be between 1 and 86400000 seconds inclusive.")
        }
        let refreshMinutes = try values.number(.refreshTokenValidity) ?? 144_000
        let refresh = Milliseconds(Self.whole(refreshMinutes * 60_000))
        guard refresh > .seconds(accessSeconds) else {
            throw values.error("'refresh_token_validity' must be strictly greater than 'access_token_validity'.")
        }
        self.init(
            accessTokenValidity: .seconds(accessSeconds), refreshTokenValidity: refresh,
            signingKeyUpdateInterval: try Self.keyInterval(values), signingAlgorithm: try Self.algorithm(values),
            rotationGracePeriod: try Self.gracePeriod(values), accessTokenValidityJitter: try Self.jitter(values),
            reportsRecentReuseAsTheft: try Self.reportsRecentReuse(values),
            successorPolicy: try Self.successorPolicy(values),
            sharingWindow: try Self.sharingWindow(values), sharedJitter: try Self.sharedJitter(values),
            silence: try Self.silence(values), afterRestore: try Self.afterRestore(values),
            revokesOnReuse: try values.bool(.revokesOnReuse) ?? true, auditRetention: try Self.retention(values))
    }

    /// What lets an attacker with a copied refresh token stay in step with its owner for longer than intended
    /// (docs/decisions/0019).
    var warnings: [String] {
        guard successorPolicy == .deterministic else { return [] }
        var warnings: [String] = []
        let (life, second) = (accessTokenValidity.count, Int64(1_000))
        if sharingWindow.count > life / 15 {
            warnings.append(
                "'refresh_token_sharing_window' is longer than a fifteenth of 'access_token_validity' (\(life / 15 / second) s): "
                    + "a copied refresh token can follow its owner for many periods.")
        }
        if rotationGracePeriod.count > life / 10 {
            warnings.append(
                "'refresh_token_rotation_grace_period' is longer than a tenth of 'access_token_validity' "
                    + "(\(life / 10 / second) s): at CDI 5.6 a copied refresh token can follow its owner for many periods."
            )
        }
        if sharedJitter < 0.3 {
            warnings.append(
                "'refresh_token_shared_jitter' is below 0.3: a copied refresh token can follow its owner for many periods."
            )
        }
        return warnings
    }

    /// At least an hour; in test mode any time that is one.
    private static func keyInterval(_ values: ConfigurationValues) throws(ConfigurationError) -> Milliseconds {
        let newName = try values.number(.signingKeyUpdateInterval)
        let oldName = try values.number(.legacySigningKeyUpdateInterval)
        let hours = newName ?? oldName ?? 168
        let interval = Milliseconds(whole(hours * 3_600_000))
        let isTest = try values.bool(.testMode) ?? false
        guard hours >= 1 || (isTest && interval > Milliseconds(0)) else {
            throw values.error(
                "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour.")
        }
        return interval
    }

    private static func gracePeriod(_ values: ConfigurationValues) throws(ConfigurationError) -> Milliseconds {
        let seconds = try values.integer(.rotationGracePeriod) ?? 30
        guard (0...300).contains(seconds) else {
            throw values.error("'refresh_token_rotation_grace_period' must be between 0 and 300 seconds inclusive.")
        }
        return .seconds(seconds)
    }

    private static func jitter(_ values: ConfigurationValues) throws(ConfigurationError) -> Double {
        let share = try values.number(.accessTokenValidityJitter) ?? 0
        guard (0...0.25).contains(share) else {
            throw values.error("'access_token_validity_jitter' must be between 0 and 0.25 inclusive.")
        }
        return share
    }

    private static func reportsRecentReuse(_ values: ConfigurationValues) throws(ConfigurationError) -> Bool {
        switch (values.text(.recentReuse) ?? "TOKEN_THEFT").uppercased() {
        case "TOKEN_THEFT": return true
        case "UNAUTHORISED": return false
        default:
            throw ConfigurationError(
                "recent_token_reuse_behaviour property is not set correctly. "
                    + "It must be one of [TOKEN_THEFT, UNAUTHORISED]")
        }
    }

    private static func successorPolicy(
        _ values: ConfigurationValues
    ) throws(ConfigurationError) -> Refresh.SuccessorPolicy {
        let text = values.text(.successorPolicy) ?? Refresh.SuccessorPolicy.deterministic.rawValue
        guard let successorPolicy = Refresh.SuccessorPolicy(rawValue: text.uppercased()) else {
            throw values.error("'refresh_token_succession' must be either \"DETERMINISTIC\" or \"RANDOM\".")
        }
        return successorPolicy
    }

    private static func sharingWindow(_ values: ConfigurationValues) throws(ConfigurationError) -> Milliseconds? {
        guard let seconds = try values.number(.sharingWindow) else { return nil }
        guard (0...120).contains(seconds) else {
            throw values.error("'refresh_token_sharing_window' must be between 0 and 120 seconds inclusive.")
        }
        return Milliseconds(whole(seconds * 1_000))
    }

    private static func sharedJitter(_ values: ConfigurationValues) throws(ConfigurationError) -> Double {
        let share = try values.number(.sharedJitter) ?? 0.5
        guard (0...0.5).contains(share) else {
            throw values.error("'refresh_token_shared_jitter' must be between 0 and 0.5 inclusive.")
        }
        return share
    }

    private static func silence(_ values: ConfigurationValues) throws(ConfigurationError) -> Milliseconds {
        let seconds = try values.integer(.silence) ?? 120
        guard (0...600).contains(seconds) else {
            throw values.error("'refresh_token_silence' must be between 0 and 600 seconds inclusive.")
        }
        return .seconds(seconds)
    }

    private static func afterRestore(
        _ values: ConfigurationValues
    ) throws(ConfigurationError) -> Refresh.AfterRestore {
        let text = values.text(.afterRestore) ?? Refresh.AfterRestore.adopt.rawValue
        guard let choice = Refresh.AfterRestore(rawValue: text.uppercased()) else {
            throw values.error("'after_restore' must be either \"ADOPT\" or \"SIGN_OUT\".")
        }
        return choice
    }

    private static func retention(_ values: ConfigurationValues) throws(ConfigurationError) -> AuditRetention? {
        let days = try values.number(.auditDays) ?? 90
        guard days > 0 else { throw values.error("'audit_trail_retention_days' must be greater than 0.") }
        let entries = try values.integer(.auditEntries) ?? 1_000_000
        guard entries > 0 else { throw values.error("'audit_trail_max_entries' must be greater than 0.") }
        guard try values.bool(.auditLog) ?? true else { return nil }
        return AuditRetention(age: Milliseconds(whole(days * 86_400_000)), entries: entries)
    }

    private static func algorithm(_ values: ConfigurationValues) throws(ConfigurationError) -> SigningAlgorithm {
        let text = values.text(.signingAlgorithm) ?? SigningAlgorithm.rs256.rawValue
        guard let algorithm = SigningAlgorithm(rawValue: text.uppercased()) else {
            throw values.error("'access_token_signing_algorithm' must be either \"RS256\" or \"ES256\".")
        }
        return algorithm
    }

    /// The nearest integer; a number beyond 64 bits is the largest, never a trap.
    private static func whole(_ number: Double) -> Int64 {
        Int64(exactly: number.rounded()) ?? (number < 0 ? .min : .max)
    }
}
