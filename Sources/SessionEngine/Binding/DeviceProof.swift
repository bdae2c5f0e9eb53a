import Foundations
import LosslessJSON

/// A proof that a browser's device has a key (Device Bound Session Credentials, section "DBSC Proof JWTs"), whose signature was
/// verified.
///
/// ES256, and a `jwk` at the registration and nowhere else. Claims but the challenge count for nothing, and neither do members of the
/// header that change nothing, as browsers of several years send different ones.
package struct DeviceProof: Sendable, Redacted {
    /// The longest proof that is looked at, in bytes.
    package static let maximumLength = 4_096
    /// Members of a header that change what is signed, or name a key in another way (RFC 7515 section 4.1, RFC 7516 section 4.1.3,
    /// RFC 7797).
    private static let refused: Set = ["crit", "b64", "zip", "jku", "x5u", "x5c", "x5t", "x5t#S256"]

    /// The key that made it.
    package let key: DeviceKey
    /// The member `jti`: what the server asked it to sign.
    package let challenge: String

    /// Takes the proof of a registration apart, which names its key; `nil` for anything that is not one.
    ///
    /// - Parameters:
    ///   - text: what came.
    ///   - isOffered: whether its challenge is one that was made here, which costs less to find out than who has signed it.
    package init?(registration text: String, isOffered: (String) -> Bool = { _ in true }) {
        guard let (proof, challenge) = Self.read(text), isOffered(challenge),
            let key = proof.header["jwk"]?.object.flatMap(ProofKey.init), proof.isSigned(by: key.publicKey)
        else { return nil }
        (self.key, self.challenge) = (DeviceKey(key.publicKey), challenge)
    }

    /// Takes the proof for a new bound cookie apart; `nil` for anything that is not one by this key.
    package init?(_ text: String, by key: DeviceKey) {
        guard let (proof, challenge) = Self.read(text), proof.header["jwk"] == nil, let publicKey = key.publicKey,
            proof.isSigned(by: publicKey)
        else { return nil }
        (self.key, self.challenge) = (key, challenge)
    }

    private static func read(_ text: String) -> (SignedProof, challenge: String)? {
        guard let proof = SignedProof(text, longest: maximumLength), refused.isDisjoint(with: proof.header.names),
            proof.header["typ"] == "dbsc+jwt", proof.header["alg"] == "ES256",
            let challenge = proof.claims["jti"]?.string
        else { return nil }
        return (proof, challenge)
    }
}
