import HTTPTypes
import PublicSuffixList
import SessionEngine

/// A configuration that was found to make sense, in the form in which requests are judged.
final class SessionSettings: Sendable {
    let app: AppInfo
    let configuration: SessionConfiguration
    let cookieDomain: String?
    /// The `Domain` that is sent: none where browsers would take the cookie for one of the host alone.
    let sentCookieDomain: String?
    let olderCookieDomain: SessionConfiguration.OlderCookieDomain
    let accessTokenPath: String
    let isSecure: Bool
    let trustedOrigins: Set<String>
    let publicSuffixes: PublicSuffixes
    /// Whether website and API are one site, where the website is always the same.
    private let isFixedSameSite: Bool?

    init(
        _ app: AppInfo, _ configuration: SessionConfiguration,
        suffixes: () throws(PublicSuffixListError) -> PublicSuffixes = PublicSuffixes.embedded
    ) throws(SessionError) {
        self.app = app
        self.configuration = configuration
        do throws(PublicSuffixListError) {
            publicSuffixes = try suffixes()
        } catch {
            throw .misconfigured("\(error)")
        }
        cookieDomain = try Self.scope(configuration.cookieDomain, publicSuffixes)
        sentCookieDomain = cookieDomain.flatMap { CookiePlaces.canBeDomain($0.drop { $0 == "." }) ? $0 : nil }
        if case .domain(let domain) = configuration.olderCookieDomain.place {
            olderCookieDomain = domain.isEmpty ? .hostOnly : .domain(try CookieDomain(domain).text)
        } else {
            olderCookieDomain = configuration.olderCookieDomain
        }
        let path = try URLPath(configuration.accessTokenPath).text
        accessTokenPath = path.isEmpty ? "/" : path
        isSecure = configuration.cookieSecure ?? app.apiDomain.isHTTPS
        var origins: Set = [app.apiDomain.text]
        for origin in configuration.trustedOrigins {
            origins.insert(try Origin(origin, allowsAppSchemes: true).text)
        }
        trustedOrigins = origins
        if let website = app.fixedWebsite, configuration.cookieSameSite == nil {
            isFixedSameSite = try Self.isSameSite(app.apiDomain, website, publicSuffixes)
        } else {
            isFixedSameSite = nil
        }
        guard isSecure || !configuration.partitionsCookies else {
            throw .misconfigured("partitionsCookies needs Secure cookies: use https for apiDomain")
        }
        guard configuration.sessionExpiredStatus != configuration.invalidClaimStatus else {
            throw .misconfigured("sessionExpiredStatus and invalidClaimStatus must be different")
        }
        try checkDeviceBinding()
    }

    /// A cookie's domain; browsers drop cookies of a domain under which any owner can have a name.
    private static func scope(_ domain: String?, _ suffixes: PublicSuffixes) throws(SessionError) -> String? {
        guard let domain else { return nil }
        let scope = try CookieDomain(domain)
        let labels = scope.host.split(separator: ".").map(String.init)
        let suffix = suffixes.suffixLength(labels)
        guard !suffix.isListed || labels.count > suffix.labels else {
            throw .misconfigured(
                "Please provide a valid sessionScope instead of '\(scope.text)': it is a public suffix, and browsers drop "
                    + "such cookies")
        }
        return scope.text
    }

    /// Whether the website of a request and the API are one site to a browser.
    private static func isSameSite(
        _ api: Origin, _ website: Origin, _ suffixes: PublicSuffixes
    ) throws(SessionError) -> Bool {
        // A page of an app or an extension is on no site.
        guard website.isWeb else { return false }
        let advice = "Please make sure that the apiDomain and websiteDomain have correct values"
        guard let here = RegistrableDomain.of(api.host, by: suffixes),
            let there = RegistrableDomain.of(website.host, by: suffixes)
        else {
            throw .misconfigured("\(advice): \(api.text), \(website.text)")
        }
        return here == there && api.scheme == website.scheme
    }

    /// Which keys sign access tokens.
    var signingKeyKind: SigningKeyKind { configuration.usesDynamicKeys ? .dynamic : .static }

