import Crypto
import Foundations

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
        self.hex = Hex.sha256(token.exposed)
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

extension Hex {
    /// The SHA-256 of a text's UTF-8, in hexadecimal digits.
    package static func sha256(_ text: String) -> String {
        var (text, hash) = (text, SHA256())
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return hash.finalize().withUnsafeBytes { encode($0) }
    }

    static func isDigest(_ text: String) -> Bool { text.utf8.count == 64 && text.utf8.allSatisfy(isLowerCaseDigit) }
}
