import Crypto
import Foundations

/// The thumbprint of a public key (RFC 7638): 43 characters of base64url of a SHA-256.
public struct KeyThumbprint: Sendable, Hashable {
    /// The thumbprint as it is stored and as a token has it.
    public let rawValue: String

    /// Takes what is stored; a text that is no thumbprint is that of no key, and its session of none that can prove itself.
    public init(stored: String) {
        rawValue = stored
    }

    /// The thumbprint of a P-256 key.
    ///
    /// - Parameters:
    ///   - x: the member `x` of its JWK.
    ///   - y: the member `y`.
    package init(x: String, y: String) {
        let members = "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"\(x)\",\"y\":\"\(y)\"}"
        rawValue = Base64.url.encodedText(Array(SHA256.hash(data: Array(members.utf8))))
    }
}
