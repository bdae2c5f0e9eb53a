import HTTPTypes
public import LosslessJSON
public import SessionEngine

extension Sessions {
    /// Begins a session for a user who has just proved who they are, and gives its tokens to the client
    /// (docs/specification/sdk.md 2.9).
    ///
    /// The session is always a new one, whatever tokens came with the request (docs/specification/security.md T19).
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - exchange: the request, and what changes about its response.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries; every holder of the token can read it.
    ///   - data: what stays with the server.
    ///   - rememberMe: whether the user asked to be remembered: the limits for such sessions count, and cookies outlive the
    ///     browser (docs/policy.md).
    /// - Throws: ``SessionError``.
    public func create(
        userID: UserID, in exchange: SessionExchange, tenant: TenantID = .public, payload: JSONObject = [:],
        data: JSONObject = [:], rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        let (transfer, usesAntiCSRF) = try creation(in: exchange)
        let new = try await newSession(
            userID, tenant, payload, data, usesAntiCSRF: usesAntiCSRF, rememberMe: rememberMe)
        return try await create(new, in: exchange, by: transfer)
    }

    /// How the tokens of a new session travel, and whether an anti-CSRF token is among them.
    func creation(
        in exchange: SessionExchange
    ) throws(SessionError) -> (transfer: TokenTransfer, usesAntiCSRF: Bool) {
        let transfer = try creationTransfer(exchange)
        let antiCSRF = try settings.antiCSRF(for: exchange.request)
        return (transfer, transfer == .cookie && antiCSRF == .viaToken)
    }

    /// Begins a session and gives its tokens to the client.
    func create(
        _ new: NewSession, in exchange: SessionExchange, by transfer: TokenTransfer
    ) async throws(SessionError) -> Session {
        var new = new
        new.client = exchange.client(configuration)
        new.proof = settings.proof(of: exchange.request, mayBind: true)
        new.wantsDeviceOffer = transfer == .cookie && wantsDeviceOffer(exchange.request)
        let issued = try await backend.create(new)
        if transfer == .cookie {
            try await requireFittingCookies(issued, payload: new.accessTokenPayload)
            warnOfLostCookies(exchange.request)
        }
        let writer = TokenWriter(settings: settings, exchange: exchange)
        let tokens = RequestTokens(exchange.request, settings)
        for other in TokenTransfer.allCases where other != transfer && tokens.bring(.access, by: other) {
            try writer.remove(other)
        }
        let session = try Session(
            issued, sessions: self, attachment: .init(exchange: exchange, transfer: transfer))
        try session.writeAllTokens()
        try offerDevice(issued, in: exchange)
        return session
    }

    /// Begins a session for a user who has just proved who they are, with values of the application.
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - exchange: the request, and what changes about its response.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries, such as a structure; every holder of the token can read it.
    ///   - data: what stays with the server.
    ///   - rememberMe: whether the user asked to be remembered: the limits for such sessions count, and cookies outlive the
    ///     browser (docs/policy.md).
    /// - Throws: ``SessionError``; ``SessionError/badInput(_:)`` where a value is no JSON object.
    @_disfavoredOverload
    public func create(
        userID: UserID, in exchange: SessionExchange, tenant: TenantID = .public,
        payload: any Encodable & Sendable = JSONObject(), data: any Encodable & Sendable = JSONObject(),
        rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        try await create(
            userID: userID, in: exchange, tenant: tenant, payload: JSONObject(encoding: payload),
            data: JSONObject(encoding: data), rememberMe: rememberMe)
    }

    /// Begins a session without a client, with values of the application: the tokens are in the session.
    ///
    /// - Parameters:
    ///   - userID: whose session it is.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries, such as a structure; every holder of the token can read it.
    ///   - data: what stays with the server.
    ///   - usesAntiCSRF: whether an anti-CSRF token goes with it; `nil` does as the configuration says.
    ///   - rememberMe: whether the user asked to be remembered.
    /// - Throws: ``SessionError``; ``SessionError/badInput(_:)`` where a value is no JSON object.
    @_disfavoredOverload
    public func create(
        userID: UserID, tenant: TenantID = .public, payload: any Encodable & Sendable = JSONObject(),
        data: any Encodable & Sendable = JSONObject(), usesAntiCSRF: Bool? = nil, rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        try await create(
            userID: userID, tenant: tenant, payload: JSONObject(encoding: payload), data: JSONObject(encoding: data),
            usesAntiCSRF: usesAntiCSRF, rememberMe: rememberMe)
    }

