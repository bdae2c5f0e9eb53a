import Foundations
public import LosslessJSON
public import SessionEngine
import SessionStorage

extension SessionManager {
    /// Exchanges a refresh token for new tokens, or says why not (docs/decisions/0019).
    ///
    /// - Throws: ``ServiceError``: the outcome is then unknown to the client, who may simply try again.
    public func refresh(_ request: PresentedRefreshToken) async throws(ServiceError) -> RefreshResult {
        let rules = rules(for: request)
        return try await exchange(request, mayOffer: false) { presented, record, now, successor in
            Refresh.decide(of: presented, against: record, at: now, rules: rules, successor: successor)
        }
    }

    /// Notes that the user of a session was authenticated once more, and gives tokens of the new level
    /// (docs/decisions/0040).
    ///
    /// The presented refresh token is retired in the same step; the same request again gets the same answer for a while.
    ///
    /// - Parameters:
    ///   - stepUp: the level that was reached, and how.
    ///   - request: the session's refresh token; the new tokens never wait for a first use.
    /// - Throws: ``ServiceError``: the outcome is then unknown to the client, who may simply try again.
    public func stepUp(
        _ stepUp: StepUp, with request: PresentedRefreshToken
    ) async throws(ServiceError) -> RefreshResult {
        var request = request
        request.isBackground = false
        var rules = rules(for: request)
        rules.rotation = .atFirstUse
        // The access token has no parent: its session is rotated already.
        request.rotation = .atOnce
        return try await exchange(request, mayOffer: true) { [rules] presented, record, now, successor in
            stepUp.decide(of: presented, against: record, at: now, rules: rules, successor: successor)
        }
    }

    private typealias ExchangeRule =
        @Sendable (
            Refresh.Presented, SessionRecord?, Timestamp, @escaping (Refresh.Successor) -> TokenHash?
        ) -> Decision<Refresh.Outcome>

    /// - Parameter mayOffer: whether the user was authenticated just now: a device is offered once for that, so that a copied
    ///   jar gets no offer.
    private func exchange(
        _ request: PresentedRefreshToken, mayOffer: Bool, _ decide: @escaping ExchangeRule
    ) async throws(ServiceError) -> RefreshResult {
        let presented: Refresh.Presented
        do throws(RefreshTokenProblem) {
            presented = try opened(request.refreshToken, request.antiCSRFToken)
        } catch {
            return .unauthorised(.notAToken(error))
        }
        let now = clock.time()
        // A successor whose hash is stored is made within the step that stores it; signing waits until after it.
        let successors = SuccessorMaker(of: presented, request, self)
        let number = refusals.nextRequest()
        let step: @Sendable (SessionRecord?, Timestamp) -> Decision<Refresh.Outcome> = { [refusals] record, now in
            let decided = decide(presented, record, now, successors.hash)
            return refusals.limited(decided, of: presented.content.handle, by: number, at: now)
        }
        guard signsAhead else {
            let outcome = try await update(presented.content.handle, step)
            return try await answer(
                outcome, to: Exchange(request, presented, successors, now, mayOffer: mayOffer, bits: nil), ahead: nil)
        }
        // A token that is signed before its step says the same as one that is made in it.
        let exchange = Exchange(request, presented, successors, now, mayOffer: mayOffer, bits: clock.randomBits())
        let (outcome, ahead) = try await update(
            presented.content.handle, signing: { self.claims(of: $0, exchange) }, step)
        return try await answer(outcome, to: exchange, ahead: ahead)
    }

    /// A refresh token that is exchanged, and what is the same in every step of that.
    private struct Exchange: Sendable {
        let request: PresentedRefreshToken
        let presented: Refresh.Presented
        let successors: SuccessorMaker
        let time: Timestamp
        let mayOffer: Bool
        /// Random bits that were drawn before; `nil` draws them when they are needed.
        let bits: UInt64?

