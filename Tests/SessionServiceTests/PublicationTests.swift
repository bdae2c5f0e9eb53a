import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

@Suite("The published keys are in memory")
struct PublicationTests {
    private let clock = TestClock()
    private let base = InMemorySessionStorage()
    private let storage: FaultyStorage
    private let isUnreachable: Away

    init() {
        let isUnreachable = Away()
        storage = FaultyStorage(base) { _ in isUnreachable.isSet ? .before(StorageError(.unavailable, "away")) : nil }
        self.isUnreachable = isUnreachable
    }

    private func node() async throws -> SessionManager {
        try await World.makeService(seed: 3, storage: storage, clock: clock)
    }

    private func kids(_ node: SessionManager) async throws -> [String] {
        (try await node.publishedKeys().keys.array ?? []).compactMap { $0.object?["kid"]?.string }
    }

    @Test("finding W4: a request for the key set costs no statement")
    func statements() async throws {
        let node = try await node()
        try await node.prepareSigningKeys()
        let before = storage.callCount
        for _ in 0..<400 { #expect(try await kids(node).count == 2) }
        let all = try await inParallel(64) { _ in try await kids(node) }
        #expect(Set(all).count == 1 && storage.callCount <= before + 1)
        clock.advance(by: .seconds(1))
        _ = try await inParallel(64) { _ in try await kids(node) }
        #expect(storage.callCount <= before + 2)
        // A clock that was set back does not keep old keys for ever.
        clock.advance(by: .seconds(-3_600))
        _ = try await kids(node)
        #expect(storage.callCount == before + 3)
    }

    @Test("finding W4: a key that another node has made is published within a second")
    func otherNode() async throws {
        let node = try await node()
        #expect(try await kids(node).count == 2)
        let key = try TestKeys.signingKey(.es256, id: "s-other", kind: .static, createdAt: clock.now.milliseconds)
        _ = try await base.updateSigningKeys { _ in SigningKeyChange(adding: [SigningKeyRecord(key)]) }
        #expect(try await kids(node).count == 2)
        clock.advance(by: .seconds(1))
        #expect(try await kids(node).contains("s-other"))
    }

    @Test("a storage that is away does not take the key set away, and is not asked by everybody")
    func away() async throws {
        let node = try await node()
        let known = try await kids(node)
        isUnreachable.set(true)
        let before = storage.callCount
        for _ in 0..<5 {
            clock.advance(by: .seconds(1))
            for _ in 0..<50 { #expect(try await kids(node) == known) }
        }
        // Once a second; what was asked in one second may be counted in the next.
        #expect(storage.callCount <= before + 5)
        isUnreachable.set(false)
        let other = try await self.node()
        isUnreachable.set(true)
        clock.advance(by: .seconds(100 * 86_400))
        await #expect(throws: ServiceError.storage(StorageError(.unavailable, "away"))) { try await kids(other) }
        await #expect(throws: ServiceError.storage(StorageError(.unavailable, "away"))) { try await kids(other) }
    }
}

/// Whether a storage is unreachable.
private final class Away: Sendable {
    private let flag = Mutex(false)

    var isSet: Bool { flag.withLock(\.self) }

    func set(_ isUnreachable: Bool) { flag.withLock { $0 = isUnreachable } }
}
