import Foundations
public import LosslessJSON

/// Tokens that an application has signed for purposes of its own (docs/specification/core.md 1.7).
public enum ApplicationToken {
    /// Signs claims as a JWS in compact form (RFC 7515 section 7.1).
    ///
    /// Its header has no `version`, which every access token of its algorithm has: what an application has signed is never
    /// taken for a session's token.
    ///
    /// `iat`, `exp` and `iss` come first; a claim of the same name in the payload goes before them.
    ///
    /// - Throws: ``SigningError`` when the cryptographic library refuses.
    public static func sign(
        payload: JSONObject, issuer: String, issuedAt: Timestamp, expiresAt: Timestamp, with key: SigningKey
    ) throws(SigningError) -> String {
        let bytes = signingInput(payload: payload, issuer: issuer, issuedAt: issuedAt, expiresAt: expiresAt, for: key)
        return CompactToken.text(bytes, signature: try key.signature(over: bytes))
    }

    /// What the signature of such a token is made over.
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
