package import Crypto
import Foundations
package import LosslessJSON

/// The key in the device of a browser (Device Bound Session Credentials): makes proofs as Chromium does, and others.
package struct TestDeviceKey: Sendable {
    package let key: P256.Signing.PrivateKey

    package init(_ key: P256.Signing.PrivateKey = P256.Signing.PrivateKey()) { self.key = key }

    /// The public half as a JWK, its members in Chromium's order.
    package var jwk: JSONObject {
        let half = TestProof.jwk(key)
        return ["crv": "P-256", "kty": "EC", "x": half["x"] ?? .null, "y": half["y"] ?? .null]
    }

    /// The proof of a registration.
    package func registration(
        _ challenge: String, header changes: [String: JSONValue?] = [:], claims others: [String: JSONValue?] = [:]
    ) throws -> String {
        try proof(["alg": "ES256", "jwk": .object(jwk), "typ": "dbsc+jwt"], challenge, changes, others)
    }

    /// The proof for another bound cookie.
    package func renewal(
        _ challenge: String, header changes: [String: JSONValue?] = [:], claims others: [String: JSONValue?] = [:]
    ) throws -> String {
        try proof(["alg": "ES256", "typ": "dbsc+jwt"], challenge, changes, others)
    }

    /// A JWT with members replaced; `nil` takes one away.
    private func proof(
        _ header: JSONObject, _ challenge: String, _ changes: [String: JSONValue?], _ others: [String: JSONValue?]
    ) throws -> String {
        var (header, claims) = (header, ["jti": .string(challenge)] as JSONObject)
        for (name, value) in changes { header[name] = value }
        for (name, value) in others { claims[name] = value }
        let signed = Base64.url.encodedText(header.serialized()) + "." + Base64.url.encodedText(claims.serialized())
        let signature = try key.signature(for: Array(signed.utf8)).rawRepresentation
        return signed + "." + Base64.url.encodedText(Array(signature))
    }
}
