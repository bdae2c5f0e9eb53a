public import LosslessJSON
public import SessionEngine

/// The key that verifies tokens of formats without a key id, for SDKs that verify locally.
public struct LegacyVerificationKey: Sendable {
    /// SubjectPublicKeyInfo DER in standard base64.
    public let spkiBase64: String
    /// When the key was made.
    public let createdAt: Timestamp
    /// When the SDK should ask again.
    public let expiresAt: Timestamp
    /// Until when tokens of the key are accepted.
    public let verifiesUntil: Timestamp

    init(_ key: SigningKey, _ schedule: KeySchedule) {
        spkiBase64 = key.verificationKey.spkiBase64
        createdAt = key.createdAt
        switch key.kind {
        case .dynamic:
            expiresAt = schedule.signingEnd(ofKeyMadeAt: key.createdAt)
            verifiesUntil = schedule.retirement(ofKeyMadeAt: key.createdAt)
        case .static:
            // A static key never ends; ten years stand for that, because SDKs compare with the clock.
            expiresAt = key.createdAt + .seconds(10 * 365 * 24 * 3_600)
            verifiesUntil = expiresAt
        }
    }
}

extension SessionManager {
    /// The public JWK Set.
    ///
    /// Made on first use; compared with storage at most once a second, so that any client may ask as often as it likes.
    ///
    /// - Throws: ``ServiceError``.
    public func publishedKeys() async throws(ServiceError) -> PublishedKeys {
        try await keys.prepareForPublication(policy.signingAlgorithm)
        let now = clock.time()
        let ring = keys.ring
        do {
            return PublishedKeys(
                keys: try ring.jwks(at: now, schedule: policy.keySchedule),
                maxAgeSeconds: ring.cacheLifetimeSeconds(at: now, schedule: policy.keySchedule))
        } catch {
            throw .signing(.cryptographyFailed)
        }
    }

    /// Reads the signing keys again, if others are stored than were read last.
    ///
    /// - Parameter stored: the names of the keys that are stored now.
    /// - Throws: ``ServiceError``; the keys stay as they were.
    public func followKeys(_ stored: Set<String>) async throws(ServiceError) { try await keys.follow(stored) }

    /// The key that signs V1 and V2 tokens of a kind now, with the end of its use (docs/specification/core.md 1.5).
    ///
    /// - Throws: ``ServiceError``.
    public func legacyVerificationKey(_ kind: SigningKeyKind) async throws(ServiceError) -> LegacyVerificationKey {
        LegacyVerificationKey(try await keys.signer(.rsa(kind)), policy.keySchedule)
    }

    /// The keys that verify V1 and V2 tokens of a kind, newest first (docs/specification/core.md 1.5).
    ///
    /// - Throws: ``ServiceError``.
    public func legacyVerificationKeys(_ kind: SigningKeyKind) async throws(ServiceError) -> [LegacyVerificationKey] {
        _ = try await keys.signer(.rsa(kind))
        return keys.ring.published(at: clock.time(), schedule: policy.keySchedule)
            .filter { $0.kind == kind && $0.algorithm == .rs256 }
            .map { LegacyVerificationKey($0, policy.keySchedule) }
    }

    /// Signs an application-signed JWT (RFC 7519), RS256, with `iat`, `exp` and `iss` unless the payload has them.
    ///
    /// - Parameters:
    ///   - payload: the claims; they go before those that are added.
    ///   - issuer: who issues it.
    ///   - validity: how long it lives.
    ///   - kind: which kind of key signs.
    /// - Throws: ``ServiceError``.
    public func signToken(
        payload: JSONObject, issuer: String, validity: Milliseconds, kind: SigningKeyKind
    ) async throws(ServiceError) -> String {
        let now = clock.time()
        return try await signedText(.rsa(kind)) { key throws(ServiceError) in
            try await keys.keep(key, until: Self.expiry(of: payload) ?? now + validity)
            return ApplicationToken.signingInput(
                payload: payload, issuer: issuer, issuedAt: now, expiresAt: now + validity, for: key)
        }
    }

    /// When a payload says that its token ends; `nil` when it says nothing that is a time.
    private static func expiry(of payload: JSONObject) -> Timestamp? {
        guard let text = payload["exp"]?.number?.text, let seconds = Double(text), seconds > 0 else { return nil }
        guard seconds < 9e15 else { return Timestamp(milliseconds: .max) }
        return Timestamp(milliseconds: 0) + .seconds(Int64(seconds.rounded(.up)))
    }
}
