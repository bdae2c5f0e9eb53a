import Foundations
import LosslessJSON
public import SessionEngine
public import SessionStorage

/// The answer to an upgrade of an anonymous session.
public enum UpgradeResult: Sendable {
    /// The user has a session of their own.
    case upgraded(IssuedTokens)
    /// The presented refresh token is answered as in a refresh.
    case refused(RefreshResult)
    /// A user has signed in already in the session that was presented.
    case notAnonymous
    /// The user has as many sessions as allowed, and none ends for a new one; nothing was changed.
    case limitReached(SessionLimit, [SessionHandle])
    /// The payload cannot be encoded in a token of the wanted format; nothing was changed.
    case payloadRefused(PayloadProblem)
    /// The authentication that the session begins with is longer ago than its absolute limit; nothing was changed.
    case authenticatedTooLongAgo
}

extension SessionManager {
    /// How often an upgrade is decided again because the anonymous session was changed meanwhile.
    private static let attempts = 8

    /// Begins the session of a user who has signed in where an anonymous one was: the old one ends in the same step, and none of its
    /// tokens is good any more (docs/decisions/0044).
    ///
    /// The same upgrade with the same refresh token gets the same answer for a while.
    ///
    /// - Parameters:
    ///   - upgrade: the session of the user.
    ///   - request: the refresh token of the anonymous session.
    /// - Throws: ``ServiceError``: the outcome is then unknown to the client, who may simply try again.
    public func upgrade(
        _ upgrade: Upgrade, with request: PresentedRefreshToken
    ) async throws(ServiceError) -> UpgradeResult {
        if let problem = request.format.problem(with: upgrade.session.accessTokenPayload) {
            return .payloadRefused(problem)
        }
        let presented: Refresh.Presented
        do throws(RefreshTokenProblem) {
            presented = try opened(request.refreshToken, request.antiCSRFToken)
        } catch {
            return .refused(.unauthorised(.notAToken(error)))
        }
        let (content, key) = (presented.content, refreshTokenKey)
        let handle = key.upgradedHandle(of: content.handle, tenant: content.tenantID)
        let first = try signing { () throws(SigningError) in
            try TokenIssue.upgraded(
                to: handle, userID: upgrade.session.userID, from: presented, usesAntiCSRF: request.usesAntiCSRF,
                key: key)
        }
        let step = UpgradeStep(
            upgrade: upgrade, presented: presented, request: request, handle: handle, first: first,
            rules: upgradeRules(for: request))
        for _ in 0..<Self.attempts {
            if let result = try await attempt(step) { return result }
        }
        return .refused(.tooLate)
    }

    /// Where a session rotates does not matter: the presented token is judged, and gives no successor.
    private func upgradeRules(for request: PresentedRefreshToken) -> Refresh.Rules {
        var rules = rules(for: request)
        (rules.rotation, rules.isBackground) = (.atFirstUse, false)
        return rules
    }

    /// Decides and stores once; `nil` where the anonymous session was changed between the two.
    private func attempt(_ step: UpgradeStep) async throws(ServiceError) -> UpgradeResult? {
        let (handle, number) = (step.presented.content.handle, refusals.nextRequest())
        let outcome = try await update(handle) { [refusals] record, now in
            let decided = step.upgrade.decide(
                of: step.presented, against: record, at: now, rules: step.rules, handle: step.handle,
                first: step.first.hash)
            return refusals.limited(decided, of: handle, by: number, at: now)
        }
        switch outcome {
        case .notAnonymous: return .notAnonymous
        case .authenticatedTooLongAgo: return .authenticatedTooLongAgo
        case .refused(.sessionNotActive): return try await repeated(step)
        case .refused(let refusal): return .refused(refused(refusal, step))
        case .replace(let next, let record):
            // Nothing is stored unless every token could be made.
            let tokens = try await issued(next, step)
            switch try await replace(record, by: next, step.upgrade.session.replacedSession) {
            case .predecessorChanged?: return nil
            case .refused(let handles)?:
                guard let limit = policy.sessionLimit else { return nil }
                return .limitReached(limit, handles)
            case .created?:
                noteActivity(of: next, at: clock.time())
                return .upgraded(tokens)
            case nil: return nil
            }
        }
    }

