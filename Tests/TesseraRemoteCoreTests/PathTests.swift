import Foundations
import LosslessJSON
import SessionEngine
import TesseraSessions
import TesseraTesting
import Testing

@testable import TesseraRemoteCore

@Suite("What goes into an address of a core")
struct PathTests {
    static let noTenants = [
        "appid-other/t1", "appid-other", "APPID-x", "public/recipe/session/remove?x=", "..", ".", "%2e%2e", "%2E%2E/x",
        "", " ", "t 1", "t1/", "/t1", "//", "t1?x=1", "t1#x", "t1;x", "t1\\..\\x", "t1%2frecipe", "t1\u{0}", "t1\n",
        "\r\nHost: evil.test", "t1\u{7F}", "tést", "ｔ１", "\u{212A}", "t1\u{200B}", "recipe", "Config", "users", "hello",
        "{{id}}", "<t1>", "t1@x", "t1:80", "$(id)", String(repeating: "a", count: 65),
        String(repeating: "a", count: 100_000),
    ]

    @Test("finding S4: a tenant that no path can name is refused before anything is sent", arguments: noTenants)
    func refused(name: String) async throws {
        let cores = FaultyCores(VirtualClock())
        let backend = try cores.backend()
        let tenant = TenantID(name)
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await backend.create(NewSession(userID: "u", tenantID: tenant)) },
            { _ = try await backend.revokeAll(of: "u", tenant: tenant) },
            { _ = try await backend.handles(of: "u", tenant: tenant) },
        ]
        for call in calls {
            let error = await #expect(throws: SessionError.self) { try await call() }
            #expect(error?.code == .badInput && error?.reason.contains("name of a tenant") == true)
            #expect(name.count < 7 || error?.reason.contains(name) == false, "the text goes to a client")
        }
        #expect(cores.asked.isEmpty)
    }

    @Test("finding S4: a tenant's name is one segment, in lower case", arguments: ["public", "t1", "T-1", "a", "0"])
    func accepted(name: String) async throws {
        let cores = FaultyCores(VirtualClock())
        _ = try? await cores.backend().create(NewSession(userID: "u", tenantID: TenantID(name)))
        #expect(cores.asked.last?.path == "/\(name.lowercased())/recipe/session")
    }

    static let oddTexts = [
        "../session/remove", "a&sessionHandle=b", "a?b#c", "%2e%2e", "a b", "a+b", "a\u{0}b", "a\r\nX: y", "é", "", "/",
        "a;b", "a=b", "\u{2028}", "\u{202E}", "a\"b",
    ]

    @Test("finding S4: handles and users are values of a query, whatever they contain", arguments: oddTexts)
    func encoded(text: String) async throws {
        let cores = FaultyCores(VirtualClock())
        let backend = try cores.backend()
        _ = try await backend.information(on: SessionHandle(text))
        _ = try? await backend.handles(of: UserID(text), tenant: nil)
        let paths = cores.asked.map(\.path).filter { !$0.contains("/apiversion") }
        #expect(paths.count == 2)
        for (path, name) in zip(paths, ["sessionHandle", "userId"]) {
            let query = try #require(path.split(separator: "?", maxSplits: 1).last)
            let pairs = query.split(separator: "&").map { $0.split(separator: "=", omittingEmptySubsequences: false) }
            let mine = pairs.filter { $0[0] == name }
            #expect(mine.count == 1 && pairs.allSatisfy { $0.count == 2 })
            #expect(PercentEncoding.decode(Array((mine.first?[1] ?? "").utf8)) == text)
            #expect(path.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") })
        }
    }

    @Test("finding S4: a value that is too long for an address is refused before anything is sent")
    func long() async throws {
        let cores = FaultyCores(VirtualClock())
        let backend = try cores.backend()
        _ = try await backend.information(on: "h")
        cores.forget()
        for text in [String(repeating: "a", count: 7_000), String(repeating: "é", count: 2_000)] {
            for call: @Sendable () async throws -> Void in [
                { _ = try await backend.information(on: SessionHandle(text)) },
                { _ = try await backend.handles(of: UserID(text), tenant: nil) },
            ] {
                let error = await #expect(throws: SessionError.self) { try await call() }
                #expect(error?.code == .badInput)
            }
        }
        #expect(cores.asked.isEmpty)
    }

    @Test("finding S4, S9: addresses of cores are read strictly, and no password is shown")
    func addresses() throws {
        for (raw, expected) in [
            ("http://localhost:3567", "http://localhost:3567"), ("localhost:3567/", "http://localhost:3567"),
            ("https://core.example.com/appid-a1", "https://core.example.com/appid-a1"),
            ("http://[::1]:3567", "http://[::1]:3567"), ("[2001:DB8:0::1]:80/x", "http://[2001:db8::1]/x"),
            (" https://CORE.example.com.:443/base/path/ ", "https://core.example.com/base/path"),
            ("https://bücher.example:8443", "https://xn--bcher-kva.example:8443"),
        ] { #expect(try CoreAddress(raw[...]).text == expected, "\(raw)") }
        for raw in [
            "https://user:Se@cret@core.example.com", "https://user:secret@core.example.com/x", "core",
            "ftp://core.test",
            "capacitor://localhost", "http://core.test?x=1", "http://core.test/#x", "http://core.test/a/../b",
            "http://core.test/%2e%2e/b", "http://core.test/a%2fb", "http://core.test/a//b", "http://core.test/a\\b",
            "http://core.test/a%", "http://core.test:0", "http://core.test:65536", "http://core.test:x", "http://[::1",
            "http://[fe80::1%25eth0]:3567", "http://::1:3567", "http://core.test/a\u{1}b", "http://core.test/%00",
            "http://core.test/%252e%252e",
        ] {
            let error = #expect(throws: SessionError.self, "\(raw)") { try CoreAddress(raw[...]) }
            #expect(error?.code == .misconfigured && error?.reason.contains("ecret") == false)
        }
    }

    @Test(
        "finding S4: an API key that no field can carry is refused, and not shown",
        arguments: ["a\r\nX: y", "a b", "é", "\u{0}"])
    func apiKey(key: String) throws {
        let app = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        let error = #expect(throws: SessionError.self) {
            try RemoteCore(connectionURI: "http://one.test", apiKey: key, app: app)
        }
        #expect(error?.code == .misconfigured && error?.reason.contains(key) == false)
    }
}
