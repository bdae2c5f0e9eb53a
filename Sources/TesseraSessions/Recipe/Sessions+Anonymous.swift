import Foundations
public import LosslessJSON
public import SessionEngine

extension Sessions {
    /// Begins a session for a client whose user has not signed in yet, such as for a basket (docs/policy.md).
    ///
    /// Routes refuse it with 403 unless they say `anonymous: .allowed`.
    ///
    /// - Parameters:
    ///   - exchange: the request, and what changes about its response.
    ///   - tenant: the tenant it lives in.
    ///   - payload: what the access token carries; it does not outlive the upgrade, and no claims are fetched for it.
    ///   - data: what stays with the server, and is kept by an upgrade.
    /// - Throws: ``SessionError``.
    public func createAnonymous(
        in exchange: SessionExchange, tenant: TenantID = .public, payload: JSONObject = [:], data: JSONObject = [:]
    ) async throws(SessionError) -> Session {
        let (transfer, usesAntiCSRF) = try creation(in: exchange)
        var random = clock.random
        var new = try await newSession(
            .makeAnonymous(using: &random), tenant, payload, data, usesAntiCSRF: usesAntiCSRF)
        new.isAnonymous = true
        return try await create(new, in: exchange, by: transfer)
    }

    /// Begins the session of a user who has just proved who they are, in the place of the anonymous session of the request: it has
    /// another name and other tokens, and the data of the anonymous one, which ends in the same step.
    ///
    /// Browsers send the refresh token to the refresh path and what is below it: let the route that signs in be there, for
    /// example `/auth/session/refresh/sign-in`. A double click, or a reply that is lost, gets the same session.
    ///
    /// - Parameters:
    ///   - userID: whose session it is from now on.
    ///   - exchange: the request, and what changes about its response.
    ///   - tenant: the tenant of the anonymous session, for the claims that are fetched.
    ///   - payload: what the access token carries; nothing of the anonymous session's is kept.
    ///   - data: what the user has already; of two members of one name this one stays.
    ///   - keepsData: whether the data of the anonymous session is kept.
    ///   - rememberMe: whether the user asked to be remembered.
    ///   - level: the assurance level that was reached, such as `aal1`.
    ///   - methods: how, by the names of RFC 8176, such as `pwd`.
    /// - Throws: ``SessionError``, as ``refresh(in:)``.
    @discardableResult
    public func upgrade(
        to userID: UserID, in exchange: SessionExchange, tenant: TenantID = .public, payload: JSONObject = [:],
        data: JSONObject = [:], keepsData: Bool = true, rememberMe: Bool = false, level: String? = nil,
        methods: [String] = []
    ) async throws(SessionError) -> Session {
        guard !userID.isAnonymous else {
            throw .badInput("an anonymous session is upgraded to a user who has signed in")
        }
        var new = try await newSession(userID, tenant, payload, data, usesAntiCSRF: false, rememberMe: rememberMe)
        (new.level, new.methods) = (level, methods)
        return try await exchangeToken(in: exchange, .upgrade(Upgrade(to: new, keepsData: keepsData)))
    }

    /// The same, where the application puts together what both have.
    ///
    /// The anonymous session's data is in the new session before `mergeData` is called, so that nothing is lost if that fails; a
    /// repeated call passes what the first one stored.
    ///
    /// - Parameters:
    ///   - userID: whose session it is from now on.
    ///   - exchange: the request, and what changes about its response.
    ///   - payload: what the access token carries.
    ///   - data: what the user has already.
    ///   - rememberMe: whether the user asked to be remembered.
    ///   - mergeData: makes the data of the new session from that of the anonymous one and what the user has.
    /// - Throws: ``SessionError``, as ``refresh(in:)``.
    @discardableResult
    public func upgrade(
        to userID: UserID, in exchange: SessionExchange, payload: JSONObject = [:], data: JSONObject = [:],
        rememberMe: Bool = false,
        mergeData: @Sendable (_ anonymous: JSONObject, _ existing: JSONObject) async -> JSONObject
    ) async throws(SessionError) -> Session {
        let session = try await upgrade(to: userID, in: exchange, payload: payload, rememberMe: rememberMe)
        try await session.setData(await mergeData(try await session.data(), data))
        return session
    }

    /// Begins a session in which another person acts as a user, such as support; the client gets its tokens.
    ///
    /// The application decides who may: let the route ask for the actor's own session, a recent authentication and a role. The
    /// session ends at a fixed time, no refresh moves it, each entry of the audit log about it names the actor, and the user sees
    /// it among their sessions. Only the service that keeps the sessions writes the claim `act`, and nothing takes it away.
    ///
    /// - Parameters:
    ///   - userID: as whom the person acts.
    ///   - actor: who acts.
    ///   - reason: why, for the audit log; 1 to 500 bytes.
    ///   - lifetime: after how long the session ends; a minute to an hour, 15 minutes by default.
    ///   - exchange: the request, and what changes about its response.
    ///   - tenant: the tenant the session lives in.
    ///   - payload: what the access token carries beside the claim `act`.
    /// - Throws: ``SessionError``; ``SessionError/badInput(_:)`` for another reason or time, and
    ///   ``SessionError/invalidClaims(_:)`` where the request's own session is such a one.
    public func impersonate(
        _ userID: UserID, by actor: ActingParty, reason: String, lifetime: Milliseconds = Impersonation.usual,
        in exchange: SessionExchange, tenant: TenantID = .public, payload: JSONObject = [:]
    ) async throws(SessionError) -> Session {
        guard let impersonation = Impersonation(by: actor, reason: reason, lifetime: lifetime) else {
            throw .badInput("an impersonation has a reason of 1 to 500 bytes, and ends after a minute to an hour")
        }
        let own = VerifyOptions(isRequired: false, checksAntiCSRF: false, checksDatabase: false) { _, _ in [] }
        // A token that is not accepted is no session, and the route has asked for one.
        if let session = try? await session(in: exchange, options: own), session.actor != nil {
            throw .refused("impersonation", "the user alone may do this")
        }
        let (transfer, usesAntiCSRF) = try creation(in: exchange)
        var new = try await newSession(userID, tenant, payload, [:], usesAntiCSRF: usesAntiCSRF)
        new.impersonation = impersonation
        return try await create(new, in: exchange, by: transfer)
    }
}

extension Session {
    /// Ends this session if another person acts as the user in it, here and at the client.
    ///
    /// - Returns: whether it was such a session.
    /// - Throws: an internal error; then nothing is known to have ended.
    @discardableResult
    public func endImpersonation() async throws(SessionError) -> Bool {
        let isEnded = try await sessions.backend.endImpersonation(handle)
        if isEnded, let attachment {
            try TokenWriter(settings: sessions.settings, exchange: attachment.exchange).clear([attachment.transfer])
        }
        return isEnded
    }
}
