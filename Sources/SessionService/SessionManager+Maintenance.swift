public import SessionEngine
public import SessionStorage

extension SessionManager {
    /// Deletes expired sessions; they cannot be used, so this changes no answer.
    ///
    /// - Parameter limit: how many at most, so that other writes need not wait long.
    /// - Returns: how many there were; fewer than `limit` when none are left.
    /// - Throws: ``ServiceError``.
    public func removeExpiredSessions(atMost limit: Int) async throws(ServiceError) -> Int {
        let now = clock.time()
        do throws(StorageError) {
            let revocation = revocation(by: .core, .expiry, at: now)
            return try await storage.remove(.expired(at: now, limit: limit, within: policy.terms), audit: revocation)
                .count
        } catch {
            throw .storage(error)
        }
    }

    /// Removes rows of sessions that were ended with all of a user's, where that was not finished in the background: the
    /// process ended, or storage failed (docs/decisions/0022).
    ///
    /// - Parameter limit: how many at most, so that other writes need not wait long.
    /// - Returns: how many there were; fewer than `limit` when none are left that may be removed now.
    /// - Throws: ``ServiceError``.
    public func sweepCutOffs(atMost limit: Int) async throws(ServiceError) -> Int {
        let now = clock.time()
        return try await storing { () async throws(StorageError) in
            try await storage.sweepCutOffs(at: now, limit: limit)
        }
    }

    /// Deletes signing keys whose last token has expired.
    ///
    /// - Returns: how many there were.
    /// - Throws: ``ServiceError``.
    public func removeRetiredKeys() async throws(ServiceError) -> Int {
        do throws(StorageError) { return try await keys.removeRetired() } catch { throw .storage(error) }
    }

    /// A page of the audit log.
    ///
    /// - Throws: ``ServiceError``.
    public func auditEvents(_ query: AuditQuery) async throws(ServiceError) -> [AuditRecord] {
        try await storing { () async throws(StorageError) in try await storage.auditEvents(query) }
    }

    /// Why a session ended, in words.
    ///
    /// - Parameter handle: the session.
    /// - Returns: `nil` while it lives, and where the audit log does not say that it ended.
    /// - Throws: ``ServiceError``.
    public func end(of handle: SessionHandle) async throws(ServiceError) -> SessionEnd? {
        let now = clock.time()
        return try await storing { () async throws(StorageError) in
            if let record = try await storage.session(handle) {
                guard record.isExpired(at: now, within: policy.terms) else { return nil }
                // The entry is written when the row is removed, which may be hours later.
                return SessionEnd(.revoked(record, .expiry(at: now), within: policy.terms))
            }
            return try await SessionEnd.find(of: handle) { (query) async throws(StorageError) in
                try await storage.auditEvents(query)
            }
        }
    }

    /// Deletes audit events that are too old or too many.
    ///
    /// - Parameter limit: how many at most, so that other writes need not wait long.
    /// - Returns: how many there were; fewer than `limit` when none are left.
    /// - Throws: ``ServiceError``.
    public func trimAuditLog(atMost limit: Int) async throws(ServiceError) -> Int {
        guard let retention = policy.auditRetention else { return 0 }
        let now = clock.time()
        return try await storing { () async throws(StorageError) in
            try await storage.trimAuditLog(retention, at: now, limit: limit)
        }
    }
}
