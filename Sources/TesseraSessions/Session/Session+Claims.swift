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
