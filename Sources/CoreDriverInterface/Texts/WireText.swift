public import SessionEngine

/// The texts that drivers and operators have seen from the cores (docs/specification/core.md 2.6, 3.3 and 4).
///
/// Names of Java classes are part of the wire: they are what the cores send. No client reads them.
public enum WireText {
    /// A payload has a name that tokens keep for themselves.
    public static let protectedField = "The user payload contains protected field"
    /// There is no such session, asked by its handle.
    public static let noSession = "Session does not exist."
    /// There is no such session, asked with an access token.
    public static let sessionMissing = "Session missing in db"
    /// There is no such session, asked with an access token and a database check.
    public static let sessionRevoked = "Either the session has ended or has been blacklisted"
    /// There is no such session, asked with a refresh token.
    public static let sessionMissingOrExpired = "Session missing in db or has expired"
    /// A superseded access token.
    public static let superseded = "rotated-out token branch; refresh required"
    /// A token was presented again a moment after its rotation, where that is not reported as theft.
    public static let recentReuse = "refresh token reuse detected"
    /// A proof of another key than that of the session.
    public static let boundToOtherKey = "The session is bound to another key"
    /// A request that lacks what only the device of its session has.
    public static let boundToDevice = "The session is bound to the device of another browser"
    /// A refresh token that is newer than its session: storage went back to an older state.
    public static let newerThanSession = "The session was restored from a backup"
    /// A superseded refresh token that came a moment too late.
    public static let tooLate = "A refresh with this token was finished a moment ago. Try again with the new token."
    /// A token is to live for no time at all.
    public static let validityNotPositive = "validity must be greater than or equal to 0"

    /// An access token is to live longer than the configuration allows, or not at all.
    public static func accessTokenValidityOutOfRange(_ most: Milliseconds) -> String {
        "accessTokenValidity must be greater than 0 and at most the configured access_token_validity (\(most.count) ms)"
    }
    /// A new session's authentication is longer ago than its absolute limit.
    public static let authenticatedTooLongAgo =
        "'auth-time' in 'tessera-session-policy' is longer ago than the absolute limit of the session: authenticate the user "
        + "again"
    /// A list of devices is asked for with a cursor that this app has not made.
    public static let unknownCursor = "'after' must be what 'next' of the page before said"
    /// The session that is to stay is not one of the user's.
    public static let unknownException = "'except' must be a session of the user; nothing has ended"
    /// A session that is to be upgraded has a user already.
    public static let notAnonymous = "The session is not an anonymous one: create a session for the user instead"
    /// The user id of an anonymous session has another form than the core makes.
    public static let anonymousUserID =
        "The user id of an anonymous session is empty, so that the core makes one, or 'anon_' and 22 characters of base62; no "
        + "other session has such an id in an upgrade"
    /// A user is to be authenticated in a session in which another person acts as the user.
    public static let impersonated =
        "Another person acts as the user of this session, who cannot be authenticated in it"
    /// The field of a new session's policy cannot be read.
    public static let policyField = "Field 'tessera-session-policy' is not a dictionary of known forms"

    /// A user has as many sessions as allowed.
    public static func sessionLimitReached(_ count: Int) -> String {
        "The user has \(count) sessions, and no more are allowed"
    }
    /// A path of a feature of SuperTokens' core that is not about sessions.
    public static let foreignFeature =
        "Not found: this core (Tessera) has sessions only. Served here: /recipe/session, /recipe/jwt, /recipe/handshake, "
        + "/recipe/multitenancy, /.well-known/jwks.json, /users/count and what SDKs ask for beside them. Not served: log-in "
        + "and user recipes, such as email and password, third party, passwordless, email verification, roles, metadata, "
        + "MFA, OAuth, the dashboard, their tenants' providers and users, statistics of requests. Sign users in by other means, then create a session here (docs/migrating.md)."
    /// A refresh without its anti-CSRF token.
    public static let antiCSRFAtRefresh = "Anti CSRF token missing, or not matching"

    /// The message for a payload that cannot travel in an access token.
    public static func message(_ problem: PayloadProblem) -> String {
        switch problem {
        case .protectedClaim: protectedField
        case .tooLarge:
            "userDataInJWT is too large: at most \(PayloadProblem.maximumLength) bytes fit into an access token"
        }
    }

    /// The name of a class of reuse.
    public static func name(of found: Refresh.ReuseClass) -> String {
        switch found {
        case .previous: "RECENT_PREV"
        case .orphan: "ORPHANED_BRANCH"
        case .stale: "STALE_LINEAGE"
        }
    }

    /// The message for an access token that is not accepted.
    public static func message(_ problem: AccessTokenProblem, _ rules: DialectRules) -> String {
        switch problem {
        case .malformed: jwt("Invalid JWT")
        case .headerUnreadable: jwt(rules.namesHeaderMembers ? "Invalid JWT" : "JWT header mismatch")
        case .headerLacks(let member): jwt(header("missing", member, rules))
        case .headerMismatch(let member): jwt(header("mismatch", member, rules))
        case .headerNotAllowed: jwt("JWT header mismatch")
        case .unknownKey: "Key not found"
        case .signatureInvalid: jwt("JWT verification failed")
        case .expired: "Access token expired"
        case .antiCSRFMismatch: "anti-csrf check failed"
        case .antiCSRFMissing: missingInformation
        case .newerThanSession: "The session was restored from a backup; refresh required"
        case .missingClaim(let name): missingInformation + (rules.namesMissingClaims ? " \(name)" : "")
        }
    }

    private static let missingInformation =
        "Access token does not contain all the information. Maybe the structure has changed?"

    private static func jwt(_ text: String) -> String { "io.supertokens.session.jwt.JWT$JWTException: \(text)" }

    private static func header(
        _ fault: String, _ member: AccessTokenProblem.HeaderMember, _ rules: DialectRules
    ) -> String {
        rules.namesHeaderMembers ? "JWT header \(fault) - \(member.rawValue)" : "JWT header mismatch"
    }

    /// The message for a refresh token that is not one of this core's.
    public static func message(_ problem: RefreshTokenProblem, _ rules: DialectRules) -> String {
        switch problem {
        case .unknownVersion: format("version of refresh token not recognised")
        case .wrongPartCount(let count): format("Refresh token split with dot yielded an array of length: \(count)")
        case .notBase64(let character?):
            "java.lang.IllegalArgumentException: Illegal base64 character \(String(character, radix: 16))"
        case .notBase64(nil):
            "java.lang.IllegalArgumentException: Input byte[] should at least have 2 bytes for base64 bytes"
        case .tooShort: "java.nio.BufferUnderflowException"
        case .notAuthentic: "javax.crypto.AEADBadTagException: \(rules.tagMismatchText)"
        case .inconsistent: "Invalid refresh token"
        }
    }

    private static func format(_ text: String) -> String {
        "io.supertokens.session.refreshToken.RefreshToken$InvalidRefreshTokenFormatException: \(text)"
    }
}
