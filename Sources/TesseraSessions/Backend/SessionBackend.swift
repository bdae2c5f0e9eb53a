public import Logging
public import LosslessJSON
public import SessionEngine

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

/// What keeps the sessions: the engine in this process, or a core that is asked over HTTP.
///
/// The recipe decides what a request means; a backend only carries out. Both backends answer alike, in the values of the engine,
/// and a backend of your own that wraps one of them can change any step.
public protocol SessionBackend: Sendable {
    /// Begins a session.
    ///
    /// - Throws: ``SessionError/badInput(_:)`` when the payload cannot be encoded in a token,
    ///   ``SessionError/coreUnavailable(_:)`` or another internal error; then no session is known to have been created.
    func create(_ session: NewSession) async throws(SessionError) -> IssuedTokens

    /// Verifies an access token, without network or storage where its form allows that.
    ///
    /// - Throws: ``SessionError/tryRefreshToken(reason:)``, ``SessionError/unauthorised(reason:clearTokens:)``, or an
    ///   internal error, which is never reported as either.
    func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession

    /// Exchanges a refresh token for new tokens.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)``,
    ///   ``SessionError/tokenTheftDetected(handle:userID:recipeUserID:)``, or an internal error.
    func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens

    /// Notes that the user of a session was authenticated once more, and exchanges its refresh token for tokens of the new
    /// level; the presented one is retired.
    ///
    /// - Parameters:
    ///   - stepUp: the level that was reached, and how.
    ///   - token: the session's refresh token.
    /// - Throws: as ``refresh(_:)``; ``SessionError/misconfigured(_:)`` where the backend knows no levels.
    func stepUp(_ stepUp: StepUp, with token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens

    /// Begins the session of a user who has signed in where an anonymous one was, which ends.
    ///
    /// - Parameters:
    ///   - upgrade: the session of the user.
    ///   - token: the refresh token of the anonymous session; the same upgrade with it gets the same answer for a while.
    /// - Throws: as ``create(_:)`` and ``refresh(_:)``; ``SessionError/misconfigured(_:)`` where the backend knows no anonymous
    ///   sessions.
    func upgrade(_ upgrade: Upgrade, with token: PresentedRefreshToken) async throws(SessionError) -> IssuedTokens

    /// Ends a session in which another person acts as the user; a session of the user's own stays.
    ///
    /// - Returns: whether there was such a session.
    /// - Throws: an internal error; ``SessionError/misconfigured(_:)`` where the backend knows no impersonation.
    func endImpersonation(_ handle: SessionHandle) async throws(SessionError) -> Bool

    /// Replaces the payload of a session and its access token, which keeps its expiry.
    ///
    /// - Returns: the new access token; `nil` when the presented one has expired: then only storage was changed.
    /// - Throws: ``SessionError``.
    func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> AccessToken?

    /// Ends sessions.
    ///
    /// - Parameters:
    ///   - handles: the sessions.
    ///   - actor: for whom the application does it, for the audit log; `driver` where it does not say.
    /// - Returns: the handles of those that were ended.
    /// - Throws: an internal error; then nothing is known to be ended.
    func revoke(_ handles: [SessionHandle], by actor: AuditActor) async throws(SessionError) -> [SessionHandle]

    /// Ends the session of a refresh token, whichever of its tokens that is; nothing is given for it.
    ///
    /// A session that is bound to a key is ended by no token that was superseded before the last one (docs/dbsc.md).
    ///
    /// - Parameters:
    ///   - token: the refresh token.
    ///   - actor: for whom the application does it, for the audit log.
    /// - Returns: whether there was such a session.
    /// - Throws: ``SessionError/misconfigured(_:)`` where the backend cannot; an internal error.
    func revoke(with token: RefreshToken, by actor: AuditActor) async throws(SessionError) -> Bool

    /// Why a session ended, or `nil` while it lives and where that is not known.
    ///
    /// - Throws: an internal error.
    func endReason(of handle: SessionHandle) async throws(SessionError) -> EndReason?

    /// Why the session of a refresh token ended, or `nil` while it lives and where that is not known.
    ///
    /// - Throws: an internal error.
    func endReason(ofSessionWith token: RefreshToken) async throws(SessionError) -> EndReason?

    /// Ends all sessions of a user.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    ///   - actor: for whom the application does it, for the audit log; `driver` where it does not say.
    /// - Returns: the handles of those that were ended.
    /// - Throws: an internal error; then nothing is known to be ended.
    func revokeAll(
        of user: UserID, tenant: TenantID?, by actor: AuditActor
    ) async throws(SessionError) -> [SessionHandle]

    /// The handles of a user's sessions, oldest first, in one tenant or, with `nil`, in all.
    ///
    /// - Throws: an internal error.
    func handles(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle]

    /// What is kept about a session, or `nil` when there is none.
    ///
    /// - Throws: an internal error.
    func information(on handle: SessionHandle) async throws(SessionError) -> SessionInformation?

    /// Replaces the data that is kept with a session.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: an internal error.
    func replaceData(of handle: SessionHandle, with data: JSONObject) async throws(SessionError) -> Bool

    /// Replaces the application's part of the payload; clients see it with their next refresh.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: an internal error, or ``SessionError/badInput(_:)``.
    func replacePayload(of handle: SessionHandle, with payload: JSONObject) async throws(SessionError) -> Bool

    /// What is kept about all sessions of a user, oldest first, in one tenant or, with `nil`, in all.
    ///
    /// - Throws: an internal error.
    func list(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionInformation]

    /// Signs an application-signed JWT (RFC 7519).
    ///
    /// - Parameters:
    ///   - payload: its claims; they go before those that are added (`iat`, `exp`, `iss`).
    ///   - issuer: who issues it.
    ///   - validity: how long it lives.
    ///   - kind: which kind of key signs it.
    /// - Throws: an internal error.
    func signToken(
        payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
    ) async throws(SessionError) -> String

    /// The keys that verify this backend's tokens.
    ///
    /// - Throws: an internal error.
    func publishedKeys() async throws(SessionError) -> PublishedKeys

    /// Whether a session is looked up at each of its requests unless a route says otherwise, so that a revocation is seen at
    /// once; `false` where that would cost a request to another machine.
    var checksDatabaseByDefault: Bool { get }

    /// What has to be done from time to time beside requests; `nil` where that is another's work.
    ///
    /// - Parameter logger: where it is written what was done.
    func upkeep(logger: Logger) -> SessionUpkeep?
}

/// What has to be done from time to time beside requests: ended sessions, old keys and old entries of the audit log are
/// removed.
public struct SessionUpkeep: Sendable {
    package let run: @Sendable () async -> Void
    /// What is amiss while it does not run.
    package var omission = "nothing removes sessions that have ended"

