public import SessionEngine
public import SessionStorage

/// What an operator decides about sessions.
public struct SessionPolicy: Sendable, Equatable {
    /// How long an access token lives; one hour by default.
    public var accessTokenValidity: Milliseconds
    /// How long a session lives without being used; 100 days by default.
    public var refreshTokenValidity: Milliseconds
    /// How long a dynamic key signs; one week by default.
    public var signingKeyUpdateInterval: Milliseconds
    /// The algorithm of tokens that name their key; older formats always use RS256.
    public var signingAlgorithm: SigningAlgorithm
    /// For how long a rotated-out refresh token may come back, where a refresh rotates at once (CDI 5.6); 30 seconds by
    /// default, and at most 300.
    public var rotationGracePeriod: Milliseconds
    /// The largest part of an access token's life that may be taken off at random, 0 to 0.25; none by default.
    ///
    /// It spreads the refreshes of sessions that were created at one time. SuperTokens' core takes 0.05; exact expiries
    /// are the safer default (spec `core-wire` 11.2).
    public var accessTokenValidityJitter: Double
    /// Whether the reuse of a token that was rotated out a moment ago is told as theft, as any other is, or as a
    /// session that has ended (CDI 5.6).
    public var reportsRecentReuseAsTheft: Bool
    /// Whether a refresh token has one child or many (docs/decisions/0012); one by default.
    public var succession: Refresh.Succession
    /// Whether reuse ends the session in the step that detects it where a driver could do it afterwards (CDI 5.5 and
    /// older); it does by default.
    public var revokesOnReuse: Bool
    /// How much of the audit trail is kept; `nil` where none is written.
    public var auditRetention: AuditRetention?

    /// Makes a policy.
    public init(
        accessTokenValidity: Milliseconds = .seconds(3_600),
        refreshTokenValidity: Milliseconds = .seconds(144_000 * 60),
        signingKeyUpdateInterval: Milliseconds = .seconds(168 * 3_600),
        signingAlgorithm: SigningAlgorithm = .rs256,
        rotationGracePeriod: Milliseconds = .seconds(30),
        accessTokenValidityJitter: Double = 0,
        reportsRecentReuseAsTheft: Bool = true,
        succession: Refresh.Succession = .deterministic,
        revokesOnReuse: Bool = true,
        auditRetention: AuditRetention? = AuditRetention()
    ) {
        self.accessTokenValidity = accessTokenValidity
        self.refreshTokenValidity = refreshTokenValidity
        self.signingKeyUpdateInterval = signingKeyUpdateInterval
        self.signingAlgorithm = signingAlgorithm
        self.rotationGracePeriod = rotationGracePeriod
        self.accessTokenValidityJitter = accessTokenValidityJitter
        self.reportsRecentReuseAsTheft = reportsRecentReuseAsTheft
        self.succession = succession
        self.revokesOnReuse = revokesOnReuse
        self.auditRetention = auditRetention
    }

    /// The life of the next access token: the configured one, less a random part where that is wanted.
    func nextAccessTokenValidity(using random: inout some RandomNumberGenerator) -> Milliseconds {
        let most = Double(accessTokenValidity.count) * accessTokenValidityJitter
        guard most >= 1 else { return accessTokenValidity }
        let part = Double(random.next() >> 11) / Double(1 << 53)
        return accessTokenValidity - Milliseconds(Int64(most * part))
    }

    /// When dynamic keys are replaced.
    ///
    /// A key is published a minute before its first use, or a sixtieth of an interval that is shorter than an hour:
    /// tests of drivers replace keys every few seconds.
    var keySchedule: KeySchedule {
        KeySchedule(
            updateInterval: signingKeyUpdateInterval, accessTokenValidity: accessTokenValidity,
            publicationOverlap: min(.seconds(60), Milliseconds(signingKeyUpdateInterval.count / 60)))
    }

    /// The algorithm that signs a format.
    func algorithm(for format: AccessTokenFormat) -> SigningAlgorithm {
        format.isLegacy ? .rs256 : signingAlgorithm
    }
}
