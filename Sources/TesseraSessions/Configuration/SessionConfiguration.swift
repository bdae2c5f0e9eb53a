public import HTTPTypes
import SessionEngine

/// How sessions are kept in browsers and other clients; the defaults are the safe ones (docs/specification/sdk.md 2.2).
public struct SessionConfiguration: Sendable {
    /// The protection against CSRF.
    public struct AntiCSRF: Sendable, Hashable {
        private enum Kind { case automatic, none, viaToken, viaCustomHeader }
        private let kind: Kind

        /// By a custom header where cookies are sent across sites, and by `SameSite` where they are not.
        public static let automatic = AntiCSRF(kind: .automatic)
        /// By nothing but `SameSite` and what the browser says about the origin.
        public static let none = AntiCSRF(kind: .none)
        /// By a token that scripts of the page send beside the cookies.
        public static let viaToken = AntiCSRF(kind: .viaToken)
        /// By a header that forms cannot send (`rid`).
        public static let viaCustomHeader = AntiCSRF(kind: .viaCustomHeader)
    }

    /// How tokens travel.
    public struct Transfer: Sendable, Hashable {
        private enum Kind { case any, cookie, header }
        private let kind: Kind

        /// As the client asks; where it does not say, cookies for a browser and header fields for others.
        public static let any = Transfer(kind: .any)
        /// In cookies.
        public static let cookie = Transfer(kind: .cookie)
        /// In header fields.
        public static let header = Transfer(kind: .header)
    }

    /// What the session cookies are called.
    public struct CookieNaming: Sendable, Hashable {
        private enum Kind { case prefixed, superTokens }
        private let kind: Kind

        /// `sAccessToken` and `sRefreshToken`, with the prefixes `__Host-` and `__Secure-` where cookies are `Secure` and
        /// belong to one host: no other host can then plant one (RFC 6265bis section 4.1.3).
        public static let prefixed = CookieNaming(kind: .prefixed)
        /// Exactly `sAccessToken` and `sRefreshToken`, for backends that share cookies with other SuperTokens SDKs.
        public static let superTokens = CookieNaming(kind: .superTokens)
    }

    /// Where the cookies of an earlier configuration belonged.
    public struct OlderCookieDomain: Sendable, Hashable {
        enum Place: Hashable { case unknown, hostOnly, domain(String) }
        let place: Place

        /// Not known; all places where such a cookie could be are tried.
        public static let unknown = OlderCookieDomain(place: .unknown)
        /// To the host that set them.
        public static let hostOnly = OlderCookieDomain(place: .hostOnly)
        /// To a domain.
        public static func domain(_ domain: String) -> OlderCookieDomain { OlderCookieDomain(place: .domain(domain)) }
    }

    /// The domain whose hosts share the session; `nil` for this host only.
    public var cookieDomain: String?
    /// Where the cookies of an earlier configuration belonged; they are dropped when they come beside new ones.
    public var olderCookieDomain: OlderCookieDomain = .unknown
    /// What the cookies are called.
    public var cookieNaming: CookieNaming = .prefixed
    /// Whether cookies are sent with cross-site requests; `nil` decides by the places of API and website.
    public var cookieSameSite: SameSite?
    /// Whether cookies travel over TLS only; `nil` says so where the API is reached over TLS.
    public var cookieSecure: Bool?
    /// The paths that get the access token.
    public var accessTokenPath = "/"
    /// The protection against CSRF.
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
    /// Whether storage is asked about the session of every request, unless a route says otherwise.
    ///
    /// By default a request looks whether its session has ended where the backend is in this process, which takes
    /// microseconds, and a core elsewhere is not asked. `true` asks for other changes of the session too; `false` takes a
    /// token for good until it expires.
    public var checksDatabase: Bool?
    /// Where a user signs in: a page that is asked for without a session is answered with a redirect there
    /// (``Sessions/safeReturn(to:for:)``); `nil` answers with ``sessionExpiredStatus``.
    public var signInPage: String?
    /// Whether each top-level site has a jar of its own for the cookies (`Partitioned`), so that an API that is embedded in
    /// pages of other sites works where browsers block third-party cookies.
    public var partitionsCookies = false
    /// Whether the cookies of a session whose user did not ask to be remembered end with the browser.
    ///
    /// A session is remembered that was begun with `rememberMe: true`. The core ends sessions by its own limits, whatever
    /// browsers keep.
    public var usesSessionCookies = false
    /// Whether sign-ins and refreshes say from which client they come, for the list of the user's devices; how much of it is
    /// kept is decided where sessions are (docs/devices.md).
    public var reportsClients = true
    /// How many proxies of the application stand before it, each of which adds what it saw to `X-Forwarded-For`; with 0 that
    /// field counts for nothing, because anyone can send it.
    public var trustedProxies = 0
    /// How long the last authentication may be ago when a user ends other sessions (``SessionRoute/endDevices``).
    public var deviceAuthenticationAge = Duration.seconds(300)
    /// Whether a client whose refresh is refused is given the reason, as `ended` beside the message: who holds a refresh token of
    /// a session may know why it ended (docs/devices.md).
    public var explainsEnds = false
    /// Whether sessions are bound to a key where a client proves that it has one (docs/dpop.md).
    public var dpop = ProofOfPossession.off
    /// Whether browsers that can do so bind their sessions to their device (docs/dbsc.md).
    public var deviceBinding = DeviceBindingPolicy.off
    /// Paths of the API whose requests need no bound cookie, such as `/assets/`: browsers do not wait for one there.
    public var deviceBindingExcludedPaths: [String] = []
    /// The status of a response that a session or an access token has expired.
    public var sessionExpiredStatus = 401
    /// The status of a response that a session does not fulfil a claim.
    public var invalidClaimStatus = 403
    /// The routes that the SDK answers; those of ``SessionRoute/ofDevices`` are not among them by default.
    public var routes = Set(SessionRoute.allCases).subtracting(SessionRoute.ofDevices)
    /// Whether the answer about duplicate cookies is exactly that of SuperTokens, which makes its front end fail once.
    public var answersDuplicatesStrictly = false

