public import LosslessJSON

/// One line of the audit log: what happened to a session or to a key.
///
/// It never holds a token, a key or user data. The engine makes events, and storage writes each in the same transaction
/// as the change that it records (docs/specification/security.md A02).
public struct AuditEvent: Sendable, Equatable {
    /// The kinds of events, by the names under which they are stored and shown.
    public enum Name: String, Sendable, CaseIterable {
        /// A session was created.
        case created
        /// A session was not created, because its user has as many as allowed.
        case refused
        /// The user of a session was authenticated once more.
        case authenticated
        /// A session was rotated to its next refresh token.
        case refreshed
        /// A superseded refresh token was reused.
        case reuseDetected = "reuse_detected"
        /// A superseded refresh token was reused so soon after its successor's first use that nothing was said (once
        /// for each rotation).
        case latePredecessor = "late_parent"
        /// A session was bound to a key after it was created.
        case bound
        /// A session that is bound to a key gave nothing to a client that did not show it.
        case bindingRefused = "binding_refused"
        /// A session was revoked.
        case revoked
        /// All sessions of a user were ended; an entry for each follows.
        case revokedAll = "revoked_all"
        /// The payload of a session or the data kept with it is another one.
        case dataChanged = "data_changed"
        /// The store was put back from a copy; what came after the copy is lost.
        case restored
        /// A key was made.
        case keyCreated = "key_created"
        /// A key began to sign.
        case keyUsed = "key_used"
        /// A key was deleted, because its last token has expired.
        case keyRetired = "key_retired"
        /// A user was erased: the entries about them have a pseudonym from now on.
        case userErased = "user_erased"
        /// An application says that a credential of a user is another one; it ends nothing by itself.
        case credentialChanged = "credential_changed"
        /// An entry is there that cannot be read; never stored, so that one damaged entry does not hide the others.
        case unreadable
    }

    /// What happened.
    public var name: Name
    /// When, by the clock of the process that decided it.
    public var time: Timestamp
    /// The session, for events about one.
    public var handle: SessionHandle?
    /// The tenant of that session.
    public var tenantID: TenantID?
    /// The user of that session.
    public var userID: UserID?
    /// Who did it; `nil` where nothing ended and no key changed, and in entries of releases that did not record it.
    public var actor: AuditActor?
    /// How a session ended; `nil` where none did.
    public var means: Revocation.Means?
    /// What else is known, by names that depend on ``name``.
    public var details: JSONObject

    /// Makes an event; the engine makes all that are written.
    public init(
        name: Name, time: Timestamp, handle: SessionHandle? = nil, tenantID: TenantID? = nil, userID: UserID? = nil,
        actor: AuditActor? = nil, means: Revocation.Means? = nil, details: JSONObject = [:]
    ) {
        self.name = name
        self.time = time
        self.handle = handle
        self.tenantID = tenantID
        self.userID = userID
        self.actor = actor
        self.means = means
        self.details = details
    }

    private init(_ name: Name, _ record: SessionRecord, at time: Timestamp, details: JSONObject = [:]) {
        self.init(
            name: name, time: time, handle: record.handle, tenantID: record.tenantID, userID: record.userID,
            details: Self.details(of: record, details))
    }

    /// What every event of an impersonation says, before what else is known: who acts.
    private static func details(of record: SessionRecord, _ details: JSONObject) -> JSONObject {
        guard let actor = record.actor else { return details }
        return JSONObject(
            uniqueMembers: ([ActingParty.claim: .object(actor.object)] as JSONObject).members + details.members)
    }

    /// The same with who did it and how.
    private func done(by actor: AuditActor, _ means: Revocation.Means? = nil) -> AuditEvent {
        var event = self
        (event.actor, event.means) = (actor, means)
        return event
    }

    /// A session was created.
    ///
    /// - Parameters:
    ///   - record: the session.
    ///   - terms: how long sessions live: where a limit ends the session, the event says when.
    ///   - reason: why another person acts as the user.
    ///   - predecessor: the anonymous session whose place it takes.
    public static func created(
        _ record: SessionRecord, within terms: SessionTerms = .unlimited, reason: String? = nil,
        replacing predecessor: SessionHandle? = nil
    ) -> AuditEvent {
        var details: JSONObject = [:]
        if let reason { details.append("reason", .string(reason)) }
        if record.traits.flags.contains(.anonymous) { details.append("anonymous", true) }
        if let predecessor { details.append("replaces", .string(predecessor.rawValue)) }
        if record.traits.flags.contains(.remembered) { details.append("rememberMe", true) }
        if terms.limits(of: record.traits).isLimited {
            details.append("expiresAt", .integer(record.expiresAt.milliseconds))
        }
        if let level = record.traits.level { details.append("level", .string(level)) }
        if let key = record.traits.boundKey { details.append("boundKey", .string(key.rawValue)) }
        return AuditEvent(.created, record, at: record.createdAt, details: details)
    }

