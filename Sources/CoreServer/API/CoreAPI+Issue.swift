import CoreDriverInterface
import Logging
import LosslessJSON
import OperatorMetrics
import SessionEngine
import SessionService

extension CoreAPI {
    func createSession(_ call: Call) async throws -> CoreReply {
        let asked = try call.decode(Catalogue.createSession)
        var request = NewSession(
            userID: UserID(asked.userID), accessTokenPayload: asked.payload, sessionData: asked.data,
            tenantID: call.tenant, format: call.dialect.rules.accessTokenFormat,
            usesAntiCSRF: asked.usesAntiCSRF ?? settings.usesAntiCSRF, signingKeyKind: signingKeyKind(asked, call),
            accessTokenValidity: try accessTokenValidity(asked.accessTokenValidity))
        try SessionPolicyField(call.request.policy)?.apply(to: &request)
        request.client = call.request.client.facts
        request.proof = call.request.presentedProof
        request.wantsDeviceOffer = try call.request.presentedDevice().wantsOffer
        switch try await service.createSession(request) {
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        case .limitReached(let limit, let handles): return .limitReached(limit, handles, call.request)
        case .proofRefused: return .proofNeeded(nonce: nil)
        case .authenticatedTooLongAgo: throw InvalidRequest(.authenticatedTooLongAgo)
        case .notAnonymous: throw InvalidRequest(.anonymousUserID)
        case .created(let issued):
            var reply = try self.reply(issued, call)
            try await addLegacyKeys(to: &reply.keys, .created, call)
            metrics.verdicts.created.add(RotationLabel(call.dialect.rules.rotation))
            return .json(Catalogue.created.encode(reply, call.dialect))
        }
    }

    /// The life that a driver asks for: shorter than the configured one, or the same (docs/specification/core.md 1.6.2).
    private func accessTokenValidity(_ count: Int64?) throws(InvalidRequest) -> Milliseconds? {
        guard let count else { return nil }
        let most = service.policy.accessTokenValidity
        guard count > 0, count <= most.count else { throw InvalidRequest(.accessTokenValidity(most: most)) }
        return Milliseconds(count)
    }

    /// The kind of key of a new session: drivers that cannot ask get the configured one (docs/specification/core.md 4.8).
    private func signingKeyKind(_ request: CreateSessionRequest, _ call: Call) -> SigningKeyKind {
        if let usesDynamicKey = request.usesDynamicKey { return usesDynamicKey ? .dynamic : .static }
        let canAsk = Catalogue.createSession.reads(\.usesDynamicKey, call.dialect)
        return canAsk ? .dynamic : settings.signingKeyKind
    }

