public import LosslessJSON
import SessionEngine
import SessionService
public import Tessera

extension InProcessBackend {
    /// See `SessionBackend.revoke(_:)`.
    public func revoke(_ sessions: SessionSelection) async throws(SessionError) -> [String] {
        let ended = try await run { () async throws(ServiceError) in
            switch sessions {
            case .handles(let handles): try await service.revoke(handles.map(SessionHandle.init))
            case .user(let user, let tenant):
                try await service.revokeAll(of: UserID(user), tenant: tenant.map(TenantID.init))
            }
        }
        return ended.map(\.text)
    }

    /// See `SessionBackend.handles(of:tenant:)`.
    public func handles(of userID: String, tenant: String?) async throws(SessionError) -> [String] {
        try await run { () async throws(ServiceError) in
            try await service.handles(of: UserID(userID), tenant: tenant.map(TenantID.init))
        }.map(\.text)
    }

    /// See `SessionBackend.information(on:)`.
    public func information(on handle: String) async throws(SessionError) -> SessionInformation? {
        let record = try await run { () async throws(ServiceError) in
            try await service.session(SessionHandle(handle))
        }
        guard let record else { return nil }
        do throws(JSONError) {
            return SessionInformation(
                identity: SessionIdentity(
                    handle: record.handle.text, userID: record.userID.text, tenantID: record.tenantID.text),
                payload: try record.accessTokenPayload.decoded(), data: try record.sessionData.decoded(),
                createdAt: record.createdAt, expiresAt: record.expiresAt)
        } catch {
            throw .coreRejected(status: 500, message: "stored data of session \(handle) is damaged")
        }
    }

    /// See `SessionBackend.replaceData(of:with:)`.
    public func replaceData(of handle: String, with data: JSONObject) async throws(SessionError) -> Bool {
        try await run { () async throws(ServiceError) in
            try await service.replaceData(of: SessionHandle(handle), sessionData: data)
        }
    }

    /// See `SessionBackend.replacePayload(of:with:)`.
    public func replacePayload(of handle: String, with payload: JSONObject) async throws(SessionError) -> Bool {
        if let problem = AccessTokenFormat.newest.problem(with: payload) {
            throw .badInput("the payload cannot travel in an access token: \(problem)")
        }
        return try await run { () async throws(ServiceError) in
            try await service.replaceData(of: SessionHandle(handle), accessTokenPayload: payload)
        }
    }

    /// See `SessionBackend.sign(_:)`.
    public func sign(_ token: ApplicationTokenRequest) async throws(SessionError) -> String {
        try await run { () async throws(ServiceError) in
            try await service.signToken(
                payload: token.payload, issuer: token.issuer, validity: token.validity,
                kind: token.usesStaticKey ? .static : .dynamic)
        }
    }

    /// See `SessionBackend.publishedKeys()`.
    public func publishedKeys() async throws(SessionError) -> PublishedKeySet {
        let keys = try await run { () async throws(ServiceError) in try await service.publishedKeys() }
        return PublishedKeySet(keys: keys.keys, maxAgeSeconds: keys.maxAgeSeconds)
    }
}

extension SessionError {
    /// A fault of the machine is told as one, never as a word about a session (docs/specification/security.md B07).
    init(_ error: ServiceError) {
        switch error {
        case .storage(let storage): self = .coreUnavailable("storage failed: \(storage)")
        case .signing(let signing):
            self = .coreRejected(status: 500, message: "a token could not be signed: \(signing)")
        }
    }
}

extension SessionIdentity {
    init(_ facts: SessionFacts) {
        self.init(
            handle: facts.handle.text, userID: facts.userID.text, recipeUserID: facts.recipeUserID.text,
            tenantID: facts.tenantID.text)
    }
}

extension IssuedToken {
    init(_ token: AccessToken) {
        self.init(text: token.text, expiresAt: token.expiresAt, issuedAt: token.issuedAt)
    }
}

extension IssuedSession {
    init(_ tokens: IssuedTokens) throws(SessionError) {
        let payload: JSONObject
        do throws(JSONError) {
            payload = try tokens.session.accessTokenPayload.decoded()
        } catch {
            throw .coreRejected(status: 500, message: "a stored payload is damaged")
        }
        let (issuedAt, expiresAt) = (tokens.refreshTokenIssuedAt, tokens.refreshTokenExpiresAt)
        self.init(
            identity: SessionIdentity(tokens.session), payload: payload, accessToken: IssuedToken(tokens.accessToken),
            refreshToken: IssuedToken(text: tokens.refreshToken.text, expiresAt: expiresAt, issuedAt: issuedAt),
            idRefreshToken: IssuedToken(text: tokens.idRefreshToken, expiresAt: expiresAt, issuedAt: issuedAt),
            antiCSRFToken: tokens.antiCSRFToken?.text)
    }
}
