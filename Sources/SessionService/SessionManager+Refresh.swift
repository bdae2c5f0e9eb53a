import Foundations
public import LosslessJSON
public import SessionEngine
import SessionStorage

extension SessionManager {
    /// Exchanges a refresh token for new tokens, or says why not (docs/decisions/0019).
    ///
    /// - Throws: ``ServiceError``: the outcome is then unknown to the client, who may simply try again.
    public func refresh(_ request: PresentedRefreshToken) async throws(ServiceError) -> RefreshResult {
        let presented: Refresh.Presented
        do throws(RefreshTokenProblem) {
            let content = try refreshTokenKey.open(request.refreshToken)
            presented = Refresh.Presented(
                content: content, hash: TokenHash(of: request.refreshToken), antiCSRFToken: request.antiCSRFToken,
                rotationCount: refreshTokenKey.rotationCount(of: content))
        } catch {
            return .unauthorised(.notAToken(error))
        }
        let (now, rules) = (clock.time(), rules(for: request))
        // A successor whose hash is stored is made within the step that stores it; signing waits until after it.
        let successors = SuccessorMaker(of: presented, request, self)
        let outcome = try await update(presented.content.handle) { record, now in
            Refresh.decide(of: presented, against: record, at: now, rules: rules, successor: successors.hash)
        }
        switch outcome {
        case .antiCSRFMismatch: return .unauthorised(.antiCSRFMismatch)
        case .sessionNotActive: return .unauthorised(.sessionNotActive)
        case .payloadRefused: return .unauthorised(.payloadRefused)
        case .newerThanSession: return .unauthorised(.newerThanSession)
        case .tooLate: return .tooLate
        case .successorFailed: throw .signing(.cryptographyFailed)
        case .reuse(let found):
            return .reuseDetected(presented.content.handle, presented.content.userID, found)
        case .issue(let record, let successor, let lifetime):
            activity.note(record.userID, at: now)
            let part = try signing { () throws(SigningError) in try successors.part(successor) }
            var issued = try await issue(
                part, for: record, parent: presented.parentHash(request.rotation), format: request.format,
                validity: policy.lifetime(lifetime, of: request.accessTokenValidity, using: clock), at: now)
            issued.isShared = lifetime == .shortened
            Failpoint.reach("refresh.signed")
            return .refreshed(issued)
        }
    }

    private func rules(for request: PresentedRefreshToken) -> Refresh.Rules {
        Refresh.Rules(
            checksAntiCSRF: request.checksAntiCSRF, usesAntiCSRF: request.usesAntiCSRF,
            signingKeyKind: request.signingKeyKind, format: request.format,
            refreshTokenValidity: policy.refreshTokenValidity,
            rotation: request.rotation, successorPolicy: policy.successorPolicy,
            gracePeriod: policy.rotationGracePeriod, sharingWindow: policy.sharingWindow, silence: policy.silence,
            restoreNumber: storage.restoreNumber, afterRestore: policy.afterRestore,
            revokesOnReuse: policy.revokesOnReuse)
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
        let outcome = try await update(claims.handle) { record, now in
            DataUpdate.decide(payload: payload.map(JSONObjectText.init), against: record, at: now)
        }
        guard case .updated(let record) = outcome else { return .sessionNotActive }
        let reissued = TokenIssue.reissue(of: claims, payload: record.accessTokenPayload, issuedAt: now)
        if claims.isExpired(at: now) { return .regenerated(SessionFacts(reissued), accessToken: nil) }
        let token = try await sign(reissued, record.signingKeyKind)
        return .regenerated(SessionFacts(reissued), accessToken: token)
    }
}
