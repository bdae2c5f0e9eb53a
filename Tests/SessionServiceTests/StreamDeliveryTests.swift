import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionStorage
import SessionStorageTesting
import Synchronization
import TestSupport
import Testing

@testable import SessionService

@Suite("Security events are delivered (docs/decisions/0049)")
struct StreamDeliveryTests {
    private static let stream = EventWorld.stream()

    @Test("what ends a session through the service arrives once, signed by the static key")
    func delivered() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        let made = try await world.sessions.createSession(
            NewSession(userID: UserID("u"), accessTokenPayload: [:], sessionData: [:], format: .v5, usesAntiCSRF: false)
        )
        guard case .created(let issued) = made else { throw Unexpected("\(made)") }
        _ = try await world.sessions.revoke([issued.session.handle], by: .user)
        var state = StreamDelivery.State()
        try await world.run(world.delivery(), &state, for: .seconds(10))
        #expect(world.receiver.arrivals.map(\.session) == [issued.session.handle.rawValue])
        #expect(try await world.pending().isEmpty)
        let states = try await world.sessions.eventStreams()
        #expect(states.first?.pending == 0 && states.first?.lastDelivery != nil)
    }

    @Test("a receiver that is down for an hour gets all, in order, and few requests meanwhile")
    func hour() async throws {
        let world = try await EventWorld(seed: 7)
        try await world.sessions.registerStreams([Self.stream.name])
        for number in 0..<120 { try await world.end("s\(number)", of: "u\(number % 40)") }
        world.receiver.answer { _ in TestReceiver.down }
        var state = StreamDelivery.State()
        try await world.run(world.delivery(), &state, for: .hours(1))
        let attempts = world.receiver.arrivals.count
        #expect(attempts > 5 && attempts < 60, "\(attempts) requests in an hour")
        #expect(try await world.pending().count == 120)
        world.receiver.answer { _ in TestReceiver.taken }
        try await world.run(world.delivery(), &state, for: .minutes(11))
        #expect(try await world.pending().isEmpty)
        let taken = world.receiver.taken
        #expect(taken.count == 120 && Set(taken.map(\.id)).count == 120 && Set(taken.map(\.session)).count == 120)
        #expect(world.receiver.mostAtOnce <= StreamPace.widest)
        // The same event had the same name each time.
        let ids = Dictionary(grouping: world.receiver.arrivals, by: \.session).mapValues { Set($0.map(\.id)).count }
        #expect(ids.values.allSatisfy { $0 == 1 })
        #expect(world.sessionsOutOfOrder(of: 40).isEmpty)
    }

    @Test(
        "a receiver that answers at random: at least once, and for each user in order",
        arguments: [1, 2, 3, 4] as [UInt64])
    func randomReceiver(seed: UInt64) async throws {
        let world = try await EventWorld(seed: seed)
        try await world.sessions.registerStreams([Self.stream.name])
        let dice = Mutex(SplitMix64(seed: seed))
        world.receiver.answer { _ in
            dice.withLock { dice in
                switch Int.random(in: 0..<10, using: &dice) {
                case 0..<5: TestReceiver.taken
                case 5: .answered(status: 503, body: [], retryAfter: .seconds(2))
                case 6: .answered(status: 302, body: [], retryAfter: nil)
                case 7: .answered(status: 400, body: [], retryAfter: nil)
                default: TestReceiver.down
                }
            }
        }
        var state = StreamDelivery.State()
        for number in 0..<60 {
            try await world.end("s\(number)", of: "u\(number % 5)")
            try await world.run(world.delivery(), &state, for: Milliseconds(Int64(number * 37 % 900)))
        }
        try await world.run(world.delivery(), &state, for: .hours(4))
        #expect(try await world.pending().isEmpty, "seed \(seed)")
        #expect(Set(world.receiver.taken.map(\.session)).count == 60, "seed \(seed)")
        #expect(world.sessionsOutOfOrder(of: 5).isEmpty, "seed \(seed): \(world.sessionsOutOfOrder(of: 5))")
    }

    @Test("an event that the receiver refuses is dead at once, and the next one of its user goes")
    func refused() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for session in ["a", "b", "c"] { try await world.end(session, of: "u") }
        world.receiver.answer { arrival in
            arrival.session == "a"
                ? .answered(status: 400, body: Array(#"{"err":"invalid_request"}"#.utf8), retryAfter: nil)
                : TestReceiver.taken
        }
        var state = StreamDelivery.State()
        try await world.run(world.delivery(), &state, for: .seconds(5))
        #expect(world.receiver.arrivals.map(\.session) == ["a", "b", "c"])
        #expect(try await world.dead() == 1)
        #expect(try await world.pending().isEmpty)
        #expect(try await world.storage.reviveEvents(of: Self.stream.name, at: world.clock.now) == 1)
        world.receiver.answer { _ in TestReceiver.taken }
        try await world.run(world.delivery(), &state, for: .seconds(5))
        #expect(
            world.receiver.taken.map(\.session) == ["b", "c", "a"] && Set(world.receiver.arrivals.map(\.id)).count == 3)
    }

    @Test("one user's receiver error does not hold the others")
    func oneUser() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for number in 0..<30 { try await world.end("s\(number)", of: number % 3 == 0 ? "bad" : "u\(number)") }
        world.receiver.answer {
            $0.user == "bad" ? .answered(status: 500, body: [], retryAfter: nil) : TestReceiver.taken
        }
        var state = StreamDelivery.State()
        try await world.run(world.delivery(), &state, for: .seconds(20))
        #expect(
            world.receiver.taken.count == 20
                && Set(world.receiver.arrivals.filter { $0.user == "bad" }.map(\.id)).count == 1)
    }

    @Test("two processes: one sends, and the other takes the stream when the first is gone")
    func lease() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        let (first, second) = (world.delivery(owner: "core-1"), world.delivery(owner: "core-2"))
        var (one, two) = (StreamDelivery.State(), StreamDelivery.State())
        try await world.end("a", of: "u")
        _ = try await first.work(&one)
        try await world.end("b", of: "u")
        let pause = try await second.work(&two)
        #expect(pause == StreamDelivery.standby && world.receiver.arrivals.count == 1)
        _ = try await first.work(&one)
        #expect(world.receiver.taken.map(\.session) == ["a", "b"])
        // The first process is killed: nothing is given back.
        try await world.end("c", of: "u")
        try await world.run(second, &two, for: StreamDelivery.lease + .seconds(6))
        #expect(world.receiver.taken.map(\.session) == ["a", "b", "c"])
        // The second stops in an orderly way: the first need not wait.
        await second.release(&two)
        try await world.end("d", of: "u")
        one = StreamDelivery.State()
        _ = try await first.work(&one)
        #expect(world.receiver.taken.map(\.session) == ["a", "b", "c", "d"])
    }

    @Test("while the first rests, the second leaves the receiver alone too")
    func restingTogether() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for number in 0..<20 { try await world.end("s\(number)", of: "u\(number)") }
        world.receiver.answer { _ in TestReceiver.down }
        let (first, second) = (world.delivery(owner: "core-1"), world.delivery(owner: "core-2"))
        var (one, two) = (StreamDelivery.State(), StreamDelivery.State())
        let end = world.clock.now + .minutes(30)
        while world.clock.now < end, two.leasedAt == nil {
            _ = try await first.work(&one)
            _ = try await second.work(&two)
            world.clock.advance(by: .seconds(1))
        }
        #expect(two.leasedAt == nil, "the stream stays with the process that rests")
        #expect(world.receiver.arrivals.count < 60, "\(world.receiver.arrivals.count)")
    }

    @Test("what is no news for a stream leaves it without being sent")
    func passedOver() async throws {
        let world = try await EventWorld()
        let streams = [
            EventWorld.stream("all"), EventWorld.stream("web", .backchannelLogout),
            EventWorld.stream("changes", kinds: [.credentialChange]),
        ]
        try await world.sessions.registerStreams(Set(streams.map(\.name)))
        try await world.end("a", of: "u")
        let change = try #require(CredentialChange(of: UserID("u"), type: "password", .update))
        #expect(try await world.sessions.noteCredentialChange(change, by: .user))
        var counts: [Int] = []
        for stream in streams {
            let before = world.receiver.arrivals.count
            var state = StreamDelivery.State()
            try await world.run(world.delivery(stream), &state, for: .seconds(5))
            counts.append(world.receiver.arrivals.count - before)
            #expect(try await world.pending(stream).isEmpty)
        }
        #expect(counts == [2, 1, 1])
    }

    @Test("a row that cannot be read is dead, and stops nothing")
    func unreadable() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for session in ["a", "b"] { try await world.end(session, of: "u") }
        let damaged = try await World.makeService(
            seed: 3, storage: DamagedStorage(base: world.storage), clock: world.clock)
        var state = StreamDelivery.State()
        try await world.run(world.delivery(of: damaged), &state, for: .seconds(5))
        #expect(world.receiver.taken.map(\.session) == ["b"])
        #expect(try await world.dead() == 1)
        #expect(try await world.pending().isEmpty)
    }

    @Test("a clock that is set back, and times of a clock that was wrong, hold nothing for long")
    func clockJump() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        try await world.end("a", of: "u")
        world.receiver.answer { _ in TestReceiver.down }
        var state = StreamDelivery.State()
        try await world.run(world.delivery(), &state, for: .minutes(20))
        world.receiver.answer { _ in TestReceiver.taken }
        world.clock.set(world.clock.now + Milliseconds(-86_400_000))
        // The lease is by the database's clock, which was set back too: it is ours still.
        try await world.run(world.delivery(), &state, for: .minutes(1))
        #expect(world.receiver.taken.map(\.session) == ["a"])
    }

    @Test("storage that cannot note what was sent: the receiver is asked more and more seldom")
    func unnoted() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        try await world.end("a", of: "u")
        let clock = world.clock
        let broken = try await World.makeService(seed: 3, storage: UnsettledStorage(base: world.storage), clock: clock)
        let delivery = world.delivery(of: broken)
        var state = StreamDelivery.State()
        let end = clock.now + .hours(1)
        var failures = 0
        while clock.now < end {
            var pause = Milliseconds.seconds(5)
            do { pause = try await delivery.work(&state) } catch { failures += 1 }
            clock.advance(by: max(pause, Milliseconds(1)))
        }
        #expect(failures > 5 && world.receiver.arrivals.count == failures && failures < 40, "\(failures)")
        #expect(Set(world.receiver.arrivals.map(\.id)).count == 1)
    }
}

