import Foundations
import HTTPTypes
import PublicSuffixList
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Configuration (docs/specification/cases.md D)")
struct ConfigurationTests {
    private static func settings(
        api: String = "https://api.example.com", website: String = "https://example.com",
        _ configure: (inout SessionConfiguration) -> Void = { _ in }
    ) throws -> SessionSettings {
        var configuration = SessionConfiguration()
        configure(&configuration)
        return try SessionSettings(
            AppInfo(name: "Test", apiDomain: api, website: .fixed(website)), configuration)
    }

    private static let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/")

    @Test("the defaults are the safe ones; this test fails when one weakens")
    func defaults() throws {
        let settings = try Self.settings()
        let access = try settings.cookie(
            .access, "a", until: Timestamp(milliseconds: 0), at: Timestamp(milliseconds: 0), for: Self.request)
        #expect(
            access.fieldValue
                == "__Host-sAccessToken=a; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; SameSite=Lax; "
                + "Max-Age=0"
        )
        let refresh = try settings.removal(of: .refresh, for: Self.request)
        #expect(refresh.name == "__Secure-sRefreshToken" && refresh.path == "/auth/session/refresh")
        #expect(refresh.isHTTPOnly && refresh.isSecure && refresh.sameSite == .lax && refresh.domain == nil)
        let configuration = SessionConfiguration()
        #expect(configuration.checksOrigin && !configuration.exposesAccessToken && configuration.usesDynamicKeys)
        #expect(configuration.cookieDomain == nil && configuration.trustedOrigins.isEmpty)
        #expect(VerifyOptions().isRequired && VerifyOptions().checksAntiCSRF == nil)
    }

    @Test("names have no prefix that browsers would refuse")
    func names() throws {
        #expect(try Self.settings(api: "http://localhost:3000").cookieName(.access) == "sAccessToken")
        #expect(try Self.settings { $0.cookieDomain = "example.com" }.cookieName(.access) == "__Secure-sAccessToken")
        #expect(try Self.settings { $0.accessTokenPath = "/a" }.cookieName(.access) == "__Secure-sAccessToken")
        #expect(try Self.settings { $0.cookieNaming = .superTokens }.cookieName(.refresh) == "sRefreshToken")
    }

    @Test("field names are those of the wire")
    func fieldNames() {
        let names: [HTTPField.Name] = [
            .antiCSRF, .frontToken, .sessionAccessToken, .sessionRefreshToken, .authMode, .recipeID, .idRefreshToken,
            .fetchSite, .exposedHeaders,
        ]
        #expect(
            names.map(\.rawName) == [
                "anti-csrf", "front-token", "st-access-token", "st-refresh-token", "st-auth-mode", "rid",
                "id-refresh-token",
                "sec-fetch-site", "access-control-expose-headers",
            ])
    }

    @Test("D1: the base path")
    func basePath() throws {
        #expect(try AppInfo(name: "a", apiDomain: "b.test").apiBasePath.text == "/auth")
        #expect(try AppInfo(name: "a", apiDomain: "b.test", apiBasePath: "/test").apiBasePath.text == "/test")
        #expect(
            try AppInfo(name: "a", apiDomain: "b.test", apiBasePath: "hello", apiGatewayPath: "/gateway").apiBasePath
                .text
                == "/gateway/hello")
    }

    @Test("D2: what is missing is named")
    func missing() {
        for (name, api, website) in [("", "a.test", "b.test"), ("a", "", "b.test"), ("a", "a.test", "")] {
            #expect(throws: SessionError.self) {
                try AppInfo(name: name, apiDomain: api, website: .fixed(website))
            }
        }
    }

    @Test("D4: domain, status and Secure are taken")
    func taken() throws {
        let settings = try Self.settings {
            ($0.cookieDomain, $0.sessionExpiredStatus, $0.cookieSecure) = ("testDomain", 111, true)
        }
        #expect(settings.cookieDomain == "testdomain" && settings.isSecure)
        #expect(throws: SessionError.self) { try Self.settings { $0.sessionExpiredStatus = 403 } }
    }

    /// API, website, and the `SameSite` that follows.
    static let sites: [(String, String, SameSite)] = [
        ("https://api.example.com", "https://example.com", .lax),
        ("https://api.example.com", "http://example.com", .none),
        ("https://api.example.com", "https://example.org", .none),
        ("http://localhost:3000", "http://127.0.0.1:8080", .lax),
        ("https://a.github.io", "https://b.github.io", .none),
        ("https://a.test.co.uk", "https://b.test.co.uk", .lax), ("https://api.local", "https://web.local", .none),
    ]

    @Test("D7, D14 and D15: SameSite and the fence against forgery follow the places", arguments: sites.indices)
    func sameSite(row: Int) throws {
        let (api, website, expected) = Self.sites[row]
        let settings = try Self.settings(api: api, website: website)
        #expect(try settings.sameSite(for: Self.request) == expected)
        #expect(try settings.antiCSRF(for: Self.request) == (expected == .none ? .viaCustomHeader : .none))
    }

    @Test("D8 and D9: cookies that browsers would discard are refused at sign-in")
    func discarded() async throws {
        for (api, website, isRefused) in [
            ("http://supertokensapi.io", "http://localhost:3000", true), ("http://a.test", "http://b.test", true),
            ("http://localhost:3000", "http://127.0.0.1:80", false), ("https://a.test", "https://b.test", false),
        ] {
            let test = try await TestSessions(
                app: AppInfo(name: "Test", apiDomain: api, website: .fixed(website)))
            let exchange = SessionExchange(
                request: HTTPRequest(
                    method: .post, scheme: nil, authority: nil, path: "/", headerFields: [.authMode: "cookie"]))
            let session = try? await test.sessions.create(userID: "u", in: exchange)
            #expect((session == nil) == isRefused, "\(api) \(website)")
            #expect(exchange.changes.isEmpty == isRefused)
        }
    }

    @Test("D10: session scopes")
    func scopes() throws {
        for (raw, expected) in [
            ("api.example.com", "api.example.com"), (".example.com", ".example.com"),
            (".api.example.com/?hello=1", ".api.example.com"), ("testDomain", "testdomain"),
            ("  .Example.com ", ".example.com"), ("https://api.example.com:3000", "api.example.com"),
            ("localhost:3000", "localhost"), (".localhost:8080", "localhost"), (".localhost.org", ".localhost.org"),
            ("127.0.0.1:3000", "127.0.0.1"), (".127.0.0.1", "127.0.0.1"),
            ("http://.api.example.com:3000/x", ".api.example.com"),
        ] { #expect(try CookieDomain(raw).text == expected, "\(raw)") }
        for raw in ["", "http://", "a b", "a;b"] {
            #expect(throws: SessionError.self, "\(raw)") { try CookieDomain(raw) }
        }
    }

    @Test("D11: paths")
    func paths() throws {
        for (raw, expected) in [
            ("http://api.example.com", ""), ("https://api.example.com/", ""),
            ("http://api.example.com/one/two?hello=1", "/one/two"), ("exists?email=john.doe%40gmail.com", "/exists"),
            ("/exists?email=a", "/exists"), ("exists", "/exists"), ("/", ""), ("", ""), ("/one/two/", "/one/two"),
            ("user.name/foo", "/foo"), ("localhostfoo/x", "/x"), ("api.example.com/one/two/#random", "/one/two"),
            (".example.com", ""), ("localhost:4000/one/two", "/one/two"), ("127.0.0.1:4000/one/two", "/one/two"),
            ("/.netlify/functions/api", "/.netlify/functions/api"), ("eXiStS", "/eXiStS"), ("auth/../email", "/email"),
            ("one/two//", "/one/two/"), ("/user.name", "/user.name"), ("/a b", "/a%20b"),
        ] { #expect(try URLPath(raw).text == expected, "\(raw)") }
    }

    @Test("D11: domains")
    func domains() throws {
        for (raw, expected) in [
            ("https://API.example.com/one?x=1", "https://api.example.com"),
            ("api.example.com", "https://api.example.com"),
            (".api.example.com", "https://api.example.com"), ("api.example.com:3000", "https://api.example.com:3000"),
            ("localhost", "http://localhost"), ("localhost:4000", "http://localhost:4000"),
            ("127.0.0.1:4000", "http://127.0.0.1:4000"), ("localhost.org", "http://localhost.org"),
            ("https://localhost:4000", "https://localhost:4000"), ("https://127.0.0.1:80/", "https://127.0.0.1:80"),
            ("https://api.example.com:443", "https://api.example.com"),
        ] { #expect(try Origin(raw).text == expected, "\(raw)") }
        for raw in ["/one/two", "one", "", "https://", "http://a b.test"] {
            #expect(throws: SessionError.self, "\(raw)") { try Origin(raw) }
        }
    }

    @Test("D12: registrable domains")
    func registrable() throws {
        let suffixes = try PublicSuffixes.embedded()
        for (host, expected) in [
            ("a.b.test.com", "test.com"), ("a.b.test.co.uk", "test.co.uk"), ("localhost", "localhost"),
            ("localhost.org", "localhost"), ("8.8.8.8", "localhost"), ("a.github.io", "a.github.io"),
            ("city.kawasaki.jp", "city.kawasaki.jp"), ("a.b.kawasaki.jp", "a.b.kawasaki.jp"),
            ("ec2-xx-yyy-zzz-0.compute-1.amazonaws.com", "ec2-xx-yyy-zzz-0.compute-1.amazonaws.com"),
            ("com", nil), ("host", nil), ("co.uk", nil),
        ] { #expect(RegistrableDomain.of(host, by: suffixes) == expected, "\(host)") }
    }

    @Test("a damaged list of suffixes is found when sessions are configured")
    func suffixes() throws {
        let app = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        let text = "the public suffix list cannot be used: its end is missing"
        #expect(throws: SessionError.misconfigured(text)) {
            try SessionSettings(app, SessionConfiguration()) { () throws(PublicSuffixListError) in
                try PublicSuffixes(parsing: "com".utf8)
            }
        }
    }

    @Test("C01 and C05: cookies are read as they are: every one, case-exact, no name for the nameless")
    func cookies() {
        var fields = HTTPFields()
        fields.append(HTTPField(name: .cookie, value: #"a=1; b="q%20r"; =__Host-x; A=2;a=3 ; c; d=b%b"#))
        fields.append(HTTPField(name: .cookie, value: "a=4"))
        let cookies = RequestCookies(fields)
        #expect(cookies.values("a") == ["1", "3", "4"])
        #expect(cookies.values("A") == ["2"] && cookies.values("b") == ["q r"] && cookies.values("d") == ["b%b"])
        #expect(cookies.values("__Host-x").isEmpty && cookies.values("").isEmpty && cookies.values("c").isEmpty)
    }

    @Test("U3 and U11: exposed names are compared whole, and cookies by name, domain and path")
    func changes() {
        let changes = ResponseChanges()
        changes.set(.antiCSRF, to: "1")
        changes.set(.antiCSRF, to: "2")
        let cookie = SetCookie(
            name: "sAccessToken", value: "1", path: "/", expiresAt: Timestamp(milliseconds: 0), isSecure: true,
            sameSite: .lax)
        var longer = cookie
        longer.name = "sAccessTokenX"
        for one in [cookie, longer, cookie] { changes.set(one) }
        var fields: HTTPFields = [.exposedHeaders: "x-anti-csrf-y, customValue"]
        changes.apply(to: &fields)
        #expect(fields[.exposedHeaders] == "x-anti-csrf-y, customValue, anti-csrf")
        #expect(fields[values: .antiCSRF] == ["2"] && fields[values: .setCookie].count == 2)
    }

    @Test("dates of all months and of leap years are written as RFC 9110 wants them")
    func dates() {
        for (seconds, expected) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_608_640_000, "Tue, 22 Dec 2020 12:26:40 GMT"), (253_402_300_799, "Fri, 31 Dec 9999 23:59:59 GMT"),
            (Int64.max / 1_000, "Fri, 31 Dec 9999 23:59:59 GMT"), (-5, "Thu, 01 Jan 1970 00:00:00 GMT"),
        ] as [(Int64, String)] {
            #expect(HTTPDate.text(Timestamp(milliseconds: seconds * 1_000)) == expected)
        }
    }
}