    /// A session was not created, because its user has as many as allowed.
    ///
    /// - Parameters:
    ///   - record: the session as it would have been; its handle is not used.
    ///   - limit: how many are allowed.
    ///   - count: how many the user has.
    public static func refused(_ record: SessionRecord, limit: Int, count: Int) -> AuditEvent {
        AuditEvent(
            name: .refused, time: record.createdAt, tenantID: record.tenantID, userID: record.userID, actor: .core,
            details: ["limit": .integer(limit), "count": .integer(count)])
    }

    /// A session ended because its user began another one.
    ///
    /// - Parameters:
    ///   - handle: the session that ended.
    ///   - tenant: its tenant.
    ///   - user: its user, where that is not the one of the new session.
    ///   - successor: the session that was begun.
    ///   - means: `limit` or `replaced`.
    ///   - details: the limit and the action; none for `replaced`.
    package static func displaced(
        _ handle: SessionHandle, tenant: TenantID, user: UserID? = nil, by successor: SessionRecord,
        _ means: Revocation.Means, _ details: JSONObject
    ) -> AuditEvent {
        var event = revoked(
            handle, tenant: tenant, user: user ?? successor.userID,
            Revocation(by: .core, means, at: successor.createdAt))
        event.details = details
        event.details.append("replacedBy", .string(successor.handle.rawValue))
        return event
    }

    /// The user of a session was authenticated once more.
    static func authenticated(
        _ record: SessionRecord, isFull: Bool, from level: String?, at time: Timestamp
    ) -> AuditEvent {
        var details: JSONObject = ["level": record.traits.level.map { .string($0) } ?? .null]
        details.append("amr", .array(record.traits.methods.map { .string($0) }))
        details.append("full", .bool(isFull))
        details.append("from", level.map { .string($0) } ?? .null)
        return AuditEvent(.authenticated, record, at: time, details: details)
    }

    /// A session was rotated to another refresh token, or signs with another kind of key.
    ///
    /// - Parameter isRestored: whether a token that was newer than the session became its current one.
    static func refreshed(_ record: SessionRecord, isRestored: Bool = false, at time: Timestamp) -> AuditEvent {
        var details = rotations(record.rotationCount)
        details.append("keyKind", .string(record.signingKeyKind.rawValue))
        if isRestored { details.append("restored", true) }
        return AuditEvent(.refreshed, record, at: time, details: details)
    }

    /// The predecessor of the current token came late.
    static func latePredecessor(_ record: SessionRecord, at time: Timestamp) -> AuditEvent {
        AuditEvent(.latePredecessor, record, at: time, details: rotations(record.rotationCount))
    }

    private static func rotations(_ count: RotationCount) -> JSONObject {
        var details: JSONObject = ["generation": .integer(count.rotations)]
        if count.restoreNumber > 0 { details.append("restoreNumber", .integer(count.restoreNumber)) }
        return details
    }

    /// A superseded refresh token was reused.
    ///
    /// - Parameters:
    ///   - rotationCount: that token's own count; `nil` if unknown.
    ///   - revoked: whether the session ends with it.
    static func reuseDetected(
        _ record: SessionRecord, _ found: Refresh.ReuseClass, rotationCount: RotationCount?, revoked: Bool,
        at time: Timestamp
    ) -> AuditEvent {
        var details: JSONObject = ["class": .string(found.rawValue)]
        let apart = found.rotationsApart ?? rotationCount.map { record.rotationCount.distance(from: $0) }
        if let apart { details.append("generationsApart", .integer(apart)) }
        if let rotatedAt = record.rotatedAt {
            details.append("millisecondsSinceRotation", .integer((time - rotatedAt).count))
        }
        let event = AuditEvent(.reuseDetected, record, at: time, details: details)
        return revoked ? event.done(by: .core, .reuse) : event
    }

    /// A session that is bound to a key gave nothing to a client that did not show it.
    ///
    /// - Parameters:
    ///   - refusal: what was wrong.
    ///   - isReported: whether it was only noted, and the client got what it asked for.
    static func bindingRefused(
        _ record: SessionRecord, _ refusal: ProofRefusal, isReported: Bool = false, at time: Timestamp
    ) -> AuditEvent {
        var details: JSONObject = ["reason": .string(refusal.rawValue)]
        if record.traits.boundKey?.kind == .dbsc { details.append("binding", .string(BoundKey.Kind.dbsc.rawValue)) }
        if isReported { details.append("reported", true) }
        return AuditEvent(.bindingRefused, record, at: time, details: details)
    }

    /// A session was bound to the device of a browser.
    static func bound(_ record: SessionRecord, to key: DeviceKey, at time: Timestamp) -> AuditEvent {
        AuditEvent(
            .bound, record, at: time,
            details: [
                "binding": .string(BoundKey.Kind.dbsc.rawValue), "boundKey": .string(key.thumbprint.rawValue),
            ])
    }

