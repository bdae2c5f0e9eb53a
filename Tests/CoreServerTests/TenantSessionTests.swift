import CoreServer
import LosslessJSON
import SessionEngine
import Testing

/// Sessions of tenants (docs/specification/core.md 3.5, 4.7, 4.9, 1.6.7 and 1.6.8).
struct TenantSessionTests {
    private static let refusal = "Only public tenantId can call this app specific API"

    private static func core() async throws -> ManyApps {
        let core = try await ManyApps()
        try await core.put(app: "a")
        for tenant in ["t1", "t2"] { try await core.put(tenant: tenant, of: "a") }
        return core
    }

    @Test("a session carries its tenant from its creation to its end")
    func life() async throws {
        let core = try await Self.core()
        var session = try await core.create("/appid-a/t1")
        #expect(session.handle.hasSuffix("_t1") && session.tenant == "t1")
        let refreshed = try await core.refresh("/appid-a", session.refreshToken)
        session = try SeenSession(refreshed)
        #expect(session.tenant == "t1")
        let verified = try await core.verify("/appid-a", session.accessToken)
        #expect(verified["session"]?.object?["tenantId"] == "t1")
        let read = try await core.document(
            "GET", "/appid-a/recipe/session", query: "sessionHandle=\(session.handle)")
        #expect(read["tenantId"] == "t1" && read["userId"] == "u")
        let removal: JSONObject = ["sessionHandles": [.string(session.handle)]]
        let removed = try await core.document("POST", "/appid-a/recipe/session/remove", removal)
        #expect(removed["sessionHandlesRevoked"] == [.string(session.handle)])
        #expect(try await core.verify("/appid-a", session.accessToken)["status"] == "UNAUTHORISED")
    }

    @Test("a handle that names an unknown tenant is the caller's mistake", arguments: ["3.0", "4.0", "5.6"])
    func unknownTenantInHandle(version: String) async throws {
        let core = try await Self.core()
        let text =
            "AppId or tenantId not found => Tenant with the following connectionURIDomain, appId and tenantId "
            + "combination not found: (, a, t9)"
        for path in ["/recipe/session", "/recipe/session/data", "/recipe/jwt/data"] {
            let reply = await core.send("GET", "/appid-a\(path)", query: "sessionHandle=x_t9", version: version)
            #expect(reply.status == 400 && reply.body == text, "\(path)")
            let known = await core.send("GET", "/appid-a\(path)", query: "sessionHandle=x_t1_y", version: version)
            #expect(known.status == 200 && known.body.contains("UNAUTHORISED"), "\(path)")
        }
        let removal: JSONObject = ["sessionHandles": ["x", "x_t9"]]
        let reply = await core.send("POST", "/appid-a/recipe/session/remove", removal, version: version)
        #expect(reply.status == 400 && reply.body == text)
    }