    /// The defaults.
    public init() {}
}

/// What the SDK answers by itself, below the base path; more may come.
public struct SessionRoute: Sendable, Hashable, CaseIterable {
    package enum Kind: String, CaseIterable {
        case refresh = "/session/refresh"
        case refreshPage = "GET /session/refresh"
        case signOut = "/signout"
        case keySet = "/jwt/jwks.json"
        case discovery = "/.well-known/openid-configuration"
        case browserModule = "/tessera.js"
        case revoke = "/session/revoke"
        case devices = "/session/devices"
        case endDevices = "/session/devices/revoke"
        case nameDevice = "/session/devices/label"
        case deviceRegistration = "/session/dbsc/register"
        case deviceRenewal = "/session/dbsc/refresh"
    }

    package let kind: Kind

    /// All of them.
    public static let allCases = Kind.allCases.map(SessionRoute.init)
    /// `POST /session/refresh`.
    public static let refresh = SessionRoute(kind: .refresh)
    /// `GET /session/refresh`: a page whose access token has run out refreshes on its way and goes back, without a script;
    /// only where there is a ``SessionConfiguration/signInPage``.
    public static let refreshPage = SessionRoute(kind: .refreshPage)
    /// `POST /signout`.
    public static let signOut = SessionRoute(kind: .signOut)
    /// `GET /jwt/jwks.json`: the keys that verify access tokens.
    public static let keySet = SessionRoute(kind: .keySet)
    /// `GET /.well-known/openid-configuration`: who issues them.
    public static let discovery = SessionRoute(kind: .discovery)
    /// `GET /tessera.js`: the browser module.
    public static let browserModule = SessionRoute(kind: .browserModule)

    /// `POST /session/revoke`: ends the session of the refresh token in `Authorization`, also when no access token is valid any
    /// more; for clients whose sessions travel in header fields (RFC 7009).
    public static let revoke = SessionRoute(kind: .revoke)
    /// `GET /session/devices`: the user's own devices, a page at a time (docs/devices.md).
    public static let devices = SessionRoute(kind: .devices)
    /// `POST /session/devices/revoke`: ends some of the user's own sessions, or all others, after a recent authentication.
    public static let endDevices = SessionRoute(kind: .endDevices)
    /// `PUT /session/devices/label`: names one of the user's own devices.
    public static let nameDevice = SessionRoute(kind: .nameDevice)
    /// `POST /session/dbsc/register`: the device of a browser binds its session (docs/dbsc.md).
    public static let deviceRegistration = SessionRoute(kind: .deviceRegistration)
    /// `POST /session/dbsc/refresh`: it proves its key for another bound cookie.
    public static let deviceRenewal = SessionRoute(kind: .deviceRenewal)
    /// The routes for a page with the user's own devices; add them to ``SessionConfiguration/routes``.
    public static let ofDevices: Set<SessionRoute> = [.devices, .endDevices, .nameDevice]

    /// Whether the request's body is read; it is JSON of at most 16 KiB.
    package var readsBody: Bool { kind == .endDevices || kind == .nameDevice }

    /// Where it is, below the base path.
    public var path: String { kind == .refreshPage ? Kind.refresh.rawValue : kind.rawValue }

    /// The method that it is asked with.
    var method: HTTPRequest.Method {
        switch kind {
        case .refresh, .signOut, .revoke, .endDevices, .deviceRegistration, .deviceRenewal: .post
        case .nameDevice: .put
        case .keySet, .discovery, .browserModule, .refreshPage, .devices: .get
        }
    }
}
