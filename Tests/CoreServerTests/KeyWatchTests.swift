import CoreServer
import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import Synchronization
import TestSupport
import Testing

@Suite("Keys that another process retires")
struct KeyWatchTests {
    private struct Ended: Error {}

    /// Has a core look for other keys once.
    private func look(_ apps: AppRegistry) async throws {
        let looks = Mutex(0)
        let watch = KeyWatch(
            apps: apps,
            wait: { _ in
                try looks.withLock { looks in
                    looks += 1
                    if looks > 1 { throw Ended() }
                }
            }, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await watch.run()
    }

    @Test("finding K3: a key that was retired elsewhere is out of use in every app at the next look")
    func retired() async throws {
        let directory = InMemoryAppDirectory()
        let core = try await ManyApps(directory)
        try await core.put(app: "a")
        for (app, prefix) in [("public", ""), ("a", "/appid-a")] {
            let token = try await core.create(prefix).accessToken
            func status() async throws -> JSONValue? {
                try await core.verify(prefix, token, database: false)["status"]
            }
            #expect(try await status() == "OK")
            let storage = directory.storage(of: AppID(app))
            _ = try await storage.updateSigningKeys { SigningKeyChange(removing: $0.map(\.id)) }
            try await look(core.registry)
            #expect(try await status() == "TRY_REFRESH_TOKEN")
        }
    }

    @Test("finding K3: a row that cannot be read keeps no retired key in use, in its app or in others")
    func damagedApp() async throws {
        let directory = InMemoryAppDirectory()
        let core = try await ManyApps(directory)
        let damaged = "damaged"
        let apps = ["a", "b", "c", "d", "e", damaged]
        var tokens: [String: String] = [:]
        for app in apps {
            try await core.put(app: app)
            tokens[app] = try await core.create("/appid-\(app)").accessToken
        }
        for app in apps {
            let rubbish = SigningKeyRecord(
                id: try #require(KeyID("d-1")), kind: .dynamic, algorithm: .es256,
                createdAt: Timestamp(milliseconds: 1), privateKeyDER: [1])
            _ = try await directory.storage(of: AppID(app)).updateSigningKeys {
                SigningKeyChange(adding: app == damaged ? [rubbish] : [], removing: $0.map(\.id))
            }
        }
        try await look(core.registry)
        let last = tokens.removeValue(forKey: damaged)
        let token: JSONValue = .string(try #require(last))
        let reply = await core.send(
            "POST", "/appid-\(damaged)/recipe/session/verify",
            ["accessToken": token, "doAntiCsrfCheck": false, "enableAntiCsrf": false, "checkDatabase": false])
        #expect(!reply.body.contains("\"OK\""), "\(reply.body)")
        for (app, token) in tokens {
            let reply = try await core.verify("/appid-\(app)", token, database: false)
            #expect(reply["status"] == "TRY_REFRESH_TOKEN", "app \(app)")
        }
    }
}
