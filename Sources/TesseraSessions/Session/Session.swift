public import Foundations
public import LosslessJSON
public import SessionEngine
import Synchronization

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

/// A session that was begun, verified or refreshed a moment ago (docs/specification/sdk.md 2.11).
///
/// What it changes about the client's tokens goes into the response of its exchange, if it has one. It prints as
/// `<redacted>`.
public final class Session: Sendable, Redacted {
    private struct State {
        var accessToken: String
        var payload: JSONObject
        var expiresAt: Timestamp

        init(_ accessToken: String, _ payload: JSONObject?, _ expiresAt: Timestamp?) throws(SessionError) {
            guard let payload, let expiresAt else {
                throw .coreRejected(status: 500, message: "an access token that was just accepted cannot be read")
            }
            (self.accessToken, self.payload, self.expiresAt) = (accessToken, payload, expiresAt)
        }

        init(_ token: AccessToken) throws(SessionError) {
            try self.init(token.exposed, token.visiblePayload, token.statedExpiry)
        }
    }

    private let facts: SessionFacts
    private let issued: IssuedTokens?
    let sessions: Sessions
    let attachment: Attachment?
    private let state: Mutex<State>

    /// How a session reaches its client.
    struct Attachment: Sendable {
        let exchange: SessionExchange
        let transfer: TokenTransfer
    }

    /// A session whose access token was presented and found to be good.
    init(
        _ facts: SessionFacts, accessToken: String, token: UnverifiedAccessToken, sessions: Sessions,
        attachment: Attachment?
    ) throws(SessionError) {
        self.facts = facts
        issued = nil
        self.sessions = sessions
        self.attachment = attachment
        state = Mutex(try State(accessToken, token.visiblePayload, token.statedExpiry))
    }

    /// A session that was begun or refreshed.
    init(_ issued: IssuedTokens, sessions: Sessions, attachment: Attachment?) throws(SessionError) {
        facts = issued.session
        self.issued = issued
        self.sessions = sessions
        self.attachment = attachment
        state = Mutex(try State(issued.accessToken))
    }

    /// The session's name; not a secret.
    public var handle: SessionHandle { facts.handle }
    /// Whose it is.
    public var userID: UserID { facts.userID }
    /// The user of the login method; equal to ``userID`` where no accounts are linked.
    public var recipeUserID: UserID { facts.recipeUserID }
    /// The tenant it belongs to.
    public var tenantID: TenantID { facts.tenantID }
    /// Whether no user has signed in yet, by the form of the user's id (docs/policy.md).
    public var isAnonymous: Bool { recipeUserID.isAnonymous }
    /// Who acts as the user: the claim `act` of the access token (RFC 8693 section 4.1); `nil` in a session of the user's own.
    ///
    /// The core keeps it in the sessions that ``Sessions/impersonate(_:by:reason:lifetime:in:tenant:payload:)`` begins. An
    /// application that writes an `act` of its own into payloads gets that one here.
    public var actor: ActingParty? { ActingParty(payload[ActingParty.claim]) }
    /// The refresh token, if this session was begun or refreshed now; it prints as `<redacted>`.
    public var refreshToken: RefreshToken? { issued?.refreshToken }
    /// When the session ends unless it is used, if it was begun or refreshed now.
    public var refreshTokenExpiresAt: Date? { issued?.refreshTokenExpiresAt.date }
    /// The anti-CSRF token, if this session was begun or refreshed now and uses one; it prints as `<redacted>`.
    public var antiCSRFToken: AntiCSRFToken? { issued?.antiCSRFToken }
    /// The payload of the access token, with what the SDK keeps in it.
    public var payload: JSONObject { state.withLock { $0.payload } }
    /// The payload as a type of the application; members that it does not know are passed over.
    ///
    /// - Parameter type: the type, such as the one that the session was begun with.
    /// - Throws: ``SessionError/unreadable(_:)`` where the payload is no such value: decide what becomes of sessions that
    ///   an earlier release has begun, or give the new members default values.
    public func payload<Payload: Decodable>(as type: Payload.Type) throws(SessionError) -> Payload {
        try payload.decoded(as: type, of: "payload of session \(handle)")
    }

    /// The access token; never log it.
    public var accessToken: String { state.withLock { $0.accessToken } }
    /// When the access token stops being accepted.
    public var accessTokenExpiresAt: Date { state.withLock { $0.expiresAt }.date }

    /// What scripts may know about the session.
    package var frontToken: FrontToken {
        state.withLock { FrontToken(userID: userID, expiresAt: $0.expiresAt, payload: $0.payload) }
    }

    /// Ends the session, here and at the client.
    ///
    /// - Parameter actor: for whom, for the audit log: `user` when the user asked for it; the route `/signout` says so.
    /// - Throws: an internal error; then nothing is known to have ended.
    public func revoke(by actor: AuditActor = .driver) async throws(SessionError) {
        _ = try await sessions.backend.revoke([handle], by: actor)
        if let attachment {
            try TokenWriter(settings: sessions.settings, exchange: attachment.exchange).clear([attachment.transfer])
        }
    }

