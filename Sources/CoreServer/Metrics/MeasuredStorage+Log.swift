import OperatorMetrics
import SessionEngine
import SessionStorage
import Synchronization

/// Keys, values, activity and the audit log.
extension MeasuredStorage {
    func updateSigningKeys(
        _ decide: @escaping @Sendable ([SigningKeyRecord]) -> SigningKeyChange
    ) async throws(StorageError) -> [SigningKeyRecord] {
        let last = LastEvents()
        let keys = try await timed(.keys) { () async throws(StorageError) in
            try await base.updateSigningKeys { stored in
                let change = decide(stored)
                last.names.withLock { $0 = change.events.map(\.name) }
                return change
            }
        }
        for name in last.names.withLock(\.self) { metrics.auditEntries.add(name) }
        return keys
    }

    func value(
        named name: StoredValueName, audit event: AuditEvent?, orStore candidate: @escaping @Sendable () -> String
    ) async throws(StorageError) -> String {
        try await timed(.keys, as: .insertValue) { () async throws(StorageError) in
            try await base.value(named: name, audit: event, orStore: candidate)
        }
    }

    func storedValue(_ name: StoredValueName) async throws(StorageError) -> String? {
        try await timed(.keys, as: .selectValue) { () async throws(StorageError) in try await base.storedValue(name) }
    }

    func replaceValue(
        named name: StoredValueName, _ old: String, by new: String, audit event: AuditEvent?
    ) async throws(StorageError) -> Bool {
        let isReplaced = try await timed(.keys, as: .updateValue) { () async throws(StorageError) in
            try await base.replaceValue(named: name, old, by: new, audit: event)
        }
        if isReplaced, let event { metrics.auditEntries.add(event.name) }
        return isReplaced
    }

    func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError) {
        try await timed(.upkeep, as: .insertActivity) { () async throws(StorageError) in
            try await base.noteActivity(lastSeen)
        }
    }

    func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int {
        try await timed(.list, as: .selectActivity) { () async throws(StorageError) in
            try await base.countActiveUsers(since: time)
        }
    }

    func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        try await timed(.audit) { () async throws(StorageError) in try await base.auditEvents(query) }
    }

    func trimAuditLog(_ retention: AuditRetention, at now: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let count = try await timed(.upkeep, as: .deleteAudit) { () async throws(StorageError) in
            try await base.trimAuditLog(retention, at: now, limit: limit)
        }
        upkeep(.audit, count)
        return count
    }

    func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        try await timed(.audit, as: .selectAuditPages) { () async throws(StorageError) in
            try await base.auditPages(after: number, limit: limit)
        }
    }

    func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        try await timed(.audit) { () async throws(StorageError) in
            try await base.chainedEntries(after: sequence, limit: limit)
        }
    }

    func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        let count = try await timed(.upkeep) { () async throws(StorageError) in try await base.chainAuditLog(at: now) }
        upkeep(.chain, count)
        return count
    }

    func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        try await timed(.audit, as: .insertAudit) { () async throws(StorageError) in
            try await base.addAuditEvent(event)
        }
        metrics.auditEntries.add(event.name)
    }

    func revocations(after sequence: Int64, limit: Int) async throws(StorageError) -> RevocationPage {
        try await timed(.list, as: .selectRevocations) { () async throws(StorageError) in
            try await base.revocations(after: sequence, limit: limit)
        }
    }

    func trimRevocations(notedBefore time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await timed(.upkeep, as: .deleteRevocations) { () async throws(StorageError) in
            try await base.trimRevocations(notedBefore: time, limit: limit)
        }
    }

    func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        let progress = try await timed(.remove) { () async throws(StorageError) in
            try await base.eraseUser(user, audit: revocation, limit: limit)
        }
        metrics.ended.add(revocation?.means ?? .all, by: progress.sessions)
        if revocation != nil { metrics.auditEntries.add(.revoked, by: progress.sessions) }
        return progress
    }
}

/// The events of the decision that was taken last.
private final class LastEvents: Sendable {
    let names = Mutex<[AuditEvent.Name]>([])
}
