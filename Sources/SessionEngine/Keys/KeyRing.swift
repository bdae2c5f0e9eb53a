import Foundations
public import LosslessJSON

/// The signing keys of one app, and the rules of who signs and who verifies (docs/specification/core.md 5).
public struct KeyRing: Sendable {
    /// Dynamic keys, newest first.
    public let dynamicKeys: [SigningKey]
    /// Static keys, newest first.
    public let staticKeys: [SigningKey]

    /// Whether a signer outside this process signs: its keys are the ones that are made, and those that this process has
    /// sign until one of them can.
    private let signsExternally: Bool

    /// Creates a ring of keys.
    ///
    /// - Parameters:
    ///   - keys: the keys, in any order.
    ///   - signsExternally: whether a signer outside this process signs; without one its keys verify and never sign.
    public init(_ keys: [SigningKey] = [], signsExternally: Bool = false) {
        self.signsExternally = signsExternally
        let newestFirst = keys.sorted { ($1.createdAt, $1.id.rawValue) < ($0.createdAt, $0.id.rawValue) }
        dynamicKeys = newestFirst.filter { $0.kind == .dynamic }
        staticKeys = newestFirst.filter { $0.kind == .static }
    }

    /// The key that signs a new token, or `nil` when it has to be made first.
    ///
    /// The newest key of the algorithm signs whose signatures every verifier can check by now
    /// (``signingStart(of:schedule:)``). Until there is one, a key of another algorithm continues to sign where that is
    /// allowed, and a key too new for verifiers signs only where there is no other.
    ///
    /// - Parameters:
    ///   - kind: which kind of key.
    ///   - algorithm: the algorithm that is wanted.
    ///   - allowsOther: whether a key of another algorithm may sign until one of this algorithm can.
    ///   - now: the time.
    ///   - schedule: when keys are replaced.
    public func signer(
        _ kind: SigningKeyKind, _ algorithm: SigningAlgorithm, orOther allowsOther: Bool = false, at now: Timestamp,
        schedule: KeySchedule
    ) -> SigningKey? {
        let usable = keys(kind).filter { key in
            guard signsExternally || !key.privateKey.isExternal else { return false }
            return key.kind == .static
                || !isFromTheFuture(key, at: now) && now < schedule.signingEnd(ofKeyMadeAt: key.createdAt)
        }
        let wanted = usable.filter { $0.algorithm == algorithm }
        guard let newest = wanted.first else { return nil }
        func canSign(_ key: SigningKey) -> Bool { signingStart(of: key, schedule: schedule) <= now }
        return wanted.first(where: canSign) ?? (allowsOther ? usable.first(where: canSign) : nil) ?? newest
    }

    private func keys(_ kind: SigningKeyKind) -> [SigningKey] { kind == .dynamic ? dynamicKeys : staticKeys }

    /// When a key may begin to sign: once no verifier has a key set in its cache any more that was published before it,
    /// and once it was published for the overlap.
    ///
    /// The first key of all signs at once.
    public func signingStart(of key: SigningKey, schedule: KeySchedule) -> Timestamp {
        let older = KeyRing((dynamicKeys + staticKeys).filter { $0.createdAt < key.createdAt })
        guard !(older.dynamicKeys.isEmpty && older.staticKeys.isEmpty) else { return key.createdAt }
        return max(
            key.createdAt + max(schedule.publicationOverlap, Self.unnoticedPeriod),
            older.lastCacheEnd(at: key.createdAt, schedule: schedule))
    }

    /// For how long a verifier may have a set without a new key at least: another node may publish one for a second more,
    /// to be kept for a second.
    private static let unnoticedPeriod = Milliseconds.seconds(2)

    /// Whether a key was made by a clock that was far ahead: it is as if it were not there, so that its successor is not
    /// put off for years.
    public func isFromTheFuture(_ key: SigningKey, at now: Timestamp) -> Bool {
        key.kind == .dynamic && now + Self.clockTolerance < key.createdAt
    }

    /// How far the clocks of two processes may differ, or one may be put back, before new keys are made: a day, so that a
    /// wrong time zone changes nothing.
    private static let clockTolerance = Milliseconds.seconds(86_400)

    /// Whether a key has to be made now, so that one can sign later without a gap.
    public func lacksKey(
        _ kind: SigningKeyKind, _ algorithm: SigningAlgorithm, at now: Timestamp, schedule: KeySchedule
    ) -> Bool {
        func isWanted(_ key: SigningKey) -> Bool {
            key.algorithm == algorithm && key.privateKey.isExternal == signsExternally
        }
        guard kind == .dynamic else { return !staticKeys.contains(where: isWanted) }
        let newest = dynamicKeys.first { isWanted($0) && !isFromTheFuture($0, at: now) }
        return newest.map { now > schedule.successorDue(ofKeyMadeAt: $0.createdAt) } ?? true
    }

