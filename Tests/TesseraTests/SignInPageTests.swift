import HTTPTypes
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("The way to the sign-in page and back")
struct SignInPageTests {
    private static let request = HTTPRequest(method: .post, scheme: nil, authority: nil, path: "/login")

    static let allowed = [
        "/", "/me", "/me?x=1&y=%2F%2Fevil.test", "/a/b#c", "/%2F%2Fevil.test", "/%5Cevil.test", "/%09/evil.test",
        "/@evil.test",
        "/https://evil.test", "https://api.example.com/me", "https://www.example.com", "https://www.example.com/a?b#c",
        "https://partner.test/x", "/a//b", "/:80", "/.well-known/x", "/?next=https://evil.test",
    ]

    static let refused = [
        "", " ", "//evil.test", "///evil.test", "////evil.test", "/\\evil.test", "\\\\evil.test", "\\/evil.test",
        "https:evil.test", "https:/evil.test", "https:///evil.test", "https://evil.test", "HTTPS://evil.test",
        "http:evil.test",
        "/\t/evil.test", "/\n/evil.test", "\t//evil.test", " //evil.test", "/ /evil.test",
        "/\r\nLocation: https://evil.test",
        "https://api.example.com@evil.test", "https://api.example.com:443@evil.test/", "https://user@api.example.com/",
        "https://api.example.com.evil.test", "https://api.example.comevil.test", "https://api.example.com\\.evil.test",
        "https://api.example.com\\@evil.test", "https://evil.test#https://api.example.com",
        "https://evil.test?https://api.example.com",
        "http://api.example.com/", "https://api.example.com:8443/", "javascript:alert(1)",
        "JavaScript://api.example.com/%0aalert(1)",
        "data:text/html,x", "vbscript:x", "evil.test", "me", "../me", "./me", "?x", "#x", "@evil.test",
        "%2F%2Fevil.test",
        "/..//evil.test", "/.//evil.test", "/%2e%2e//evil.test", "/a/%2E%2e/%2e%2E//evil.test", "/a/..//evil.test",
        "/x/.%2e/y",
        "\u{0}/me", "/me\u{0}", "/mé", "/\u{202e}", "ftp://api.example.com/", "//api.example.com/", "https://",
        "/" + String(repeating: "a", count: 3_000), "https://[::1]/", "://evil.test", ":///evil.test",
        "/\u{7f}/evil.test",
        "https://api.example.com\t/", "ws://api.example.com/", "file:///etc/passwd", "blob:https://api.example.com/x",
    ]

    private static func sessions() async throws -> Sessions {
        var configuration = SessionConfiguration()
        configuration.trustedOrigins = ["https://partner.test"]
        configuration.signInPage = "/login"
        return try await TestSessions(
            app: AppInfo(
                name: "Test", apiDomain: "https://api.example.com", website: .fixed("https://www.example.com")),
            configuration: configuration
        ).sessions
    }

    @Test("item 2: places of the application are gone back to", arguments: allowed)
    func goesBack(place: String) async throws {
        let found = try await Self.sessions().safeReturn(to: place, for: Self.request, otherwise: "/home")
        #expect(found == place)
    }

    @Test("item 2: what could be another's place is not", arguments: refused)
    func staysHere(place: String) async throws {
        let found = try await Self.sessions().safeReturn(to: place, for: Self.request, otherwise: "/home")
        #expect(found == "/home")
    }

    private static let page: HTTPFields = [.accept: "text/html", .fetchMode: "navigate"]

