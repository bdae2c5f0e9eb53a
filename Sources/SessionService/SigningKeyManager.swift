import Foundations
import SessionEngine
import SessionStorage
import Synchronization

/// Holds an app's signing keys in memory, makes new ones when they are due and finds those that others made.
final class SigningKeyManager: Sendable {
    struct Need: Hashable {
        let kind: SigningKeyKind
        let algorithm: SigningAlgorithm
    }

    struct State {
        var ring = KeyRing()
        /// Counts the changes of the ring.
        var generation = 0
        var verification: (keys: VerificationKeys, until: Timestamp)?
        var creations: [Need: Task<Void, any Error>] = [:]
        /// The keys of which storage knows that they have signed.
        var used: Set<KeyID> = []
        /// The reading under way because of an unknown key, and when the last one began and ended.
        var reading: Reading?
        var reloaded: (begun: Timestamp, ended: Timestamp)?
        var comparison = Comparison()
    }

    let state = Mutex(State())
    private let storage: any SessionStorage
    let clock: ClockAndRandomness
    let schedule: KeySchedule
    private let pool: SigningKeyPool
    private let keepsAuditLog: Bool

    init(
        storage: any SessionStorage, clock: ClockAndRandomness, schedule: KeySchedule, pool: SigningKeyPool,
        keepsAuditLog: Bool
    ) {
        self.storage = storage
        self.clock = clock
        self.schedule = schedule
        self.pool = pool
        self.keepsAuditLog = keepsAuditLog
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
    func signer(_ kind: SigningKeyKind, _ algorithm: SigningAlgorithm) async throws(ServiceError) -> SigningKey {
        let need = Need(kind: kind, algorithm: algorithm)
        for _ in 0..<3 {
            let now = clock.time()
            let ring = ring
            if let key = ring.signer(kind, algorithm, at: now, schedule: schedule) {
                if ring.lacksKey(kind, algorithm, at: now, schedule: schedule) { _ = creation(of: need) }
                await noteUse(of: key.id, at: now)
                return key
            }
            try await ensure(need)
        }
        throw .storage(StorageError(.unavailable, "no signing key could be made"))
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
        let stored = try? await storage.updateSigningKeys { keys in
            guard keys.contains(where: { $0.id == id && $0.firstUsedAt == nil }) else { return .none }
            return SigningKeyChange(firstUses: [id: now], events: events)
        }
        if stored != nil { state.withLock { _ = $0.used.insert(id) } }
    }

    private func events(_ name: AuditEvent.Name, _ keys: [KeyID], at now: Timestamp) -> [AuditEvent] {
        keepsAuditLog ? keys.map { .key(name, $0.rawValue, at: now) } : []
    }

    private func ensure(_ need: Need) async throws(ServiceError) {
        do {
            try await creation(of: need).value
        } catch let error as StorageError {
            throw .storage(error)
        } catch {
            throw .signing(.cryptographyFailed)
        }
    }

    /// The one creation under way for a need; many callers share it.
    private func creation(of need: Need) -> Task<Void, any Error> {
        state.withLock { state in
            if let task = state.creations[need] { return task }
            let task = Task {
                defer { self.state.withLock { $0.creations[need] = nil } }
                try await self.create(need)
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
        guard known.lacksKey(need.kind, need.algorithm, at: now, schedule: schedule) else { return }
        var random = clock.random
        guard let (id, createdAt) = known.makeID(need.kind, at: now, using: &random) else { return }
        let key = SigningKey(
            id: id, kind: need.kind, createdAt: createdAt, privateKey: try await pool.key(need.algorithm))
        let record = SigningKeyRecord(key)
        let basis = Set((known.dynamicKeys + known.staticKeys).map(\.id))
        let retired = known.retired(at: now, schedule: schedule)
        let events = events(.keyCreated, [record.id], at: now) + events(.keyRetired, retired, at: now)
        let records = try await storage.updateSigningKeys { stored in
            guard Set(stored.map(\.id)) == basis else { return .none }
            return SigningKeyChange(adding: [record], removing: retired, events: events)
        }
        try adopt(records)
    }

    /// Deletes the keys whose last token has expired; the creation of a key does so too.
    ///
    /// - Returns: how many there were.
    func removeRetired() async throws(StorageError) -> Int {
        try await load()
        let now = clock.time()
        let retired = ring.retired(at: now, schedule: schedule)
        guard !retired.isEmpty else { return 0 }
        let records = try await storage.updateSigningKeys { stored in
            let present = stored.map(\.id).filter(retired.contains)
            return SigningKeyChange(removing: present, events: self.events(.keyRetired, present, at: now))
        }
        try adopt(records)
        return retired.count
    }

    /// Reads the keys from storage, where another process may have added some.
    func reload() async throws(ServiceError) {
        do throws(StorageError) { try await load() } catch { throw .storage(error) }
    }

    func load() async throws(StorageError) {
        try adopt(try await storage.updateSigningKeys { _ in .none })
    }

    /// Takes over stored keys; those already in memory are not parsed again.
    private func adopt(_ records: [SigningKeyRecord]) throws(StorageError) {
        let known = Dictionary((ring.dynamicKeys + ring.staticKeys).map { ($0.id, $0) }) { first, _ in first }
        var keys: [SigningKey] = []
        for record in records {
            if let key = known[record.id] {
                keys.append(key)
            } else {
                keys.append(pool.signers.opened(try record.signingKey()))
            }
        }
        let adopted = KeyRing(keys)
        state.withLock { state in
            if keys.count != known.count || !keys.allSatisfy({ known[$0.id] != nil }) { state.generation += 1 }
            state.ring = adopted
            state.verification = nil
        }
    }
}
