import Foundations
public import LosslessJSON

/// The signing keys of one app, and the rules of who signs and who verifies (docs/specification/core.md 5).
public struct KeyRing: Sendable {
    /// Dynamic keys, newest first.
    public let dynamicKeys: [SigningKey]
    /// Static keys, newest first.
    public let staticKeys: [SigningKey]

    public init(_ keys: [SigningKey] = []) {
        let newestFirst = keys.sorted { ($1.createdAt, $1.id.rawValue) < ($0.createdAt, $0.id.rawValue) }
        dynamicKeys = newestFirst.filter { $0.kind == .dynamic }
        staticKeys = newestFirst.filter { $0.kind == .static }
    }

    /// The key that signs a new token, or `nil` when it has to be made first.
    ///
    /// The newest dynamic key signs, unless it is newer than the overlap and its predecessor may still sign: then every
    /// verifier has had time to see a key before its first token.
    public func signer(
        _ kind: SigningKeyKind, _ algorithm: SigningAlgorithm, at now: Timestamp, schedule: KeySchedule
    ) -> SigningKey? {
        guard kind == .dynamic else { return staticKeys.first { $0.algorithm == algorithm } }
        let candidates = dynamicKeys.filter { $0.algorithm == algorithm }
        guard let newest = candidates.first, now < schedule.signingEnd(ofKeyMadeAt: newest.createdAt) else {
            return nil
        }
        let isFresh = now < newest.createdAt + schedule.publicationOverlap
        if isFresh, let previous = candidates.dropFirst().first,
            now < schedule.signingEnd(ofKeyMadeAt: previous.createdAt)
        {
            return previous
        }
        return newest
    }

    /// Whether a key has to be made now, so that one can sign later without a gap.
    public func lacksKey(
        _ kind: SigningKeyKind, _ algorithm: SigningAlgorithm, at now: Timestamp, schedule: KeySchedule
    ) -> Bool {
        guard kind == .dynamic else { return !staticKeys.contains { $0.algorithm == algorithm } }
        guard let newest = dynamicKeys.first(where: { $0.algorithm == algorithm }) else { return true }
        return now > schedule.successorDue(ofKeyMadeAt: newest.createdAt)
    }

    /// The keys whose tokens are accepted at a time.
    public func verificationKeys(at now: Timestamp, schedule: KeySchedule) -> VerificationKeys {
        VerificationKeys(published(at: now, schedule: schedule).map(\.verificationKey))
    }

    /// The last moment at which the keys that are accepted now are still the accepted ones.
    public func nextRetirement(after now: Timestamp, schedule: KeySchedule) -> Timestamp {
        dynamicKeys.map { schedule.retirement(ofKeyMadeAt: $0.createdAt) }.filter { now <= $0 }.min()
            ?? Timestamp(milliseconds: .max)
    }

    /// The published keys: dynamic ones until they retire, newest first, then the static ones.
    public func published(at now: Timestamp, schedule: KeySchedule) -> [SigningKey] {
        dynamicKeys.filter { now <= schedule.retirement(ofKeyMadeAt: $0.createdAt) } + staticKeys
    }

    /// The dynamic keys that no one needs any more.
    public func retired(at now: Timestamp, schedule: KeySchedule) -> [KeyID] {
        dynamicKeys.filter { schedule.retirement(ofKeyMadeAt: $0.createdAt) < now }.map(\.id)
    }

    /// The published key set (RFC 7517 section 5).
    ///
    /// - Throws: the cryptographic library's error; never for a key that it made or read itself.
    public func jwks(at now: Timestamp, schedule: KeySchedule) throws -> JSONValue {
        .array(try published(at: now, schedule: schedule).map { .object(try $0.verificationKey.jwk()) })
    }

    /// For how long a verifier may keep the key set, in seconds, at least 1: until a successor is due.
    ///
    /// Every algorithm that still signs has a newest key, and the first of them to need a successor decides.
    public func cacheLifetimeSeconds(at now: Timestamp, schedule: KeySchedule) -> Int64 {
        let newest = SigningAlgorithm.allCases.compactMap { algorithm in
            dynamicKeys.first { $0.algorithm == algorithm }?.createdAt
        }
        let signing = newest.filter { now < schedule.signingEnd(ofKeyMadeAt: $0) }
        guard let due = signing.map(schedule.successorDue(ofKeyMadeAt:)).min() else { return 1 }
        return max(1, (due - now).count / 1000)
    }

    /// The id of a new key that no key has yet: `d-<creation time in ms>` or `s-<uuid>`.
    ///
    /// - Returns: the id and, for a dynamic key, the creation time that it names, moved on until it is free.
    public func makeID(
        _ kind: SigningKeyKind, at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> (id: KeyID, createdAt: Timestamp)? {
        guard kind == .dynamic else {
            return KeyID("s-\(RandomText.uuid(using: &random))").map { ($0, now) }
        }
        let taken = Set(dynamicKeys.map(\.createdAt))
        var time = now
        while taken.contains(time) { time = time + Milliseconds(1) }
        return KeyID("d-\(max(0, time.milliseconds))").map { ($0, time) }
    }
}
