package import SessionEngine

/// What a token is good for now, asked without using it (RFC 7662).
package enum Introspection: Sendable {
    /// It is good for nothing, for whatever reason.
    case inactive
    /// An access token of a session that lives.
    case accessToken(AccessTokenClaims)
    /// A refresh token that would be exchanged now, of a session that ends then at the latest.
    case refreshToken(SessionRecord, expiresAt: Timestamp)
}

extension SessionManager {
    /// Looks at a token of either kind; nothing rotates, nothing is noted, and reuse is no reason to end anything.
    ///
    /// - Throws: ``ServiceError`` where storage does not answer: then nothing is known.
    package func introspect(_ token: String) async throws(ServiceError) -> Introspection {
        if let claims = try await activeClaims(token) { return .accessToken(claims) }
        guard let presented = try? opened(RefreshToken(token)) else { return .inactive }
        let rules = rules(for: PresentedRefreshToken(refreshToken: RefreshToken(token)))
        let found: SessionRecord? = try await update(presented.content.handle) { record, now in
            // Who asks has no proof; whether the client has one is seen when it refreshes (docs/decisions/0045).
            var unbound = record
            unbound?.traits.boundKey = nil
            let decided = Refresh.decide(of: presented, against: unbound, at: now, rules: rules) { _ in presented.hash }
            // Only the answer counts: nothing is stored of it.
            if case .issue = decided.outcome { return Decision(.keep, record) }
            return Decision(.keep, nil)
        }
        return found.map { .refreshToken($0, expiresAt: $0.expiry(within: policy.terms).endedAt) } ?? .inactive
    }

    /// Ends the session of a token of either kind (RFC 7009).
    ///
    /// - Returns: whether there was one.
    /// - Throws: ``ServiceError``; then nothing is known to be revoked.
    package func revoke(withEither token: String, by actor: AuditActor) async throws(ServiceError) -> Bool {
        if let claims = try await activeClaims(token) {
            return try await !revoke([claims.handle], by: actor).isEmpty
        }
        return try await revoke(with: RefreshToken(token), by: actor)
    }

    /// The claims of an access token of a session that lives.
    private func activeClaims(_ text: String) async throws(ServiceError) -> AccessTokenClaims? {
        var request = PresentedAccessToken(accessToken: text)
        request.checksRevocation = true
        guard case .valid = try await finish(verifyPromptly(request)) else { return nil }
        return try? verified(request.token, at: clock.time()).get()
    }
}