    /// The last moment at which ``signer(_:_:orOther:at:schedule:)`` and ``lacksKey(_:_:at:schedule:)`` are what they are
    /// now.
    public func nextChangeOfSigner(after now: Timestamp, schedule: KeySchedule) -> Timestamp {
        let moments = (dynamicKeys + staticKeys).flatMap { key -> [Timestamp] in
            let beforeStart = signingStart(of: key, schedule: schedule) + Milliseconds(-1)
            guard key.kind == .dynamic else { return [beforeStart] }
            return [
                beforeStart, schedule.signingEnd(ofKeyMadeAt: key.createdAt) + Milliseconds(-1),
                schedule.successorDue(ofKeyMadeAt: key.createdAt), key.createdAt + Self.beforeTolerance,
            ]
        }
        return moments.filter { now <= $0 }.min() ?? Timestamp(milliseconds: .max)
    }

    /// From the making of a key to the last moment at which it is from the future.
    private static let beforeTolerance = Milliseconds(-clockTolerance.count - 1)

    /// What a key is used for.
    ///
    /// - Parameters:
    ///   - key: one of these keys.
    ///   - algorithm: what signs the formats that leave the choice; older formats are always signed with RS256.
    ///   - now: the time.
    ///   - schedule: when keys are replaced.
    public func state(
        of key: SigningKey, algorithm: SigningAlgorithm, at now: Timestamp, schedule: KeySchedule
    ) -> KeyState {
        if isFromTheFuture(key, at: now) { return .fromTheFuture }
        if key.kind == .dynamic, retirement(of: key, schedule: schedule) < now { return .expired }
        let signers = [
            signer(key.kind, algorithm, orOther: true, at: now, schedule: schedule),
            signer(key.kind, .rs256, at: now, schedule: schedule),
        ]
        if signers.contains(where: { $0?.id == key.id }) { return .signing }
        return now < signingStart(of: key, schedule: schedule) ? .published : .verifying
    }

    /// The keys whose tokens are accepted at a time.
    public func verificationKeys(at now: Timestamp, schedule: KeySchedule) -> VerificationKeys {
        VerificationKeys(published(at: now, schedule: schedule).map(\.verificationKey))
    }

    /// The last moment at which the keys that are accepted now are still the accepted ones.
    public func nextRetirement(after now: Timestamp, schedule: KeySchedule) -> Timestamp {
        dynamicKeys.flatMap { [retirement(of: $0, schedule: schedule), $0.createdAt + Self.beforeTolerance] }
            .filter { now <= $0 }.min() ?? Timestamp(milliseconds: .max)
    }

    /// The published keys: dynamic ones until they retire, newest first, then the static ones.
    public func published(at now: Timestamp, schedule: KeySchedule) -> [SigningKey] {
        dynamicKeys.filter { key in
            !isFromTheFuture(key, at: now) && now <= retirement(of: key, schedule: schedule)
        } + staticKeys
    }

    /// When a dynamic key stops verifying: by the schedule, or with the last token of it that lives longer.
    package func retirement(of key: SigningKey, schedule: KeySchedule) -> Timestamp {
        let scheduled = schedule.retirement(ofKeyMadeAt: key.createdAt)
        return key.verifiesUntil.map { max($0, scheduled) } ?? scheduled
    }

    /// The dynamic keys that no one needs any more.
    ///
    /// The newest key of each algorithm that has retired stays until the next one retires: a clock that runs ahead makes
    /// good keys look old, and they are needed again when it is put right.
    public func retired(at now: Timestamp, schedule: KeySchedule) -> [KeyID] {
        let retired = dynamicKeys.filter { retirement(of: $0, schedule: schedule) < now }
        let newest = SigningAlgorithm.allCases.compactMap { algorithm in
            retired.first { $0.algorithm == algorithm }?.id
        }
        return retired.map(\.id).filter { !newest.contains($0) }
    }

    /// The published key set (RFC 7517 section 5).
    ///
    /// - Throws: the cryptographic library's error; never for a key that it made or read itself.
    public func jwks(at now: Timestamp, schedule: KeySchedule) throws -> JSONValue {
        .array(try published(at: now, schedule: schedule).map { .object(try $0.verificationKey.jwk()) })
    }

    /// For how long a verifier may keep the key set, in seconds, at least 1: until a successor is due.
    public func cacheLifetimeSeconds(at now: Timestamp, schedule: KeySchedule) -> Int64 {
        max(1, (lastCacheEnd(at: now, schedule: schedule) - now).count / 1_000)
    }

    /// When the last copy of the key set ends that verifiers have fetched up to a time: when the next successor is due.
    ///
    /// Every algorithm that still signs has a newest key, and the first of them to need a successor decides.
    private func lastCacheEnd(at now: Timestamp, schedule: KeySchedule) -> Timestamp {
        let newest = SigningAlgorithm.allCases.compactMap { algorithm in
            dynamicKeys.first { $0.algorithm == algorithm && !isFromTheFuture($0, at: now) }?.createdAt
        }
        let signing = newest.filter { now < schedule.signingEnd(ofKeyMadeAt: $0) }
        let due = signing.map(schedule.successorDue(ofKeyMadeAt:)).min()
        return max(due ?? now, now + .seconds(1))
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

/// What a signing key is used for.
public enum KeyState: String, Sendable, CaseIterable {
    /// It is published, so that verifiers know it before it signs.
    case published
    /// It signs.
    case signing
    /// It signs no more, and tokens of it are accepted.
    case verifying
    /// Tokens of it are refused; it is kept for a while in case the clock is wrong.
    case expired
    /// A clock that was far ahead made it, and it is not used.
    case fromTheFuture = "from-the-future"
}
