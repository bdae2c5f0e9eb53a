import CoreServer
import LosslessJSON
import SessionEngine
import SessionService
import TestSupport
import Testing

/// The life of a session as a driver of today sees it, at both depths.
struct FlowTests {
    private static func document(_ reply: SeenReply) throws -> JSONObject {
        #expect(reply.status == 200 && reply.contentType == "application/json;charset=UTF-8")
        #expect(reply.body.hasSuffix("}\n") && !reply.body.contains("\": "))
        return try #require(try JSONValue(parsing: reply.body).object)
    }

    private static func token(_ name: String, in reply: JSONObject) throws -> String {
        try #require(reply[name]?.object?["token"]?.string)
    }

    private static func create(_ core: Core, payload: String = "{}") async throws -> JSONObject {
        let body = "{\"userId\":\"u\",\"userDataInJWT\":\(payload),\"userDataInDatabase\":{},\"enableAntiCsrf\":true}"
        return try document(try await core.send("POST", "/public/recipe/session", body))
    }

    private static func verify(_ core: Core, _ token: String, database: Bool = false) async throws -> JSONObject {
        let body: JSONObject = [
            "accessToken": .string(token), "doAntiCsrfCheck": false, "enableAntiCsrf": true,
            "checkDatabase": .bool(database),
        ]
        return try document(try await core.send("POST", "/recipe/session/verify", body.text))
    }

    private static func refreshBody(_ reply: JSONObject) throws -> String {
        let body: JSONObject = [
            "refreshToken": .string(try token("refreshToken", in: reply)),
            "antiCsrfToken": reply["antiCsrfToken"] ?? "", "enableAntiCsrf": true, "useDynamicSigningKey": true,
        ]
        return body.text
    }

    private static func refresh(_ core: Core, _ reply: JSONObject) async throws -> JSONObject {
        try document(try await core.send("POST", "/recipe/session/refresh", try refreshBody(reply)))
    }

    @Test("log in, verify, refresh, be robbed, be caught, log out", arguments: Depth.allCases)
    func life(depth: Depth) async throws {
        try await Core.run(depth, clock: TestClock()) { core in
            let created = try await Self.create(core)
            let first = try await Self.verify(core, try Self.token("accessToken", in: created))
            #expect(first.names == ["session", "status"] && first["status"] == "OK")
            let child = try await Self.refresh(core, created)
            #expect(child.names == ["session", "accessToken", "refreshToken", "antiCsrfToken", "status"])
            #expect(child["antiCsrfToken"] != created["antiCsrfToken"])
            let promoted = try await Self.verify(core, try Self.token("accessToken", in: child))
            #expect(promoted.names == ["session", "accessToken", "status"])
            let replaced = try await Self.verify(core, try Self.token("accessToken", in: promoted))
            #expect(replaced.names == ["session", "status"])
            #expect(try await core.send("POST", "/recipe/session/refresh", try Self.refreshBody(created)).status == 200)
            core.clock.advance(by: .seconds(61))
            let late = try await core.send("POST", "/recipe/session/refresh", try Self.refreshBody(created))
            #expect(late.status == 503 && late.headers["retry-after"] == "1", "a late double is given nothing")
            core.clock.advance(by: .seconds(60))
            let caught = try await Self.refresh(core, created)
            #expect(caught["status"] == "TOKEN_THEFT_DETECTED")
            #expect(caught["session"]?.object?.names == ["handle", "userId", "recipeUserId"])
            let removed = try await core.send("POST", "/recipe/session/remove", "{\"userId\":\"u\"}")
            #expect(try Self.document(removed)["sessionHandlesRevoked"] == [], "the core has ended the session already")
            let gone = try await Self.verify(core, try Self.token("accessToken", in: promoted), database: true)
            #expect(gone["status"] == "UNAUTHORISED")
            #expect(try await Self.refresh(core, child)["status"] == "UNAUTHORISED")
        }
    }

