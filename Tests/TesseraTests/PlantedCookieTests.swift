import Foundations
import HTTPTypes
import LosslessJSON
import PublicSuffixList
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

/// Cookies that other hosts of a domain, older releases or a user's tools have put into a browser.
@Suite("Cookies that heal")
struct PlantedCookieTests {
    /// A deployment: where API and cookies are.
    struct Place: Sendable, CustomTestStringConvertible {
        var api: String
        var suffixes: Set<String> = ["com"]
        var naming = SessionConfiguration.CookieNaming.prefixed
        var domain: String?
        var older = SessionConfiguration.OlderCookieDomain.unknown
        var testDescription: String { "\(api) \(domain ?? "host only") \(naming == .prefixed)" }

        func sessions() async throws -> TestSessions {
            var configuration = SessionConfiguration()
            configuration.cookieNaming = naming
            configuration.cookieDomain = domain
            configuration.olderCookieDomain = older
            return try await TestSessions(
                app: AppInfo(name: "Test", apiDomain: api), configuration: configuration)
        }
    }

    static let places = [
        Place(api: "https://api.example.com"), Place(api: "https://api.example.com", naming: .superTokens),
        Place(api: "https://a.b.example.com", domain: ".example.com"),
        Place(api: "https://api.example.com", domain: "example.com", older: .hostOnly),
        Place(api: "https://api.example.com", naming: .superTokens, older: .domain(".example.com")),
        Place(api: "http://localhost:3000", suffixes: ["localhost"]),
        Place(api: "http://localhost:3000", suffixes: ["localhost"], domain: "localhost"),
        Place(api: "http://127.0.0.1:3000"), Place(api: "http://127.0.0.1:3000", domain: "127.0.0.1"),
        Place(
            api: "https://ec2-1-2-3-4.compute-1.amazonaws.com",
            suffixes: ["ec2-1-2-3-4.compute-1.amazonaws.com", "compute-1.amazonaws.com", "amazonaws.com", "com"]),
        Place(api: "https://api.example.co.uk", suffixes: ["co.uk", "uk"]),
    ]

    /// Every place from which a browser sends a cookie with a request, found by trying: each candidate goes through the rules of
    /// RFC 6265.
    static func places(of host: String, _ path: String, _ jar: PlantedJar) -> [(domain: String?, path: String)] {
        let labels = host.split(separator: ".")
        var domains: [String?] = [nil]
        for start in labels.indices { domains.append(labels[start...].joined(separator: ".")) }
        var paths: Set<String> = []
        for end in path.indices { paths.formUnion([String(path[...end]), path[...end] + "/", path[...end] + "x"]) }
        var found: [(String?, String)] = []
        for domain in domains {
            for cookiePath in paths.sorted() {
                var trial = PlantedJar(host: host, isSecure: true, suffixes: jar.suffixes)
                trial.take("a=b; \(domain.map { "Domain=\($0); " } ?? "")Path=\(cookiePath)")
                if !trial.sent(to: path).isEmpty { found.append((domain, cookiePath)) }
            }
        }
        return found
    }

    @Test("finding S5: the places of cookies are those of RFC 6265 5.1.3 and 5.1.4, each and no other")
    func placesAreComplete() throws {
        let suffixes = try PublicSuffixes.embedded()
        for host in [
            "api.example.com", "a.b.example.co.uk", "example.com", "localhost", "10.0.0.1", "intranet", "github.io",
        ] {
            let browser = PlantedJar(
                host: host, isSecure: true,
                suffixes: ["com", "co.uk", "uk", "localhost", "io", "github.io", "intranet"])
            for path in [
                "/", "/auth/session/refresh", "/auth/session/refresh/", "/a//b", "/gateway/auth/session/refresh",
                "/%61/b",
            ] {
                let ours = CookiePlaces(hosts: [host], path: path + "?x=/y/z", suffixes)
                var kept = PlantedJar(host: host, isSecure: true, suffixes: browser.suffixes)
                for place in Self.places(of: host, path, browser) {
                    kept.take("n=planted; \(place.domain.map { "Domain=\($0); " } ?? "")Path=\(place.path)")
                }
                let planted = kept.cookies
                #expect(!planted.isEmpty)
                for domain in ours.domains {
                    for cookiePath in ours.paths {
                        kept.take("n=; \(domain.map { "Domain=\($0); " } ?? "")Path=\(cookiePath); Max-Age=0")
                    }
                }
                #expect(kept.cookies.isEmpty, "\(host) \(path)")
                #expect(ours.paths.allSatisfy { PlantedJar.pathMatches(path, $0) }, "\(path) \(ours.paths)")
                #expect(planted.count == ours.domains.count * ours.paths.count, "\(host) \(path): no line too many")
            }
        }
        for host in ["localhost", "127.0.0.1", "::1", "[::1]", "intranet", "co.uk", "github.io"] {
            #expect(CookiePlaces.domains(of: host, suffixes).isEmpty, "\(host)")
        }
    }

