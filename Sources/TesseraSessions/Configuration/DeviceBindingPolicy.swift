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
        guard app.fixedWebsite != nil || (configuration.cookieSameSite != nil && !deviceInitiators.isEmpty) else {
            throw .misconfigured(
                "deviceBinding with several websites needs cookieSameSite, as browsers do not name the website when they renew "
                    + "the bound cookie, and each website in trustedOrigins, as the requests of others do not make them renew it"
            )
        }
        guard configuration.routes.isSuperset(of: [.deviceRegistration, .deviceRenewal]) else {
            throw .misconfigured("deviceBinding needs the routes deviceRegistration and deviceRenewal")
        }
        for path in configuration.deviceBindingExcludedPaths where !mayExclude(path) {
            throw .misconfigured(
                "deviceBindingExcludedPaths: '\(path)' has to be a plain path that begins with / and does not lead to \(app.refreshPath)"
            )
        }
        guard accessTokenPath == "/" else {
            throw .misconfigured("deviceBinding needs / as accessTokenPath: a host has one bound cookie")
        }
    }

    /// Whether browsers take a rule for a path, and still renew the cookie for a refresh.
    private func mayExclude(_ path: String) -> Bool {
        path.hasPrefix("/") && !app.refreshPath.hasPrefix(path)
            && path.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"\"\\?#*".utf8.contains($0) }
    }

    /// The hosts of pages whose requests may make the browser renew the cookie, beside the API's own; those of others go without it.
    var deviceInitiators: [String] {
        let website = app.fixedWebsite.map { [$0] } ?? []
        let trusted = configuration.trustedOrigins.compactMap { try? Origin($0, allowsAppSchemes: true) }
        var hosts: [String] = []
        for origin in website + trusted where origin.isWeb && origin != app.apiDomain {
            if !hosts.contains(origin.host) { hosts.append(origin.host) }
        }
        return hosts
    }

    /// Whether the requests of a page make its browser renew the bound cookie.
    func mayRenew(_ page: String) -> Bool {
        guard let host = try? Origin(page).host else { return false }
        return host == app.apiDomain.host || deviceInitiators.contains(host)
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