    /// The upkeep of a backend of your own.
    ///
    /// - Parameter run: works until its task is cancelled.
    public init(_ run: @escaping @Sendable () async -> Void) {
        self.run = run
    }

    package init(omission: String, _ run: @escaping @Sendable () async -> Void) {
        self.run = run
        self.omission = omission
    }
}

extension SessionBackend {
    /// Not unless a route asks for it.
    public var checksDatabaseByDefault: Bool { false }

    /// Does not know it.
    public func endReason(of _: SessionHandle) async throws(SessionError) -> EndReason? { nil }

    /// Does not know it.
    public func endReason(ofSessionWith _: RefreshToken) async throws(SessionError) -> EndReason? { nil }

    /// Cannot take refresh tokens apart.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public func revoke(with _: RefreshToken, by _: AuditActor) async throws(SessionError) -> Bool {
        throw .misconfigured("this backend cannot end a session by its refresh token; use Tessera's core or the engine")
    }

    /// Knows no levels.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public func stepUp(
        _: StepUp, with _: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        throw .misconfigured(
            "this backend knows no levels of authentication; use Tessera's core or the engine in this process")
    }

    /// Knows no anonymous sessions.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public func upgrade(
        _: Upgrade, with _: PresentedRefreshToken
    ) async throws(SessionError) -> IssuedTokens {
        throw .misconfigured(
            "this backend knows no anonymous sessions; use Tessera's core or the engine in this process")
    }

    /// Knows no impersonation.
    ///
    /// - Throws: ``SessionError/misconfigured(_:)``.
    public func endImpersonation(_: SessionHandle) async throws(SessionError) -> Bool {
        throw .misconfigured("this backend knows no impersonation; use Tessera's core or the engine in this process")
    }

    /// Nothing.
    public func upkeep(logger _: Logger) -> SessionUpkeep? { nil }

    /// Asks for one session after the other.
    ///
    /// - Throws: an internal error.
    public func list(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionInformation] {
        var list: [SessionInformation] = []
        for handle in try await handles(of: user, tenant: tenant) {
            if let found = try await information(on: handle) { list.append(found) }
        }
        return list
    }

    /// Ends sessions without saying for whom.
    ///
    /// - Throws: an internal error; then nothing is known to be ended.
    public func revoke(_ handles: [SessionHandle]) async throws(SessionError) -> [SessionHandle] {
        try await revoke(handles, by: .driver)
    }

    /// Ends all sessions of a user without saying for whom.
    ///
    /// - Parameters:
    ///   - user: whose.
    ///   - tenant: only those of that tenant; `nil` for those of all.
    /// - Throws: an internal error; then nothing is known to be ended.
    public func revokeAll(of user: UserID, tenant: TenantID?) async throws(SessionError) -> [SessionHandle] {
        try await revokeAll(of: user, tenant: tenant, by: .driver)
    }
}

