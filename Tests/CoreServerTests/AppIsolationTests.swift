import CoreServer
import InMemoryStorage
import LosslessJSON
import SQLiteStorage
import SessionEngine
import SessionStorage
import TestSupport
import Testing

/// Apps and tenants never see one another.
struct AppIsolationTests {
    /// A session as the model remembers it.
    private struct Known {
        let app: String
        let user: String
        var session: SeenSession
        var isAlive = true
    }

    private static let apps = ["a", "b"]
    private static let tenants = ["public", "t1", "t2"]
    private static let users = ["u", "v"]

    private static func makeCore(_ directory: any AppDirectory) async throws -> ManyApps {
        let core = try await ManyApps(directory)
        for app in apps {
            try await core.put(app: app)
            for tenant in tenants.dropFirst() { try await core.put(tenant: tenant, of: app) }
        }
        return core
    }

    @Test("whatever happens in one app, the other answers as if it were alone", arguments: 1...6 as ClosedRange<UInt64>)
    func interleavings(seed: UInt64) async throws {
        print("seed \(seed)")
        let core = try await Self.makeCore(InMemoryAppDirectory())
        var dice = SplitMix64(seed: seed)
        var known: [Known] = []
        for _ in 0..<150 {
            try await Self.step(core, &known, &dice)
            core.clock.advance(by: Milliseconds(Int64.random(in: 0...50, using: &dice)))
        }
        #expect(known.contains { $0.isAlive } && known.contains { !$0.isAlive })
    }

    private static func step(_ core: ManyApps, _ known: inout [Known], _ dice: inout SplitMix64) async throws {
        let app = apps[Int.random(in: 0...1, using: &dice)]
        let tenant = tenants[Int.random(in: 0...2, using: &dice)]
        let user = users[Int.random(in: 0...1, using: &dice)]
        let chosen = known.indices.randomElement(using: &dice)
        switch (Int.random(in: 0..<100, using: &dice), chosen) {
        case (0..<30, _), (_, nil):
            let session = try await core.create("/appid-\(app)/\(tenant)", user: user)
            #expect(session.tenant == tenant)
            known.append(Known(app: app, user: user, session: session))
        case (30..<55, let index?): try await verify(core, &known[index], at: app)
        case (55..<75, let index?): try await refresh(core, &known[index], at: app)
        case (75..<88, _): try await list(core, known, app, tenant, user)
        case (88..<94, _): try await revoke(core, &known, app, tenant, user)
        case (_, let index?):
            let handle = known[index].session.handle
            let body: JSONObject = ["sessionHandles": [.string(handle)]]
            let removed = try await core.document("POST", "/appid-\(app)/recipe/session/remove", body)
            let isMine = known[index].app == app && known[index].isAlive
            #expect(removed["sessionHandlesRevoked"] == (isMine ? [.string(handle)] : []))
            if isMine { known[index].isAlive = false }
        }
    }

    private static func verify(_ core: ManyApps, _ known: inout Known, at app: String) async throws {
        let reply = try await core.verify("/appid-\(app)", known.session.accessToken)
        let expected = app != known.app ? "TRY_REFRESH_TOKEN" : known.isAlive ? "OK" : "UNAUTHORISED"
        #expect(reply["status"]?.string == expected)
        if let token = reply["accessToken"]?.object?["token"]?.string { known.session.accessToken = token }
        if expected == "OK" {
            #expect(reply["session"]?.object?["handle"]?.string == known.session.handle)
            #expect(reply["session"]?.object?["tenantId"]?.string == known.session.tenant)
        }
    }

    private static func refresh(_ core: ManyApps, _ known: inout Known, at app: String) async throws {
        let reply = try await core.refresh("/appid-\(app)", known.session.refreshToken)
        let isMine = app == known.app && known.isAlive
        #expect(reply["status"] == (isMine ? "OK" : "UNAUTHORISED"))
        if isMine {
            known.session = try SeenSession(reply)
            // The child is used at once, so that its parent's other children would be theft.
            try await verify(core, &known, at: app)
        }
    }