    /// A session was revoked.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - tenant: its tenant.
    ///   - user: its user.
    ///   - revocation: who ended it, how and when.
    ///   - details: who acted in it, where that was not the user.
    public static func revoked(
        _ handle: SessionHandle, tenant: TenantID, user: UserID, _ revocation: Revocation, details: JSONObject = [:]
    ) -> AuditEvent {
        AuditEvent(
            name: .revoked, time: revocation.time, handle: handle, tenantID: tenant, userID: user,
            actor: revocation.actor, means: revocation.means, details: details
        ).noting(revocation.note)
    }

    /// A session was revoked, of which all is known.
    package static func revoked(_ record: SessionRecord, because revocation: Revocation) -> AuditEvent {
        AuditEvent(.revoked, record, at: revocation.time).done(by: revocation.actor, revocation.means)
            .noting(revocation.note)
    }

    /// A session ended; of one that ended by itself, which limit ended it.
    ///
    /// - Parameters:
    ///   - record: the session as it is stored.
    ///   - revocation: who ended it, how and when; of another means than expiry nothing is added.
    ///   - terms: how long sessions live.
    package static func revoked(
        _ record: SessionRecord, _ revocation: Revocation, within terms: SessionTerms
    ) -> AuditEvent {
        var event = revoked(record, because: revocation)
        guard revocation.means == .expiry else { return event }
        let expiry = record.expiry(within: terms)
        event.details.append("reason", .string(expiry.reason.rawValue))
        event.details.append("endedAt", .integer(expiry.endedAt.milliseconds))
        if let span = expiry.span { event.details.append("milliseconds", .integer(span.count)) }
        return event
    }

    /// All sessions of a user that were created up to a time were ended, in one tenant or, with `nil`, in all.
    public static func revokedAll(
        of user: UserID, tenant: TenantID?, createdUpTo time: Timestamp, _ revocation: Revocation
    ) -> AuditEvent {
        AuditEvent(
            name: .revokedAll, time: revocation.time, tenantID: tenant, userID: user, actor: revocation.actor,
            means: revocation.means, details: ["createdUpTo": .integer(time.milliseconds)]
        ).noting(revocation.note)
    }

    /// A session was ended by a decision of the engine.
    static func revoked(_ record: SessionRecord, by means: Revocation.Means, at time: Timestamp) -> AuditEvent {
        revoked(record, because: Revocation(by: .core, means, at: time))
    }

    /// The data of a session is another one; the audit log never contains it.
    static func dataChanged(
        _ record: SessionRecord, payload: Bool, sessionData: Bool, at time: Timestamp
    ) -> AuditEvent {
        AuditEvent(
            .dataChanged, record, at: time, details: ["payload": .bool(payload), "sessionData": .bool(sessionData)])
    }

    /// The store was put back from a copy.
    ///
    /// - Parameters:
    ///   - number: the store's restore number from now on.
    ///   - lastSequence: the number of the last entry in the copy.
    ///   - time: when that was done.
    public static func restored(number: UInt8, lastSequence: Int64, at time: Timestamp) -> AuditEvent {
        AuditEvent(
            name: .restored, time: time, actor: .administrator,
            details: ["restoreNumber": .integer(number), "lastSequence": .integer(lastSequence)])
    }

    /// An entry of the audit log that cannot be read.
    ///
    /// - Parameters:
    ///   - column: where what it holds is unknown.
    ///   - time: what it says about its time.
    public static func unreadable(_ column: String, at time: Timestamp) -> AuditEvent {
        AuditEvent(name: .unreadable, time: time, details: ["column": .string(column)])
    }

    /// Something happened to a key.
    ///
    /// - Parameters:
    ///   - name: what.
    ///   - key: its id, or the name of a stored value.
    ///   - actor: who did it; the core's schedule unless a command did.
    ///   - note: what an operator said about it.
    ///   - time: when.
    public static func key(
        _ name: Name, _ key: String, by actor: AuditActor = .core, note: AuditNote? = nil, at time: Timestamp
    ) -> AuditEvent {
        AuditEvent(name: name, time: time, actor: actor, details: ["key": .string(key)]).noting(note)
    }

    /// A user was erased; the entry has the pseudonym and never the user's id.
    ///
    /// - Parameters:
    ///   - pseudonym: what stands for the user in the audit log; `nil` where nothing does.
    ///   - sessions: how many sessions were ended with it.
    ///   - entries: how many entries have the pseudonym.
    ///   - time: when.
    public static func userErased(
        _ pseudonym: String?, sessions: Int64, entries: Int64, at time: Timestamp
    ) -> AuditEvent {
        AuditEvent(
            name: .userErased, time: time, userID: pseudonym.map { UserID($0) }, actor: .administrator,
            details: ["sessions": .integer(sessions), "entries": .integer(entries)])
    }
}
