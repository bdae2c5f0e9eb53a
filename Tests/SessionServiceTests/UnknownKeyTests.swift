import Foundations
import LosslessJSON
import SessionEngine
import SessionService
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

@Suite("Keys that other nodes have made, and names of keys that nobody has made")
struct UnknownKeyTests {
    /// A second node on the same storage, whose pauses move the clock.
    private func node(
        beside world: World, on storage: FaultyStorage, _ pauses: Pauses
    ) async throws -> SessionManager {
        let (clock, dice) = (world.clock, TestDice(seed: 77))
        let sources = ClockAndRandomness(
            time: { clock.now }, randomBits: { dice.next() },
            pause: { duration in
                pauses.note(duration)
                clock.advance(by: duration)
            })
        return try await SessionManager(storage: storage, policy: World.policy, clock: sources)
    }

    @Test("unknown keys make a node read its keys at most once a second, and a young key is waited for")
    func unknownKeys() async throws {
        let world = try await World()
        let storage = FaultyStorage(world.storage) { _ in nil }
        let pauses = Pauses()
        let node = try await node(beside: world, on: storage, pauses)
        let first = try await world.create()
        let before = storage.callCount
        guard case .valid = try await node.verify(.init(accessToken: first.accessToken.exposed)) else {
            Issue.record("a key of another node is not found")
            return
        }
        #expect(storage.callCount == before + 1 && pauses.all == [])
        // A stranger's token names a key that is said to be old: no one asks again within the second.
        let stranger = try await World(clock: TestClock(world.clock.now + .seconds(-9_000)))
        let forged = try await stranger.create().accessToken.exposed
        for _ in 0..<50 { _ = try await node.verify(.init(accessToken: forged)) }
        #expect(storage.callCount == before + 1 && pauses.all == [])
        // The other node makes a key half a second later, and signs with it at once.
        world.clock.advance(by: Milliseconds(500))
        let old = try await world.storage.updateSigningKeys { _ in .none }
        _ = try await world.storage.updateSigningKeys { _ in SigningKeyChange(removing: old.map(\.id)) }
        let other = try await World.makeService(seed: 5, storage: world.storage, clock: world.clock)
        guard case .created(let young) = try await other.createSession(.init(userID: UserID("u"))),
            case .valid = try await node.verify(.init(accessToken: young.accessToken.exposed))
        else {
            Issue.record("a good token of a young key is refused")
            return
        }
        #expect(storage.callCount == before + 2 && pauses.all == [Milliseconds(500)])
        world.clock.advance(by: .seconds(2))
        for _ in 0..<50 { _ = try await node.verify(.init(accessToken: forged)) }
        #expect(storage.callCount == before + 3)
    }

    /// A token of a key that was made at some distance from now, by somebody else.
    private func forged(_ distance: Milliseconds, from world: World) async throws -> String {
        let stranger = try await World(seed: 9, clock: TestClock(world.clock.now + distance))
        return try await stranger.create().accessToken.exposed
    }

    @Test("finding W2: of many who name a young key that is none, 8 wait and all others are refused at once")
    func fewWaiters() async throws {
        let world = try await World()
        let gate = Gate()
        let sources = ClockAndRandomness(
            time: { world.clock.now }, randomBits: { ClockAndRandomness.system.randomBits() },
            pause: { _ in await gate.wait() })
        let node = try await SessionManager(storage: world.storage, policy: World.policy, clock: sources)
        let young = try await forged(.seconds(0), from: world)
        guard case .tryRefresh(.unknownKey) = try await node.verify(.init(accessToken: young)) else {
            Issue.record("the first is read for at once and refused")
            return
        }
        let refused = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 {
                group.addTask {
                    guard case .tryRefresh(.unknownKey) = try await node.verify(.init(accessToken: young)) else {
                        return false
                    }
                    return true
                }
            }
            var refused = 0
            while refused < 56, try await group.next() == true { refused += 1 }
            // What is no young key is refused while they wait, also where its name is from the future.
            for distance in [-121, 121, -9_000, 1_000_000] {
                let token = try await forged(.seconds(Int64(distance)), from: world)
                guard case .tryRefresh(.unknownKey) = try await node.verify(.init(accessToken: token)) else {
                    Issue.record("a token \(distance) s away is not refused")
                    continue
                }
            }
            while gate.waiterCount == 0 { await Task.yield() }
            #expect(gate.waiterCount == 1)
            gate.open()
            while try await group.next() == true { refused += 1 }
            return refused
        }
        #expect(refused == 64)
    }

    @Test(
        "finding W2: only a key that is younger than the last reading is waited for, and none from the far future",
        arguments: [(-2, 0), (0, 1), (119, 1), (121, 0)] as [(Int64, Int)])
    func youth(seconds: Int64, expected: Int) async throws {
        let world = try await World()
        let pauses = Pauses()
        let node = try await node(beside: world, on: FaultyStorage(world.storage) { _ in nil }, pauses)
        _ = try await node.verify(.init(accessToken: try await forged(.seconds(0), from: world)))
        world.clock.advance(by: Milliseconds(500))
        _ = try await node.verify(.init(accessToken: try await forged(.seconds(seconds), from: world)))
        #expect(pauses.all.count == expected)
    }
}

/// Holds back a client that waits until it is opened.
private final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiters: [CheckedContinuation<Void, Never>])>((false, []))

    var waiterCount: Int { state.withLock { $0.waiters.count } }

    func wait() async {
        await withCheckedContinuation { waiter in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(waiter) }
                return state.isOpen
            }
            if isOpen { waiter.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Notes how long a service pauses.
private final class Pauses: Sendable {
    private let durations = Mutex<[Milliseconds]>([])

    func note(_ duration: Milliseconds) { durations.withLock { $0.append(duration) } }

    var all: [Milliseconds] { durations.withLock(\.self) }
}
