import Foundations
import SessionEngine
import SessionStorage
import Synchronization

/// Holds an app's signing keys in memory, makes new ones when they are due and finds those that others made.
final class SigningKeyManager: Sendable {
    struct Need: Hashable {
        let kind: SigningKeyKind
        let algorithm: SigningAlgorithm
        /// Whether a key of another algorithm may sign until one of this algorithm can.
        var allowsOther = false

        /// For what is signed with RSA alone.
        static func rsa(_ kind: SigningKeyKind) -> Need { Need(kind: kind, algorithm: .rs256) }
    }

    /// A key that signs, and for how long it does.
    struct Signer {
        let key: SigningKey
        let isSuccessorDue: Bool
        let since: Timestamp
        let until: Timestamp
    }

    struct State {
        var ring: KeyRing
        /// Counts the changes of the ring.
        var generation = 0
        var verification: (keys: VerificationKeys, until: Timestamp)?
        var signers: [Need: Signer] = [:]
        var creations: [Need: Task<Void, any Error>] = [:]
        /// The keys of which storage knows that they have signed.
        var used: Set<KeyID> = []
        /// The reading under way because of an unknown key, and when the last one began and ended.
        var reading: Reading?
        var reloaded: (begun: Timestamp, ended: Timestamp)?
        var comparison = Comparison()
        /// The names of the keys that were stored when another process's changes were last looked for.
        var followed: Set<String>?
        /// When the creation of a key last failed.
        var failures: [Need: Timestamp] = [:]
        /// Keys that a signer outside this process has made and that are not known to be stored.
        var unstored: [Need: SigningKey] = [:]
    }

    let state: Mutex<State>
    let store: any KeyStore
    let clock: ClockAndRandomness
    let schedule: KeySchedule
    let pool: SigningKeyPool
    private let keepsAuditLog: Bool
    /// Who changes keys here, for the audit log.
    private let actor: AuditActor
    /// What an operator said about the changes that are made here.
    private let note: AuditNote?

    init(
        store: any KeyStore, clock: ClockAndRandomness, schedule: KeySchedule, pool: SigningKeyPool,
        keepsAuditLog: Bool, actor: AuditActor = .core, note: AuditNote? = nil
    ) {
        state = Mutex(State(ring: KeyRing(signsExternally: pool.external != nil)))
        self.store = store
        self.clock = clock
        self.schedule = schedule
        self.pool = pool
        self.keepsAuditLog = keepsAuditLog
        self.actor = actor
        self.note = note
    }

    /// The keys as they are known here and now.
    var ring: KeyRing { state.withLock { $0.ring } }

    /// Changes whenever the keys do; a verification that failed is worth repeating only then.
    var generation: Int { state.withLock { $0.generation } }

    /// The keys whose tokens are accepted now; put together once and kept until a key comes or retires.
    func verificationKeys(at now: Timestamp) -> VerificationKeys {
        state.withLock { state in
            if let (keys, until) = state.verification, now <= until { return keys }
            let keys = state.ring.verificationKeys(at: now, schedule: schedule)
            let until = state.ring.nextRetirement(after: now, schedule: schedule)
            state.verification = (keys, until)
            return keys
        }
    }

    /// The key that signs now; made first if there is none.
    ///
    /// A successor that is due is made in the background.
    ///
    /// - Parameter need: which kind of key and algorithm.
    func signer(_ need: Need) async throws(ServiceError) -> SigningKey {
        let new = Need(kind: need.kind, algorithm: need.algorithm)
        for _ in 0..<3 {
            let now = clock.time()
            if let signer = known(need, at: now) {
                if signer.isSuccessorDue, !hasFailed(new, at: now) { _ = creation(of: new) }
                await noteUse(of: signer.key.id, at: now)
                return signer.key
            }
            try await ensure(new)
        }
        throw .storage(StorageError(.unavailable, "no signing key could be made"))
    }

    /// Whether a creation has failed a moment ago: as long as another key signs, it is not begun by every sign-in.
    private func hasFailed(_ need: Need, at now: Timestamp) -> Bool {
        state.withLock { state in
            state.failures[need].map { $0 <= now && now < $0 + Self.pauseAfterFailure } ?? false
        }
    }

    private static let pauseAfterFailure = Milliseconds(1_000)

    /// The key in memory that signs; found once and kept until another one's time comes.
    private func known(_ need: Need, at now: Timestamp) -> Signer? {
        state.withLock { state in
            if let signer = state.signers[need], signer.since <= now, now <= signer.until { return signer }
            let key = state.ring.signer(
                need.kind, need.algorithm, orOther: need.allowsOther, at: now, schedule: schedule)
            state.signers[need] = key.map { key in
                Signer(
                    key: key,
                    isSuccessorDue: state.ring.lacksKey(need.kind, need.algorithm, at: now, schedule: schedule),
                    since: now, until: state.ring.nextChangeOfSigner(after: now, schedule: schedule))
            }
            return state.signers[need]
        }
    }

