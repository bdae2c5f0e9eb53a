import CoreServer
import Foundations
import LosslessJSON
import SessionEngine
import TestSupport
import Testing

@Suite("Introspection and revocation by the standards (docs/oauth.md)")
struct OAuthTests {
    private static let key = "the-key-of-the-application"
    private static let verifierKey = "the-key-of-a-verifier-only"
    static let hints = [nil, "access_token", "refresh_token", "nonsense"]

    private static var settings: CoreSettings {
        var settings = CoreSettings()
        (settings.apiKeys, settings.verifierKeys) = ([key], [verifierKey])
        return settings
    }

    /// The tokens of the table SE08, each with the session that it may end.
    private struct Tokens {
        var access = "", refresh = "", handle = ""
    }

    private static func ask(
        _ core: Core, _ path: String, _ body: String, key: String? = key, authorization: String? = nil,
        method: String = "POST"
    ) async throws -> SeenReply {
        var request = CoreRequest(method: method, path: "/tessera/oauth/\(path)", apiKey: key)
        request.authorization = authorization
        request.body = Array(body.utf8)
        return try await core.send(request)
    }

    private static func call(_ core: Core, _ path: String, _ body: JSONObject) async throws -> JSONObject {
        var request = CoreRequest(method: "POST", path: path, version: "5.4", apiKey: key)
        request.body = Array(body.text.utf8)
        return try #require(try JSONValue(parsing: try await core.send(request).body).object)
    }

