import Foundations
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
    /// For how long a rotated-out refresh token is accepted, where a refresh rotates at once (CDI 5.6); 30 seconds by
    /// default, and at most 300.
    public var rotationGracePeriod: Milliseconds
    /// The largest part of an access token's life that may be taken off at random, 0 to 0.25; none by default.
    ///
    /// It spreads the refreshes of sessions that were created at one time. SuperTokens' core takes 0.05; exact expiries
    /// are the safer default (docs/specification/core.md 10.2).
    public var accessTokenValidityJitter: Double
    /// Whether the reuse of a token that was rotated out a moment ago is reported as theft, as any other is, or as a
    /// session that has ended (CDI 5.6).
    public var reportsRecentReuseAsTheft: Bool
    /// How the successors of a refresh token relate (docs/decisions/0019); deterministic by default.
    public var successorPolicy: Refresh.SuccessorPolicy
    /// The length of a refresh token's first window, in which all who present it are given one successor, where it was
    /// set; see ``sharingWindow``.
    public var configuredSharingWindow: Milliseconds?
    /// The largest part of an access token's life that is taken off at random after a refresh token was shared, 0 to 0.5;
    /// 0.5 by default.
    ///
    /// It keeps who shared a token from knowing when its owner refreshes again; with 0 a follower is never noticed.
    public var sharedJitter: Double
    /// For how long a superseded refresh token is refused without a verdict; 120 seconds by default.
    ///
    /// A late or doubled request of an honest client looks the same as a copy; with 0 both are reported as theft
    /// immediately.
    public var silence: Milliseconds
    /// What becomes of a refresh token that is newer than its session after `tessera restore`.
    public var afterRestore: Refresh.AfterRestore
    /// Whether reuse ends the session in the step that detects it where a driver could do it afterwards (CDI 5.5 and
    /// older); it does by default.
    public var revokesOnReuse: Bool
    /// How much of the audit log is kept; `nil` where none is written.
    public var auditRetention: AuditRetention?
    /// How long a session may live unused, and how long at all; no limits by default (docs/policy.md).
    public var limits: SessionLimits
    /// What a remembered session has instead of the idle limit of the others; the same by default.
    public var rememberedIdleLimit: LimitChoice
    /// What a remembered session has instead of the absolute limit of the others; the same by default.
    public var rememberedAbsoluteLimit: LimitChoice
    /// How long an anonymous session may live unused, beside the limits of all; 30 days by default.
    public var anonymousIdleLimit: Milliseconds?
    /// How many sessions a user may have; as many as they like by default.
    public var sessionLimit: SessionLimit?
    /// Whether access tokens say when and how their user was authenticated; not by default.
    public var tellsAuthentication: Bool
    /// How much is kept of what an application says about clients.
    public var devicePrivacy: DevicePrivacy

    /// A limit of remembered sessions beside that of the others.
    public enum LimitChoice: Sendable, Hashable {
        /// The same.
        case asNormal
        /// None.
        case none
        /// Another one.
        case of(Milliseconds)

        func limit(_ normal: Milliseconds?) -> Milliseconds? {
            switch self {
            case .asNormal: normal
            case .none: nil
            case .of(let limit): limit
            }
        }
    }

    public init(
        accessTokenValidity: Milliseconds = .seconds(3_600),
        refreshTokenValidity: Milliseconds = .seconds(144_000 * 60),
        signingKeyUpdateInterval: Milliseconds = .seconds(168 * 3_600),
        signingAlgorithm: SigningAlgorithm = .rs256,
        rotationGracePeriod: Milliseconds = .seconds(30),
        accessTokenValidityJitter: Double = 0,
        reportsRecentReuseAsTheft: Bool = true,
        successorPolicy: Refresh.SuccessorPolicy = .deterministic,
        sharingWindow: Milliseconds? = nil,
        sharedJitter: Double = 0.5,
        silence: Milliseconds = .seconds(120),
        afterRestore: Refresh.AfterRestore = .adopt,
        revokesOnReuse: Bool = true,
        auditRetention: AuditRetention? = AuditRetention(),
        limits: SessionLimits = .none,
        rememberedIdleLimit: LimitChoice = .asNormal,
        rememberedAbsoluteLimit: LimitChoice = .asNormal,
        anonymousIdleLimit: Milliseconds? = .seconds(30 * 86_400),
        sessionLimit: SessionLimit? = nil,
        tellsAuthentication: Bool = false,
        devicePrivacy: DevicePrivacy = DevicePrivacy()
    ) {
        self.accessTokenValidity = accessTokenValidity
        self.refreshTokenValidity = refreshTokenValidity
        self.signingKeyUpdateInterval = signingKeyUpdateInterval
        self.signingAlgorithm = signingAlgorithm
        self.rotationGracePeriod = rotationGracePeriod
        self.accessTokenValidityJitter = accessTokenValidityJitter
        self.reportsRecentReuseAsTheft = reportsRecentReuseAsTheft
        self.successorPolicy = successorPolicy
        configuredSharingWindow = sharingWindow
        self.sharedJitter = sharedJitter
        self.silence = silence
        self.afterRestore = afterRestore
        self.revokesOnReuse = revokesOnReuse
        self.auditRetention = auditRetention
        self.limits = limits
        self.rememberedIdleLimit = rememberedIdleLimit
        self.rememberedAbsoluteLimit = rememberedAbsoluteLimit
        self.anonymousIdleLimit = anonymousIdleLimit
        self.sessionLimit = sessionLimit
        self.tellsAuthentication = tellsAuthentication
        self.devicePrivacy = devicePrivacy
    }

    /// How long sessions live.
    public var terms: SessionTerms {
        SessionTerms(
            validity: refreshTokenValidity, normal: limits,
            remembered: SessionLimits(
                idle: rememberedIdleLimit.limit(limits.idle), absolute: rememberedAbsoluteLimit.limit(limits.absolute)),
            anonymousIdle: anonymousIdleLimit)
    }

    /// The length of a refresh token's first window: as configured, or a fifteenth of an access token's life and at most a
    /// minute.
    ///
    /// A window beyond that lets a follower stay in step for longer than two periods (docs/decisions/0019).
    public var sharingWindow: Milliseconds {
        configuredSharingWindow ?? min(.seconds(60), Milliseconds(accessTokenValidity.count / 15))
    }

    /// Whether reuse is told as theft to a driver whose sessions rotate like this, or else as a session that has ended.
    public func reportsAsTheft(_ found: Refresh.ReuseClass, _ rotation: Refresh.Rotation) -> Bool {
        reportsRecentReuseAsTheft || !found.isRecent(rotation)
    }

    /// The life of an access token, less a random part where that is wanted; `nil` for one that is unchanged.
    ///
    /// - Parameters:
    ///   - lifetime: what was decided about it.
    ///   - traits: those of the session: one with an idle limit has tokens of a fifth of it.
    ///   - wanted: the life that a driver asks for, instead of the configured one.
    ///   - clock: the source of the random part.
    ///   - bits: the random bits where they were drawn before.
    func lifetime(
        _ lifetime: Refresh.Lifetime, for traits: SessionTraits, of wanted: Milliseconds? = nil,
        using clock: ClockAndRandomness, bits: UInt64? = nil
    ) -> Milliseconds? {
        let whole = terms.accessTokenLife(wanted ?? accessTokenValidity, of: traits)
        let usual = wanted == nil ? accessTokenValidityJitter : 0
        let share: Double
        switch lifetime {
        case .unchanged: return nil
        case .whole: share = usual
        case .shortened: share = max(usual, sharedJitter)
        }
        let most = Double(whole.count) * share
        guard most >= 1 else { return whole }
        return whole - Milliseconds(Int64(most * (Double((bits ?? clock.randomBits()) >> 11) / Double(1 << 53))))
    }

    /// When dynamic keys are replaced.
    ///
    /// A key is published a minute before its first use, or a fifth of an interval that is shorter than five minutes:
    /// tests of drivers replace keys every few seconds, and a SuperTokens core in testing does the same.
    var keySchedule: KeySchedule {
        KeySchedule(
            updateInterval: signingKeyUpdateInterval, accessTokenValidity: accessTokenValidity,
            publicationOverlap: min(.seconds(60), Milliseconds(signingKeyUpdateInterval.count / 5)))
    }

    /// The algorithm that signs a format.
    func algorithm(for format: AccessTokenFormat) -> SigningAlgorithm {
        format.isLegacy ? .rs256 : signingAlgorithm
    }
}
