import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

/// Faults that a test switches on and off.
private final class FaultSwitch: Sendable {
    private let state: Mutex<(random: SplitMix64, percent: Int)>
    private let count = Mutex(0)

    init(seed: UInt64) {
        state = Mutex((SplitMix64(seed: seed), 0))
    }

    func fail(percent: Int) { state.withLock { $0.percent = percent } }

    /// How many faults there were.
    var faults: Int { count.withLock { $0 } }

    func next() -> FaultyStorage.Fault? {
        let fault = state.withLock { state -> FaultyStorage.Fault? in
            guard state.random.chance(percent: state.percent) else { return nil }
            return switch Int.random(in: 0..<3, using: &state.random) {
            case 0: .before(StorageError(.unavailable, "planned"))
            case 1: .before(StorageError(.full, "planned"))
            default: .after(StorageError(.unknownOutcome, "planned"))
            }
        }
        if fault != nil { count.withLock { $0 += 1 } }
        return fault
    }
}

@Suite("Storage that fails (I5, I6)")
struct FaultTests {
    private func world(_ seed: UInt64) async throws -> (World, FaultSwitch) {
        let faults = FaultSwitch(seed: seed)
        let storage = FaultyStorage(InMemorySessionStorage()) { _ in faults.next() }
        let world = try await World(seed: seed, storage: storage)
        try await world.service.prepareSigningKeys()
        return (world, faults)
    }

    /// Tries until storage answers; every error on the way has to be storage's.
    private func retrying<Value>(_ note: Comment, _ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<200 {
            do {
                return try await body()
            } catch let error as ServiceError {
                guard case .storage = error else {
                    Issue.record("\(error)", sourceLocation: #_sourceLocation)
                    throw error
                }
            }
        }
        throw Unexpected("no answer in 200 tries, \(note)")
    }

    @Test("An honest client that tries again is never logged out or accused", arguments: 0..<200 as Range<UInt64>)
    func honestClient(_ seed: UInt64) async throws {
        let (world, faults) = try await world(seed)
        faults.fail(percent: 35)
        var random = SplitMix64(seed: seed)
        var (refresh, access) = try await retrying("seed \(seed)") {
            let tokens = try await world.create()
            return (tokens.refreshToken, tokens.accessToken.exposed)
        }
        for step in 0..<30 {
            let note: Comment = "seed \(seed), step \(step)"
            if random.chance(percent: 50) {
                let database = random.chance(percent: 50)
                let result = try await retrying(note) { try await world.verify(access, database: database) }
                guard case .valid(_, let replacement, _) = result else { throw Unexpected("\(result), \(note)") }
                if let replacement, random.chance(percent: 80) { access = replacement.exposed }
            } else {
                let result = try await retrying(note) { try await world.refresh(refresh) }
                guard case .refreshed(let tokens) = result else { throw Unexpected("\(result), \(note)") }
                if random.chance(percent: 80) { (refresh, access) = (tokens.refreshToken, tokens.accessToken.exposed) }
            }
        }
        #expect(faults.faults > 0, "seed \(seed)")
    }

    @Test("Every call says that storage failed, and nothing about the session")
    func everyCall() async throws {
        let (world, faults) = try await world(1)
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        let (access, handle) = (child.accessToken.exposed, first.session.handle)
        faults.fail(percent: 100)
        let calls: [(String, () async throws -> Void)] = [
            ("create", { _ = try await world.create() }),
            ("verify of a child", { _ = try await world.verify(access) }),
            ("verify with storage", { _ = try await world.verify(first.accessToken.exposed, database: true) }),
            ("refresh", { _ = try await world.refresh(child.refreshToken) }),
            ("regenerate", { _ = try await world.service.regenerate(accessToken: access, payload: [:]) }),
            ("read", { _ = try await world.service.session(handle) }),
            ("list", { _ = try await world.service.handles(of: UserID("u1")) }),
            ("change", { _ = try await world.service.replaceData(of: handle, sessionData: [:]) }),
            ("revoke", { _ = try await world.service.revoke([handle]) }),
            ("revoke all", { _ = try await world.service.revokeAll(of: UserID("u1")) }),
        ]
        for (name, call) in calls {
            let error = await #expect(throws: ServiceError.self, "\(name)") { try await call() }
            guard case .storage = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("A verification that needs no storage works without any")
    func statelessVerify() async throws {
        let (world, faults) = try await world(1)
        let first = try await world.create()
        faults.fail(percent: 100)
        #expect(try await world.verdict(first.accessToken.exposed) == .valid)
        world.clock.advance(by: .seconds(3_600))
        #expect(try await world.verdict(first.accessToken.exposed) == .tryRefresh(.expired))
    }

    @Test("An unknown token is not called bad while nobody can look for its key")
    func unknownKey() async throws {
        let (world, faults) = try await world(1)
        let other = try await World(seed: 2, clock: TestClock(Timestamp(milliseconds: 1_700_000_000_999)))
        let foreign = try await other.create().accessToken.exposed
        faults.fail(percent: 100)
        await #expect(throws: ServiceError.self) { try await world.verify(foreign) }
        faults.fail(percent: 0)
        #expect(try await world.verdict(foreign) == .tryRefresh(.unknownKey))
    }

    @Test("No service opens over a storage that does not answer")
    func opening() async throws {
        let storage = FaultyStorage(InMemorySessionStorage()) { _ in .before(StorageError(.unavailable, "planned")) }
        await #expect(throws: ServiceError.storage(StorageError(.unavailable, ""))) {
            try await World(storage: storage)
        }
    }

    @Test("A creation whose answer was lost leaves at most a session that nobody can use")
    func lostCreation() async throws {
        let (world, faults) = try await world(3)
        faults.fail(percent: 60)
        let tokens = try await retrying("lost creation") { try await world.create() }
        faults.fail(percent: 0)
        #expect(try await world.service.handles(of: UserID("u1")).contains(tokens.session.handle))
        _ = try await world.refreshed(tokens.refreshToken)
    }

    @Test(
        "A revocation that was acknowledged holds, whatever failed before it (I3)", arguments: 0..<50 as Range<UInt64>)
    func revocation(_ seed: UInt64) async throws {
        let (world, faults) = try await world(seed)
        let first = try await world.create()
        let child = try await world.refreshed(first.refreshToken)
        faults.fail(percent: 50)
        _ = try await retrying("seed \(seed)") { try await world.service.revoke([first.session.handle]) }
        faults.fail(percent: 0)
        #expect(try await world.verdict(first.accessToken.exposed, database: true) == .sessionNotActive, "seed \(seed)")
        #expect(try await world.refresh(child.refreshToken).refusal == .sessionNotActive, "seed \(seed)")
    }
}
