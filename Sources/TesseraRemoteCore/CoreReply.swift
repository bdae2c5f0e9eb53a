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
    func identity() throws(SessionError) -> SessionIdentity {
        guard let session = object["session"]?.object, let handle = session["handle"]?.string,
            let user = session["userId"]?.string
        else { throw unexpected }
        return SessionIdentity(
            handle: handle, userID: user, recipeUserID: session["recipeUserId"]?.string,
            tenantID: session["tenantId"]?.string ?? "public")
    }

    /// A token with its times, if there is one.
    func token(_ name: String) throws(SessionError) -> IssuedToken? {
        guard let token = object[name]?.object else { return nil }
        guard let text = token["token"]?.string, let expiry = token["expiry"]?.number?.int64,
            let created = token["createdTime"]?.number?.int64
        else { throw unexpected }
        return IssuedToken(
            text: text, expiresAt: Timestamp(milliseconds: expiry), issuedAt: Timestamp(milliseconds: created))
    }

    /// New tokens.
    func issued() throws(SessionError) -> IssuedSession {
        guard status == "OK", let access = try token("accessToken"), let refresh = try token("refreshToken"),
            let payload = object["session"]?.object?["userDataInJWT"]?.object
        else { throw unexpected }
        return IssuedSession(
            identity: try identity(), payload: payload, accessToken: access, refreshToken: refresh,
            idRefreshToken: try token("idRefreshToken"), antiCSRFToken: object["antiCsrfToken"]?.string)
    }

    /// What is kept about a session.
    func information(_ handle: String) throws(SessionError) -> SessionInformation {
        guard let user = object["userId"]?.string, let payload = object["userDataInJWT"]?.object,
            let data = object["userDataInDatabase"]?.object, let created = object["timeCreated"]?.number?.int64,
            let expiry = object["expiry"]?.number?.int64
        else { throw unexpected }
        return SessionInformation(
            identity: SessionIdentity(
                handle: handle, userID: user, recipeUserID: object["recipeUserId"]?.string,
                tenantID: object["tenantId"]?.string ?? "public"),
            payload: payload, data: data, createdAt: Timestamp(milliseconds: created),
            expiresAt: Timestamp(milliseconds: expiry))
    }

    /// A list of texts.
    func texts(_ name: String) throws(SessionError) -> [String] {
        guard status == "OK", let list = object[name]?.array?.compactMap(\.string) else { throw unexpected }
        return list
    }
}

extension SessionIdentity {
    init(_ claims: AccessTokenClaims) {
        self.init(
            handle: claims.handle.text, userID: claims.userID.text, recipeUserID: claims.recipeUserID.text,
            tenantID: claims.tenantID.text)
    }
}