    /// Stores the new session in the place of the old one; `nil` where another upgrade has the handle by now.
    private func replace(
        _ old: SessionRecord, by next: SessionRecord, _ other: SessionHandle?
    ) async throws(ServiceError) -> SessionAdmission.Outcome? {
        let event =
            keepsAuditLog ? AuditEvent.created(next, within: policy.terms, replacing: old.handle) : nil
        let admission = SessionAdmission(
            limit: policy.sessionLimit, replaced: other, predecessor: old, terms: policy.terms)
        Failpoint.reach("upgrade.before-storage")
        do throws(StorageError) {
            let outcome = try await storage.insert(next, admission: admission, audit: event)
            Failpoint.reach("upgrade.stored")
            return outcome
        } catch {
            if error.code == .alreadyExists { return nil }
            throw .storage(error)
        }
    }

    private func issued(_ record: SessionRecord, _ step: UpgradeStep) async throws(ServiceError) -> IssuedTokens {
        let now = clock.time()
        var record = record
        record.primaryUserID = try await primaryUser(of: record.userID)
        var issued = try await issue(
            step.first, for: record, format: step.request.format,
            validity: policy.lifetime(.whole, for: record.traits, using: clock), at: now)
        issued.deviceOffer = offer(for: record, wanted: step.request.device.wantsOffer)
        return issued
    }

    /// The anonymous session is gone: by this upgrade, by another, or otherwise.
    private func repeated(_ step: UpgradeStep) async throws(ServiceError) -> UpgradeResult {
        let number = refusals.nextRequest()
        let outcome = try await update(step.handle) { [refusals] record, now in
            let decided = step.upgrade.repeated(record, at: now, rules: step.rules, first: step.first.hash)
            return refusals.limited(decided, of: step.handle, by: number, at: now)
        }
        guard case .issue(let record, _, _) = outcome else { return .refused(refused(outcome, step)) }
        noteActivity(of: record, at: clock.time())
        return .upgraded(try await issued(record, step))
    }

    private func refused(_ outcome: Refresh.Outcome, _ step: UpgradeStep) -> RefreshResult {
        switch outcome {
        case .antiCSRFMismatch: .unauthorised(.antiCSRFMismatch)
        case .newerThanSession: .unauthorised(.newerThanSession)
        case .reuse(let found):
            .reuseDetected(step.presented.content.handle, step.presented.content.userID, found)
        case .proofRefused(let refusal): result(of: refusal, at: clock.time())
        case .sessionNotActive, .payloadRefused: .unauthorised(.sessionNotActive)
        case .tooLate, .successorFailed, .issue, .impersonated: .tooLate
        }
    }

    /// Whether an anonymous session was upgraded so short a time ago that its tokens may still be on their way: then they are
    /// no reason to sign the user out.
    ///
    /// - Parameters:
    ///   - handle: the session that a token names.
    ///   - user: the user that it names; nothing is read for any but an anonymous one.
    ///   - tenant: the tenant that it names.
    func wasUpgraded(
        _ handle: SessionHandle, of user: UserID, in tenant: TenantID
    ) async throws(ServiceError) -> Bool {
        guard user.isAnonymous else { return false }
        let (window, terms) = (policy.sharingWindow, policy.terms)
        return try await update(refreshTokenKey.upgradedHandle(of: handle, tenant: tenant)) { record, now in
            Decision(.keep, record?.isRecentUpgrade(at: now, window: window, within: terms) ?? false)
        }
    }

    /// Ends an impersonation.
    ///
    /// - Parameter handle: the session.
    /// - Returns: whether there was one; a session of the user's own stays.
    /// - Throws: ``ServiceError``; then nothing is known to be ended and the caller must try again.
    public func endImpersonation(_ handle: SessionHandle) async throws(ServiceError) -> Bool {
        let terms = policy.terms
        return try await update(handle) { record, now in Impersonation.end(record, at: now, within: terms) }
    }
}

/// One upgrade: what does not change however often it is decided.
private final class UpgradeStep: Sendable {
    let upgrade: Upgrade
    let presented: Refresh.Presented
    let request: PresentedRefreshToken
    let handle: SessionHandle
    let first: TokenIssue.RefreshPart
    let rules: Refresh.Rules

    init(
        upgrade: Upgrade, presented: Refresh.Presented, request: PresentedRefreshToken, handle: SessionHandle,
        first: TokenIssue.RefreshPart, rules: Refresh.Rules
    ) {
        (self.upgrade, self.presented, self.request) = (upgrade, presented, request)
        (self.handle, self.first, self.rules) = (handle, first, rules)
    }
}
