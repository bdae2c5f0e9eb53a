public import LosslessJSON

/// Deciding changes of a session's data (docs/specification/core.md 4.5 and 4.6).
public enum DataUpdate {
    /// What to do.
    public enum Outcome: Sendable, Equatable {
        /// The session now is this.
        case updated(SessionRecord)
        /// The session does not exist or has expired.
        case sessionNotActive
    }

    /// Replaces the payload, the session data, or both; `nil` keeps what is there.
    ///
    /// - Parameters:
    ///   - payload: the new payload.
    ///   - sessionData: the new session data.
    ///   - record: the session, as storage has it at this step.
    ///   - now: the time.
    ///   - terms: how long sessions live.
    public static func decide(
        payload: JSONObjectText? = nil, sessionData: JSONObjectText? = nil, against record: SessionRecord?,
        at now: Timestamp, within terms: SessionTerms
    ) -> Decision<Outcome> {
        guard let record, !record.isExpired(at: now, within: terms) else { return Decision(.keep, .sessionNotActive) }
        var next = record
        next.accessTokenPayload = payload.map(record.protectingActor) ?? record.accessTokenPayload
        next.sessionData = sessionData ?? record.sessionData
        guard next != record else { return Decision(.keep, .updated(next)) }
        let event = AuditEvent.dataChanged(
            next, payload: next.accessTokenPayload != record.accessTokenPayload,
            sessionData: next.sessionData != record.sessionData, at: now)
        return Decision(.replace(next), .updated(next), audit: event)
    }
}

extension AccessTokenFormat {
    /// Whether a stored payload may travel in a token of this form; a damaged one may not.
    func accepts(_ payload: JSONObjectText) -> Bool {
        if isLegacy { return !payload.isTooLarge }
        guard let object = try? payload.decoded() else { return false }
        return accepts(object)
    }
}
