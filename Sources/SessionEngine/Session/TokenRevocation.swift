package import Foundations

/// Deciding the end of a session that is named by one of its refresh tokens (RFC 7009).
///
/// A holder of such a token may end the session with it, also with one that was superseded: nothing is given for it. That
/// a superseded one came is reuse, and the audit log says so. Where the session is bound to a key it ends nothing: whose jar was
/// copied once would be signed out whenever its holder likes (docs/decisions/0045).
package enum TokenRevocation {
    /// Ends the session of a refresh token, and says whether there was one.
    ///
    /// - Parameters:
    ///   - presented: the opened token.
    ///   - actor: who ends it, for the audit log.
    ///   - record: the session that the token names, as storage has it at this step.
    ///   - now: the time.
    package static func decide(
        of presented: Refresh.Presented, by actor: AuditActor, against record: SessionRecord?, at now: Timestamp
    ) -> Decision<Bool> {
        guard let record else { return Decision(.keep, false) }
        let revoked = AuditEvent.revoked(record, because: Revocation(by: actor, .handle, at: now))
        switch record.relation(of: presented.storedHash, parent: presented.storedParentHash) {
        // The owner's reply may be on its way: the predecessor says nothing about a copy.
        case .current, .successorOfCurrent, .previous: return Decision(.remove, true, audit: revoked)
        case .successorOfPrevious: return reused(.orphan, presented, record, now)
        case .unrelated:
            // A store that has gone back to an older state knows nothing about newer tokens.
            let isNewer = presented.rotationCount.map { $0 > record.rotationCount.successor() } ?? false
            return isNewer ? Decision(.remove, true, audit: revoked) : reused(.stale, presented, record, now)
        }
    }

    private static func reused(
        _ found: Refresh.ReuseClass, _ presented: Refresh.Presented, _ record: SessionRecord, _ now: Timestamp
    ) -> Decision<Bool> {
        if let key = record.traits.boundKey {
            return Decision(
                .keep, false, audit: .bindingRefused(record, key.kind == .dbsc ? .noCookie : .noProof, at: now))
        }
        let event = AuditEvent.reuseDetected(
            record, found, rotationCount: presented.rotationCount, revoked: true, at: now)
        return Decision(.remove, true, audit: event)
    }
}
