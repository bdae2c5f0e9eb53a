import HTTPTypes
import Hummingbird
import HummingbirdTesting
import LosslessJSON
import NIOCore
import SessionEngine
import Synchronization
import TesseraHummingbird
import TesseraSessions
import TesseraTesting
import Testing

/// What a middleware saw of each request.
private final class Seen: Sendable {
    struct Outcome: Sendable {
        let status: Int
        let error: (any Error)?
    }

    private let outcomes = Mutex<[Outcome]>([])
    var last: Outcome? { outcomes.withLock(\.last) }
    func note(_ status: Int, _ error: (any Error)?) {
        outcomes.withLock { $0.append(Outcome(status: status, error: error)) }
    }
}

/// Measures as Hummingbird's own middleware does.
private struct Measure<Context: RequestContext>: RouterMiddleware {
    let seen: Seen

    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            let response = try await next(request, context)
            seen.note(response.status.code, nil)
            return response
        } catch {
            seen.note((error as? any HTTPResponseError)?.status.code ?? 500, error)
            throw error
        }
    }
}

/// An error that knows no response.
private struct Plain: Error {}

/// An error with a response of its own.
private struct Teapot: HTTPResponseError {
    var status: HTTPResponse.Status { .init(code: 418) }
    func response(from request: Request, context: some RequestContext) throws -> Response { Response(status: status) }
}

@Suite("Errors pass outward")
struct OutwardErrorTests {
    private static func run(
        _ configure: (inout SessionConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Browser, _ outside: Seen, _ inside: Seen) async throws -> Void
    ) async throws {
        var configuration = SessionConfiguration()
        configuration.cookieNaming = .superTokens
        configure(&configuration)
        let test = try await TestSessions(configuration: configuration)
        let (outside, inside) = (Seen(), Seen())
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(middleware: Measure(seen: outside))
        router.add(middleware: TesseraMiddleware(test.sessions))
        router.add(middleware: Measure(seen: inside))
        router.post("create") { _, context in try await context.createSession(userID: "u").handle.rawValue }
        let group = router.group().add(middleware: RequireSession())
        group.get("me") { _, context in try context.requireSession().handle.rawValue }
        group.post("plain") { _, _ -> String in throw Plain() }
        group.post("teapot") { _, _ -> String in throw Teapot() }
        group.post("changed/:error") { _, context -> String in
            try await context.requireSession().mergePayload(["changed": true])
            switch context.parameters.get("error") {
            case "plain": throw Plain()
            case "teapot": throw Teapot()
            default: throw HTTPError(.conflict, message: "sorry")
            }
        }
        group.post("claims") { _, _ -> String in throw SessionError.invalidClaims([]) }
        group.post("down") { _, _ -> String in throw SessionError.coreUnavailable("away") }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await app.test(.live) { client in
            let browser = Browser(send: { path, method, headers in
                try await client.execute(uri: path, method: method, headers: headers)
            })
            try await body(browser, outside, inside)
        }
    }

    @Test("finding S12: middlewares outside and inside see the status that the client sees")
    func statuses() async throws {
        try await Self.run({ ($0.sessionExpiredStatus, $0.invalidClaimStatus) = (440, 499) }) {
            browser, outside, inside in
            let (_, tokens) = try await browser.signIn()
            for (method, path, tokens, status) in [
                (.get, "/me", nil, 440), (.get, "/me", tokens, 200), (.post, "/claims", tokens, 499),
                (.post, "/down", tokens, 503), (.post, "/plain", tokens, 500), (.post, "/teapot", tokens, 418),
                (.post, "/changed/plain", tokens, 500), (.post, "/changed/teapot", tokens, 418),
                (.post, "/changed/http", tokens, 409), (.get, "/nothing", tokens, 404),
            ] as [(HTTPRequest.Method, String, Tokens?, Int)] {
                let reply = try await browser.call(method, path, [], tokens)
                #expect(reply.status == status, "\(path)")
                #expect(outside.last?.status == status, "\(path), outside")
                let isKnownInside = path != "/claims"
                #expect(inside.last?.status == (isKnownInside ? status : 403), "\(path), inside")
            }
        }
    }

    @Test("finding S12: other errors pass untouched, and what changed before them reaches the client")
    func untouched() async throws {
        try await Self.run { browser, outside, _ in
            let (_, tokens) = try await browser.signIn()
            _ = try await browser.call(.post, "/plain", [], tokens)
            #expect(outside.last?.error is Plain)
            _ = try await browser.call(.post, "/teapot", [], tokens)
            #expect(outside.last?.error is Teapot)
            _ = try await browser.call(.get, "/me")
            #expect((outside.last?.error as? SessionError)?.code == .unauthorised)
            for error in ["plain", "teapot", "http"] {
                let reply = try await browser.call(.post, "/changed/\(error)", [], tokens)
                #expect(reply.front?.payload["changed"] == true && reply.cookie("sAccessToken") != nil, "\(error)")
                #expect(reply.setCookies.count == 1 && reply["cache-control"] == "no-store")
            }
            _ = try await browser.call(.post, "/changed/plain", [], tokens)
            #expect((outside.last?.error as? ErrorWithChanges)?.original is Plain)
            _ = try await browser.call(.post, "/changed/http", [], tokens)
            #expect((outside.last?.error as? HTTPError)?.body == "sorry")
        }
    }

    @Test("finding S12: a session error without a middleware around it has a status too")
    func alone() {
        for (error, status) in [
            (.unauthorised(reason: "", clearTokens: false), 401), (.tryRefreshToken(reason: ""), 401),
            (.invalidClaims([]), 403), (.badInput("x"), 400), (.coreUnavailable(""), 503), (.misconfigured(""), 500),
            (.untrustedOrigin("x"), 403), (.badFormToken("x"), 403),
            (.proofNeeded(nonce: nil), 400),
        ] as [(SessionError, Int)] {
            #expect((error as any HTTPResponseError).status.code == status)
        }
    }

    /// Fields of a request, and whether it is sent to the sign-in page.
    static let navigations: [([(String, String)], Bool)] = [
        ([("accept", "text/html,application/xhtml+xml,*/*;q=0.8")], true),
        ([("accept", "text/html"), ("sec-fetch-mode", "navigate")], true), ([("accept", "TEXT/HTML;q=0.9")], true),
        ([("accept", "text/html"), ("sec-fetch-mode", "cors")], false), ([("accept", "*/*")], false), ([], false),
        ([("accept", "application/json, text/plain")], false), ([("accept", "text/htmlx")], false),
    ]

    @Test(
        "finding S12: who asks for a page without a session may be sent to the sign-in page",
        arguments: navigations.indices)
    func redirect(row: Int) async throws {
        let (fields, isSent) = Self.navigations[row]
        try await Self.run({ $0.signInPage = "/login?lang=en" }) { browser, outside, _ in
            let reply = try await browser.call(.get, "/me?x=1&y=%2F", fields)
            #expect(reply.status == (isSent ? 303 : 401))
            #expect(reply["location"] == (isSent ? "/login?lang=en&returnTo=%2Fme%3Fx%3D1%26y%3D%252F" : nil))
            #expect(outside.last?.status == reply.status)
            let post = try await browser.call(.post, "/plain", fields)
            #expect(post.status == 401)
        }
        try await Self.run { browser, _, _ in
            let reply = try await browser.call(.get, "/me", fields)
            #expect(reply.status == 401)
        }
    }
}
