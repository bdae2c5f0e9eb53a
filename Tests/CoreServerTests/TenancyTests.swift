import CoreServer
import LosslessJSON
import SessionEngine
import Testing

/// Making, reading and ending apps and tenants, at each version and under each path.
struct TenancyTests {
    private static let unknown =
        "AppId or tenantId not found => Tenant with the following connectionURIDomain, appId and tenantId combination "
        + "not found: "
    private static let tenantRefused = "Only public tenantId can call this app specific API"
    private static let baseOnly = "you can call this only from the base connection uri domain, public app and tenant"
    private static let manage = "/recipe/multitenancy"

    /// A core with the app `a`, which has the tenant `t1`.
    private static func core() async throws -> ManyApps {
        let core = try await ManyApps()
        #expect(try await core.put(app: "a"))
        #expect(try await core.put(tenant: "t1", of: "a"))
        return core
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let method: String
        let path: String
        let version: String?
        let body: JSONObject
        let status: Int
        let text: String

        init(
            _ method: String, _ path: String, version: String? = "5.4", body: JSONObject = [:], status: Int,
            text: String
        ) {
            (self.method, self.path, self.version, self.body) = (method, path, version, body)
            (self.status, self.text) = (status, text)
        }

        var testDescription: String { "\(method) \(path) \(version ?? "-") \(body.text)" }
    }

    static let refusals: [Refusal] = [
        Refusal("PUT", "/t1/recipe/multitenancy/app", version: nil, body: ["appId": "b"], status: 403, text: baseOnly),
        Refusal("PUT", "/appid-a/recipe/multitenancy/app/v2", body: ["appId": "b"], status: 403, text: baseOnly),
        Refusal("GET", "/appid-a/recipe/multitenancy/app/list", status: 403, text: baseOnly),
        Refusal(
            "POST", "/appid-a/t1/recipe/multitenancy/app/remove", body: ["appId": "b"], status: 403, text: baseOnly),
        Refusal("GET", "/appid-a/config", status: 403, text: baseOnly),
        Refusal(
            "PUT", "/appid-a/t1/recipe/multitenancy/tenant/v2", body: ["tenantId": "t2"], status: 403,
            text: tenantRefused),
        Refusal("GET", "/appid-a/t1/recipe/multitenancy/tenant/list", status: 403, text: tenantRefused),
        Refusal(
            "POST", "/appid-a/nosuch/recipe/multitenancy/tenant/remove", body: ["tenantId": "x"], status: 403,
            text: tenantRefused),
        Refusal(
            "PUT", "/appid-b/recipe/multitenancy/tenant", body: ["tenantId": "t2"], status: 400,
            text: unknown + "(, b, public)"),
        Refusal(
            "PUT", "/recipe/multitenancy/app", version: "2.3", body: ["appId": "b"], status: 400,
            text: "cdi-version 2.3 not supported"),
        Refusal("PUT", "/recipe/multitenancy/app", status: 400, text: "Field name 'appId' is invalid in JSON input"),
        Refusal(
            "PUT", "/recipe/multitenancy/app/v2", body: ["appId": "b", "coreConfig": 1], status: 400,
            text: "Field name 'coreConfig' is invalid in JSON input"),
        Refusal(
            "PUT", "/recipe/multitenancy/app/v2", body: ["appId": "b", "requiredSecondaryFactors": []], status: 400,
            text: "Field name 'requiredSecondaryFactors' is invalid in JSON input"),
        Refusal(
            "POST", "/recipe/multitenancy/app/remove", body: ["appId": "PUBLIC"], status: 400,
            text: "The public app cannot be removed"),
        Refusal(
            "POST", "/appid-a/recipe/multitenancy/tenant/remove", body: ["tenantId": "public"], status: 400,
            text: "The public tenant cannot be removed; remove the app instead"),
        Refusal(
            "PUT", "/recipe/multitenancy/app/v2",
            body: ["appId": "public", "coreConfig": ["access_token_validity": 5]], status: 400,
            text: "Invalid core config: the public app takes its configuration from the core's own"),
        Refusal("POST", "/appid-b/recipe/session", status: 400, text: unknown + "(, b, public)"),
        Refusal("POST", "/appid-a/t2/recipe/session", status: 400, text: unknown + "(, a, t2)"),
        Refusal("POST", "/appid-b/t2/recipe/session/verify", status: 400, text: unknown + "(, b, t2)"),
        Refusal("POST", "/appid-a/t9/recipe/session/verify", version: "5.6", status: 403, text: tenantRefused),
        Refusal("POST", "/appid-a/t9/recipe/session/refresh", version: "5.6", status: 400, text: unknown + "(, a, t9)"),
        Refusal("GET", "/appid-a/t9/.well-known/jwks.json", status: 400, text: unknown + "(, a, t9)"),
        Refusal("GET", "/appid-b/hello", status: 400, text: unknown + "(, b, public)"),
        Refusal("GET", "/appid-b/.well-known/jwks.json", status: 400, text: unknown + "(, b, public)"),
        Refusal("POST", "/appid-a/t_1/recipe/session", status: 404, text: "Not found"),
        Refusal("POST", "/appid-a/config/recipe/session", status: 404, text: "Not found"),
        Refusal("DELETE", "/recipe/multitenancy/tenant", status: 405, text: "Method not supported"),
    ]

