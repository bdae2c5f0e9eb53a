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

    private static let members: Set = ["typ", "alg", "jwk"]

    /// Takes a proof apart and verifies its signature; `nil` for anything that is not one.
    package init?(_ text: String) {
        guard let proof = SignedProof(text, longest: Self.maximumLength), Set(proof.header.names) == Self.members,
            proof.header["typ"] == "dpop+jwt", proof.header["alg"] == "ES256",
            let key = proof.header["jwk"]?.object.flatMap(ProofKey.init), proof.isSigned(by: key.publicKey)
        else { return nil }
        let claims = proof.claims
        guard let identifier = claims["jti"]?.string, (1...Self.longestIdentifier).contains(identifier.utf8.count),
            let method = claims["htm"]?.string, let url = claims["htu"]?.string,
            let seconds = claims["iat"]?.number?.int64
        else { return nil }
        guard Self.isTextIfThere(claims["nonce"]), Self.isTextIfThere(claims["ath"]) else { return nil }
        self.key = KeyThumbprint(x: key.x, y: key.y)
        self.identifier = identifier
        target = ProofTarget(method: method, url: url)
        issuedAt = Timestamp(milliseconds: Milliseconds.seconds(seconds).count)
        (nonce, accessTokenHash) = (claims["nonce"]?.string, claims["ath"]?.string)
    }

    private static func isTextIfThere(_ value: JSONValue?) -> Bool { value == nil || value?.string != nil }

    /// What `ath` is for an access token.
    package static func hash(ofAccessToken token: String) -> String {
        Base64.url.encodedText(Array(SHA256.hash(data: Array(token.utf8))))
    }
}