    /// Plants each kind of cookie in each place, and lets a page use its session.
    @Test(
        "finding S5 and S20: wherever a cookie is planted, the page goes on as who it was, within a round",
        arguments: places)
    func heals(place: Place) async throws {
        let test = try await place.sessions()
        var attacker = Page(test.sessions, suffixes: place.suffixes)
        _ = try await attacker.signIn("mallory")
        let names = [
            test.sessions.settings.cookieName(.access), test.sessions.settings.cookieName(.refresh), "sIdRefreshToken",
        ]
        let ownToken = attacker.jar.cookies.first { $0.name == names[1] }?.value ?? ""
        let ownAccess = attacker.jar.cookies.first { $0.name == names[0] }?.value ?? ""
        for path in ["/auth/session/refresh", "/api/things/1"] {
            for spot in Self.places(of: attacker.jar.host, path, attacker.jar) {
                for (name, value) in [
                    (names[0], "x"), (names[0], ownAccess), (names[1], "x"), (names[1], ownToken), (names[1], ""),
                    (names[2], "x"),
                ] {
                    var page = Page(test.sessions, suffixes: place.suffixes)
                    let handle = try await page.signIn("alice")
                    let own = page.jar.cookies
                    let domain = spot.domain.map { "Domain=\($0); " } ?? ""
                    page.jar.take("\(name)=\(value); \(domain)Path=\(spot.path); Secure")
                    page.jar.take("\(name)=\(value); \(domain)Path=\(spot.path)")
                    // What takes the place of the honest cookie itself leaves nothing to heal.
                    guard own.allSatisfy(page.jar.cookies.contains) else { continue }
                    let comment: Comment = "\(name)=\(value.prefix(3)) at \(spot)"
                    let first = await page.call("/api/things/1")
                    #expect(first == handle, comment)
                    _ = await page.refresh()
                    #expect(page.refreshes <= 4, comment)
                    page.refreshes = 0
                    let second = await page.call("/api/things/1")
                    #expect(second == handle && page.refreshes == 0, comment)
                    let third = await page.refresh()
                    #expect(third && page.refreshes == 1, comment)
                }
            }
        }
    }

    @Test("finding S5: a planted refresh token signs nobody in as somebody else", arguments: places)
    func nobodyElse(place: Place) async throws {
        let test = try await place.sessions()
        var attacker = Page(test.sessions, suffixes: place.suffixes)
        _ = try await attacker.signIn("mallory")
        let name = test.sessions.settings.cookieName(.refresh)
        let token = try #require(attacker.jar.cookies.first { $0.name == name }?.value)
        var page = Page(test.sessions, suffixes: place.suffixes)
        _ = try await page.signIn("alice")
        page.jar.cookies.removeAll { $0.name == name }
        for domain in ["", "Domain=\(page.jar.host); "] {
            page.jar.take("\(name)=\(token); \(domain)Path=/auth; Secure")
            page.jar.take("\(name)=\(token); \(domain)Path=/auth")
        }
        _ = await page.refresh()
        let who = await page.call("/api")
        if let who {
            let found = try await test.sessions.information(on: who)
            #expect(found?.userID == "alice")
        }
    }

