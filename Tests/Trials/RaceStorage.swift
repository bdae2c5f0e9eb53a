import SessionEngine
import SessionStorage
import Synchronization
import TestSupport

/// Storage that dawdles between the first look of a decision and the write, and that may make a deliberate mistake.
struct RaceStorage: SessionStorage {
    let base: any SessionStorage
    /// The mistake: a decision is written without looking whether it still holds.
    var isNaive = false
    /// Decides how long to dawdle; without dice it does not.
    var dice: TestDice?

    func update<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?) -> Decided<Outcome>
    ) async throws(StorageError) -> Outcome {
        if isNaive { return try await updateInTwoSteps(handle, decide) }
        guard let dice else { return try await base.update(handle, decide) }
        let calls = Mutex(0)
        let spins = dice.next() % 2_000
        return try await base.update(handle) { record in
            let isFirst = calls.withLock { count in
                count += 1
                return count == 1
            }
            // The first call is the look; SQLite decides again inside the transaction.
            if isFirst { for _ in 0..<spins { _ = calls.withLock { $0 } } }
            return decide(record)
        }
    }

    private func updateInTwoSteps<Outcome: Sendable>(
        _ handle: SessionHandle, _ decide: @escaping @Sendable (SessionRecord?) -> Decided<Outcome>
    ) async throws(StorageError) -> Outcome {
        let current = try await base.session(handle)
        let decided = decide(current)
        guard current != nil else { return decided.outcome }
        await Task.yield()
        switch decided.change {
        case .keep: break
        case .remove: try await base.update(handle) { _ in Decided(.remove, (), audit: decided.audit) }
        case .replace(let record):
            _ = try await base.remove(.handles([handle]))
            do { try await base.insert(record, audit: decided.audit) } catch  where error.code == .alreadyExists {}
        }
        return decided.outcome
    }

    func insert(_ record: SessionRecord, audit event: AuditEvent?) async throws(StorageError) {
        try await base.insert(record, audit: event)
    }

    func session(_ handle: SessionHandle) async throws(StorageError) -> SessionRecord? {
        try await base.session(handle)
    }

    func handles(
        of user: UserID, tenant: TenantID?, liveAt now: Timestamp
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.handles(of: user, tenant: tenant, liveAt: now)
    }

    func remove(
        _ selection: SessionSelection, audit revocation: Revocation?
    ) async throws(StorageError) -> [SessionHandle] {
        try await base.remove(selection, audit: revocation)
    }

    func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        try await base.updateSigningKeys(decide)
    }

    func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await base.value(named: name, audit: event, orStore: candidate)
    }

    func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await base.noteActivity(lastSeen)
    }

    func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await base.countActiveUsers(since: time)
    }

    func auditTrail(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await base.auditTrail(query)
    }

    func trimAuditTrail(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        try await base.trimAuditTrail(retention, at: now, limit: limit)
    }
}
