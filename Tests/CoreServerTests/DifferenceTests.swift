import CoreServer
import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

/// Differences from SuperTokens' cores that no recording shows (docs/decisions/0007).
@Suite("finding D6: intended differences")
struct DifferenceTests {
    /// ES256, because RSA keys are dear.
    private static let policy = SessionPolicy(signingAlgorithm: .es256)

    private static func creation(_ user: JSONValue = "u", payload: JSONObject = [:]) -> JSONObject {
        [
            "userId": user, "userDataInJWT": .object(payload), "userDataInDatabase": [:], "enableAntiCsrf": false,
            "useDynamicSigningKey": true,
        ]
    }

    /// Sends bytes over a socket and gives status and body.
    private static func exchange(_ core: Core, _ fields: [String], _ body: [UInt8] = []) async throws -> String {
        let head = (["Host: localhost", "Connection: close", "Content-Length: \(body.count)"] + fields)
            .joined(separator: "\r\n")
        let line = body.isEmpty ? "GET /recipe/session/user?userId=u" : "POST /recipe/session"
        let bytes = try await RawSocket(port: core.port)
            .exchange(Array("\(line) HTTP/1.1\r\n\(head)\r\n\r\n".utf8) + body)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("a body is UTF-8, whatever charset is named, and so is every reply")
    func charset() async throws {
        try await Core.run(.live, policy: Self.policy) { core in
            let utf8 = Array(Self.creation("é").text.utf8)
            let latin1 = Self.creation("e").text.unicodeScalars.map { $0 == "e" ? 0xE9 : UInt8($0.value) }
            for charset in ["utf-8", "iso-8859-1", "utf-16", "nonsense"] {
                let field = "Content-Type: application/json; charset=\(charset)"
                let made = try await Self.exchange(core, [field], utf8)
                #expect(made.hasPrefix("HTTP/1.1 200") && made.contains(#""userId":"é""#), "\(charset): \(made)")
                #expect(made.lowercased().contains("content-type: application/json;charset=utf-8"))
                let refused = try await Self.exchange(core, [field], latin1)
                #expect(refused.hasPrefix("HTTP/1.1 400") && refused.hasSuffix("Invalid Json Input\n"), "\(charset)")
            }
        }
    }

    @Test("a body is nested 64 deep at most", arguments: [62, 63, 64, 200])
    func depth(levels: Int) async throws {
        let core = try await Core.value(policy: Self.policy)
        // The body is one level, the payload the next.
        let nested = String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1)
        let payload = try #require(try JSONValue(parsing: "{\"a\":\(nested)}", limits: JSONLimits(depth: 300)).object)
        let reply = try await core.send("POST", "/recipe/session", Self.creation(payload: payload).text)
        #expect(reply.status == (levels <= 63 ? 200 : 400), "\(reply.body)")
        if levels > 63 { #expect(reply.body == "Invalid Json Input\n") }
    }

    @Test(
        "a Boolean is true or false, never a number or a text", arguments: [0, 1, "true", "false", nil] as [JSONValue])
    func booleans(value: JSONValue) async throws {
        let core = try await Core.value(policy: Self.policy)
        for field in ["enableAntiCsrf", "useDynamicSigningKey"] {
            var body = Self.creation()
            body[field] = value
            let reply = try await core.send("POST", "/recipe/session", body.text)
            #expect(reply.status == 400 && reply.body == "Field name '\(field)' is invalid in JSON input\n")
        }
    }

    @Test("a field of the head that has one value may come twice with it, and not with two")
    func repeatedFields() async throws {
        var settings = CoreSettings()
        settings.apiKeys = ["first-key-of-twenty-five", "second-key-of-twenty-four"]
        try await Core.run(.live, settings: settings, policy: Self.policy) { core in
            let (key, version) = ("api-key: first-key-of-twenty-five", "cdi-version: 5.4")
            let bearer = "Authorization: Bearer first-key-of-twenty-five"
            for fields in [
                [key, key, version], [key, version, version], [bearer, bearer], [key, "Accept: a", "Accept: b"],
            ] {
                #expect(try await Self.exchange(core, fields).hasPrefix("HTTP/1.1 200"), "\(fields)")
            }
            let others = [
                [key, "api-key: second-key-of-twenty-four"], [key, "API-KEY: wrong"],
                [key, version, "cdi-version: 5.3"],
                [bearer, "authorization: Bearer second-key-of-twenty-four"],
            ]
            for fields in others {
                let reply = try await Self.exchange(core, fields)
                #expect(reply.hasPrefix("HTTP/1.1 400") && reply.contains("given twice, with two values"), "\(reply)")
            }
            for field in ["Host: localhost", "Content-Length: 0"] {
                #expect(try await Self.exchange(core, [key, field]).hasPrefix("HTTP/1.1 400"), "\(field)")
            }
        }
    }

    @Test(
        "HEAD and OPTIONS are methods that no path of the interface has",
        arguments: ["/hello", "/", "/recipe/session", "/recipe/session/user", "/.well-known/jwks.json", "/apiversion"])
    func methods(path: String) async throws {
        try await Core.run(.live, policy: Self.policy) { core in
            for method in ["HEAD", "OPTIONS"] {
                let reply = try await core.send(method, path)
                #expect(reply.status == 405 && reply.body == (method == "HEAD" ? "" : "Method not supported\n"))
            }
            #expect(try await core.send("HEAD", "/health/live").status == 200)
            #expect(try await core.send("OPTIONS", "/nope").status == 404)
        }
    }

    @Test("a user id has up to 1,024 bytes", arguments: [128, 129, 255, 1_023, 1_024, 1_025])
    func userIDs(length: Int) async throws {
        let core = try await Core.value(policy: Self.policy)
        let user = String(repeating: "é", count: length / 2) + (length.isMultiple(of: 2) ? "" : "x")
        let reply = try await core.send("POST", "/recipe/session", Self.creation(.string(user)).text)
        #expect(reply.status == (length <= 1_024 ? 200 : 400), "\(reply.body)")
        if length > 1_024 { #expect(reply.body == "Field name 'userId' is longer than 1024 bytes\n") }
    }

    @Test("apps and tenants are refused in words of our own")
    func tenancy() async throws {
        let core = try await ManyApps()
        let manage = "/recipe/multitenancy"
        let rows: [(String, String, JSONObject, String)] = [
            ("PUT", "/app/v2", ["appId": "a_b"], "appId has to be 1 to 64 letters, digits and hyphens"),
            ("PUT", "/tenant/v2", ["tenantId": "config"], "tenantId has to be 1 to 64 letters, digits and hyphens"),
            ("POST", "/app/remove", ["appId": "public"], "The public app cannot be removed"),
            ("POST", "/tenant/remove", ["tenantId": "public"], "The public tenant cannot be removed; remove the app"),
            (
                "PUT", "/app/v2", ["appId": "a", "coreConfig": ["nonsense": 1]],
                "Invalid core config: 'nonsense' is not a known configuration key"
            ),
            (
                "PUT", "/app/v2", ["appId": "public", "coreConfig": ["access_token_validity": 9]],
                "Invalid core config: the public app takes its configuration from the core's own"
            ),
        ]
        for (method, path, body, text) in rows {
            let reply = await core.send(method, manage + path, body)
            #expect(reply.status == 400 && reply.body.hasPrefix(text), "\(path): \(reply.body)")
        }
    }
}
