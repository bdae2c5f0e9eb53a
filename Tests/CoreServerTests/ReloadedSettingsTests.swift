import CoreServer
import LosslessJSON
import Testing

@Suite("Settings that change while requests are answered")
struct ReloadedSettingsTests {
    private static let (old, new) = ("ABCDEFGHIJKLMNOPQRST-old", "ABCDEFGHIJKLMNOPQRST-new")

    private func status(_ core: Core, _ key: String?) async throws -> Int {
        let request = CoreRequest(
            method: "GET", path: "/recipe/session/user", query: "userId=u", version: "5.4", apiKey: key)
        return try await core.send(request).status
    }

    @Test("API keys and the address filter count from the next request on (finding O6)", arguments: Depth.allCases)
    func keys(depth: Depth) async throws {
        try await Core.run(depth) { (core) async throws -> Void in
            #expect(try await status(core, nil) == 200)
            var settings = CoreSettings()
            settings.apiKeys = [Self.old]
            core.api.adopt(settings)
            #expect(try await status(core, Self.old) == 200)
            #expect(try await status(core, nil) == 401)
            settings.apiKeys = [Self.new]
            core.api.adopt(settings)
            #expect(try await status(core, Self.old) == 401)
            #expect(try await status(core, Self.new) == 200)
            settings.peers = PeerFilter(deny: ".*")
            core.api.adopt(settings)
            if depth == .live { #expect(try await status(core, Self.new) == 403) }
            core.api.adopt(CoreSettings())
            #expect(try await status(core, nil) == 200)
        }
    }

    @Test("other apps follow: those without keys of their own get the new ones, and sessions stay (finding O6)")
    func apps() async throws {
        let core = try await ManyApps(configuration: "api_keys: \(Self.old)\n")
        try await core.put(app: "a", key: Self.old)
        try await core.put(app: "b", ["api_keys": .string(Self.old + "-of-b")], key: Self.old)
        let session = try await core.create("/appid-a", key: Self.old)
        try core.reload("api_keys: \(Self.new)\n")
        func status(_ app: String, _ key: String) async -> Int {
            await core.send("GET", "/appid-\(app)/recipe/session/user", query: "userId=u", key: key).status
        }
        let rows = [("a", Self.old, 401), ("a", Self.new, 200), ("b", Self.old + "-of-b", 200), ("b", Self.new, 401)]
        for (app, key, wanted) in rows { #expect(await status(app, key) == wanted, "\(app) \(key)") }
        let handle = try await core.document(
            "GET", "/appid-a/recipe/session", query: "sessionHandle=\(session.handle)", key: Self.new)
        #expect(handle["status"] == "OK")
    }
}
