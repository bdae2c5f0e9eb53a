import Crypto
import Foundations

/// What stands for a session, a user or a tenant in the feed of ended sessions: the first 16 bytes of the SHA-256 of its
/// identifier (docs/decisions/0046).
///
/// Who may only verify learns no names from it, and two that are alike will not be met.
package struct SubjectDigest: Sendable, Hashable {
    private let first: UInt64
    private let second: UInt64

    /// The digest of an identifier's UTF-8.
    package init(of text: String) {
        var (text, hash) = (text, SHA256())
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        self = hash.finalize().withUnsafeBytes { Self($0) }
    }

    /// Reads 32 hexadecimal digits.
    package init?(hex: String) {
        guard let bytes = Hex.decode(hex), bytes.count == Self.size else { return nil }
        self = bytes.withUnsafeBytes { Self($0) }
    }

    private init(_ bytes: UnsafeRawBufferPointer) {
        func word(_ offset: Int) -> UInt64 {
            bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        (first, second) = (word(0), word(8))
    }

    private static let size = 16

    /// The 16 bytes.
    package var bytes: [UInt8] {
        [first, second].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
    }

    /// The digest as it is sent: base64url without padding (RFC 4648 section 5).
    package var text: String { Base64.url.encodedText(bytes) }
}
