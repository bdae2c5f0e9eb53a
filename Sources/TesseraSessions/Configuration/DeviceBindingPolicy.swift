import HTTPTypes
import SessionEngine

/// What becomes of browsers that can bind a session to their device (Device Bound Session Credentials, docs/dbsc.md).
public enum DeviceBindingPolicy: String, Sendable, Hashable, CaseIterable {
    /// It is not offered; a session that is bound already asks for its bound cookie as ever, so that an application that knows
    /// nothing of this is no way round it. To stop without signing a user out, use ``report`` until bound sessions have ended.
    case off
    /// It is offered, and what would be refused is only noted in the audit log and in the application's own.
    case report
    /// It is offered, and a bound session gives new tokens only to the browser that has its bound cookie; browsers that cannot
    /// bind sessions notice nothing.
    case enforce
}

/// Whether a route asks a request for the bound cookie of its session (``VerifyOptions/device``).
public enum DeviceRequirement: Sendable, Hashable {
    /// Where the session is bound to a device; other browsers are let in as ever.
    case whereBound
    /// Of each request: a session that is bound to no device is refused (403).
    case always
}

extension SessionSettings {
    /// The cookie that only the device of a session can renew; no other host can plant one of this name.
    static let boundCookieName = "__Host-st-dbsc"

    /// Whether sessions can be bound to devices at all, as far as the configuration says.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)``.
    func checkDeviceBinding() throws(SessionError) {
        guard configuration.deviceBinding != .off else { return }
        guard app.apiDomain.isHTTPS, isSecure else {
            throw .misconfigured("deviceBinding needs https for apiDomain and Secure cookies")
        }
        guard !configuration.partitionsCookies else {
            throw .misconfigured("deviceBinding and partitionsCookies exclude each other: a bound cookie is in one jar")
        }
        guard app.fixedWebsite != nil || configuration.cookieSameSite != nil else {
            throw .misconfigured(
                "deviceBinding with several websites needs cookieSameSite: browsers do not name the website when they renew "
                    + "the bound cookie")
        }
        guard configuration.routes.isSuperset(of: [.deviceRegistration, .deviceRenewal]) else {
            throw .misconfigured("deviceBinding needs the routes deviceRegistration and deviceRenewal")
        }
        for path in configuration.deviceBindingExcludedPaths where !mayExclude(path) {
            throw .misconfigured(
                "deviceBindingExcludedPaths: '\(path)' has to be a plain path that begins with / and does not lead to \(app.refreshPath)"
            )
        }
        let base = app.apiBasePath.text + "/"
        guard accessTokenPath == "/" || base.hasPrefix(accessTokenPath + "/") else {
            throw .misconfigured("deviceBinding needs an accessTokenPath that has apiBasePath below it")
        }
    }

    /// Whether browsers take a rule for a path, and still renew the cookie for a refresh.
    private func mayExclude(_ path: String) -> Bool {
        path.hasPrefix("/") && !app.refreshPath.hasPrefix(path)
            && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"\\?#*".utf8.contains($0) }
    }

    /// The path of a route in the browser.
    func devicePath(_ route: SessionRoute) -> String { app.apiBasePath.text + route.path }

    /// The bound cookie.
    ///
    /// - Parameters:
    ///   - value: its value; an empty one removes it.
    ///   - seconds: for how long the browser keeps it.
    ///   - now: the time.
    ///   - request: the request that is answered.
    func boundCookie(
        _ value: String, seconds: Int64, at now: Timestamp, for request: HTTPRequest
    ) throws(SessionError) -> SetCookie {
        var cookie = SetCookie(
            name: Self.boundCookieName, value: value, path: "/", expiresAt: now + .seconds(seconds), isSecure: true,
            sameSite: try sameSite(for: request))
        cookie.maxAge = seconds
        return cookie
    }

    /// The line that removes the bound cookie.
    func removalOfBoundCookie(for request: HTTPRequest) throws(SessionError) -> SetCookie {
        try boundCookie("", seconds: 0, at: Timestamp(milliseconds: 0), for: request)
    }
}
