import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import SessionEngine
import Tessera
import TesseraHummingbird
import TesseraTesting
import Testing

/// The code of the documentation's pages on forms and on other origins, as it is printed there.
@Suite("The documentation's pages do what they say")
struct DocumentedPageTests {
    private struct HTMLPage: ResponseGenerator {
        let text: String
        init(_ text: String) { self.text = text }
        func response(from request: Request, context: some RequestContext) -> Response {
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        }
    }

    private struct LogIn: Decodable {
        let name: String
        let password: String
    }

    private struct Users {
        func check(_ name: String, _ password: String) async throws -> UserID? {
            name == "alice" && password == "secret" ? UserID(name) : nil
        }
    }

    private struct FormContext: TesseraRequestContext {
        var coreContext: CoreRequestContextStorage
        var sessionState = SessionState()
        var requestDecoder: URLEncodedFormDecoder { URLEncodedFormDecoder() }

        init(source: Source) {
            coreContext = CoreRequestContextStorage(source: source)
        }
    }

    @Test("item 2: sign in with an HTML form")
    func form() async throws {
        var configuration = SessionConfiguration()
        configuration.signInPage = "/login"
        let test = try await TestSessions(configuration: configuration)
        let users = Users()
        let router = Router(context: FormContext.self)
        router.add(middleware: TesseraMiddleware(test.sessions))
        let pages = router.group().add(middleware: ProtectForms())
        pages.get("login") { _, context in
            HTMLPage(
                """
                <form method="post">\(try context.formField())
                <input name="name"><input name="password" type="password"><button>Sign in</button></form>
                """)
        }
        pages.post("login") { request, context in
            let form = try await request.decode(as: LogIn.self, context: context)
            guard let user = try await users.check(form.name, form.password) else { throw HTTPError(.unauthorized) }
            try await context.createSession(userID: user)
            return try context.redirectAfterSignIn(to: request.uri.queryParameters.get("returnTo"))
        }
        let app = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await app.test(.live) { client in
            let page = try await client.execute(uri: "/login?returnTo=%2Fme", method: .get)
            let cookie = try #require(page.headers[.setCookie]).prefix { $0 != ";" }
            let text = String(buffer: page.body)
            let start = try #require(text.firstRange(of: "value=\""))
            let token = text[start.upperBound...].prefix { $0 != "\"" }
            let fields: HTTPFields = [.contentType: "application/x-www-form-urlencoded", .cookie: String(cookie)]
            let body = ByteBuffer(string: "form-token=\(token)&name=alice&password=secret")
            let answer = try await client.execute(
                uri: "/login?returnTo=%2Fme", method: .post, headers: fields, body: body)
            #expect(answer.status == .seeOther && answer.headers[.location] == "/me")
            #expect(answer.headers[values: .setCookie].contains { $0.hasPrefix("__Host-sAccessToken=") })
        }
    }

    @Test("finding S19: the page on other origins")
    func crossOrigin() async throws {
        let app = try AppInfo(
            name: "Shop", apiDomain: "https://api.example.com", website: .fixed("https://www.example.com"))
        let sessions = try await TestSessions(app: app).sessions
        let router = Router(context: BasicTesseraRequestContext.self)
        router.add(
            middleware: CORSMiddleware(
                allowOrigin: .oneOf("https://www.example.com"),
                allowHeaders: [.contentType] + Sessions.allowedCORSHeaders.compactMap { HTTPField.Name($0) },
                allowMethods: [.get, .post, .put, .patch, .delete], allowCredentials: true))
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("login") { _, context in try await context.createSession(userID: "alice").handle.rawValue }
        router.group().add(middleware: RequireSession()).post("me") { _, context in
            try context.requireSession().handle.rawValue
        }
        let server = Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        try await server.test(.live) { client in
            let browser = Browser(send: { path, method, headers in
                try await client.execute(uri: path, method: method, headers: headers)
            })
            let origin = [("origin", "https://www.example.com"), ("sec-fetch-site", "same-site")]
            let signedIn = try await browser.call(.post, "/login", origin)
            let cookie = ("cookie", "__Host-sAccessToken=\(signedIn.cookie("__Host-sAccessToken") ?? "")")
            let mine = try await browser.call(.post, "/me", origin + [cookie])
            #expect(mine.status == 200 && mine.body == signedIn.body)
            #expect(mine["access-control-allow-origin"] == "https://www.example.com")
            let other = try await browser.call(
                .post, "/me", [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site"), cookie])
            #expect(other.status == 403)
        }
    }
}
