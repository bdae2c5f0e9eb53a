import LibPQClient
public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        let known = Set(try await eventStreams().map(\.name))
        let missing = names.subtracting(known).sorted().map(\.rawValue)
        if missing.isEmpty { return }
        let row = try await run(
            statements.insertStreams, ["names": .texts(missing), "checks": .bool(checksTenants)]
        ).first
        if row?.integer(0) == 0 { throw noSuchApp }
    }

    public func eventStreams() async throws(StorageError) -> [EventStreamState] {
        try await run(statements.selectStreams).rows { EventStreamState(row: $0) }.compactMap(\.self)
    }

    public func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        let row = try await run(statements.deleteStream, ["stream": .text(name.rawValue)]).first
        guard let row, row.integer(0) > 0 else { return nil }
        return row.integer(1)
    }

    public func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        let values: NamedValues = [
            "stream": .text(name.rawValue), "owner": .text(owner), "milliseconds": .integer(span.count),
        ]
        return try await run(statements.leaseStream, values, key: name.rawValue).affected > 0
    }

    public func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        let values: NamedValues = [
            "stream": .text(stream.rawValue), "after": .integer(number), "limit": .integer(Int64(max(0, limit))),
        ]
        return try await run(statements.selectPendingEvents, values).rows { PendingEvent(row: $0) }
    }

    public func settleEvents(
        of stream: EventStreamName, _ outcomes: [EventOutcome]
    ) async throws(StorageError) -> Int {
        if outcomes.isEmpty { return 0 }
        let values: NamedValues = [
            "stream": .text(stream.rawValue), "numbers": .integers(outcomes.map(\.number)),
            "results": .texts(outcomes.map(\.columns.result)), "times": .integers(outcomes.map(\.columns.time)),
            "errors": .texts(outcomes.map(\.columns.error)),
        ]
        return Int(clamping: try await run(statements.settleEvents, values).first?.integer(0) ?? 0)
    }

    public func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        let values: NamedValues = ["stream": .text(stream.rawValue), "time": .integer(time.milliseconds)]
        return Int64(try await run(statements.reviveEvents, values).affected)
    }

    public func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        let values: NamedValues = ["time": .integer(time.milliseconds), "limit": .integer(Int64(max(0, limit)))]
        return Int(clamping: try await run(statements.buryEvents, values).first?.integer(0) ?? 0)
    }
}

extension EventOutcome {
    /// The name of the result, until when to wait, and the error; a text of PostgreSQL has no zero byte.
    fileprivate var columns: (result: String, time: Int64, error: String) {
        func storable(_ text: String) -> String { text.replacing("\0", with: "\u{fffd}") }
        return switch result {
        case .delivered: ("delivered", 0, "")
        case .later(let time, let error): ("later", time.milliseconds, storable(error))
        case .dead(let error): ("dead", 0, storable(error))
        }
    }
}

extension EventStreamState {
    /// Reads the columns of `Statements.selectStreams`; `nil` where another program made up a name.
    fileprivate init?(row: PostgresRow) {
        guard let name = EventStreamName(row.text(0)) else { return nil }
        self.init(
            name: name, pending: row.integer(1), dead: row.integer(2),
            oldestPending: row.optionalInteger(3).map(Timestamp.init(milliseconds:)), lastError: row.optionalText(4),
            lastDelivery: row.optionalInteger(5).map(Timestamp.init(milliseconds:)))
    }
}

extension PendingEvent {
    /// Reads the columns of `Statements.selectPendingEvents`.
    fileprivate init(row: PostgresRow) {
        let entry = AuditRecord(row: row)
        self.init(
            number: row.integer(9), sequence: entry.sequence, event: entry.event,
            attempts: Int(clamping: row.integer(10)), nextAttempt: Timestamp(milliseconds: row.integer(11)),
            since: Timestamp(milliseconds: row.integer(12)))
    }
}
