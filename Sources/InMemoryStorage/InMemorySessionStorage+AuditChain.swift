import Foundations
public import SessionEngine
public import SessionStorage
import Synchronization

extension InMemorySessionStorage {
    public func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord] {
        state.withLock { $0.auditLog.page(query) }
    }

    public func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int {
        state.withLock { $0.auditLog.trim(retention, at: now, limit: limit) }
    }

    public func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage] {
        state.withLock { $0.auditLog.auditPages(after: number, limit: limit) }
    }

    public func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry] {
        state.withLock { $0.auditLog.entries(after: sequence, limit: limit) }
    }

    /// The pages are those of the app `public`, whichever app this is.
    public func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int {
        state.withLock { $0.auditLog.addPage(of: .public, at: now, salt: Self.salt) }
    }

    public func addAuditEvent(_ event: AuditEvent) async throws(StorageError) {
        state.withLock { $0.note(event) }
    }

    private static func salt() -> String {
        var random = ClockAndRandomness.system.random
        return Hex.encode(RandomText.bytes(16, using: &random))
    }

    public func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress {
        state.withLock { state in
            let sessions = state.sessions.values.filter { $0.userID == user }
                .sorted { $0.handle.rawValue < $1.handle.rawValue }.prefix(max(1, limit))
            for record in sessions {
                state.drop(record)
                state.note(
                    revocation.map { .revoked(record, because: $0) })
            }
            if !sessions.isEmpty { return ErasureProgress(sessions: sessions.count) }
            let erased = state.auditLog.erase(user, limit: limit, salt: Self.salt)
            if erased.entries > 0 { return erased }
            state.cutOffs.forget(user)
            state.revocations.erase(user)
            state.auditLog.forgetSalt(of: user)
            return ErasureProgress(wasSeen: state.lastSeen.removeValue(forKey: user) != nil, isDone: true)
        }
    }
}
