import HTTPTypes
public import LosslessJSON

/// Requests of a signed-in user to one API: they carry the session's access token, and refresh it when it is time.
///
/// One client for each store in a process. Nothing but a verdict of the session server ends a session: not a network that
/// is away, not a gateway's error, not a clock that is wrong (docs/client.md has the table).
public actor SessionClient {
    nonisolated let configuration: ClientConfiguration
    nonisolated let store: any SessionStore
    nonisolated let transport: any ClientTransport
    nonisolated let clock: ClientClock

    var retry = RetryState()
    var flight: Task<Void, Never>?
    var waiters: [Int: CheckedContinuation<RefreshResult, any Error>] = [:]
    var observers: [Int: AsyncStream<AuthenticationState>.Continuation] = [:]
    var lastState: AuthenticationState?
    var signOuts: Task<Void, Never>?
    var signOutsNotBefore = Int64.min
    /// The key that the next session is to be bound to.
    var newKey: ProvingKey?
    /// Whether the API has asked for the proof of a call.
    var provesCalls = false
    private var names = 0

    /// Makes a client.
    ///
    /// - Parameters:
    ///   - configuration: where the API is.
    ///   - store: where the session is kept.
    ///   - transport: what sends requests.
    ///   - clock: the clocks; a test's are its own.
    public init(
        _ configuration: ClientConfiguration, store: any SessionStore, transport: any ClientTransport,
        clock: ClientClock = .system
    ) {
        (self.configuration, self.store, self.transport, self.clock) = (configuration, store, transport, clock)
    }

    /// Whether a user is signed in.
    ///
    /// - Throws: ``ClientError/storageUnavailable(_:)`` where that cannot be known now.
    public var state: AuthenticationState {
        get async throws(ClientError) { Self.state(of: try await kept()) }
    }

    /// The state now, where it can be known, and each that follows in this process.
    public nonisolated var states: AsyncStream<AuthenticationState> {
        AsyncStream(bufferingPolicy: .bufferingNewest(16)) { continuation in
            Task { await observe(continuation) }
        }
    }

    /// What the access token says, for showing; `nil` without a session.
    ///
    /// - Throws: ``ClientError/storageUnavailable(_:)``.
    public var claims: JSONObject? {
        get async throws(ClientError) {
            guard case .signedIn(let session) = try await state else { return nil }
            return session.claims
        }
    }

    private func observe(_ continuation: AsyncStream<AuthenticationState>.Continuation) async {
        let name = nextName()
        observers[name] = continuation
        continuation.onTermination = { [weak self] _ in Task { await self?.endObserver(name) } }
        if let kept = try? await kept() { continuation.yield(Self.state(of: kept)) }
    }

    private func endObserver(_ name: Int) { observers[name] = nil }

    func nextName() -> Int {
        names &+= 1
        return names
    }

    /// Shows the observers what is kept now, if it is another state.
    func announce(_ kept: StoredSession) {
        let state = Self.state(of: kept)
        guard state != lastState else { return }
        lastState = state
        for observer in observers.values { observer.yield(state) }
    }

    /// What is kept.
    nonisolated func kept() async throws(ClientError) -> StoredSession {
        do throws(StoreError) { return try await store.read() } catch {
            throw .storageUnavailable(error.description)
        }
    }

    /// Changes what is kept, and informs the observers.
    @discardableResult
    func change(_ change: @Sendable (StoredSession) -> StoredSession?) async throws(ClientError) -> StoredSession {
        do throws(StoreError) {
            let kept = try await store.update(change)
            announce(kept)
            return kept
        } catch { throw .storageUnavailable(error.description) }
    }

    private static func state(of kept: StoredSession) -> AuthenticationState {
        guard let tokens = kept.tokens, let front = FrontToken(tokens.front) else { return .signedOut(kept.reason) }
        return .signedIn(SignedInSession(userID: front.userID, claims: front.payload))
    }
}
