import Crypto
import Synchronization

/// Remembers signatures that one key has made, because an access token comes with each request of an hour
/// (docs/decisions/0038).
///
/// That a key made a signature over certain bytes stays true for ever. Whether the key is trusted, and whether the token has
/// expired or its session has ended, is no part of it and is asked each time. There are digests here and no tokens.
final class VerifiedSignatures: Sendable {
    /// How many are remembered at most; each has one place, which the next one with the same place takes over.
    static let capacity = 8_192

    /// A SHA-256 digest of the signed bytes and the signature; zeros where there is none.
    private typealias Mark = SIMD4<UInt64>

    private let marks = Mutex<[Mark]>([])

    /// Checks a signature unless it is known to be good.
    ///
    /// - Parameters:
    ///   - signature: of the one length that the key's signatures have, so that it cannot be taken for a part of the message.
    ///   - message: the digest of the signed bytes.
    ///   - check: checks the signature; what it finds good is remembered.
    func accepts(_ signature: [UInt8], over message: SHA256.Digest, check: () -> Bool) -> Bool {
        let mark = Self.mark(signature, message)
        let place = Int(truncatingIfNeeded: mark.x % UInt64(Self.capacity))
        if marks.withLock({ !$0.isEmpty && $0[place] == mark }) { return true }
        guard check() else { return false }
        marks.withLock { marks in
            // A key that verifies nothing needs no room.
            if marks.isEmpty { marks = Array(repeating: .zero, count: Self.capacity) }
            marks[place] = mark
        }
        return true
    }

    private static func mark(_ signature: [UInt8], _ message: SHA256.Digest) -> Mark {
        var hash = SHA256()
        message.withUnsafeBytes { hash.update(bufferPointer: $0) }
        signature.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().withUnsafeBytes { $0.loadUnaligned(as: Mark.self) }
    }
}
