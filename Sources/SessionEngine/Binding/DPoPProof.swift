import Crypto
import Foundations
import LosslessJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A proof of possession of a key (RFC 9449 section 4), whose signature was verified.
///
/// This is a strict parser for one form: ES256 by the P-256 key in the header, which has `typ`, `alg` and `jwk` and nothing else.
package struct DPoPProof: Sendable, Redacted {
    /// The longest proof that is looked at, in bytes.
    package static let maximumLength = 8_192
    private static let longestIdentifier = 128

    /// The key that made it.
    package let key: KeyThumbprint
    /// The member `jti`.
    package let identifier: String
    /// The members `htm` and `htu`; `nil` where they name nothing that can be asked for.
    package let target: ProofTarget?
    /// The member `iat`.
    package let issuedAt: Timestamp
    /// The member `nonce`.
    package let nonce: String?
    /// The member `ath`: base64url of the SHA-256 of an access token.
    package let accessTokenHash: String?

    /// Takes a proof apart and verifies its signature; `nil` for anything that is not one.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumLength else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let key = ProofKey(header: header),
            let signature = Base64.url.decode(parts[2])
        else { return nil }
        let signed = Array(text.utf8[..<parts[1].endIndex])
        guard key.accepts(signature, over: signed), let claims = Self.object(parts[1]),
            let identifier = claims["jti"]?.string, (1...Self.longestIdentifier).contains(identifier.utf8.count),
            let method = claims["htm"]?.string, let url = claims["htu"]?.string,
            let seconds = claims["iat"]?.number?.int64
        else { return nil }
        guard Self.isTextIfThere(claims["nonce"]), Self.isTextIfThere(claims["ath"]) else { return nil }
        self.key = key.thumbprint
        self.identifier = identifier
        target = ProofTarget(method: method, url: url)
        issuedAt = Timestamp(milliseconds: Milliseconds.seconds(seconds).count)
        (nonce, accessTokenHash) = (claims["nonce"]?.string, claims["ath"]?.string)
    }

    private static func object(_ part: Substring.UTF8View) -> JSONObject? {
        Base64.url.decode(part).flatMap { try? JSONValue(parsing: $0).object }
    }

    private static func isTextIfThere(_ value: JSONValue?) -> Bool { value == nil || value?.string != nil }

    /// What `ath` is for an access token.
    package static func hash(ofAccessToken token: String) -> String {
        Base64.url.encodedText(Array(SHA256.hash(data: Array(token.utf8))))
    }
}

/// The public key in the header of a proof.
private struct ProofKey {
    let publicKey: P256.Signing.PublicKey
    let thumbprint: KeyThumbprint

    private static let header: Set = ["typ", "alg", "jwk"]
    /// The members of a JWK that only a private or a symmetric key has (RFC 7518 section 6).
    private static let secret: Set = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    init?(header: JSONObject) {
        guard Set(header.names) == Self.header, header["typ"] == "dpop+jwt", header["alg"] == "ES256",
            let jwk = header["jwk"]?.object, Self.secret.isDisjoint(with: jwk.names),
            jwk["kty"] == "EC", jwk["crv"] == "P-256", jwk["alg"] == nil || jwk["alg"] == "ES256",
            let x = jwk["x"]?.string, let y = jwk["y"]?.string,
            let left = Base64.url.decode(x.utf8), let right = Base64.url.decode(y.utf8),
            left.count == 32, right.count == 32,
            let key = try? P256.Signing.PublicKey(rawRepresentation: left + right)
        else { return nil }
        (publicKey, thumbprint) = (key, KeyThumbprint(x: x, y: y))
    }

    func accepts(_ signature: [UInt8], over bytes: [UInt8]) -> Bool {
        guard signature.count == 64, let parsed = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else {
            return false
        }
        return publicKey.isValidSignature(parsed, for: bytes)
    }
}
