import Foundations
public import HTTPTypes
import InMemoryStorage
public import LosslessJSON
public import SessionEngine
public import SessionService
import Synchronization
public import Tessera
public import TesseraInProcess

/// A clock that moves only when a test says so.
public final class VirtualClock: Sendable {
    private let state: Mutex<Timestamp>

    /// Begins at a time; 2026-01-01T00:00:00Z by default.
    public init(_ start: Timestamp = Timestamp(milliseconds: 1_767_225_600_000)) {
        state = Mutex(start)
    }

    /// The time.
    public var time: Timestamp { state.withLock { $0 } }

    /// Moves on, or back.
    public func advance(by span: Milliseconds) {
        state.withLock { $0 = $0 + span }
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
        claims: [any SessionClaim] = [], validators: [any ClaimValidator] = [],
        hooks: (any SessionHooks)? = nil
    ) async throws(SessionError) {
        let sources = ClockAndRandomness(time: { clock.time }, randomBits: ClockAndRandomness.system.randomBits)
        backend = try await InProcessBackend(storage: InMemorySessionStorage(), policy: policy, clock: sources)
        self.clock = clock
        let standard = try AppInfo(name: "Test", apiDomain: "https://api.example.com")
        sessions = try Sessions(
            app: app ?? standard, configuration: configuration, backend: backend, claims: claims,
            validators: validators, hooks: hooks, clock: sources)
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