    @Test("finding S5: a browser without a session of this host takes none from a planted refresh token")
    func anonymous() async throws {
        let test = try await TestSessions()
        var attacker = Page(test.sessions)
        _ = try await attacker.signIn("mallory")
        let token = try #require(attacker.jar.cookies.first { $0.name == "__Secure-sRefreshToken" }?.value)
        var page = Page(test.sessions)
        page.jar.take(
            "__Secure-sRefreshToken=\(token); Domain=example.com; Path=/auth/; Secure", from: "evil.example.com")
        let refreshed = await page.refresh()
        let handle = await page.call("/api")
        #expect(!refreshed && handle == nil && page.refreshes <= 2)
        // A client that is no browser may keep the refresh token alone.
        page.fields = [:]
        #expect(await page.refresh())
    }

    @Test("finding S5: a legacy cookie does not matter in header mode")
    func legacyInHeaderMode() async throws {
        let test = try await TestSessions()
        let (session, authorization) = try await test.signIn("alice")
        var page = Page(test.sessions)
        page.jar.take("sIdRefreshToken=x; Domain=example.com; Path=/; Secure")
        let handle = await page.call("/api", [authorization.name: authorization.value])
        #expect(handle == session.handle && page.refreshes == 0)
    }

    @Test(
        "finding S20: no Domain is sent that browsers take for none",
        arguments: [
            ("http://localhost:3000", "localhost"), ("http://127.0.0.1:3000", "127.0.0.1"),
            ("http://localhost:3000", "intranet"),
        ])
    func noDomain(api: String, domain: String) async throws {
        var configuration = SessionConfiguration()
        configuration.cookieDomain = domain
        let test = try await TestSessions(
            app: AppInfo(name: "Test", apiDomain: api, website: .fixed("http://localhost")),
            configuration: configuration)
        var page = Page(test.sessions)
        let exchange = SessionExchange(
            request: page.request(.post, "/login", [.authMode: "cookie", .cookie: "sRefreshToken=a; sRefreshToken=b"]))
        _ = try? await test.sessions.create(userID: "alice", in: exchange)
        let refresh = SessionExchange(
            request: page.request(
                .post, "/auth/session/refresh", [.cookie: "sRefreshToken=a; sRefreshToken=b; sIdRefreshToken=c"]))
        _ = await test.sessions.answer(.refresh, in: refresh)
        for line in page.take(exchange)[values: .setCookie] + page.take(refresh)[values: .setCookie] {
            #expect(!line.contains("Domain="), "\(line)")
        }
    }

    /// What may be in `Authorization` beside a good cookie.
    static let bearers = [
        "x", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "a.b.V2", "AAAA.b.V2", "AAAA.b.V1", "opaque", "", "V2", "..V2",
        String(repeating: "A", count: 400) + ".bbbb.V2",
    ]

    @Test("finding S6: a foreign bearer at refresh is passed over in favour of the cookie", arguments: bearers)
    func foreignBearer(bearer: String) async throws {
        let test = try await TestSessions()
        var page = Page(test.sessions)
        let handle = try await page.signIn("alice")
        #expect(await page.refresh([.authorization: "Bearer \(bearer)"]))
        let found = await page.call("/api", [.authorization: "Bearer \(bearer)"])
        #expect(found == handle)
    }

    @Test("finding S6: a refresh token of another application in Authorization is passed over")
    func otherApplication() async throws {
        let other = try await TestSessions(app: AppInfo(name: "Other", apiDomain: "https://other.test"))
        let foreign = try await other.sessions.create(userID: "alice")
        let test = try await TestSessions()
        var page = Page(test.sessions)
        let handle = try await page.signIn("alice")
        #expect(await page.refresh([.authorization: "Bearer \(foreign.refreshToken?.exposed ?? "")"]))
        let found = await page.call("/api", [.authorization: "Bearer \(foreign.accessToken)"])
        #expect(found == handle && page.refreshes == 1)
    }
}
