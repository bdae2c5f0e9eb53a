import Foundations
import LosslessJSON
public import SessionEngine
public import SessionService
public import SessionStorage
public import TestSupport

extension SessionPolicy {
    /// A policy for trials: ES256, because RSA is dear, and keys that outlive every trial.
    public static func trial(
        _ successorPolicy: Refresh.SuccessorPolicy = .deterministic, gracePeriod: Milliseconds = .seconds(30)
    ) -> SessionPolicy {
        SessionPolicy(
            accessTokenValidity: .seconds(86_400), signingKeyUpdateInterval: .seconds(10_000 * 3_600),
            signingAlgorithm: .es256, rotationGracePeriod: gracePeriod, successorPolicy: successorPolicy)
    }
}

/// A service with a clock and dice that belong to the trial; its keys are made already.
public struct TrialWorld: Sendable {
    /// The clock.
    public let clock: TestClock
    /// The storage.
    public let storage: any SessionStorage
    /// The sessions.
    public let service: SessionManager

    /// Opens a storage.
    public init(
        seed: UInt64, policy: SessionPolicy, storage: any SessionStorage, clock: TestClock = TestClock(),
        skew: @escaping @Sendable () -> Milliseconds = { Milliseconds(0) }
    ) async throws {
        self.clock = clock
        self.storage = storage
        let dice = TestDice(seed: seed)
        let sources = ClockAndRandomness(time: { clock.now + skew() }, randomBits: { dice.next() })
        service = try await SessionManager(storage: storage, policy: policy, clock: sources)
        try await service.prepareSigningKeys()
    }

    /// Creates a session.
    public func create(user: String = "u", antiCSRF: Bool = false) async throws -> IssuedTokens {
        let request = NewSession(
            userID: UserID(user), accessTokenPayload: ["n": 0], usesAntiCSRF: antiCSRF)
        guard case .created(let tokens) = try await service.createSession(request) else { throw TrialFailure.refused }
        return tokens
    }

    /// Presents a refresh token.
    public func refresh(
        _ token: RefreshToken, _ antiCSRFToken: AntiCSRFToken? = nil, atOnce: Bool
    ) async throws(ServiceError) -> RefreshResult {
        try await service.refresh(
            PresentedRefreshToken(
                refreshToken: token, antiCSRFToken: antiCSRFToken, usesAntiCSRF: antiCSRFToken != nil,
                rotation: atOnce ? .atOnce : .atFirstUse))
    }

    /// What the audit log tells about a session, the oldest entry first.
    public func auditLog(of handle: SessionHandle) async throws -> [AuditEvent] {
        try await service.auditEvents(AuditQuery(order: .oldestFirst(after: 0), handle: handle)).map(\.event)
    }
}

/// Something that a trial cannot continue without went wrong.
public enum TrialFailure: Error {
    /// A session could not be made.
    case refused
    /// Something else, as a sentence.
    case other(String)
}

extension RefreshResult {
    /// The new tokens, if there are any.
    public var tokens: IssuedTokens? {
        if case .refreshed(let tokens) = self { tokens } else { nil }
    }

    /// The answer in a word.
    public var word: String {
        switch self {
        case .refreshed: "ok"
        case .unauthorised(let refusal): "unauthorised(\(refusal))"
        case .tooLate: "too late"
        case .proofNeeded: "proof needed"
        case .deviceNotYet: "device skipped"
        case .reuseDetected(_, _, let found): "reuse(\(found))"
        }
    }
}
