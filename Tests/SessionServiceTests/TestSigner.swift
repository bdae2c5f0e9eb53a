import Crypto
import SessionEngine
import SessionService
import Synchronization

/// A signer that keeps its keys to itself, and does as a test says.
final class TestSigner: TokenSigner {
    private struct State {
        var keys: [SignerKeyName: P256.Signing.PrivateKey] = [:]
        var isAway = false
        var signatures = 0
        var isBroken = false
        var makesNone = false
        var makings = 0
        var beforeSigning: (@Sendable () async -> Void)?
    }

    private let state = Mutex(State())
    /// How often a key was asked for, each time.
    let asked: AsyncStream<Int>
    private let sink: AsyncStream<Int>.Continuation

    init() { (asked, sink) = AsyncStream.makeStream() }

    /// Whether nothing is answered.
    var isAway: Bool {
        get { state.withLock(\.isAway) }
        set { state.withLock { $0.isAway = newValue } }
    }

    /// Whether what is answered lacks its last byte.
    var isBroken: Bool {
        get { state.withLock(\.isBroken) }
        set { state.withLock { $0.isBroken = newValue } }
    }

    /// Whether no keys are made.
    var makesNone: Bool {
        get { state.withLock(\.makesNone) }
        set { state.withLock { $0.makesNone = newValue } }
    }

    var makings: Int { state.withLock(\.makings) }
    var signatures: Int { state.withLock(\.signatures) }
    var keyNames: Set<SignerKeyName> { state.withLock { Set($0.keys.keys) } }
    var privateKeys: [[UInt8]] { state.withLock { $0.keys.values.map { Array($0.rawRepresentation) } } }

    /// Does something once, before the next signature.
    func once(_ work: @escaping @Sendable () async -> Void) { state.withLock { $0.beforeSigning = work } }

    func makeKey(_ id: KeyID, _ algorithm: SigningAlgorithm) async throws(SigningError) -> PublicVerificationKey {
        state.withLock { state in
            state.makings += 1
            sink.yield(state.makings)
        }
        guard !isAway, !makesNone else { throw .signerUnavailable }
        let key = P256.Signing.PrivateKey()
        let half = PublicVerificationKey.p256(key.publicKey)
        state.withLock { $0.keys[SignerKeyName(of: half)] = key }
        return half
    }

    func signature(over input: [UInt8], by key: SignerKeyName) async throws(SigningError) -> [UInt8] {
        guard !isAway else { throw .signerUnavailable }
        let work = state.withLock { state in
            defer { state.beforeSigning = nil }
            return state.beforeSigning
        }
        await work?()
        guard let own = state.withLock({ $0.keys[key] }) else { throw .signerLacksKey }
        state.withLock { $0.signatures += 1 }
        let signature: [UInt8]
        do { signature = Array(try own.signature(for: input).rawRepresentation) } catch { throw .cryptographyFailed }
        return isBroken ? signature.dropLast() : signature
    }

    func deleteKey(_ key: SignerKeyName) async throws(SigningError) {
        guard !isAway else { throw .signerUnavailable }
        state.withLock { $0.keys[key] = nil }
    }
}