    private static func create(_ core: Core, user: String = "alice") async throws -> Tokens {
        let reply = try await call(
            core, "/recipe/session",
            [
                "userId": .string(user), "userDataInJWT": ["acr": "aal2", "secret": 1], "userDataInDatabase": [:],
                "enableAntiCsrf": false, "useDynamicSigningKey": true,
            ])
        return Tokens(
            access: try #require(reply["accessToken"]?.object?["token"]?.string),
            refresh: try #require(reply["refreshToken"]?.object?["token"]?.string),
            handle: try #require(reply["session"]?.object?["handle"]?.string))
    }

    private static func refreshed(_ core: Core, _ token: String) async throws -> Tokens {
        let reply = try await call(
            core, "/recipe/session/refresh",
            ["refreshToken": .string(token), "enableAntiCsrf": false, "useDynamicSigningKey": true])
        return Tokens(
            access: try #require(reply["accessToken"]?.object?["token"]?.string, "\(reply)"),
            refresh: try #require(reply["refreshToken"]?.object?["token"]?.string),
            handle: try #require(reply["session"]?.object?["handle"]?.string))
    }

    private static func form(_ token: String, _ hint: String?) -> String {
        let escaped = token.replacing("+", with: "%2B").replacing("=", with: "%3D")
        return "token=\(escaped)" + (hint.map { "&token_type_hint=\($0)" } ?? "") + "&other=1"
    }

    @Test("SE04, SE05: what is good is described, and looking at it uses nothing", arguments: hints)
    func active(hint: String?) async throws {
        try await Core.run(.value, settings: Self.settings) { core in
            let tokens = try await Self.create(core)
            for key in [Self.key, Self.verifierKey] {
                let reply = try await Self.ask(core, "introspect", Self.form(tokens.access, hint), key: key)
                #expect(reply.status == 200 && reply.headers["cache-control"] == "no-store")
                let found = try #require(try JSONValue(parsing: reply.body).object)
                #expect(found["active"] == true && found["sub"] == "alice" && found["sid"] == .string(tokens.handle))
                #expect(found["token_type"] == "Bearer" && found["acr"] == "aal2" && found["secret"] == nil)
                #expect((found["exp"]?.number?.int64 ?? 0) > (found["iat"]?.number?.int64 ?? .max))
            }
            // A child that is never used keeps its parent current; introspection is no use.
            let child = try await Self.refreshed(core, tokens.refresh)
            for token in [tokens.refresh, child.refresh, tokens.refresh] {
                let found = try await Self.ask(core, "introspect", Self.form(token, hint)).body
                #expect(found.contains("\"active\":true") && found.contains(tokens.handle), "\(found)")
            }
            #expect(try await Self.refreshed(core, tokens.refresh).handle == tokens.handle)
        }
    }

    @Test("SE03, SE07, SE08: what is good for nothing is so in the same bytes, and ends nothing", arguments: hints)
    func inactive(hint: String?) async throws {
        let clock = TestClock()
        try await Core.run(.value, settings: Self.settings, clock: clock) { core in
            let expired = try await Self.create(core)
            clock.advance(by: .seconds(7_200))
            let (alive, revoked) = (try await Self.create(core), try await Self.create(core, user: "bob"))
            let foreign = try await Self.create(try await Core.value(settings: Self.settings))
            let signed = try await Self.call(
                core, "/recipe/jwt",
                ["payload": ["sub": "alice"], "validity": 100, "algorithm": "RS256", "jwksDomain": "https://a.example"])
            let end = try await Self.ask(core, "revoke", Self.form(revoked.access, hint))
            #expect(end.status == 200 && end.body.isEmpty)
            let table = [
                "expired": expired.access, "revoked": revoked.access, "revoked, refresh": revoked.refresh,
                "tampered": String(alive.access.dropLast(8)) + "AAAAAAAA", "other app": foreign.access,
                "other app, refresh": foreign.refresh, "no access token": signed["jwt"]?.string ?? "",
                "nothing": "x", "three parts": "a.b.c", "long": String(repeating: "a", count: 1 << 20),
            ]
            for (name, token) in table {
                let found = try await Self.ask(core, "introspect", Self.form(token, hint))
                #expect(found.status == 200 && found.body == "{\"active\":false}\n", "\(name): \(found.body)")
                let ended = try await Self.ask(core, "revoke", Self.form(token, hint))
                #expect(ended.status == 200 && ended.body.isEmpty, "\(name)")
            }
            let found = try await Self.ask(core, "introspect", Self.form(alive.access, hint)).body
            #expect(found.contains("\"active\":true"))
            _ = try await Self.ask(core, "revoke", Self.form(alive.refresh, hint))
            #expect(try await Self.ask(core, "introspect", Self.form(alive.access, hint)).body.contains("false"))
        }
    }

    @Test("SE01: a form without its token, with two, or by another method is refused")
    func wrongForms() async throws {
        try await Core.run(.value, settings: Self.settings) { core in
            let good = try await Self.create(core).access
            for path in ["introspect", "revoke"] {
                for body in [
                    "", "token", "token=", "token=&token_type_hint=access_token", "{\"token\":\"\(good)\"}",
                    "token=\(good)&token=\(good)", "token=%FF", "token=%zz",
                ] {
                    let reply = try await Self.ask(core, path, body)
                    #expect(reply.status == 400 && reply.body == "{\"error\":\"invalid_request\"}\n", "\(body)")
                }
                let get = try await Self.ask(core, path, "", method: "GET")
                #expect(get.status == 405 && get.headers["allow"] == "POST")
            }
            #expect(try await Self.ask(core, "introspect", "token=\(good)").body.contains("true"))
        }
    }

    @Test("SE02: a key is shown in a field, as a bearer or as a password; a verifier may look and not revoke")
    func clients() async throws {
        @Sendable func basic(_ text: String) -> String { "Basic " + Base64.standard.encodedText(Array(text.utf8)) }
        try await Core.run(.value, settings: Self.settings) { core in
            let form = "token=x"
            for authorization in ["Bearer \(Self.key)", basic("any:\(Self.key)"), basic(":\(Self.key)")] {
                let reply = try await Self.ask(core, "introspect", form, key: nil, authorization: authorization)
                #expect(reply.status == 200, "\(authorization)")
            }
            for authorization in [nil, "Bearer x", basic("any:x"), basic(Self.key), "Basic !", "Basic"] {
                let reply = try await Self.ask(core, "introspect", form, key: nil, authorization: authorization)
                #expect(reply.status == 401 && reply.body == "{\"error\":\"invalid_client\"}\n")
                #expect(reply.headers["www-authenticate"] == "Basic realm=\"tessera\"")
            }
            #expect(try await Self.ask(core, "revoke", form, key: Self.verifierKey).status == 401)
        }
    }
}
