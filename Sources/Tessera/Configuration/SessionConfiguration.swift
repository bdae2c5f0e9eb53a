public import HTTPTypes
import SessionEngine

/// How sessions are kept in browsers and other clients; the defaults are the safe ones (docs/specification/sdk.md 2.2).
public struct SessionConfiguration: Sendable {
    /// How cross-site request forgery is fended off.
    public enum AntiCSRF: Sendable, Hashable {
        /// By a custom header where cookies are sent across sites, and by `SameSite` where they are not.
        case automatic
        /// By nothing but `SameSite` and what the browser says about the origin.
        case none
        /// By a token that scripts of the page send beside the cookies.
        case viaToken
        /// By a header that forms cannot send (`rid`).
        case viaCustomHeader
    }

    /// How tokens travel.
    public enum Transfer: Sendable, Hashable {
        /// As the client asks; header fields where it does not say.
        case any
        /// In cookies.
        case cookie
        /// In header fields.
        case header
    }

    /// What the session cookies are called.
    public enum CookieNaming: Sendable, Hashable {
        /// `sAccessToken` and `sRefreshToken`, with the prefixes `__Host-` and `__Secure-` where cookies are `Secure` and
        /// belong to one host: no other host can then plant one (RFC 6265bis section 4.1.3).
        case prefixed
        /// Exactly `sAccessToken` and `sRefreshToken`, for backends that share cookies with other SuperTokens SDKs.
        case superTokens
    }

    /// Where the cookies of an earlier configuration belonged.
    public enum OlderCookieDomain: Sendable, Hashable {
        /// Not known; all places where such a cookie could be are tried.
        case unknown
        /// To the host that set them.
        case hostOnly
        /// To a domain.
        case domain(String)
    }

    /// The domain whose hosts share the session; `nil` for this host only.
    public var cookieDomain: String?
    /// Where the cookies of an earlier configuration belonged; they are dropped when they come beside new ones.
    public var olderCookieDomain: OlderCookieDomain = .unknown
    /// What the cookies are called.
    public var cookieNaming: CookieNaming = .prefixed
    /// Whether cookies come along with requests that other sites cause; `nil` decides by the places of API and website.
    public var cookieSameSite: SameSite?
    /// Whether cookies travel over TLS only; `nil` says so where the API is reached over TLS.
    public var cookieSecure: Bool?
    /// The paths that get the access token.
    public var accessTokenPath = "/"
    /// How cross-site request forgery is fended off.
    public var antiCSRF: AntiCSRF = .automatic
    /// Other origins from which browsers may change something, beside website and API.
    public var trustedOrigins: [String] = []
    /// Whether requests that a browser says to come from elsewhere are refused unless they only read
    /// (docs/specification/security.md B01).
    public var checksOrigin = true
    /// How tokens travel, for a request and whether it begins a session; `nil` follows the client.
    public var transfer: (@Sendable (_ request: HTTPRequest, _ isCreating: Bool) -> Transfer)?
    /// Whether scripts get the access token in cookie mode too.
    public var exposesAccessToken = false
    /// Whether access tokens are signed with keys that are replaced regularly.
    public var usesDynamicKeys = true
    /// The status that tells a client that its session, or its access token, is over.
    public var sessionExpiredStatus = 401
    /// The status that tells a client that its session does not fulfil a claim.
    public var invalidClaimStatus = 403
    /// The routes that the SDK answers.
    public var routes = Set(SessionRoute.allCases)
    /// Whether the answer about duplicate cookies is exactly that of SuperTokens, which makes its front end fail once.
    public var answersDuplicatesStrictly = false

    /// The defaults.
    public init() {}
}

/// What the SDK answers by itself, below the base path.
public enum SessionRoute: String, Sendable, CaseIterable {
    /// `POST /session/refresh`.
    case refresh = "/session/refresh"
    /// `POST /signout`.
    case signOut = "/signout"
    /// `GET /jwt/jwks.json`: the keys that verify access tokens.
    case keySet = "/jwt/jwks.json"
    /// `GET /.well-known/openid-configuration`: who issues them.
    case discovery = "/.well-known/openid-configuration"
    /// `GET /tessera.js`: the browser module.
    case browserModule = "/tessera.js"

    /// The method that it is asked with.
    var method: HTTPRequest.Method {
        switch self {
        case .refresh, .signOut: .post
        case .keySet, .discovery, .browserModule: .get
        }
    }
}
