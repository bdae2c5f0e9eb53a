import Foundations
import InMemoryStorage
import Logging
import LosslessJSON
import SessionEngine
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import SessionService

@Suite("Security events are asked for (RFC 8936)")
struct EventPollTests {
    private static let stream = EventWorld.stream("audit", .poll)

    /// What answers polls, with time that passes when one waits.
    private static func polls(
        _ world: EventWorld, onWait: @escaping @Sendable () async throws -> Void = {}
    ) -> EventPolls {
        let time = Mutex(MonotonicTime(nanoseconds: 1_000_000_000))
        return EventPolls(
            EventFigures(of: [stream, EventWorld.stream()]), steady: { time.withLock(\.self) },
            wait: { span in
                time.withLock { $0 = $0 + span }
                try await onWait()
            })
    }

    private static func request(_ change: (inout PollRequest) -> Void = { _ in }) -> PollRequest {
        var request = PollRequest()
        request.returnsImmediately = true
        change(&request)
        return request
    }

    private static func sessions(_ answer: EventPolls.Answer) throws -> [String?] {
        try answer.sets.map { id, token in
            let read = try ReadToken(token)
            #expect(read.header["typ"] == "secevent+jwt" && read.payload["jti"]?.string == id)
            return read.payload["sub_id"]?.object?["session"]?.object?["id"]?.string
        }
    }

    @Test("what is not acknowledged comes again, what is does not, and an error makes an event dead")
    func acknowledgement() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for session in ["a", "b", "c"] { try await world.end(session, of: "user of \(session)") }
        let polls = Self.polls(world)
        let first = try await polls.answer(Self.request(), Self.stream, of: world.sessions)
        #expect(try Self.sessions(first) == ["a", "b", "c"] && !first.hasMore)
        let again = try await polls.answer(Self.request(), Self.stream, of: world.sessions)
        #expect(again.sets.map(\.id) == first.sets.map(\.id))
        let next = try await polls.answer(
            Self.request {
                ($0.acknowledged, $0.refused) = ([first.sets[0].id], [first.sets[2].id: "invalid_key"])
            }, Self.stream, of: world.sessions)
        #expect(try Self.sessions(next) == ["b"])
        #expect(try await world.dead(Self.stream) == 1)
        #expect(try await world.pending(Self.stream).count == 1)
        #expect(try await world.sessions.eventStreams().first?.lastError?.contains("invalid_key") == true)
        // An acknowledgement that comes twice, or is of nothing, changes nothing.
        let last = try await polls.answer(
            Self.request { $0.acknowledged = [first.sets[0].id, "x"] }, Self.stream, of: world.sessions)
        #expect(try Self.sessions(last) == ["b"])
    }

    @Test("maxEvents, moreAvailable, and one event of a user at a time")
    func pages() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        for number in 0..<6 { try await world.end("s\(number)", of: "u\(number % 4)") }
        let polls = Self.polls(world)
        let none = try await polls.answer(Self.request { $0.maxEvents = 0 }, Self.stream, of: world.sessions)
        #expect(none.sets.isEmpty && none.hasMore)
        var (seen, acknowledged): ([String?], Set<String>) = ([], [])
        for expected in [["s0", "s1", "s2"], ["s3", "s4", "s5"], []] as [[String?]] {
            let answer = try await polls.answer(
                Self.request { ($0.maxEvents, $0.acknowledged) = (3, acknowledged) }, Self.stream, of: world.sessions)
            #expect(try Self.sessions(answer) == expected && answer.hasMore == (seen.isEmpty))
            seen += try Self.sessions(answer)
            acknowledged = Set(answer.sets.map(\.id))
        }
        #expect(seen.count == 6)
        for number in 0..<3 { try await world.end("t\(number)", of: "one") }
        let one = try await polls.answer(Self.request(), Self.stream, of: world.sessions)
        #expect(try Self.sessions(one) == ["t0"] && one.hasMore, "the order of a user is kept")
    }

    @Test("a poll waits for news, at most 30 s, and its acknowledgements count once")
    func waiting() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        let waits = Mutex(0)
        let polls = Self.polls(world) {
            let count = waits.withLock { waits in
                waits += 1
                return waits
            }
            if count == 3 { try await world.end("a", of: "u") }
        }
        let news = try await polls.answer(PollRequest(), Self.stream, of: world.sessions)
        #expect(try Self.sessions(news) == ["a"] && waits.withLock(\.self) == 3 && polls.waitingCount == 0)
        var request = PollRequest()
        request.acknowledged = Set(news.sets.map(\.id))
        let silence = try await polls.answer(request, Self.stream, of: world.sessions)
        #expect(silence == EventPolls.Answer() && waits.withLock(\.self) == 63)
    }

    @Test("an event that is refused, and revived while its receiver waits, is sent again")
    func revived() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        try await world.end("a", of: "u")
        let polls = Self.polls(world) {
            _ = try await world.storage.reviveEvents(of: Self.stream.name, at: world.clock.now)
        }
        let news = try await polls.answer(Self.request(), Self.stream, of: world.sessions)
        var refusal = PollRequest()
        refusal.refused = [try #require(news.sets.first).id: "invalid_key"]
        let again = try await polls.answer(refusal, Self.stream, of: world.sessions)
        #expect(again.sets.map(\.id) == news.sets.map(\.id), "what the receiver said counts once")
    }

    @Test("a core that stops answers those who wait, and lets none wait")
    func stop() async throws {
        let world = try await EventWorld()
        try await world.sessions.registerStreams([Self.stream.name])
        let box = Mutex<EventPolls?>(nil)
        let waits = Mutex(0)
        let polls = Self.polls(world) {
            waits.withLock { $0 += 1 }
            box.withLock(\.self)?.stop()
        }
        box.withLock { $0 = polls }
        for _ in 0..<2 { #expect(try await polls.answer(PollRequest(), Self.stream, of: world.sessions).sets.isEmpty) }
        #expect(waits.withLock(\.self) == 1)
    }

    @Test("only the bearer of the stream reads it, and a stream that is pushed cannot be read")
    func bearer() async throws {
        let polls = Self.polls(try await EventWorld())
        let token = "the-token-of-the-receiver"
        #expect(polls.stream("audit", of: .public, shown: token) != nil)
        for (name, app, shown) in [
            ("audit", AppID.public, "the-token-of-the-receives"), ("audit", .public, ""), ("audit", AppID("b"), token),
            ("billing", .public, token), ("none", .public, token), ("none", .public, "no such stream"),
            ("", .public, ""),
        ] {
            #expect(polls.stream(name, of: app, shown: shown) == nil, "\(name) \(shown)")
        }
    }

    @Test("what is no news for the stream leaves it when the receiver asks")
    func passedOver() async throws {
        let world = try await EventWorld()
        let stream = EventWorld.stream("changes", .poll, kinds: [.credentialChange])
        try await world.sessions.registerStreams([stream.name])
        try await world.end("a", of: "u")
        let answer = try await Self.polls(world).answer(Self.request(), stream, of: world.sessions)
        #expect(answer == EventPolls.Answer())
        #expect(try await world.pending(stream).isEmpty)
    }
}

