public import CoreDriverInterface
public import Foundations
public import SessionEngine

/// What an operator decides about the core's answers.
public struct CoreSettings: Sendable, Equatable {
    /// Cookie attributes that are sent to drivers before CDI 2.4.
    public struct Cookies: Sendable, Equatable {
        /// The domain; `nil` when it is not configured.
        public var domain: String?
        /// Whether cookies go over https only.
        public var secure = false
        /// `none`, `lax` or `strict`.
        public var sameSite = "lax"
        /// The path of the access token's cookie.
        public var accessTokenPath = "/"
        /// The path of the refresh token's cookie.
        public var refreshTokenPath = "/session/refresh"

        /// The defaults of core 2.5.
        public init() {}
    }

    /// The keys of which a request has to show one; none means that none is asked for.
    public var apiKeys: [String] = []
    /// One more key, of who runs the core for others; it is accepted wherever an API key is
    /// (docs/specification/core.md 8.1).
    public var operatorKey: String?
    /// Keys with which tokens can be verified and the ends of sessions be followed, and nothing else.
    public var verifierKeys: [String] = []
    /// The path under which everything is.
    public var basePath = BasePath.root
    /// The versions that drivers may speak.
    public var versions = VersionBounds.all
    /// The addresses that may ask; all when there is none.
    public var peers: PeerFilter?
    /// Whether signing keys may be replaced more often than every hour, for tests on this machine only.
    public var allowsShortKeyIntervals = false
    /// Whether sessions of drivers before CDI 2.6 use anti-CSRF tokens.
    public var usesAntiCSRF = false
    /// Whether verifications of drivers before CDI 2.21 check the database.
    public var checksDatabase = false
    /// The kind of key for sessions of drivers before CDI 2.21.
    public var signingKeyKind = SigningKeyKind.dynamic
    /// Cookie attributes.
    public var cookies = Cookies()
    /// The status by which drivers before CDI 2.4 say that a session has ended.
    public var sessionExpiredStatusCode = 401
    /// Where the configuration was read from; disclosed only to callers who know this process's ID.
    public var configurationPath = ""
    /// This process's id.
    public var processID: Int32 = 0

    /// The defaults.
    public init() {}

    /// Whether a request may come in; every key is compared, in time that does not depend on them.
    func admits(_ request: CoreRequest) -> Bool {
        guard !apiKeys.isEmpty else { return true }
        let presented = Self.presented(request)
        let isOperator = operatorKey.map { ConstantTime.equals($0, presented) } ?? false
        return apiKeys.reduce(isOperator) { found, key in ConstantTime.equals(key, presented) || found }
    }

    /// Whether a request may come in that does what a verifier needs.
    func admitsVerifier(_ request: CoreRequest) -> Bool {
        let presented = Self.presented(request)
        return verifierKeys.reduce(false) { found, key in ConstantTime.equals(key, presented) || found }
    }

    private static func presented(_ request: CoreRequest) -> String {
        request.apiKey.map(trimmed) ?? request.authorization.map(credential) ?? ""
    }

    /// The part after `Bearer `, the password after `Basic ` (RFC 7617), or the whole value when there is no scheme
    /// (docs/specification/core.md 1.0).
    private static func credential(_ authorization: String) -> String {
        let (scheme, basic) = ("bearer ", "basic ")
        if authorization.lowercased().hasPrefix(basic) {
            let pair = Base64.standard.decode(trimmed(authorization.dropFirst(basic.count)).utf8) ?? []
            return String(decoding: pair.drop { $0 != UInt8(ascii: ":") }.dropFirst(), as: UTF8.self)
        }
        guard authorization.lowercased().hasPrefix(scheme) else { return trimmed(authorization) }
        return trimmed(authorization.dropFirst(scheme.count))
    }

    private static func trimmed(_ value: some StringProtocol) -> String {
        String(value.trimmed { $0 == " " || $0 == "\t" })
    }
}

extension CoreSettings: Redacted {
    /// The name alone: the keys are secrets, and code that logs a value that holds settings must not log them.
    public var description: String { "CoreSettings" }
}
