public import Foundations
public import Logging
public import LosslessJSON
public import SessionEngine
public import SessionService
public import SessionStorage
public import TesseraSessions

/// Sessions kept by the engine in this process: no network, no other service to run.
///
/// It prints as `<redacted>`, because it has keys.
public struct InProcessBackend: SessionBackend, Redacted {
    let service: SessionManager
    private let isClockAccepted: Bool

    /// Uses a service that is open already.
    ///
    /// - Parameters:
    ///   - service: the service.
    ///   - acceptsClock: whether the clock is right although it is more than 30 days from the time that storage knows
    ///     (docs/decisions/0028); nothing is removed as too old while that is in doubt.
    public init(_ service: SessionManager, acceptsClock: Bool = false) {
        self.service = service
        isClockAccepted = acceptsClock
    }

    /// Each request looks in storage whether its session has ended: that takes microseconds here.
    public var checksDatabaseByDefault: Bool { true }

    /// Removes ended sessions, old keys and old entries of the audit log, and makes each signing key before its first use.
    ///
    /// - Parameter logger: where it is written what was done.
    public func upkeep(logger: Logger) -> SessionUpkeep? {
        let (service, clock) = (service, service.clock)
        @Sendable func wait(_ span: Duration) async throws {
            await clock.pause(Milliseconds(span))
            try Task.checkCancellation()
        }
        let maintenance = Maintenance(
            services: { [service] }, clock: clock, wait: wait, isClockAccepted: isClockAccepted,
            acceptance: "open the sessions once with acceptsClock: true", timeText: { "\($0.date)" }, logger: logger)
        return SessionUpkeep {
            await withTaskGroup { group in
                group.addTask { try? await maintenance.run() }
                group.addTask {
                    while (try? await wait(.seconds(30))) != nil { try? await service.prepareSigningKeys() }
                }
            }
            try? await service.flush()
        }
    }

    /// Opens sessions in a storage.
    ///
    /// - Parameters:
    ///   - storage: where they are kept, such as `SQLiteStorage`.
    ///   - policy: how long tokens live.
    ///   - clock: the clock and the source of randomness.
    ///   - acceptsClock: whether the clock is right although it is more than 30 days from the time that storage knows.
    /// - Throws: `SessionError.coreUnavailable(_:)` when the storage cannot be read.
    public init(
        storage: any SessionStorage, policy: SessionPolicy = SessionPolicy(), clock: ClockAndRandomness = .system,
        acceptsClock: Bool = false
    ) async throws(SessionError) {
        isClockAccepted = acceptsClock
        do throws(ServiceError) {
            service = try await SessionManager(storage: storage, policy: policy, clock: clock)
            try await service.prepareSigningKeys()
        } catch {
            throw SessionError(error)
        }
    }

    /// Begins a session; storage has it when this returns.
    ///
    /// - Throws: see `SessionBackend`.
    public func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens {
        switch try await run({ () async throws(ServiceError) in try await service.createSession(session) }) {
        case .created(let tokens): return tokens
        case .payloadRefused(let problem): throw SessionError(problem)
        case .proofRefused: throw .proofNeeded(nonce: nil)
        case .limitReached(let limit, _): throw .limitReached(limit.count)
        case .authenticatedTooLongAgo: throw .authenticatedTooLongAgo
        case .notAnonymous:
            throw .badInput("the user id of an anonymous session is empty or of the form that the core makes")
        }
    }

    /// Verifies an access token; storage is asked where a rule of rotation needs it, or the caller wants it.
    ///
    /// - Throws: see `SessionBackend`.
    public func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession {
        switch try await run({ () async throws(ServiceError) in try await service.verify(token) }) {
        case .valid(let facts, let replacement, _): return VerifiedSession(facts: facts, replacement: replacement)
        case .tryRefresh(let problem): throw .tryRefreshToken(reason: "the access token is not accepted: \(problem)")
        case .superseded: throw .tryRefreshToken(reason: "the access token is superseded")
        case .sessionNotActive: throw .unauthorised(reason: "the session has ended", clearTokens: true)
        case .payloadRefused: throw .unauthorised(reason: "the payload fits no token", clearTokens: true)
        }
    }

    /// Exchanges a refresh token; the new one takes its place at its first use (docs/decisions/0015).
    ///
    /// - Throws: see `SessionBackend`.
    public func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens {
        try await answer(try await run { () async throws(ServiceError) in try await service.refresh(token) })
    }

