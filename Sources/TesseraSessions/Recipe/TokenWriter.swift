import SessionEngine

/// Writes a session's tokens into a response, and takes them back (docs/specification/sdk.md 2.4).
struct TokenWriter {
    /// Browsers keep the access token's cookie longer than the token lives: an expired one asks for a refresh.
    private static let cookieLifetime = Milliseconds.seconds(365 * 24 * 3_600)

    let settings: SessionSettings
    let exchange: SessionExchange

    /// Writes an access token and what scripts may know of it.
    func write(
        accessToken: String, front: FrontToken, by transfer: TokenTransfer, at now: Timestamp
    ) throws(SessionError) {
        exchange.changes.set(.frontToken, to: front.text)
        switch transfer {
        case .cookie:
            exchange.changes.set(
                try settings.cookie(.access, accessToken, until: now + Self.cookieLifetime, for: exchange.request))
            if settings.configuration.exposesAccessToken {
                exchange.changes.set(.sessionAccessToken, to: accessToken)
            }
        case .header: exchange.changes.set(.sessionAccessToken, to: accessToken)
        }
    }

    /// Writes a refresh token.
    func write(
        _ refreshToken: RefreshToken, until expiry: Timestamp, by transfer: TokenTransfer
    ) throws(SessionError) {
        switch transfer {
        case .cookie:
            exchange.changes.set(
                try settings.cookie(.refresh, refreshToken.exposed, until: expiry, for: exchange.request))
        case .header: exchange.changes.set(.sessionRefreshToken, to: refreshToken.exposed)
        }
    }

    /// Clears a client's session.
    func clear(_ transfers: [TokenTransfer]) throws(SessionError) {
        exchange.changes.remove(.antiCSRF)
        exchange.changes.set(.frontToken, to: FrontToken.removal)
        for transfer in transfers { try remove(transfer) }
    }

    /// Takes the tokens of one way of travelling from a client.
    func remove(_ transfer: TokenTransfer) throws(SessionError) {
        for kind in TokenKind.allCases {
            switch transfer {
            case .cookie:
                exchange.changes.set(
                    try settings.cookie(kind, "", until: Timestamp(milliseconds: 0), for: exchange.request))
            case .header: exchange.changes.set(kind.fieldName, to: "")
            }
        }
    }

    /// Drops the cookie that clients of older SDKs may still have.
    func removeLegacyCookie() throws(SessionError) {
        var cookie = try settings.cookie(.access, "", until: Timestamp(milliseconds: 0), for: exchange.request)
        cookie.name = RequestTokens.legacyCookieName
        exchange.changes.set(cookie)
    }

    /// Drops cookies of these tokens wherever they could be but in the place that is used now.
    func removeElsewhere(_ kinds: [TokenKind]) throws(SessionError) {
        for kind in kinds {
            let own = try settings.cookie(kind, "", until: Timestamp(milliseconds: 0), for: exchange.request)
            for domain in olderDomains {
                for path in paths(upTo: own.path) {
                    var cookie = own
                    (cookie.domain, cookie.path) = (domain, path)
                    if !cookie.replaces(own) { exchange.changes.set(cookie) }
                }
            }
        }
    }

    /// The domains at which an older cookie may be: the configured one, or the host and all above it that can have one.
    private var olderDomains: [String?] {
        switch settings.olderCookieDomain.place {
        case .hostOnly: return [nil]
        case .domain(let domain): return [domain]
        case .unknown:
            let host = settings.app.apiDomain.host
            let site = RegistrableDomain.of(host, by: settings.publicSuffixes)
            var domains: [String?] = [nil]
            var name = host[...]
            while site != nil, name.count >= (site?.count ?? 0), name.contains(".") || name == host[...] {
                domains.append(String(name))
                guard let dot = name.firstIndex(of: ".") else { break }
                name = name[name.index(after: dot)...]
            }
            return domains
        }
    }

    /// With a known domain only the path in use; otherwise every path above it too.
    private func paths(upTo path: String) -> [String] {
        guard settings.olderCookieDomain == .unknown else { return [path] }
        var paths = ["/"]
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            paths.append(prefix)
        }
        return paths
    }
}
