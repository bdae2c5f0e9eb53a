package import Foundations
package import LosslessJSON
package import SessionEngine

extension ApplicationToken {
    /// Signs what an application wants, as a core with its keys in memory does.
    package static func sign(
        payload: JSONObject, issuer: String, issuedAt: Timestamp, expiresAt: Timestamp, with key: SigningKey
    ) throws(SigningError) -> String {
        let input = signingInput(payload: payload, issuer: issuer, issuedAt: issuedAt, expiresAt: expiresAt, for: key)
        return CompactToken.text(input, signature: try key.signature(over: input))
    }
}

extension EventToken {
    /// Signs the claims of an event, as a core with its keys in memory does.
    package static func sign(
        _ claims: JSONObject, as type: String, with key: SigningKey
    ) throws(SigningError) -> String {
        let input = signingInput(claims, as: type, for: key)
        return CompactToken.text(input, signature: try key.signature(over: input))
    }
}
