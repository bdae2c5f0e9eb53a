public import SessionEngine
import Synchronization

/// Decides for a process by which library its RSA keys sign, once and not before one signs.
public final class RSASigners: Sendable {
    private let wanted: RSAProvider
    private let onChoice: @Sendable (RSAChoice) -> Void
    private let choice = Mutex<RSAChoice?>(nil)

    /// Prepares the decision.
    ///
    /// - Parameters:
    ///   - wanted: what was configured.
    ///   - onChoice: called once with what was chosen.
    public init(_ wanted: RSAProvider = .automatic, onChoice: @escaping @Sendable (RSAChoice) -> Void = { _ in }) {
        self.wanted = wanted
        self.onChoice = onChoice
    }

    /// What was chosen; `nil` as long as no RSA key was needed.
    public var chosen: RSAChoice? { choice.withLock { $0 } }

    /// The key, which signs by the library that is chosen.
    public func opened(_ key: SigningKey) -> SigningKey {
        guard key.algorithm == .rs256 else { return key }
        #if OpenSSL
            if wanted != .boringssl, case .rsa(let own) = key.privateKey {
                return key.signing(by: DeferredRSASigner(own, self))
            }
        #endif
        settle { RSAChoice(.boringssl) }
        return key
    }

    #if OpenSSL
        /// Whether libcrypto signs from now on; settled with the first key that signs.
        func prefers(_ other: OpenSSLKey?, to own: RSAPrivateKey) -> Bool {
            settle {
                switch wanted {
                case .boringssl: RSAChoice(.boringssl)
                case .openssl: RSAChoice(.openssl)
                case .automatic: RSAChoice(other.flatMap { RSAComparison.costs(of: own, and: $0) })
                }
            }.provider == .openssl
        }

        /// Whether a key that libcrypto cannot read may sign by the other library.
        var allowsOther: Bool { wanted != .openssl }
    #endif

    @discardableResult
    private func settle(_ decide: () -> RSAChoice) -> RSAChoice {
        let (settled, isNew) = choice.withLock { choice in
            if let choice { return (choice, false) }
            let decided = decide()
            choice = decided
            return (decided, true)
        }
        if isNew { onChoice(settled) }
        return settled
    }
}