    /// Notes a new level of authentication and exchanges the refresh token.
    ///
    /// - Throws: see `SessionBackend`.
    public func stepUp(
        _ stepUp: StepUp, with token: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        try await answer(
            try await run { () async throws(ServiceError) in try await service.stepUp(stepUp, with: token) })
    }

    /// Begins the session of a user where an anonymous one was.
    ///
    /// - Throws: see `SessionBackend`.
    public func upgrade(
        _ upgrade: Upgrade, with token: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        switch try await run({ () async throws(ServiceError) in try await service.upgrade(upgrade, with: token) }) {
        case .upgraded(let tokens): return tokens
        case .refused(let result): return try await answer(result)
        case .notAnonymous:
            throw .badInput("the session is not an anonymous one: create a session for the user instead")
        case .limitReached(let limit, _): throw .limitReached(limit.count)
        case .payloadRefused(let problem): throw SessionError(problem)
        case .authenticatedTooLongAgo: throw .authenticatedTooLongAgo
        }
    }

    /// Ends a session in which another person acts as the user.
    ///
    /// - Throws: see `SessionBackend`.
    public func endImpersonation(_ handle: SessionHandle) async throws(SessionError) -> Bool {
        try await run { () async throws(ServiceError) in try await service.endImpersonation(handle) }
    }

    private func answer(_ result: RefreshResult) async throws(SessionError) -> IssuedTokens {
        switch result {
        case .refreshed(let tokens): return tokens
        case .unauthorised(.impersonated): throw .refused("impersonation", "the user alone may do this")
        case .unauthorised(let refusal):
            throw .unauthorised(reason: "the refresh token is not accepted: \(refusal)", clearTokens: true)
        case .proofNeeded(let nonce): throw .proofNeeded(nonce: nonce)
        case .tooLate: throw .retryLater(reason: "the refresh token was used a moment ago")
        case .deviceNotYet: throw .deviceNotYet
        case .reuseDetected(let handle, let user, _):
            let primary = (try? await service.primaryUser(of: user)).flatMap(\.self) ?? user
            throw .tokenTheftDetected(handle: handle, userID: primary, recipeUserID: user)
        }
    }

    /// Replaces the payload in storage and in the token, which must be one of these keys.
    ///
    /// - Throws: see `SessionBackend`.
    public func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken? {
        let result = try await run { () async throws(ServiceError) in
            try await service.regenerate(accessToken: accessToken, payload: payload)
        }
        switch result {
        case .regenerated(_, let token): return token
        case .notAToken(let problem):
            throw .unauthorised(reason: "the access token is not accepted: \(problem)", clearTokens: true)
        case .sessionNotActive: throw .unauthorised(reason: "the session has ended", clearTokens: true)
        case .payloadRefused(let problem): throw SessionError(problem)
        }
    }

    /// Runs a step of the service with its error as the SDK's.
    func run<Result>(_ body: () async throws(ServiceError) -> Result) async throws(SessionError) -> Result {
        do throws(ServiceError) { return try await body() } catch { throw SessionError(error) }
    }
}

extension SessionError {
    fileprivate static func limitReached(_ count: Int) -> SessionError {
        .coreRejected(status: 409, message: "The user has \(count) sessions, and no more are allowed")
    }

    fileprivate static let authenticatedTooLongAgo = SessionError.badInput(
        "the user was authenticated longer ago than the absolute limit of sessions")

    /// An internal error is reported as one, never as a statement about a session (docs/specification/security.md B07).
    init(_ error: ServiceError) {
        switch error {
        case .storage(let storage) where storage.code == .unstorable: self = .badInput(storage.detail)
        case .storage(let storage) where [.misconfigured, .inUse, .newerSchema].contains(storage.code):
            self = .misconfigured(storage.detail)
        case .storage(let storage): self = .coreUnavailable("storage failed: \(storage.detail)")
        case .signing(.signerUnavailable): self = .coreUnavailable("the signer does not answer")
        case .signing(let signing):
            self = .coreRejected(status: 500, message: "a token could not be signed: \(signing)")
        }
    }

    /// What cannot travel is the caller's to change.
    init(_ problem: PayloadProblem) {
        switch problem {
        case .protectedClaim: self = .coreRejected(status: 400, message: "The user payload contains protected field")
        case .tooLarge:
            self = .badInput(
                "the payload is longer than \(PayloadProblem.maximumLength) bytes: keep such data in the session's data"
            )
        }
    }
}
