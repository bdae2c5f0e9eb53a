public import SessionEngine

/// Where the chain over one app's audit log is read: enough to verify it, and nothing is written.
public protocol AuditChainReader: Sendable {
    /// Pages of the chain, the oldest first.
    ///
    /// - Parameters:
    ///   - number: pages after this number; 0 begins with the oldest.
    ///   - limit: how many at most.
    func auditPages(after number: Int64, limit: Int) async throws(StorageError) -> [AuditPage]

    /// Entries of the audit log as the chain covers them, the oldest first, each with the salt of its user.
    ///
    /// - Parameters:
    ///   - sequence: entries after this number.
    ///   - limit: how many at most.
    func chainedEntries(after sequence: Int64, limit: Int) async throws(StorageError) -> [ChainedEntry]
}

/// Where the chain over one app's audit log is continued, and users are erased without breaking it
/// (docs/decisions/0025).
public protocol AuditChainStore: AuditChainReader {
    /// Adds the next page to the chain, of up to `AuditPage.largestCount` entries that no page has yet.
    ///
    /// Where several processes write, entries wait until none can come before them, which this call notices from one call
    /// to the next: call it every few seconds.
    ///
    /// - Parameter now: the time.
    /// - Returns: how many entries were chained; 0 when there are none that can be, or another process does it.
    func chainAuditLog(at now: Timestamp) async throws(StorageError) -> Int

    /// Writes an audit event that records no change of this storage.
    func addAuditEvent(_ event: AuditEvent) async throws(StorageError)

    /// Does a part of a user's erasure: ends sessions, and puts a pseudonym for the user's id into audit events.
    ///
    /// Call it until the progress says that it is done; a call after that finds nothing to do. The last part removes when
    /// the user was last seen, mass ends and the salt, without which the pseudonym cannot be traced to the user.
    ///
    /// - Parameters:
    ///   - user: who is erased.
    ///   - revocation: the audit event of each session that is ended; `nil` where none is kept.
    ///   - limit: how many sessions and entries at most.
    func eraseUser(
        _ user: UserID, audit revocation: Revocation?, limit: Int
    ) async throws(StorageError) -> ErasureProgress
}

/// What a part of an erasure did.
public struct ErasureProgress: Sendable, Equatable {
    /// How many sessions were ended.
    public var sessions: Int
    /// How many audit events have a pseudonym now.
    public var entries: Int
    /// Whether it was known when the user was last seen.
    public var wasSeen: Bool
    /// What stands for the user in the audit log; `nil` where nothing does.
    public var pseudonym: String?
    /// Whether nothing is left to do.
    public var isDone: Bool

    public init(
        sessions: Int = 0, entries: Int = 0, wasSeen: Bool = false, pseudonym: String? = nil, isDone: Bool = false
    ) {
        self.sessions = sessions
        self.entries = entries
        self.wasSeen = wasSeen
        self.pseudonym = pseudonym
        self.isDone = isDone
    }

    /// Counts another part to this one.
    public mutating func add(_ next: ErasureProgress) {
        sessions += next.sessions
        entries += next.entries
        wasSeen = wasSeen || next.wasSeen
        pseudonym = next.pseudonym ?? pseudonym
        isDone = next.isDone
    }
}

extension AuditRetention {
    /// Whether the oldest page of the chain is not to be kept: all of it is too old, or enough entries come after it.
    ///
    /// - Parameters:
    ///   - page: the oldest page.
    ///   - total: how many entries the chain has, with this page's.
    ///   - now: the time.
    package func isOver(_ page: AuditPage, of total: Int64, at now: Timestamp) -> Bool {
        let newest = Timestamp(milliseconds: page.newestTime)
        return newest + age < now || total.subtractingReportingOverflow(page.count).partialValue >= entries
    }
}
