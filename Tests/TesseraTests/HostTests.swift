import HTTPTypes
import PublicSuffixList
import SessionEngine
import TesseraTesting
import Testing

@testable import TesseraSessions

@Suite("Hosts and origins wherever one is written (docs/decisions/0032)")
struct HostTests {
    /// What is written, and the origin as browsers write it.
    static let origins: [(String, String)] = [
        ("capacitor://localhost", "capacitor://localhost"), ("ionic://localhost/", "ionic://localhost"),
        ("Tauri://LOCALHOST", "tauri://localhost"), ("app://my.app", "app://my.app"),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"),
        (
            "moz-extension://2e0f2f6c-0b0c-4f2e-9d3a-0a1b2c3d4e5f",
            "moz-extension://2e0f2f6c-0b0c-4f2e-9d3a-0a1b2c3d4e5f"
        ),
        ("http://[::1]:3567", "http://[::1]:3567"), ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
        ("[::1]:80", "http://[::1]"),
        ("https://[2001:DB8:0:0:1:0:0:1]:443/x", "https://[2001:db8::1:0:0:1]"),
        ("https://[::ffff:192.0.2.1]", "https://[::ffff:c000:201]"), ("https://[2001:db8::]", "https://[2001:db8::]"),
        ("https://[1:0:3:4:5:6:7:8]", "https://[1:0:3:4:5:6:7:8]"), ("http://[::]", "http://[::]"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://BÜCHER.Example:8443", "https://xn--bcher-kva.example:8443"),
        ("bu\u{308}cher.example", "https://xn--bcher-kva.example"), ("https://faß.de", "https://xn--fa-hia.de"),
        ("https://пример.рф", "https://xn--e1afmkfd.xn--p1ai"), ("https://例え。jp", "https://xn--r8jz45g.jp"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("HTTPS://App.EXAMPLE.com", "https://app.example.com"), ("https://app.example.com.", "https://app.example.com"),
        ("https://app.example.com.:8443/", "https://app.example.com:8443"),
        ("http://app.example.com:80", "http://app.example.com"),
        ("http://app.example.com:443", "http://app.example.com:443"),
        ("https://a_b.example.com", "https://a_b.example.com"),
        ("https://a.test:65535", "https://a.test:65535"), ("https://a.test:1", "https://a.test:1"),
    ]

    @Test(
        "finding S9: origins of apps, extensions, IPv6 addresses and international names are accepted",
        arguments: origins.indices)
    func accepted(row: Int) throws {
        let (raw, expected) = Self.origins[row]
        #expect(try Origin(raw, allowsAppSchemes: true).text == expected)
        // As trusted origin, as fixed website, and as a website for each request; the API is on the web.
        var configuration = SessionConfiguration()
        configuration.trustedOrigins = [raw]
        let api = try AppInfo(name: "Test", apiDomain: "https://api.example.com", website: .fixed(raw))
        let settings = try SessionSettings(api, configuration)
        #expect(settings.trustedOrigins.contains(expected) && api.fixedWebsite?.text == expected)
        let request = HTTPRequest(
            method: .post, scheme: nil, authority: nil, path: "/",
            headerFields: [.origin: expected, .fetchSite: "cross-site"])
        #expect(try RequestChecks.isFromTrustedOrigin(request, settings))
        #expect(
            try AppInfo(name: "a", apiDomain: "a.test", website: .perRequest { _ in raw }).website(for: request).text
                == expected)
        if expected.hasPrefix("http") {
            #expect(try AppInfo(name: "Test", apiDomain: raw).apiDomain.text == expected)
        } else {
            #expect(throws: SessionError.self) { try AppInfo(name: "Test", apiDomain: raw) }
            #expect(try settings.sameSite(for: request) == .none)
        }
    }

    /// What is written, and what the message says about it.
    static let wrong: [(String, String)] = [
        ("http://[fe80::1%25eth0]", "zone"), ("http://[fe80::1%eth0]:80", "zone"), ("http://::1:3567", "brackets"),
        ("http://[::1", "brackets"), ("http://[::1]x", "dots"), ("http://[1::2::3]", "IPv6"), ("http://[:::]", "IPv6"),
        ("http://[1:2:3:4:5:6:7:8:9]", "IPv6"), ("http://[12345::]", "IPv6"), ("http://[::256.1.1.1]", "IPv6"),
        ("http://[]", "IPv6"),
        ("http://256.1.1.1", "numbers"), ("http://127.1", "numbers"), ("http://0127.0.0.1", "numbers"),
        ("http://1.2.3.0x4", "numbers"),
        ("https://a.test:0", "port"), ("https://a.test:65536", "port"), ("https://a.test:-1", "port"),
        ("https://a.test:+80", "port"),
        ("https://a.test:", "port"), ("https://a.test:80x", "port"), ("https://a.test:99999999999999999999", "port"),
        ("https://a..test", "dots"), ("https://..", "host"), ("https://.", "host"), ("https://-a.test", "dots"),
        ("https://a b.test", "dots"), ("https://a.test\u{0}", "dots"), ("https://a%2etest", "dots"),
        ("https://*.example.com", "dots"),
        ("https://a.test\\@b.test", "name"), ("https://\(String(repeating: "a", count: 64)).test", "characters"),
        ("https://\(String(repeating: "a.", count: 130))test", "characters"),
        ("https://a\u{200D}b.test", "international"),
        ("https://ａ／b.test", "international"), ("https://a\u{FF0F}b.test", "international"),
        ("https://a\u{FF20}b.test", "international"),
        ("https://user:Se@cret@a.test", "password"), ("https://user@a.test", "password"), ("null", "null"),
        ("file:///x", "null"),
        ("data://x", "null"), ("javascript://a.test", "null"), ("1x://a.test", "scheme"), ("*", "host"), ("", "host"),
        ("https://", "host"),
        ("wss://a.test", "null"),
    ]

    @Test(
        "finding S9: what is no origin is refused with what to do, and no password is shown", arguments: wrong.indices)
    func refused(row: Int) throws {
        let (raw, word) = Self.wrong[row]
        let error = #expect(throws: SessionError.self, "\(raw)") { try Origin(raw, allowsAppSchemes: true) }
        #expect(error?.code == .misconfigured && error?.reason.contains(word) == true, "\(error?.reason ?? "")")
        #expect(error?.reason.contains("Se@cret") == false && (error?.reason.utf8.count ?? 0) < 300)
        var configuration = SessionConfiguration()
        configuration.trustedOrigins = [raw]
        let app = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        #expect(throws: SessionError.self) { try SessionSettings(app, configuration) }
    }

    @Test("finding S9: cookie domains are hosts too")
    func cookieDomains() throws {
        for (raw, expected) in [
            ("bücher.example", "xn--bcher-kva.example"), (".BÜCHER.example", ".xn--bcher-kva.example"),
            ("example.com.", "example.com"), ("https://.Example.com.:443/x", ".example.com"), ("[::1]:3000", "[::1]"),
            ("http://[0::1]", "[::1]"), (".[::1]", "[::1]"), ("EXAMPLE.com", "example.com"),
        ] { #expect(try CookieDomain(raw).text == expected, "\(raw)") }
        for raw in [
            "example.com:99999", "ex ample.com", "example.com;x", "a,b", "a..b", "256.1.1.1", "[fe80::1%eth0]", "::1",
            "user:pw@example.com", "capacitor://localhost", "a\u{0}b", "*.example.com",
            String(repeating: "a", count: 64),
        ] { #expect(throws: SessionError.self, "\(raw)") { try CookieDomain(raw) } }
        let app = try AppInfo(name: "Test", apiDomain: "https://api.example.co.uk")
        for (domain, isAccepted) in [
            ("co.uk", false), (".com", false), ("github.io", false), ("example.co.uk", true),
            (".api.example.co.uk", true),
        ] {
            var configuration = SessionConfiguration()
            configuration.cookieDomain = domain
            #expect(((try? SessionSettings(app, configuration)) != nil) == isAccepted, "\(domain)")
        }
    }

    @Test("finding S9: an address by numbers is this machine's neighbour, whichever family it is of")
    func local() throws {
        let suffixes = try PublicSuffixes.embedded()
        for host in ["127.0.0.1", "[::1]", "[2001:db8::1]", "localhost"] {
            #expect(RegistrableDomain.isLocal(host) && RegistrableDomain.of(host, by: suffixes) == "localhost")
        }
        let app = try AppInfo(name: "Test", apiDomain: "http://[::1]:3000", website: .fixed("http://localhost:8080"))
        let request = HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/")
        #expect(try SessionSettings(app, SessionConfiguration()).sameSite(for: request) == .lax)
        #expect(RegistrableDomain.of("a.xn--bcher-kva.example", by: suffixes) == "xn--bcher-kva.example")
    }
}