/// A session whose access token was found to be good.
public struct VerifiedSession: Sendable {
    /// What the token says about it.
    public var facts: SessionFacts
    /// A token that takes the presented one's place, if there is one.
    public var replacement: AccessToken?

    /// The answer of a backend of your own.
    public init(facts: SessionFacts, replacement: AccessToken? = nil) {
        self.facts = facts
        self.replacement = replacement
    }
}

/// What is kept about a session.
public struct SessionInformation: Sendable {
    /// The session's name.
    public var handle: SessionHandle
    /// Whose it is.
    public var userID: UserID
    /// The user of the login method; equal to ``userID`` where no accounts are linked.
    public var recipeUserID: UserID
    /// The tenant it belongs to.
    public var tenantID: TenantID
    /// The application's part of the payload, as the next access token will carry it.
    public var payload: JSONObject
    /// Data that stays with the server.
    public var data: JSONObject
    /// When it was begun.
    public var createdAt: Date
    /// When it ends unless it is used.
    public var expiresAt: Date
    /// When and how its user was authenticated; `nil` where the backend does not know it.
    public var authentication: Authentication?

    /// When and how the user of a session was authenticated.
    public struct Authentication: Sendable, Hashable {
        /// When all factors were checked last: when the session began, or a full step-up.
        public var fullAt: Date
        /// When any factor was checked last.
        public var lastAt: Date
        /// The assurance level, such as `aal2`, where the application has said one.
        public var level: String?
        /// The methods, by their names in RFC 8176.
        public var methods: [String]

        /// The answer of a backend of your own.
        public init(fullAt: Date, lastAt: Date, level: String? = nil, methods: [String] = []) {
            self.fullAt = fullAt
            self.lastAt = lastAt
            self.level = level
            self.methods = methods
        }
    }

    /// The answer of a backend of your own.
    public init(
        handle: SessionHandle, userID: UserID, recipeUserID: UserID? = nil, tenantID: TenantID = .public,
        payload: JSONObject, data: JSONObject, createdAt: Date, expiresAt: Date
    ) {
        self.handle = handle
        self.userID = userID
        self.recipeUserID = recipeUserID ?? userID
        self.tenantID = tenantID
        self.payload = payload
        self.data = data
        self.createdAt = createdAt
        self.expiresAt = expiresAt
    }

    /// The payload as a type of the application.
    ///
    /// - Parameter type: the type; members that it does not know are passed over.
    /// - Throws: ``SessionError/unreadable(_:)``.
    public func payload<Payload: Decodable>(as type: Payload.Type) throws(SessionError) -> Payload {
        try payload.decoded(as: type, of: "payload of session \(handle)")
    }

    /// The data as a type of the application.
    ///
    /// - Parameter type: the type; members that it does not know are passed over.
    /// - Throws: ``SessionError/unreadable(_:)``.
    public func data<Value: Decodable>(as type: Value.Type) throws(SessionError) -> Value {
        try data.decoded(as: type, of: "data of session \(handle)")
    }

    /// What storage has, but for the hashes of tokens.
    package init(_ record: SessionRecord) throws(JSONError) {
        self.init(
            handle: record.handle, userID: record.userID, tenantID: record.tenantID,
            payload: try record.accessTokenPayload.decoded(), data: try record.sessionData.decoded(),
            createdAt: record.createdAt.date, expiresAt: record.expiresAt.date)
        let full = record.authenticatedAt
        authentication = Authentication(
            fullAt: full.date, lastAt: max(full, record.traits.levelAt ?? full).date, level: record.traits.level,
            methods: record.traits.methods)
    }
}
