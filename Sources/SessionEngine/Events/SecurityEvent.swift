public import Foundations
public import LosslessJSON

/// An event of the audit log for receivers outside, in the words of CAEP 1.0 (docs/decisions/0049).
///
/// This is the only place that decides which entries are news: sessions that ended other than by their own expiry, and
/// credentials that changed.
public struct SecurityEvent: Sendable, Equatable {
    /// The types of events.
    public enum Kind: String, Sendable, CaseIterable {
        /// One session ended, or all of a user that were created up to a time.
        case sessionRevoked = "session-revoked"
        /// A credential of a user is another one.
        case credentialChange = "credential-change"

        private static let prefix = "https://schemas.openid.net/secevent/caep/event-type/"

        /// The member of `events` that stands for it.
        public var uri: String { Self.prefix + rawValue }

        /// Reads a type.
        ///
        /// - Parameter text: the end of the URI, such as `session-revoked`, or the whole URI.
        /// - Returns: `nil` for a type that is not sent.
        public init?(_ text: String) {
            let name = text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : text
            self.init(rawValue: name)
        }
    }

    /// Who caused an event, in the words of CAEP (`initiating_entity`).
    public enum InitiatingEntity: String, Sendable, CaseIterable {
        /// An administrator.
        case admin
        /// The user.
        case user
        /// A rule that the operator set.
        case policy
        /// The core, for the safety of the user.
        case system
    }

    /// The type.
    public var kind: Kind
    /// The session that ended; `nil` where all of the user ended, and where none did.
    public var session: SessionHandle?
    /// The user.
    public var user: UserID?
    /// The tenant; without a session, `nil` stands for all tenants.
    public var tenant: TenantID?
    /// When it happened; of all sessions of a user, up to when they had been created.
    public var time: Timestamp
    /// Who caused it; `nil` where the application did and did not say for whom.
    public var initiator: InitiatingEntity?
    /// Why, for the administrator of the receiver; it has no text of an application in it.
    public var reason: String
    /// The members of the event that only its type has.
    public var members: JSONObject

    init(
        _ kind: Kind, session: SessionHandle? = nil, user: UserID?, tenant: TenantID? = nil, at time: Timestamp,
        by initiator: InitiatingEntity?, because reason: String, members: JSONObject = [:]
    ) {
        (self.kind, self.session, self.user, self.tenant, self.time) = (kind, session, user, tenant, time)
        (self.initiator, self.reason, self.members) = (initiator, reason, members)
    }

    /// Reads an entry of the audit log.
    ///
    /// - Returns: `nil` for one that is no news.
    public init?(_ event: AuditEvent) {
        if event.name == .credentialChanged {
            self.init(
                .credentialChange, user: event.userID, tenant: event.tenantID, at: event.time,
                by: Self.initiator(event.actor), because: "A credential of the user changed", members: event.details)
            return
        }
        guard let end = SessionEnd(event), !end.isExpiry, event.userID != nil || event.handle != nil else { return nil }
        var time = end.endedAt
        if event.name == .revokedAll, let upTo = event.details["createdUpTo"]?.number?.int64 {
            time = Timestamp(milliseconds: upTo)
        }
        self.init(
            .sessionRevoked, session: event.handle, user: event.userID, tenant: event.tenantID, at: time,
            by: Self.initiator(end), because: end.text)
    }

    /// Who caused the end of a session (docs/events.md has the table).
    private static func initiator(_ end: SessionEnd) -> InitiatingEntity? {
        switch end.cause {
        case .limit, .replaced: .policy
        case .reuse, .restored: .system
        default: initiator(end.actor)
        }
    }

    private static func initiator(_ actor: AuditActor?) -> InitiatingEntity? {
        switch actor {
        case .user: .user
        case .administrator: .admin
        case .core: .system
        case .driver, nil: nil
        }
    }
}

extension SessionEnd {
    /// Whether the session ended by itself, which its receivers could know from the beginning.
    fileprivate var isExpiry: Bool {
        switch cause {
        case .idle, .absolute, .validity, .expired: true
        default: false
        }
    }
}

/// What identifies an event for a receiver.
public struct SecurityEventID: Sendable, Hashable {
    /// The `jti`: the same for ever, from whichever core the event comes and however often.
    public let id: String
    /// The `txn`: the same in all streams that have the event.
    public let transaction: String

    /// The identifiers of an entry of the audit log.
    ///
    /// - Parameters:
    ///   - event: the entry. Its time and its session are part of the identifier, since numbers can begin again with an empty
    ///     database.
    ///   - sequence: its number.
    ///   - stream: the name of the stream that it is for.
    ///   - app: its app.
    public init(of event: AuditEvent, _ sequence: Int64, for stream: String, in app: AppID) {
        let entry = [
            app.rawValue, "\(sequence)", event.name.rawValue, "\(event.time.milliseconds)", event.handle?.rawValue,
        ]
        id = Self.digest("tessera security event 1", [stream] + entry)
        transaction = Self.digest("tessera security event transaction 1", entry)
    }

    init(id: String, transaction: String) { (self.id, self.transaction) = (id, transaction) }

    private static func digest(_ purpose: String, _ texts: [String?]) -> String {
        String(AuditChain.hash(purpose, texts).prefix(32))
    }
}
