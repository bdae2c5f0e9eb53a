public import LosslessJSON
public import SessionEngine
import SessionService
public import TesseraSessions

extension InProcessBackend {
    public func revoke(
        _ handles: [SessionHandle], by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await run { () async throws(ServiceError) in try await service.revoke(handles, by: actor) }
    }

    public func revoke(with token: RefreshToken, by actor: AuditActor) async throws(SessionError) -> Bool {
        try await run { () async throws(ServiceError) in try await service.revoke(with: token, by: actor) }
    }

    public func endReason(of handle: SessionHandle) async throws(SessionError) -> EndReason? {
        try await run { () async throws(ServiceError) in try await service.end(of: handle).map(EndReason.init) }
    }

    public func endReason(ofSessionWith token: RefreshToken) async throws(SessionError) -> EndReason? {
        try await run { () async throws(ServiceError) in
            try await service.end(ofSessionWith: token).map(EndReason.init)
        }
    }

    public func revokeAll(
        of user: UserID, tenant: TenantID?, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle] {
        try await run { () async throws(ServiceError) in
            try await service.revokeAll(of: user, tenant: tenant, by: actor)
        }
    }

    /// The handles of a user's sessions, oldest first.
    ///
    /// - Throws: see `SessionBackend`.
    public func handles(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
        try await run { () async throws(ServiceError) in try await service.handles(of: user, tenant: tenant) }
    }

    /// What storage has about a session.
    ///
    /// - Throws: see `SessionBackend`; `SessionError.coreRejected(status:message:)` for a damaged record.
    public func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation? {
        let record = try await run { () async throws(ServiceError) in try await service.session(handle) }
        guard let record else { return nil }
        do throws(JSONError) {
            return try SessionInformation(record)
        } catch {
            throw .coreRejected(status: 500, message: "stored data of session \(handle) is damaged")
        }
    }

    /// Replaces the data in storage.
    ///
    /// - Throws: see `SessionBackend`.
    public func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool {
        try await run { () async throws(ServiceError) in try await service.replaceData(of: handle, sessionData: data) }
    }

    /// Replaces the payload in storage, if a token of the newest format can carry it.
    ///
    /// - Throws: see `SessionBackend`.
    public func replacePayload(of handle: SessionHandle, with payload: JSONObject) async throws(SessionError) -> Bool {
        if let problem = AccessTokenFormat.newest.problem(with: payload) {
            throw .badInput("the payload cannot travel in an access token: \(problem)")
        }
        return try await run { () async throws(ServiceError) in
            try await service.replaceData(of: handle, accessTokenPayload: payload)
        }
    }

    /// Signs with the newest key of the kind, RS256.
    ///
    /// - Throws: see `SessionBackend`.
    public func signToken(
        payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
    ) async throws(SessionError) -> String {
        try await run { () async throws(ServiceError) in
            try await service.signToken(payload: payload, issuer: issuer, validity: validity, kind: kind)
        }
    }

    /// The keys of this process, which are made at the first call.
    ///
    /// - Throws: see `SessionBackend`.
    public func publishedKeys() async throws(SessionError) -> PublishedKeys {
        try await run { () async throws(ServiceError) in try await service.publishedKeys() }
    }
}
