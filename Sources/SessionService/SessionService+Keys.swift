public import LosslessJSON
public import SessionEngine

/// The published keys with how long they may be kept.
public struct PublishedKeys: Sendable {
    /// The keys, an array of JWKs (RFC 7517).
    public let keys: JSONValue
    /// For how many seconds a verifier may keep them.
    public let maxAgeSeconds: Int64
}

/// The key that verifies tokens of formats without a key id, for SDKs that verify locally.
public struct LegacyVerificationKey: Sendable {
    /// SubjectPublicKeyInfo DER in standard base64.
    public let spkiBase64: String
    /// When the SDK should ask again.
    public let expiresAt: Timestamp
}

extension SessionService {
    /// The key set for everybody who verifies tokens.
    ///
    /// Made on first use.
    ///
    /// - Throws: ``ServiceError``.
    public func publishedKeys() async throws(ServiceError) -> PublishedKeys {
        try await keys.prepare(policy.signingAlgorithm)
        let now = ambient.time()
        let ring = keys.ring
        do {
            return PublishedKeys(
                keys: try ring.jwks(at: now, schedule: policy.keySchedule),
                maxAgeSeconds: ring.cacheLifetimeSeconds(at: now, schedule: policy.keySchedule))
        } catch {
            throw .signing(.cryptographyFailed)
        }
    }

    /// The key that signs V1 and V2 tokens of a kind now, with the end of its use (spec `core-wire` 1.5).
    ///
    /// A static key never ends; ten years from its making stand for that, because SDKs compare with the clock.
    ///
    /// - Throws: ``ServiceError``.
    public func legacyVerificationKey(_ kind: SigningKeyKind) async throws(ServiceError) -> LegacyVerificationKey {
        let key = try await keys.signer(kind, .rs256)
        let expiresAt =
            kind == .dynamic
            ? policy.keySchedule.signingEnd(ofKeyMadeAt: key.createdAt)
            : key.createdAt + .seconds(10 * 365 * 24 * 3_600)
        return LegacyVerificationKey(spkiBase64: key.verificationKey.spkiBase64, expiresAt: expiresAt)
    }
}
