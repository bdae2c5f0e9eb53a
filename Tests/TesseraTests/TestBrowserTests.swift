import Foundations
import HTTPTypes
import LosslessJSON
import SessionEngine
import Synchronization
import Testing

@testable import TesseraSessions
@testable import TesseraTesting

@Suite("The browser of tests")
struct TestBrowserTests {
    private static let start = VirtualClock().time

    private static func context(
        _ url: String, _ path: String = "/", isSameSite: Bool = true, isNavigation: Bool = false,
        after seconds: Int64 = 0
    ) throws -> CookieJar.Context {
        CookieJar.Context(
            origin: try Origin(url), path: path, isSameSite: isSameSite, isSafeNavigation: isNavigation,
            time: start + .seconds(seconds))
    }

    /// What a server sets, where it is, where the next request goes, and what goes with it.
    struct Row: Sendable {
        var set: String
        var from = "https://api.example.com"
        var at = "/a/b"
        var to = "https://api.example.com"
        var path = "/a/b"
        var isSameSite = true
        var isNavigation = false
        var after: Int64 = 0
        var sent: String?
    }

    static let rows: [Row] = [
        Row(set: "n=v", sent: "n=v"), Row(set: "n=v", path: "/a", sent: "n=v"), Row(set: "n=v", path: "/other"),
        Row(set: "n=v; Path=/", path: "/other", sent: "n=v"), Row(set: "n=v; Path=/au", path: "/auth"),
        Row(set: "n=v; Path=/auth", path: "/auth/session/refresh?x=/", sent: "n=v"),
        Row(set: "n=v; Path=/auth/", path: "/auth"), Row(set: "n=v; Path=relative", sent: "n=v"),
        Row(set: "n=v", to: "https://www.example.com"),
        Row(set: "n=v; Domain=example.com", to: "https://www.example.com", sent: "n=v"),
        Row(set: "n=v; Domain=.EXAMPLE.com", to: "https://www.example.com", sent: "n=v"),
        Row(set: "n=v; Domain=other.com"), Row(set: "n=v; Domain=ample.com"),
        Row(set: "n=v; Domain=example.com", from: "https://example.com", to: "https://badexample.com"),
        Row(set: "n=v; Secure", to: "http://api.example.com"),
        Row(set: "n=v; Secure", from: "http://api.example.com"),
        Row(set: "n=v; Secure", from: "http://localhost:80", to: "http://localhost:80", sent: "n=v"),
        Row(set: "n=v; Max-Age=10", after: 9, sent: "n=v"), Row(set: "n=v; Max-Age=10", after: 10),
        Row(set: "n=v; Max-Age=0"), Row(set: "n=v; Max-Age=-5"),
        Row(set: "n=v; Expires=Thu, 01 Jan 2026 00:00:05 GMT", after: 4, sent: "n=v"),
        Row(set: "n=v; Expires=Thu, 01-Jan-2026 00:00:05 GMT", after: 5),
        Row(set: "n=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=9", sent: "n=v"),
        Row(set: "n=v; Expires=nonsense", after: 1_000, sent: "n=v"),
        Row(set: "n=v; SameSite=Lax", isSameSite: false),
        Row(set: "n=v; SameSite=Strict", isSameSite: false, isNavigation: true),
        Row(set: "n=v; SameSite=Lax", isSameSite: false, isNavigation: true, sent: "n=v"),
        Row(set: "n=v; SameSite=None; Secure", isSameSite: false, sent: "n=v"),
        Row(set: "n=v; SameSite=None", from: "http://api.example.com", to: "http://api.example.com"),
        Row(set: "__Host-n=v; Path=/; Secure", sent: "__Host-n=v"), Row(set: "__Host-n=v; Secure"),
        Row(set: "__Host-n=v; Path=/; Secure; Domain=example.com"), Row(set: "__Secure-n=v"),
        Row(set: "__Secure-n=v; Secure; Domain=example.com", sent: "__Secure-n=v"), Row(set: "=v"), Row(set: ""),
        Row(set: "n=\(String(repeating: "x", count: 4_096))"), Row(set: "n=a=b; Path=/", sent: "n=a=b"),
    ]

    @Test("finding S23: cookies are kept and sent by RFC 6265bis", arguments: rows.indices)
    func cookies(row: Int) throws {
        let row = Self.rows[row]
        var jar = CookieJar()
        jar.store([row.set], try Self.context(row.from, row.at))
        let context = try Self.context(
            row.to, row.path, isSameSite: row.isSameSite, isNavigation: row.isNavigation, after: row.after)
        #expect(jar.field(for: context) == row.sent, "\(row.set)")
    }