    func refreshSession(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.refreshSession)
        let rules = call.dialect.rules
        var presented = PresentedRefreshToken(
            refreshToken: RefreshToken(request.refreshToken),
            antiCSRFToken: request.antiCSRFToken.map(AntiCSRFToken.init),
            usesAntiCSRF: request.usesAntiCSRF ?? settings.usesAntiCSRF,
            checksAntiCSRF: rules.checksAntiCSRFAtRefresh, format: rules.accessTokenFormat,
            signingKeyKind: request.usesDynamicKey.map { $0 ? .dynamic : .static }, rotation: rules.rotation,
            accessTokenValidity: try accessTokenValidity(request.accessTokenValidity))
        presented.isBackground = try call.isBackground()
        try call.request.describeClient(to: &presented)
        return try await reply(to: try await service.refresh(presented), call)
    }

    /// The user of a session was authenticated once more; answered as a refresh is.
    func stepUpSession(_ call: Call) async throws -> CoreReply {
        let request = try call.decode(Catalogue.stepUpSession)
        var presented = PresentedRefreshToken(
            refreshToken: RefreshToken(request.refreshToken),
            antiCSRFToken: request.antiCSRFToken.map(AntiCSRFToken.init),
            usesAntiCSRF: request.usesAntiCSRF ?? settings.usesAntiCSRF,
            checksAntiCSRF: call.dialect.rules.checksAntiCSRFAtRefresh, format: call.dialect.rules.accessTokenFormat,
            rotation: .atOnce)
        try call.request.describeClient(to: &presented)
        let stepUp = StepUp(level: request.level, methods: request.methods ?? [], isFull: request.isFull ?? false)
        return try await reply(to: try await service.stepUp(stepUp, with: presented), call)
    }

    func reply(to result: RefreshResult, _ call: Call) async throws -> CoreReply {
        metrics.verdicts.refreshes.add(RefreshLabel(result))
        switch result {
        case .refreshed(let issued):
            return .json(Catalogue.refreshed.encode(try reply(issued, call), call.dialect))
        case .unauthorised(.impersonated): throw InvalidRequest(.impersonated)
        case .unauthorised(let refusal):
            if refusal == .newerThanSession { noteStorageWentBack() }
            return .unauthorised(message(refusal, call))
        case .tooLate: return .tooLate
        case .proofNeeded(let nonce): return .proofNeeded(nonce: nonce)
        case .deviceNotYet: return .deviceNotYet(isKnown: call.request.device != nil)
        case .reuseDetected(let handle, let user, let found): return await reuseDetected(handle, user, found, call)
        }
    }

    private func message(_ refusal: RefreshRefusal, _ call: Call) -> String {
        switch refusal {
        case .notAToken(let problem): WireText.message(problem, call.dialect.rules)
        case .antiCSRFMismatch: WireText.antiCSRFAtRefresh
        case .sessionNotActive: WireText.sessionMissingOrExpired
        case .payloadRefused: WireText.protectedField
        case .newerThanSession: WireText.newerThanSession
        case .impersonated: WireText.impersonated
        case .boundToOtherKey: WireText.boundToOtherKey
        case .boundToDevice: WireText.boundToDevice
        }
    }

    /// Nothing but an older state of the storage makes a client's token newer than its session.
    private func noteStorageWentBack() {
        logger.error(
            """
            a refresh token is newer than its session, which was revoked: the storage has gone back to an older state. \
            If it was put back from a copy, run 'tessera restore' (docs/backup.md)
            """)
    }

    private func reuseDetected(
        _ handle: SessionHandle, _ user: UserID, _ found: Refresh.ReuseClass, _ call: Call
    ) async -> CoreReply {
        var reply = TokensReply()
        reply.reuseClass = WireText.name(of: found)
        events.reuse(of: handle, call.app, found, isEnded: service.policy.revokesOnReuse)
        let isEnded = service.policy.revokesOnReuse || call.dialect.rules.rotation == .atOnce
        metrics.verdicts.reuses.add(ReuseLabel(found), FlagLabel(isEnded))
        guard service.policy.reportsAsTheft(found, call.dialect.rules.rotation) else {
            reply.message = WireText.recentReuse
            return .json(Catalogue.refreshRefused.encode(reply, call.dialect)).meaning(.unauthorised)
        }
        trace(handle)
        var session = SessionPart()
        // The verdict stands whether or not the accounts can be read.
        let primary = (try? await service.primaryUser(of: user)).flatMap(\.self) ?? user
        (session.handle, session.userID, session.recipeUserID) = (handle.rawValue, primary.rawValue, user.rawValue)
        reply.session = session
        return .json(Catalogue.theftDetected.encode(reply, call.dialect)).meaning(.theft)
    }

    func reply(_ issued: IssuedTokens, _ call: Call) throws -> TokensReply {
        var reply = TokensReply()
        reply.session = try part(issued.session)
        reply.accessToken = part(issued.accessToken, call)
        let (issuedAt, expiresAt) = (issued.refreshTokenIssuedAt, issued.refreshTokenExpiresAt)
        let cookies = settings.cookies
        reply.refreshToken = part(issued.refreshToken.exposed, issuedAt, expiresAt, cookies.refreshTokenPath, call)
        reply.idRefreshToken = part(issued.idRefreshToken, issuedAt, expiresAt, cookies.accessTokenPath, call)
        reply.antiCSRFToken = issued.antiCSRFToken?.exposed
        reply.deviceOffer = issued.deviceOffer
        return reply
    }

    func part(_ facts: SessionFacts) throws -> SessionPart {
        trace(facts.handle)
        var part = SessionPart()
        (part.handle, part.tenantID) = (facts.handle.rawValue, facts.tenantID.rawValue)
        (part.userID, part.recipeUserID) = (facts.userID.rawValue, facts.recipeUserID.rawValue)
        part.payload = try stored(facts.accessTokenPayload, "jwt_user_payload", facts.handle)
        return part
    }

    func part(_ token: AccessToken, _ call: Call) -> TokenPart {
        part(token.exposed, token.issuedAt, token.expiresAt, settings.cookies.accessTokenPath, call)
    }

    private func part(
        _ text: String, _ issuedAt: Timestamp, _ expiresAt: Timestamp, _ path: String, _ call: Call
    ) -> TokenPart {
        var part = TokenPart()
        (part.text, part.createdAt, part.expiresAt) = (text, issuedAt.milliseconds, expiresAt.milliseconds)
        (part.cookiePath, part.cookieSecure) = (path, settings.cookies.secure)
        (part.domain, part.sameSite) = (cookieDomain(call), settings.cookies.sameSite)
        return part
    }

    func cookieDomain(_ call: Call) -> String? { settings.cookies.domain ?? call.dialect.rules.unsetCookieDomain }

    /// The keys for drivers that verify tokens without key ids, where a reply tells them.
    func addLegacyKeys(to keys: inout LegacyKeys, _ shape: ReplyShape, _ call: Call) async throws {
        let takes = call.dialect.takesLegacyKeys(in: shape)
        if takes.key {
            let key = try await service.legacyVerificationKey(settings.signingKeyKind)
            (keys.key, keys.expiresAt) = (key.spkiBase64, key.expiresAt.milliseconds)
        }
        if takes.list {
            keys.list = LegacyKeyList(
                try await service.legacyVerificationKeys(settings.signingKeyKind).map {
                    ($0.spkiBase64, $0.verifiesUntil.milliseconds, $0.createdAt.milliseconds)
                })
        }
    }
}
