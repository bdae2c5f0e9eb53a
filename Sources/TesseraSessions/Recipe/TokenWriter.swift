import SessionEngine

/// Writes a session's tokens into a response, and takes them back (docs/specification/sdk.md 2.4).
struct TokenWriter {
    /// Browsers keep the access token's cookie longer than the token lives: an expired one asks for a refresh.
    private static let cookieLifetime = Milliseconds.seconds(365 * 24 * 3_600)

    let settings: SessionSettings
    let exchange: SessionExchange
    /// Whether the cookies that are written end with the browser.
    var endsWithBrowser = false

    /// Writes an access token and what scripts may know of it.
    func write(
        accessToken: String, front: FrontToken, by transfer: TokenTransfer, at now: Timestamp
    ) throws(SessionError) {
        exchange.changes.set(.frontToken, to: front.text)
        switch transfer {
        case .cookie:
            try set(.access, accessToken, until: now + Self.cookieLifetime, at: now)
            if settings.configuration.exposesAccessToken {
                exchange.changes.set(.sessionAccessToken, to: accessToken)
            }
        case .header: exchange.changes.set(.sessionAccessToken, to: accessToken)
        }
    }

    /// Writes a refresh token.
    func write(
        _ refreshToken: RefreshToken, until expiry: Timestamp, by transfer: TokenTransfer, at now: Timestamp
    ) throws(SessionError) {
        switch transfer {
        case .cookie:
            try set(.refresh, refreshToken.exposed, until: expiry, at: now)
        case .header: exchange.changes.set(.sessionRefreshToken, to: refreshToken.exposed)
        }
    }

    private func set(
        _ kind: TokenKind, _ value: String, until expiry: Timestamp, at now: Timestamp
    ) throws(SessionError) {
        var cookie = try settings.cookie(kind, value, until: expiry, at: now, for: exchange.request)
        cookie.endsWithBrowser = endsWithBrowser
        exchange.changes.set(cookie)
    }

    /// Clears a client's session.
    func clear(_ transfers: [TokenTransfer]) throws(SessionError) {
        exchange.changes.remove(.antiCSRF)
        exchange.changes.set(.frontToken, to: FrontToken.removal)
        for transfer in transfers { try remove(transfer) }
    }

    /// Takes the tokens of one way of travelling from a client.
    func remove(_ transfer: TokenTransfer) throws(SessionError) {
        if transfer == .cookie, settings.configuration.deviceBinding != .off {
            exchange.changes.set(try settings.removalOfBoundCookie(for: exchange.request))
        }
        for kind in TokenKind.allCases {
            switch transfer {
            case .cookie: exchange.changes.set(try settings.removal(of: kind, for: exchange.request))
            case .header: exchange.changes.set(kind.fieldName, to: "")
            }
        }
    }

    /// Removes what came beside the cookies in use: second ones of the same name, and the one that clients of older SDKs
    /// may still have.
    ///
    /// Proxies refuse a response with too large a head; what does not fit is removed with the next one.
    func removeStrangers(_ tokens: RequestTokens) throws(SessionError) {
        var strangers = [TokenKind.refresh, .access].filter(tokens.isDuplicated).map { ($0, settings.cookieName($0)) }
        if tokens.hasLegacyCookie { strangers.append((.access, RequestTokens.legacyCookieName)) }
        var count = 0
        for (kind, name) in strangers {
            let lines = try removalsElsewhere(kind, named: name)
            guard count == 0 || count + lines.count <= Self.mostLines else { return }
            count += lines.count
            for line in lines { exchange.changes.set(line) }
        }
    }

    /// Removes a token's cookie from everywhere but the place that is used now.
    func removeElsewhere(_ kind: TokenKind) throws(SessionError) {
        for line in try removalsElsewhere(kind, named: settings.cookieName(kind)) { exchange.changes.set(line) }
    }

    /// How many cookies one response removes; some proxies take 4 KiB of head.
    private static let mostLines = 24

    /// The lines that remove the cookies of a name wherever they could be but in the place of the token's own.
    private func removalsElsewhere(_ kind: TokenKind, named name: String) throws(SessionError) -> [SetCookie] {
        let own = try settings.removal(of: kind, for: exchange.request)
        var lines: [SetCookie] = []
        for (domain, path) in placesElsewhere(own.path) {
            for isPartitioned in Set([false, own.isPartitioned]).sorted(by: { !$0 && $1 }) {
                var line = own
                (line.name, line.domain, line.path, line.isPartitioned) = (name, domain, path, isPartitioned)
                line.isShort = true
                if !line.replaces(own), !lines.contains(where: line.replaces) { lines.append(line) }
            }
        }
        return lines
    }

    /// Each place of a cookie that this request can have brought, the configured older one first.
    private func placesElsewhere(_ ownPath: String) -> [(domain: String?, path: String)] {
        let places = settings.places(for: exchange.request)
        var found: [(String?, String)] = []
        switch settings.olderCookieDomain.place {
        case .hostOnly: found.append((nil, ownPath))
        case .domain(let domain): found.append((domain, ownPath))
        case .unknown: break
        }
        for domain in places.domains {
            for path in places.paths { found.append((domain, path)) }
        }
        return found
    }
}