    @Test("finding S12: a page whose access token has run out refreshes on its way, without a script")
    func refreshPage() async throws {
        var configuration = SessionConfiguration()
        configuration.signInPage = "/login"
        let test = try await TestSessions(configuration: configuration)
        var page = Page(test.sessions)
        let handle = try await page.signIn("alice")
        page.fields = [.accept: "text/html", .fetchMode: "navigate", .fetchSite: "cross-site"]
        test.clock.advance(by: .seconds(4_000))
        var location = try await Self.location(&page, "/orders?id=5")
        #expect(location == "/auth/session/refresh?returnTo=%2Forders%3Fid%3D5")
        location = try await Self.location(&page, try #require(location))
        #expect(location == "/orders?id=5")
        let found = await page.call("/orders")
        #expect(found == handle)
        // Without a refresh token the way leads to the sign-in page, and keeps where it was meant to lead.
        page.jar.cookies.removeAll { $0.name.hasSuffix("sRefreshToken") }
        test.clock.advance(by: .seconds(4_000))
        location = try await Self.location(&page, "/orders?id=5")
        location = try await Self.location(&page, try #require(location))
        #expect(location == "/login?returnTo=%2Forders%3Fid%3D5")
        location = try await Self.location(&page, "/login")
        #expect(location == nil)
        let evil = try await Self.location(&page, "/auth/session/refresh?returnTo=//evil.test")
        #expect(evil == "/login?returnTo=%2F")
    }

    @Test("finding S5: a page with planted cookies ends its way as well", arguments: ["/auth/", "/auth", "/"])
    func plantedOnTheWay(path: String) async throws {
        var configuration = SessionConfiguration()
        (configuration.signInPage, configuration.cookieNaming) = ("/login", .superTokens)
        let test = try await TestSessions(configuration: configuration)
        var page = Page(test.sessions)
        let handle = try await page.signIn("alice")
        page.fields = Self.page
        for name in ["sAccessToken", "sRefreshToken", "sIdRefreshToken"] {
            page.jar.take("\(name)=x; Domain=example.com; Path=\(path); Secure")
        }
        var way = "/orders"
        for _ in 0..<6 {
            guard let next = try await Self.location(&page, way) else { break }
            way = next
        }
        #expect(way == "/orders")
        let found = await page.call("/orders")
        #expect(found == handle)
    }

    @Test("finding S12: the refresh by a link is there only with a sign-in page, and signs no one out from elsewhere")
    func onlyWithPage() async throws {
        let without = try await TestSessions()
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/auth/session/refresh")
        #expect(without.sessions.route(for: request) == nil)
        let sessions = try await Self.sessions()
        var image = request
        image.headerFields = [.fetchSite: "cross-site", .fetchMode: "no-cors", .fetchDestination: "image"]
        let exchange = SessionExchange(request: image)
        let reply = await sessions.answer(.refreshPage, in: exchange)
        #expect(reply.status == .forbidden && exchange.changes.isEmpty)
    }

    @Test("an image on a page of another site signs no one out where cookies travel across sites")
    func image() async throws {
        var configuration = SessionConfiguration()
        (configuration.signInPage, configuration.cookieSameSite) = ("/login", SameSite.none)
        let test = try await TestSessions(configuration: configuration)
        var page = Page(test.sessions)
        _ = try await page.signIn("alice")
        for (site, isCleared) in [("cross-site", false), ("same-site", false), ("same-origin", true)] {
            page.fields = [.fetchSite: site, .fetchMode: "no-cors", .fetchDestination: "image"]
            let exchange = SessionExchange(request: page.request(.get, "/auth/session/refresh"))
            let reply = await test.sessions.answer(.refreshPage, in: exchange)
            #expect(reply.status == .unauthorized && exchange.changes.isEmpty == !isCleared, "\(site)")
        }
    }

    /// Follows one step as a browser does.
    ///
    /// - Returns: where it is sent; `nil` where it may stay.
    private static func location(_ page: inout Page, _ path: String) async throws -> String? {
        let exchange = SessionExchange(request: page.request(.get, path))
        defer { page.take(exchange) }
        if let route = page.sessions.route(for: exchange.request) {
            return await page.sessions.answer(route, in: exchange).headerFields[.location]
        }
        do throws(SessionError) {
            _ = try await page.sessions.session(in: exchange)
            return nil
        } catch {
            return await page.sessions.reply(to: error, in: exchange).headerFields[.location]
        }
    }
}