        init(
            _ request: PresentedRefreshToken, _ presented: Refresh.Presented, _ successors: SuccessorMaker,
            _ time: Timestamp, mayOffer: Bool, bits: UInt64?
        ) {
            (self.request, self.presented, self.successors) = (request, presented, successors)
            (self.time, self.mayOffer, self.bits) = (time, mayOffer, bits)
        }
    }

    /// What the access token of an outcome says.
    private func claims(
        of outcome: Refresh.Outcome, _ exchange: Exchange
    ) -> (claims: AccessTokenClaims, kind: SigningKeyKind)? {
        guard case .issue(let record, let successor, let lifetime) = outcome,
            let part = try? exchange.successors.part(successor)
        else { return nil }
        let request = exchange.request
        let claims = accessClaims(
            part, for: record, parent: exchange.presented.parentHash(request.rotation), format: request.format,
            validity: policy.lifetime(
                lifetime, for: record.traits, of: request.accessTokenValidity, using: clock, bits: exchange.bits),
            isBackground: request.isBackground, at: exchange.time)
        return (claims, record.signingKeyKind)
    }

    /// The answer, with tokens if the outcome gives some.
    private func answer(
        _ outcome: Refresh.Outcome, to exchange: Exchange, ahead: AccessToken?
    ) async throws(ServiceError) -> RefreshResult {
        let (request, now) = (exchange.request, exchange.time)
        guard case .issue(let record, let successor, let lifetime) = outcome else {
            return try await answer(outcome, to: exchange.presented, at: now)
        }
        if !request.isBackground { noteActivity(of: record, at: now) }
        let part = try signing { () throws(SigningError) in try exchange.successors.part(successor) }
        let token: AccessToken
        if let ahead {
            token = ahead
        } else {
            guard let (claims, kind) = claims(of: outcome, exchange) else { throw .signing(.cryptographyFailed) }
            token = try await sign(claims, kind)
        }
        var issued = issued(part, token, for: record, isBackground: request.isBackground, at: now)
        issued.isShared = lifetime == .shortened
        issued.deviceOffer = offer(for: record, wanted: exchange.mayOffer && request.device.wantsOffer)
        Failpoint.reach("refresh.signed")
        return .refreshed(issued)
    }

    /// The answer where no tokens are given.
    private func answer(
        _ outcome: Refresh.Outcome, to presented: Refresh.Presented, at now: Timestamp
    ) async throws(ServiceError) -> RefreshResult {
        switch outcome {
        case .antiCSRFMismatch: return .unauthorised(.antiCSRFMismatch)
        case .sessionNotActive: return try await notActive(presented.content)
        case .impersonated: return .unauthorised(.impersonated)
        case .payloadRefused: return .unauthorised(.payloadRefused)
        case .proofRefused(let refusal): return result(of: refusal, at: now)
        case .newerThanSession: return .unauthorised(.newerThanSession)
        case .tooLate: return .tooLate
        case .successorFailed, .issue: throw .signing(.cryptographyFailed)
        case .reuse(let found):
            return .reuseDetected(presented.content.handle, presented.content.userID, found)
        }
    }

    /// What a refresh token says, if this app made it.
    func opened(
        _ token: RefreshToken, _ antiCSRFToken: AntiCSRFToken? = nil
    ) throws(RefreshTokenProblem) -> Refresh.Presented {
        let content = try refreshTokenKey.open(token)
        return Refresh.Presented(
            content: content, hash: TokenHash(of: token), antiCSRFToken: antiCSRFToken,
            rotationCount: refreshTokenKey.rotationCount(of: content))
    }

    /// Revokes the session of a refresh token, whichever of its tokens that is; nothing is given for it.
    ///
    /// A session that is bound to a key is ended by no token that was superseded before the last one.
    ///
    /// - Parameters:
    ///   - token: the token as it was presented.
    ///   - actor: who does it, for the audit log.
    /// - Returns: whether there was such a session; what is no token of this app has none.
    /// - Throws: ``ServiceError``; then nothing is known to be revoked and the caller must try again.
    public func revoke(
        with token: RefreshToken, by actor: AuditActor = .driver
    ) async throws(ServiceError) -> Bool {
        guard let presented = try? opened(token) else { return false }
        let (handle, number) = (presented.content.handle, refusals.nextRequest())
        return try await update(handle) { [refusals] record, now in
            let decided = TokenRevocation.decide(of: presented, by: actor, against: record, at: now)
            return refusals.limited(decided, of: handle, by: number, at: now)
        }
    }

