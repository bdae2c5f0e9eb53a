public import Foundations
public import LosslessJSON
public import SessionEngine

/// A session to be begun.
public struct NewSession: Sendable, Redacted {
    /// Whose session it is.
    public var userID: String
    /// The tenant it lives in; `public` where nobody says otherwise.
    public var tenantID: String
    /// The application's part of the access token; everybody who holds the token can read it.
    public var payload: JSONObject
    /// Data that stays with the server.
    public var data: JSONObject
    /// Whether the session is given an anti-CSRF token.
    public var usesAntiCSRF: Bool
    /// Whether its access tokens are signed with keys that are replaced regularly.
    public var usesDynamicKey: Bool

    /// Collects what a new session needs.
    public init(
        userID: String, tenantID: String = "public", payload: JSONObject = [:], data: JSONObject = [:],
        usesAntiCSRF: Bool = false, usesDynamicKey: Bool = true
    ) {
        self.userID = userID
        self.tenantID = tenantID
        self.payload = payload
        self.data = data
        self.usesAntiCSRF = usesAntiCSRF
        self.usesDynamicKey = usesDynamicKey
    }
}

/// An access token as a request brought it, with what has to be checked.
public struct PresentedAccessToken: Sendable, Redacted {
    /// The token, taken apart and not yet believed.
    public var token: UnverifiedAccessToken
    /// The token as it was presented.
    public var text: String
    /// The anti-CSRF token that came with the request.
    public var antiCSRFToken: String?
    /// Whether one has to come with it.
    public var checksAntiCSRF: Bool
    /// Whether sessions use anti-CSRF tokens at all; old cores ask.
    public var usesAntiCSRF: Bool
    /// Whether the session must be looked up, so that a revocation is seen at once.
    public var checksDatabase: Bool

    /// Collects the question.
    public init(
        token: UnverifiedAccessToken, text: String, antiCSRFToken: String? = nil, checksAntiCSRF: Bool = false,
        usesAntiCSRF: Bool = false, checksDatabase: Bool = false
    ) {
        self.token = token
        self.text = text
        self.antiCSRFToken = antiCSRFToken
        self.checksAntiCSRF = checksAntiCSRF
        self.usesAntiCSRF = usesAntiCSRF
        self.checksDatabase = checksDatabase
    }
}

/// A refresh token as a request brought it, with what the new tokens should be like.
public struct PresentedRefreshToken: Sendable, Redacted {
    /// The token.
    public var text: String
    /// The anti-CSRF token that came with it.
    public var antiCSRFToken: String?
    /// Whether the session uses anti-CSRF tokens: then one has to come with the request, and a new one is given.
    public var usesAntiCSRF: Bool
    /// Whether the new access token is signed with a key that is replaced regularly.
    public var usesDynamicKey: Bool

    /// Collects what was presented.
    public init(
        text: String, antiCSRFToken: String? = nil, usesAntiCSRF: Bool = false, usesDynamicKey: Bool = true
    ) {
        self.text = text
        self.antiCSRFToken = antiCSRFToken
        self.usesAntiCSRF = usesAntiCSRF
        self.usesDynamicKey = usesDynamicKey
    }
}

/// Whose session it is and where it lives.
public struct SessionIdentity: Sendable, Equatable {
    /// The session's name.
    public var handle: String
    /// The (primary) user.
    public var userID: String
    /// The user of the login method; equal to ``userID`` where no accounts are linked.
    public var recipeUserID: String
    /// The tenant.
    public var tenantID: String

    /// Puts an identity together.
    public init(handle: String, userID: String, recipeUserID: String? = nil, tenantID: String = "public") {
        self.handle = handle
        self.userID = userID
        self.recipeUserID = recipeUserID ?? userID
        self.tenantID = tenantID
    }
}

/// A token with its times; it prints as `<redacted>`.
public struct IssuedToken: Sendable, Equatable, Redacted {
    /// The token as the client holds it; never log it.
    public var text: String
    /// When it stops being accepted.
    public var expiresAt: Timestamp
    /// When it was made.
    public var issuedAt: Timestamp

    /// Puts a token and its times together.
    public init(text: String, expiresAt: Timestamp, issuedAt: Timestamp) {
        self.text = text
        self.expiresAt = expiresAt
        self.issuedAt = issuedAt
    }
}

/// The tokens of a session that was begun or refreshed.
public struct IssuedSession: Sendable, Redacted {
    /// Whose they are.
    public var identity: SessionIdentity
    /// The application's part of the payload.
    public var payload: JSONObject
    /// The short-lived token.
    public var accessToken: IssuedToken
    /// The long-lived token.
    public var refreshToken: IssuedToken
    /// The text that older front ends watch; no secret and never checked.
    public var idRefreshToken: IssuedToken?
    /// The double-submit secret, if the session uses one; never log it.
    public var antiCSRFToken: String?

    /// Puts the tokens together.
    public init(
        identity: SessionIdentity, payload: JSONObject, accessToken: IssuedToken, refreshToken: IssuedToken,
        idRefreshToken: IssuedToken? = nil, antiCSRFToken: String? = nil
    ) {
        self.identity = identity
        self.payload = payload
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.idRefreshToken = idRefreshToken
        self.antiCSRFToken = antiCSRFToken
    }
}

/// A session whose access token was found to be good.
public struct VerifiedSession: Sendable {
    /// Whose it is.
    public var identity: SessionIdentity
    /// A token that takes the presented one's place, if there is one.
    public var replacement: IssuedToken?

    /// Puts an answer together.
    public init(identity: SessionIdentity, replacement: IssuedToken? = nil) {
        self.identity = identity
        self.replacement = replacement
    }
}

/// What is kept about a session.
public struct SessionInformation: Sendable {
    /// Whose it is.
    public var identity: SessionIdentity
    /// The application's part of the payload, as the next access token will carry it.
    public var payload: JSONObject
    /// Data that stays with the server.
    public var data: JSONObject
    /// When it was begun.
    public var createdAt: Timestamp
    /// When it ends unless it is used.
    public var expiresAt: Timestamp

    /// Puts the facts together.
    public init(
        identity: SessionIdentity, payload: JSONObject, data: JSONObject, createdAt: Timestamp, expiresAt: Timestamp
    ) {
        self.identity = identity
        self.payload = payload
        self.data = data
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }
}

/// Which sessions are meant.
public enum SessionSelection: Sendable, Equatable {
    /// Those with these handles.
    case handles([String])
    /// All of a user, in one tenant or, with `nil`, in all.
    case user(String, tenant: String?)
}

/// A token of the application's own.
public struct ApplicationTokenRequest: Sendable {
    /// Its claims; they go before those that are added (`iat`, `exp`, `iss`).
    public var payload: JSONObject
    /// How long it lives.
    public var validity: Milliseconds
    /// Whether it is signed with a key that is never replaced.
    public var usesStaticKey: Bool
    /// Who issues it.
    public var issuer: String

    /// Collects what the token should say.
    public init(payload: JSONObject, validity: Milliseconds, usesStaticKey: Bool, issuer: String) {
        self.payload = payload
        self.validity = validity
        self.usesStaticKey = usesStaticKey
        self.issuer = issuer
    }
}

/// The published keys with how long they may be kept.
public struct PublishedKeySet: Sendable {
    /// The keys, an array of JWKs (RFC 7517).
    public var keys: JSONValue
    /// For how many seconds a verifier may keep them.
    public var maxAgeSeconds: Int64

    /// Puts a key set together.
    public init(keys: JSONValue, maxAgeSeconds: Int64) {
        self.keys = keys
        self.maxAgeSeconds = maxAgeSeconds
    }
}
