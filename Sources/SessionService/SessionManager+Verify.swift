import LosslessJSON
public import SessionEngine
import SessionStorage

extension SessionManager {
    /// Verifies an access token (docs/specification/core.md 4.3).
    ///
    /// Touches storage only where it has to.
    ///
    /// - Throws: ``ServiceError``.
    public func verify(_ request: PresentedAccessToken) async throws(ServiceError) -> VerifyResult {
        try await finish(verifyPromptly(request))
    }

    /// What can be said of an access token without waiting for anything.
    public enum PromptVerification: Sendable {
        /// All of it.
        case decided(VerifyResult)
        /// The token is good, and storage knows whether its session is.
        case needsRecord(AccessTokenClaims, PresentedAccessToken, at: Timestamp)
        /// The token is good, and storage knows whether its session has ended.
        case needsLook(AccessTokenClaims, at: Timestamp)
        /// No key that is known here has signed the token; storage may know another one.
        case needsKeys(PresentedAccessToken, AccessTokenProblem, at: Timestamp, generation: Int)
    }

    /// Begins to verify an access token, without waiting for anything; ``finish(_:)`` does what is left.
    public func verifyPromptly(_ request: PresentedAccessToken) -> PromptVerification {
        let now = clock.time()
        let generation = keys.generation
        switch verified(request.token, at: now) {
        case .failure(let problem) where problem.mayBeOfAnotherKey:
            return .needsKeys(request, problem, at: now, generation: generation)
        case .failure(let problem): return .decided(.tryRefresh(problem))
        case .success(let claims): return checked(claims, request, at: now)
        }
    }

    /// Does what is left of a verification.
    ///
    /// - Throws: ``ServiceError``.
    public func finish(_ verification: PromptVerification) async throws(ServiceError) -> VerifyResult {
        switch verification {
        case .decided(let result): return result
        case .needsLook(let claims, let now):
            let isLive = try await storing { () async throws(StorageError) in
                try await storage.isLive(claims.handle, at: now, within: policy.terms)
            }
            return isLive ? .valid(SessionFacts(claims)) : try await notActive(claims)
        case .needsRecord(let claims, let request, let now):
            let (outcome, ahead) = try await decide(of: claims, rules(for: request), at: now)
            return try await result(of: outcome, claims, ahead, at: now)
        case .needsKeys(let request, let problem, let now, let generation):
            switch try await claimsAfterReload(of: request.token, problem, generation, at: now) {
            case .failure(let problem): return .tryRefresh(problem)
            case .success(let claims): return try await finish(checked(claims, request, at: now))
            }
        }
    }

    /// Looks at the claims of a token whose signature is good.
    private func checked(
        _ claims: AccessTokenClaims, _ request: PresentedAccessToken, at now: Timestamp
    ) -> PromptVerification {
        do throws(AccessTokenProblem) {
            try Verify.check(
                claims, antiCSRFToken: request.antiCSRFToken, checksAntiCSRF: request.checksAntiCSRF,
                usesAntiCSRF: request.usesAntiCSRF, at: now)
        } catch {
            return .decided(.tryRefresh(error))
        }
        guard Verify.needsRecord(claims, rules: rules(for: request)) else {
            return request.checksRevocation
                ? .needsLook(claims, at: now) : .decided(.valid(SessionFacts(claims)))
        }
        return .needsRecord(claims, request, at: now)
    }

    private func rules(for request: PresentedAccessToken) -> Verify.Rules {
        Verify.Rules(
            checksDatabase: request.checksDatabase, terms: policy.terms,
            rotation: request.rotation, accessTokenValidity: policy.accessTokenValidity,
            sharingWindow: policy.sharingWindow, restoreNumber: storage.restoreNumber,
            tellsAuthentication: policy.tellsAuthentication)
    }

    private func decide(
        of claims: AccessTokenClaims, _ rules: Verify.Rules, at now: Timestamp
    ) async throws(ServiceError) -> (Verify.Outcome, AccessToken?) {
        let step: @Sendable (SessionRecord?, Timestamp) -> Decision<Verify.Outcome> = { record, now in
            Verify.decide(of: claims, against: record, at: now, rules: rules)
        }
        do throws(ServiceError) {
            guard signsAhead else { return (try await update(claims.handle, step), nil) }
            let bits = clock.randomBits()
            return try await update(
                claims.handle,
                signing: { outcome in
                    guard case .renew(let record, let lifetime) = outcome else { return nil }
                    return (renewed(claims, record, lifetime, bits, at: now), record.signingKeyKind)
                }, step)
        } catch {
            switch error {
            case .storage(let failure) where failure.code == .full: break
            case .signing where signsAhead: break
            default: throw error
            }
            return (try await decideWithoutNoting(claims, rules), nil)
        }
    }

