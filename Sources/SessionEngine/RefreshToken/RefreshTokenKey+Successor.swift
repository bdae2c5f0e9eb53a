import Crypto
import Foundations

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A successor of a refresh token is derived from the token, the window and the count with a secret that only the core
/// holds (HKDF, RFC 5869): a caller who asks again in one window is given the same one (docs/decisions/0019).
extension RefreshTokenKey {
    /// A part of a successor; each is derived under its own name.
    private enum Part: String {
        case nonce
        case antiCSRFToken = "anti-csrf-token"
        case initializationVector = "initialization-vector"
        case upgradedHandle = "upgraded-handle"
        case upgradedNonce = "upgraded-nonce"
        case upgradedAntiCSRFToken = "upgraded-anti-csrf-token"
    }

    /// How many of the nonce's 32 bytes are derived; the window (1 byte) and the rotation count (5 bytes) follow.
    private static let derivedNonceLength = 26
    private static let plainLength = 6

    static func successorKey(from masterKey: String) -> SymmetricKey {
        let code = HKDF<SHA256>.extract(
            inputKeyMaterial: SymmetricKey(data: Array(masterKey.utf8)),
            salt: Array("tessera refresh token successor 1".utf8))
        return SymmetricKey(data: Array(code))
    }

    /// What a successor of a token says.
    func successor(
        of parent: RefreshTokenContent, hash: TokenHash, window: UInt8, count: RotationCount, usesAntiCSRF: Bool
    ) -> RefreshTokenContent {
        let name = [window] + (0..<5).map { UInt8(truncatingIfNeeded: count.rawValue >> (32 - 8 * $0)) }
        return RefreshTokenContent(
            handle: parent.handle, userID: parent.userID, parentHash: hash,
            nonce: nonce(ofSuccessorOf: hash, name, hasAntiCSRF: usesAntiCSRF),
            antiCSRFToken: usesAntiCSRF ? antiCSRFToken(ofSuccessorOf: hash, name) : nil, tenantID: parent.tenantID)
    }

    /// The handle of the session that an anonymous one is upgraded to: a session has one such successor.
    package func upgradedHandle(of handle: SessionHandle, tenant: TenantID) -> SessionHandle {
        let bytes = derive(.upgradedHandle, from: [Hex.encode(Array(handle.rawValue.utf8))], length: 16)
        return SessionHandle(deriving: bytes, tenant: tenant)
    }

    /// What the first token of an upgraded session says: the same for the same presented token, user and use of anti-CSRF tokens.
    func first(
        of handle: SessionHandle, userID: UserID, tenantID: TenantID, presented hash: TokenHash, usesAntiCSRF: Bool
    ) -> RefreshTokenContent {
        let name = [hash.hex, Hex.encode(Array(userID.rawValue.utf8)), usesAntiCSRF ? "1" : "0"]
        let nonce = derive(.upgradedNonce, from: name, length: 32)
        let token = usesAntiCSRF ? derive(.upgradedAntiCSRFToken, from: name, length: 16) : nil
        return RefreshTokenContent(
            handle: handle, userID: userID, parentHash: nil, nonce: Hex.encode(nonce),
            antiCSRFToken: token.map { AntiCSRFToken(RandomText.uuid(from: $0)) }, tenantID: tenantID)
    }

    /// Encrypts content that is derived, under a vector that is derived from all of it: one vector never covers two
    /// plaintexts.
    func encryptDerived(_ content: RefreshTokenContent) throws(SigningError) -> RefreshToken {
        let plaintext = content.plaintext
        return try encrypt(
            plaintext, nonce: content.nonce, initializationVector: derivedInitializationVector(for: plaintext))
    }

    func derivedInitializationVector(for plaintext: [UInt8]) -> [UInt8] {
        derive(.initializationVector, from: [Hex.encode(SHA256.hash(data: plaintext))], length: 12)
    }

    /// The rotation count of a token: 0 for a session's first one, `nil` for one that was made at random or by another
    /// core.
    public func rotationCount(of content: RefreshTokenContent) -> RotationCount? {
        guard let parent = content.parentHash else { return 0 }
        guard let name = Hex.decode(content.nonce.suffix(2 * Self.plainLength)),
            content.nonce == nonce(ofSuccessorOf: parent, name, hasAntiCSRF: content.antiCSRFToken != nil)
        else { return nil }
        return RotationCount(stored: name.dropFirst().reduce(0) { $0 << 8 | Int64($1) })
    }

    private func nonce(ofSuccessorOf parent: TokenHash, _ name: [UInt8], hasAntiCSRF: Bool) -> String {
        let seed = derive(
            .nonce, from: [parent.hex, Hex.encode(name), hasAntiCSRF ? "1" : "0"], length: Self.derivedNonceLength)
        return Hex.encode(seed + name)
    }

    private func antiCSRFToken(ofSuccessorOf parent: TokenHash, _ name: [UInt8]) -> AntiCSRFToken {
        let bytes = derive(.antiCSRFToken, from: [parent.hex, Hex.encode(name)], length: 16)
        return AntiCSRFToken(RandomText.uuid(from: bytes))
    }

    private func derive(_ part: Part, from context: [String], length: Int) -> [UInt8] {
        var info: [UInt8] = []
        info.reserveCapacity(128)
        info.append(contentsOf: part.rawValue.utf8)
        for text in context {
            info.append(UInt8(ascii: "|"))
            info.append(contentsOf: text.utf8)
        }
        // The first block of HKDF's expansion (RFC 5869 section 2.3), and no part needs a second one.
        info.append(1)
        let block = HMAC<SHA256>.authenticationCode(for: info, using: successorKey)
        return block.withUnsafeBytes { Array($0.prefix(length)) }
    }
}
