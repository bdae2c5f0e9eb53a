import Crypto
import Foundations

/// The first 16 bytes of the SHA-256 of a session handle, a user id or a tenant id: what the feed says in place of names, so
/// that a reader of it learns none.
package struct RevocationDigest: Sendable, Hashable, Comparable {
    /// The first 8 bytes, the first of them the highest.
    let high: UInt64
    /// The other 8.
    let low: UInt64

    /// The digest of a name, by its UTF-8.
    package init(of name: String) {
        var name = name
        let digest = name.withUTF8 { SHA256.hash(data: $0) }
        self = digest.withUnsafeBytes { bytes in
            RevocationDigest(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A digest that is kept as bytes.
    ///
    /// - Returns: `nil` unless there are 16.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == 16 else { return nil }
        func part(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        self.init(high: part(bytes.prefix(8)), low: part(bytes.dropFirst(8)))
    }

    /// A digest as the feed writes it.
    ///
    /// - Returns: `nil` for anything but base64url of 16 bytes without padding.
    package init?(text: String) {
        guard let bytes = Base64.url.decode(text.utf8) else { return nil }
        self.init(bytes: bytes)
    }

    /// The 16 bytes.
    package var bytes: [UInt8] {
        [high, low].flatMap { part in (0..<8).map { UInt8(truncatingIfNeeded: part >> UInt64(56 - 8 * $0)) } }
    }

    /// Base64url without padding, 22 characters.
    package var text: String { Base64.url.encodedText(bytes) }

    /// By the bytes.
    package static func < (left: RevocationDigest, right: RevocationDigest) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}
