import Crypto
import CryptoExtras
import Dispatch
package import Foundations
package import SessionEngine
import Synchronization

/// Where private keys come from.
///
/// An RSA key takes a good part of a second of one processor, so keys are made on threads of their own, two at a time,
/// and a process that has many apps keeps a few in reserve (docs/decisions/0009).
public final class SigningKeyPool: Sendable {
    private typealias Waiter = CheckedContinuation<PrivateSigningKey, any Error>

    private struct State {
        var spares: [PrivateSigningKey] = []
        var spareCount = 0
        var waiters: [Waiter] = []
        var workers = 0

        /// How many keys no one is making yet.
        var missing: Int { waiters.count + spareCount - spares.count - workers }
    }

    private static let workerLimit = 2

    private let state = Mutex(State())
    /// By which library the keys sign.
    let signers: RSASigners
    /// What keeps the keys outside this process; `nil` where they are in it.
    package let external: (any TokenSigner)?
    /// Gets the algorithm and the beginning of each signature of a token, when it is made.
    let onSignature: (@Sendable (SigningAlgorithm, MonotonicTime) -> Void)?
    private let queue = DispatchQueue(label: "tessera.signing-keys", qos: .utility, attributes: .concurrent)

    /// A pool without a reserve: every key is made when it is asked for.
    ///
    /// - Parameters:
    ///   - signers: by which library the keys sign.
    ///   - external: what keeps the keys outside this process and signs with them; `nil` keeps them here.
    public convenience init(signers: RSASigners = RSASigners(), external: (any TokenSigner)? = nil) {
        self.init(signers: signers, external: external, onSignature: nil)
    }

    /// A pool whose keys' signatures are noted.
    ///
    /// - Parameters:
    ///   - signers: by which library the keys sign.
    ///   - external: what keeps the keys outside this process and signs with them; `nil` keeps them here.
    ///   - onSignature: gets the algorithm and the beginning of each signature of a token, as soon as it is made and in the
    ///     task that asked for it; it must not wait.
    package init(
        signers: RSASigners, external: (any TokenSigner)? = nil,
        onSignature: (@Sendable (SigningAlgorithm, MonotonicTime) -> Void)?
    ) {
        self.signers = signers
        self.external = external
        self.onSignature = onSignature
    }

    /// Keeps RSA keys in reserve from now on; they are made in the background.
    ///
    /// A signer outside this process has a reserve of its own.
    public func keepSpares(_ count: Int = 2) {
        guard external == nil else { return }
        state.withLock { $0.spareCount = max($0.spareCount, count) }
        startWorkers()
    }

    /// How many keys are in reserve.
    var spareCount: Int { state.withLock { $0.spares.count } }

    /// A new key of a name.
    ///
    /// - Throws: ``SigningError`` of the signer outside this process, and the cryptographic library's error.
    func key(_ algorithm: SigningAlgorithm, named id: KeyID) async throws -> PrivateSigningKey {
        guard let external else { return try await key(algorithm) }
        return .external(try await external.makeKey(id, algorithm))
    }

    /// A key that is used once.
    func key(_ algorithm: SigningAlgorithm) async throws -> PrivateSigningKey {
        guard algorithm == .rs256 else { return .p256(P256.Signing.PrivateKey()) }
        return try await withCheckedThrowingContinuation { waiter in
            let spare = state.withLock { state in
                let spare = state.spares.popLast()
                if spare == nil { state.waiters.append(waiter) }
                return spare
            }
            if let spare { waiter.resume(returning: spare) }
            startWorkers()
        }
    }

    private func startWorkers() {
        let count = state.withLock { state in
            let count = min(state.missing, Self.workerLimit - state.workers)
            state.workers += max(0, count)
            return max(0, count)
        }
        for _ in 0..<count { queue.async { self.work() } }
    }

    /// Makes one key, gives it to the longest waiting caller, and continues if more are missing.
    private func work() {
        let made = Result { PrivateSigningKey.rsa(try _RSA.Signing.PrivateKey(keySize: .bits2048)) }
        let waiter = state.withLock { state -> Waiter? in
            state.workers -= 1
            if !state.waiters.isEmpty { return state.waiters.removeFirst() }
            // Without a key no one waits for, a failure is not tried again at once.
            if let key = try? made.get() { state.spares.append(key) } else { state.spareCount = 0 }
            return nil
        }
        waiter?.resume(with: made)
        startWorkers()
    }
}
