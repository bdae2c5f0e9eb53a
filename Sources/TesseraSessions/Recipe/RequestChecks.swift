import HTTPTypes

/// The origin of a request as a browser states it, judged before any token is used (docs/specification/security.md
/// B01).
enum RequestChecks {
    /// Why a request may have been caused by another site.
    enum CrossSiteProblem: String {
        case untrustedOrigin = "the request comes from an origin that is not trusted"
        case noCustomHeader = "the anti-CSRF check failed: there is no rid field"
    }

    /// What speaks against using the cookies of a request.
    ///
    /// - Parameter mayRead: whether a request that only reads may come from anywhere.
    static func crossSiteProblem(
        of request: HTTPRequest, _ antiCSRF: SessionConfiguration.AntiCSRF, _ settings: SessionSettings,
        mayRead: Bool = false
    ) throws(SessionError) -> CrossSiteProblem? {
        let isTrusted = try isFromTrustedOrigin(request, settings)
        guard isTrusted || (mayRead && isSafe(request.method)) else { return .untrustedOrigin }
        return antiCSRF == .viaCustomHeader && request.headerFields[.recipeID] == nil ? .noCustomHeader : nil
    }

    /// Whether the request may act with the cookies that came with it.
    ///
    /// Requests that only read may. Others may if the browser says that they come from the same origin, or from one
    /// that is trusted; a request without these headers is from no browser whose cookies could be misused.
    static func isFromTrustedOrigin(_ request: HTTPRequest, _ settings: SessionSettings) throws(SessionError) -> Bool {
        guard settings.configuration.checksOrigin else { return true }
        let site = request.headerFields[.fetchSite]
        if site == "same-origin" || site == "none" { return true }
        guard let origin = request.headerFields[.origin] else { return site == nil }
        if settings.trustedOrigins.contains(origin) { return true }
        return try settings.app.website(for: request).text == origin
    }

    /// Whether a method only reads (RFC 9110 section 9.2.1).
    static func isSafe(_ method: HTTPRequest.Method) -> Bool {
        method == .get || method == .head || method == .options || method == .trace
    }
}
