public import Foundations
public import LosslessJSON

/// A session to be begun.
public struct NewSession: Sendable, Redacted {
    /// The user who has just proved who they are.
    public var userID: UserID
    /// Data for the access token; readable by its holder.
    public var accessTokenPayload: JSONObject
    /// Data that stays in storage.
    public var sessionData: JSONObject
    /// The tenant the session belongs to.
    public var tenantID: TenantID
    /// Whether an anti-CSRF token goes with the session.
    public var usesAntiCSRF: Bool
    /// Which kind of key signs the session's tokens.
    public var signingKeyKind: SigningKeyKind
    /// The format of the access token; drivers of older generations need older ones.
    package var format: AccessTokenFormat
    /// How long the access token lives, where a driver may say so.
    package var accessTokenValidity: Milliseconds?
    /// Whether the user asked to be remembered: the session then has the limits for remembered ones.
    public var isRemembered = false
    /// Limits of this session alone; they can only tighten those of the configuration.
    public var limits = SessionLimits.none
    /// When the user was authenticated, if that was not now; a time to come is now.
    public var authenticatedAt: Timestamp?
    /// The assurance level that the user has reached, such as `aal1`.
    public var level: String?
    /// How the user was authenticated, by the names of RFC 8176, such as `pwd` and `otp`.
    public var methods: [String] = []
    /// A session of the same user that ends in the step that stores this one.
    public var replacedSession: SessionHandle?
    /// What is known about the client.
    public var client = ClientFacts()
    /// The proof of a key that the session is bound to from now on; `nil` binds it to none.
    public var proof: PresentedProof?
    /// Whether the answer may have an offer to bind the session to the device of its browser (docs/dbsc.md).
    public var wantsDeviceOffer = false
    /// Whether no user has signed in yet; an empty ``userID`` is then made by the core (docs/decisions/0044).
    public var isAnonymous = false
    /// Who acts as the user, and why; `nil` for a session of the user's own.
    public var impersonation: Impersonation?

    /// The session with what the core adds: the id of an anonymous user, and the actor of an impersonation.
    ///
    /// - Parameter random: the source of randomness.
    /// - Returns: `nil` for an anonymous session whose user id has another form.
    package func settled(using random: inout some RandomNumberGenerator) -> NewSession? {
        var session = self
        if let impersonation {
            session.accessTokenPayload = impersonation.actor.acting(in: accessTokenPayload)
            session.replacedSession = nil
            return session
        }
        guard isAnonymous else { return session }
        if userID.rawValue.isEmpty { session.userID = .makeAnonymous(using: &random) }
        return session.userID.isAnonymous ? session : nil
    }

    /// How the user was authenticated, what the session asks for, and what is kept about the client.
    package func traits(at now: Timestamp, keeping privacy: DevicePrivacy) -> SessionTraits {
        let device = SessionDevice().updated(by: client, keeping: privacy)
        if let impersonation {
            let limits = limits.tightened(by: SessionLimits(absolute: impersonation.lifetime))
            return SessionTraits(limits: limits, flags: .impersonated, device: device)
        }
        if isAnonymous { return SessionTraits(limits: limits, flags: .anonymous, device: device) }
        return SessionTraits(
            authenticatedAt: authenticatedAt.map { min($0, now) }, limits: limits, level: level, methods: methods,
            flags: isRemembered ? .remembered : [], device: device)
    }

    /// Creates a value from what is known at sign-in; the defaults suit a new application.
    public init(
        userID: UserID, accessTokenPayload: JSONObject = [:], sessionData: JSONObject = [:],
        tenantID: TenantID = .public, usesAntiCSRF: Bool = false, signingKeyKind: SigningKeyKind = .dynamic
    ) {
        self.init(
            userID: userID, accessTokenPayload: accessTokenPayload, sessionData: sessionData, tenantID: tenantID,
            format: .newest, usesAntiCSRF: usesAntiCSRF, signingKeyKind: signingKeyKind)
    }

    package init(
        userID: UserID, accessTokenPayload: JSONObject = [:], sessionData: JSONObject = [:],
        tenantID: TenantID = .public, format: AccessTokenFormat, usesAntiCSRF: Bool = false,
        signingKeyKind: SigningKeyKind = .dynamic, accessTokenValidity: Milliseconds? = nil
    ) {
        self.userID = userID
        self.accessTokenPayload = accessTokenPayload
        self.sessionData = sessionData
        self.tenantID = tenantID
        self.format = format
        self.usesAntiCSRF = usesAntiCSRF
        self.signingKeyKind = signingKeyKind
        self.accessTokenValidity = accessTokenValidity
    }
}

