import HTTPTypes
public import SessionEngine

extension Sessions {
    /// Exchanges the refresh token of a request for new tokens (docs/specification/sdk.md 2.8).
    ///
    /// - Throws: ``SessionError``. The client's tokens are cleared by ``reply(to:in:)``, not here.
    @discardableResult
    public func refresh(in exchange: SessionExchange) async throws(SessionError) -> Session {
        try await exchangeToken(in: exchange, .refresh)
    }

    /// Notes that the user of a request's session has proved once more who they are, and gives the client tokens of the new
    /// level; the refresh token that it had is retired (docs/policy.md).
    ///
    /// Browsers send the refresh token to the refresh path and what is below it: let the route that checks the second factor
    /// be there, for example `/auth/session/refresh/second-factor`. Call it only after the factor was found to be right.
    ///
    /// - Parameters:
    ///   - level: the assurance level that was reached, such as `aal2`.
    ///   - methods: how, by the names of RFC 8176, such as `pwd` and `otp`.
    ///   - isFull: whether all factors were checked, so that the absolute limit counts from now.
    ///   - exchange: the request, and what changes about its response.
    /// - Throws: ``SessionError``, as ``refresh(in:)``.
    @discardableResult
    public func stepUp(
        to level: String, methods: [String] = [], isFull: Bool = false, in exchange: SessionExchange
    ) async throws(SessionError) -> Session {
        try await exchangeToken(in: exchange, .stepUp(StepUp(level: level, methods: methods, isFull: isFull)))
    }

    /// What a refresh token is presented for.
    enum TokenUse: Sendable {
        case refresh
        case stepUp(StepUp)
        case upgrade(Upgrade)
    }

    func exchangeToken(
        in exchange: SessionExchange, _ use: TokenUse
    ) async throws(SessionError) -> Session {
        let tokens = RequestTokens(exchange.request, settings)
        let allowed = settings.transfer(for: exchange.request, isCreating: false)
        let hasCookie = allowed != .header && tokens.cookieValues(.refresh).contains { !$0.isEmpty }
        if allowed != .cookie, let bearer = tokens.bearer, !hasCookie || RefreshToken.hasForm(bearer) {
            do throws(SessionError) {
                return try await refreshed(RefreshToken(bearer), use, by: .header, tokens, in: exchange)
            } catch {
                // A token of another issuer may look like one of ours: it is no reason to end the cookie's session.
                guard hasCookie, error.code == .unauthorised else { throw error }
            }
        }
        guard hasCookie else { throw try noRefreshToken(tokens, allowed, exchange) }
        let found = try cookie(tokens, exchange)
        let antiCSRF = try settings.antiCSRF(for: exchange.request)
        // A link from another site may lead to a page that refreshes on its way: only the browser gets the tokens.
        let isPage = route(for: exchange.request) == .refreshPage
        guard try RequestChecks.hasCustomHeader(exchange.request, antiCSRF, settings, mayRead: isPage) else {
            // An image on a page of another site must not sign a user out.
            let isTrusted = try RequestChecks.isFromTrustedOrigin(exchange.request, settings)
            throw .unauthorised(
                reason: "the anti-CSRF check failed: there is no rid field", clearTokens: isTrusted)
        }
        return try await refreshed(found, use, by: .cookie, tokens, in: exchange)
    }

    /// Exchanges a refresh token that reached the application in its own way; the new tokens are in the session.
    ///
    /// A session that is bound to the device of a browser is not refreshed by it: there is no request with the bound cookie.
    ///
    /// - Throws: ``SessionError``.
    public func refresh(
        refreshToken: RefreshToken, antiCSRFToken: AntiCSRFToken? = nil, usesAntiCSRF: Bool? = nil
    ) async throws(SessionError) -> Session {
        var presented = PresentedRefreshToken(
            refreshToken: refreshToken, antiCSRFToken: antiCSRFToken,
            usesAntiCSRF: usesAntiCSRF ?? (configuration.antiCSRF == .viaToken),
            signingKeyKind: settings.signingKeyKind)
        presented.device.reportsOnly = configuration.deviceBinding == .report
        let issued = try await backend.refresh(presented)
        return try Session(issued, sessions: self, attachment: nil)
    }

    /// Asks the backend; where it refuses, also for the reason if clients may know it.
    private func exchanged(
        _ token: PresentedRefreshToken, _ use: TokenUse
    ) async throws(SessionError) -> IssuedTokens {
        do throws(SessionError) {
            switch use {
            case .refresh: return try await backend.refresh(token)
            case .stepUp(let stepUp): return try await backend.stepUp(stepUp, with: token)
            case .upgrade(let upgrade): return try await backend.upgrade(upgrade, with: token)
            }
        } catch {
            let isVerdict = error.code == .unauthorised || error.code == .tokenTheftDetected
            guard configuration.explainsEnds, isVerdict else { throw error }
            var explained = error
            // Without it the verdict stands.
            explained.endReason = try? await backend.endReason(ofSessionWith: token.refreshToken)
            throw explained
        }
    }

    /// Asks the backend, and gives the client what it answers.
    private func refreshed(
        _ token: RefreshToken, _ use: TokenUse, by transfer: TokenTransfer, _ tokens: RequestTokens,
        in exchange: SessionExchange
    ) async throws(SessionError) -> Session {
        let antiCSRF = try settings.antiCSRF(for: exchange.request)
        var presented = PresentedRefreshToken(
            refreshToken: token, antiCSRFToken: exchange.request.headerFields[.antiCSRF].map(AntiCSRFToken.init),
            usesAntiCSRF: transfer == .cookie && antiCSRF == .viaToken, signingKeyKind: settings.signingKeyKind)
        presented.client = exchange.client(configuration)
        var mayBind = true
        if case .refresh = use { mayBind = false }
        presented.proof = settings.proof(of: exchange.request, mayBind: mayBind)
        presented.device = presentedDevice(exchange.request, mayOffer: mayBind && transfer == .cookie)
        let shown = presented
        let issued = try await removingUselessCookie(exchange) { () async throws(SessionError) in
            try await exchanged(shown, use)
        }
        var isSameSession = true
        if case .upgrade = use { isSameSession = false }
        if transfer == .cookie {
            if isSameSession { try requireSameSession(issued.session.handle, tokens, exchange) }
            try await requireKeptCookies(issued)
        }
        let writer = TokenWriter(settings: settings, exchange: exchange)
        for other in TokenTransfer.allCases where other != transfer && tokens.bring(.refresh, by: other) {
            try writer.remove(other)
        }
        try writer.removeStrangers(tokens)
        let session = try Session(issued, sessions: self, attachment: .init(exchange: exchange, transfer: transfer))
        try session.writeAllTokens()
        try offerDevice(issued, in: exchange)
        return session
    }

    /// The error for a request without a refresh token.
    private func noRefreshToken(
        _ tokens: RequestTokens, _ allowed: SessionConfiguration.Transfer, _ exchange: SessionExchange
    ) throws(SessionError) -> SessionError {
        // A page of another site may send such a request; it must not sign a user out.
        guard try RequestChecks.isFromTrustedOrigin(exchange.request, settings) else {
            return RequestChecks.untrustedOrigin(of: exchange.request)
        }
        try TokenWriter(settings: settings, exchange: exchange).removeStrangers(tokens)
        let isDuplicated = TokenKind.allCases.contains(where: tokens.isDuplicated)
        if allowed != .header && isDuplicated { return .duplicateCookies }
        return .unauthorised(reason: "no refresh token", clearTokens: true)
    }
}
