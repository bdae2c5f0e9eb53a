public import SessionEngine

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

    /// Makes a policy.
    public init(
        accessTokenValidity: Milliseconds = .seconds(3_600),
        refreshTokenValidity: Milliseconds = .seconds(144_000 * 60),
        signingKeyUpdateInterval: Milliseconds = .seconds(168 * 3_600),
        signingAlgorithm: SigningAlgorithm = .rs256
    ) {
        self.accessTokenValidity = accessTokenValidity
        self.refreshTokenValidity = refreshTokenValidity
        self.signingKeyUpdateInterval = signingKeyUpdateInterval
        self.signingAlgorithm = signingAlgorithm
    }

    /// When dynamic keys are replaced.
    var keySchedule: KeySchedule {
        KeySchedule(updateInterval: signingKeyUpdateInterval, accessTokenValidity: accessTokenValidity)
    }

    /// The algorithm that signs a format.
    func algorithm(for format: AccessTokenFormat) -> SigningAlgorithm {
        format.isLegacy ? .rs256 : signingAlgorithm
    }
}
