import CoreDriverInterface
import Logging
import LosslessJSON
import SessionEngine
import SessionService

extension JSONValue {
    /// A user's identifier: a string of at most 1,024 bytes, because every token of the session carries it.
    fileprivate var userID: String? { string.flatMap { $0.utf8.count <= 1_024 ? $0 : nil } }
}

extension CoreAPI {
    func createSession(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let userID = try fields.required("userId", \.userID)
        let payload = try fields.required("userDataInJWT", \.object)
        let data = try fields.required("userDataInDatabase", \.object)
        let usesAntiCSRF = try fields.versioned("enableAntiCsrf", \.bool) ?? settings.usesAntiCSRF
        let useDynamicKey = try fields.versioned("useDynamicSigningKey", \.bool)
        let validity = try accessTokenValidity(fields)
        let request = NewSession(
            userID: UserID(userID), accessTokenPayload: payload, sessionData: data, tenantID: call.tenant,
            format: call.dialect.rules.accessTokenFormat, usesAntiCSRF: usesAntiCSRF,
            signingKeyKind: signingKeyKind(useDynamicKey, call) ?? .dynamic, accessTokenValidity: validity)
        switch try await service.createSession(request) {
        case .payloadRefused(let problem): throw InvalidRequest(.payload(problem))
        case .created(let issued):
            var document = try document(.created, issued, call)
            document.add("status", "OK")
            try await addLegacyKeys(to: &document)
            return .json(document.object)
        }
    }

    /// The life that a driver asks for: shorter than the configured one, or the same
    /// (docs/specification/core.md 1.6.2).
    private func accessTokenValidity(_ fields: RequestFields) throws(InvalidRequest) -> Milliseconds? {
        guard let count = try fields.versioned("accessTokenValidity", \.long) else { return nil }
        let most = service.policy.accessTokenValidity
        guard count > 0, count <= most.count else { throw InvalidRequest(.accessTokenValidity(most: most)) }
        return Milliseconds(count)
    }

    /// The kind of key that a call asks for.
    ///
    /// Drivers that cannot ask get the configured one at creation and keep the session's own at refresh
    /// (docs/specification/core.md 4.8).
    private func signingKeyKind(_ useDynamicKey: Bool?, _ call: Call) -> SigningKeyKind? {
        if let useDynamicKey { return useDynamicKey ? .dynamic : .static }
        guard call.operation == .createSession else { return nil }
        let canAsk = call.dialect.presence(of: "useDynamicSigningKey", in: .createSession) != .ignored
        return canAsk ? .dynamic : settings.signingKeyKind
    }

    func refreshSession(_ call: Call) async throws -> CoreReply {
        let fields = try call.fields()
        let token = try fields.required("refreshToken", \.string)
        let antiCSRFToken = try fields.optional("antiCsrfToken", \.string)
        let usesAntiCSRF = try fields.versioned("enableAntiCsrf", \.bool) ?? settings.usesAntiCSRF
        let useDynamicKey = try fields.versioned("useDynamicSigningKey", \.bool)
        let validity = try accessTokenValidity(fields)
        let rules = call.dialect.rules
        let result = try await service.refresh(
            PresentedRefreshToken(
                refreshToken: RefreshToken(token), antiCSRFToken: antiCSRFToken.map(AntiCSRFToken.init),
                usesAntiCSRF: usesAntiCSRF, checksAntiCSRF: rules.checksAntiCSRFAtRefresh,
                format: rules.accessTokenFormat, signingKeyKind: signingKeyKind(useDynamicKey, call),
                rotatesAtOnce: rules.rotatesAtOnce, accessTokenValidity: validity))
        switch result {
        case .refreshed(let issued):
            var document = try document(.refreshed, issued, call)
            document.add("status", "OK")
            return .json(document.object)
        case .unauthorised(let refusal):
            if refusal == .newerThanSession { noteStorageWentBack() }
            return .unauthorised(message(refusal, call))
        case .tooLate: return .tooLate
        case .reuseDetected(let handle, let user, let found): return reuseDetected(handle, user, found, call)
        }
    }

