package import Foundations
package import LosslessJSON

/// Tokens that an application has signed for purposes of its own (docs/specification/core.md 1.7).
package enum ApplicationToken {
    /// What the signature of such a token, a JWS in compact form (RFC 7515 section 7.1), is made over.
    ///
    /// Its header has no `version`, which every access token of its algorithm has: what an application has signed is never
    /// taken for a session's token.
    ///
    /// `iat`, `exp` and `iss` come first; a claim of the same name in the payload goes before them.
    package static func signingInput(
        payload: JSONObject, issuer: String, issuedAt: Timestamp, expiresAt: Timestamp, for key: SigningKey
    ) -> [UInt8] {
        let header: JSONObject = [
            "kid": .string(key.id.rawValue), "typ": "JWT", "alg": .string(key.algorithm.rawValue),
        ]
        let added: JSONObject = [
            "iat": .integer(issuedAt.wholeSeconds), "exp": .integer(expiresAt.wholeSeconds), "iss": .string(issuer),
        ]
        let claims = JSONObject(uniqueMembers: added.members.filter { payload[$0.name] == nil } + payload.members)
        return CompactToken.signingInput(header, claims)
    }
}
