import Crypto
import CryptoExtras
public import Foundations

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The secret of one app that encrypts its refresh tokens: AES-256-GCM under a key derived for each token
/// (docs/specification/core.md 3.2).
///
/// It prints as `<redacted>`.
public struct RefreshTokenKey: Sendable, Redacted {
    /// The master key as it is stored; any text works as one.
    public let masterKey: String
    /// What the successors of tokens are derived from; as secret as the master key.
    let successorKey: SymmetricKey

    private static let initializationVectorLength = 12
    private static let tagLength = 16
    fileprivate static let version = "V2"

    /// Takes a stored master key.
    public init(masterKey: String) {
        self.masterKey = masterKey
        self.successorKey = Self.successorKey(from: masterKey)
    }

    /// A new master key: `1000:<salt>:<key>`, 512 random bits stretched into 512 (docs/specification/core.md 3.2).
    ///
    /// - Throws: ``SigningError/cryptographyFailed`` when the library refuses.
    public static func make(using random: inout some RandomNumberGenerator) throws(SigningError) -> RefreshTokenKey {
        let password = Hex.encode(RandomText.bytes(64, using: &random))
        let salt = RandomText.bytes(64, using: &random)
        let key = try derive(from: password, salt: salt, length: 64, rounds: 1000)
        let digits = key.withUnsafeBytes { Hex.encode($0) }
        return RefreshTokenKey(masterKey: "1000:\(Hex.encode(salt)):\(digits)")
    }

    /// What stands for a session where its handle must not: 16 digits that only holders of this key can make of a handle.
    ///
    /// - Parameter handle: the session.
    package func logName(of handle: SessionHandle) -> String {
        Self.logName(of: handle, key: Array(masterKey.utf8))
    }

    static func logName(of handle: SessionHandle, key: [UInt8]) -> String {
        let text = Array("tessera/log-handle".utf8) + [0] + Array(handle.rawValue.utf8)
        let code = HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: key))
        return Hex.encode(Array(code).prefix(8))
    }

    /// Makes the token that says this content.
    ///
    /// - Parameters:
    ///   - content: the contents of the token.
    ///   - initializationVector: 12 bytes that must never serve two different contents under one master key.
    /// - Throws: ``SigningError/cryptographyFailed`` when the library refuses or the vector has another length.
    public func encrypt(
        _ content: RefreshTokenContent, initializationVector: [UInt8]
    ) throws(SigningError) -> RefreshToken {
        try encrypt(content.plaintext, nonce: content.nonce, initializationVector: initializationVector)
    }

    func encrypt(
        _ plaintext: [UInt8], nonce clearNonce: String, initializationVector: [UInt8]
    ) throws(SigningError) -> RefreshToken {
        guard initializationVector.count == Self.initializationVectorLength else { throw .cryptographyFailed }
        let key = try Self.derive(from: masterKey, salt: initializationVector, length: 32, rounds: 100)
        do {
            let nonce = try AES.GCM.Nonce(data: initializationVector)
            let box = try AES.GCM.seal(plaintext, using: key, nonce: nonce)
            let sealed = initializationVector + box.ciphertext + box.tag
            return RefreshToken("\(Base64.standard.encodedText(sealed)).\(clearNonce).\(Self.version)")
        } catch {
            throw .cryptographyFailed
        }
    }

    /// What a presented token says, if this app encrypted it and it was not changed.
    ///
    /// The version suffix is the token's only unauthenticated byte: any other than the one that is written is refused, or
    /// an altered current token would look like a superseded one.
    ///
    /// - Throws: ``RefreshTokenProblem``.
    public func open(_ token: RefreshToken) throws(RefreshTokenProblem) -> RefreshTokenContent {
        let parts = token.exposed.utf8.split(
            separator: UInt8(ascii: "."), maxSplits: 64, omittingEmptySubsequences: false)
        guard let version = parts.last, version.elementsEqual(Self.version.utf8) else { throw .unknownVersion }
        guard parts.count == 3 else { throw .wrongPartCount(parts.count) }
        guard let sealed = Base64.standard.decode(parts[0]) else {
            throw .notBase64(foreignCharacter: Base64.standard.firstForeignCharacter(in: parts[0]))
        }
        guard sealed.count >= Self.initializationVectorLength else { throw .tooShort }
        let plaintext = try decrypt(sealed)
        guard let content = RefreshTokenContent(plaintext: plaintext),
            ConstantTime.equals(content.nonce, String(parts[1]) ?? "")
        else { throw .inconsistent }
        return content
    }

    private func decrypt(_ sealed: [UInt8]) throws(RefreshTokenProblem) -> [UInt8] {
        let vector = Array(sealed.prefix(Self.initializationVectorLength))
        let rest = sealed.dropFirst(Self.initializationVectorLength)
        guard rest.count >= Self.tagLength else { throw .notAuthentic }
        do {
            let key = try Self.derive(from: masterKey, salt: vector, length: 32, rounds: 100)
            let box = try AES.GCM.SealedBox(
                nonce: AES.GCM.Nonce(data: vector), ciphertext: rest.dropLast(Self.tagLength),
                tag: rest.suffix(Self.tagLength))
            return Array(try AES.GCM.open(box, using: key))
        } catch {
            throw .notAuthentic
        }
    }

    #if DEBUG
        /// Called for each derivation: a test counts them.
        @TaskLocal static var onDerivation: (@Sendable () -> Void)?
    #endif

    /// PBKDF2 with HMAC-SHA512 (RFC 8018).
    ///
    /// The few rounds are the wire's; the master key is random already.
    static func derive(
        from password: String, salt: [UInt8], length: Int, rounds: Int
    ) throws(SigningError) -> SymmetricKey {
        #if DEBUG
            onDerivation?()
        #endif
        do {
            return try KDF.Insecure.PBKDF2.deriveKey(
                from: Array(password.utf8), salt: salt, using: .sha512, outputByteCount: length,
                unsafeUncheckedRounds: rounds)
        } catch {
            throw .cryptographyFailed
        }
    }
}

extension RefreshToken {
    /// Whether a text looks like a refresh token, of whatever app: only decryption shows whether it is one.
    package static func hasForm(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[2].elementsEqual(RefreshTokenKey.version.utf8) else { return false }
        return Base64.standard.decode(parts[0]).map { !$0.isEmpty } ?? false
    }
}
