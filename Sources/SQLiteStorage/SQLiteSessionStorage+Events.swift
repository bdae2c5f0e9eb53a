public import SessionEngine
public import SessionStorage

extension SQLiteSessionStorage {
    public func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        let known = Set(try await eventStreams().map(\.name))
        let missing = names.subtracting(known).sorted()
        if missing.isEmpty { return }
        try await database.writer.write { (connection) throws(StorageError) in
            try admit(on: connection)
            for name in missing { try connection.run(Statement.insertStream, key(of: name)) }
        }
    }

    private func key(of stream: EventStreamName) -> [SQLiteValue] { [appValue, .text(stream.rawValue)] }

    public func eventStreams() async throws(StorageError) -> [EventStreamState] {
        try await database.readers.readAside { (connection) throws(StorageError) in
            try connection.query(Statement.selectStreams, [appValue]) { EventStreamState(row: $0) }.compactMap(\.self)
        }
    }

    public func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        try await database.writer.write(.vital) { (connection) throws(StorageError) in
            guard try connection.run(Statement.deleteStream, key(of: name)) > 0 else { return nil }
            return Int64(try connection.run(Statement.deleteEventsOfStream, key(of: name)))
        }
    }

    public func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        let values = key(of: name) + [.text(owner), .integer(span.count)]
        return try await database.writer.write { (connection) throws(StorageError) in
            try connection.run(Statement.leaseStream, values) > 0
        }
    }

    public func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        let values = key(of: stream) + [.integer(number), .integer(Int64(max(0, limit)))]
        return try await database.readers.readAside { (connection) throws(StorageError) in
            try connection.query(Statement.selectPendingEvents, values) { PendingEvent(row: $0) }
        }
    }

    /// What was delivered makes room; a retry that is put off waits for room like any other write.
    public func settleEvents(
        of stream: EventStreamName, _ outcomes: [EventOutcome]
    ) async throws(StorageError) -> Int {
        if outcomes.isEmpty { return 0 }
        let isVital = outcomes.contains { $0.result == .delivered }
        return try await database.writer.write(isVital ? .vital : .ordinary) { (connection) throws(StorageError) in
            var changed = 0
            for outcome in outcomes { changed += try settle(outcome, of: stream, on: connection) }
            return changed
        }
    }

    private func settle(
        _ outcome: EventOutcome, of stream: EventStreamName, on connection: SQLiteConnection
    ) throws(StorageError) -> Int {
        let event = key(of: stream) + [.integer(outcome.number)]
        let (count, error): (Int, String?)
        switch outcome.result {
        case .delivered: (count, error) = (try connection.run(Statement.deleteEvent, event), nil)
        case .later(let time, let text):
            let values = event + [.integer(time.milliseconds)]
            (count, error) = (try connection.run(Statement.deferEvent, values), text)
        case .dead(let text): (count, error) = (try connection.run(Statement.giveUpEvent, event), text)
        }
        if count == 0 { return 0 }
        let isDelivered = SQLiteValue.integer(error == nil ? 1 : 0)
        try connection.run(
            Statement.noteOutcome, key(of: stream) + [error.map { .text($0) } ?? .null, isDelivered])
        return count
    }

    public func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        let values = key(of: stream) + [.integer(time.milliseconds)]
        return try await database.writer.write { (connection) throws(StorageError) in
            Int64(try connection.run(Statement.reviveEvents, values))
        }
    }

    /// Found beside the writer, which has nothing to do as a rule.
    public func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let names = try await eventStreams().filter { $0.pending > 0 || $0.dead > 0 }.map(\.name)
        if names.isEmpty { return 0 }
        let bounds: [SQLiteValue] = [.integer(time.milliseconds), .integer(Int64(max(0, limit)))]
        return try await database.writer.write(.vital) { (connection) throws(StorageError) in
            var changed = 0
            for name in names {
                changed += try connection.run(Statement.deleteDeadEvents, key(of: name) + bounds)
                changed += try connection.run(Statement.buryEvents, key(of: name) + bounds)
            }
            return changed
        }
    }
}

