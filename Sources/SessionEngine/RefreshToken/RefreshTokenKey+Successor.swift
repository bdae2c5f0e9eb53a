import Crypto

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The successor of a refresh token is derived from the token and from a secret that only the core holds (HKDF, RFC
/// 5869), so that whoever asks again is given the same one (docs/decisions/0012).
extension RefreshTokenKey {
    /// A part of a successor; each is derived under its own name.
    private enum Part: String {
        case nonce
        case antiCSRFToken = "anti-csrf-token"
        case initializationVector = "initialization-vector"
    }

    /// How many of the nonce's 32 bytes are derived; the last four count the rotations.
    private static let derivedNonceLength = 28
    /// The count of a token whose ancestors were made at random or by another core.
    private static let unknownGeneration = UInt32.max

    static func successorKey(from masterKey: String) -> SymmetricKey {
        let code = HKDF<SHA256>.extract(
            inputKeyMaterial: SymmetricKey(data: Array(masterKey.utf8)),
            salt: Array("tessera refresh token successor 1".utf8))
        return SymmetricKey(data: Array(code))
    }

    /// What the successor of a token says.
    func successor(of parent: RefreshTokenContent, hash: TokenHash, usesAntiCSRF: Bool) -> RefreshTokenContent {
        let generation = counted(parent).map { min($0, Self.unknownGeneration - 2) + 1 } ?? Self.unknownGeneration
        return RefreshTokenContent(
            handle: parent.handle, userID: parent.userID, parentHash: hash,
            nonce: nonce(ofChildOf: hash, generation, hasAntiCSRF: usesAntiCSRF),
            antiCSRFToken: usesAntiCSRF ? antiCSRFToken(ofChildOf: hash) : nil, tenantID: parent.tenantID)
    }

    /// Seals content that is derived, under a vector that is derived from all of it: one vector never covers two
    /// plaintexts.
    func sealDerived(_ content: RefreshTokenContent) throws(SigningError) -> RefreshToken {
        let plaintext = content.plaintext
        return try seal(plaintext, nonce: content.nonce, initializationVector: derivedVector(for: plaintext))
    }

    func derivedVector(for plaintext: [UInt8]) -> [UInt8] {
        derive(.initializationVector, from: [Hex.encode(SHA256.hash(data: plaintext))], length: 12)
    }

    /// How many rotations went before a token; `nil` when it does not tell.
    public func generation(of content: RefreshTokenContent) -> Int64? { counted(content).map(Int64.init) }

    private func counted(_ content: RefreshTokenContent) -> UInt32? {
        guard let parent = content.parentHash else { return 0 }
        guard let generation = UInt32(content.nonce.suffix(8), radix: 16), generation != Self.unknownGeneration,
            content.nonce == nonce(ofChildOf: parent, generation, hasAntiCSRF: content.antiCSRFToken != nil)
        else { return nil }
        return generation
    }

    private func nonce(ofChildOf parent: TokenHash, _ generation: UInt32, hasAntiCSRF: Bool) -> String {
        let count = (0..<4).map { UInt8(truncatingIfNeeded: generation >> (24 - 8 * $0)) }
        let seed = derive(
            .nonce, from: [parent.hex, Hex.encode(count), hasAntiCSRF ? "1" : "0"], length: Self.derivedNonceLength)
        return Hex.encode(seed + count)
    }

    private func antiCSRFToken(ofChildOf parent: TokenHash) -> AntiCSRFToken {
        AntiCSRFToken(RandomText.uuid(from: derive(.antiCSRFToken, from: [parent.hex], length: 16)))
    }

    private func derive(_ part: Part, from context: [String], length: Int) -> [UInt8] {
        let info = ([part.rawValue] + context).joined(separator: "|")
        return HKDF<SHA256>.expand(
            pseudoRandomKey: successorKey, info: Array(info.utf8), outputByteCount: length
        ).withUnsafeBytes { Array($0) }
    }
}
