public import Foundations
public import HTTPTypes
public import LosslessJSON
import SessionEngine
public import TesseraSessions

/// The first SDK's description of a session.
public struct FirstGenerationSession: Sendable, Equatable {
    /// Its name.
    public let handle: String
    /// Whose it is.
    public let userId: String
    /// The payload of its access token.
    public let userDataInJWT: JSONObject

    init(_ facts: SessionFacts, _ payload: JSONObject) {
        (handle, userId, userDataInJWT) = (facts.handle.rawValue, facts.userID.rawValue, payload)
    }
}

/// A token, and the attributes of the cookie it goes into.
public struct FirstGenerationToken: Sendable, Redacted {
    /// The token; never log it.
    public let token: String
    /// When it stops being accepted, in ms since 1970.
    public let expiry: Int64
    /// When it was made, in ms since 1970.
    public let createdTime: Int64
    /// The paths that get it.
    public let cookiePath: String
    /// Whether it travels over TLS only.
    public let cookieSecure: Bool
    /// The domain whose hosts get it; `nil` for the host that set it.
    public let domain: String?
    /// Whether it is sent with cross-site requests.
    public let sameSite: SameSite

    init(
        _ text: String, _ issuedAt: Timestamp, _ expiresAt: Timestamp, _ path: String,
        _ settings: FirstGenerationSessions.Settings
    ) {
        token = text
        expiry = expiresAt.milliseconds
        createdTime = issuedAt.milliseconds
        cookiePath = path
        cookieSecure = settings.cookieSecure
        domain = settings.cookieDomain
        sameSite = settings.sameSite
    }

    /// The token in a cookie, `HttpOnly`.
    package func cookie(named name: String) -> SetCookie {
        SetCookie(
            name: name, value: token, domain: domain, path: cookiePath, expiresAt: Timestamp(milliseconds: expiry),
            isSecure: cookieSecure, sameSite: sameSite)
    }
}

/// A session whose access token was found to be good.
public struct FirstGenerationVerifiedSession: Sendable {
    /// The session.
    public let session: FirstGenerationSession
    /// A new access token, where one takes the old one's place.
    public let accessToken: FirstGenerationToken?
}

/// What a client is given when a session is begun or refreshed.
public struct FirstGenerationTokens: Sendable, Redacted {
    /// The session.
    public let session: FirstGenerationSession
    /// For the cookie `sAccessToken`.
    public let accessToken: FirstGenerationToken
    /// For the cookie `sRefreshToken`.
    public let refreshToken: FirstGenerationToken
    /// For the cookie `sIdRefreshToken` and the field `id-refresh-token`.
    public let idRefreshToken: FirstGenerationToken
    /// For the field `anti-csrf`; never log it.
    public let antiCsrfToken: String?

    init(_ issued: IssuedTokens, _ settings: FirstGenerationSessions.Settings) throws(SessionError) {
        do throws(JSONError) {
            session = FirstGenerationSession(issued.session, try issued.session.accessTokenPayload.decoded())
        } catch {
            throw .coreRejected(status: 500, message: "a stored payload is damaged")
        }
        let access = issued.accessToken
        let (begin, end) = (issued.refreshTokenIssuedAt, issued.refreshTokenExpiresAt)
        accessToken = FirstGenerationToken(
            access.exposed, access.issuedAt, access.expiresAt, settings.accessTokenPath, settings)
        refreshToken = FirstGenerationToken(
            issued.refreshToken.exposed, begin, end, settings.refreshTokenPath, settings)
        idRefreshToken = FirstGenerationToken(issued.idRefreshToken, begin, end, settings.accessTokenPath, settings)
        antiCsrfToken = issued.antiCSRFToken?.exposed
    }

    /// Writes the three cookies and the fields that clients of that time look for
    /// (docs/specification/sdk.md 1.2 and 1.3).
    public func write(to changes: ResponseChanges) {
        changes.set(accessToken.cookie(named: "sAccessToken"))
        changes.set(refreshToken.cookie(named: "sRefreshToken"))
        changes.set(idRefreshToken.cookie(named: "sIdRefreshToken"))
        changes.set(.idRefreshToken, to: "\(idRefreshToken.token);\(idRefreshToken.expiry)")
        if let antiCsrfToken { changes.set(.antiCSRF, to: antiCsrfToken) }
    }
}

extension FirstGenerationSessions {
    /// Takes everything from a client (docs/specification/sdk.md 1.4).
    public func clear(_ changes: ResponseChanges) {
        let past = Timestamp(milliseconds: 0)
        let paths = [
            ("sAccessToken", settings.accessTokenPath), ("sRefreshToken", settings.refreshTokenPath),
            ("sIdRefreshToken", settings.accessTokenPath),
        ]
        for (name, path) in paths {
            changes.set(FirstGenerationToken("", past, past, path, settings).cookie(named: name))
        }
        changes.remove(.antiCSRF)
        changes.set(.idRefreshToken, to: "remove")
    }

    /// What the answer to an `OPTIONS` request needs besides origin and methods.
    public func setRelevantHeadersForOptionsAPI(_ fields: inout HTTPFields) {
        fields[.accessControlAllowHeaders] = "anti-csrf, supertokens-sdk-name, supertokens-sdk-version"
        fields[.accessControlAllowCredentials] = "true"
    }
}