    @Test("a session is verified and refreshed through any tenant of its app", arguments: ["3.0", "3.1", "4.0"])
    func throughAnotherTenant(version: String) async throws {
        let core = try await Self.core()
        var session = try await core.create("/appid-a/t1")
        for prefix in ["/appid-a/t2", "/appid-a", "/appid-a/public"] {
            session = try SeenSession(try await core.refresh(prefix, session.refreshToken, version: version))
            #expect(session.tenant == "t1")
            let verified = try await core.verify(prefix, session.accessToken, version: version)
            #expect(verified["status"] == "OK" && verified["session"]?.object?["tenantId"] == "t1")
        }
        #expect(try await core.list("/appid-a/t2", across: true, version: version) == [session.handle])
        #expect(try await core.list("/appid-a/t2", across: false, version: version).isEmpty)
        try await core.put(app: "b")
        #expect(
            try await core.verify("/appid-b", session.accessToken, version: version)["status"] == "TRY_REFRESH_TOKEN")
        #expect(try await core.refresh("/appid-b", session.refreshToken, version: version)["status"] == "UNAUTHORISED")
    }

    @Test(
        "finding D1: what names its session itself is asked through any tenant's path",
        arguments: ["3.0", "5.0", "5.3", "5.4", "5.5", "5.6"])
    func throughTenantPaths(version: String) async throws {
        let core = try await Self.core()
        let t9 = "/appid-a/t9"
        try await core.put(tenant: "t9", of: "a")
        let session = try await core.create("/appid-a/t1")
        let query = "sessionHandle=\(session.handle)"
        let handle = JSONValue.string(session.handle)
        let token = JSONValue.string(session.accessToken)
        let calls: [(String, String, JSONObject, String?)] = [
            ("POST", "/recipe/session/regenerate", ["accessToken": token, "userDataInJWT": ["a": 1]], nil),
            ("GET", "/recipe/session", [:], query),
            ("PUT", "/recipe/session/data", ["sessionHandle": handle, "userDataInDatabase": ["b": 2]], nil),
            ("PUT", "/recipe/jwt/data", ["sessionHandle": handle, "userDataInJWT": ["c": 3]], nil),
            ("GET", "/recipe/session/data", [:], query), ("GET", "/recipe/jwt/data", [:], query),
            ("GET", "/.well-known/jwks.json", [:], nil),
        ]
        for (method, path, body, query) in calls {
            let reply = await core.send(method, t9 + path, body, query: query, version: version)
            let isGood = reply.body.contains(#""status":"OK""#) || reply.body.hasPrefix(#"{"keys":["#)
            #expect(reply.status == 200 && isGood, "\(method) \(path): \(reply)")
        }
        let refreshed = try SeenSession(try await core.refresh(t9, session.refreshToken, version: version))
        #expect(refreshed.tenant == "t1")
        guard version != "5.6" else { return }
        let verified = try await core.verify(t9, refreshed.accessToken, version: version)
        #expect(verified["status"] == "OK" && verified["session"]?.object?["tenantId"] == "t1")
    }

    @Test("a user's sessions are listed and revoked in one tenant or in all")
    func acrossTenants() async throws {
        let core = try await Self.core()
        var handles: [String: String] = [:]
        for tenant in ["public", "t1", "t2"] { handles[tenant] = try await core.create("/appid-a/\(tenant)").handle }
        #expect(try await core.list("/appid-a") == Set(handles.values))
        #expect(try await core.list("/appid-a", across: true) == Set(handles.values))
        #expect(try await core.list("/appid-a/public", across: false) == Set([handles["public"]].compactMap(\.self)))
        #expect(try await core.list("/appid-a/t1", across: false) == Set([handles["t1"]].compactMap(\.self)))
        #expect(try await core.list("/appid-a/t1", user: "v", across: false).isEmpty)
        for query in ["userId=u", "userId=u&fetchAcrossAllTenants=TRUE"] {
            let reply = await core.send("GET", "/appid-a/t1/recipe/session/user", query: query)
            #expect(reply.status == 403 && reply.body == Self.refusal, "\(query)")
        }
        let path = "/appid-a/t1/recipe/session/remove"
        for across in [nil, true] as [JSONValue?] {
            var body: JSONObject = ["userId": "u"]
            body["revokeAcrossAllTenants"] = across
            let reply = await core.send("POST", path, body)
            #expect(reply.status == 403 && reply.body == Self.refusal)
        }
        let own: JSONObject = ["userId": "u", "revokeAcrossAllTenants": false, "revokeSessionsForLinkedAccounts": true]
        let removed = try await core.document("POST", path, own)
        #expect(removed["sessionHandlesRevoked"]?.array?.map(\.string) == [handles["t1"]])
        let rest = try await core.document("POST", "/appid-a/recipe/session/remove", ["userId": "u"])
        #expect(rest["sessionHandlesRevoked"]?.array?.count == 2)
        #expect(try await core.list("/appid-a").isEmpty)
    }

    @Test("a tenant ends with its sessions, and takes no more")
    func removal() async throws {
        let core = try await Self.core()
        let (gone, kept) = (try await core.create("/appid-a/t1"), try await core.create("/appid-a/t2"))
        _ = await core.send("POST", "/appid-a/recipe/multitenancy/tenant/remove", ["tenantId": "t1"])
        #expect(try await core.list("/appid-a") == [kept.handle])
        #expect(try await core.refresh("/appid-a", gone.refreshToken)["status"] == "UNAUTHORISED")
        #expect(try await core.verify("/appid-a", gone.accessToken)["status"] == "UNAUTHORISED")
        #expect(try await core.verify("/appid-a", kept.accessToken)["status"] == "OK")
        let late = await core.send("POST", "/appid-a/t1/recipe/session")
        #expect(late.status == 400 && late.body.hasSuffix("(, a, t1)"))
    }

    @Test("the public app has tenants too")
    func publicApp() async throws {
        let core = try await ManyApps()
        try await core.put(tenant: "t1", of: "public")
        let session = try await core.create("/t1")
        #expect(session.tenant == "t1")
        #expect(try await core.verify("", session.accessToken)["status"] == "OK")
        #expect(try await core.list("/t1", across: false) == [session.handle])
        let read = await core.send("GET", "/recipe/session", query: "sessionHandle=\(session.handle)")
        #expect(read.status == 200 && read.body.contains(session.handle))
    }
}
