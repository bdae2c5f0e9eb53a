import Foundations
import HTTPTypes
import SessionEngine

extension Sessions {
    /// Refuses a request that does not prove the key which its access token names (RFC 9449 section 7); the session lives.
    ///
    /// - Parameters:
    ///   - exchange: the request; `nil` where the token came in the application's own way.
    ///   - token: the access token, whose signature was verified.
    ///   - text: the same as it came.
    ///   - options: what the route asks for.
    func checkProof(
        _ exchange: SessionExchange?, _ token: UnverifiedAccessToken, _ text: String, _ options: VerifyOptions
    ) throws(SessionError) {
        guard options.checksProof ?? (configuration.dpop == .everyCall),
            let key = token.visiblePayload.flatMap(ConfirmationClaim.key)
        else { return }
        guard let exchange else {
            throw .misconfigured("the proof of a client's key needs a request: pass checksProof: false")
        }
        let now = clock.time()
        let fields = exchange.request.headerFields[values: .dpop]
        let proof = PresentedProof(fields.joined(separator: ", "), for: settings.proofTarget(of: exchange.request))
        guard let (judgement, name) = proof.judged(beside: text, at: now, nonceKey: callProofs.nonceKey) else {
            throw .callProofNeeded(nonce: nil)
        }
        switch judgement {
        case .good(key, _):
            // One request may be asked about more than once.
            if exchange.changes.proof == name { return }
            guard callProofs.isNew(name, at: now) else { throw .callProofNeeded(nonce: nil) }
            exchange.changes.proof = name
        case .late(key):
            throw .callProofNeeded(
                nonce: ProofNonce.make(at: now, random: clock.randomBits(), key: callProofs.nonceKey))
        case .good, .late, .absent, .invalid: throw .callProofNeeded(nonce: nil)
        }
    }
}

/// The proofs that came with access tokens: each is good for one request to this process (RFC 9449 section 11.1).
final class CallProofs: Sendable {
    /// The secret of this process's nonces.
    let nonceKey: [UInt8]
    private let names: RecentNames

    init(_ clock: ClockAndRandomness) {
        nonceKey = ProofNonce.newKey(clock.randomBits)
        names = ProofNonce.names(at: clock.time())
    }

    /// Whether a proof comes for the first time; from then on it does not.
    func isNew(_ name: [UInt8], at now: Timestamp) -> Bool { names.isNew(name, at: now) }
}