    @Test("payloads come back as they were sent", arguments: Depth.allCases)
    func lossless(depth: Depth) async throws {
        let payload =
            #"{"z":null,"big":12345678901234567890,"e":1e+30,"f":1000.0,"a":[1,null],"é":"<>&='\u2028","":{}}"#
        try await Core.run(depth) { core in
            let created = try await Self.create(core, payload: payload)
            #expect(created["session"]?.object?["userDataInJWT"]?.text == payload)
            let verified = try await Self.verify(core, try Self.token("accessToken", in: created), database: true)
            #expect(verified["session"]?.object?["userDataInJWT"]?.text == payload)
            #expect(verified["accessToken"] == nil, "an equal payload is no change")
            let handle = created["session"]?.object?["handle"]?.string ?? ""
            let read = try Self.document(
                try await core.send("GET", "/recipe/session", query: "sessionHandle=\(handle)"))
            #expect(read["userDataInJWT"]?.text == payload)
            let child = try await Self.refresh(core, created)
            #expect(child["session"]?.object?["userDataInJWT"]?.text == payload)
        }
    }

    @Test("callers without a version get the only tokens that the first SDK verifies itself")
    func seed() async throws {
        let v1 = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIxIn0="
        let v2 = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0="
        let body = "{\"userId\":\"u\",\"userDataInJWT\":{},\"userDataInDatabase\":{}}"
        try await Core.run(.value) { core in
            for (version, header) in [(nil, v1), ("1.0", v1), ("2.0", v2), ("2.3", v2)] {
                let reply = try Self.document(try await core.send("POST", "/session", body, version: version))
                #expect(try Self.token("accessToken", in: reply).hasPrefix(header + "."))
            }
        }
    }

    @Test("the key set has both kinds of key, may be kept, and verifies what was signed", arguments: Depth.allCases)
    func keySet(depth: Depth) async throws {
        for (algorithm, type) in [(SigningAlgorithm.rs256, "RSA"), (.es256, "EC")] {
            try await Core.run(depth, policy: SessionPolicy(signingAlgorithm: algorithm)) { core in
                let reply = try await core.send("GET", "/.well-known/jwks.json", version: nil)
                #expect(reply.headers["cache-control"]?.hasPrefix("max-age=604") == true)
                #expect(reply.headers["cache-control"]?.hasSuffix(", must-revalidate") == true)
                let keys = try #require(try Self.document(reply)["keys"]?.array?.compactMap(\.object))
                #expect(keys.map { $0["kid"]?.string?.prefix(2) } == ["d-", "s-"])
                #expect(keys.allSatisfy { $0["kty"]?.string == type && $0["alg"]?.string == algorithm.rawValue })
                let created = try await Self.create(core)
                let verified = try await Self.verify(core, try Self.token("accessToken", in: created))
                #expect(verified["status"] == "OK")
            }
        }
    }

    @Test("a session begins with the static key when asked, and a refresh can move it")
    func staticKey() async throws {
        let body = "{\"userId\":\"u\",\"userDataInJWT\":{},\"userDataInDatabase\":{},\"enableAntiCsrf\":false"
        try await Core.run(.value) { core in
            let created = try Self.document(
                try await core.send("POST", "/recipe/session", body + ",\"useDynamicSigningKey\":false}"))
            let header = try Self.token("accessToken", in: created).split(separator: ".")[0]
            #expect(header.hasPrefix("eyJraWQiOiJzL"), "kid begins with s-")
            let child = try await Self.refresh(core, created)
            #expect(try Self.token("accessToken", in: child).hasPrefix("eyJraWQiOiJkL"), "kid begins with d-")
        }
    }

    @Test("every user is unknown to a session core")
    func unknownUser() async throws {
        try await Core.run(.value) { core in
            let reply = try await core.send("GET", "/user/id", query: "userId=u")
            #expect(reply.body == "{\"status\":\"UNKNOWN_USER_ID_ERROR\"}\n")
        }
    }
}
