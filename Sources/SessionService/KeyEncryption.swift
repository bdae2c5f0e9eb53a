import Crypto
public import Foundations
package import SessionEngine
package import SessionStorage

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

    /// How a private key is encrypted.
    enum Form {
        /// For its app and name: texts, and the signing keys of earlier releases.
        case earlier
        /// A signing key, for its app, name, kind, algorithm and time.
        case current

        /// What a ciphertext begins with; a private key in DER begins with another byte.
        var mark: [UInt8] { Array((self == .earlier ? "TSK1" : "TSK2").utf8) }
    }

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

    /// What a private key is encrypted for, in the earlier form; also for people.
    static func place(_ name: String, _ app: AppID) -> String { "the key \(name) of the app \(app.rawValue)" }

    /// What a signing key is encrypted for: nothing of its row can be changed but what says how it is used.
    private static func description(of record: SigningKeyRecord, _ app: AppID) -> String {
        """
        \(place(record.id.rawValue, app))
        \(record.kind.rawValue)
        \(record.algorithm.rawValue)
        \(record.createdAt.milliseconds)
        """
    }

    /// The record with its private key encrypted.
    package func encrypt(_ record: SigningKeyRecord, of app: AppID) throws(StorageError) -> SigningKeyRecord {
        var encrypted = record
        let description = Self.description(of: record, app)
        encrypted.privateKeyDER = try encrypt(record.privateKeyDER, for: description, as: .current)
        return encrypted
    }

    /// The record with its private key decrypted.
    package func decrypt(_ record: SigningKeyRecord, of app: AppID) throws(StorageError) -> SigningKeyRecord {
        let place = Self.place(record.id.rawValue, app)
        guard let form = Self.form(of: record.privateKeyDER) else { throw Self.wrongKey(place) }
        let data = form == .earlier ? place : Self.description(of: record, app)
        guard let bytes = decrypted(record.privateKeyDER, for: data) else {
            throw StorageError(
                .corrupt,
                "\(place) cannot be decrypted: another key-encryption key encrypted it, or its kind, algorithm or time "
                    + "was changed in the database")
        }
        var decrypted = record
        decrypted.privateKeyDER = bytes
        return decrypted
    }

    /// Encrypts bytes with a text as associated data (RFC 5116).
    private func encrypt(_ bytes: [UInt8], for data: String, as form: Form) throws(StorageError) -> [UInt8] {
        guard let key = keys.first,
            let box = try? AES.GCM.seal(bytes, using: key, authenticating: Array(data.utf8)),
            let combined = box.combined
        else { throw StorageError(.unavailable, "a private key could not be encrypted") }
        return form.mark + combined
    }

    private func decrypted(_ bytes: [UInt8], for data: String) -> [UInt8]? {
        guard let box = try? AES.GCM.SealedBox(combined: bytes.dropFirst(Form.current.mark.count)) else { return nil }
        for key in keys {
            if let text = try? AES.GCM.open(box, using: key, authenticating: Array(data.utf8)) { return Array(text) }
        }
        return nil
    }

    private static func wrongKey(_ place: String) -> StorageError {
        StorageError(
            .corrupt,
            "\(place) was encrypted with another key: start with the key-encryption key that it was encrypted with")
    }

    /// How bytes are encrypted; `nil` when they are not.
    static func form(of bytes: [UInt8]) -> Form? {
        bytes.starts(with: Form.current.mark) ? .current : bytes.starts(with: Form.earlier.mark) ? .earlier : nil
    }

    /// Whether bytes are encrypted.
    static func isEncrypted(_ bytes: [UInt8]) -> Bool { form(of: bytes) != nil }

    func encrypt(text: String, for place: String) throws(StorageError) -> String {
        Self.textMark + Data(try encrypt(Array(text.utf8), for: place, as: .earlier)).base64EncodedString()
    }

    func decrypt(text: String, for place: String) throws(StorageError) -> String {
        guard Self.isEncrypted(text: text) else { return text }
        guard let bytes = Data(base64Encoded: String(text.dropFirst(Self.textMark.count))),
            Self.form(of: Array(bytes)) == .earlier, let clear = decrypted(Array(bytes), for: place)
        else { throw Self.wrongKey(place) }
        return String(decoding: clear, as: UTF8.self)
    }

    static func isEncrypted(text: String) -> Bool { text.hasPrefix(textMark) }

    /// Never the keys.
    public var description: String { "KeyEncryption" }
}
