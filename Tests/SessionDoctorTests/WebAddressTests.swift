import PublicSuffixList
import SessionDoctor
import Testing

@Suite("Addresses and cookies as browsers see them")
struct WebAddressTests {
    @Test("URLs are read into their parts, and what is none is refused")
    func urls() throws {
        let address = try #require(WebAddress("HTTPS://API.Example.com:8443/auth?x=1#y"))
        #expect(address.scheme == "https" && address.host == "api.example.com" && address.port == 8_443)
        #expect(address.path == "/auth" && address.origin == "https://api.example.com:8443")
        #expect(WebAddress("https://a.example:443/")?.origin == "https://a.example")
        #expect(WebAddress("http://[::1]:80/x")?.origin == "http://[::1]")
        for text in [
            "", "ftp://a", "http://", "http://user@a", "http://a:0", "http://a:70000", "http://a b", "a.example",
            "http://a/\u{7}",
        ] {
            #expect(WebAddress(text) == nil, "\(text)")
        }
    }

    @Test("sites are compared by scheme and registrable domain")
    func sites() throws {
        let suffixes = try PublicSuffixes.embedded()
        for (one, other, isSame) in [
            ("https://a.example.com", "https://b.example.com", true),
            ("http://a.example.com", "https://a.example.com", false),
            ("https://a.github.io", "https://b.github.io", false), ("http://localhost:1", "http://localhost:2", true),
            ("http://localhost", "http://127.0.0.1", false), ("https://a.co.uk", "https://b.co.uk", false),
            ("http://10.0.0.1", "http://10.0.0.2", false),
        ] {
            let pair = (try #require(WebAddress(one)), try #require(WebAddress(other)))
            #expect(pair.0.isSameSite(as: pair.1, suffixes) == isSame, "\(one) \(other)")
        }
    }

    @Test("what browsers reject, by the rules of RFC 6265bis")
    func rejections() throws {
        let suffixes = try PublicSuffixes.embedded()
        let large = String(repeating: "v", count: 4_096)
        for (line, url, expected) in [
            ("a=b", "http://api.example.com", nil),
            ("a=b; SameSite=None", "https://api.example.com", .noneWithoutSecure),
            ("a=b; Secure; SameSite=none", "https://api.example.com", nil),
            ("a=b; Secure", "http://api.example.com", .secureOverHTTP), ("a=b; Secure", "http://localhost:3000", nil),
            ("a=b; Domain=.example.com", "https://api.example.com", nil),
            ("a=b; Domain=other.example.com", "https://api.example.com", .foreignDomain),
            ("a=b; Domain=pi.example.com", "https://api.example.com", .foreignDomain),
            ("a=b; Domain=co.uk", "https://api.example.co.uk", .publicSuffix),
            ("a=b; Domain=github.io", "https://a.github.io", .publicSuffix),
            ("a=b; Domain=localhost", "http://localhost", nil),
            ("a=b; Domain=api.example.com:3000", "https://api.example.com", .domainWithPort),
            ("a=b; Domain=0.0.1", "http://127.0.0.1", .foreignDomain),
            ("__Host-a=b; Secure; Path=/; Domain=example.com", "https://example.com", .prefix),
            ("__Host-a=b; Secure; Path=/", "https://example.com", nil),
            ("__Secure-a=b", "https://example.com", .prefix),
            ("a=b; Partitioned", "https://example.com", .partitionedWithoutSecure),
            ("a=\(large)", "https://example.com", .tooLarge(4_097)),
        ] as [(String, String, CookieRejection?)] {
            let cookie = try #require(SetCookie(line))
            #expect(
                CookieRejection.first(cookie, from: try #require(WebAddress(url)), suffixes) == expected,
                "\(line.prefix(80))")
        }
    }

    @Test("paths cover what is below them, and no more (RFC 6265 section 5.1.4)")
    func paths() throws {
        let request = try #require(WebAddress("https://a.example/auth/session/refresh"))
        for (attribute, path, covers) in [
            ("; Path=/auth", "/auth/session/refresh", true), ("; Path=/auth/", "/auth/x", true),
            ("; Path=/auth", "/auth", true),
            ("; Path=/auth", "/authority", false), ("; Path=/api/auth", "/auth/session/refresh", false),
            ("; Path=/", "/", true),
            ("", "/auth/session/x", true), ("", "/auth", false),
        ] {
            #expect(
                try #require(SetCookie("a=b\(attribute)")).covers(path: path, of: request) == covers,
                "\(attribute) \(path)")
        }
    }

    @Test("a cookie is shown without what it carries")
    func redacted() throws {
        #expect(SetCookie("a=secret; Path=/; HttpOnly")?.redacted == "a=<6 bytes>; Path=/; HttpOnly")
        #expect(SetCookie("no cookie") == nil && SetCookie("=x") == nil)
    }
}
