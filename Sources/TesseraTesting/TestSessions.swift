import Foundations
public import HTTPTypes
import InMemoryStorage
public import LosslessJSON
public import SessionEngine
public import SessionService
import Synchronization
public import TesseraInProcess
public import TesseraSessions

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

/// A clock that moves only when a test says so.
public final class VirtualClock: Sendable {
    private struct Sleeper {
        let until: Timestamp
        let continuation: CheckedContinuation<Void, Never>
    }
    private struct State {
        var time: Timestamp
        var lastID = 0
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }
    private let state: Mutex<State>

    /// Begins at a time; 2026-01-01T00:00:00Z by default.
    public init(_ start: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) {
        state = Mutex(State(time: start))
    }

    /// The time.
    public var time: Timestamp { state.withLock(\.time) }

    /// The time as Foundation has it.
    public var date: Date { time.date }

    /// Moves on, or back.
    public func advance(by span: Duration) {
        let (woken, _) = state.withLock { state in
            state.time = state.time + Milliseconds(span)
            let now = state.time
            let woken = state.sleepers.filter { $0.value.until <= now }
            for id in woken.keys { state.sleepers[id] = nil }
            return (woken.values.map(\.continuation), ())
        }
        for continuation in woken { continuation.resume() }
    }

    /// Waits until the clock has moved on by a span, or the task is cancelled.
    package func pause(_ span: Milliseconds) async {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDue = state.withLock { state in
                    let until = state.time + span
                    if until <= state.time || Task.isCancelled { return true }
                    state.sleepers[id] = Sleeper(until: until, continuation: continuation)
                    return false
                }
                if isDue { continuation.resume() }
                announce()
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    /// Waits until a number of tasks sleep by this clock.
    package func sleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            state.withLock { $0.watchers.append((count, continuation)) }
            announce()
        }
    }

    /// Resumes those who wait for sleepers when there are enough.
    private func announce() {
        let due = state.withLock { state in
            let count = state.sleepers.count
            let due = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return due.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// This clock with the system's randomness, to be given to what is tested.
    public var source: ClockAndRandomness {
        ClockAndRandomness(
            time: { self.time }, randomBits: ClockAndRandomness.system.randomBits, pause: { await self.pause($0) })
    }
}

/// Sessions in memory with a clock of their own, for the tests of an application.
public struct TestSessions: Sendable {
    /// The sessions, to be given to the code under test.
    public let sessions: Sessions
    /// Their clock.
    public let clock: VirtualClock
    /// What keeps them.
    public let backend: InProcessBackend

    /// Opens sessions in memory.
    ///
    /// - Throws: `SessionError`.
    public init(
        app: AppInfo? = nil, configuration: SessionConfiguration = SessionConfiguration(),
        policy: SessionPolicy = SessionPolicy(signingAlgorithm: .es256), clock: VirtualClock = VirtualClock(),
        claims: [any SessionClaim] = [], requirements: [SessionRequirement] = [],
        hooks: (any SessionHooks)? = nil
    ) async throws(SessionError) {
        let sources = clock.source
        backend = try await InProcessBackend(storage: InMemorySessionStorage(), policy: policy, clock: sources)
        self.clock = clock
        let standard = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        sessions = try Sessions(
            app: app ?? standard, configuration: configuration, backend: backend, claims: claims,
            requirements: requirements, hooks: hooks, clock: sources)
        sessions.forgoUpkeep()
    }

    /// Begins a session and gives the field with which a test's requests carry it.
    ///
    /// - Throws: `SessionError`.
    public func signIn(
        _ userID: UserID, tenant: TenantID = .public, payload: JSONObject = [:], data: JSONObject = [:]
    ) async throws(SessionError) -> (session: Session, authorization: HTTPField) {
        let session = try await sessions.create(userID: userID, tenant: tenant, payload: payload, data: data)
        return (session, HTTPField(name: .authorization, value: "Bearer \(session.accessToken)"))
    }
}
