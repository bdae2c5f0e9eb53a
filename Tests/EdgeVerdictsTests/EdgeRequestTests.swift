import SessionEngine
import Testing

@testable import EdgeVerdicts

@Suite("What a proxy passes on (docs/verify.md)")
struct EdgeRequestTests {
    /// Where tokens may be, and what is found; the letters are the tokens.
    static let places: [(fields: [(String, String)], found: EdgeRequest.Found)] = [
        ([], .none),
        ([("authorization", "Bearer a")], bearer("a")),
        ([("authorization", "bEaReR  a ")], bearer("a")),
        ([("authorization", "DPoP a")], bearer("a")),
        ([("authorization", "Basic a")], .none),
        ([("authorization", "Bearer")], .none),
        ([("authorization", "Bearer ")], .none),
        ([("authorization", "a")], .none),
        ([("authorization", "")], .none),
        ([("authorization", "Bearer a"), ("authorization", "Bearer a")], bearer("a")),
        ([("authorization", "Bearer a"), ("authorization", "Bearer b")], .contradictory),
        ([("authorization", "Bearer a"), ("authorization", "DPoP b")], .contradictory),
        ([("authorization", "Basic x"), ("authorization", "Bearer a")], bearer("a")),
        ([("cookie", "sAccessToken=a")], cookie("a")),
        ([("cookie", "x=1; sAccessToken=a; y=2")], cookie("a")),
        ([("cookie", "sAccessToken=\"a\"")], cookie("a")),
        ([("cookie", "sAccessToken=a%2Bb")], cookie("a+b")),
        ([("cookie", "saccesstoken=a")], .none),
        ([("cookie", "XsAccessToken=a")], .none),
        ([("cookie", "sAccessToken=a"), ("cookie", "sAccessToken=a")], cookie("a")),
        ([("cookie", "sAccessToken=a; sAccessToken=b")], .contradictory),
        ([("cookie", "sAccessToken=a"), ("cookie", "sAccessToken=b")], .contradictory),
        ([("cookie", "__Secure-sAccessToken=b; sAccessToken=a")], cookie("b")),
        ([("cookie", "sAccessToken=a; __Secure-sAccessToken=b; __Host-sAccessToken=c")], cookie("c")),
        ([("cookie", "sAccessToken=a; sAccessToken=b; __Host-sAccessToken=c")], cookie("c")),
        ([("cookie", "__Host-sAccessToken=c; __Host-sAccessToken=d; sAccessToken=a")], .contradictory),
        ([("authorization", "Bearer a"), ("cookie", "sAccessToken=b")], bearer("a")),
        ([("authorization", "Bearer a"), ("cookie", "sAccessToken=b; sAccessToken=c")], bearer("a")),
        ([("authorization", "Basic x"), ("cookie", "sAccessToken=b")], cookie("b")),
    ]

    private static func bearer(_ text: String) -> EdgeRequest.Found {
        .token(EdgeRequest.Token(text: text, isCookie: false))
    }
    private static func cookie(_ text: String) -> EdgeRequest.Found {
        .token(EdgeRequest.Token(text: text, isCookie: true))
    }

