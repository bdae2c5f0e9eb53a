import CoreDriverInterface
import CoreServer
import SessionEngine
import SessionService
import Testing

@Suite("Features of SuperTokens' core that a session core does not have")
struct ForeignFeatureTests {
    static let foreign = [
        "/recipe/signup", "/recipe/signin", "/recipe/user", "/recipe/roles", "/recipe/totp/device", "/recipe/SIGNUP/",
        "/recipe/user/email/verify/token", "/appid-a/recipe/signup", "/t1/recipe/signup",
        "/appid-a/t1/recipe/dashboard/user",
        "/recipe/multitenancy/connectionuridomain", "/recipe/multitenancy/connectionuridomain/v2",
        "/recipe/multitenancy/connectionuridomain/list", "/appid-a/t1/recipe/multitenancy/config/thirdparty",
        "/t1/recipe/multitenancy/tenant/user", "/recipe/multitenancy/tenant/user/remove", "/requests/stats",
        "/devproductionmode", "/user/remove", "/ee/license", "/bulk-import/import", "/users/by-something",
    ]

    @Test("a 404 says what is served and what is not (findings E10 and D6)", arguments: foreign, Depth.allCases)
    func told(path: String, depth: Depth) async throws {
        try await Core.run(depth) { core in
            let reply = try await core.send("POST", path, "{}")
            #expect(reply.status == 404)
            for word in ["/recipe/session", "/recipe/multitenancy", "email and password", "docs/migrating.md"] {
                #expect(reply.body.contains(word), "\(path): \(reply.body)")
            }
            #expect(!reply.body.contains("signup") && !reply.body.contains("<"))
        }
    }

    @Test(
        "any other path is not found, as cores say it (finding E10)",
        arguments: [
            "/nope", "/no/such/path", "/recipe", "/recipe/session/nope", "/recipe/session/verify/x", "/recipe/jwt/x",
            "/recipe/multitenancy/nope", "/a/b/c/recipe/signup", "/sessions", "/appid-a/nope",
        ])
    func notFound(path: String) async throws {
        let reply = try await Core.value().send("GET", path)
        #expect(reply.status == 404 && reply.body == "Not found\n")
    }
}
