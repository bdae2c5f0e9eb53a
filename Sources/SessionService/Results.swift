public import LosslessJSON
public import SessionEngine
public import SessionStorage

/// What everybody may know about a session.
public struct SessionFacts: Sendable, Equatable {
    /// Its name.
    public var handle: SessionHandle
    /// Whose it is.
    public var userID: UserID
    /// The user of the login method.
    public var recipeUserID: UserID
    /// The tenant it lives in.
    public var tenantID: TenantID
    /// The data in its access token.
    public var accessTokenPayload: JSONObjectText

    init(_ record: SessionRecord) {
        handle = record.handle
        userID = record.userID
        recipeUserID = record.userID
        tenantID = record.tenantID
        accessTokenPayload = record.accessTokenPayload
    }

    init(_ claims: AccessTokenClaims, payload: JSONObjectText? = nil) {
        handle = claims.handle
        userID = claims.userID
        recipeUserID = claims.recipeUserID
        tenantID = claims.tenantID
        accessTokenPayload = payload ?? claims.userData
    }
}

/// New tokens for a client.
public struct IssuedTokens: Sendable {
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
    /// A random text that tells a front end that there is a session; no secret and never checked.
    public let idRefreshToken: String
    /// The double-submit secret, if the session uses one.
    public let antiCSRFToken: AntiCSRFToken?
}

/// The answer to a sign-in.
public enum CreateResult: Sendable {
    /// Here are the tokens.
    case created(IssuedTokens)
    /// The payload cannot travel in a token of the wanted format; nothing was stored.
    case payloadRefused(PayloadProblem)
}

/// The answer to a verification.
public enum VerifyResult: Sendable {
    /// The token is good; replace it if there is a new one.
    ///
    /// `newerPayload` tells whether a refresh would give another payload, where a read-only verification asked storage.
    case valid(SessionFacts, replacement: AccessToken? = nil, newerPayload: Bool? = nil)
    /// The token cannot be used now; the client may refresh.
    case tryRefresh(AccessTokenProblem)
    /// The session has been revoked or its time is over.
    case sessionEnded
    /// The session has gone on without this token; the client may refresh.
    case rotatedOut
    /// The payload in storage cannot travel in a token of this format.
    case payloadRefused
}

/// The answer to a refresh.
public enum RefreshResult: Sendable {
    /// Here are new tokens.
    case refreshed(IssuedTokens)
    /// The client has to sign in again.
    case unauthorised(RefreshRefusal)
    /// The token was used up a moment ago: nothing is given and nobody accused; the client may try again with the token
    /// that it has by then.
    case tooLate
    /// A used-up token came back: somebody holds a copy.
    ///
    /// Where sessions rotate at once this has ended the session; where they rotate at first use the driver ends it.
    case reuseDetected(SessionHandle, UserID, Refresh.ReuseClass)
}

/// Why a refresh gives no tokens.
public enum RefreshRefusal: Sendable, Equatable {
    /// What was presented is not a token of this core.
    case notAToken(RefreshTokenProblem)
    /// The anti-CSRF token is missing or another one.
    case antiCSRFMismatch
    /// There is no such session, or its time is over.
    case sessionEnded
    /// The payload in storage cannot travel in a token of the wanted format.
    case payloadRefused
    /// The token is newer than its session: storage went back to an older state, and the session was revoked.
    case newerThanSession
}

/// The answer to a regeneration.
public enum RegenerateResult: Sendable {
    /// Done; a token that had expired is not replaced.
    case regenerated(SessionFacts, accessToken: AccessToken?)
    /// What was presented is not a token that this core signed.
    case notAToken(AccessTokenProblem)
    /// There is no such session, or its time is over.
    case sessionEnded
    /// The payload cannot travel in a token of this format; nothing was changed.
    case payloadRefused(PayloadProblem)
}

/// The machine failed: nothing is said about any session or token.
public enum ServiceError: Error, Sendable, Equatable {
    /// Storage failed.
    case storage(StorageError)
    /// A token could not be signed or sealed.
    case signing(SigningError)
}
