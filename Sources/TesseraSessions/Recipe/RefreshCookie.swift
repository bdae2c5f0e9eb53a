import HTTPTypes
import SessionEngine

/// Which refresh token cookie is the client's own (docs/specification/security.md C04, docs/decisions/0033).
///
/// Another host of the domain can plant a refresh token: its name can only be `__Secure-`, because its path is not `/`. The
/// access token's cookie cannot be planted where it is a `__Host-` one, and names the session that belongs here.
extension Sessions {
    /// The refresh token of a request's cookies.
    ///
    /// - Throws: ``SessionError/duplicateCookies`` where it is unknown which of several is the client's: all but the one in
    ///   the place that is used now are removed, and the client tries again.
    func cookie(_ tokens: RequestTokens, _ exchange: SessionExchange) throws(SessionError) -> RefreshToken {
        let values = tokens.cookieValues(.refresh).filter { !$0.isEmpty }
        let isDuplicated = TokenKind.allCases.contains(where: tokens.isDuplicated)
        let own = accessTokens(tokens)
        if settings.isAccessCookieOwn {
            let issuedTogether = values.filter { value in
                own.contains { $0.statedRefreshTokenHash == TokenHash(of: RefreshToken(value)) }
            }
            if let one = issuedTogether.first, Set(issuedTogether).count == 1 { return RefreshToken(one) }
            if own.isEmpty && RequestChecks.statesOrigin(exchange.request) {
                throw .unauthorised(
                    reason: "the refresh token's cookie came without that of its access token", clearTokens: true)
            }
        }
        guard let first = values.first, !isDuplicated else {
            try TokenWriter(settings: settings, exchange: exchange).removeStrangers(tokens)
            throw .duplicateCookies
        }
        return RefreshToken(first)
    }

    /// Gives no one a session that is not that of the access token beside the refresh token.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)`` that takes both tokens from the client.
    func requireSameSession(
        _ handle: SessionHandle, _ tokens: RequestTokens, _ exchange: SessionExchange
    ) throws(SessionError) {
        let own = accessTokens(tokens)
        guard !own.isEmpty, !own.contains(where: { $0.statedHandle == handle }) else { return }
        try TokenWriter(settings: settings, exchange: exchange).removeElsewhere(.refresh)
        throw .unauthorised(
            reason: "the cookies of refresh token and access token belong to two sessions", clearTokens: true)
    }

    /// The access tokens among the cookies, where every request to the refresh route brings them.
    private func accessTokens(_ tokens: RequestTokens) -> [UnverifiedAccessToken] {
        guard settings.accessTokenPath == "/" else { return [] }
        return tokens.cookieValues(.access).prefix(4).compactMap { text in
            guard let token = try? UnverifiedAccessToken(text), token.isSessionToken else { return nil }
            // Applications on one machine share its cookies, whatever their ports.
            return settings.isAccessCookieOwn || !isForeign(token) ? token : nil
        }
    }
}
