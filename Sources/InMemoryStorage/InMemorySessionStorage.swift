public import Foundations
public import SessionEngine
public import SessionStorage
import Synchronization

/// Storage in memory, for tests and for trying things out: everything is gone with the process.
public final class InMemorySessionStorage: SessionStorage {
    struct State {
        var sessions: [SessionHandle: SessionRecord] = [:]
        var signingKeys: [SigningKeyRecord] = []
        var values: [StoredValueName: String] = [:]
        var lastSeen: [UserID: Timestamp] = [:]
        var auditLog = InMemoryAuditLog()
        var cutOffs = InMemoryCutOffs()
        var revocations = InMemoryRevocations()
        var outbox = InMemoryOutbox()
        var clock: @Sendable () -> Timestamp = ClockAndRandomness.system.time
        /// The tenants there are; `nil` when there is no list.
        var tenants: Set<TenantID>?

        /// Throws unless something may be added for a tenant.
        func admit(_ tenant: TenantID = .public) throws(StorageError) {
            guard tenants?.contains(tenant) ?? true else {
                throw StorageError(.noSuchTenant, "tenant \(tenant.rawValue) does not exist")
            }
        }

        /// A session that no cut-off has ended.
        func session(_ handle: SessionHandle) -> SessionRecord? {
            sessions[handle].flatMap { cutOffs.ended($0) ? nil : $0 }
        }

        /// Revokes a session; returns whether there was one.
        mutating func end(
            _ handle: SessionHandle, audit revocation: Revocation?, within terms: SessionTerms = .unlimited,
            isExpired: Bool = false
        ) -> Bool {
            guard let record = session(handle) else { return false }
            drop(record, isExpired: isExpired)
            if let revocation {
                note(.revoked(record, revocation, within: terms))
            }
            return true
        }
    }

    let state = Mutex(State())

    public let restoreNumber: UInt8

    /// An empty storage.
    ///
    /// - Parameter clock: when an end is noted.
    public init(clock: @escaping @Sendable () -> Timestamp = ClockAndRandomness.system.time) {
        restoreNumber = 0
        state.withLock { $0.clock = clock }
    }

    /// The storage as it is now, as one that was restored from a copy.
    public init(copyOf storage: InMemorySessionStorage, restoreNumber: UInt8) {
        self.restoreNumber = restoreNumber
        let copied = storage.state.withLock { $0 }
        state.withLock { $0 = copied }
    }

