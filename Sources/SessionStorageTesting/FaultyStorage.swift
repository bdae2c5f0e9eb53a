public import SessionEngine
public import SessionStorage
import Synchronization

/// Storage that fails on demand, around any other: for tests of what callers do when it does.
public final class FaultyStorage: SessionStorage {
    /// How one call fails.
    public enum Fault: Sendable, Equatable {
        /// Nothing is done and the error is thrown.
        case before(StorageError)
        /// The work is done and durable, and the error is thrown all the same: a lost answer.
        case after(StorageError)
    }

    public var restoreNumber: UInt8 { base.restoreNumber }

    let base: any SessionStorage
    private let plan: @Sendable (Int) -> Fault?
    private let calls = Mutex(0)

    /// Injects faults into a storage.
    ///
    /// - Parameters:
    ///   - base: the storage that does the work.
    ///   - plan: the fault of the n-th call, counted from 0, or `nil` for none.
    public init(_ base: any SessionStorage, plan: @escaping @Sendable (Int) -> Fault?) {
        self.base = base
        self.plan = plan
    }

    /// How many calls there have been.
    public var callCount: Int { calls.withLock { $0 } }

    func call<T>(_ body: () async throws(StorageError) -> T) async throws(StorageError) -> T {
        let number = calls.withLock { count in
            defer { count += 1 }
            return count
        }
        let fault = plan(number)
        if case .before(let error)? = fault { throw error }
        let result = try await body()
        if case .after(let error)? = fault { throw error }
        return result
    }

    public func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await call { () async throws(StorageError) in try await base.insert(record, audit: event) }
    }

    public func insert(
        _ record: SessionRecord, admission: SessionAdmission, audit event: AuditEvent?
    ) async throws(StorageError) -> SessionAdmission.Outcome {
        try await call { () async throws(StorageError) in
            try await base.insert(record, admission: admission, audit: event)
        }
    }

    public func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await call { () async throws(StorageError) in try await base.session(handle) }
    }

    public func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?, Timestamp?) -> Decision<Outcome>
    ) async throws(StorageError) -> Outcome {
        try await call { () async throws(StorageError) in try await base.update(handle, decide) }
    }

    public func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp, within terms: SessionTerms
    ) async throws(StorageError) -> [SessionHandle] {
        try await call { () async throws(StorageError) in
            try await base.handles(of: user, tenant: tenant, liveAt: now, within: terms)
        }
    }

    public func sessions(_ page: SessionPage) async throws(StorageError) -> [SessionRecord] {
        try await call { () async throws(StorageError) in try await base.sessions(page) }
    }

    public func forgetDevices(of user: UserID, limit: Int) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in try await base.forgetDevices(of: user, limit: limit) }
    }

    public func remove(
        _ selection: RevocationTarget, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await call { () async throws(StorageError) in try await base.remove(selection, audit: revocation) }
    }

    public func sweepCutOffs(at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in try await base.sweepCutOffs(at: now, limit: limit) }
    }

    public func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        try await call { () async throws(StorageError) in try await base.updateSigningKeys(decide) }
    }

    public func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await call { () async throws(StorageError) in
            try await base.value(named: name, audit: event, orStore: candidate)
        }
    }

    public func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await call { () async throws(StorageError) in try await base.storedValue(name) }
    }

    public func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        try await call { () async throws(StorageError) in
            try await base.replaceValue(named: name, old, by: new, audit: event)
        }
    }

    public func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await call { () async throws(StorageError) in try await base.noteActivity(lastSeen) }
    }

    public func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in try await base.countActiveUsers(since: time) }
    }

    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await call { () async throws(StorageError) in try await base.auditEvents(query) }
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in
            try await base.trimAuditLog(retention, at: now, limit: limit)
        }
    }

    public func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        try await call { () async throws(StorageError) in try await base.auditPages(after: number, limit: limit) }
    }

    public func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        try await call { () async throws(StorageError) in
            try await base.chainedEntries(after: sequence, limit: limit)
        }
    }

    public func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in try await base.chainAuditLog(at: now) }
    }

    public func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        try await call { () async throws(StorageError) in try await base.addAuditEvent(event) }
    }

    public func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        try await call { () async throws(StorageError) in
            try await base.revocations(after: sequence, limit: limit)
        }
    }

    public func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await call { () async throws(StorageError) in
            try await base.trimRevocations(notedBefore: time, limit: limit)
        }
    }

    public func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        try await call { () async throws(StorageError) in
            try await base.eraseUser(user, audit: revocation, limit: limit)
        }
    }
}
