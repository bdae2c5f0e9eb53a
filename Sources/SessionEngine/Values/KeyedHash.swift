import Crypto
import Foundations

/// HMAC-SHA256 (RFC 2104), for values that a client holds and only their maker can check.
package enum KeyedHash {
    /// The hash of a text.
    ///
    /// - Parameters:
    ///   - text: what is hashed.
    ///   - key: the secret; who has it can make hashes of other texts.
    /// - Returns: 43 characters of unpadded base64url.
    package static func of(_ text: String, key: [UInt8]) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: SymmetricKey(data: key))
        return Base64.url.encodedText(Array(code))
    }
}
