import CoreServer
import Foundation
import LosslessJSON
import TestSupport
import Testing

/// The tokens of a session as a client holds them.
struct HeldTokens: Sendable {
    let access: String
    let refresh: String
    let antiCSRF: String?
    let handle: JSONValue?
}

/// The way of one session through several generations of drivers, with what each has to see.
struct Journey {
    let core: Core
    let usesAntiCSRF: Bool

    static let payload: JSONObject = ["k": "é", "n": 42, "z": .null, "o": ["a": [1, .null]]]

    func send(_ generation: Generation, _ call: String, _ body: JSONObject) async throws -> JSONObject {
        let reply = try await core.send(
            "POST", generation.path(call), body.text, version: generation.description)
        #expect(reply.status == 200, "\(generation) \(call): \(reply.body)")
        return try #require(try JSONValue(parsing: reply.body).object)
    }

    func create(_ generation: Generation) async throws -> HeldTokens {
        var body: JSONObject = ["userId": "u", "userDataInJWT": .object(Self.payload), "userDataInDatabase": [:]]
        if generation >= "2.6" { body["enableAntiCsrf"] = .bool(usesAntiCSRF) }
        let reply = try await send(generation, "", body)
        return try tokens(reply, generation, ["jwtSigningPublicKey": generation.keyNames], creates: true)
    }

    func refreshBody(_ tokens: HeldTokens) -> JSONObject {
        var body: JSONObject = ["refreshToken": .string(tokens.refresh), "useDynamicSigningKey": true]
        body["enableAntiCsrf"] = .bool(usesAntiCSRF)
        body["antiCsrfToken"] = tokens.antiCSRF.map { .string($0) }
        return body
    }

    func refresh(_ tokens: HeldTokens, _ generation: Generation) async throws -> HeldTokens {
        let reply = try await send(generation, "refresh", refreshBody(tokens))
        let child = try self.tokens(reply, generation, [:], creates: false)
        #expect(child.handle == tokens.handle)
        return child
    }

    /// The child's first use: a replacement comes where a verification may give one.
    func use(_ child: HeldTokens, _ generation: Generation) async throws {
        _ = try await verify(child, generation)
        let again = try await refresh(child, generation)
        _ = try await verify(again, generation)
    }

    @discardableResult
    func verify(_ tokens: HeldTokens, _ generation: Generation) async throws -> JSONObject {
        var body: JSONObject = [
            "accessToken": .string(tokens.access), "doAntiCsrfCheck": .bool(tokens.antiCSRF != nil),
        ]
        body["antiCsrfToken"] = tokens.antiCSRF.map { .string($0) }
        if generation >= "2.6" { body["enableAntiCsrf"] = .bool(tokens.antiCSRF != nil) }
        if generation >= "2.21" { body["checkDatabase"] = false }
        let reply = try await send(generation, "verify", body)
        #expect(reply["status"] == "OK", "\(generation): \(reply.text)")
        let isReplaced = reply["accessToken"] != nil
        #expect(!isReplaced || !(generation >= "5.6"))
        let names = Set(["status", "session"]).union(generation.keyNames).union(isReplaced ? ["accessToken"] : [])
        #expect(Set(reply.names) == names, "verify at \(generation)")
        try checkSession(reply, generation)
        return reply
    }

    private func checkSession(_ reply: JSONObject, _ generation: Generation) throws {
        let session = try #require(reply["session"]?.object)
        #expect(Set(session.names) == generation.sessionNames, "session at \(generation)")
        #expect(session["userDataInJWT"]?.object?.isEquivalent(to: Self.payload) ?? false, "payload at \(generation)")
    }

    private func tokens(
        _ reply: JSONObject, _ generation: Generation, _ keys: [String: Set<String>], creates: Bool
    ) throws -> HeldTokens {
        #expect(reply["status"] == "OK", "\(generation): \(reply.text)")
        // Drivers before 2.6 leave the choice to the configuration, which is off here.
        let hasCSRF = usesAntiCSRF && generation >= "2.6"
        var names: Set<String> = ["status", "session", "accessToken", "refreshToken"]
        if !(generation >= "2.21") { names.insert("idRefreshToken") }
        if hasCSRF { names.insert("antiCsrfToken") }
        if creates { names.formUnion(generation.keyNames) }
        #expect(Set(reply.names) == names, "\(creates ? "create" : "refresh") at \(generation)")
        try checkSession(reply, generation)
        let access = try #require(reply["accessToken"]?.object)
        #expect(Set(access.names) == generation.tokenNames, "token at \(generation)")
        let text = try #require(access["token"]?.string)
        #expect(try Self.version(of: text) == String(generation.tokenVersion), "token format at \(generation)")
        return HeldTokens(
            access: text, refresh: try #require(reply["refreshToken"]?.object?["token"]?.string),
            antiCSRF: reply["antiCsrfToken"]?.string, handle: reply["session"]?.object?["handle"])
    }

    private static func version(of token: String) throws -> String? {
        let header = try #require(token.split(separator: ".").first)
        let standard = header.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        let padding = String(repeating: "=", count: (4 - standard.count % 4) % 4)
        let bytes = try #require(Data(base64Encoded: standard + padding))
        return try JSONValue(parsing: bytes).object?["version"]?.string
    }
}
