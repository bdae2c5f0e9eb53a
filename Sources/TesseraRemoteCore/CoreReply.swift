import CoreDriverInterface
import Foundations
import LosslessJSON
import SessionEngine
import TesseraSessions

/// What a core answered, read strictly: an answer that lacks something is a fault of the core.
struct CoreReply: Redacted {
    let object: JSONObject

    init(_ object: JSONObject) {
        self.object = object
    }

    var status: String { object["status"]?.string ?? "" }
    var message: String { object["message"]?.string ?? status }

    /// The error for an answer that has no place here.
    var unexpected: SessionError {
        .coreRejected(status: 200, message: "the core's answer has status '\(status)' and lacks what was asked for")
    }

    /// Whether there is such a session.
    func isFound() throws(SessionError) -> Bool {
        switch status {
        case "OK": true
        case "UNAUTHORISED": false
        default: throw unexpected
        }
    }

    /// What is told about a session and its tokens.
    func session(_ table: ReplyTable<TokensReply>) -> TokensReply { table.decode(object) }

    /// Whose session it is.
    func facts(_ reply: TokensReply) throws(SessionError) -> SessionFacts {
        guard let session = reply.session, let handle = session.handle, let user = session.userID else {
            throw unexpected
        }
        return SessionFacts(
            handle: SessionHandle(handle), userID: UserID(user), recipeUserID: session.recipeUserID.map(UserID.init),
            tenantID: session.tenantID.map(TenantID.init) ?? .public,
            accessTokenPayload: JSONObjectText(session.payload ?? [:]))
    }

    /// An access token that the core has made, if there is one.
    func accessToken(_ part: TokenPart?) throws(SessionError) -> AccessToken? {
        guard let (text, issuedAt, expiresAt) = try timed(part) else { return nil }
        do throws(AccessTokenProblem) {
            return try AccessToken(received: text, issuedAt: issuedAt, expiresAt: expiresAt)
        } catch {
            throw .coreRejected(status: 500, message: "the new access token cannot be read")
        }
    }

    /// A token with its times, if there is one.
    private func timed(
        _ part: TokenPart?
    ) throws(SessionError) -> (text: String, issuedAt: Timestamp, expiresAt: Timestamp)? {
        guard let part else { return nil }
        guard let text = part.text, let expiry = part.expiresAt, let created = part.createdAt else { throw unexpected }
        return (text, Timestamp(milliseconds: created), Timestamp(milliseconds: expiry))
    }

    /// New tokens.
    func issued(_ table: ReplyTable<TokensReply>) throws(SessionError) -> IssuedTokens {
        let reply = session(table)
        guard status == "OK", let access = try accessToken(reply.accessToken),
            let refresh = try timed(reply.refreshToken), reply.session?.payload != nil
        else { throw unexpected }
        let facts = try facts(reply)
        // It is no secret and never checked; where the core gives none the session's name stands for it.
        var issued = IssuedTokens(
            session: facts, accessToken: access, refreshToken: RefreshToken(refresh.text),
            refreshTokenIssuedAt: refresh.issuedAt, refreshTokenExpiresAt: refresh.expiresAt,
            idRefreshToken: try timed(reply.idRefreshToken)?.text ?? facts.handle.rawValue,
            antiCSRFToken: reply.antiCSRFToken.map(AntiCSRFToken.init))
        issued.deviceOffer = reply.deviceOffer
        return issued
    }

    /// What is kept about a session.
    func information(_ handle: SessionHandle) throws(SessionError) -> SessionInformation {
        let reply = Catalogue.sessionRead.decode(object)
        guard let user = reply.userID, let payload = reply.payload, let data = reply.data,
            let created = reply.createdAt, let expiry = reply.expiresAt
        else { throw unexpected }
        return SessionInformation(
            handle: handle, userID: UserID(user), recipeUserID: reply.recipeUserID.map(UserID.init),
            tenantID: reply.tenantID.map(TenantID.init) ?? .public, payload: payload, data: data,
            createdAt: Timestamp(milliseconds: created).date, expiresAt: Timestamp(milliseconds: expiry).date)
    }

    /// Handles of sessions.
    func handles(_ table: ReplyTable<HandlesReply>) throws(SessionError) -> [SessionHandle] {
        guard status == "OK", let handles = table.decode(object).handles else { throw unexpected }
        return handles.map(SessionHandle.init)
    }
}
