public import SessionEngine
public import SessionStorage
import Synchronization

/// Storage in memory, for tests and for trying things out: everything is gone with the process.
public final class InMemoryStorage: SessionStorage {
    private struct State {
        var sessions: [SessionHandle: SessionRecord] = [:]
        var signingKeys: [SigningKeyRecord] = []
        var values: [StoredValueName: String] = [:]
        var lastSeen: [UserID: Timestamp] = [:]
        /// The tenants there are; `nil` when nobody keeps a list.
        var tenants: Set<TenantID>?

        /// Throws unless something may be added for a tenant.
        func admit(_ tenant: TenantID = .public) throws(StorageError) {
            guard tenants?.contains(tenant) ?? true else {
                throw StorageError(.noSuchTenant, "tenant \(tenant.text) does not exist")
            }
        }
    }

    private let state = Mutex(State())

    /// An empty storage.
    public init() {}

    /// Ends the sessions of all tenants but these, and takes no others from now on.
    func keep(_ tenants: Set<TenantID>) {
        state.withLock { state in
            state.tenants = tenants
            state.sessions = state.sessions.filter { tenants.contains($0.value.tenantID) }
        }
    }

    /// See ``SessionStorage/insert(_:)``.
    public func insert(_ record: SessionRecord) async throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.admit(record.tenantID)
            guard state.sessions[record.handle] == nil else {
                throw StorageError(.alreadyExists, "session \(record.handle.text)")
            }
            state.sessions[record.handle] = record
        }
    }

    /// See ``SessionStorage/session(_:)``.
    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        state.withLock { $0.sessions[handle] }
    }

    /// See ``SessionStorage/update(_:_:)``.
    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?) -> Decided<Outcome>
    ) async throws(StorageError) -> Outcome {
        state.withLock { state in
            let current = state.sessions[handle]
            let decided = decide(current)
            if current != nil {
                switch decided.change {
                case .keep: break
                case .replace(let record): state.sessions[handle] = record
                case .remove: state.sessions[handle] = nil
                }
            }
            return decided.outcome
        }
    }

    /// See ``SessionStorage/handles(of:tenant:liveAt:)``.
    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        state.withLock { Self.handles(of: user, tenant: tenant, liveAt: now, in: $0) }
    }

    private static func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, in state: State
    ) -> [SessionHandle] {
        state.sessions.values.filter { $0.userID == user && !$0.isExpired(at: now) }
            .filter { tenant == nil || $0.tenantID == tenant }
            .sorted { ($0.createdAt, $0.handle.text) < ($1.createdAt, $1.handle.text) }
            .map(\.handle)
    }

    /// See ``SessionStorage/remove(_:)``.
    public func remove(_ selection: SessionSelection) async throws(StorageError) -> [SessionHandle] {
        state.withLock { state in
            let candidates =
                switch selection {
                case .handles(let handles): handles
                case .user(let user, let tenant, let now):
                    Self.handles(of: user, tenant: tenant, liveAt: now, in: state)
                case .expired(let now, let limit):
                    Array(state.sessions.values.filter { $0.isExpired(at: now) }.map(\.handle).prefix(max(0, limit)))
                }
            return candidates.filter { state.sessions.removeValue(forKey: $0) != nil }
        }
    }

    /// See ``SessionStorage/updateSigningKeys(_:)``.
    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        try state.withLock { (state) throws(StorageError) in
            let change = decide(state.signingKeys)
            if change == .none { return state.signingKeys }
            try state.admit()
            state.signingKeys.removeAll { change.removed.contains($0.id) }
            for key in change.added where !state.signingKeys.contains(where: { $0.id == key.id }) {
                state.signingKeys.append(key)
            }
            return state.signingKeys
        }
    }

    /// See ``SessionStorage/value(named:orStore:)``.
    public func value(
        named name: StoredValueName, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try state.withLock { (state) throws(StorageError) in
            if let value = state.values[name] { return value }
            try state.admit()
            let value = candidate()
            state.values[name] = value
            return value
        }
    }

    /// See ``SessionStorage/noteActivity(_:)``.
    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.admit()
            state.lastSeen.merge(lastSeen) { max($0, $1) }
        }
    }

    /// See ``SessionStorage/countActiveUsers(since:)``.
    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        state.withLock { state in state.lastSeen.values.count { time <= $0 } }
    }
}
