public import LosslessJSON
import SessionEngine
public import TesseraSessions

/// The functions of the first SuperTokens SDK, under their own names and without any framework
/// (docs/specification/sdk.md 1.1).
///
/// New applications take `Sessions` of `Tessera`; this is for those who follow the documentation of 2020.
public struct FirstGenerationSessions: Sendable {
    /// What the core of that time had in its configuration.
    public struct Settings: Sendable {
        /// The paths that get the access token.
        public var accessTokenPath = "/"
        /// The path of the application's refresh route.
        public var refreshTokenPath = "/refresh"
        /// The domain whose hosts share the session; `nil` for this host only.
        public var cookieDomain: String?
        /// Whether cookies travel over TLS only.
        public var cookieSecure = true
        /// Whether cookies are sent with cross-site requests.
        public var sameSite = SameSite.lax
        /// Whether sessions get an anti-CSRF token.
        public var enableAntiCsrf = true

        /// The defaults; safer than those of 2020, which today's browsers refuse.
        public init() {}
    }

    let backend: any SessionBackend
    let settings: Settings

    /// Uses a backend.
    public init(backend: any SessionBackend, settings: Settings = Settings()) {
        self.backend = backend
        self.settings = settings
    }

    /// Begins a session for a user who has just proved who they are.
    ///
    /// - Throws: ``FirstGenerationError/general(_:)``.
    public func createNewSession(
        userId: String, jwtPayload: JSONObject = [:], sessionData: JSONObject = [:]
    ) async throws(FirstGenerationError) -> FirstGenerationTokens {
        let new = NewSession(
            userID: UserID(userId), accessTokenPayload: jwtPayload, sessionData: sessionData,
            usesAntiCSRF: settings.enableAntiCsrf)
        return try await run { () async throws(SessionError) in
            try FirstGenerationTokens(try await backend.create(new), settings)
        }
    }

    /// The session of an access token; with a new access token where one takes its place.
    ///
    /// - Parameters:
    ///   - accessToken: the cookie `sAccessToken`.
    ///   - antiCsrfToken: the field `anti-csrf`, where it came.
    ///   - doAntiCsrfCheck: whether it has to come.
    ///   - idRefreshToken: the cookie `sIdRefreshToken`; without it there is no session, whatever else came.
    /// - Throws: ``FirstGenerationError``.
    public func getSession(
        accessToken: String, antiCsrfToken: String?, doAntiCsrfCheck: Bool, idRefreshToken: String?
    ) async throws(FirstGenerationError) -> FirstGenerationVerifiedSession {
        guard idRefreshToken != nil else { throw .unauthorised("idRefreshToken missing") }
        guard let token = try? UnverifiedAccessToken(accessToken), token.isSessionToken else {
            throw .tryRefreshToken("the access token is no access token")
        }
        var presented = PresentedAccessToken(
            accessToken: accessToken, takenApart: token, antiCSRFToken: antiCsrfToken.map(AntiCSRFToken.init),
            checksAntiCSRF: doAntiCsrfCheck && settings.enableAntiCsrf, usesAntiCSRF: settings.enableAntiCsrf)
        presented.checksRevocation = backend.checksDatabaseByDefault
        let question = presented
        return try await run { () async throws(SessionError) in
            let answer = try await backend.verify(question)
            let payload = answer.replacement?.visiblePayload ?? token.visiblePayload ?? [:]
            return FirstGenerationVerifiedSession(
                session: FirstGenerationSession(answer.facts, ProtectedClaims.removed(from: payload)),
                accessToken: answer.replacement.map {
                    FirstGenerationToken($0.exposed, $0.issuedAt, $0.expiresAt, settings.accessTokenPath, settings)
                })
        }
    }

    /// Exchanges a refresh token for new tokens.
    ///
    /// - Throws: ``FirstGenerationError``.
    public func refreshSession(
        refreshToken: String, antiCsrfToken: String? = nil
    ) async throws(FirstGenerationError) -> FirstGenerationTokens {
        // Drivers of that time send no anti-CSRF token here, but their sessions keep theirs.
        let presented = PresentedRefreshToken(
            refreshToken: RefreshToken(refreshToken), antiCSRFToken: antiCsrfToken.map(AntiCSRFToken.init),
            usesAntiCSRF: settings.enableAntiCsrf, signingKeyKind: .dynamic)
        return try await run { () async throws(SessionError) in
            try FirstGenerationTokens(try await backend.refresh(presented), settings)
        }
    }

