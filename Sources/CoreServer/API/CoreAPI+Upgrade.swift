import CoreDriverInterface
import Foundations
import LosslessJSON
import OperatorMetrics
import SessionEngine
import SessionService

/// Anonymous sessions that become a user's, and sessions in which another person acts as a user (docs/decisions/0044).
extension CoreAPI {
    /// The user of an anonymous session has signed in; answered as a refresh is.
    func upgradeSession(_ call: Call) async throws -> CoreReply {
        let asked = try call.decode(Catalogue.upgradeSession)
        let rules = call.dialect.rules
        let usesAntiCSRF = asked.usesAntiCSRF ?? settings.usesAntiCSRF
        var session = NewSession(
            userID: UserID(asked.userID), accessTokenPayload: asked.payload ?? [:], sessionData: asked.data ?? [:],
            format: rules.accessTokenFormat, usesAntiCSRF: usesAntiCSRF)
        try SessionPolicyField(call.request.policy)?.apply(to: &session)
        guard !session.isAnonymous, !session.userID.isAnonymous else { throw InvalidRequest(.anonymousUserID) }
        session.level = asked.level ?? session.level
        session.methods = asked.methods ?? session.methods
        var presented = PresentedRefreshToken(
            refreshToken: RefreshToken(asked.refreshToken),
            antiCSRFToken: asked.antiCSRFToken.map(AntiCSRFToken.init), usesAntiCSRF: usesAntiCSRF,
            checksAntiCSRF: rules.checksAntiCSRFAtRefresh, format: rules.accessTokenFormat, rotation: .atOnce)
        try call.request.describeClient(to: &presented)
        let upgrade = Upgrade(to: session, keepsData: asked.keepsData ?? true)
        switch try await service.upgrade(upgrade, with: presented) {
        case .upgraded(let issued):
            metrics.verdicts.created.add(RotationLabel(rules.rotation))
            return .json(Catalogue.refreshed.encode(try reply(issued, call), call.dialect))
        case .refused(let result): return try await reply(to: result, call)
        case .notAnonymous: throw InvalidRequest(.notAnonymous)
        case .limitReached(let limit, let handles): return .limitReached(limit, handles, call.request)
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        case .authenticatedTooLongAgo: throw InvalidRequest(.authenticatedTooLongAgo)
        }
    }

    /// Begins a session in which another person acts as a user.
    func impersonateUser(_ call: Call) async throws -> CoreReply {
        let asked = try call.decode(Catalogue.impersonateUser)
        let lifetime = asked.lifetime.map { Milliseconds.seconds($0) } ?? Impersonation.usual
        guard let actor = ActingParty(.object(asked.actor)),
            let impersonation = Impersonation(by: actor, reason: asked.reason, lifetime: lifetime)
        else { throw InvalidRequest(.notJSON) }
        var session = NewSession(
            userID: UserID(asked.userID), accessTokenPayload: asked.payload ?? [:], sessionData: asked.data ?? [:],
            tenantID: call.tenant, format: call.dialect.rules.accessTokenFormat,
            usesAntiCSRF: asked.usesAntiCSRF ?? settings.usesAntiCSRF)
        (session.impersonation, session.client) = (impersonation, call.request.client.facts)
        switch try await service.createSession(session) {
        case .created(let issued):
            metrics.verdicts.created.add(RotationLabel(call.dialect.rules.rotation))
            return .json(Catalogue.refreshed.encode(try reply(issued, call), call.dialect))
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        case .limitReached(let limit, let handles): return .limitReached(limit, handles, call.request)
        case .authenticatedTooLongAgo: throw InvalidRequest(.authenticatedTooLongAgo)
        case .notAnonymous: throw InvalidRequest(.anonymousUserID)
        case .proofRefused: return .proofNeeded(nonce: nil)
        }
    }

    /// Ends such a session; one of the user's own stays.
    func endImpersonation(_ call: Call) async throws -> CoreReply {
        let handle = SessionHandle(try call.decode(Catalogue.endImpersonation).handle)
        return .choice(Catalogue.removed, try await service.endImpersonation(handle))
    }
}
