public import SessionEngine

/// Where one app's sessions and keys are kept.
///
/// A value of this type sees one app and nothing of any other.
///
/// Every requirement is one atomic step: it happened and is durable when it returns, it did not happen when it throws,
/// and only ``StorageError/Code/unknownOutcome`` leaves the question open. An event for the audit log is written in the
/// same step as the change that it records: either both are there or neither is. Run `StorageConformance` (in
/// `SessionStorageTesting`) over every implementation.
public typealias SessionStorage = SessionStore & KeyStore & ActivityStore & AuditLog & AuditChainStore & NotedEnds

/// What the database notes when sessions end: for verifiers that do not ask, and for receivers of security events.
public typealias NotedEnds = RevocationLog & EventOutbox

/// Where it is kept when an app's users were last seen.
public protocol ActivityStore: Sendable {
    /// Notes when users were last seen; a later time than the given one stays.
    func noteActivity(_ lastSeen: [UserID: Timestamp]) async throws(StorageError)

    /// How many users were last seen at a time or after it.
    func countActiveUsers(since time: Timestamp) async throws(StorageError) -> Int
}

/// Where one app's audit log is read and shortened; it is written with the changes that it records.
public protocol AuditLog: Sendable {
    /// A page of the audit log.
    func auditEvents(_ query: AuditQuery) async throws(StorageError) -> [AuditRecord]

    /// Deletes the oldest audit events that are not to be kept; the newest entry always stays.
    ///
    /// What is chained goes by whole pages of the chain, of which the newest stays.
    ///
    /// - Parameters:
    ///   - retention: what to keep.
    ///   - now: the time.
    ///   - limit: how many entries at most, or the rest of the page with the last of them.
    /// - Returns: how many there were; fewer than `limit` when none are left.
    func trimAuditLog(
        _ retention: AuditRetention, at now: Timestamp, limit: Int
    ) async throws(StorageError) -> Int
}