    /// Revokes a session; returns whether there was one.
    ///
    /// - Throws: ``FirstGenerationError/general(_:)``.
    public func revokeSession(sessionHandle: String) async throws(FirstGenerationError) -> Bool {
        try await run { () async throws(SessionError) in
            try await backend.revoke([SessionHandle(sessionHandle)]).count == 1
        }
    }

    /// Ends all sessions of a user; their handles.
    ///
    /// - Throws: ``FirstGenerationError/general(_:)``.
    public func revokeAllSessionsForUser(userId: String) async throws(FirstGenerationError) -> [String] {
        try await run { () async throws(SessionError) in
            try await backend.revokeAll(of: UserID(userId), tenant: nil).map(\.rawValue)
        }
    }

    /// The handles of a user's sessions.
    ///
    /// - Throws: ``FirstGenerationError/general(_:)``.
    public func getAllSessionHandlesForUser(userId: String) async throws(FirstGenerationError) -> [String] {
        try await run { () async throws(SessionError) in
            try await backend.handles(of: UserID(userId), tenant: nil).map(\.rawValue)
        }
    }

    /// The data that is kept with a session.
    ///
    /// - Throws: ``FirstGenerationError/unauthorised(_:)`` for a handle that names no session.
    public func getSessionData(sessionHandle: String) async throws(FirstGenerationError) -> JSONObject {
        try await information(sessionHandle).data
    }

    /// Replaces the data that is kept with a session.
    ///
    /// - Throws: ``FirstGenerationError/unauthorised(_:)`` for a handle that names no session.
    public func updateSessionData(sessionHandle: String, newSessionData: JSONObject) async throws(FirstGenerationError)
    {
        let isFound = try await run { () async throws(SessionError) in
            try await backend.replaceData(of: SessionHandle(sessionHandle), with: newSessionData)
        }
        guard isFound else { throw Self.unknown }
    }

    /// The payload of a session's access tokens.
    ///
    /// - Throws: ``FirstGenerationError/unauthorised(_:)`` for a handle that names no session.
    public func getJWTPayload(sessionHandle: String) async throws(FirstGenerationError) -> JSONObject {
        try await information(sessionHandle).payload
    }

    /// Replaces the payload of a session's access tokens; clients see it with their next refresh.
    ///
    /// - Throws: ``FirstGenerationError/unauthorised(_:)`` for a handle that names no session.
    public func updateJWTPayload(sessionHandle: String, newJWTPayload: JSONObject) async throws(FirstGenerationError) {
        let isFound = try await run { () async throws(SessionError) in
            try await backend.replacePayload(of: SessionHandle(sessionHandle), with: newJWTPayload)
        }
        guard isFound else { throw Self.unknown }
    }

    private static let unknown = FirstGenerationError.unauthorised("Session does not exist.")

    private func information(_ handle: String) async throws(FirstGenerationError) -> SessionInformation {
        let found = try await run { () async throws(SessionError) in
            try await backend.information(on: SessionHandle(handle))
        }
        guard let found else { throw Self.unknown }
        return found
    }

    private func run<Result>(_ body: () async throws(SessionError) -> Result) async throws(FirstGenerationError)
        -> Result
    {
        do throws(SessionError) { return try await body() } catch { throw FirstGenerationError(error) }
    }
}

/// The four errors of the first SDK (docs/specification/sdk.md 1.1).
public enum FirstGenerationError: Error, Sendable, Equatable {
    /// Something failed; nothing is known about the session.
    case general(String)
    /// The user has to sign in again.
    case unauthorised(String)
    /// The client may refresh.
    case tryRefreshToken(String)
    /// A superseded refresh token was reused.
    case tokenTheftDetected(sessionHandle: String, userId: String)

    /// The number that the first SDK gave it.
    public var errType: Int {
        switch self {
        case .general: 1_000
        case .unauthorised: 2_000
        case .tryRefreshToken: 3_000
        case .tokenTheftDetected: 4_000
        }
    }

    init(_ error: SessionError) {
        switch error.kind {
        case .unauthorised(let reason, _): self = .unauthorised(reason)
        case .tryRefreshToken(let reason): self = .tryRefreshToken(reason)
        case .tokenTheftDetected(let handle, let user, _):
            self = .tokenTheftDetected(sessionHandle: handle.rawValue, userId: user.rawValue)
        case .coreUnavailable(let text), .coreRejected(_, let text), .badInput(let text), .misconfigured(let text),
            .retryLater(let text):
            self = .general(text)
        case .invalidClaims, .duplicateCookies, .claimUnavailable, .unreadable, .untrustedOrigin, .badFormToken,
            .proofNeeded, .callProofNeeded:
            self = .general("\(error)")
        }
    }
}
