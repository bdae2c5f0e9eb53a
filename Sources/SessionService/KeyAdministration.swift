public import SessionEngine
public import SessionStorage

/// What an operator does with an app's signing keys (docs/decisions/0024); running cores follow within a second.
public struct KeyAdministration: Sendable {
    /// A key as an operator sees it.
    public struct Entry: Sendable, Equatable {
        /// Its name.
        public let id: KeyID
        /// Whether it is replaced on schedule.
        public let kind: SigningKeyKind
        /// Its algorithm.
        public let algorithm: SigningAlgorithm
        /// When it was made.
        public let createdAt: Timestamp
        /// What it is used for now.
        public let state: KeyState
        /// When it may begin to sign, or when it could.
        public let signsFrom: Timestamp
        /// Until when its tokens are accepted; `nil` for ever.
        public let verifiesUntil: Timestamp?
        /// The name of its private half at the signer outside the process; `nil` where it is stored here.
        public let signerKeyName: SignerKeyName?
    }

    private let keys: SigningKeyManager
    private let policy: SessionPolicy
    private let clock: ClockAndRandomness

    /// Looks after an app's keys.
    ///
    /// - Parameters:
    ///   - store: where they are, decrypted.
    ///   - policy: what the operator decided.
    ///   - clock: the clock and the source of randomness.
    ///   - keyPool: where signing keys come from.
    ///   - note: what an operator said about the changes, for the audit log.
    public init(
        store: any KeyStore, policy: SessionPolicy, clock: ClockAndRandomness = .system,
        keyPool: SigningKeyPool = SigningKeyPool(), note: AuditNote? = nil
    ) {
        keys = SigningKeyManager(
            store: store, clock: clock, schedule: policy.keySchedule, pool: keyPool,
            keepsAuditLog: policy.auditRetention != nil, actor: .administrator, note: note)
        self.policy = policy
        self.clock = clock
    }

    /// All keys, dynamic ones first and the newest first.
    ///
    /// - Throws: ``ServiceError``.
    public func list() async throws(ServiceError) -> [Entry] {
        try await keys.reload()
        let (ring, now) = (keys.ring, clock.time())
        return (ring.dynamicKeys + ring.staticKeys).map { entry($0, in: ring, at: now) }
    }

    private func entry(_ key: SigningKey, in ring: KeyRing, at now: Timestamp) -> Entry {
        Entry(
            id: key.id, kind: key.kind, algorithm: key.algorithm, createdAt: key.createdAt,
            state: ring.state(of: key, algorithm: policy.signingAlgorithm, at: now, schedule: policy.keySchedule),
            signsFrom: ring.signingStart(of: key, schedule: policy.keySchedule),
            verifiesUntil: key.kind == .static ? nil : ring.retirement(of: key, schedule: policy.keySchedule),
            signerKeyName: key.externalName)
    }

    /// Makes a key ahead of its time.
    ///
    /// It is published at once and signs when every verifier can know it; until then the old key signs.
    ///
    /// - Parameter kind: which kind of key.
    /// - Returns: the new key.
    /// - Throws: ``ServiceError``.
    public func rotate(_ kind: SigningKeyKind) async throws(ServiceError) -> Entry {
        let id = try await keys.make(kind, policy.signingAlgorithm)
        guard let entry = try await list().first(where: { $0.id == id }) else {
            throw .storage(
                StorageError(.unavailable, "others changed the keys at the same time; run the command again"))
        }
        return entry
    }

    /// Deletes keys: their tokens are refused from then on, and their holders have to refresh.
    ///
    /// - Parameter wanted: which keys.
    /// - Returns: the names of those that there were.
    /// - Throws: ``ServiceError``.
    public func retire(_ wanted: @escaping @Sendable (KeyID, SigningKeyKind) -> Bool) async throws(ServiceError)
        -> [KeyID]
    {
        do throws(StorageError) { return try await keys.retire(wanted) } catch { throw .storage(error) }
    }
}
