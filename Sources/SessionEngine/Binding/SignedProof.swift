import Crypto
import Foundations
import LosslessJSON

/// A proof of possession, parsed: a compact JWT with an ES256 signature that is still to be verified.
struct SignedProof {
    let header: JSONObject
    let claims: JSONObject
    private let signature: P256.Signing.ECDSASignature
    private let signed: [UInt8]

    /// Takes a text apart; `nil` for anything that is not of this form.
    ///
    /// - Parameters:
    ///   - text: what came.
    ///   - longest: how many bytes are looked at.
    init?(_ text: String, longest: Int) {
        guard text.utf8.count <= longest else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let bytes = Base64.url.decode(parts[2]), bytes.count == 64,
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: bytes)
        else { return nil }
        (self.header, self.claims, self.signature) = (header, claims, signature)
        signed = Array(text.utf8[..<parts[1].endIndex])
    }

    private static func object(_ part: Substring.UTF8View) -> JSONObject? {
        Base64.url.decode(part).flatMap { try? JSONValue(parsing: $0).object }
    }

    /// Whether a key has made the signature.
    func isSigned(by key: P256.Signing.PublicKey) -> Bool { key.isValidSignature(signature, for: signed) }
}

/// A public P-256 key as a JWK (RFC 7518 section 6.2).
struct ProofKey {
    let publicKey: P256.Signing.PublicKey
    let x: String
    let y: String

    /// The members of a JWK that only a private or a symmetric key has (RFC 7518 section 6).
    private static let secret: Set = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"]

    /// Reads a key; `nil` for one of another kind, one that is not on the curve, and one with a private part.
    init?(_ jwk: JSONObject) {
        guard Self.secret.isDisjoint(with: jwk.names), jwk["kty"] == "EC", jwk["crv"] == "P-256",
            jwk["alg"] == nil || jwk["alg"] == "ES256",
            let x = jwk["x"]?.string, let y = jwk["y"]?.string,
            let left = Base64.url.decode(x.utf8), let right = Base64.url.decode(y.utf8),
            left.count == 32, right.count == 32,
            let key = try? P256.Signing.PublicKey(rawRepresentation: left + right)
        else { return nil }
        (publicKey, self.x, self.y) = (key, x, y)
    }
}
