import CoreServer
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

/// An app's own configuration, and making many apps at once.
struct AppConfigTests {
    private static func config(_ core: ManyApps, app: String = "a") async throws -> JSONValue? {
        try await core.document("GET", "/appid-\(app)/recipe/multitenancy/tenant/v2")["coreConfig"]
    }

    @Test("validities are the app's own, also when they change, and old tokens stay good")
    func validities() async throws {
        let core = try await ManyApps()
        try await core.put(app: "a", ["access_token_validity": 1, "refresh_token_validity": "0.1"])
        let (short, long) = (try await core.create("/appid-a"), try await core.create(""))
        #expect(try await core.verify("/appid-a", short.accessToken, database: false)["status"] == "OK")
        core.clock.advance(by: .seconds(2))
        let expired = try await core.verify("/appid-a", short.accessToken, database: false)
        #expect(expired["status"] == "TRY_REFRESH_TOKEN" && expired["message"] == "Access token expired")
        #expect(try await core.verify("", long.accessToken, database: false)["status"] == "OK")
        #expect(try await !core.put(app: "a", ["access_token_validity": 100, "refresh_token_validity": nil]))
        #expect(try await Self.config(core) == ["access_token_validity": 100])
        var child = try SeenSession(try await core.refresh("/appid-a", short.refreshToken))
        let promoted = try await core.verify("/appid-a", child.accessToken)
        #expect(promoted["status"] == "OK", "keys were not lost")
        child.accessToken = try #require(promoted["accessToken"]?.object?["token"]?.string)
        core.clock.advance(by: .seconds(90))
        #expect(try await core.verify("/appid-a", child.accessToken)["status"] == "OK")
        core.clock.advance(by: .seconds(3_600))
        #expect(try await core.refresh("/appid-a", child.refreshToken)["status"] == "OK")
    }

    @Test("no key is made with an app, and one service serves all who come first")
    func firstUse() async throws {
        let directory = InMemoryAppDirectory()
        let core = try await ManyApps(directory)
        try await core.put(app: "a")
        let storage = directory.storage(of: AppID("a"))
        #expect(try await storage.updateSigningKeys { _ in .none }.isEmpty)
        let handles = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<32 { group.addTask { try await core.create("/appid-a").handle } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(try await core.list("/appid-a") == handles && handles.count == 32)
        #expect(try await storage.updateSigningKeys { _ in .none }.count == 1)
    }

    @Test("an app's API keys are its own")
    func apiKeys() async throws {
        let (base, own) = ("key-of-the-core-itself-0", "key-of-one-app-alone-00")
        let verifier = "key-of-a-core-s-verifier"
        let core = try await ManyApps(configuration: "api_keys: \(base)\nverify_api_keys: \(verifier)\n")
        let body: JSONObject = ["appId": "a", "coreConfig": ["api_keys": .string(own)]]
        #expect(await core.send("PUT", "/recipe/multitenancy/app/v2", body).status == 401)
        #expect(await core.send("PUT", "/recipe/multitenancy/app/v2", body, key: base).status == 200)
        let other: JSONObject = ["appId": "b"]
        #expect(await core.send("PUT", "/recipe/multitenancy/app/v2", other, key: base).status == 200)
        // App, key, status.
        let rows = [
            ("a", own, 200), ("a", base, 401), ("a", nil, 401), ("b", base, 200), ("b", own, 401), ("b", nil, 401),
            ("nosuch", base, 400), ("nosuch", own, 401), ("nosuch", nil, 401), ("public", own, 401),
        ]
        for (app, key, status) in rows {
            let reply = await core.send("GET", "/appid-\(app)/recipe/session/user", query: "userId=u", key: key)
            #expect(reply.status == status, "\(app) \(key ?? "-")")
        }
        for (app, key, status) in [
            ("a", verifier, 401), ("a", own, 200), ("b", verifier, 200), ("public", verifier, 200),
        ] {
            let reply = await core.send("GET", "/appid-\(app)/tessera/feed", key: key)
            #expect(reply.status == status, "the feed of \(app), \(key)")
        }
        #expect(await core.send("GET", "/appid-a/.well-known/jwks.json").status == 200)
    }

    @Test("blacklisting and the algorithm are the app's own")
    func others() async throws {
        let core = try await ManyApps()
        try await core.put(app: "a", ["access_token_signing_algorithm": "es256"])
        let body: JSONObject = ["appId": "a", "coreConfig": ["access_token_blacklisting": true]]
        #expect(await core.send("PUT", "/recipe/multitenancy/app", body).status == 200)
        #expect(
            try await Self.config(core)
                == ["access_token_signing_algorithm": "es256", "access_token_blacklisting": true])
    }