    /// Why the session of a refresh token ended, in words.
    ///
    /// - Parameter token: the token as it was presented.
    /// - Returns: `nil` while the session lives, for what is no token of this app, and where the audit log does not say.
    /// - Throws: ``ServiceError``.
    public func end(ofSessionWith token: RefreshToken) async throws(ServiceError) -> SessionEnd? {
        guard let presented = try? opened(token) else { return nil }
        return try await end(of: presented.content.handle)
    }

    /// A token of a session that is gone; one that was upgraded a moment ago is no reason to sign its user out.
    private func notActive(_ content: RefreshTokenContent) async throws(ServiceError) -> RefreshResult {
        let wasUpgraded = try await wasUpgraded(content.handle, of: content.userID, in: content.tenantID)
        return wasUpgraded ? .tooLate : .unauthorised(.sessionNotActive)
    }

    func rules(for request: PresentedRefreshToken) -> Refresh.Rules {
        var rules = Refresh.Rules(
            checksAntiCSRF: request.checksAntiCSRF, usesAntiCSRF: request.usesAntiCSRF,
            signingKeyKind: request.signingKeyKind, format: request.format,
            terms: policy.terms,
            rotation: request.rotation, successorPolicy: policy.successorPolicy,
            gracePeriod: policy.rotationGracePeriod, sharingWindow: policy.sharingWindow, silence: policy.silence,
            restoreNumber: storage.restoreNumber, afterRestore: policy.afterRestore,
            revokesOnReuse: policy.revokesOnReuse, isBackground: request.isBackground, client: request.client,
            privacy: policy.devicePrivacy)
        let now = clock.time()
        rules.proof = judged(request.proof, at: now)
        rules.device = request.device.judged(at: now, key: refreshTokenKey.nonceKey)
        return rules
    }

    /// Replaces the payload of a session, and its access token without changing when that expires
    /// (docs/specification/core.md 4.5).
    ///
    /// The token must be one that this core signed; it may have expired.
    ///
    /// - Parameters:
    ///   - accessToken: the token as it was presented.
    ///   - payload: the new payload; `nil` takes the one in storage.
    /// - Throws: ``ServiceError``.
    public func regenerate(accessToken: String, payload: JSONObject?) async throws(ServiceError) -> RegenerateResult {
        let now = clock.time()
        let claims: AccessTokenClaims
        switch try await self.claims(of: PresentedAccessToken(accessToken: accessToken).token, at: now) {
        case .failure(let problem): return .notAToken(problem)
        case .success(let verified): claims = verified
        }
        if let payload, let problem = claims.format.problem(with: payload) { return .payloadRefused(problem) }
        let terms = policy.terms
        let isExpired = claims.isExpired(at: now)
        let reissued: @Sendable (SessionRecord) -> AccessTokenClaims = { record in
            TokenIssue.reissue(of: claims, payload: self.payload(of: record, for: claims), issuedAt: now)
        }
        let (outcome, ahead) = try await update(
            claims.handle,
            signing: { outcome in
                guard case .updated(let record) = outcome, !isExpired else { return nil }
                return (reissued(record), record.signingKeyKind)
            }
        ) { record, now in
            DataUpdate.decide(payload: payload.map(JSONObjectText.init), against: record, at: now, within: terms)
        }
        guard case .updated(let record) = outcome else { return .sessionNotActive }
        let facts = SessionFacts(reissued(record))
        if isExpired { return .regenerated(facts, accessToken: nil) }
        if let ahead { return .regenerated(facts, accessToken: ahead) }
        return .regenerated(facts, accessToken: try await sign(reissued(record), record.signingKeyKind))
    }
}
