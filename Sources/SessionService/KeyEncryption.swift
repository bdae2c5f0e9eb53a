import Crypto
public import Foundations
import SessionStorage

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Encrypts private keys for storage with AES-256-GCM, so that a copy of the database alone signs nothing
/// (docs/specification/security.md K01).
///
/// The first key encrypts, and all of them decrypt: to change the key, put the new one before the old one.
public struct KeyEncryption: Sendable, Redacted {
    private let keys: [SymmetricKey]

    /// The mark of a ciphertext; a private key in DER begins with another byte.
    private static let mark = Array("TSK1".utf8)
    private static let textMark = "TSK1:"

    /// Reads keys from a text: each 64 hexadecimal digits or the base64 of 32 bytes, the newest first, separated by white
    /// space or commas.
    ///
    /// - Returns: `nil` when the text is something else.
    public init?(_ text: String) {
        var keys: [SymmetricKey] = []
        for word in text.split(whereSeparator: { $0.isWhitespace || $0 == "," }) {
            guard let bytes = Self.bytes(String(word)), bytes.count == 32 else { return nil }
            keys.append(SymmetricKey(data: bytes))
        }
        guard !keys.isEmpty else { return nil }
        self.keys = keys
    }

    private static func bytes(_ word: String) -> [UInt8]? {
        guard word.utf8.count == 64 else { return Data(base64Encoded: word).map(Array.init) }
        return Hex.decode(word, ignoresCase: true)
    }

    /// Encrypts bytes with a name as associated data (RFC 5116).
    func encrypt(_ bytes: [UInt8], for place: String) throws(StorageError) -> [UInt8] {
        guard let key = keys.first,
            let box = try? AES.GCM.seal(bytes, using: key, authenticating: Array(place.utf8)),
            let combined = box.combined
        else { throw StorageError(.unavailable, "a private key could not be sealed") }
        return Self.mark + combined
    }

    /// Decrypts what was encrypted; what never was encrypted is returned as it is.
    func decrypt(_ bytes: [UInt8], for place: String) throws(StorageError) -> [UInt8] {
        guard Self.isEncrypted(bytes) else { return bytes }
        for key in keys {
            guard let box = try? AES.GCM.SealedBox(combined: bytes.dropFirst(Self.mark.count)),
                let decrypted = try? AES.GCM.open(box, using: key, authenticating: Array(place.utf8))
            else { continue }
            return Array(decrypted)
        }
        throw Self.wrongKey(place)
    }

    static func wrongKey(_ place: String) -> StorageError {
        StorageError(
            .corrupt,
            "\(place) was sealed with another key: start with the key-encryption key that it was sealed with")
    }

    /// Whether bytes are encrypted.
    static func isEncrypted(_ bytes: [UInt8]) -> Bool { bytes.starts(with: mark) }

    func encrypt(text: String, for place: String) throws(StorageError) -> String {
        Self.textMark + Data(try encrypt(Array(text.utf8), for: place)).base64EncodedString()
    }

    func decrypt(text: String, for place: String) throws(StorageError) -> String {
        guard Self.isEncrypted(text: text) else { return text }
        guard let bytes = Data(base64Encoded: String(text.dropFirst(Self.textMark.count))) else {
            throw Self.wrongKey(place)
        }
        return String(decoding: try decrypt(Array(bytes), for: place), as: UTF8.self)
    }

    static func isEncrypted(text: String) -> Bool { text.hasPrefix(textMark) }

    /// Never the keys.
    public var description: String { "KeyEncryption" }
}
