public import Foundations
public import Logging
import SessionEngine

/// Sessions of one application: begins, verifies, refreshes and ends them, and speaks to clients as SuperTokens' SDKs
/// do (docs/specification/sdk.md 2).
public final class Sessions: Sendable {
    let settings: SessionSettings
    /// What keeps the sessions.
    package let backend: any SessionBackend
    let claims: [any SessionClaim]
    let requirements: [SessionRequirement]
    let hooks: any SessionHooks
    let clock: ClockAndRandomness
    let logger: Logger
    let upkeep: UpkeepWatch
    /// Whether the configuration wants the database checked, and what the backend does where it is silent.
    let checksDatabase: Bool?
    let looksByDefault: Bool
    let warnings = WarningLimiter()
    let callProofs: CallProofs

    /// Opens an application's sessions.
    ///
    /// - Parameters:
    ///   - app: where the application lives.
    ///   - configuration: how sessions are kept; the defaults are the safe ones.
    ///   - backend: what keeps the sessions.
    ///   - claims: what is put into the payload of every new session.
    ///   - requirements: what every session must fulfil, unless a route says otherwise.
    ///   - hooks: the events that the application handles, or answers itself.
    ///   - clock: the clock.
    ///   - logger: where faults and thefts are written; never a token.
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public init(
        app: AppInfo, configuration: SessionConfiguration = SessionConfiguration(), backend: any SessionBackend,
        claims: [any SessionClaim] = [], requirements: [SessionRequirement] = [],
        hooks: (any SessionHooks)? = nil, clock: ClockAndRandomness = .system,
        logger: Logger = Logger(label: "tessera.sessions")
    ) throws(SessionError) {
        settings = try SessionSettings(app, configuration)
        guard Set(claims.map(\.key)).count == claims.count else {
            throw .misconfigured("two claims have the same key: \(claims.map(\.key).sorted().joined(separator: ", "))")
        }
        guard configuration.deviceBinding == .off || backend is any DeviceBindingBackend else {
            throw .misconfigured("deviceBinding needs a backend that binds sessions to devices")
        }
        self.backend = backend
        self.claims = claims
        self.requirements = requirements
        self.hooks = hooks ?? StandardHooks()
        self.clock = clock
        self.logger = logger
        (checksDatabase, looksByDefault) = (configuration.checksDatabase, backend.checksDatabaseByDefault)
        callProofs = CallProofs(clock)
        upkeep = UpkeepWatch(omission: backend.upkeep(logger: logger)?.omission, since: clock.time())
    }

    /// Where the application lives.
    public var app: AppInfo { settings.app }

    /// How sessions are kept.
    public var configuration: SessionConfiguration { settings.configuration }

    /// The request fields that browsers must be allowed to send from another origin (docs/specification/sdk.md 2.15).
    public static let allowedCORSHeaders = ["rid", "fdi-version", "anti-csrf", "authorization", "st-auth-mode"]
}

/// What a route asks of a session (docs/specification/sdk.md 2.6).
public struct VerifyOptions: Sendable {
    /// Whether a request without a session is refused.
    public var isRequired = true
    /// Whether the request is protected against CSRF; `nil` protects every method that changes something.
    public var checksAntiCSRF: Bool?
    /// Whether storage is asked, so that a revocation, and another payload, are seen at once.
    ///
    /// `nil` does as ``SessionConfiguration/checksDatabase`` says: in process each request looks whether its session has
    /// ended, and a core elsewhere is not asked.
    public var checksDatabase: Bool?
    /// Whether a request with the access token of a bound session has to prove the session's key.
    ///
    /// `nil` does as ``SessionConfiguration/dpop`` says. Sessions that are bound to no key are not asked (docs/dpop.md).
    public var checksProof: Bool?
    /// Whether a request has to bring the bound cookie of its session's device; `nil` does not ask (docs/dbsc.md).
    ///
    /// The backend is asked: in process that takes microseconds, and a core elsewhere is asked at each request.
    public var device: DeviceRequirement?
    /// Whether a session is accepted in which no user has signed in; not by default, so that code that knows nothing of anonymous
    /// users never sees one: 403, or no session where none is required (docs/policy.md).
    public var anonymous: Acceptance
    /// Whether a session is accepted in which another person acts as the user; it is by default, and ``Session/actor`` says who:
    /// refuse it where the user alone may act (403).
    public var impersonation: Acceptance
    /// What the session must fulfil, given what every session must; `nil` takes just that.
    public var requirements:
        (@Sendable (_ global: [SessionRequirement], _ session: Session) async -> [SessionRequirement])?

    /// Whether a kind of session is accepted.
    public enum Acceptance: Sendable, Hashable {
        /// It is.
        case allowed
        /// It is not.
        case refused
    }

    /// The defaults.
    public init(
        isRequired: Bool = true, checksAntiCSRF: Bool? = nil, checksDatabase: Bool? = nil, checksProof: Bool? = nil,
        device: DeviceRequirement? = nil, anonymous: Acceptance = .refused, impersonation: Acceptance = .allowed,
        requirements: (@Sendable (_ global: [SessionRequirement], _ session: Session) async -> [SessionRequirement])? =
            nil
    ) {
        self.isRequired = isRequired
        self.checksAntiCSRF = checksAntiCSRF
        self.checksDatabase = checksDatabase
        self.checksProof = checksProof
        self.device = device
        self.anonymous = anonymous
        self.impersonation = impersonation
        self.requirements = requirements
    }
}
