import HTTPTypes
public import SessionEngine

extension Sessions {
    /// The session that a request belongs to (docs/specification/sdk.md 2.5).
    ///
    /// A token that another issuer made is no business of ours and is passed over.
    ///
    /// - Returns: the session; `nil` where there is none and none is required.
    /// - Throws: ``SessionError``; an access token that has run out is an error even where no session is required, so that
    ///   the client refreshes.
    public func session(
        in exchange: SessionExchange, options: VerifyOptions = VerifyOptions()
    ) async throws(SessionError) -> Session? {
        let tokens = RequestTokens(exchange.request, settings)
        guard let found = try accessToken(of: exchange.request, tokens) else {
            if options.isRequired { throw .unauthorised(reason: "no access token", clearTokens: false) }
            return nil
        }
        let isCookie = found.transfer == .cookie
        let isDue = isCookie && (options.checksAntiCSRF ?? (exchange.request.method != .get))
        let antiCSRF = try settings.antiCSRF(for: exchange.request)
        if isDue { try checkCSRF(exchange.request, antiCSRF) }
        let presented = PresentedAccessToken(
            accessToken: found.text, takenApart: found.token,
            antiCSRFToken: exchange.request.headerFields[.antiCSRF].map(AntiCSRFToken.init),
            checksAntiCSRF: isDue && antiCSRF == .viaToken, usesAntiCSRF: isCookie && antiCSRF == .viaToken,
            checksDatabase: looksUp(options) ?? false)
        return try await verified(
            presented, found.token, options, attachment: .init(exchange: exchange, transfer: found.transfer))
    }

    /// The session of an access token that reached the application in its own way.
    ///
    /// - Returns: the session; `nil` where the text is no access token and none is required.
    /// - Throws: ``SessionError``.
    public func session(
        accessToken: String, antiCSRFToken: AntiCSRFToken? = nil, options: VerifyOptions = VerifyOptions()
    ) async throws(SessionError) -> Session? {
        let isDue = options.checksAntiCSRF ?? true
        if configuration.antiCSRF == .viaCustomHeader && isDue {
            throw .misconfigured(
                "an anti-CSRF check by custom header needs a request: pass checksAntiCSRF: false")
        }
        guard let token = try? UnverifiedAccessToken(accessToken), token.isSessionToken else {
            if options.isRequired { throw .unauthorised(reason: "Token parsing failed", clearTokens: false) }
            return nil
        }
        let presented = PresentedAccessToken(
            accessToken: accessToken, takenApart: token, antiCSRFToken: antiCSRFToken,
            checksAntiCSRF: isDue && configuration.antiCSRF == .viaToken,
            usesAntiCSRF: configuration.antiCSRF == .viaToken, checksDatabase: looksUp(options) ?? false)
        return try await verified(presented, token, options, attachment: nil)
    }

    /// Asks the backend, then the validators.
    private func verified(
        _ presented: PresentedAccessToken, _ token: UnverifiedAccessToken, _ options: VerifyOptions,
        attachment: Session.Attachment?
    ) async throws(SessionError) -> Session? {
        if let kind = token.signingKeyKind, kind != settings.signingKeyKind {
            throw .tryRefreshToken(reason: "the access token is signed with a \(kind.rawValue) key")
        }
        var presented = presented
        presented.checksRevocation = looksUp(options) == nil && looksByDefault
        let answer = try await backend.verify(presented)
        try checkProof(attachment?.exchange, token, presented.text, options)
        try await checkDevice(attachment?.exchange, answer.facts.handle, options)
        let session = try Session(
            answer.facts, accessToken: presented.text, token: token, sessions: self, attachment: attachment)
        if let replacement = answer.replacement { try session.adopt(replacement) }
        if session.isAnonymous, options.anonymous == .refused {
            guard options.isRequired else { return nil }
            throw .refused("anonymous", "sign-in required")
        }
        if options.impersonation == .refused, session.actor != nil {
            throw .refused("impersonation", "the user alone may do this")
        }
        let requirements = await options.requirements?(self.requirements, session) ?? self.requirements
        try await session.require(requirements)
        return session
    }

    /// Whether storage is asked about a session; `nil` where neither route nor configuration says so, and the backend does what is cheap for it.
    private func looksUp(_ options: VerifyOptions) -> Bool? { options.checksDatabase ?? checksDatabase }

    /// The access token of a request, the header's before the cookie's, where the way it travels is allowed.
    ///
    /// - Throws: ``SessionError/tryRefreshToken(reason:)`` where cookies count and came twice, or from an older SDK: the
    ///   reply removes those that are not ours (``TokenWriter/removeStrangers(_:)``).
    private func accessToken(
        of request: HTTPRequest, _ tokens: RequestTokens
    ) throws(SessionError) -> (token: UnverifiedAccessToken, text: String, transfer: TokenTransfer)? {
        let allowed = settings.transfer(for: request, isCreating: false)
        let cookie = allowed == .header ? nil : tokens.firstCookieValue(.access)
        if allowed != .cookie, let text = tokens.bearer, let token = sessionToken(text),
            cookie == nil || !isForeign(token)
        {
            return (token, text, .header)
        }
        guard allowed != .header, let (token, text) = try cookieToken(tokens) else { return nil }
        return (token, text, .cookie)
    }

    /// The access token of a request's cookie.
    ///
    /// - Throws: ``SessionError/tryRefreshToken(reason:)`` where it came twice, or from an older SDK.
    func cookieToken(
        _ tokens: RequestTokens
    ) throws(SessionError) -> (token: UnverifiedAccessToken, text: String)? {
        if tokens.hasLegacyCookie { throw .tryRefreshToken(reason: "the request has a cookie of an older SDK") }
        if tokens.isDuplicated(.access) {
            throw .tryRefreshToken(reason: "the request has two access token cookies")
        }
        guard let text = tokens.firstCookieValue(.access), let token = sessionToken(text) else { return nil }
        return (token, text)
    }

    /// Whether a token names another issuer: an application may talk to two.
    func isForeign(_ token: UnverifiedAccessToken) -> Bool {
        guard let issuer = token.visiblePayload?["iss"]?.string else { return false }
        return issuer != app.issuer
    }

    private func sessionToken(_ text: String) -> UnverifiedAccessToken? {
        guard let token = try? UnverifiedAccessToken(text), token.isSessionToken else { return nil }
        return token
    }

    /// Refuses a request that another site may have caused; one that only reads may come from anywhere.
    private func checkCSRF(
        _ request: HTTPRequest, _ antiCSRF: SessionConfiguration.AntiCSRF
    ) throws(SessionError) {
        guard try !RequestChecks.hasCustomHeader(request, antiCSRF, settings, mayRead: true) else { return }
        throw .tryRefreshToken(reason: "the anti-CSRF check failed: there is no rid field")
    }
}