    /// Makes the keys that the published set always has: a dynamic one and a static one.
    func prepare(_ algorithm: SigningAlgorithm) async throws(ServiceError) {
        try await reload()
        for kind in [SigningKeyKind.dynamic, .static] {
            let need = Need(kind: kind, algorithm: algorithm)
            if ring.lacksKey(kind, algorithm, at: clock.time(), schedule: schedule) { try await ensure(need) }
        }
        let known = ring
        for key in [known.dynamicKeys.first, known.staticKeys.first] { key?.prepareToSign() }
    }

    /// Stores once that a key signs.
    ///
    /// A signature does not wait for a storage that fails; the next one stores it.
    private func noteUse(of id: KeyID, at now: Timestamp) async {
        guard state.withLock({ !$0.used.contains(id) }) else { return }
        let events = events(.keyUsed, [id], at: now)
        let stored = try? await store.updateSigningKeys { keys in
            guard let key = keys.first(where: { $0.id == id && $0.firstUsedAt == nil }) else { return .none }
            return SigningKeyChange(updating: [key.used(since: now)], events: events)
        }
        if stored != nil { state.withLock { _ = $0.used.insert(id) } }
    }

    /// Keeps a dynamic key published for a token that lives longer than the schedule keeps the key.
    ///
    /// A token may not outlive its key. The key is kept for a day more, so that many tokens cost one write.
    func keep(_ key: SigningKey, until end: Timestamp) async throws(ServiceError) {
        guard key.kind == .dynamic, ring.retirement(of: key, schedule: schedule) < end else { return }
        let day = Milliseconds.seconds(86_400)
        let end = end + day
        do throws(StorageError) {
            let records = try await store.updateSigningKeys { keys in
                guard var record = keys.first(where: { $0.id == key.id }) else { return .none }
                record.verifiesUntil = max(end, record.verifiesUntil ?? end)
                // One that was made by a SuperTokens core is not among ours yet.
                return SigningKeyChange(adding: [record], updating: [record])
            }
            guard records.contains(where: { $0.id == key.id && $0.verifiesUntil.map { end <= $0 } ?? false }) else {
                throw StorageError(.unavailable, "the signing key \(key.id.rawValue) was retired; ask again")
            }
            try adopt(records)
        } catch {
            throw .storage(error)
        }
    }

    func events(_ name: AuditEvent.Name, _ keys: [KeyID], at now: Timestamp) -> [AuditEvent] {
        keepsAuditLog ? keys.map { .key(name, $0.rawValue, by: actor, note: note, at: now) } : []
    }

    private func ensure(_ need: Need) async throws(ServiceError) {
        do {
            try await creation(of: need).value
        } catch {
            throw Self.serviceError(error)
        }
    }

    static func serviceError(_ error: any Error) -> ServiceError {
        switch error {
        case let error as StorageError: .storage(error)
        case let error as SigningError: .signing(error)
        default: .signing(.cryptographyFailed)
        }
    }

    /// The one creation under way for a need; many callers share it.
    private func creation(of need: Need) -> Task<Void, any Error> {
        state.withLock { state in
            if let task = state.creations[need] { return task }
            let task = Task {
                defer { self.state.withLock { $0.creations[need] = nil } }
                do { try await self.create(need) } catch {
                    self.state.withLock { $0.failures[need] = self.clock.time() }
                    throw error
                }
            }
            state.creations[need] = task
            return task
        }
    }

    /// Makes a key and stores it, unless the stored keys are no longer those that made it necessary.
    private func create(_ need: Need) async throws {
        try await load()
        let known = ring
        let now = clock.time()
        guard known.lacksKey(need.kind, need.algorithm, at: now, schedule: schedule) else {
            state.withLock { $0.unstored[need] = nil }
            return
        }
        var random = clock.random
        guard let (id, createdAt) = known.makeID(need.kind, at: now, using: &random) else { return }
        let key = try await key(for: need, id, createdAt, beside: known)
        let record = SigningKeyRecord(key)
        let basis = Set((known.dynamicKeys + known.staticKeys).map(\.id))
        let retired = known.retired(at: now, schedule: schedule)
        let events = events(.keyCreated, [record.id], at: now) + events(.keyRetired, retired, at: now)
        let records = try await store.updateSigningKeys { stored in
            guard Set(stored.map(\.id)) == basis else { return .none }
            return SigningKeyChange(adding: [record], removing: retired, events: events)
        }
        state.withLock { $0.unstored[need] = nil }
        let isStored = records.contains { $0.id == key.id && $0.privateKeyDER == record.privateKeyDER }
        let gone = (known.dynamicKeys + known.staticKeys).filter { key in !records.contains { $0.id == key.id } }
        deleteExternally(isStored ? gone : gone + [key])
        try adopt(records)
    }

