public import LosslessJSON
import SessionEngine
public import Tessera

extension RemoteCore {
    /// See `SessionBackend.revoke(_:)`.
    public func revoke(_ sessions: SessionSelection) async throws(SessionError) -> [String] {
        var path = "/recipe/session/remove"
        let body: JSONObject
        switch sessions {
        case .handles(let handles): body = ["sessionHandles": .array(handles.map(JSONValue.string))]
        case .user(let user, let tenant):
            if let tenant { path = "/\(tenant)" + path }
            body = [
                "userId": .string(user), "revokeSessionsForLinkedAccounts": true,
                "revokeAcrossAllTenants": .bool(tenant == nil),
            ]
        }
        // Whoever is revoked already stays so: asking twice does no harm.
        let reply = try await client.ask(.init(method: "POST", path: path, body: body, isRepeatable: true))
        return try CoreReply(reply).texts("sessionHandlesRevoked")
    }

    /// See `SessionBackend.handles(of:tenant:)`.
    public func handles(of userID: String, tenant: String?) async throws(SessionError) -> [String] {
        let query = [
            ("userId", userID), ("fetchSessionsForAllLinkedAccounts", "true"),
            ("fetchAcrossAllTenants", tenant == nil ? "true" : "false"),
        ]
        let path = (tenant.map { "/\($0)" } ?? "") + "/recipe/session/user"
        let reply = try await client.ask(.init(method: "GET", path: path, query: query, isRepeatable: true))
        return try CoreReply(reply).texts("sessionHandles")
    }

    /// See `SessionBackend.information(on:)`.
    public func information(on handle: String) async throws(SessionError) -> SessionInformation? {
        let reply = CoreReply(
            try await client.ask(
                .init(method: "GET", path: "/recipe/session", query: [("sessionHandle", handle)], isRepeatable: true)))
        switch reply.status {
        case "OK": return try reply.information(handle)
        case "UNAUTHORISED": return nil
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.replaceData(of:with:)`.
    public func replaceData(of handle: String, with data: JSONObject) async throws(SessionError) -> Bool {
        try await put("/recipe/session/data", ["sessionHandle": .string(handle), "userDataInDatabase": .object(data)])
    }

    /// See `SessionBackend.replacePayload(of:with:)`.
    public func replacePayload(of handle: String, with payload: JSONObject) async throws(SessionError) -> Bool {
        try await put("/recipe/jwt/data", ["sessionHandle": .string(handle), "userDataInJWT": .object(payload)])
    }

    private func put(_ path: String, _ body: JSONObject) async throws(SessionError) -> Bool {
        let reply = CoreReply(try await client.ask(.init(method: "PUT", path: path, body: body, isRepeatable: true)))
        switch reply.status {
        case "OK": return true
        case "UNAUTHORISED": return false
        default: throw reply.unexpected
        }
    }

    /// See `SessionBackend.sign(_:)`.
    public func sign(_ token: ApplicationTokenRequest) async throws(SessionError) -> String {
        let reply = CoreReply(
            try await client.ask(
                .init(
                    method: "POST", path: "/recipe/jwt",
                    body: [
                        "payload": .object(token.payload), "validity": .integer(token.validity.count / 1_000),
                        "useStaticSigningKey": .bool(token.usesStaticKey), "algorithm": "RS256",
                        "jwksDomain": .string(token.issuer),
                    ])))
        guard let text = reply.object["jwt"]?.string else { throw reply.unexpected }
        return text
    }

    /// See `SessionBackend.publishedKeys()`.
    public func publishedKeys() async throws(SessionError) -> PublishedKeySet { try await keys.published() }
}
