import CoreDriverInterface
import Testing

@testable import CoreServer

/// Everything is below the base path and nothing beside it (docs/specification/core.md 1.2 and 8.3).
struct BasePathTests {
    @Test(
        "a base path as operators write it",
        arguments: [
            ("", ""), ("/", ""), ("a", "/a"), ("/a", "/a"), ("/a/", "/a"), ("a/b", "/a/b"), ("//a//b//", "/a/b"),
            ("/A", "/A"),
        ])
    func normalised(text: String, expected: String) throws {
        #expect(try #require(BasePath(text)).text == expected)
    }

    @Test("a space is refused")
    func space() {
        #expect(BasePath("/a b") == nil)
    }

    @Test(
        "only what is below is found, in any case of letters",
        arguments: [
            ("/a/b/hello", "/hello"), ("/A/b/Hello", "/Hello"), ("/a/b", "/"), ("/a/b/", "/"), ("/a/bhello", nil),
            ("/hello", nil), ("/a", nil), ("", nil), ("//a/b/hello", nil), ("/a/b//hello", "//hello"),
        ] as [(String, String?)])
    func relative(path: String, expected: String?) throws {
        #expect(try #require(BasePath("/a/b")).relative(path) == expected)
        #expect(BasePath.root.relative(path) == path)
    }

    @Test("requests", arguments: Depth.allCases)
    func requests(depth: Depth) async throws {
        var settings = CoreSettings()
        settings.basePath = try #require(BasePath("/a"))
        try await Core.run(depth, settings: settings) { core in
            for (path, status) in [
                ("/a/hello", 200), ("/hello", 404), ("/A/hello/", 200), ("/a/appid-public/public/hello", 200),
                ("/ahello", 404), ("/a/.well-known/jwks.json", 200),
            ] {
                let reply = try await core.send("GET", path)
                #expect(reply.status == status, "\(path)")
            }
        }
    }

    @Test("the operator's own key opens too, and bounds hide versions")
    func operatorKeyAndBounds() async throws {
        var settings = CoreSettings()
        settings.apiKeys = ["ABCDEFGHIJKLMNOPQRST"]
        settings.operatorKey = "ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRST"
        settings.versions = try VersionBounds(through: "2.1")
        try await Core.run(.value, settings: settings) { core in
            for (key, expected) in [
                ("ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRST", 200), ("ABCDEFGHIJKLMNOPQRST", 200),
                ("ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRSX", 401), ("", 401),
            ] {
                let reply = try await core.send(CoreRequest(method: "GET", path: "/apiversion", apiKey: key))
                #expect(reply.status == expected)
                if expected == 200 { #expect(reply.body.hasSuffix("\"2.1\"]}\n"), "\(reply.body)") }
            }
        }
    }

    @Test("settings show no key to whoever prints a value that holds them")
    func redacted() {
        var settings = CoreSettings()
        settings.apiKeys = ["ABCDEFGHIJKLMNOPQRST"]
        settings.operatorKey = "ABCDEFGHIJKLMNOPQRSTABCDEFGHIJKLMNOPQRST"
        var dumped = ""
        dump((settings, [settings]), to: &dumped)
        #expect(!"\(settings) \((1, settings)) \(String(reflecting: settings)) \(dumped)".contains("ABCDE"))
    }

    @Test("a request shows its method and path, but neither keys nor tokens nor its body")
    func redactedRequest() {
        let request = CoreRequest(
            method: "POST", path: "/recipe/session/refresh", query: "key=ABCDE", apiKey: "ABCDE",
            authorization: "Bearer ABCDE", body: Array("ABCDE".utf8))
        var dumped = ""
        dump([request], to: &dumped)
        #expect("\(request)" == "POST /recipe/session/refresh" && !dumped.contains("ABCDE"))
    }
}
