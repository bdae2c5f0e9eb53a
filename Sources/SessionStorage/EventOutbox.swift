import Foundations
public import SessionEngine

/// Where one app's security events wait until each stream has delivered them (docs/decisions/0049).
///
/// A stream is a name that the configuration gives a receiver. The database itself copies an entry of the audit log that
/// ``PendingEvent/isNoted(_:)`` names into the outbox, once for each stream that is registered, in the step that writes the
/// entry: whichever code path ended a session, and nothing is lost when a process ends.
public protocol EventOutbox: Sendable {
    /// Adds the streams that are missing; what happens from now on is kept for them, and for those that are there.
    ///
    /// - Throws: ``StorageError``; ``StorageError/Code/noSuchTenant`` for an app that does not exist.
    func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError)

    /// The streams that are registered, in the order of their names.
    func eventStreams() async throws(StorageError) -> [EventStreamState]

    /// Removes a stream with all that waits for it; nothing more is kept for it.
    ///
    /// - Returns: how many events there were, dead ones included; `nil` if there is no such stream.
    func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64?

    /// Takes or renews the right to deliver a stream, by the database's clock: one process has it at a time.
    ///
    /// A lease that ends while its owner delivers does no harm: an event may then be delivered twice.
    ///
    /// - Parameters:
    ///   - name: the stream.
    ///   - owner: a name that no other process has; the same one renews.
    ///   - span: for how long from now; 0 gives it back.
    /// - Returns: whether the owner has it; `false` also if there is no such stream.
    func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool

    /// A page of the events that wait, the oldest first; dead ones are not among them.
    ///
    /// Numbers grow, with gaps; two that are given at one moment may become visible in the other order. So begin again at 0
    /// once the end is reached: what was delivered is gone.
    ///
    /// - Parameters:
    ///   - stream: the stream.
    ///   - number: only events with a greater number.
    ///   - limit: how many at most.
    func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent]

    /// Notes what became of events, in one step; done twice it changes nothing more.
    ///
    /// A dead event that is delivered after all goes; it does not wait again by ``EventOutcome/Result/later(_:error:)``.
    ///
    /// - Parameters:
    ///   - stream: the stream.
    ///   - outcomes: one for each event; numbers that are not there, or not this stream's, are passed over.
    /// - Returns: how many events it changed.
    func settleEvents(of stream: EventStreamName, _ outcomes: [EventOutcome]) async throws(StorageError) -> Int

    /// Lets the dead events of a stream wait again, as if they were new.
    ///
    /// - Parameters:
    ///   - stream: the stream.
    ///   - time: since when they wait, and not to be sent before.
    /// - Returns: how many there were.
    func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64

    /// Gives up events that wait since before a time, and deletes those that were given up before it, the oldest first, of
    /// all streams of the app.
    ///
    /// - Parameters:
    ///   - time: what waits, or is dead, since before it.
    ///   - limit: how many of each stream at most.
    /// - Returns: how many changed or went; 0 when none is left.
    func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int
}

/// The name of a receiver of security events.
public struct EventStreamName: Hashable, Sendable, Comparable {
    /// The characters.
    public let rawValue: String

    /// A name of 1 to 64 characters, each one of `a` to `z`, `0` to `9`, `-` and `_`; `nil` for any other.
    public init?(_ text: String) {
        let isFit = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isFit, (1...64).contains(text.utf8.count) else { return nil }
        rawValue = text
    }

    public static func < (left: EventStreamName, right: EventStreamName) -> Bool { left.rawValue < right.rawValue }
}

/// An event that waits for a stream.
public struct PendingEvent: Sendable, Equatable {
    /// Its number in the outbox; later events have larger ones.
    public var number: Int64
    /// The number of its entry in the audit log of its app, which no other entry is ever given.
    ///
    /// Where a database was put back without `tessera restore` one may be given again: what is to identify an event for ever
    /// is better made of this and the time of ``event``.
    public var sequence: Int64
    /// The entry as it was written: a later erasure of its user does not change it.
    public var event: AuditEvent
    /// How often its delivery failed since it was new.
    public var attempts: Int
    /// Not to be sent before.
    public var nextAttempt: Timestamp
    /// Since when it waits: the time of ``event``, or when it was revived.
    public var since: Timestamp

    public init(
        number: Int64, sequence: Int64, event: AuditEvent, attempts: Int, nextAttempt: Timestamp, since: Timestamp
    ) {
        self.number = number
        self.sequence = sequence
        self.event = event
        self.attempts = attempts
        self.nextAttempt = nextAttempt
        self.since = since
    }
}

extension PendingEvent {
    /// Whether an entry of the audit log is kept for streams: it ended sessions otherwise than by expiry, or says that a
    /// credential changed.
    ///
    /// Sessions that expire are no news to a receiver, which knows when they do. Neither are the entries that follow one about
    /// all sessions of a user, `AuditEvent.Name.revokedAll`: storage does not keep those either.
    public static func isNoted(_ event: AuditEvent) -> Bool {
        event.name == .credentialChanged || event.means.map { $0 != .expiry } ?? false
    }

    /// The same of a row `NEW` of the audit log, in SQL; short, because PostgreSQL reads it again for each statement.
    package static let isNoted = """
        NEW.means <> '\(Revocation.Means.expiry.rawValue)' OR NEW.event = '\(AuditEvent.Name.credentialChanged.rawValue)'
        """
}

/// What became of an event.
public struct EventOutcome: Sendable, Equatable {
    /// How its delivery went.
    public enum Result: Sendable, Equatable {
        /// The receiver has it.
        case delivered
        /// It is to be tried again, not before a time.
        case later(Timestamp, error: String)
        /// It is given up; it stays for operators to look at.
        case dead(error: String)
    }

    /// The number of the event in the outbox.
    public var number: Int64
    /// How its delivery went.
    public var result: Result

    public init(_ number: Int64, _ result: Result) {
        self.number = number
        self.result = result
    }
}

/// A stream as operators see it.
public struct EventStreamState: Sendable, Equatable {
    /// Its name.
    public var name: EventStreamName
    /// How many events wait.
    public var pending: Int64
    /// How many were given up.
    public var dead: Int64
    /// Since when the first of those that wait does, as ``PendingEvent/since``; `nil` where none waits.
    public var oldestPending: Timestamp?
    /// What went wrong last, if the delivery after it did not succeed.
    public var lastError: String?
    /// When something was delivered last, by the database's clock.
    public var lastDelivery: Timestamp?

    public init(
        name: EventStreamName, pending: Int64 = 0, dead: Int64 = 0, oldestPending: Timestamp? = nil,
        lastError: String? = nil, lastDelivery: Timestamp? = nil
    ) {
        self.name = name
        self.pending = pending
        self.dead = dead
        self.oldestPending = oldestPending
        self.lastError = lastError
        self.lastDelivery = lastDelivery
    }
}