    @Test("the token of Authorization goes before a cookie's, and a cookie that is hard to plant before the others")
    func tokens() {
        for (fields, found) in Self.places { #expect(EdgeSample.request(fields).token == found, "\(fields)") }
    }

    @Test("a request whose method is not said may write, and so may one of which two are said")
    func methods() {
        let names = ["x-original-method", "x-forwarded-method"]
        #expect(!EdgeSample.request([]).isSafe)
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            for name in names { #expect(EdgeSample.request([(name, method)]).isSafe) }
            #expect(EdgeSample.request([], asking: .asItself(method: method, target: "/")).isSafe)
            #expect(!EdgeSample.request([(names[0], method), (names[1], "POST")]).isSafe)
            #expect(!EdgeSample.request([(names[0], "POST"), (names[0], method)]).isSafe)
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "get", "", "PROPFIND"] {
            for name in names { #expect(!EdgeSample.request([(name, method)]).isSafe) }
            let fields = names.map { ($0, "GET") }
            #expect(!EdgeSample.request(fields, asking: .asItself(method: method, target: "/")).isSafe)
        }
    }

    /// Sec-Fetch-Site, Origin, and whether the request may write with cookies.
    static let origins: [(site: String?, origin: String?, isTrusted: Bool)] = [
        (nil, nil, true), ("same-origin", nil, true), ("none", nil, true),
        ("same-origin", "https://evil.example", true),
        ("cross-site", nil, false), ("same-site", nil, false), ("cross-site", "https://evil.example", false),
        ("cross-site", EdgeSample.origin, true), ("same-site", EdgeSample.origin, true),
        ("same-site", "https://other.example.com", false), (nil, "https://evil.example", false),
        (nil, EdgeSample.origin, true), (nil, "HTTPS://APP.example.com", true), (nil, "null", false),
        (nil, "https://app.example.com:444", false), ("anything", nil, false),
    ]

    @Test("B01: who may write with cookies")
    func trust() {
        for (site, origin, isTrusted) in Self.origins {
            let fields = [("sec-fetch-site", site), ("origin", origin)].compactMap { name, value in
                value.map { (name, $0) }
            }
            #expect(
                EdgeSample.request(fields).isTrusted([EdgeSample.origin]) == isTrusted,
                "\(site ?? "-") \(origin ?? "-")")
        }
        let two = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]
        #expect(!EdgeSample.request(two).isTrusted([]))
        let origins = [("origin", EdgeSample.origin), ("origin", "https://evil.example")]
        #expect(!EdgeSample.request(origins).isTrusted([EdgeSample.origin]))
    }

    @Test("levels come from the proxy's address, each of them, and what cannot be read is no level")
    func levels() {
        #expect(EdgeRequest.levels(inQuery: nil) == [])
        #expect(EdgeRequest.levels(inQuery: "") == [])
        #expect(EdgeRequest.levels(inQuery: "level=aal2") == ["aal2"])
        #expect(EdgeRequest.levels(inQuery: "x=1&level=aal2&level=a%20b") == ["aal2", "a b"])
        #expect(EdgeRequest.levels(inQuery: "levels=aal2") == [])
        #expect(EdgeRequest.levels(inQuery: "level=%zz") == ["\0"])
    }

    @Test("a proof is for one method and one address; with two of either there is none")
    func proofs() {
        func target(_ fields: [(String, String)], _ asking: EdgeRequest.Asking = .byFields) -> String? {
            EdgeSample.request([("dpop", "p")] + fields, asking: asking).proof(at: "https://a.example")?.target
        }
        let (method, uri) = (("x-original-method", "PUT"), ("x-original-uri", "/a?b"))
        #expect(target([method, uri]) == "PUT https://a.example/a?b")
        #expect(target([("x-forwarded-method", "GET"), ("x-forwarded-uri", "/a")]) == "GET https://a.example/a")
        #expect(target([], .asItself(method: "GET", target: "/x")) == "GET https://a.example/x")
        #expect(target([method]) == nil)
        #expect(target([uri]) == nil)
        #expect(target([method, uri, ("x-forwarded-method", "GET")]) == nil)
        #expect(target([method, uri, ("x-forwarded-uri", "/b")]) == nil)
        #expect(target([method, ("x-original-uri", "@evil.example/")]) == nil)
        #expect(EdgeSample.request([method, uri]).proof(at: "https://a.example") == nil)
        let two = EdgeSample.request([("dpop", "p"), ("dpop", "q"), method, uri])
        #expect(two.proof(at: "https://a.example")?.text == "p, q")
    }

    @Test("a request prints none of its tokens")
    func redacted() {
        #expect("\(EdgeSample.request([("authorization", "Bearer secret")]))" == "<redacted>")
    }
}
