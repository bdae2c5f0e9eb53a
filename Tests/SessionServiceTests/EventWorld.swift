import Foundations
import InMemoryStorage
import LosslessJSON
import SessionEngine
import SessionStorage
import Synchronization
import TestSupport
import Testing

@testable import SessionService

/// Sessions whose ends are delivered to receivers of the test: time passes only when the test says so.
struct EventWorld: Sendable {
    let clock = TestClock()
    let storage: InMemorySessionStorage
    let sessions: SessionManager
    let receiver = TestReceiver()
    let dice: TestDice

    static let parties = EventToken.Parties(issuer: "https://auth.example.com", audience: "https://rp.example.com")

    init(seed: UInt64 = 1) async throws {
        let (clock, dice) = (clock, TestDice(seed: seed))
        storage = InMemorySessionStorage(clock: { clock.now })
        self.dice = dice
        let key = SigningKeyRecord(
            try TestKeys.signingKey(.rs256, id: "s-1", kind: .static, createdAt: clock.now.milliseconds))
        _ = try await storage.updateSigningKeys { _ in SigningKeyChange(adding: [key]) }
        sessions = try await World.makeService(seed: seed, storage: storage, clock: clock)
    }

    static func stream(
        _ name: String = "billing", _ method: DeliveryMethod = .push, kinds: Set<SecurityEvent.Kind>? = nil
    ) -> EventStream {
        guard let known = EventStreamName(name) else { preconditionFailure("'\(name)' is no name of a stream") }
        return EventStream(
            name: known, method: method, parties: parties,
            kinds: kinds ?? Set(SecurityEvent.Kind.allCases), address: "http://localhost/",
            authorization: "the-token-of-the-receiver")
    }

    /// A process that delivers a stream.
    func delivery(
        _ stream: EventStream = stream(), of other: SessionManager? = nil, owner: String = "core-1"
    ) -> StreamDelivery {
        let (clock, dice, sessions) = (clock, dice, other ?? sessions)
        let sources = ClockAndRandomness(time: { clock.now }, randomBits: { dice.next() })
        return StreamDelivery(
            stream: stream, sessions: { sessions }, sender: receiver, clock: sources, owner: owner, note: { _ in })
    }

    /// Ends a session that there never was; the entry is what counts.
    func end(_ session: String, of user: String, _ means: Revocation.Means = .handle) async throws {
        try await storage.addAuditEvent(
            .revoked(
                SessionHandle(session), tenant: .public, user: UserID(user),
                Revocation(by: .user, means, at: clock.now)))
    }

    /// Lets a process work until a time has passed.
    func run(_ delivery: StreamDelivery, _ state: inout StreamDelivery.State, for span: Milliseconds) async throws {
        let end = clock.now + span
        while clock.now < end {
            let pause = try await delivery.work(&state)
            clock.advance(by: min(max(pause, Milliseconds(1)), end - clock.now))
            receiver.noteTime(clock.now)
        }
    }

    func pending(_ stream: EventStream = stream()) async throws -> [PendingEvent] {
        try await storage.pendingEvents(of: stream.name, after: 0, limit: 10_000)
    }

    func dead(_ stream: EventStream = stream()) async throws -> Int64 {
        try await storage.eventStreams().first { $0.name == stream.name }?.dead ?? -1
    }
}

/// A receiver that answers as the test says, and remembers all that came.
final class TestReceiver: EventSender {
    struct Arrival: Sendable {
        let id: String
        let session: String?
        let user: String
        let time: Timestamp
        let reply: PushReply
    }

    private struct State {
        var arrivals: [Arrival] = []
        var answer: @Sendable (Arrival) -> PushReply = { _ in TestReceiver.taken }
        var time = Timestamp(milliseconds: 0)
        var mostAtOnce = 0
        var atOnce = 0
    }

    private let state = Mutex(State())

    static let taken = PushReply.answered(status: 202, body: [], retryAfter: nil)
    static let down = PushReply.failed("no answer: refused")

    func answer(_ answer: @escaping @Sendable (Arrival) -> PushReply) { state.withLock { $0.answer = answer } }

    func noteTime(_ time: Timestamp) { state.withLock { $0.time = time } }

    var arrivals: [Arrival] { state.withLock(\.arrivals) }
    var taken: [Arrival] { arrivals.filter { $0.reply == Self.taken } }
    var mostAtOnce: Int { state.withLock(\.mostAtOnce) }

    func send(_ token: String, to stream: EventStream) async -> PushReply {
        state.withLock { state in
            state.atOnce += 1
            state.mostAtOnce = max(state.mostAtOnce, state.atOnce)
        }
        defer { state.withLock { $0.atOnce -= 1 } }
        await Task.yield()
        guard let read = try? ReadToken(token) else { return .failed("no token") }
        let subject = read.payload["sub_id"]?.object
        return state.withLock { state in
            let session = read.payload["sid"]?.string ?? subject?["session"]?.object?["id"]?.string
            let user = read.payload["sub"]?.string ?? subject?["user"]?.object?["sub"]?.string ?? ""
            let asked = Arrival(
                id: read.payload["jti"]?.string ?? "", session: session, user: user, time: state.time, reply: Self.taken
            )
            let reply = state.answer(asked)
            state.arrivals.append(
                Arrival(id: asked.id, session: session, user: user, time: state.time, reply: reply))
            return reply
        }
    }
}