    /// The `SameSite` of cookies for a request.
    func sameSite(for request: HTTPRequest) throws(SessionError) -> SameSite {
        if let configured = configuration.cookieSameSite { return configured }
        if let isFixedSameSite { return isFixedSameSite ? .lax : .none }
        return try Self.isSameSite(app.apiDomain, app.website(for: request), publicSuffixes) ? .lax : .none
    }

    /// The protection against CSRF for a request.
    func antiCSRF(for request: HTTPRequest) throws(SessionError) -> SessionConfiguration.AntiCSRF {
        guard configuration.antiCSRF == .automatic else { return configuration.antiCSRF }
        return try sameSite(for: request) == .none ? .viaCustomHeader : .none
    }

    /// How the tokens of a request may travel.
    func transfer(for request: HTTPRequest, isCreating: Bool) -> SessionConfiguration.Transfer {
        if let decided = configuration.transfer?(request, isCreating) { return decided }
        guard isCreating else { return .any }
        return switch request.headerFields[.authMode]?.lowercased() {
        case "header": .header
        case "cookie": .cookie
        default: .any
        }
    }

    /// The name of a cookie.
    func cookieName(_ kind: TokenKind) -> String {
        guard configuration.cookieNaming == .prefixed, isSecure else { return kind.cookieName }
        switch kind {
        case .access: return isAccessCookieOwn ? "__Host-sAccessToken" : "__Secure-sAccessToken"
        case .refresh: return "__Secure-sRefreshToken"
        }
    }

    /// Whether browsers are to keep the access token's cookie for this host alone, and for all of it.
    private var isHostOnly: Bool { sentCookieDomain == nil && accessTokenPath == "/" }

    /// Whether no other host can have set the access token's cookie (RFC 6265bis section 4.1.3.2).
    var isAccessCookieOwn: Bool { configuration.cookieNaming == .prefixed && isSecure && isHostOnly }

    /// The path of a cookie.
    func cookiePath(_ kind: TokenKind) -> String {
        switch kind {
        case .access: accessTokenPath
        case .refresh: app.refreshPath
        }
    }

    /// A cookie with a token; an expiry in the past removes it.
    func cookie(
        _ kind: TokenKind, _ value: String, until expiry: Timestamp, at now: Timestamp, for request: HTTPRequest
    ) throws(SessionError) -> SetCookie {
        var cookie = SetCookie(
            name: cookieName(kind), value: value, domain: sentCookieDomain, path: cookiePath(kind), expiresAt: expiry,
            isSecure: isSecure, sameSite: try sameSite(for: request))
        cookie.maxAge = max(0, (expiry - now).count / 1_000)
        cookie.isPartitioned = configuration.partitionsCookies
        return cookie
    }

    /// The line that removes a token's cookie from where it is kept now.
    func removal(of kind: TokenKind, for request: HTTPRequest) throws(SessionError) -> SetCookie {
        let past = Timestamp(milliseconds: 0)
        return try cookie(kind, "", until: past, at: past, for: request)
    }

    /// The path of a request, with its query, as the browser sent it: before a gateway took a prefix off.
    func pathInBrowser(_ request: HTTPRequest) -> String {
        let path = request.path ?? "/"
        let gateway = app.gatewayPath.text
        return gateway.isEmpty || path.hasPrefix(gateway + "/") ? path : gateway + path
    }

    /// Where a browser may keep cookies that it sends with a request.
    func places(for request: HTTPRequest) -> CookiePlaces {
        let path = pathInBrowser(request)
        let named = request.authority.flatMap { URLAuthority("http://" + $0)?.host }
        return CookiePlaces(hosts: [app.apiDomain.host] + (named.map { [$0] } ?? []), path: path, publicSuffixes)
    }
}

/// The two tokens of a session.
enum TokenKind: CaseIterable {
    case access, refresh

    /// Its cookie in SuperTokens' SDKs.
    var cookieName: String {
        switch self {
        case .access: "sAccessToken"
        case .refresh: "sRefreshToken"
        }
    }

    /// Its response field in header mode.
    var fieldName: HTTPField.Name {
        switch self {
        case .access: .sessionAccessToken
        case .refresh: .sessionRefreshToken
        }
    }
}
