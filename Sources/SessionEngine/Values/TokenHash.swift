import Crypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// SHA-256 of a refresh token, in 64 lower-case hexadecimal digits: `hash1` of docs/specification/core.md.
///
/// Access tokens carry it; it cannot be turned back into the token.
public struct TokenHash: Sendable, Hashable {
    /// The 64 digits.
    public let hex: String

    /// The hash of a refresh token.
    public init(of token: RefreshToken) {
        self.hex = Hex.sha256(token.text)
    }

    /// Takes digits from a signed token; `nil` unless there are exactly 64 lower-case ones.
    public init?(hex: String) {
        guard Hex.isDigest(hex) else { return nil }
        self.hex = hex
    }

    /// The form that storage keeps: the hash of this hash.
    public var stored: StoredTokenHash { StoredTokenHash(of: self) }
}

/// SHA-256 of a ``TokenHash``'s digits: `hash2` of docs/specification/core.md, the only trace of a refresh token in
/// storage.
///
/// Nothing that can be presented can be computed from it (docs/specification/security.md T11).
public struct StoredTokenHash: Sendable, Hashable {
    /// The 64 digits.
    public let hex: String

    /// The hash of a token's hash.
    public init(of hash: TokenHash) {
        self.hex = Hex.sha256(hash.hex)
    }

    /// Takes digits that were stored before.
    public init(stored hex: String) {
        self.hex = hex
    }
}

/// Lower-case hexadecimal text.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    /// Two digits for each byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        bytes.withContiguousStorageIfAvailable { encode(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { encode($0) }
    }

    static func encode(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
            for (index, byte) in bytes.enumerated() {
                text[2 * index] = digit(byte >> 4)
                text[2 * index + 1] = digit(byte & 15)
            }
            return 2 * bytes.count
        }
    }

    /// The digit of a value below 16.
    static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") - 10 + value
    }

    /// The bytes of lower-case digits, or `nil`.
    static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let values = text.utf8.map { digits.firstIndex(of: $0) }
        guard values.count.isMultiple(of: 2), !values.contains(nil) else { return nil }
        let halves = values.compactMap(\.self)
        return stride(from: 0, to: halves.count, by: 2).map { UInt8(halves[$0] << 4 | halves[$0 + 1]) }
    }

    static func sha256(_ text: String) -> String {
        var (text, hash) = (text, SHA256())
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize().withUnsafeBytes { encode($0) }
    }

    static func isDigest(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