    /// `coreConfig` and the reason why it is not taken.
    static let refused: [(JSONObject, String)] = [
        (["access_token_validity": 0], "'access_token_validity' must be between 1 and 86400000 seconds inclusive."),
        (["access_token_validity": "x"], "'access_token_validity' must be of type long"),
        (["access_token_validity": [1]], "'access_token_validity' must be a single value"),
        (
            ["access_token_dynamic_signing_key_update_interval": "0.5"],
            "'access_token_dynamic_signing_key_update_interval' must be greater than, equal to 1 hour."
        ),
        (["api_keys": "short"], "One of the API keys is too short. Please use at least 20 characters"),
        (["base_path": "/x"], "'base_path' cannot be set for an app, only for the whole core"),
        (["port": 1], "'port' cannot be set for an app, only for the whole core"),
        (["ip_deny_regex": ".*"], "'ip_deny_regex' cannot be set for an app, only for the whole core"),
        (
            ["postgresql_connection_uri": "x"],
            "'postgresql_connection_uri' is not supported: all apps are in the core's database"
        ),
        (["acess_token_validity": 1], "'acess_token_validity' is not a known configuration key"),
    ]

    @Test("a configuration that cannot be honoured is refused, and nothing is made", arguments: refused)
    func refusals(config: JSONObject, reason: String) async throws {
        let core = try await ManyApps()
        let body: JSONObject = ["appId": "a", "coreConfig": .object(config)]
        for path in ["/recipe/multitenancy/app", "/recipe/multitenancy/app/v2"] {
            let reply = await core.send("PUT", path, body)
            #expect(reply.status == 400 && reply.body == "Invalid core config: \(reason)")
        }
        #expect(await core.send("GET", "/appid-a/hello").status == 400)
        try await core.put(app: "a", ["access_token_validity": 5])
        #expect(await core.send("PUT", "/recipe/multitenancy/app/v2", body).status == 400)
        #expect(try await Self.config(core) == ["access_token_validity": 5], "the old one stays")
    }

    @Test("the tenants of an app have the configuration of their app")
    func tenantsAgree() async throws {
        let core = try await ManyApps()
        try await core.put(app: "a", ["access_token_validity": 5, "password_reset_token_lifetime": 1])
        let path = "/appid-a/recipe/multitenancy/tenant/v2"
        func put(_ config: JSONObject) async -> (status: Int, body: String) {
            await core.send("PUT", path, ["tenantId": "t1", "coreConfig": .object(config)])
        }
        let refusal = "You cannot set different values for access_token_validity for the same appId"
        #expect(await put(["access_token_validity": 6]).body == refusal)
        #expect(await put(["access_token_validity": "5", "refresh_token_validity": 144_000]).status == 200)
        let body: JSONObject = ["appId": "a", "coreConfig": ["access_token_validity": 7]]
        let reply = await core.send("PUT", "/recipe/multitenancy/app/v2", body)
        #expect(reply.status == 400 && reply.body == refusal)
    }

    @Test("two suites make 300 apps at once, half of them the same ones, and each is made once")
    func manyApps() async throws {
        let folder = try TemporaryFolder()
        let core = try await ManyApps(try SQLiteDatabase(folder: folder.path).apps)
        let isNew: [Bool] = try await withThrowingTaskGroup(of: [Bool].self) { group in
            for suite in 0...1 {
                group.addTask {
                    var isNew: [Bool] = []
                    for number in 0..<200 {
                        let app = number.isMultiple(of: 2) ? "shared-\(number)" : "suite-\(suite)-\(number)"
                        isNew.append(try await core.put(app: app, ["access_token_validity": 60]))
                        if number.isMultiple(of: 20) {
                            let session = try await core.create("/appid-\(app)")
                            let verified = try await core.verify("/appid-\(app)", session.accessToken)
                            #expect(verified["status"] == "OK")
                        }
                    }
                    return isNew
                }
            }
            var isNew: [Bool] = []
            for try await part in group { isNew += part }
            return isNew
        }
        #expect(isNew.count == 400 && isNew.count { $0 } == 300)
        let apps = try await core.document("GET", "/recipe/multitenancy/app/list")["apps"]?.array ?? []
        #expect(apps.count == 301 && Set(apps.map { $0.object?["appId"] }).count == 301)
    }
}
