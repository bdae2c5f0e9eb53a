import Foundations
public import HTTPTypes

/// The way to the page where users sign in, and back.
extension Sessions {
    /// Where a browser may be sent after sign-in: what a request asks for, if it leads to this application.
    ///
    /// A path of the page's own origin is allowed, and an address that begins with the origin of the API, of the website or
    /// of ``SessionConfiguration/trustedOrigins``. Everything else, also what one browser might read as another host
    /// (`//host`, `/\host`, tabs and line breaks, `https:host`, `user@host`), is not.
    ///
    /// - Parameters:
    ///   - place: what the request says, once decoded; `nil` when it says nothing.
    ///   - request: the request, for applications whose website depends on it.
    ///   - fallback: where to go otherwise.
    /// - Returns: a text for the field `Location`.
    public func safeReturn(to place: String?, for request: HTTPRequest, otherwise fallback: String = "/") -> String {
        guard let place, let found = ReturnPlace(place) else { return fallback }
        guard let origin = found.origin else { return place }
        let isTrusted = (try? RequestChecks.isTrusted(origin, for: request, settings)) ?? false
        return isTrusted ? place : fallback
    }

    /// Where to send a user who asked for a page and has no session: to sign in, or first to a refresh where an access token
    /// has run out.
    ///
    /// - Returns: `nil` where an answer with a status is wanted.
    func signInPage(after error: SessionError, for request: HTTPRequest) -> String? {
        guard let page = configuration.signInPage, RequestChecks.isNavigation(request) else { return nil }
        let isRefresh = route(for: request) == .refreshPage
        let path = isRefresh ? returnPlace(of: request) : settings.pathInBrowser(request)
        guard Self.withoutQuery(path) != Self.withoutQuery(page) else { return nil }
        switch error.code {
        case .tryRefreshToken where !isRefresh && refreshesPages(request):
            return Self.address(app.refreshPath, returnTo: path)
        case .duplicateCookies where isRefresh && Self.parameter(Self.againField, of: request) == nil:
            return Self.address(app.refreshPath, returnTo: path) + "&\(Self.againField)=1"
        case .duplicateCookies where isRefresh, .untrustedOrigin where isRefresh, .unauthorised, .tryRefreshToken,
            .tokenTheftDetected:
            return Self.address(page, returnTo: path)
        default: return nil
        }
    }

    /// Answers a page on its way: refreshes, and sends it back.
    func refreshPage(in exchange: SessionExchange) async throws(SessionError) -> SessionReply {
        let request = exchange.request
        // A link may say so too: it decides about waiting, and never about what a browser keeps.
        let isAskedAgain = Self.parameter(Self.ownField, of: request) != nil
        if mayBeUnrenewed(request) { return pageOfOwn(for: request, seconds: isAskedAgain ? 1 : 0) }
        do throws(SessionError) { _ = try await refresh(in: exchange) } catch {
            guard error == .deviceNotYet, !isAskedAgain, RequestChecks.isNavigation(request) else { throw error }
            return pageOfOwn(for: request, seconds: 1)
        }
        return .redirect(to: returnPlace(of: request))
    }

    /// Whether the browser of a request with a session may have a key with which it has renewed no cookie.
    ///
    /// Browsers renew the cookie of a session's device for requests of the API's own pages, and not for those that a link on
    /// another site caused, also after redirects, and do not say so (docs/dbsc.md, DB09).
    private func mayBeUnrenewed(_ request: HTTPRequest) -> Bool {
        guard offersDevices, ["cross-site", "same-site"].contains(request.headerFields[.fetchSite] ?? "") else {
            return false
        }
        return !bringsBoundCookie(request) && RequestTokens(request, settings).bring(.refresh, by: .cookie)
    }

    /// A page that asks for the same again, as one of the API's own.
    ///
    /// - Parameter seconds: when: at once, or with time for what is on its way.
    private func pageOfOwn(for request: HTTPRequest, seconds: Int) -> SessionReply {
        var path = settings.pathInBrowser(request)
        if Self.parameter(Self.ownField, of: request) == nil {
            path += (path.contains("?") ? "&" : "?") + "\(Self.ownField)=1"
        }
        let again = "\(seconds);url=\(Self.escaped(path))"
        return SessionReply(
            "<!doctype html><meta charset=utf-8><title></title><meta http-equiv=refresh content=\"\(again)\">",
            type: "text/html; charset=utf-8",
            fields: [.cacheControl: "no-store", .contentSecurityPolicy: "default-src 'none'"])
    }

    /// A text as the value of an attribute in quotes.
    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("\"", with: "&quot;").replacing("<", with: "&lt;")
    }

    /// Whether a link can refresh: it cannot carry what guards against forgery elsewhere.
    private func refreshesPages(_ request: HTTPRequest) -> Bool {
        configuration.routes.contains(.refreshPage)
            && (try? settings.antiCSRF(for: request)) == SessionConfiguration.AntiCSRF.none
    }

    private func returnPlace(of request: HTTPRequest) -> String {
        safeReturn(to: Self.parameter(Self.returnField, of: request), for: request)
    }

    private static func parameter(_ name: String, of request: HTTPRequest) -> String? {
        let query = (request.path ?? "").drop { $0 != "?" }.dropFirst().prefix { $0 != "#" }
        return FormBody.value(name, of: String(query), "")
    }

    private static func address(_ page: String, returnTo path: String) -> String {
        "\(page)\(page.contains("?") ? "&" : "?")\(returnField)=\(PercentEncoding.query.encode(path))"
    }

    private static func withoutQuery(_ path: String) -> Substring { path.prefix { $0 != "?" && $0 != "#" } }

    /// The parameter of a query that says where to go after sign-in.
    package static let returnField = "returnTo"
    /// The parameter that keeps a page from asking for a refresh for ever.
    private static let againField = "again"
    /// The parameter of a refresh that was answered with a page of the API's own before.
    private static let ownField = "own"
}

/// A place to go to, read as strictly as all browsers together do.
struct ReturnPlace {
    private static let maximumLength = 2_000

    /// The origin that it names; `nil` for a path.
    let origin: String?

    /// Reads a place; `nil` for anything that is not a plain path or address.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength, text.utf8.allSatisfy(Self.isPlain) else { return nil }
        if text.hasPrefix("/") {
            guard !text.dropFirst().hasPrefix("/"), !Self.climbs(text) else { return nil }
            origin = nil
            return
        }
        let scheme = text.prefix { $0 != "/" }
        guard scheme.hasSuffix(":"), text[scheme.endIndex...].hasPrefix("//") else { return nil }
        let authority = text[scheme.endIndex...].dropFirst(2).prefix { !"/?#".contains($0) }
        guard !authority.isEmpty, !authority.contains("@") else { return nil }
        origin = String(text[..<authority.endIndex])
    }

    /// Printable ASCII without what browsers take for something else: blanks that they drop, and `\`, which is `/` to them.
    private static func isPlain(_ byte: UInt8) -> Bool { byte > 32 && byte < 127 && byte != UInt8(ascii: "\\") }

    /// Whether a path has segments that a browser resolves, after which it might begin with two slashes.
    private static func climbs(_ path: String) -> Bool {
        path.prefix { $0 != "?" && $0 != "#" }.split(separator: "/").contains { segment in
            let plain = segment.lowercased().split(separator: "%2e", omittingEmptySubsequences: false).joined(
                separator: ".")
            return plain == "." || plain == ".."
        }
    }
}
