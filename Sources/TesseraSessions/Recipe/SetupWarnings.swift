import HTTPTypes
import Logging
import PublicSuffixList

/// What an operator has to hear because a browser shows nothing of it: settings under which a page cannot use its session.
extension Sessions {
    /// A page was refused, or will be, because nothing says that it is the application's.
    func warnOfOrigin(_ origin: String) {
        let origin = Self.printable(origin)
        guard warnings.isDue("origin \(origin)", at: clock.time()) else { return }
        logger.warning(
            """
            pages of \(origin) may not change anything with a session (403): if they are yours, name their origin in \
            website: of AppInfo or in trustedOrigins of SessionConfiguration
            """,
            metadata: ["origin": "\(origin)"])
    }

    /// Says at sign-in when the browser's own words show that it will not send the cookies.
    func warnOfLostCookies(_ request: HTTPRequest) {
        // A form or a link that leads here from another site is no page that will call this API.
        guard request.headerFields[.fetchMode] != "navigate", let origin = request.headerFields[.origin],
            origin != "null", let isTrusted = try? RequestChecks.isTrusted(origin, for: request, settings)
        else { return }
        if !isTrusted && configuration.checksOrigin && request.headerFields[.fetchSite] != "same-origin" {
            warnOfOrigin(origin)
        }
        guard isCrossSite(origin, request), let sameSite = try? settings.sameSite(for: request) else { return }
        warnOfTwoSites(Self.printable(origin), Self.printable(request.authority ?? app.apiDomain.text), sameSite)
    }

    private func warnOfTwoSites(_ page: String, _ api: String, _ sameSite: SameSite) {
        guard warnings.isDue("site \(page)", at: clock.time()) else { return }
        if sameSite != .none {
            logger.warning(
                """
                the page \(page) and the API at \(api) are two sites to a browser: it will not send the \
                session's SameSite=\(sameSite.rawValue) cookies. Use one host name for both (localhost and 127.0.0.1 are \
                two), or https for both and website: of AppInfo for the page, or st-auth-mode: header
                """,
                metadata: ["origin": "\(page)"])
        } else if !configuration.partitionsCookies {
            logger.warning(
                """
                the page \(page) and the API at \(api) are two sites: browsers that block third-party \
                cookies will not send the session's. Serve both under one domain, set partitionsCookies of \
                SessionConfiguration, or use st-auth-mode: header
                """,
                metadata: ["origin": "\(page)"])
        }
    }

    /// Whether page and API are two sites to the browser: as it says, or by the rules that it follows.
    private func isCrossSite(_ origin: String, _ request: HTTPRequest) -> Bool {
        if let site = request.headerFields[.fetchSite] { return site == "cross-site" }
        guard let page = try? Origin(origin) else { return false }
        let host = request.authority.flatMap { URLAuthority("http://" + $0)?.host } ?? app.apiDomain.host
        return page.scheme != app.apiDomain.scheme || site(page.host) != site(host)
    }

    /// The site of a host as browsers see it: an address and a name without a dot are sites of their own.
    private func site(_ host: String) -> String {
        guard CookiePlaces.canBeDomain(host) else { return host }
        return settings.publicSuffixes.registrableDomain(of: host) ?? host
    }

    /// A client's text, as far as a log has to show it.
    static func printable(_ text: String) -> String {
        String(
            text.unicodeScalars.filter { $0.isASCII && $0.value > 32 && $0.value != 127 }.prefix(100).map(
                Character.init))
    }
}
