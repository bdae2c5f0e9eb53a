public import SessionEngine
public import SessionStorage

/// The answer to a sign-in.
public enum CreateResult: Sendable {
    /// Here are the tokens.
    case created(IssuedTokens)
    /// The payload cannot be encoded in a token of the wanted format; nothing was stored.
    case payloadRefused(PayloadProblem)
    /// The user has as many sessions as allowed, and none ends for a new one; nothing was stored.
    case limitReached(SessionLimit, [SessionHandle])
    /// The authentication that the session begins with is longer ago than its absolute limit; nothing was stored.
    case authenticatedTooLongAgo
    /// An anonymous session is to have a user id of another form than the core makes; nothing was stored.
    case notAnonymous
    /// What came as the proof of a key is no proof for this request; nothing was stored.
    case proofRefused
}

/// The answer to a verification.
public enum VerifyResult: Sendable {
    /// The token is good; replace it if there is a new one.
    ///
    /// `newerPayload` is whether a refresh would give another payload, where a read-only verification read the
    /// database.
    case valid(SessionFacts, replacement: AccessToken? = nil, newerPayload: Bool? = nil)
    /// The token cannot be used now; the client may refresh.
    case tryRefresh(AccessTokenProblem)
    /// The session has been revoked or has expired.
    case sessionNotActive
    /// The token is superseded; the client may refresh.
    case superseded
    /// The payload in storage cannot be encoded in a token of this format.
    case payloadRefused
}

/// The answer to a refresh.
public enum RefreshResult: Sendable {
    /// Here are new tokens.
    case refreshed(IssuedTokens)
    /// The client has to sign in again.
    case unauthorised(RefreshRefusal)
    /// The token was superseded a moment ago: nothing is given and no client accused; the client may try again with the
    /// token that it has by then.
    case tooLate
    /// The session is bound to a key, and nothing came that proves it now; it lives. With a nonce the client may make
    /// another proof.
    case proofNeeded(nonce: String?)
    /// The session is bound to the device of a browser, which lacks its cookie for the moment: nothing is given, it lives, and the
    /// browser may try again.
    case deviceNotYet
    /// A superseded refresh token was reused: there is a copy.
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
    /// The session does not exist or has expired.
    case sessionNotActive
    /// The payload in storage cannot be encoded in a token of the wanted format.
    case payloadRefused
    /// The session is bound to another key than that of the client; it lives.
    case boundToOtherKey
    /// The session is bound to the device of a browser, and the request lacks what only that browser has; it lives.
    case boundToDevice
    /// The token is newer than its session: storage went back to an older state, and the session was revoked.
    case newerThanSession
    /// Another person acts as the user of the session, who cannot be authenticated by that; nothing was changed.
    case impersonated
}

/// The answer to a regeneration.
public enum RegenerateResult: Sendable {
    /// Done; a token that had expired is not replaced.
    case regenerated(SessionFacts, accessToken: AccessToken?)
    /// What was presented is not a token that this core signed.
    case notAToken(AccessTokenProblem)
    /// The session does not exist or has expired.
    case sessionNotActive
    /// The payload cannot be encoded in a token of this format; nothing was changed.
    case payloadRefused(PayloadProblem)
}

/// An internal error: nothing is said about any session or token.
public enum ServiceError: Error, Sendable, Equatable {
    /// Storage failed.
    case storage(StorageError)
    /// A token could not be signed or encrypted.
    case signing(SigningError)
}