    @Test("finding S23: longer paths come first, a cookie of the same place is replaced, and an expired one is gone")
    func order() throws {
        var jar = CookieJar()
        jar.store(["n=1; Path=/", "n=2; Path=/a", "n=3; Path=/", "m=4; Path=/"], try Self.context("https://h.example"))
        #expect(jar.field(for: try Self.context("https://h.example", "/a")) == "n=2; n=3; m=4")
        jar.store(["n=; Path=/a; Max-Age=0"], try Self.context("https://h.example"))
        #expect(jar.field(for: try Self.context("https://h.example", "/a")) == "n=3; m=4")
    }

    /// A server with a log-in and a page that changes something, without a framework.
    private static func server(_ test: TestSessions, _ seen: SeenRequests) -> TestBrowser.Send {
        { request, _ in
            seen.all.withLock { $0.append(request) }
            let exchange = SessionExchange(request: request)
            var response = HTTPResponse(status: .ok)
            var text = ""
            do {
                if let route = test.sessions.route(for: request) {
                    let reply = await test.sessions.answer(route, in: exchange)
                    (response.status, text) = (reply.status, reply.body)
                } else if request.path == "/login" {
                    text = try await test.sessions.create(userID: "u", in: exchange).handle.rawValue
                } else {
                    text = try await test.sessions.session(in: exchange)?.userID.rawValue ?? ""
                }
            } catch {
                let reply = await test.sessions.reply(to: error as? SessionError ?? .badInput("\(error)"), in: exchange)
                (response.status, text) = (reply.status, reply.body)
            }
            exchange.changes.apply(to: &response.headerFields)
            return (response, Array(text.utf8))
        }
    }

    @Test(
        "finding S23: a front end signs in, refreshes when its token has expired, and is signed out",
        arguments: [TestBrowser.FrontEnd.script, .app], [false, true])
    func life(frontEnd: TestBrowser.FrontEnd, usesAntiCSRF: Bool) async throws {
        var configuration = SessionConfiguration()
        if usesAntiCSRF { configuration.antiCSRF = .viaToken }
        let test = try await TestSessions(configuration: configuration)
        let seen = SeenRequests()
        let browser = try TestBrowser(test, frontEnd: frontEnd, send: Self.server(test, seen))
        #expect(try await browser.post("/page").status == .unauthorized && !browser.hasSession)
        try await browser.post("/login", json: ["name": "u"])
        #expect(browser.hasSession && browser.cookieNames.isEmpty == (frontEnd == .app))
        #expect(try await browser.post("/page").text == "u")
        test.clock.advance(by: .hours(2))
        #expect(try await browser.post("/page").text == "u")
        #expect(seen.paths == ["/page", "/login", "/page", "/page", "/auth/session/refresh", "/page"])
        test.clock.advance(by: .days(101))
        #expect(try await browser.get("/page").status == .unauthorized && !browser.hasSession)
        try await browser.post("/login")
        #expect(try await browser.post("/auth/signout").json?.object?["status"] == "OK" && !browser.hasSession)
        #expect(try await browser.get("/page").status == .unauthorized)
    }

    @Test("finding S23: a page of another site is told from one of the same site")
    func crossSite() async throws {
        let test = try await TestSessions(
            app: try AppInfo(name: "T", apiDomain: "https://api.example.com", website: .fixed("https://example.com")))
        let seen = SeenRequests()
        let send = Self.server(test, seen)
        let own = try TestBrowser(test, send: send)
        try await own.post("/login")
        #expect(try await own.post("/page").text == "u")
        let foreign = try TestBrowser(test, page: "https://evil.example", send: send)
        try await foreign.post("/login")
        try await foreign.post("/page")
        let sites = seen.all.withLock { $0.map { $0.headerFields[.fetchSite] ?? "" } }
        #expect(sites.prefix(2) == ["same-site", "same-site"] && Set(sites.dropFirst(2)) == ["cross-site"])
        #expect(foreign.cookieNames.isEmpty, "a browser drops Lax cookies of another site's requests")
    }

    @Test("a cookie that a sibling host plants is sent beside the server's own")
    func planted() async throws {
        let test = try await TestSessions()
        let seen = SeenRequests()
        let browser = try TestBrowser(test, send: Self.server(test, seen))
        try browser.plant(cookie: "a=b; Domain=example.com; Path=/auth", from: "https://evil.example.com")
        try await browser.refresh()
        #expect(seen.all.withLock { $0.last?.headerFields[.cookie] } == "a=b")
    }
}

/// The requests that reached a server.
private final class SeenRequests: Sendable {
    let all = Mutex<[HTTPRequest]>([])
    var paths: [String] { all.withLock { $0.compactMap(\.path) } }
}
