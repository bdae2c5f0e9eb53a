import SessionEngine
import TestSupport
import Testing

@testable import SessionService

/// Keys that are ready before they are asked for, and keys that are replaced every few seconds.
struct SigningKeyPoolTests {
    @Test("every key is another one, and a pool has a reserve only when it was told to", .timeLimit(.minutes(2)))
    func spares() async throws {
        let pool = SigningKeyPool()
        let keys = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<3 { group.addTask { try await pool.key(.rs256).pkcs8DER } }
            return try await group.reduce(into: Set<[UInt8]>()) { $0.insert($1) }
        }
        #expect(keys.count == 3)
        #expect(pool.spareCount == 0)
        pool.keepSpares(2)
        while pool.spareCount < 2 { await Task.yield() }
        let taken = try await pool.key(.rs256).pkcs8DER
        #expect(!keys.contains(taken))
        while pool.spareCount < 2 { await Task.yield() }
        #expect(try await pool.key(.es256).algorithm == .es256)
        #expect(pool.spareCount == 2)
    }

    @Test("an interval of seconds makes one key an interval, and tokens stay good across it")
    func shortInterval() async throws {
        let policy = SessionPolicy(
            accessTokenValidity: .seconds(2), signingKeyUpdateInterval: .seconds(3), signingAlgorithm: .es256)
        let world = try await World(policy: policy)
        var names: Set<String> = []
        for _ in 0..<100 {
            let issued = try await world.create()
            names.insert(try ReadToken(issued.accessToken.exposed).keyID)
            #expect(try await world.verdict(issued.accessToken.exposed) == .valid)
            world.clock.advance(by: Milliseconds(100))
        }
        #expect((3...5).contains(names.count), "\(names.count) keys in ten seconds")
    }
}
