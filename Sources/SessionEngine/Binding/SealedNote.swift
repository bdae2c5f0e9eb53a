import Crypto
import Foundations

/// Bytes that only holders of a key can make: a purpose keeps the notes of one use from serving another.
///
/// The text is unpadded base64url of the bytes and 16 bytes of HMAC-SHA256 over purpose, a zero byte and the bytes.
enum SealedNote {
    private static let tagBytes = 16
    private static let longest = 1_024

    static func seal(_ body: [UInt8], purpose: String, key: [UInt8]) -> String {
        Base64.url.encodedText(body + tag(of: body, purpose, key))
    }

    /// The bytes of a note; `nil` unless it was made for this purpose with this key.
    static func open(_ text: String, purpose: String, key: [UInt8]) -> [UInt8]? {
        guard text.utf8.count <= longest, let bytes = Base64.url.decode(text.utf8), bytes.count > tagBytes,
            Base64.url.encodedText(bytes) == text
        else { return nil }
        let body = Array(bytes.dropLast(tagBytes))
        let expected = Hex.encode(tag(of: body, purpose, key))
        return ConstantTime.equals(expected, Hex.encode(bytes.suffix(tagBytes))) ? body : nil
    }

    private static func tag(of body: [UInt8], _ purpose: String, _ key: [UInt8]) -> [UInt8] {
        let text = Array(purpose.utf8) + [0] + body
        return Array(Array(HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key))).prefix(tagBytes))
    }
}

extension Timestamp {
    /// Eight bytes, the most significant first.
    package var bytes: [UInt8] {
        let time = UInt64(bitPattern: milliseconds)
        return (0..<8).map { UInt8(truncatingIfNeeded: time >> (56 - 8 * $0)) }
    }

    /// Reads what ``bytes`` gives.
    init(bytes: some Sequence<UInt8>) {
        self.init(milliseconds: Int64(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
    }
}
