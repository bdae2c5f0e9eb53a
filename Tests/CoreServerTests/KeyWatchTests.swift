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
}