@Suite("The service that delivers security events")
struct EventDeliveryTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("it registers, delivers and stops in the middle; what was on its way is sent again by the next")
    func stop() async throws {
        let world = try await EventWorld()
        let stream = EventWorld.stream()
        try await world.sessions.registerStreams([stream.name])
        try await world.end("a", of: "u")
        let figures = EventFigures(of: [stream])
        let sessions = world.sessions
        func delivery(_ sender: any EventSender, _ owner: String, onTick: @escaping @Sendable () -> Void)
            -> EventDelivery
        {
            EventDelivery(
                sender, polls: EventPolls(figures), figures: figures, sessions: { _ in sessions }, owner: owner,
                wait: { span in
                    if span == .milliseconds(StreamDelivery.tick.count) { onTick() }
                    // For ever: nothing comes, and the end of the task ends it.
                    let (never, end) = AsyncStream.makeStream(of: Void.self)
                    for await _ in never {}
                    end.finish()
                    throw CancellationError()
                }, logger: Self.logger)
        }
        let stuck = StuckReceiver()
        let first = Task { try await delivery(stuck, "core-1") {}.run() }
        var arrivals = stuck.arrivals.makeAsyncIterator()
        let token = try #require(await arrivals.next())
        first.cancel()
        try? await first.value
        #expect(try await world.pending().count == 1, "it returned although the receiver never answers")
        let (ticks, ticked) = AsyncStream.makeStream(of: Void.self)
        let second = Task { try await delivery(world.receiver, "core-2") { ticked.yield() }.run() }
        for await _ in ticks { break }
        second.cancel()
        try? await second.value
        #expect(world.receiver.taken.map(\.id) == [try ReadToken(token).payload["jti"]?.string])
        #expect(figures.value(of: stream).delivered == 1 && figures.value(of: stream).failed == 0)
    }

    @Test("without an audit log a credential change is no event")
    func noAuditLog() async throws {
        var policy = World.policy
        policy.auditRetention = nil
        let world = try await World(policy: policy)
        let change = try #require(CredentialChange(of: UserID("u"), type: "password", .update))
        #expect(try await !world.service.noteCredentialChange(change, by: .user))
    }

    @Test("events that no receiver took within seven days are given up, and are gone after seven more")
    func burial() async throws {
        let world = try await EventWorld()
        let stream = EventWorld.stream()
        try await world.sessions.registerStreams([stream.name])
        try await world.end("a", of: "u")
        world.clock.advance(by: .days(7))
        #expect(try await world.sessions.buryEvents(atMost: 10) == 0)
        world.clock.advance(by: Milliseconds(1))
        #expect(try await world.sessions.buryEvents(atMost: 10) == 1)
        #expect(try await world.dead() == 1)
        #expect(try await world.pending().isEmpty)
        world.clock.advance(by: .days(7) + Milliseconds(1))
        #expect(try await world.sessions.buryEvents(atMost: 10) == 1)
        #expect(try await world.dead() == 0)
    }
}

/// A receiver that takes a connection and never answers.
private final class StuckReceiver: EventSender {
    let arrivals: AsyncStream<String>
    private let arrived: AsyncStream<String>.Continuation

    init() { (arrivals, arrived) = AsyncStream.makeStream(of: String.self) }

    func send(_ token: String, to stream: EventStream) async -> PushReply {
        arrived.yield(token)
        await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
        return .failed("never")
    }
}
