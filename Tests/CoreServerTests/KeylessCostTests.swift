import CoreServer
import LosslessJSON
import SessionEngine
import SessionStorage
import TestSupport
import Testing

@Suite("finding W4: what callers without a key cost storage")
struct KeylessCostTests {
    private let directory = CountingDirectory()

    private func core() async throws -> ManyApps {
        try await ManyApps(directory, configuration: "api_keys: abcdefghijklmnopqrstuvwxyz\n")
    }

    private static let key = "abcdefghijklmnopqrstuvwxyz"

    @Test(
        "400 requests to 400 apps that do not exist are a statement or two",
        arguments: ["/hello", "/.well-known/jwks.json", "/recipe/session", "/t1/recipe/session/user", "/apiversion"])
    func unknownApps(path: String) async throws {
        let core = try await core()
        let before = directory.count
        for number in 0..<400 {
            #expect(await core.send("GET", "/appid-x\(number)\(path)").status != 200 || path == "/hello")
        }
        #expect(directory.count <= before + 2)
        core.clock.advance(by: .seconds(1))
        let statuses = await inParallel(100) { number in await core.send("GET", "/appid-y\(number)\(path)").status }
        #expect(Set(statuses).count == 1 && directory.count <= before + 4)
    }

    @Test(
        "what needs no key costs no statement", arguments: ["/hello", "/", "/config?pid=1", "/.well-known/jwks.json"])
    func keylessRoutes(path: String) async throws {
        let core = try await core()
        try await core.put(app: "a", key: Self.key)
        let parts = path.split(separator: "?")
        let query = parts.count > 1 ? String(parts[1]) : nil
        for prefix in ["", "/appid-a"] { _ = await core.send("GET", prefix + parts[0], query: query) }
        let before = directory.count
        for _ in 0..<200 {
            for prefix in ["", "/appid-a"] { _ = await core.send("GET", prefix + parts[0], query: query) }
        }
        #expect(directory.count <= before + 2)
    }

    @Test("an app is found at once by the process that made it, and within a second by others; so is its end")
    func newApps() async throws {
        let (one, two) = (try await core(), try await core())
        let wanted = "/appid-a/.well-known/jwks.json"
        for core in [one, two] { #expect(await core.send("GET", wanted).status == 400) }
        try await one.put(app: "a", key: Self.key)
        #expect(await one.send("GET", wanted).status == 200)
        two.clock.advance(by: .seconds(1))
        #expect(await two.send("GET", wanted).status == 200)
        let removed = await one.send("POST", "/recipe/multitenancy/app/remove", ["appId": "a"], key: Self.key)
        #expect(removed.status == 200)
        #expect(await one.send("GET", wanted).status == 400)
    }
}

/// Runs something many times at once.
private func inParallel<Value: Sendable>(
    _ count: Int, _ body: @escaping @Sendable (Int) async -> Value
) async -> [Value] {
    await withTaskGroup(of: Value.self) { group in
        for number in 0..<count { group.addTask { await body(number) } }
        return await group.reduce(into: []) { $0.append($1) }
    }
}