    private static func list(
        _ core: ManyApps, _ known: [Known], _ app: String, _ tenant: String, _ user: String
    ) async throws {
        let mine = known.filter { $0.app == app && $0.user == user && $0.isAlive }.map(\.session)
        #expect(try await core.list("/appid-\(app)", user: user) == Set(mine.map(\.handle)))
        let inTenant = Set(mine.filter { $0.tenant == tenant }.map(\.handle))
        #expect(try await core.list("/appid-\(app)/\(tenant)", user: user, across: false) == inTenant)
    }

    private static func revoke(
        _ core: ManyApps, _ known: inout [Known], _ app: String, _ tenant: String, _ user: String
    ) async throws {
        let body: JSONObject = ["userId": .string(user), "revokeAcrossAllTenants": false]
        let reply = try await core.document("POST", "/appid-\(app)/\(tenant)/recipe/session/remove", body)
        var ended: Set<String?> = []
        for index in known.indices
        where known[index].isAlive && known[index].app == app && known[index].user == user
            && known[index].session.tenant == tenant
        {
            known[index].isAlive = false
            ended.insert(known[index].session.handle)
        }
        #expect(Set(reply["sessionHandlesRevoked"]?.array?.map(\.string) ?? []) == ended)
    }

    @Test("each app publishes keys of its own")
    func keys() async throws {
        let core = try await Self.makeCore(InMemoryAppDirectory())
        var seen: [JSONValue] = []
        for prefix in ["", "/appid-a", "/appid-b"] {
            _ = try await core.create(prefix)
            let keys = try await core.document("GET", "\(prefix)/.well-known/jwks.json")["keys"]?.array ?? []
            #expect(keys.count == 2)
            seen += keys.compactMap { $0.object?["x"] }
        }
        #expect(Set(seen).count == 6)
    }

    @Test("an app ends with its sessions and keys, and its name inherits nothing")
    func removal() async throws {
        let folder = try TemporaryFolder()
        for directory in [InMemoryAppDirectory(), try SQLiteDatabase(folder: folder.path).apps] as [any AppDirectory] {
            let core = try await Self.makeCore(directory)
            let (gone, kept) = (try await core.create("/appid-a"), try await core.create("/appid-b"))
            _ = await core.send("POST", "/recipe/multitenancy/app/remove", ["appId": "a"])
            #expect(await core.send("GET", "/appid-a/hello").status == 400)
            #expect(try await core.put(app: "a"))
            core.clock.advance(by: .seconds(1))
            #expect(try await core.list("/appid-a").isEmpty)
            #expect(
                try await core.verify("/appid-a", gone.accessToken, database: false)["status"] == "TRY_REFRESH_TOKEN")
            #expect(try await core.refresh("/appid-a", gone.refreshToken)["status"] == "UNAUTHORISED")
            #expect(try await core.verify("/appid-b", kept.accessToken)["status"] == "OK")
            let missing = await core.send("POST", "/appid-a/t1/recipe/session")
            #expect(missing.status == 400, "its tenants are gone too")
        }
    }

    @Test("apps, tenants and sessions are there after a restart")
    func restart() async throws {
        let folder = try TemporaryFolder()
        let clock = TestClock()
        let session: SeenSession
        do {
            let core = try await ManyApps(try SQLiteDatabase(folder: folder.path).apps, clock: clock)
            try await core.put(app: "a", ["access_token_validity": 7])
            try await core.put(tenant: "t1", of: "a")
            session = try await core.create("/appid-a/t1")
        }
        let core = try await ManyApps(try SQLiteDatabase(folder: folder.path).apps, clock: clock)
        #expect(try await core.verify("/appid-a", session.accessToken)["status"] == "OK")
        let child = try SeenSession(try await core.refresh("/appid-a", session.refreshToken))
        #expect(child.tenant == "t1")
        clock.advance(by: .seconds(8))
        #expect(try await core.verify("/appid-a", child.accessToken)["status"] == "TRY_REFRESH_TOKEN")
    }
}
