import CoreServer
import LosslessJSON
import SessionEngine
import Testing

@testable import CoreDriverInterface

/// Bad input at both depths: a clear text, never a status of 500, nothing lost.
struct RefusalTests {
    /// A field with a value of another type.
    typealias Field = (name: String, another: JSONValue)

    private static let dialect = Dialect(version: "5.4")

    /// A request of each operation that reads a body, with what it has to have at CDI 5.4.
    static let bodies: [(method: String, path: String, body: JSONObject, required: [Field])] =
        CoreOperation.allCases.compactMap { operation in
            guard let request = Catalogue.requests[operation], !request.readsQuery, !request.outline.isEmpty,
                let (method, path) = dialect.route(of: operation), !path.contains("multitenancy")
            else { return nil }
            let fields = Catalogue.fields(of: operation, dialect)
            let required = fields.filter { $0.presence == .required }
            var body = JSONObject(required.map { JSONObject.Member(name: $0.name, value: sample($0.name, $0.type)) })
            for case .rule(.exactlyOne(let names)) in request.outline {
                body[names[0]] = fields.first { $0.name == names[0] }?.type.sample
            }
            return (method.rawValue, path, body, required.map { ($0.name, $0.type == .long ? "7" : 7) })
        }

    private static func sample(_ name: String, _ type: WireType) -> JSONValue {
        switch name {
        case "actor": ["sub": "x"]
        case "changeType": "update"
        default: type.sample
        }
    }

