import LosslessJSON
import SessionEngine
import Tessera

/// What a core answered, read strictly: an answer that lacks something is a fault of the core.
struct CoreReply {
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

    /// Whose session it is.
    func facts() throws(SessionError) -> SessionFacts {
        guard let session = object["session"]?.object, let handle = session["handle"]?.string,
            let user = session["userId"]?.string
        else { throw unexpected }
        return SessionFacts(
            handle: SessionHandle(handle), userID: UserID(user),
            recipeUserID: session["recipeUserId"]?.string.map(UserID.init),
            tenantID: session["tenantId"]?.string.map(TenantID.init) ?? .public,
            accessTokenPayload: JSONObjectText(session["userDataInJWT"]?.object ?? [:]))
    }

    /// An access token that the core has made, if there is one.
    func accessToken() throws(SessionError) -> AccessToken? {
        guard let (text, issuedAt, expiresAt) = try timed("accessToken") else { return nil }
        do throws(AccessTokenProblem) {
            return try AccessToken(received: text, issuedAt: issuedAt, expiresAt: expiresAt)
        } catch {
            throw .coreRejected(status: 500, message: "the new access token cannot be read")
        }
    }

    /// A token with its times, if there is one.
    private func timed(
        _ name: String
    ) throws(SessionError) -> (text: String, issuedAt: Timestamp, expiresAt: Timestamp)? {
        guard let token = object[name]?.object else { return nil }
        guard let text = token["token"]?.string, let expiry = token["expiry"]?.number?.int64,
            let created = token["createdTime"]?.number?.int64
        else { throw unexpected }
        return (text, Timestamp(milliseconds: created), Timestamp(milliseconds: expiry))
    }

    /// New tokens.
    func issued() throws(SessionError) -> IssuedTokens {
        guard status == "OK", let access = try accessToken(), let refresh = try timed("refreshToken"),
            object["session"]?.object?["userDataInJWT"]?.object != nil
        else { throw unexpected }
        let facts = try facts()
        // It is no secret and never checked; where the core gives none the session's name stands for it.
        return IssuedTokens(
            session: facts, accessToken: access, refreshToken: RefreshToken(refresh.text),
            refreshTokenIssuedAt: refresh.issuedAt, refreshTokenExpiresAt: refresh.expiresAt,
            idRefreshToken: try timed("idRefreshToken")?.text ?? facts.handle.text,
            antiCSRFToken: object["antiCsrfToken"]?.string.map(AntiCSRFToken.init))
    }

    /// What is kept about a session.
    func information(_ handle: SessionHandle) throws(SessionError) -> SessionInformation {
        guard let user = object["userId"]?.string, let payload = object["userDataInJWT"]?.object,
            let data = object["userDataInDatabase"]?.object, let created = object["timeCreated"]?.number?.int64,
            let expiry = object["expiry"]?.number?.int64
        else { throw unexpected }
        return SessionInformation(
            handle: handle, userID: UserID(user), recipeUserID: object["recipeUserId"]?.string.map(UserID.init),
            tenantID: object["tenantId"]?.string.map(TenantID.init) ?? .public, payload: payload, data: data,
            createdAt: Timestamp(milliseconds: created),
            expiresAt: Timestamp(milliseconds: expiry))
    }

    /// A list of handles.
    func handles(_ name: String) throws(SessionError) -> [SessionHandle] {
        guard status == "OK", let list = object[name]?.array?.compactMap(\.string) else { throw unexpected }
        return list.map(SessionHandle.init)
    }
}