    /// Begins a session without a client: the tokens are in the session.
    ///
    /// - Throws: ``SessionError``.
    public func create(
        userID: UserID, tenant: TenantID = .public, payload: JSONObject = [:], data: JSONObject = [:],
        usesAntiCSRF: Bool? = nil, rememberMe: Bool = false
    ) async throws(SessionError) -> Session {
        let new = try await newSession(
            userID, tenant, payload, data, usesAntiCSRF: usesAntiCSRF ?? (configuration.antiCSRF == .viaToken),
            rememberMe: rememberMe)
        return try Session(try await backend.create(new), sessions: self, attachment: nil)
    }

    /// What the backend is asked for: the application's payload, who issues it, and the claims.
    func newSession(
        _ userID: UserID, _ tenant: TenantID, _ payload: JSONObject, _ data: JSONObject, usesAntiCSRF: Bool,
        rememberMe: Bool = false
    ) async throws(SessionError) -> NewSession {
        guard userID.rawValue.utf8.count <= UserID.maximumLength else {
            throw .badInput(
                "the user id has \(userID.rawValue.utf8.count) bytes, and \(UserID.maximumLength) are allowed")
        }
        var payload = payload
        payload["iss"] = .some(.string(app.issuer))
        payload = ProtectedClaims.removed(from: payload)
        // A refresh has to know it, whatever keeps the session.
        if rememberMe, configuration.usesSessionCookies { payload[RememberMe.member] = true }
        var subject = ClaimSubject(
            handle: nil, userID: userID, recipeUserID: userID, tenantID: tenant, payload: payload
        ).known(to: self)
        upkeep.warnOnce(logger, at: clock.time())
        // An application knows nothing about a user who has not signed in.
        for claim in userID.isAnonymous ? [] : claims {
            if let entry = try await claim.fetchedEntry(for: subject, at: clock.time()) {
                subject.payload[claim.key] = entry
            }
        }
        var new = NewSession(
            userID: userID, accessTokenPayload: subject.payload, sessionData: data, tenantID: tenant,
            usesAntiCSRF: usesAntiCSRF, signingKeyKind: settings.signingKeyKind)
        new.isRemembered = rememberMe
        return new
    }

    /// How the tokens of a new session travel.
    private func creationTransfer(_ exchange: SessionExchange) throws(SessionError) -> TokenTransfer {
        switch settings.transfer(for: exchange.request, isCreating: true) {
        case .header: return .header
        case .any where !getsCookies(exchange.request): return .header
        default: break
        }
        try checkCookiesCanBeKept(exchange)
        return .cookie
    }

    /// Whether a client that may have either gets cookies: as it asks, and a browser that does not ask
    /// (docs/decisions/0033).
    private func getsCookies(_ request: HTTPRequest) -> Bool {
        switch request.headerFields[.authMode]?.lowercased() {
        case "cookie": true
        case "header": false
        default: RequestChecks.isFromBrowser(request)
        }
    }

    /// Browsers discard a cookie with `SameSite=None` that is not `Secure` (docs/specification/cases.md D8 and D9).
    private func checkCookiesCanBeKept(_ exchange: SessionExchange) throws(SessionError) {
        guard try settings.sameSite(for: exchange.request) == .none, !settings.isSecure else { return }
        let website = try app.website(for: exchange.request).host
        let areLocal = [app.apiDomain.host, website].allSatisfy(RegistrableDomain.isLocal)
        guard !areLocal else { return }
        throw .misconfigured(
            "Since your API and website domain are different, for sessions to work, please use https on your apiDomain "
                + "and dont set cookieSecure to false.")
    }
}

/// The member of a payload that says that cookies outlive the browser.
enum RememberMe {
    static let member = "tessera-remembered"
}