extension EventWorld {
    /// Events that were sent although an earlier one of their user was not settled; event n is of user n modulo a number.
    func sessionsOutOfOrder(of users: Int) -> [String] {
        var (wrong, done): ([String], Set<Int>) = ([], [])
        for arrival in receiver.arrivals {
            guard let number = arrival.session.flatMap({ Int($0.dropFirst()) }) else { continue }
            let early = stride(from: number % users, to: number, by: users).filter { !done.contains($0) }
            if !early.isEmpty { wrong.append("\(number) before \(early)") }
            if arrival.reply == TestReceiver.taken { done.insert(number) }
        }
        return wrong
    }
}

/// Storage that cannot note what became of events.
private struct UnsettledStorage: StorageDecorator {
    let base: any SessionStorage

    func settleEvents(of stream: EventStreamName, _ outcomes: [EventOutcome]) async throws(StorageError) -> Int {
        throw StorageError(.full, "there is no room")
    }
}

/// Storage in which the row of the first event is damaged.
private struct DamagedStorage: StorageDecorator {
    let base: any SessionStorage

    func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        var page = try await base.pendingEvents(of: stream, after: number, limit: limit)
        if page.first?.number == 1 { page[0].event = .unreadable("details", at: page[0].event.time) }
        return page
    }
}
