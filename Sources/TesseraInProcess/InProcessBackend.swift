public import Foundations
public import LosslessJSON
import SessionEngine
public import SessionService
public import SessionStorage
public import Tessera

/// Sessions kept by the engine in this process: no network, no other service to run.
public struct InProcessBackend: SessionBackend {
    let service: SessionService

    /// Uses a service that is open already.
    public init(_ service: SessionService) {
        self.service = service
    }

    /// Opens sessions in a storage.
    ///
    /// - Parameters:
    ///   - storage: where they are kept, such as `SQLiteStorage`.
    ///   - policy: how long tokens live.
    ///   - clock: the clock and the source of randomness.
    /// - Throws: `SessionError.coreUnavailable(_:)` when the storage cannot be read.
    public init(
        storage: any SessionStorage, policy: SessionPolicy = SessionPolicy(), clock: ClockAndRandomness = .system
    ) async throws(SessionError) {
        do throws(ServiceError) {
            service = try await SessionService(storage: storage, policy: policy, clock: clock)
            try await service.prepareSigningKeys()
        } catch {
            throw SessionError(error)
        }
    }

    /// See `SessionBackend.create(_:)`.
    public func create(_ session: NewSession) async throws(SessionError) -> IssuedSession {
        let request = SessionService.Request(
            userID: UserID(session.userID), accessTokenPayload: session.payload, sessionData: session.data,
            tenantID: TenantID(session.tenantID), usesAntiCSRF: session.usesAntiCSRF,
            signingKeyKind: session.usesDynamicKey ? .dynamic : .static)
        switch try await run({ () async throws(ServiceError) in try await service.createSession(request) }) {
        case .created(let tokens): return try IssuedSession(tokens)
        case .payloadRefused(.protectedClaim):
            throw .coreRejected(status: 400, message: "The user payload contains protected field")
        case .payloadRefused(.tooLarge): throw Self.tooLarge
        }
    }

    /// See `SessionBackend.verify(_:)`.
    public func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession {
        let request = SessionService.VerifyRequest(
            token: token.token, antiCSRFToken: token.antiCSRFToken.map(AntiCSRFToken.init),
            checksAntiCSRF: token.checksAntiCSRF, checksDatabase: token.checksDatabase)
        switch try await run({ () async throws(ServiceError) in try await service.verify(request) }) {
        case .valid(let facts, let replacement, _):
            return VerifiedSession(identity: SessionIdentity(facts), replacement: replacement.map(IssuedToken.init))
        case .tryRefresh(let problem): throw .tryRefreshToken(reason: "the access token is not accepted: \(problem)")
        case .rotatedOut: throw .tryRefreshToken(reason: "the session has gone on without this access token")
        case .sessionEnded: throw .unauthorised(reason: "the session has ended", clearTokens: true)
        case .payloadRefused: throw .unauthorised(reason: "the payload fits no token", clearTokens: true)
        }
    }

    /// See `SessionBackend.refresh(_:)`.
    public func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedSession {
        let request = SessionService.RefreshRequest(
            refreshToken: RefreshToken(token.text), antiCSRFToken: token.antiCSRFToken.map(AntiCSRFToken.init),
            usesAntiCSRF: token.usesAntiCSRF, signingKeyKind: token.usesDynamicKey ? .dynamic : .static)
        switch try await run({ () async throws(ServiceError) in try await service.refresh(request) }) {
        case .refreshed(let tokens): return try IssuedSession(tokens)
        case .unauthorised(let refusal):
            throw .unauthorised(reason: "the refresh token is not accepted: \(refusal)", clearTokens: true)
        case .tooLate: throw .retryLater(reason: "the refresh token was used a moment ago")
        case .reuseDetected(let handle, let user, _):
            throw .tokenTheftDetected(handle: handle.text, userID: user.text, recipeUserID: user.text)
        }
    }

    /// See `SessionBackend.regenerate(accessToken:payload:)`.
    public func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> IssuedToken? {
        let result = try await run { () async throws(ServiceError) in
            try await service.regenerate(accessToken: accessToken, payload: payload)
        }
        switch result {
        case .regenerated(_, let token): return token.map(IssuedToken.init)
        case .notAToken(let problem):
            throw .unauthorised(reason: "the access token is not accepted: \(problem)", clearTokens: true)
        case .sessionEnded: throw .unauthorised(reason: "the session has ended", clearTokens: true)
        case .payloadRefused(.protectedClaim):
            throw .coreRejected(status: 400, message: "The user payload contains protected field")
        case .payloadRefused(.tooLarge): throw Self.tooLarge
        }
    }

    private static let tooLarge = SessionError.badInput(
        "the payload is longer than \(PayloadProblem.maximumLength) bytes: keep such data in the session's data")

    /// Runs a step of the service with its error as the SDK's.
    func run<Result>(_ body: () async throws(ServiceError) -> Result) async throws(SessionError) -> Result {
        do throws(ServiceError) { return try await body() } catch { throw SessionError(error) }
    }
}
