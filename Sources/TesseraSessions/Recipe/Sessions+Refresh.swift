import HTTPTypes
public import SessionEngine

extension Sessions {
    /// Exchanges the refresh token of a request for new tokens (docs/specification/sdk.md 2.8).
    ///
    /// - Throws: ``SessionError``. The client's tokens are cleared by ``reply(to:in:)``, not here.
    @discardableResult
    public func refresh(in exchange: SessionExchange) async throws(SessionError) -> Session {
        let request = exchange.request
        let tokens = RequestTokens(request, settings)
        let allowed = settings.transfer(for: request, isCreating: false)
        let writer = TokenWriter(settings: settings, exchange: exchange)
        guard let found = refreshToken(tokens, allowed) else {
            if allowed != .header { try checkDuplicates(tokens, writer) }
            if tokens.hasLegacyCookie { try writer.removeLegacyCookie() }
            // A page of another site may send such a request; it must not sign a user out.
            let mayClear = try RequestChecks.isFromTrustedOrigin(request, settings)
            throw .unauthorised(reason: "no refresh token", clearTokens: mayClear)
        }
        if allowed != .header && (found.transfer == .cookie || allowed == .cookie) {
            try checkDuplicates(tokens, writer)
        }
        let antiCSRF = try settings.antiCSRF(for: request)
        if found.transfer == .cookie { try checkCSRF(request, antiCSRF) }
        let issued = try await backend.refresh(
            PresentedRefreshToken(
                refreshToken: found.token, antiCSRFToken: request.headerFields[.antiCSRF].map(AntiCSRFToken.init),
                usesAntiCSRF: found.transfer == .cookie && antiCSRF == .viaToken,
                signingKeyKind: settings.signingKeyKind))
        for other in TokenTransfer.allCases where other != found.transfer && tokens.bring(.refresh, by: other) {
            try writer.remove(other)
        }
        if tokens.hasLegacyCookie { try writer.removeLegacyCookie() }
        let session = try Session(
            issued, sessions: self, attachment: .init(exchange: exchange, transfer: found.transfer))
        try session.writeAllTokens()
        return session
    }

    /// Exchanges a refresh token that reached the application in its own way; the new tokens are in the session.
    ///
    /// - Throws: ``SessionError``.
    public func refresh(
        refreshToken: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool? = nil
    ) async throws(SessionError) -> Session {
        let issued = try await backend.refresh(
            PresentedRefreshToken(
                refreshToken: refreshToken, antiCSRFToken: antiCSRFToken,
                usesAntiCSRF: usesAntiCSRF ?? (configuration.antiCSRF == .viaToken),
                signingKeyKind: settings.signingKeyKind))
        return try Session(issued, sessions: self, attachment: nil)
    }

    private func refreshToken(
        _ tokens: RequestTokens, _ allowed: SessionConfiguration.Transfer
    ) -> (token: RefreshToken, transfer: TokenTransfer)? {
        if allowed != .cookie, let text = tokens.bearer { return (RefreshToken(text), .header) }
        if allowed != .header, let text = tokens.cookieValues(.refresh).first, !text.isEmpty {
            return (RefreshToken(text), .cookie)
        }
        return nil
    }

    /// It is unknown which of two cookies is the current one: the older are dropped, and the client tries again.
    private func checkDuplicates(_ tokens: RequestTokens, _ writer: TokenWriter) throws(SessionError) {
        let duplicated = TokenKind.allCases.filter(tokens.isDuplicated)
        guard !duplicated.isEmpty else { return }
        try writer.removeElsewhere(duplicated)
        throw .duplicateCookies
    }

    private func checkCSRF(
        _ request: HTTPRequest, _ antiCSRF: SessionConfiguration.AntiCSRF
    ) throws(SessionError) {
        guard let problem = try RequestChecks.crossSiteProblem(of: request, antiCSRF, settings) else { return }
        throw .unauthorised(reason: problem.rawValue, clearTokens: problem == .noCustomHeader)
    }
}
