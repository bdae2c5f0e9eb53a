public import LosslessJSON

/// What keeps the sessions: the engine in this process, or a core that is asked over HTTP.
///
/// The recipe decides what a request means; a backend only carries out. Both backends answer alike, and a backend of
/// your own that wraps one of them can change any step.
public protocol SessionBackend: Sendable {
    /// Begins a session.
    ///
    /// - Throws: ``SessionError/badInput(_:)`` when the payload cannot travel in a token, ``SessionError/coreUnavailable(_:)``
    ///   or another fault of the machine; then no session was begun, as far as anybody can know.
    func create(_ session: NewSession) async throws(SessionError) -> IssuedSession

    /// Verifies an access token, without network or storage where its form allows that.
    ///
    /// - Throws: ``SessionError/tryRefreshToken(reason:)``, ``SessionError/unauthorised(reason:clearTokens:)``, or a fault
    ///   of the machine, which is never reported as either.
    func verify(_ token: PresentedAccessToken) async throws(SessionError) -> VerifiedSession

    /// Exchanges a refresh token for new tokens.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)``,
    ///   ``SessionError/tokenTheftDetected(handle:userID:recipeUserID:)``, or a fault of the machine.
    func refresh(_ token: PresentedRefreshToken) async throws(SessionError) -> IssuedSession

    /// Replaces the payload of a session and its access token, which keeps its expiry.
    ///
    /// - Returns: the new access token; `nil` when the presented one has expired: then only storage was changed.
    /// - Throws: ``SessionError``.
    func regenerate(accessToken: String, payload: JSONObject) async throws(SessionError) -> IssuedToken?

    /// Ends sessions.
    ///
    /// - Returns: the handles of those that were ended.
    /// - Throws: a fault of the machine; then nothing is known to be ended.
    func revoke(_ sessions: SessionSelection) async throws(SessionError) -> [String]

    /// The handles of a user's sessions, oldest first, in one tenant or, with `nil`, in all.
    ///
    /// - Throws: a fault of the machine.
    func handles(of userID: String, tenant: String?) async throws(SessionError) -> [String]

    /// What is kept about a session, or `nil` when there is none.
    ///
    /// - Throws: a fault of the machine.
    func information(on handle: String) async throws(SessionError) -> SessionInformation?

    /// Replaces the data that is kept with a session.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: a fault of the machine.
    func replaceData(of handle: String, with data: JSONObject) async throws(SessionError) -> Bool

    /// Replaces the application's part of the payload; clients see it with their next refresh.
    ///
    /// - Returns: whether there is such a session.
    /// - Throws: a fault of the machine, or ``SessionError/badInput(_:)``.
    func replacePayload(of handle: String, with payload: JSONObject) async throws(SessionError) -> Bool

    /// Signs a token of the application's own (RFC 7519).
    ///
    /// - Throws: a fault of the machine.
    func sign(_ token: ApplicationTokenRequest) async throws(SessionError) -> String

    /// The keys that verify this backend's tokens.
    ///
    /// - Throws: a fault of the machine.
    func publishedKeys() async throws(SessionError) -> PublishedKeySet
}
