import Foundations
public import SessionEngine
public import SessionStorage

extension SessionManager {
    /// For how long an event waits for its receiver, and a dead one for an operator.
    public static let eventRetention = Milliseconds.days(7)

    /// Has events kept for streams from now on.
    ///
    /// - Throws: ``ServiceError``.
    public func registerStreams(_ names: Set<EventStreamName>) async throws(ServiceError) {
        try await storing { () async throws(StorageError) in try await storage.registerStreams(names) }
    }

    /// What waits for the streams of this app.
    ///
    /// - Throws: ``ServiceError``.
    public func eventStreams() async throws(ServiceError) -> [EventStreamState] {
        try await storing { () async throws(StorageError) in try await storage.eventStreams() }
    }

    /// Notes that a credential of a user is another one; nothing ends by it.
    ///
    /// - Parameters:
    ///   - change: what changed.
    ///   - actor: who did it.
    /// - Returns: `false` where no audit log is kept, and so there are no security events.
    /// - Throws: ``ServiceError``.
    public func noteCredentialChange(
        _ change: CredentialChange, by actor: AuditActor
    ) async throws(ServiceError) -> Bool {
        guard keepsAuditLog else { return false }
        let event = AuditEvent.credentialChanged(change, by: actor, at: clock.time())
        try await storing { () async throws(StorageError) in try await storage.addAuditEvent(event) }
        return true
    }

    /// Gives up events that no receiver took for ``eventRetention``, and deletes those that were given up that long ago.
    ///
    /// - Parameter limit: how many of each stream at most, so that other writes need not wait long.
    /// - Returns: how many there were; 0 when none is left.
    /// - Throws: ``ServiceError``.
    public func buryEvents(atMost limit: Int) async throws(ServiceError) -> Int {
        let before = Timestamp(milliseconds: (clock.time().sinceEpoch - Self.eventRetention).count)
        return try await storing { () async throws(StorageError) in
            try await storage.buryEvents(olderThan: before, limit: limit)
        }
    }

    /// The token that brings an event to a receiver now.
    ///
    /// Signed with RS256 by the static key of the app, whatever algorithm its access tokens have: the interoperability profile
    /// of CAEP knows no other, and receivers keep the key for long.
    ///
    /// - Parameters:
    ///   - pending: the event.
    ///   - stream: the receiver.
    /// - Returns: `nil` where the event is no news for the stream.
    /// - Throws: ``ServiceError``.
    func token(for pending: PendingEvent, to stream: EventStream) async throws(ServiceError) -> String? {
        guard let event = stream.event(pending.event) else { return nil }
        let (id, type) = (stream.id(of: pending), stream.method == .backchannelLogout)
        let claims =
            type
            ? EventToken.logoutClaims(of: event, id, stream.parties, at: clock.time())
            : EventToken.claims(of: event, id, stream.parties, issuedAt: pending.event.time)
        guard let claims else { return nil }
        return try await signedText(.rsa(.static)) { key throws(ServiceError) in
            EventToken.signingInput(claims, as: type ? EventToken.logoutType : EventToken.setType, for: key)
        }
    }
}
