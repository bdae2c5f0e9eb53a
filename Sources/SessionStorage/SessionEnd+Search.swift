import LosslessJSON
public import SessionEngine

extension SessionEnd {
    /// Looks for the end of a session in an audit log.
    ///
    /// Where all sessions of a user were ended at once, the entry of each comes later: until then the one about all counts.
    ///
    /// - Parameters:
    ///   - handle: the session, which has no row any more.
    ///   - page: reads a page of the audit log.
    /// - Returns: `nil` where no entry says that it ended.
    public static func find<Failure: Error>(
        of handle: SessionHandle, reading page: (AuditQuery) async throws(Failure) -> [AuditRecord]
    ) async throws(Failure) -> SessionEnd? {
        var own = try await page(AuditQuery(handle: handle, name: .revoked, limit: 10))
        own += try await page(AuditQuery(handle: handle, name: .reuseDetected, limit: 10))
        if let end = first(in: own.map(\.event)) { return end }
        let made = try await page(AuditQuery(handle: handle, name: .created, limit: 1)).first
        guard let made, let user = made.event.userID else { return nil }
        let ends = try await page(
            AuditQuery(order: .oldestFirst(after: made.sequence), userID: user, name: .revokedAll, limit: 100))
        return first(in: ends.map(\.event).filter { $0.hasEnded(made.event) })
    }
}

extension AuditEvent {
    /// Whether this event, which ended all sessions of a user, ended the one that another event created.
    fileprivate func hasEnded(_ made: AuditEvent) -> Bool {
        guard let last = details["createdUpTo"]?.number?.int64 else { return false }
        let isOfTenant = tenantID == nil || tenantID == made.tenantID
        return isOfTenant && made.time.milliseconds <= last
    }
}
