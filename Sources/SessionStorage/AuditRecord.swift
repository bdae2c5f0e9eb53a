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
    /// How many at most.
    public var limit: Int

    /// Creates a value from what is looked for; by default the newest entries of all kinds.
    public init(
        order: Order = .newestFirst(before: nil), handle: SessionHandle? = nil, userID: UserID? = nil,
        name: AuditEvent.Name? = nil, limit: Int = 100
    ) {
        self.order = order
        self.handle = handle
        self.userID = userID
        self.name = name
        self.limit = limit
    }

    /// Whether an event is of those looked for, wherever in the audit log it is.
    public func selects(_ event: AuditEvent) -> Bool {
        (handle == nil || event.handle == handle) && (userID == nil || event.userID == userID)
            && (name == nil || event.name == name)
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