    private func message(_ refusal: RefreshRefusal, _ call: Call) -> String {
        switch refusal {
        case .notAToken(let problem): WireText.message(problem, call.dialect.rules)
        case .antiCSRFMismatch: WireText.antiCSRFAtRefresh
        case .sessionEnded: WireText.sessionMissingOrExpired
        case .payloadRefused: WireText.protectedField
        case .newerThanSession: WireText.newerThanSession
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
    ) -> CoreReply {
        var document = ReplyDocument(.reuseDetected, call.dialect)
        let isRecent = call.dialect.rules.rotatesAtOnce && found != .stale
        if isRecent, !service.policy.reportsRecentReuseAsTheft {
            document.add("status", "UNAUTHORISED")
            document.add("message", .string(WireText.recentReuse))
        } else {
            document.add("status", "TOKEN_THEFT_DETECTED")
            document.add("session") { session in
                session.add("handle", .string(handle.text))
                session.add("userId", .string(user.text))
                session.add("recipeUserId", .string(user.text))
            }
        }
        document.add("recentTokenReuseSubtype", .string(WireText.name(of: found)))
        return .json(document.object)
    }

    private func document(_ shape: ReplyShape, _ issued: IssuedTokens, _ call: Call) throws -> ReplyDocument {
        var document = ReplyDocument(shape, call.dialect)
        try addSession(issued.session, to: &document)
        addAccessToken(issued.accessToken, to: &document, call)
        let issuedAt = issued.refreshTokenIssuedAt
        let expiresAt = issued.refreshTokenExpiresAt
        let cookies = settings.cookies
        document.add("refreshToken") { token in
            addToken(issued.refreshToken.text, issuedAt, expiresAt, path: cookies.refreshTokenPath, to: &token, call)
        }
        document.add("idRefreshToken") { token in
            addToken(issued.idRefreshToken, issuedAt, expiresAt, path: cookies.accessTokenPath, to: &token, call)
        }
        document.add("antiCsrfToken", issued.antiCSRFToken.map { .string($0.text) })
        return document
    }

    func addSession(_ facts: SessionFacts, to document: inout ReplyDocument) throws {
        let payload = try facts.accessTokenPayload.decoded()
        document.add("session") { session in
            session.add("handle", .string(facts.handle.text))
            session.add("userId", .string(facts.userID.text))
            session.add("recipeUserId", .string(facts.recipeUserID.text))
            session.add("userDataInJWT", .object(payload))
            session.add("tenantId", .string(facts.tenantID.text))
        }
    }

    func addAccessToken(_ token: AccessToken, to document: inout ReplyDocument, _ call: Call) {
        document.add("accessToken") { member in
            addToken(
                token.text, token.issuedAt, token.expiresAt, path: settings.cookies.accessTokenPath, to: &member, call)
        }
    }

    private func addToken(
        _ text: String, _ issuedAt: Timestamp, _ expiresAt: Timestamp, path: String, to token: inout ReplyDocument,
        _ call: Call
    ) {
        token.add("token", .string(text))
        token.add("expiry", .integer(expiresAt.milliseconds))
        token.add("createdTime", .integer(issuedAt.milliseconds))
        token.add("cookiePath", .string(path))
        token.add("cookieSecure", .bool(settings.cookies.secure))
        token.add("domain", cookieDomain(call))
        token.add("sameSite", .string(settings.cookies.sameSite))
    }

    func cookieDomain(_ call: Call) -> JSONValue? {
        (settings.cookies.domain ?? call.dialect.rules.unsetCookieDomain).map { .string($0) }
    }

    /// The keys for drivers that verify tokens without key ids.
    func addLegacyKeys(to document: inout ReplyDocument) async throws {
        if document.takes("jwtSigningPublicKey") {
            let key = try await service.legacyVerificationKey(settings.signingKeyKind)
            document.add("jwtSigningPublicKey", .string(key.spkiBase64))
            document.add("jwtSigningPublicKeyExpiryTime", .integer(key.expiresAt.milliseconds))
        }
        if document.takes("jwtSigningPublicKeyList") {
            let keys = try await service.legacyVerificationKeys(settings.signingKeyKind)
            document.add("jwtSigningPublicKeyList", .array(keys.map(Self.legacyKey)))
        }
    }

    private static func legacyKey(_ key: LegacyVerificationKey) -> JSONValue {
        .object([
            "publicKey": .string(key.spkiBase64), "expiryTime": .integer(key.verifiesUntil.milliseconds),
            "createdAt": .integer(key.createdAt.milliseconds),
        ])
    }
}
