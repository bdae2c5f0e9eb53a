public import Foundations
public import LosslessJSON

/// The public facts of a session.
public struct SessionFacts: Sendable, Equatable {
    /// Its name.
    public var handle: SessionHandle
    /// Whose it is.
    public var userID: UserID
    /// The user of the login method; equal to ``userID`` where no accounts are linked.
    public var recipeUserID: UserID
    /// The tenant it belongs to.
    public var tenantID: TenantID
    /// The data in its access token.
    public var accessTokenPayload: JSONObjectText

    /// What a core elsewhere says about a session.
    public init(
        handle: SessionHandle, userID: UserID, recipeUserID: UserID? = nil, tenantID: TenantID = .public,
        accessTokenPayload: JSONObjectText
    ) {
        self.handle = handle
        self.userID = userID
        self.recipeUserID = recipeUserID ?? userID
        self.tenantID = tenantID
        self.accessTokenPayload = accessTokenPayload
    }

    /// What storage says about a session.
    package init(_ record: SessionRecord) {
        self.init(
            handle: record.handle, userID: record.namedUserID, recipeUserID: record.userID, tenantID: record.tenantID,
            accessTokenPayload: record.accessTokenPayload)
    }

    /// What a token says whose signature was verified.
    package init(_ claims: AccessTokenClaims) {
        self.init(
            handle: claims.handle, userID: claims.userID, recipeUserID: claims.recipeUserID, tenantID: claims.tenantID,
            accessTokenPayload: claims.userData)
    }
}

/// New tokens for a client; they print as `<redacted>`.
public struct IssuedTokens: Sendable, Redacted {
    /// The session they belong to.
    public let session: SessionFacts
    /// The short-lived token.
    public let accessToken: AccessToken
    /// The long-lived token.
    public let refreshToken: RefreshToken
    /// When the refresh token was made.
    public let refreshTokenIssuedAt: Timestamp
    /// When the session ends unless it is used.
    public let refreshTokenExpiresAt: Timestamp
    /// A random string that shows a front end that there is a session; no secret and never checked.
    public let idRefreshToken: String
    /// The anti-CSRF token, if the session uses one.
    public let antiCSRFToken: AntiCSRFToken?
    /// Whether the refresh token for which they were given had been presented before, in a window that was still open.
    package var isShared = false
    /// What the browser's device signs so that the session is bound to it; `nil` where that is not offered (docs/dbsc.md).
    public var deviceOffer: String?

    /// The tokens that were made here, or that a core elsewhere gave.
    public init(
        session: SessionFacts, accessToken: AccessToken, refreshToken: RefreshToken, refreshTokenIssuedAt: Timestamp,
        refreshTokenExpiresAt: Timestamp, idRefreshToken: String, antiCSRFToken: AntiCSRFToken?
    ) {
        self.session = session
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.refreshTokenIssuedAt = refreshTokenIssuedAt
        self.refreshTokenExpiresAt = refreshTokenExpiresAt
        self.idRefreshToken = idRefreshToken
        self.antiCSRFToken = antiCSRFToken
    }
}

/// The published keys with how long they may be kept.
public struct PublishedKeys: Sendable {
    /// The keys, an array of JWKs (RFC 7517).
    public let keys: JSONValue
    /// For how many seconds a verifier may keep them.
    public let maxAgeSeconds: Int64

    /// The keys that were made here, or that a core elsewhere published.
    public init(keys: JSONValue, maxAgeSeconds: Int64) {
        self.keys = keys
        self.maxAgeSeconds = maxAgeSeconds
    }
}
