import Foundations
import SessionEngine
import SessionStorage

/// A token that was signed before the step of storage that decides whether it is given.
struct TokenAhead: Sendable {
    let claims: AccessTokenClaims
    let kind: SigningKeyKind
    let token: AccessToken
}

/// What a step of storage has decided where a token was signed ahead of it.
enum AheadOutcome<Outcome: Sendable>: Sendable {
    /// It is done, and the token is good for it.
    case decided(Outcome)
    /// The step needs a token that is not signed yet: nothing was changed.
    case needs(AccessTokenClaims, SigningKeyKind)
}

extension SessionManager {
    /// Whether a signer outside this process signs: then tokens are signed before anything is written, so that a signer
    /// that stops never leaves a session rotated and its client without a token (docs/decisions/0050).
    var signsAhead: Bool { keys.pool.external != nil }

    /// How often a token is signed again because its session was changed meanwhile.
    private static let attempts = 8

    func sign(_ claims: AccessTokenClaims, _ kind: SigningKeyKind) async throws(ServiceError) -> AccessToken {
        let need = SigningKeyManager.Need(
            kind: kind, algorithm: policy.algorithm(for: claims.format), allowsOther: !claims.format.isLegacy)
        let key = try await keys.signer(need)
        guard key.externalName != nil else {
            return try noted(key) { () throws(SigningError) in try AccessToken(signing: claims, with: key) }
        }
        return try await signed(with: key, need) { key throws(ServiceError) in
            let input = try signing { () throws(SigningError) in try AccessToken.signingInput(of: claims, for: key) }
            return AccessToken(claims, signingInput: input, signature: try await signature(over: input, by: key))
        }
    }

    /// Signs what an application has to have signed, or an event, as a JWS in compact form.
    func signedText(
        _ need: SigningKeyManager.Need,
        _ input: (SigningKey) async throws(ServiceError) -> [UInt8]
    ) async throws(ServiceError) -> String {
        try await signed(with: try await keys.signer(need), need) { key throws(ServiceError) in
            let bytes = try await input(key)
            return CompactToken.text(bytes, signature: try await signature(over: bytes, by: key))
        }
    }

    /// Signs with a key, or with the next one where a signer outside this process does not have it: it may have been retired
    /// a moment ago.
    private func signed<Token>(
        with key: SigningKey, _ need: SigningKeyManager.Need,
        _ sign: (SigningKey) async throws(ServiceError) -> Token
    ) async throws(ServiceError) -> Token {
        do throws(ServiceError) { return try await sign(key) } catch {
            guard error == .signing(.signerLacksKey) else { throw error }
            try await keys.reloadForUnknownKey(madeAt: nil)
            let next = try await keys.signer(need)
            guard next.externalName != key.externalName else { throw error }
            return try await sign(next)
        }
    }

    private func signature(over input: [UInt8], by key: SigningKey) async throws(ServiceError) -> [UInt8] {
        guard let name = key.externalName else {
            return try noted(key) { () throws(SigningError) in try key.signature(over: input) }
        }
        return try await externalSignature(over: input, by: key, name)
    }

    private func externalSignature(
        over input: [UInt8], by key: SigningKey, _ name: SignerKeyName
    ) async throws(ServiceError) -> [UInt8] {
        guard let external = keys.pool.external else { throw .signing(.signerUnavailable) }
        let begun = MonotonicTime.present
        let signature: [UInt8]
        do throws(SigningError) { signature = try await external.signature(over: input, by: name) } catch {
            throw .signing(error)
        }
        // Whether it is good is not looked at: for ES256 that costs more than to make it.
        guard signature.count == key.privateKey.publicKey.signatureLength else { throw .signing(.signerUnavailable) }
        keys.pool.onSignature?(key.algorithm, begun)
        return signature
    }

    /// Makes a signature, and notes its time if the pool says so.
    private func noted<Token>(
        _ key: SigningKey, _ sign: () throws(SigningError) -> Token
    ) throws(ServiceError) -> Token {
        guard let note = keys.pool.onSignature else { return try signing(sign) }
        let begun = MonotonicTime.present
        let token = try signing(sign)
        note(key.algorithm, begun)
        return token
    }

    /// Decides about a session in one step of storage, with a token that is signed before it where a signer outside this
    /// process signs.
    ///
    /// A step that would give a token that is not signed yet writes nothing and says which token it needs: that is signed, and
    /// the step decides again, with the row and the time of then.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - claims: what the token of an outcome says, and which kind of key signs it; `nil` for an outcome without one.
    ///   - decide: the decision.
    /// - Returns: the outcome, and its token if that is signed already.
    /// - Throws: ``ServiceError``: with ``ServiceError/signing(_:)`` nothing was written.
    func update<Outcome: Sendable>(
        _ handle: SessionHandle,
        signing claims: @escaping @Sendable (Outcome) -> (claims: AccessTokenClaims, kind: SigningKeyKind)?,
        _ decide: @escaping @Sendable (SessionRecord?, Timestamp) -> Decision<Outcome>
    ) async throws(ServiceError) -> (Outcome, AccessToken?) {
        guard signsAhead else { return (try await update(handle, decide), nil) }
        var ahead: TokenAhead?
        for _ in 0...Self.attempts {
            let outcome = try await update(handle) { [ahead] record, now in
                let decided = decide(record, now)
                if let wanted = claims(decided.outcome), wanted.claims != ahead?.claims || wanted.kind != ahead?.kind {
                    return Decision(.keep, AheadOutcome<Outcome>.needs(wanted.claims, wanted.kind))
                }
                return Decision(decided.change, .decided(decided.outcome), audit: decided.audit)
            }
            switch outcome {
            case .decided(let outcome): return (outcome, claims(outcome) == nil ? nil : ahead?.token)
            case .needs(let claims, let kind):
                ahead = TokenAhead(claims: claims, kind: kind, token: try await sign(claims, kind))
            }
        }
        throw .storage(StorageError(.unavailable, "the session is changed too often by others; try again"))
    }
}
