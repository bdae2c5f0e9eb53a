import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine

// The routes of a page with the user's own devices (docs/devices.md).
extension Sessions {
    /// `?limit=` and `?after=` as the core's own list.
    func ownDevices(in exchange: SessionExchange) async throws(SessionError) -> SessionReply {
        let session = try await ownSession(in: exchange)
        let limit = try exchange.parameter("limit").map { (text) throws(SessionError) in
            guard let limit = Int(text), (1...500).contains(limit) else {
                throw .badInput("'limit' must be a number from 1 to 500")
            }
            return limit
        }
        let page = try await devices(
            of: session.userID, after: exchange.parameter("after"), limit: limit ?? 50)
        let entries = page.devices.map { JSONValue.object($0.json(isCurrent: $0.handle == session.handle)) }
        var object: JSONObject = ["status": "OK", "devices": .array(entries)]
        if let next = page.next { object.append("next", .string(next)) }
        var reply = SessionReply(json: object)
        reply.headerFields[.cacheControl] = "no-store"
        return reply
    }

    /// `{"handles": […]}` or `{"others": true}`.
    ///
    /// Other sessions end only after a recent authentication (ASVS 7.5.2): who found an open browser must not sign its owner
    /// out everywhere else.
    func endOwnDevices(_ body: [UInt8], in exchange: SessionExchange) async throws(SessionError) -> SessionReply {
        let session = try await ownSession(in: exchange, impersonation: .refused)
        let object = try Self.object(body)
        let ended: [SessionHandle]
        if object["others"]?.bool == true, object["handles"] == nil {
            try await session.requireRecentAuthentication(configuration.deviceAuthenticationAge)
            ended = try await session.revokeOthers(by: .user)
        } else {
            guard object["others"] == nil, let texts = object["handles"]?.array?.map(\.string), !texts.isEmpty,
                texts.count <= 100
            else { throw .badInput("send {\"handles\": [1 to 100 texts]} or {\"others\": true}") }
            let handles = texts.compactMap { $0.map { SessionHandle($0) } }
            guard handles.count == texts.count else { throw .badInput("a handle is a text") }
            if handles != [session.handle] {
                try await session.requireRecentAuthentication(configuration.deviceAuthenticationAge)
            }
            ended = try await revoke(handles, of: session.userID, by: .user)
            // Once more, for the client's tokens.
            if ended.contains(session.handle) { try await session.revoke(by: .user) }
        }
        return SessionReply(json: ["status": "OK", "ended": .array(ended.map { .string($0.rawValue) })])
    }

    /// `{"handle": "…", "label": "…"}`.
    func nameOwnDevice(_ body: [UInt8], in exchange: SessionExchange) async throws(SessionError) -> SessionReply {
        let session = try await ownSession(in: exchange, impersonation: .refused)
        let object = try Self.object(body)
        guard let handle = object["handle"]?.string, let label = object["label"]?.string, label.utf8.count <= 1_024
        else { throw .badInput("send {\"handle\": text, \"label\": text of at most 1,024 bytes}") }
        let isNamed = try await nameDevice(label, of: SessionHandle(handle), of: session.userID)
        guard isNamed else { throw .badInput("the user has no such session") }
        return SessionReply(json: ["status": "OK"])
    }

    /// The session of the request, which has to be alive in storage.
    private func ownSession(
        in exchange: SessionExchange, impersonation: VerifyOptions.Acceptance = .allowed
    ) async throws(SessionError) -> Session {
        let options = VerifyOptions(checksDatabase: true, impersonation: impersonation)
        guard let session = try await session(in: exchange, options: options) else {
            throw .unauthorised(reason: "the route needs a session", clearTokens: false)
        }
        return session
    }

    private static func object(_ body: [UInt8]) throws(SessionError) -> JSONObject {
        guard let object = try? JSONValue(parsing: body).object else { throw .badInput("the body is no JSON object") }
        return object
    }
}

extension Device {
    /// The device as the user's own page gets it; times are milliseconds since 1970.
    func json(isCurrent: Bool) -> JSONObject {
        var object: JSONObject = [
            "handle": .string(handle.rawValue), "current": .bool(isCurrent), "label": .string(label),
            "created": .integer(Timestamp(createdAt).milliseconds),
            "lastSeen": .integer(Timestamp(lastSeenAt).milliseconds),
            "expires": .integer(Timestamp(expiresAt).milliseconds), "remembered": .bool(isRemembered),
            "impersonated": .bool(isImpersonated),
        ]
        let texts = [
            ("firstAddress", firstAddress), ("lastAddress", lastAddress), ("country", country), ("level", level),
        ]
        if let binding { object.append("binding", .string(binding.rawValue)) }
        for (name, text) in texts { if let text { object.append(name, .string(text)) } }
        return object
    }
}

extension SessionExchange {
    /// The first value of a query parameter, decoded.
    fileprivate func parameter(_ name: String) -> String? {
        let query = (request.path ?? "").drop { $0 != "?" }.dropFirst().prefix { $0 != "#" }
        for pair in query.utf8.split(separator: UInt8(ascii: "&")) {
            let key = pair.prefix { $0 != UInt8(ascii: "=") }
            guard key.elementsEqual(name.utf8) else { continue }
            return PercentEncoding.decode(pair[key.endIndex...].dropFirst(), plusIsSpace: true)
        }
        return nil
    }
}