    /// A new key, or the one that a signer outside this process has made and that could not be stored.
    ///
    /// So a storage that fails does not have a key made by each request. Whether it was stored after all is known by then.
    private func key(
        for need: Need, _ id: KeyID, _ createdAt: Timestamp, beside known: KeyRing
    ) async throws -> SigningKey {
        let stored = Set((known.dynamicKeys + known.staticKeys).map(\.id))
        if let made = state.withLock({ $0.unstored[need] }), !stored.contains(made.id) {
            return SigningKey(id: made.id, kind: need.kind, createdAt: createdAt, privateKey: made.privateKey)
        }
        let key = SigningKey(
            id: id, kind: need.kind, createdAt: createdAt, privateKey: try await pool.key(need.algorithm, named: id))
        if key.externalName != nil { state.withLock { $0.unstored[need] = key } }
        return key
    }

    /// Has the signer outside this process delete what no record names any more; it says itself what it cannot
    /// delete now.
    private func deleteExternally(_ keys: [SigningKey]) {
        guard let external = pool.external else { return }
        let names = keys.compactMap(\.externalName)
        guard !names.isEmpty else { return }
        Task { for name in names { try? await external.deleteKey(name) } }
    }

    /// Deletes the keys whose last token has expired; the creation of a key does so too.
    ///
    /// - Returns: how many there were.
    func removeRetired() async throws(StorageError) -> Int {
        try await load()
        let now = clock.time()
        let retired = ring.retired(at: now, schedule: schedule)
        guard !retired.isEmpty else { return 0 }
        let gone = (ring.dynamicKeys + ring.staticKeys).filter { retired.contains($0.id) }
        let records = try await store.updateSigningKeys { stored in
            let present = stored.map(\.id).filter(retired.contains)
            return SigningKeyChange(removing: present, events: self.events(.keyRetired, present, at: now))
        }
        try adopt(records)
        deleteExternally(gone)
        return retired.count
    }

    /// Reads the keys again if others are stored than when this was last asked, or, the first time, than are in memory.
    ///
    /// - Parameter stored: the names of the keys that are stored.
    func follow(_ stored: Set<String>) async throws(ServiceError) {
        let isKnown = state.withLock { state in
            stored == state.followed ?? Set((state.ring.dynamicKeys + state.ring.staticKeys).map(\.id.rawValue))
        }
        if !isKnown {
            do throws(StorageError) { try await load() } catch {
                // A row that cannot be read must not keep a key in use that was retired.
                if error.code == .corrupt { forget { !stored.contains($0.rawValue) } }
                throw .storage(error)
            }
        }
        state.withLock { $0.followed = stored }
    }

    private func forget(_ isGone: (KeyID) -> Bool) {
        state.withLock { state in
            let keys = state.ring.dynamicKeys + state.ring.staticKeys
            let left = keys.filter { !isGone($0.id) }
            guard left.count < keys.count else { return }
            (state.ring, state.verification, state.signers) = (
                KeyRing(left, signsExternally: pool.external != nil), nil, [:]
            )
            state.generation += 1
        }
    }

    /// Reads the keys from storage, where another process may have added some.
    func reload() async throws(ServiceError) {
        do throws(StorageError) { try await load() } catch { throw .storage(error) }
    }

    func load() async throws(StorageError) {
        try adopt(try await store.updateSigningKeys { _ in .none })
    }

    /// Takes over stored keys; those already in memory are not parsed again.
    func adopt(_ records: [SigningKeyRecord]) throws(StorageError) {
        let known = Dictionary((ring.dynamicKeys + ring.staticKeys).map { ($0.id, $0) }) { first, _ in first }
        var keys: [SigningKey] = []
        for record in records {
            if var key = known[record.id] {
                key.verifiesUntil = record.verifiesUntil
                keys.append(key)
            } else {
                keys.append(pool.signers.opened(try record.signingKey()))
            }
        }
        let adopted = KeyRing(keys, signsExternally: pool.external != nil)
        state.withLock { state in
            if keys.count != known.count || !keys.allSatisfy({ known[$0.id] != nil }) { state.generation += 1 }
            state.ring = adopted
            (state.verification, state.signers) = (nil, [:])
        }
    }
}