    /// Ends the sessions of all tenants but these, and takes no others from now on.
    func keep(_ tenants: Set<TenantID>, audit revocation: Revocation? = nil) {
        state.withLock { state in
            state.tenants = tenants
            for handle in state.sessions.values.filter({ !tenants.contains($0.tenantID) }).map(\.handle) {
                _ = state.end(handle, audit: revocation)
            }
        }
    }

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try record.checkTexts()
        try state.withLock { (state) throws(StorageError) in
            try state.admit(record.tenantID)
            guard state.sessions[record.handle] == nil else {
                throw StorageError(.alreadyExists, "session \(record.handle.rawValue)")
            }
            state.sessions[record.handle] = state.cutOffs.admitted(record)
            state.note(event)
        }
    }

    public func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        try record.checkTexts()
        return try state.withLock { (state) throws(StorageError) in
            try state.admit(record.tenantID)
            guard state.sessions[record.handle] == nil else {
                throw StorageError(.alreadyExists, "session \(record.handle.rawValue)")
            }
            if let predecessor = admission.predecessor, state.session(predecessor.handle) != predecessor {
                return .predecessorChanged
            }
            let others = state.sessions.values.filter {
                $0.userID == record.userID && !$0.isExpired(at: record.createdAt, within: admission.terms)
                    && !state.cutOffs.ended($0)
            }
            switch admission.decide(on: record, beside: others.map(SessionAdmission.Other.init)) {
            case .refused(let handles, let refusal):
                if event != nil { state.note(refusal) }
                return .refused(handles)
            case .admitted(let displaced):
                state.sessions[record.handle] = state.cutOffs.admitted(record)
                state.note(event)
                for (other, end) in displaced {
                    if let record = state.sessions[other.handle] { state.drop(record) }
                    if event != nil { state.note(end) }
                }
                return .created(ended: displaced.map(\.0.handle))
            }
        }
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        state.withLock { $0.session(handle) }
    }

    public func isLive(
        _ handle: SessionHandle, at now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> Bool {
        state.withLock { state in
            guard let place = state.sessions.index(forKey: handle) else { return false }
            // In place: a copy of the record would cost more than the look.
            guard !state.sessions.values[place].isExpired(at: now, within: terms) else { return false }
            return state.cutOffs.isEmpty || !state.cutOffs.ended(state.sessions.values[place])
        }
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        state.withLock { state in
            let current = state.session(handle)
            let decided = decide(current, nil)
            if current != nil {
                switch decided.change {
                case .keep: break
                case .replace(let record): state.sessions[handle] = record
                case .remove: if let current { state.drop(current) }
                }
                state.note(decided.audit)
            }
            return decided.outcome
        }
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        state.withLock { Self.handles(of: user, tenant: tenant, liveAt: now, within: terms, in: $0) }
    }

    private static func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms, in state: State
    ) -> [SessionHandle] {
        state.sessions.values
            .filter { $0.userID == user && !$0.isExpired(at: now, within: terms) && !state.cutOffs.ended($0) }
            .filter { tenant == nil || $0.tenantID == tenant }
            .sorted { ($0.createdAt, $0.handle.rawValue) < ($1.createdAt, $1.handle.rawValue) }
            .map(\.handle)
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        state.withLock { state in
            var (terms, isExpired) = (SessionTerms.unlimited, false)
            let candidates: [SessionHandle]
            switch selection {
            case .handles(let handles): candidates = handles
            case .user(let user, let tenant, let now, let limits):
                candidates = Self.handles(of: user, tenant: tenant, liveAt: now, within: limits, in: state)
            case .expired(let now, let limit, let limits):
                (terms, isExpired) = (limits, true)
                candidates = Array(
                    state.sessions.values.filter { $0.isExpired(at: now, within: limits) && !state.cutOffs.ended($0) }
                        .map(\.handle).prefix(max(0, limit)))
            }
            if case .user(let user, let tenant, let now, _) = selection, state.hasMany(of: user) {
                let isMade = state.makeCutOff(CutOff.Scope(user, in: tenant), at: now, revocation)
                return isMade ? candidates : []
            }
            return candidates.filter {
                state.end($0, audit: revocation, within: terms, isExpired: isExpired)
            }
        }
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        try state.withLock { (state) throws(StorageError) in
            let change = decide(state.signingKeys)
            if change == .none { return state.signingKeys }
            try state.admit()
            for key in state.signingKeys where change.removed.contains(key.id) {
                let now = state.clock()
                state.revocations.note(.key(key.id), at: now, notedAt: now)
            }
            state.signingKeys.removeAll { change.removed.contains($0.id) }
            for key in change.added where !state.signingKeys.contains(where: { $0.id == key.id }) {
                state.signingKeys.append(key)
            }
            for index in state.signingKeys.indices {
                guard let key = change.updated.first(where: { $0.id == state.signingKeys[index].id }) else { continue }
                state.signingKeys[index] = key
            }
            for event in change.events { state.note(event) }
            return state.signingKeys
        }
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try state.withLock { (state) throws(StorageError) in
            if let value = state.values[name] { return value }
            try state.admit()
            let value = candidate()
            state.values[name] = value
            state.note(event)
            return value
        }
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        state.withLock { $0.values[name] }
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        state.withLock { state in
            guard state.values[name] == old else { return false }
            state.values[name] = new
            state.note(event)
            return true
        }
    }

    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.admit()
            state.lastSeen.merge(lastSeen) { max($0, $1) }
        }
    }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        state.withLock { state in state.lastSeen.values.count { time <= $0 } }
    }
}
