import Foundations
import LosslessJSON

/// A proof that a browser's device has a key (Device Bound Session Credentials, section "DBSC Proof JWTs"), whose signature was
/// verified.
///
/// This is a strict parser of the header: ES256, and a `jwk` at the registration and nowhere else. Claims but the challenge count
/// for nothing, as browsers of several years send different ones.
package struct DeviceProof: Sendable, Redacted {
    /// The longest proof that is looked at, in bytes.
    package static let maximumLength = 4_096
    private static let type: JSONValue = "dbsc+jwt"

    /// The key that made it.
    package let key: DeviceKey
    /// The member `jti`: what the server asked it to sign.
    package let challenge: String

    /// Takes the proof of a registration apart, which names its key; `nil` for anything that is not one.
    package init?(registration text: String) {
        guard let proof = SignedProof(text, longest: Self.maximumLength),
            Set(proof.header.names) == ["typ", "alg", "jwk"],
            let key = proof.header["jwk"]?.object.flatMap(ProofKey.init), proof.isSigned(by: key.publicKey)
        else { return nil }
        self.init(proof, DeviceKey(key.publicKey))
    }

    /// Takes the proof for a new bound cookie apart; `nil` for anything that is not one by this key.
    package init?(_ text: String, by key: DeviceKey) {
        guard let proof = SignedProof(text, longest: Self.maximumLength), Set(proof.header.names) == ["typ", "alg"],
            let publicKey = key.publicKey, proof.isSigned(by: publicKey)
        else { return nil }
        self.init(proof, key)
    }

    private init?(_ proof: SignedProof, _ key: DeviceKey) {
        guard proof.header["typ"] == Self.type, proof.header["alg"] == "ES256",
            let challenge = proof.claims["jti"]?.string
        else { return nil }
        (self.key, self.challenge) = (key, challenge)
    }
}