    @Test("what cannot be is refused in the core's words", arguments: refusals)
    func refused(_ row: Refusal) async throws {
        let core = try await Self.core()
        let reply = await core.send(row.method, row.path, row.body, version: row.version)
        #expect(reply.status == row.status && reply.body == row.text)
        let apps = try await core.document("GET", Self.manage + "/app/list/v2")["apps"]?.array?.count
        #expect(apps == 2, "nothing was made")
    }

    @Test(
        "a name is one that a path can carry",
        arguments: ["", "a b", "a_b", "appid-x", "Recipe", "config", "users", "hello", "é", "a/b", "a.b"]
            + [String(repeating: "x", count: 65)])
    func names(_ name: String) async throws {
        let core = try await Self.core()
        for (path, field) in [("/app/v2", "appId"), ("/app", "appId"), ("/tenant", "tenantId")] {
            let reply = await core.send("PUT", Self.manage + path, [field: .string(name)])
            #expect(reply.status == 400 && reply.body.hasPrefix("\(field) has to be 1 to 64"), "\(path) \(reply)")
        }
        let longest = String(repeating: "x", count: 64)
        for app in ["A-1", longest] { #expect(try await core.put(app: app)) }
        #expect(try await !core.put(app: "a-1"), "names are in lower case")
        #expect(await core.send("GET", "/appid-A-1/hello").body == "Hello")
    }

    @Test("both forms read what either wrote")
    func forms() async throws {
        let core = try await Self.core()
        let first: JSONObject = ["tenantId": "t2", "emailPasswordEnabled": true, "coreConfig": [:]]
        let created = await core.send("PUT", "/appid-a\(Self.manage)/tenant", first)
        #expect(created.body == #"{"status":"OK","createdNew":true}"#)
        #expect(
            await core.send("GET", "/appid-a/t2\(Self.manage)/tenant").body
                == #"{"status":"OK","tenantId":"t2","emailPassword":{"enabled":true},"passwordless":{"enabled":false},"#
                + #""thirdParty":{"enabled":false,"providers":[]},"coreConfig":{}}"#)
        let second: JSONObject = [
            "tenantId": "t2", "firstFactors": ["otp-email"], "requiredSecondaryFactors": ["totp"],
        ]
        let updated = await core.send("PUT", "/appid-a\(Self.manage)/tenant/v2", second)
        #expect(updated.body == #"{"status":"OK","createdNew":false}"#)
        #expect(
            await core.send("GET", "/appid-a/t2\(Self.manage)/tenant/v2").body
                == #"{"status":"OK","tenantId":"t2","thirdParty":{"providers":[]},"firstFactors":["otp-email"],"#
                + #""requiredSecondaryFactors":["totp"],"coreConfig":{}}"#)
        let back: JSONObject = ["tenantId": "t2", "firstFactors": nil, "requiredSecondaryFactors": nil]
        _ = await core.send("PUT", "/appid-a\(Self.manage)/tenant/v2", back)
        #expect(
            await core.send("GET", "/appid-a/t2\(Self.manage)/tenant/v2").body
                == #"{"status":"OK","tenantId":"t2","thirdParty":{"providers":[]},"coreConfig":{}}"#)
        let missing = await core.send("GET", "/appid-a/t9\(Self.manage)/tenant/v2")
        #expect(missing.status == 200 && missing.body == #"{"status":"TENANT_NOT_FOUND_ERROR"}"#)
    }

    @Test("lists name every app with its tenants")
    func lists() async throws {
        let core = try await Self.core()
        let apps = try await core.document("GET", Self.manage + "/app/list/v2")["apps"]?.array ?? []
        #expect(apps.map { $0.object?["appId"] } == ["public", "a"])
        let names = apps.map { $0.object?["tenants"]?.array?.map { $0.object?["tenantId"] } }
        #expect(names == [["public"], ["public", "t1"]])
        let tenants = try await core.document("GET", "/appid-a\(Self.manage)/tenant/list")["tenants"]?.array ?? []
        #expect(tenants.map { $0.object?["emailPassword"] } == [["enabled": true], ["enabled": false]])
        let removal = await core.send("POST", "/appid-a\(Self.manage)/tenant/remove", ["tenantId": "T1"])
        #expect(removal.body == #"{"status":"OK","didExist":true}"#)
        let again = await core.send("POST", "/appid-a\(Self.manage)/tenant/remove", ["tenantId": "t1"])
        #expect(again.body == #"{"status":"OK","didExist":false}"#)
        for didExist in [true, false] {
            let removal = await core.send("POST", Self.manage + "/app/remove", ["appId": "a"])
            #expect(removal.body == "{\"status\":\"OK\",\"didExist\":\(didExist)}")
        }
        #expect(await core.send("GET", "/appid-a/hello").status == 400)
    }

    @Test("a core without a directory has one app and no such paths")
    func oneApp() async throws {
        try await Core.run(.value) { core in
            let list = try await core.send("GET", Self.manage + "/app/list")
            let session = try await core.send("POST", "/appid-a/recipe/session")
            #expect(list.status == 404 && session.status == 400)
        }
    }
}