/// An access token as it was presented, with what has to be checked; it prints as `<redacted>`.
public struct PresentedAccessToken: Sendable, Redacted {
    /// The token as the client holds it.
    ///
    /// Never log it.
    public let text: String
    /// The token, parsed and not yet verified, or why it is none.
    public let token: Result<UnverifiedAccessToken, AccessTokenProblem>
    /// The anti-CSRF token that came with it.
    public var antiCSRFToken: AntiCSRFToken?
    /// Whether one has to come with it.
    public var checksAntiCSRF: Bool
    /// Whether sessions use anti-CSRF tokens at all; cores elsewhere ask.
    public var usesAntiCSRF: Bool
    /// Whether the session must still exist, and whether a changed payload gives a new token.
    public var checksDatabase: Bool
    /// Whether the session must still exist, and nothing more: cheaper than ``checksDatabase``.
    public var checksRevocation = false
    /// When the driver's sessions rotate.
    package var rotation = Refresh.Rotation.atFirstUse

    /// Takes a token apart and collects the question.
    public init(
        accessToken text: String, antiCSRFToken: AntiCSRFToken? = nil, checksAntiCSRF: Bool = false,
        usesAntiCSRF: Bool = true, checksDatabase: Bool = false
    ) {
        let token: Result<UnverifiedAccessToken, AccessTokenProblem>
        do throws(AccessTokenProblem) {
            token = .success(try UnverifiedAccessToken(text))
        } catch {
            token = .failure(error)
        }
        self.init(text, token, antiCSRFToken, checksAntiCSRF, usesAntiCSRF, checksDatabase)
    }

    package init(
        accessToken text: String, takenApart token: UnverifiedAccessToken, antiCSRFToken: AntiCSRFToken?,
        checksAntiCSRF: Bool,
        usesAntiCSRF: Bool, checksDatabase: Bool = false
    ) {
        self.init(text, .success(token), antiCSRFToken, checksAntiCSRF, usesAntiCSRF, checksDatabase)
    }

    /// Creates a value from the question of a driver of any generation.
    package init(
        accessToken text: String, antiCSRFToken: AntiCSRFToken? = nil, checksAntiCSRF: Bool = false,
        usesAntiCSRF: Bool = true, checksDatabase: Bool = false, rotation: Refresh.Rotation
    ) {
        self.init(
            accessToken: text, antiCSRFToken: antiCSRFToken, checksAntiCSRF: checksAntiCSRF,
            usesAntiCSRF: usesAntiCSRF, checksDatabase: checksDatabase)
        self.rotation = rotation
    }

    private init(
        _ text: String, _ token: Result<UnverifiedAccessToken, AccessTokenProblem>, _ antiCSRFToken: AntiCSRFToken?,
        _ checksAntiCSRF: Bool, _ usesAntiCSRF: Bool, _ checksDatabase: Bool
    ) {
        self.text = text
        self.token = token
        self.antiCSRFToken = antiCSRFToken
        self.checksAntiCSRF = checksAntiCSRF
        self.usesAntiCSRF = usesAntiCSRF
        self.checksDatabase = checksDatabase
    }
}

/// A refresh token as it was presented, with what the new tokens should be like.
public struct PresentedRefreshToken: Sendable, Redacted {
    /// The refresh token.
    public var refreshToken: RefreshToken
    /// The anti-CSRF token that came with it.
    public var antiCSRFToken: AntiCSRFToken?
    /// Whether the session uses anti-CSRF tokens: then one has to come with the request, and a new one is given.
    public var usesAntiCSRF: Bool
    /// The kind of key the session uses from now on; `nil` keeps its own.
    public var signingKeyKind: SigningKeyKind?
    /// Whether a token that was encrypted with an anti-CSRF token has to come with it; old drivers send none.
    package var checksAntiCSRF: Bool
    /// The format of the new access token.
    package var format: AccessTokenFormat
    /// When the new token takes the presented one's place.
    package var rotation: Refresh.Rotation
    /// How long the access token lives, where a driver may say so.
    package var accessTokenValidity: Milliseconds?
    /// Whether a background task of the client asks, and not its user: the session then ends when it would have.
    public var isBackground = false
    /// What is known about the client.
    public var client = ClientFacts()
    /// The proof of the client's key that came with it.
    public var proof: PresentedProof?
    /// What came with it of the credentials that are bound to the device of a browser.
    public var device = PresentedDevice()

    public init(
        refreshToken: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool = false,
        signingKeyKind: SigningKeyKind? = nil
    ) {
        self.init(
            refreshToken: refreshToken, antiCSRFToken: antiCSRFToken, usesAntiCSRF: usesAntiCSRF,
            signingKeyKind: signingKeyKind, rotation: .atFirstUse)
    }

    /// Creates a value from what a driver of any generation presented.
    package init(
        refreshToken: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool = false,
        checksAntiCSRF: Bool = true, format: AccessTokenFormat = .newest, signingKeyKind: SigningKeyKind? = nil,
        rotation: Refresh.Rotation = .atFirstUse, accessTokenValidity: Milliseconds? = nil
    ) {
        self.refreshToken = refreshToken
        self.antiCSRFToken = antiCSRFToken
        self.usesAntiCSRF = usesAntiCSRF
        self.checksAntiCSRF = checksAntiCSRF
        self.format = format
        self.signingKeyKind = signingKeyKind
        self.rotation = rotation
        self.accessTokenValidity = accessTokenValidity
    }
}
