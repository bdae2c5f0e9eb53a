package import Crypto
package import Foundations
package import LosslessJSON

/// Makes proofs of possession (RFC 9449), good ones and others.
package struct TestProof: Sendable {
    /// The URL of a refresh.
    package static let refreshURL = "https://api.example.com/auth/session/refresh"

    package let key: P256.Signing.PrivateKey
    /// The members of the header.
    package var header: JSONObject
    /// The members of the payload.
    package var claims: JSONObject

    /// A good proof for a refresh.
    package init(
        _ key: P256.Signing.PrivateKey = P256.Signing.PrivateKey(), at now: Timestamp,
        jti: String = "Zb3cN1pT5x0QGkzv6L9m2w", method: String = "POST", url: String = TestProof.refreshURL
    ) {
        self.key = key
        header = ["typ": "dpop+jwt", "alg": "ES256", "jwk": .object(Self.jwk(key))]
        claims = [
            "jti": .string(jti), "htm": .string(method), "htu": .string(url), "iat": .integer(now.wholeSeconds),
        ]
    }

    /// The public half as a JWK.
    package static func jwk(_ key: P256.Signing.PrivateKey) -> JSONObject {
        let point = Array(key.publicKey.rawRepresentation)
        return [
            "kty": "EC", "crv": "P-256", "x": .string(Base64.url.encodedText(point.prefix(32))),
            "y": .string(Base64.url.encodedText(point.suffix(32))),
        ]
    }

    /// The key's thumbprint (RFC 7638), calculated on its own.
    package static func thumbprint(_ key: P256.Signing.PrivateKey) -> String {
        let point = Array(key.publicKey.rawRepresentation)
        let (x, y) = (Base64.url.encodedText(point.prefix(32)), Base64.url.encodedText(point.suffix(32)))
        let text = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
        return Base64.url.encodedText(Array(SHA256.hash(data: Array(text.utf8))))
    }

    /// The proof with members replaced; `nil` takes one away.
    package func with(
        header changes: [String: JSONValue?] = [:], claims others: [String: JSONValue?] = [:]
    ) -> TestProof {
        var proof = self
        for (name, value) in changes { proof.header[name] = value }
        for (name, value) in others { proof.claims[name] = value }
        return proof
    }

    /// The JWT, signed with the key.
    package func text() throws -> String {
        let signed = Base64.url.encodedText(header.serialized()) + "." + Base64.url.encodedText(claims.serialized())
        let signature = try key.signature(for: Array(signed.utf8)).rawRepresentation
        return signed + "." + Base64.url.encodedText(Array(signature))
    }
}
