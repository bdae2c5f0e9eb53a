import Hummingbird
import Tessera
import TesseraHummingbird
import TesseraHummingbirdTesting
import Testing

/// The code of the articles in the documentation of `TesseraHummingbird`, as it is printed there.
@Suite("The articles of the documentation")
struct ArticleTests {
    private func application(_ sessions: Sessions) -> some ApplicationProtocol {
        let router = Router(context: BasicTesseraRequestContext.self)
        let own = Sessions.allowedCORSHeaders.compactMap { HTTPField.Name($0) }
        router.add(
            middleware: CORSMiddleware(
                allowOrigin: .custom("https://www.example.com"), allowHeaders: [.contentType, .accept] + own,
                allowMethods: [.get, .post, .put, .delete], allowCredentials: true))
        router.add(middleware: TesseraMiddleware(sessions))
        router.post("login") { _, context in
            try await context.createSession(userID: "alice", payload: ["role": "admin"])
            return "Welcome"
        }
        router.require(.session).get("me") { _, context in
            "You are \(try context.requireSession().userID)"
        }
        router.require(.session).post("prove") { _, context in
            try await context.requireSession().markAuthenticated()
            return "Thank you"
        }
        router.require(.fresh(within: .minutes(10))).post("transfer") { _, _ in "Sent" }
        return Application(router: router, services: [sessions])
    }

    @Test("SinglePage: a page on another host of the site")
    func singlePage() async throws {
        let app = try AppInfo(
            name: "Shop", apiDomain: "https://api.example.com", website: .fixed("https://www.example.com"))
        let test = try await TestSessions(app: app)
        try await application(test.sessions).test(.router) { client in
            let page = try TestBrowser(client, test, page: "https://www.example.com")
            let login = try await page.post("/login")
            #expect(login.headerFields[.accessControlAllowCredentials] == "true")
            #expect(try await page.get("/me").text == "You are alice")
            test.clock.advance(by: .hours(2))
            #expect(try await page.get("/me").text == "You are alice")
        }
    }

    @Test("MobileApp: tokens in header fields, and a proof before what matters")
    func mobileApp() async throws {
        let test = try await TestSessions()
        try await application(test.sessions).test(.router) { client in
            let app = try TestBrowser(client, test, frontEnd: .app)
            try await app.post("/login")
            #expect(app.cookieNames.isEmpty)
            #expect(try await app.post("/transfer").text == "Sent")
            test.clock.advance(by: .minutes(11))
            let refused = try await app.post("/transfer")
            #expect(refused.status == .forbidden && refused.text.contains(#""id":"auth-time""#))
            try await app.post("/prove")
            #expect(try await app.post("/transfer").text == "Sent")
            test.clock.advance(by: .hours(2))
            #expect(try await app.get("/me").text == "You are alice")
        }
    }

    @Test("SeveralAPIs: cookies of a shared domain")
    func severalAPIs() async throws {
        var configuration = SessionConfiguration()
        configuration.cookieDomain = "example.com"
        configuration.olderCookieDomain = .hostOnly
        configuration.cookieNaming = .superTokens
        let test = try await TestSessions(configuration: configuration)
        try await application(test.sessions).test(.router) { client in
            let browser = try TestBrowser(client, test)
            let login = try await browser.post("/login")
            let cookies = login.headerFields[values: .setCookie]
            #expect(cookies.count == 2 && cookies.allSatisfy { $0.contains("Domain=example.com") })
        }
    }

    @Test("BehindAProxy: the public path in the cookie, and the path behind the proxy in the request")
    func behindAProxy() async throws {
        let app = try AppInfo(name: "Shop", apiDomain: "https://api.example.com", apiGatewayPath: "/v1")
        let test = try await TestSessions(app: app)
        try await application(test.sessions).test(.router) { client in
            let browser = try TestBrowser(client, test)
            let login = try await browser.post("/login")
            #expect(login.headerFields[values: .setCookie].contains { $0.contains("Path=/v1/auth/session/refresh") })
            let behind = try await client.execute(uri: "/auth/session/refresh", method: .post)
            #expect(behind.status == .unauthorized)
        }
    }

    @Test("Testing: a browser, a clock and a session without either")
    func testing() async throws {
        let test = try await TestSessions()
        try await application(test.sessions).test(.router) { client in
            let browser = try TestBrowser(client, test)
            try await browser.post("/login")
            #expect(try await browser.get("/me").text == "You are alice")
            test.clock.advance(by: .days(101))
            #expect(try await browser.get("/me").status == .unauthorized)
        }
        let (session, authorization) = try await test.signIn("alice", payload: ["role": "admin"])
        #expect(session.userID == "alice" && authorization.value.hasPrefix("Bearer "))
    }
}