    @Test("each operation with a body is asked")
    func operations() {
        #expect(
            Self.bodies.map(\.path).sorted() == [
                "/recipe/jwt", "/recipe/jwt/data", "/recipe/session", "/recipe/session/data", "/recipe/session/refresh",
                "/recipe/session/regenerate", "/recipe/session/remove", "/recipe/session/verify",
                "/tessera/dbsc/check", "/tessera/dbsc/refresh", "/tessera/dbsc/register",
                "/tessera/events/credential-change", "/tessera/session/authenticated", "/tessera/session/end",
                "/tessera/session/impersonate", "/tessera/session/impersonate/end", "/tessera/session/revoke",
                "/tessera/session/upgrade", "/tessera/sessions/label",
                "/tessera/sessions/revoke", "/tessera/users/forget",
            ])
    }

    @Test("a required field that is missing, null or of another type is named", arguments: Depth.allCases)
    func requiredFields(depth: Depth) async throws {
        try await Core.run(depth) { core in
            for (method, path, body, required) in Self.bodies {
                #expect(try await core.send(method, path, body.text).status == 200, "\(path) as it should be")
                for (name, another) in required {
                    for wrong in [nil, JSONValue.null, another, ["x"]] {
                        var broken = body
                        broken[name] = wrong
                        let reply = try await core.send(method, path, broken.text)
                        #expect(reply.status == 400 && reply.contentType == "text/html;charset=UTF-8")
                        // Where there are few right values, these are named.
                        let isChoice = reply.body.hasPrefix("'\(name)' must be one of ")
                        #expect(isChoice || reply.body == "Field name '\(name)' is invalid in JSON input\n")
                    }
                }
            }
        }
    }

    @Test("a body that is not a JSON object is refused everywhere", arguments: Depth.allCases)
    func bodies(depth: Depth) async throws {
        let deep = String(repeating: "[", count: 20_000)
        let texts = ["", "x", "[]", "null", "{\"a\":}", deep, "{\"a\":\(deep)", "{\"a\":1,\"a\":2}", "{}\u{0}"]
        let notUTF8: [UInt8] = Array("{\"userId\":\"".utf8) + [0xFF, 0xFE] + Array("\"}".utf8)
        try await Core.run(depth) { core in
            for (method, path, _, _) in Self.bodies {
                for bytes in texts.map({ Array($0.utf8) }) + [notUTF8] {
                    let reply = try await core.send(
                        CoreRequest(method: method, path: path, version: "5.4", body: bytes))
                    #expect(reply.status == 400 && reply.body == "Invalid Json Input\n", "\(path) \(bytes.prefix(20))")
                }
            }
        }
    }

    @Test("a missing query parameter is named", arguments: Depth.allCases)
    func queryParameters(depth: Depth) async throws {
        let calls = CoreOperation.allCases.compactMap { operation -> (String, String)? in
            guard Catalogue.requests[operation]?.readsQuery == true, let path = Self.dialect.route(of: operation)?.path
            else { return nil }
            return Catalogue.fields(of: operation, Self.dialect).first { $0.presence == .required }.map {
                (path, $0.name)
            }
        }
        #expect(calls.count == 7)
        try await Core.run(depth) { core in
            for (path, name) in calls {
                for query in [nil, "", "x=y", "\(name)=%zz", "\(name)=%ff"] {
                    let reply = try await core.send("GET", path, query: query)
                    #expect(reply.status == 400, "\(path)?\(query ?? "")")
                    #expect(reply.body == "Field name '\(name)' is missing in GET request\n")
                }
            }
        }
    }

    @Test("what no access token could carry back is refused before anything is stored", arguments: Depth.allCases)
    func tooLarge(depth: Depth) async throws {
        let large = JSONValue.string(String(repeating: "x", count: PayloadProblem.maximumLength))
        let text = "userDataInJWT is too large: at most 40000 bytes fit into an access token\n"
        try await Core.run(depth) { core in
            var create = try #require(Self.bodies.first { $0.path == "/recipe/session" }).body
            create["userDataInJWT"] = .object(["k": large])
            #expect(try await core.send("POST", "/recipe/session", create.text).body == text)
            create["userDataInJWT"] = [:]
            create["userId"] = .string(String(repeating: "x", count: 1_025))
            let reply = try await core.send("POST", "/recipe/session", create.text)
            #expect(reply.status == 400 && reply.body == "Field name 'userId' is longer than 1024 bytes\n")
            let write: JSONObject = ["sessionHandle": "x", "userDataInJWT": ["k": large]]
            #expect(try await core.send("PUT", "/recipe/jwt/data", write.text).body == text)
            #expect(try await core.send("GET", "/recipe/session/user", query: "userId=u").body.contains("[]"))
        }
    }

    @Test("what to remove is named by exactly one field", arguments: Depth.allCases)
    func removeTargets(depth: Depth) async throws {
        let one = "Invalid JSON input - use one of userId or sessionHandles array\n"
        let handles = "{\"sessionHandles\":[]"
        let rows = [
            ("{}", one), ("{\"userId\":\"u\",\"sessionHandles\":[]}", one),
            (
                handles + ",\"revokeAcrossAllTenants\":true}",
                "Invalid JSON input - revokeAcrossAllTenants can only be set if userId is set\n"
            ),
            (
                handles + ",\"revokeSessionsForLinkedAccounts\":false}",
                "Invalid JSON input - revokeSessionsForLinkedAccounts can only be set if userId is set\n"
            ),
            (
                "{\"userId\":\"u\",\"revokeAcrossAllTenants\":1}",
                "Field name 'revokeAcrossAllTenants' is invalid in JSON input\n"
            ),
            (
                "{\"userId\":\"u\",\"revokeSessionsForLinkedAccounts\":null}",
                "Field name 'revokeSessionsForLinkedAccounts' is invalid in JSON input\n"
            ),
            ("{\"sessionHandles\":[1]}", "Field name 'sessionHandles' is invalid in JSON input\n"),
        ]
        try await Core.run(depth) { core in
            for (body, text) in rows {
                let reply = try await core.send("POST", "/recipe/session/remove", body)
                #expect(reply.status == 400 && reply.body == text, "\(body)")
            }
        }
    }

    @Test("a key is asked for and compared whole", arguments: Depth.allCases)
    func apiKeys(depth: Depth) async throws {
        var settings = CoreSettings()
        settings.apiKeys = ["first-key-of-twenty-five", "second-key-of-twenty-four"]
        // api-key, Authorization, admitted (docs/specification/core.md 1.0).
        let rows: [(String?, String?, Bool)] = [
            (nil, nil, false), ("", nil, false), ("first-key-of-twenty-fiv", nil, false),
            ("first-key-of-twenty-five", nil, true), ("  second-key-of-twenty-four ", nil, true),
            (nil, "Bearer first-key-of-twenty-five", true), (nil, "bEaReR second-key-of-twenty-four", true),
            (nil, "first-key-of-twenty-five", true), (nil, "Basic first-key-of-twenty-five", false),
            ("wrong", "Bearer first-key-of-twenty-five", false), ("first-key-of-twenty-five ,", nil, false),
        ]
        try await Core.run(depth, settings: settings) { core in
            for (key, authorization, isAdmitted) in rows {
                for path in ["/apiversion", "/recipe/session/user"] {
                    let reply = try await core.send(
                        CoreRequest(
                            method: "GET", path: path, query: "userId=u", version: "5.4", apiKey: key,
                            authorization: authorization))
                    #expect(reply.status == (isAdmitted ? 200 : 401), "\(key ?? "-") \(authorization ?? "-") \(path)")
                    if !isAdmitted { #expect(reply.body == "Invalid API key\n") }
                }
            }
            #expect(try await core.send("GET", "/hello").status == 200)
            #expect(try await core.send("GET", "/.well-known/jwks.json").status == 200)
            #expect(try await core.send("GET", "/nope").status == 404)
            let wrongVersion = CoreRequest(method: "POST", path: "/session", version: "9.9")
            #expect(try await core.send(wrongVersion).status == 401, "a wrong key beats a wrong version")
        }
    }
}
