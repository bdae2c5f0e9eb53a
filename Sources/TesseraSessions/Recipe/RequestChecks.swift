import HTTPTypes
import SessionEngine

/// What a browser states about a request, judged before any token is used (docs/specification/security.md B01).
enum RequestChecks {
    /// Refuses a request that another site may have caused.
    ///
    /// - Parameters:
    ///   - antiCSRF: the protection that is due besides.
    ///   - mayRead: whether a request that only reads may come from anywhere.
    /// - Returns: whether the header is there that a form cannot send, where it is due.
    /// - Throws: ``SessionError/untrustedOrigin(_:)``.
    static func hasCustomHeader(
        _ request: HTTPRequest, _ antiCSRF: SessionConfiguration.AntiCSRF, _ settings: SessionSettings,
        mayRead: Bool = false
    ) throws(SessionError) -> Bool {
        let isTrusted = try isFromTrustedOrigin(request, settings)
        guard isTrusted || (mayRead && isSafe(request.method)) else { throw untrustedOrigin(of: request) }
        return antiCSRF != .viaCustomHeader || request.headerFields[.recipeID] != nil
    }

    static func untrustedOrigin(of request: HTTPRequest) -> SessionError {
        .untrustedOrigin(request.headerFields[.origin] ?? "another site, which its browser does not name")
    }

    /// Whether the request may act with the cookies that came with it.
    ///
    /// Requests that only read may. Others may if the browser says that they come from the same origin, or from one
    /// that is trusted; a request without these headers is from no browser whose cookies could be misused.
    static func isFromTrustedOrigin(_ request: HTTPRequest, _ settings: SessionSettings) throws(SessionError) -> Bool {
        guard settings.configuration.checksOrigin else { return true }
        return try OriginRule.mayAct(
            site: request.headerFields[.fetchSite], origin: request.headerFields[.origin]
        ) { origin throws(SessionError) in try isTrusted(origin, for: request, settings) }
    }

    /// Whether an origin is the API's own, the website's or one that the application trusts.
    static func isTrusted(
        _ origin: String, for request: HTTPRequest, _ settings: SessionSettings
    ) throws(SessionError) -> Bool {
        let origin = origin.lowercased()
        if settings.trustedOrigins.contains(origin) { return true }
        return try settings.app.website(for: request).text == origin
    }

    /// Whether a method only reads (RFC 9110 section 9.2.1).
    static func isSafe(_ method: HTTPRequest.Method) -> Bool {
        OriginRule.safeMethods.contains(method.rawValue)
    }

    /// Whether a browser says that it sent the request: all current ones state where a request comes from.
    static func statesOrigin(_ request: HTTPRequest) -> Bool {
        request.headerFields[.fetchSite] != nil || request.headerFields[.origin] != nil
    }

    /// Whether a request is a browser's, as far as it shows: by what no one else states, by a form, or by asking for a
    /// page (docs/decisions/0033).
    static func isFromBrowser(_ request: HTTPRequest) -> Bool {
        let fields = request.headerFields
        if statesOrigin(request) || fields[.fetchMode] != nil || fields[.fetchDestination] != nil { return true }
        return isForm(request) || wantsPage(request)
    }

    /// Whether the body is what a form of a page sends.
    static func isForm(_ request: HTTPRequest) -> Bool {
        let type = request.headerFields[.contentType]?.lowercased() ?? ""
        return type.hasPrefix("application/x-www-form-urlencoded") || type.hasPrefix("multipart/form-data")
    }

    /// Whether a page is asked for by name: `*/*` is what programs send.
    static func wantsPage(_ request: HTTPRequest) -> Bool {
        request.headerFields[values: .accept].contains { field in
            field.split(separator: ",").contains { range in
                let type = range.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased()
                return type == "text/html" || type == "application/xhtml+xml"
            }
        }
    }

    /// Whether a user follows a link, or reloads a page: such a request may be sent to another page.
    static func isNavigation(_ request: HTTPRequest) -> Bool {
        guard request.method == .get || request.method == .head, wantsPage(request) else { return false }
        return request.headerFields[.fetchMode].map { $0 == "navigate" } ?? true
    }
}
