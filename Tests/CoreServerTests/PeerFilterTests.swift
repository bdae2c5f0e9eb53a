import Testing

@testable import CoreServer

/// Which addresses may ask (docs/specification/core.md 8.2).
struct PeerFilterTests {
    @Test(
        "deny comes first, then allow, and an expression has to match a whole address",
        arguments: [
            (nil, "127\\.0\\.0\\.1", "127.0.0.1", false), (nil, "127\\.0\\.0\\.1", "127.0.0.11", true),
            (nil, "127", "127.0.0.1", true), ("127\\..*", nil, "127.0.0.1", true), ("127\\..*", nil, "10.0.0.1", false),
            ("127\\..*", "127\\.0\\.0\\.1", "127.0.0.1", false), ("1|127.0.0.1", nil, "127.0.0.1", true),
            ("1", nil, "127.0.0.1", false), (".*", nil, nil, false), (nil, "x", nil, false),
            ("::1", nil, "::1", true), ("0:0:0:0:0:0:0:1", nil, "::1", true), (nil, "0:0:0:0:0:0:0:1", "::1", false),
            ("10\\.1\\.2\\.3", nil, "::ffff:10.1.2.3", true), (nil, "10\\.1\\.2\\.3", "::ffff:a01:203", false),
            ("fe80:0:0:0:0:0:0:a", nil, "fe80::a", true), ("FE80.*", nil, "fe80::a", false),
            ("(?i)FE80.*", nil, "fe80::a", true), ("10\\.[0-9&&[^5]]\\..*+", nil, "10.4.0.1", true),
            ("10\\.[0-9&&[^5]]\\..*+", nil, "10.5.0.1", false), ("\\Q10.0.0.1\\E", nil, "10.0.0.1", true),
            ("\\Q10.0.0.1\\E", nil, "10a0.0.1", false),
            ("(?:10|192\\.168)(?:\\.\\d{1,3}){2,3}", nil, "192.168.0.7", true),
            ("10\\.(?!0)\\p{Nd}+\\.0\\.1", nil, "10.10.0.1", true),
            ("10\\.(?!0)\\p{Nd}+\\.0\\.1", nil, "10.0.0.1", false),
            ("a", nil, "a\n", false), ("^10\\..*$", nil, "10.0.0.1", true),
            (nil, "[\\x31]\\u0030.*", "10.0.0.1", false),
            ("(\\d)\\1\\..*", nil, "11.0.0.1", true), ("(\\d)\\1\\..*", nil, "10.0.0.1", false),
        ] as [(String?, String?, String?, Bool)])
    func rules(allow: String?, deny: String?, address: String?, isAdmitted: Bool) throws {
        #expect(try #require(PeerFilter(allow: allow, deny: deny)).admits(address) == isAdmitted)
    }

    @Test("what is not an expression makes no filter", arguments: ["[", "a)|(b", "*", "(?x) a # b"])
    func invalid(text: String) {
        #expect(PeerFilter(allow: text) == nil && PeerFilter(deny: text) == nil)
    }

    @Test(
        "spellings of addresses",
        arguments: [
            ("1.2.3.4", ["1.2.3.4"]), ("::", ["::", "0:0:0:0:0:0:0:0"]),
            ("2001:db8::8:800:200c:417a", ["2001:db8::8:800:200c:417a", "2001:db8:0:0:8:800:200c:417a"]),
            ("::1.2.3.4", ["::1.2.3.4", "0:0:0:0:0:0:102:304"]),
            ("1:2:3:4:5:6:7:8", Array(repeating: "1:2:3:4:5:6:7:8", count: 2)),
            ("1::2::3", ["1::2::3"]), ("1:2", ["1:2"]), ("g::", ["g::"]), ("1:2:3:4:5:6:7::8", ["1:2:3:4:5:6:7::8"]),
        ])
    func spellings(address: String, expected: [String]) {
        #expect(PeerAddress.spellings(of: address) == expected)
    }

    @Test("over a socket a denied address gets a page, whatever it asks for", arguments: ["/hello", "/nothing"])
    func denied(path: String) async throws {
        var settings = CoreSettings()
        settings.peers = PeerFilter(deny: "127\\.0\\.0\\.1")
        try await Core.run(.live, settings: settings) { core in
            let reply = try await core.send("GET", path)
            #expect(reply.status == 403 && reply.contentType == "text/html;charset=utf-8")
            #expect(reply.headers["connection"] == "close")
        }
    }

    @Test("over a socket an allowed address is served")
    func allowed() async throws {
        var settings = CoreSettings()
        settings.peers = PeerFilter(allow: "127\\.0\\.0\\.1")
        try await Core.run(.live, settings: settings) { core in
            let reply = try await core.send("GET", "/hello")
            #expect(reply.status == 200)
        }
    }
}
