public import SessionEngine

/// An entry of the audit log as storage remembers it.
public struct AuditRecord: Sendable, Equatable {
    /// Its number in the audit log of its app: later entries have larger numbers, and none is given twice.
    public var sequence: Int64
    /// The event.
    public var event: AuditEvent

    /// Numbers an event.
    public init(sequence: Int64, event: AuditEvent) {
        self.sequence = sequence
        self.event = event
    }
}

/// Which audit events to read.
public struct AuditQuery: Sendable, Equatable {
    /// In which order, and from where.
    public enum Order: Sendable, Equatable {
        /// The newest first, from the one before a number; `nil` begins with the newest.
        case newestFirst(before: Int64?)
        /// The oldest first, from the one after a number; 0 begins with the oldest.
        case oldestFirst(after: Int64)
    }

    /// In which order, and from where.
    public var order: Order
    /// Only entries about this session.
    public var handle: SessionHandle?
    /// Only entries about this user's sessions.
    public var userID: UserID?
    /// Only entries of this kind.
    public var name: AuditEvent.Name?
    /// Only entries of what this actor did.
    public var actor: AuditActor?
    /// Only entries of this time or a later one.
    public var since: Timestamp?
    /// Only entries of an earlier time.
    public var until: Timestamp?
    /// How many at most.
    public var limit: Int

    /// Creates a value from what is looked for; by default the newest entries of all kinds.
    public init(
        order: Order = .newestFirst(before: nil), handle: SessionHandle? = nil, userID: UserID? = nil,
        name: AuditEvent.Name? = nil, actor: AuditActor? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        limit: Int = 100
    ) {
        self.order = order
        self.handle = handle
        self.userID = userID
        self.name = name
        self.actor = actor
        self.since = since
        self.until = until
        self.limit = limit
    }

    /// Whether nothing but a time is asked for: then the order is that of the times, and of the numbers within one.
    package var isByTimeAlone: Bool {
        (since != nil || until != nil) && handle == nil && userID == nil && name == nil && actor == nil
    }

    /// Whether an event is of those looked for, wherever in the audit log it is.
    public func selects(_ event: AuditEvent) -> Bool {
        (handle == nil || event.handle == handle) && (userID == nil || event.userID == userID)
            && (name == nil || event.name == name) && (actor == nil || event.actor == actor)
            && (since.map { $0 <= event.time } ?? true) && (until.map { event.time < $0 } ?? true)
    }
}

/// How much of the audit log is kept.
public struct AuditRetention: Sendable, Equatable {
    /// For how long.
    public var age: Milliseconds
    /// How many entries for each app.
    public var entries: Int64

    /// Creates a retention; by default 90 days and a million entries.
    public init(age: Milliseconds = .seconds(90 * 86_400), entries: Int64 = 1_000_000) {
        self.age = age
        self.entries = entries
    }
}