    /// Ends all sessions of this session's user, on all devices, and takes the tokens from this client.
    ///
    /// - Parameter actor: for whom, for the audit log: `user`, who is signed in here and asked for it.
    /// - Throws: an internal error; then nothing is known to have ended.
    public func revokeAll(by actor: AuditActor = .user) async throws(SessionError) {
        _ = try await sessions.backend.revokeAll(of: userID, tenant: nil, by: actor)
        try await revoke(by: actor)
    }

    /// The data that is kept with the session.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)`` when it has ended, or an internal error.
    public func data() async throws(SessionError) -> JSONObject { try await information().data }

    /// The data that is kept with the session, as a type of the application.
    ///
    /// - Parameter type: the type; members that it does not know are passed over.
    /// - Throws: ``SessionError/unreadable(_:)`` where the data is no such value,
    ///   ``SessionError/unauthorised(reason:clearTokens:)`` when the session has ended, or an internal error.
    public func data<Value: Decodable>(as type: Value.Type) async throws(SessionError) -> Value {
        try await data().decoded(as: type, of: "data of session \(handle)")
    }

    /// What is kept about the session.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)`` when it has ended, or an internal error.
    public func information() async throws(SessionError) -> SessionInformation {
        guard let found = try await sessions.backend.information(on: handle) else { throw Self.ended }
        return found
    }

    /// Replaces the data that is kept with the session.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)`` when it has ended, or an internal error.
    public func setData(_ data: JSONObject) async throws(SessionError) {
        guard try await sessions.backend.replaceData(of: handle, with: data) else { throw Self.ended }
    }

    /// Replaces the data that is kept with the session by a value of the application.
    ///
    /// - Parameter data: a structure, or anything else that is encoded as a JSON object.
    /// - Throws: as `setData(_:)` with JSON, and ``SessionError/badInput(_:)`` where it is no JSON object.
    @_disfavoredOverload
    public func setData(_ data: some Encodable) async throws(SessionError) {
        try await setData(JSONObject(encoding: data))
    }

    /// Changes members of the payload to those of a value of the application; properties that are `nil` stay as they are.
    ///
    /// - Parameter update: a structure, or anything else that is encoded as a JSON object.
    /// - Throws: as `mergePayload(_:)` with JSON.
    @_disfavoredOverload
    public func mergePayload(_ update: some Encodable) async throws(SessionError) {
        try await mergePayload(JSONObject(encoding: update))
    }

    /// Changes members of the payload, in storage and in the client's access token; `null` removes a member.
    ///
    /// - Throws: ``SessionError/unauthorised(reason:clearTokens:)`` when the session has ended,
    ///   ``SessionError/badInput(_:)`` when the payload grows too large, or an internal error.
    public func mergePayload(_ update: JSONObject) async throws(SessionError) {
        let (token, before) = state.withLock { ($0.accessToken, $0.payload) }
        let own = ProtectedClaims.removed(from: before).merging(ProtectedClaims.removed(from: update))
        if attachment?.transfer == .cookie {
            let growth = max(0, own.text.utf8.count - ProtectedClaims.removed(from: before).text.utf8.count)
            try sessions.settings.requireFittingCookie(accessToken: token, growth: growth, payload: own)
        }
        let issued = try await sessions.backend.regenerate(accessToken: token, payload: own)
        guard let issued else {
            // The client's token has run out meanwhile: its next refresh brings the new payload.
            state.withLock { $0.payload = ProtectedClaims.only(in: before).merging(own) }
            return
        }
        try adopt(issued)
    }

    /// Takes a new access token in and, where there is a client, passes it on.
    func adopt(_ accessToken: AccessToken) throws(SessionError) {
        let adopted = try State(accessToken)
        state.withLock { $0 = adopted }
        try writeAccessToken()
    }

    /// Writes the access token into the response.
    func writeAccessToken() throws(SessionError) {
        guard let attachment else { return }
        try writer(attachment).write(
            accessToken: accessToken, front: frontToken, by: attachment.transfer, at: sessions.clock.time())
    }

    /// Writes everything that a client needs to begin with.
    func writeAllTokens() throws(SessionError) {
        guard let attachment, let issued else { return }
        try writeAccessToken()
        try writer(attachment).write(
            issued.refreshToken, until: issued.refreshTokenExpiresAt, by: attachment.transfer, at: sessions.clock.time()
        )
        if let antiCSRFToken { attachment.exchange.changes.set(.antiCSRF, to: antiCSRFToken.exposed) }
    }

    private func writer(_ attachment: Attachment) -> TokenWriter {
        var writer = TokenWriter(settings: sessions.settings, exchange: attachment.exchange)
        writer.endsWithBrowser =
            sessions.configuration.usesSessionCookies && payload[RememberMe.member]?.bool != true
        return writer
    }

    private static let ended = SessionError.unauthorised(reason: "Session does not exist anymore", clearTokens: true)
}

/// The members of a payload that belong to the session itself (docs/specification/sdk.md 2.3).
package enum ProtectedClaims {
    /// Those of the newest format, and the kind of token, which SuperTokens' SDKs keep for themselves too.
    static let names = AccessTokenFormat.newest.protectedClaims.union(["stt"])

    /// A payload without them.
    package static func removed(from payload: JSONObject) -> JSONObject {
        JSONObject(uniqueMembers: payload.members.filter { !names.contains($0.name) })
    }

    static func only(in payload: JSONObject) -> JSONObject {
        JSONObject(uniqueMembers: payload.members.filter { names.contains($0.name) })
    }
}
