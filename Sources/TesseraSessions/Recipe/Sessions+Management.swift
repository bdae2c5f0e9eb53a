public import Foundations
public import LosslessJSON
public import SessionEngine

extension Sessions {
    /// Ends sessions.
    ///
    /// - Parameters:
    ///   - handles: the sessions.
    ///   - actor: for whom, for the audit log: `user` when the user asked for it, `administrator` when support did.
    /// - Returns: the handles of those that were ended.
    /// - Throws: an internal error; then nothing is known to be ended.
    @discardableResult
    public func revoke(
        _ handles: [SessionHandle], by actor: AuditActor = .driver
    ) async throws(SessionError) -> [SessionHandle] {
        try await backend.revoke(handles, by: actor)
    }

    /// Ends all sessions of a user.
    ///
    /// - Parameters:
    ///   - userID: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - actor: for whom, for the audit log: `user` when the user asked for it, `administrator` when support did.
    /// - Returns: the handles of those that were ended.
    /// - Throws: an internal error; then nothing is known to be ended.
    @discardableResult
    public func revokeAll(
        of userID: UserID, tenant: TenantID? = nil, by actor: AuditActor = .driver
    ) async throws(SessionError) -> [SessionHandle] {
        try await backend.revokeAll(of: userID, tenant: tenant, by: actor)
    }

    /// Why a session ended, in words for its user; `nil` while it lives and where that is not known.
    ///
    /// - Parameter handle: the session, as the front end knows it from its last front token.
    /// - Throws: an internal error.
    public func endReason(of handle: SessionHandle) async throws(SessionError) -> EndReason? {
        try await backend.endReason(of: handle)
    }

    /// The handles of a user's sessions, oldest first.
    ///
    /// - Throws: an internal error.
    public func handles(
        of userID: UserID, tenant: TenantID? = nil
    ) async throws(SessionError) -> [SessionHandle] {
        try await backend.handles(of: userID, tenant: tenant)
    }

    /// What is kept about all sessions of a user, oldest first: the devices on which they are signed in.
    ///
    /// - Parameters:
    ///   - userID: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    /// - Throws: an internal error.
    public func list(
        of userID: UserID, tenant: TenantID? = nil
    ) async throws(SessionError) -> [SessionInformation] {
        try await backend.list(of: userID, tenant: tenant)
    }

    /// What is kept about a session, or `nil` when there is none.
    ///
    /// - Throws: an internal error.
    public func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation? {
        try await backend.information(on: handle)
    }

    /// Replaces the data that is kept with a session.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: an internal error.
    @discardableResult
    public func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool {
        try await backend.replaceData(of: handle, with: data)
    }

    /// Replaces the data that is kept with a session by a value of the application.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - data: a structure, or anything else that is encoded as a JSON object.
    /// - Returns: whether there is such a session.
    /// - Throws: an internal error, or ``SessionError/badInput(_:)`` where the value is no JSON object.
    @discardableResult
    @_disfavoredOverload
    public func replaceData(
        of handle: SessionHandle, with data: some Encodable
    ) async throws(SessionError) -> Bool {
        try await replaceData(of: handle, with: JSONObject(encoding: data))
    }

    /// Changes members of a session's payload; `null` removes one.
    ///
    /// Clients see it with their next refresh.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: an internal error, or ``SessionError/badInput(_:)``.
    @discardableResult
    public func mergePayload(of handle: SessionHandle, _ update: JSONObject) async throws(SessionError) -> Bool {
        guard let found = try await backend.information(on: handle) else { return false }
        let payload = ProtectedClaims.removed(from: found.payload).merging(ProtectedClaims.removed(from: update))
        return try await backend.replacePayload(of: handle, with: payload)
    }

    /// Sets a claim of a session.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: as ``mergePayload(of:_:)``.
    @discardableResult
    public func set<Claim: SessionClaim>(
        _ claim: Claim, to value: Claim.Value, of handle: SessionHandle
    ) async throws(SessionError) -> Bool {
        try await mergePayload(of: handle, [claim.key: try claim.entry(value, at: clock.time())])
    }

    /// Removes a claim of a session.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: as ``mergePayload(of:_:)``.
    @discardableResult
    public func remove(_ claim: some SessionClaim, of handle: SessionHandle) async throws(SessionError) -> Bool {
        try await mergePayload(of: handle, [claim.key: .null])
    }

    /// The value of a claim of a session.
    ///
    /// - Returns: the value, if there is one; the outer `nil` when there is no such session.
    /// - Throws: an internal error.
    public func value<Claim: SessionClaim>(
        of claim: Claim, handle: SessionHandle
    ) async throws(SessionError) -> Claim.Value?? {
        try await backend.information(on: handle).map { claim.value(in: $0.payload) }
    }

    /// Judges a session that no request belongs to; claims that are too old are fetched and kept.
    ///
    /// - Returns: what is wrong; `nil` when there is no such session.
    /// - Throws: as ``mergePayload(of:_:)``, and ``SessionError/claimUnavailable(key:reason:)``.
    public func problems(
        of handle: SessionHandle, with requirements: [SessionRequirement]? = nil
    ) async throws(SessionError) -> [ClaimValidationError]? {
        guard let found = try await backend.information(on: handle) else { return nil }
        let subject = ClaimSubject(
            handle: handle, userID: found.userID, recipeUserID: found.recipeUserID,
            tenantID: found.tenantID, payload: found.payload
        ).known(to: self)
        let evaluation = try await ClaimEvaluation.run(
            requirements ?? self.requirements, for: subject, at: clock.time())
        if !evaluation.update.isEmpty { try await mergePayload(of: handle, evaluation.update) }
        return evaluation.errors
    }

    /// The longest life of a token that the application signs, which cannot be revoked.
    public static let longestSignedLife = Milliseconds.seconds(366 * 86_400)

    /// Signs an application-signed JWT, with this application as its issuer unless the payload names one.
    ///
    /// - Parameters:
    ///   - payload: its claims.
    ///   - validity: how long it lives, from a second to ``longestSignedLife``; an hour by default. A payload may have an
    ///     `exp` of its own, within the same limits.
    ///   - usesStaticKey: whether a key signs that is never replaced.
    /// - Throws: ``SessionError/badInput(_:)`` for a life outside these limits; an internal error.
    public func sign(
        _ payload: JSONObject, validity: Milliseconds = .seconds(3_600), usesStaticKey: Bool = true
    ) async throws(SessionError) -> String {
        try checkLife(validity, "validity")
        if let expiry = payload["exp"] {
            guard let text = expiry.number?.text, let seconds = Double(text), abs(seconds) < 9e15 else {
                throw .badInput("'exp' of a token is a number of seconds since 1970 (RFC 7519 section 4.1.4)")
            }
            try checkLife(.seconds(Int64(seconds)) - clock.time().sinceEpoch, "'exp'")
        }
        return try await backend.signToken(
            payload: payload, issuer: app.issuer, validity: validity, kind: usesStaticKey ? .static : .dynamic)
    }

    private func checkLife(_ life: Milliseconds, _ source: String) throws(SessionError) {
        guard life >= .seconds(1) else {
            throw .badInput(
                "\(source) gives a life of less than a second: the token would have expired before it is used")
        }
        guard life <= Self.longestSignedLife else {
            throw .badInput(
                "\(source) gives a life of more than 366 days: such a token cannot be revoked, so sign a shorter one "
                    + "and sign it again")
        }
    }
}