    /// A first use that storage has no room to note, or for which nothing can be signed now: the token is good as it is,
    /// nothing is given for it, and the next verification notes it (docs/decisions/0020 and 0050).
    private func decideWithoutNoting(
        _ claims: AccessTokenClaims, _ rules: Verify.Rules
    ) async throws(ServiceError) -> Verify.Outcome {
        let record = try await storing { () async throws(StorageError) in try await storage.session(claims.handle) }
        let decided = Verify.decide(of: claims, against: record, at: clock.time(), rules: rules)
        if signsAhead, case .renew = decided.outcome { return .valid(newerPayload: nil) }
        return decided.change == .keep ? decided.outcome : .valid(newerPayload: nil)
    }

    /// The claims of the token that takes a verified one's place.
    private func renewed(
        _ claims: AccessTokenClaims, _ record: SessionRecord, _ lifetime: Refresh.Lifetime, _ bits: UInt64?,
        at now: Timestamp
    ) -> AccessTokenClaims {
        let validity = policy.lifetime(lifetime, for: record.traits, using: clock, bits: bits)
        let bound = record.bound(isBackground: false, within: policy.terms) ?? Timestamp(milliseconds: .max)
        return TokenIssue.renewal(
            of: claims, payload: payload(of: record, for: claims), issuedAt: now,
            expiresAt: min(validity.map { now + $0 } ?? claims.expiresAt, bound))
    }

    private func result(
        of outcome: Verify.Outcome, _ claims: AccessTokenClaims, _ ahead: AccessToken?, at now: Timestamp
    ) async throws(ServiceError) -> VerifyResult {
        switch outcome {
        case .valid(let newerPayload): return .valid(SessionFacts(claims), newerPayload: newerPayload)
        case .sessionNotActive: return try await notActive(claims)
        case .superseded: return .superseded
        case .newerThanSession: return .tryRefresh(.newerThanSession)
        case .payloadRefused: return .payloadRefused
        case .renew(let record, let lifetime):
            if let made = ahead?.madeClaims { return .valid(SessionFacts(made), replacement: ahead) }
            let renewed = renewed(claims, record, lifetime, nil, at: now)
            let token = try await sign(renewed, record.signingKeyKind)
            return .valid(SessionFacts(renewed), replacement: token)
        }
    }

    /// A token of a session that is gone; after an upgrade a moment ago its client has another one, or is given it soon.
    private func notActive(_ claims: AccessTokenClaims) async throws(ServiceError) -> VerifyResult {
        let wasUpgraded = try await wasUpgraded(claims.handle, of: claims.recipeUserID, in: claims.tenantID)
        return wasUpgraded ? .superseded : .sessionNotActive
    }

    /// The payload of a token that takes another one's place: the level of authentication stays that of the other,
    /// and the key is the session's.
    func payload(of record: SessionRecord, for claims: AccessTokenClaims) -> JSONObjectText {
        let payload =
            policy.tellsAuthentication
            ? AuthenticationClaims.carried(to: record.accessTokenPayload, from: claims.userData)
            : record.accessTokenPayload
        return ConfirmationClaim.added(to: payload, record.traits.boundKey)
    }

    /// The claims of a token that one of this app's keys has signed.
    ///
    /// A token of a key that is not known here makes the keys be read from storage once, because another process may
    /// have made it (docs/specification/core.md 2.6).
    func claims(
        of token: Result<UnverifiedAccessToken, AccessTokenProblem>, at now: Timestamp
    ) async throws(ServiceError) -> Result<AccessTokenClaims, AccessTokenProblem> {
        let generation = keys.generation
        let first = verified(token, at: now)
        guard case .failure(let problem) = first, problem.mayBeOfAnotherKey else { return first }
        return try await claimsAfterReload(of: token, problem, generation, at: now)
    }

    private func claimsAfterReload(
        of token: Result<UnverifiedAccessToken, AccessTokenProblem>, _ problem: AccessTokenProblem, _ generation: Int,
        at now: Timestamp
    ) async throws(ServiceError) -> Result<AccessTokenClaims, AccessTokenProblem> {
        try await keys.reloadForUnknownKey(madeAt: (try? token.get())?.keyCreation)
        return keys.generation == generation ? .failure(problem) : verified(token, at: now)
    }

    func verified(
        _ token: Result<UnverifiedAccessToken, AccessTokenProblem>, at now: Timestamp
    ) -> Result<AccessTokenClaims, AccessTokenProblem> {
        do throws(AccessTokenProblem) {
            return .success(try token.get().claims(verifiedBy: keys.verificationKeys(at: now)))
        } catch {
            return .failure(error)
        }
    }
}

extension AccessTokenProblem {
    /// Whether a key that another process has made could have signed the token.
    fileprivate var mayBeOfAnotherKey: Bool { self == .unknownKey || self == .signatureInvalid }
}
