package import LosslessJSON
package import SessionEngine

/// The members of RFC 7662 section 2.2 that a session has, for a core and for what answers in its place (docs/oauth.md).
package enum IntrospectionMembers {
    /// The claims of an access token's payload that are shown: who made it, how its user was authenticated, its key, and who
    /// acts as the user.
    private static let claims = ["iss", "acr", "amr", "auth_time", "cnf", "act"]

    /// Those of a token that is good for nothing, for whatever reason.
    package static let inactive: JSONObject = ["active": false]

    /// Those of an access token of a session that lives.
    ///
    /// - Parameters:
    ///   - token: its claims.
    ///   - payload: the application's payload in it, with or without the claims of the format.
    package static func of(_ token: AccessTokenClaims, payload: JSONObject) -> JSONObject {
        var object: JSONObject = [
            "active": true, "sub": .string(token.userID.rawValue), "sid": .string(token.handle.rawValue),
            "iat": .integer(token.issuedAt.milliseconds / 1_000),
            "exp": .integer(token.expiresAt.milliseconds / 1_000),
            "token_type": ConfirmationClaim.key(in: payload) == nil ? "Bearer" : "DPoP",
            "tessera_tenant": .string(token.tenantID.rawValue),
        ]
        for name in claims {
            if let value = payload[name] { object.append(name, value) }
        }
        return object
    }
}
