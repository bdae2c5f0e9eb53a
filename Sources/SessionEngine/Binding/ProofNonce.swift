package import Foundations

/// What a proof repeats to show that it was made a moment ago, whatever the clock of its maker says (RFC 9449 section 8).
///
/// Nothing is stored: 8 bytes of the time, 8 random bytes and 16 bytes of HMAC-SHA256 under a key that all nodes share.
package enum ProofNonce {
    private static let purpose = "tessera/dpop-nonce"
    /// How long a proof with a nonce is accepted.
    package static let life = Milliseconds.seconds(300)
    /// By how much the clock of the node that made it may be ahead.
    private static let ahead = Milliseconds.seconds(60)

    /// Makes the secret of one process's nonces.
    ///
    /// - Parameter randomBits: 64 unpredictable bits at a time.
    package static func newKey(_ randomBits: () -> UInt64) -> [UInt8] {
        (0..<4).flatMap { _ in Timestamp(milliseconds: Int64(bitPattern: randomBits())).bytes }
    }

    /// A memory of the proofs that came with access tokens, each of which is good for one request to a process (RFC 9449
    /// section 11.1): for longer than one with a nonce is accepted.
    package static func names(at now: Timestamp) -> RecentNames {
        RecentNames(at: now, life: .seconds(360), capacity: 131_072)
    }

    /// Makes a nonce.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - random: what makes two of one time differ.
    ///   - key: the secret.
    package static func make(at now: Timestamp, random: UInt64, key: [UInt8]) -> String {
        let salt = Timestamp(milliseconds: Int64(bitPattern: random)).bytes
        return SealedNote.seal(now.bytes + salt, purpose: purpose, key: key)
    }

    /// When a nonce was made; `nil` unless that was with the key, and it is still accepted.
    package static func time(of nonce: String, at now: Timestamp, key: [UInt8]) -> Timestamp? {
        guard let body = SealedNote.open(nonce, purpose: purpose, key: key), body.count == 16 else { return nil }
        let time = Timestamp(bytes: body.prefix(8))
        let age = now - time
        return age <= life && age >= Milliseconds(0) - ahead ? time : nil
    }
}

extension RefreshTokenKey {
    /// The key of the nonces of this app's proofs.
    package var nonceKey: [UInt8] { Array(masterKey.utf8) }
}
