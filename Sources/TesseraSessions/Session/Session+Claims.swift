import Foundations
import LosslessJSON

extension Session {
    /// Whom claims of this session are fetched for.
    private var subject: ClaimSubject {
        ClaimSubject(
            handle: handle, userID: userID, recipeUserID: recipeUserID, tenantID: tenantID, payload: payload
        ).known(to: sessions)
    }

    /// The value of a claim, if the payload has one.
    public func value<Claim: SessionClaim>(of claim: Claim) -> Claim.Value? { claim.value(in: payload) }

    /// Sets a claim's value.
    ///
    /// - Throws: as `mergePayload(_:)`.
    public func set<Claim: SessionClaim>(_ claim: Claim, to value: Claim.Value) async throws(SessionError) {
        try await mergePayload([claim.key: try claim.entry(value, at: sessions.clock.time())])
    }

    /// Fetches a claim and sets its value; without one the payload stays as it is.
    ///
    /// - Throws: as `mergePayload(_:)`, and ``SessionError/claimUnavailable(key:reason:)``.
    public func fetchAndSet(_ claim: some SessionClaim) async throws(SessionError) {
        let update = try await claim.fetchedEntry(for: subject, at: sessions.clock.time())
        if let update { try await mergePayload([claim.key: update]) }
    }

    /// Removes a claim.
    ///
    /// - Throws: as `mergePayload(_:)`.
    public func remove(_ claim: some SessionClaim) async throws(SessionError) {
        try await mergePayload([claim.key: .null])
    }

    /// Fetches the claims that are too old, passes changes on to the client, and judges the payload.
    ///
    /// - Parameter requirements: what this session has to fulfil here, beyond what its route asks for.
    /// - Throws: ``SessionError/invalidClaims(_:)`` with all that is wrong, and as `mergePayload(_:)`.
    public func require(_ requirements: SessionRequirement...) async throws(SessionError) {
        try await require(requirements)
    }

    /// Fetches the claims that are too old, passes changes on to the client, and judges the payload.
    ///
    /// - Parameter requirements: what this session has to fulfil here, beyond what its route asks for.
    /// - Throws: ``SessionError/invalidClaims(_:)`` with all that is wrong, and as `mergePayload(_:)`.
    public func require(_ requirements: [SessionRequirement]) async throws(SessionError) {
        guard !requirements.isEmpty else { return }
        let evaluation = try await ClaimEvaluation.run(requirements, for: subject, at: sessions.clock.time())
        if !evaluation.update.isEmpty { try await mergePayload(evaluation.update) }
        guard evaluation.errors.isEmpty else { throw .invalidClaims(evaluation.errors) }
    }

    /// Throws unless the user has proved who they are within a time, and has the level that is named, if one is.
    ///
    /// The answer is 403 with the reason `step-up required`, and the session lives on: a front end asks for the password, the
    /// passkey or the second factor again and then tries once more (ASVS 7.5.3). Where the backend does not know when a user was
    /// authenticated, ``markAuthenticated()`` counts, as for ``SessionRequirement/fresh(within:)``.
    ///
    /// - Parameters:
    ///   - span: how long the last authentication may be ago.
    ///   - level: the exact assurance level that is needed, such as `aal2`; `nil` for any.
    /// - Throws: ``SessionError/invalidClaims(_:)`` if the authentication is older or of another level,
    ///   ``SessionError/unauthorised(reason:clearTokens:)`` if the session has ended, or an internal error.
    public func requireRecentAuthentication(
        _ span: Duration, level: String? = nil
    ) async throws(SessionError) {
        let now = sessions.clock.time()
        // Who acts as the user was not authenticated as the user, and cannot be.
        guard actor == nil else { throw Self.stepUpRequired(span, level, age: nil) }
        guard let known = try await information().authentication else {
            guard level == nil else { throw Self.stepUpRequired(span, level, age: nil) }
            return try await require(.fresh(within: span))
        }
        let marked = AuthenticationTime().value(in: payload)
        let last =
            level == nil ? max(Timestamp(known.lastAt), marked ?? Timestamp(known.lastAt)) : Timestamp(known.lastAt)
        let isLevel = level == nil || known.level == level
        guard isLevel, now - last <= Milliseconds(span) else {
            throw Self.stepUpRequired(span, level, age: now - last)
        }
    }

    private static func stepUpRequired(_ span: Duration, _ level: String?, age: Milliseconds?) -> SessionError {
        var reason: JSONObject = [
            "message": "step-up required", "maxAgeInSeconds": .integer(Milliseconds(span).count / 1_000),
        ]
        if let age { reason.append("ageInSeconds", .integer(age.count / 1_000)) }
        if let level { reason.append("expectedLevel", .string(level)) }
        return .invalidClaims([ClaimValidationError(id: AuthenticationTime.key, reason: reason)])
    }

    /// Notes that the user of this session has proved again who they are, for ``SessionRequirement/fresh(within:)``.
    ///
    /// - Throws: as `mergePayload(_:)`.
    public func markAuthenticated() async throws(SessionError) {
        try await set(AuthenticationTime(), to: sessions.clock.time())
    }
}

extension ClaimSubject {
    /// The subject with the sessions that it is one of.
    func known(to sessions: Sessions) -> ClaimSubject {
        var subject = self
        subject.sessions = sessions
        return subject
    }
}
