import Hummingbird
import HummingbirdTesting
import LosslessJSON
import SessionEngine
import SessionService
import TesseraHummingbird
import TesseraSessions
import TesseraTesting

/// Both ways of testing HTTP: through the router, and over a socket.
let transports: [TestingSetup] = [.router, .live]

/// An application with sessions and the routes that the numbered cases need.
struct Fixture {
    let test: TestSessions
    let app: Application<RouterResponder<BasicTesseraRequestContext>>

    init(
        apiDomain: String = "http://api.supertokens.io", website: String = "http://supertokens.io",
        gateway: String = "", _ configure: (inout SessionConfiguration) -> Void = { _ in },
        claims: [any SessionClaim] = [], requirements: [SessionRequirement] = [],
        hooks: (any SessionHooks)? = nil, policy: SessionPolicy = SessionPolicy(signingAlgorithm: .es256)
    ) async throws {
        var configuration = SessionConfiguration()
        configuration.cookieNaming = .superTokens
        configure(&configuration)
        test = try await TestSessions(
            app: AppInfo(
                name: "SuperTokens", apiDomain: apiDomain, website: .fixed(website), apiGatewayPath: gateway),
            configuration: configuration, policy: policy, claims: claims, requirements: requirements, hooks: hooks)
        app = Application(
            router: Self.router(test.sessions), configuration: .init(address: .hostname("127.0.0.1", port: 0)))
    }

    private static func router(_ sessions: Sessions) -> Router<BasicTesseraRequestContext> {
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("create") { request, context in
            var payload: JSONObject = [:]
            if let text = request.uri.queryParameters["payload"] {
                payload = try JSONValue(parsing: String(text)).object ?? [:]
            }
            return try await context.createSession(userID: "user1", payload: payload).handle.rawValue
        }
        for (path, options) in routes {
            router.group().add(middleware: RequireSession(options)).on("\(path)", method: .get, use: Self.show)
            router.group().add(middleware: RequireSession(options)).on("\(path)", method: .post, use: Self.show)
        }
        router.group().add(middleware: RequireSession()).post("merge") { request, context in
            let text = String(request.uri.queryParameters["payload"] ?? "{}")
            try await context.requireSession().mergePayload(try JSONValue(parsing: text).object ?? [:])
            return "merged"
        }
        router.group().add(middleware: RequireSession()).post("merge-and-fail") { _, context -> String in
            try await context.requireSession().mergePayload(["changed": true])
            throw HTTPError(.conflict, message: "sorry")
        }
        router.group().add(middleware: RequireSession()).post("revoke") { _, context in
            try await context.requireSession().revoke()
            return "revoked"
        }
        router.get("caught") { _, context in
            let exchange = try context.sessionExchange()
            do { _ = try await context.sessions().session(in: exchange) } catch { return "caught" }
            return "found"
        }
        router.post("caught-refresh") { _, context in
            do { try await context.sessions().refresh(in: context.sessionExchange()) } catch { return "caught" }
            return "refreshed"
        }
        return router
    }

    private static let routes: [(String, VerifyOptions)] = [
        ("me", VerifyOptions()), ("optional", VerifyOptions(isRequired: false)),
        ("database", VerifyOptions(checksDatabase: true)), ("unguarded", VerifyOptions(checksAntiCSRF: false)),
        ("guarded", VerifyOptions(checksAntiCSRF: true)), ("unclaimed", VerifyOptions { _, _ in [] }),
    ]

    @Sendable private static func show(_: Request, _ context: BasicTesseraRequestContext) -> String {
        context.session?.handle.rawValue ?? "none"
    }

    /// Runs requests in one of both ways.
    func run(
        _ transport: TestingSetup, _ body: @escaping @Sendable (Browser) async throws -> Void
    ) async throws {
        try await app.test(transport) { client in
            try await body(
                Browser(send: { path, method, headers in
                    try await client.execute(uri: path, method: method, headers: headers)
                }))
        }
    }
}
