public import LosslessJSON
public import SessionEngine
public import Tessera

extension RemoteCore {
    /// See `SessionBackend.revoke(_:)`.
    public func revoke(_ handles: [SessionHandle]) async throws(SessionError) -> [SessionHandle] {
        try await remove(
            "/recipe/session/remove", ["sessionHandles": .array(handles.map { .string($0.text) })])
    }

    /// See `SessionBackend.revokeAll(of:tenant:)`.
    public func revokeAll(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
        try await remove(
            Self.path("/recipe/session/remove", of: tenant),
            [
                "userId": .string(user.text), "revokeSessionsForLinkedAccounts": true,
                "revokeAcrossAllTenants": .bool(tenant == nil),
            ])
    }

    /// Whoever is revoked already stays so: asking twice does no harm.
    private func remove(_ path: String, _ body: JSONObject) async throws(SessionError) -> [SessionHandle] {
        let reply = try await client.ask(.init(method: "POST", path: path, body: body, isRepeatable: true))
        return try CoreReply(reply).handles("sessionHandlesRevoked")
    }

    private static func path(_ path: String, of tenant: TenantID?) -> String {
        (tenant.map { "/\($0.text)" } ?? "") + path
    }

    /// See `SessionBackend.handles(of:tenant:)`.
    public func handles(of userID: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
        let query = [
            ("userId", userID.text), ("fetchSessionsForAllLinkedAccounts", "true"),
            ("fetchAcrossAllTenants", tenant == nil ? "true" : "false"),
        ]
        let path = Self.path("/recipe/session/user", of: tenant)
        let reply = try await client.ask(.init(method: "GET", path: path, query: query, isRepeatable: true))
        return try CoreReply(reply).handles("sessionHandles")
    }

    /// See `SessionBackend.information(on:)`.
    public func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation? {
        let reply = CoreReply(
            try await client.ask(
                .init(
                    method: "GET", path: "/recipe/session", query: [("sessionHandle", handle.text)], isRepeatable: true)
            ))
        switch reply.status {
        case "OK": return try reply.information(handle)
        case "UNAUTHORISED": return nil
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.replaceData(of:with:)`.
    public func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool {
        try await put(
            "/recipe/session/data", ["sessionHandle": .string(handle.text), "userDataInDatabase": .object(data)])
    }

    /// See `SessionBackend.replacePayload(of:with:)`.
    public func replacePayload(of handle: SessionHandle, with payload: JSONObject) async throws(SessionError) -> Bool {
        try await put("/recipe/jwt/data", ["sessionHandle": .string(handle.text), "userDataInJWT": .object(payload)])
    }

    private func put(_ path: String, _ body: JSONObject) async throws(SessionError) -> Bool {
        let reply = CoreReply(try await client.ask(.init(method: "PUT", path: path, body: body, isRepeatable: true)))
        switch reply.status {
        case "OK": return true
        case "UNAUTHORISED": return false
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.signToken(payload:issuer:validity:kind:)`.
    public func signToken(
        payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
    ) async throws(SessionError) -> String {
        let reply = CoreReply(
            try await client.ask(
                .init(
                    method: "POST", path: "/recipe/jwt",
                    body: [
                        "payload": .object(payload), "validity": .integer(validity.count / 1_000),
                        "useStaticSigningKey": .bool(kind == .static), "algorithm": "RS256",
                        "jwksDomain": .string(issuer),
                    ])))
        guard let text = reply.object["jwt"]?.string else { throw reply.unexpected }
        return text
    }

    /// See `SessionBackend.publishedKeys()`.
    public func publishedKeys() async throws(SessionError) -> PublishedKeys { try await keys.published() }
}