/// The outbox of security events; `?1` is the app and `?2` the stream.
extension Statement {
    fileprivate static let insertStream = "INSERT OR IGNORE INTO event_streams (app_id, name) VALUES (?1, ?2)"
    fileprivate static let selectStreams = """
        SELECT name, (SELECT count(*) FROM \(pending)), (SELECT count(*) FROM \(dead)), \
        (SELECT since FROM \(pending) ORDER BY number LIMIT 1), last_error, last_delivery FROM event_streams AS s \
        WHERE app_id = ?1 ORDER BY name
        """
    private static let pending = "event_outbox AS o WHERE o.app_id = s.app_id AND o.stream = s.name AND o.dead = 0"
    private static let dead = "event_outbox AS o WHERE o.app_id = s.app_id AND o.stream = s.name AND o.dead = 1"
    fileprivate static let deleteStream = "DELETE FROM event_streams WHERE app_id = ?1 AND name = ?2"
    static let deleteEventsOfStream = "DELETE FROM event_outbox WHERE app_id = ?1 AND stream = ?2"
    fileprivate static let leaseStream = """
        UPDATE event_streams SET owner = ?3, leased_until = \(Migration.moment) + ?4 WHERE app_id = ?1 AND name = ?2 \
        AND (owner = ?3 OR leased_until <= \(Migration.moment))
        """
    /// One process has the folder: what the one before it had is free.
    static let endLeases = "UPDATE event_streams SET leased_until = 0 WHERE leased_until <> 0"
    /// The columns of an entry of the audit log come first.
    static let selectPendingEvents = """
        SELECT sequence, time, event, session_handle, tenant_id, user_id, details, actor, means, number, attempts, \
        next_attempt, since FROM event_outbox WHERE app_id = ?1 AND stream = ?2 AND dead = 0 AND number > ?3 \
        ORDER BY number LIMIT ?4
        """
    static let deleteEvent = "DELETE FROM event_outbox WHERE app_id = ?1 AND stream = ?2 AND number = ?3"
    fileprivate static let deferEvent = """
        UPDATE event_outbox SET attempts = attempts + 1, next_attempt = ?4 WHERE app_id = ?1 AND stream = ?2 \
        AND number = ?3 AND dead = 0 AND next_attempt <> ?4
        """
    fileprivate static let giveUpEvent = """
        UPDATE event_outbox SET attempts = attempts + 1, dead = 1, since = \(Migration.moment) WHERE app_id = ?1 \
        AND stream = ?2 AND number = ?3 AND dead = 0
        """
    fileprivate static let noteOutcome = """
        UPDATE event_streams SET last_error = ?3, \
        last_delivery = CASE ?4 WHEN 1 THEN \(Migration.moment) ELSE last_delivery END WHERE app_id = ?1 AND name = ?2
        """
    static let reviveEvents = """
        UPDATE event_outbox SET dead = 0, attempts = 0, next_attempt = ?3, since = ?3 WHERE app_id = ?1 \
        AND stream = ?2 AND dead = 1
        """
    /// Looks at the oldest only: they are in the order of time but for steps of the clock and those that wait again.
    private static func old(dead: Bool) -> String {
        """
        number IN (SELECT number FROM (SELECT number, since FROM event_outbox WHERE app_id = ?1 AND stream = ?2 \
        AND dead = \(dead ? 1 : 0) ORDER BY number LIMIT ?4) WHERE since < ?3)
        """
    }
    static let deleteDeadEvents = "DELETE FROM event_outbox WHERE \(old(dead: true))"
    static let buryEvents = """
        UPDATE event_outbox SET dead = 1, since = \(Migration.moment) WHERE \(old(dead: false))
        """
}

extension EventStreamState {
    /// Reads the columns of `Statement.selectStreams`; `nil` where another program made up a name.
    fileprivate init?(row: SQLiteRow) {
        guard let name = EventStreamName(row.text(0)) else { return nil }
        func time(_ column: Int32) -> Timestamp? {
            row.isNull(column) ? nil : Timestamp(milliseconds: row.integer(column))
        }
        self.init(
            name: name, pending: row.integer(1), dead: row.integer(2), oldestPending: time(3),
            lastError: row.isNull(4) ? nil : row.text(4), lastDelivery: time(5))
    }
}

extension PendingEvent {
    /// Reads the columns of `Statement.selectPendingEvents`.
    fileprivate init(row: SQLiteRow) {
        let entry = AuditRecord(row: row)
        self.init(
            number: row.integer(9), sequence: entry.sequence, event: entry.event,
            attempts: Int(clamping: row.integer(10)), nextAttempt: Timestamp(milliseconds: row.integer(11)),
            since: Timestamp(milliseconds: row.integer(12)))
    }
}
