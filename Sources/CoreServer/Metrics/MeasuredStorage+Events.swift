import SessionEngine
import SessionStorage

/// The outbox of security events.
extension MeasuredStorage {
    func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        try await timed(.upkeep, as: .insertStreams) { () async throws(StorageError) in
            try await base.registerStreams(names)
        }
    }

    func eventStreams() async throws(StorageError) -> [EventStreamState] {
        try await timed(.list, as: .selectStreams) { () async throws(StorageError) in try await base.eventStreams() }
    }

    func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        try await timed(.upkeep, as: .deleteStreams) { () async throws(StorageError) in
            try await base.removeStream(name)
        }
    }

    func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        try await timed(.upkeep, as: .updateStreams) { () async throws(StorageError) in
            try await base.leaseStream(name, for: owner, lasting: span)
        }
    }

    func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        try await timed(.list, as: .selectEvents) { () async throws(StorageError) in
            try await base.pendingEvents(of: stream, after: number, limit: limit)
        }
    }

    func settleEvents(of stream: EventStreamName, _ outcomes: [EventOutcome]) async throws(StorageError) -> Int {
        try await timed(.upkeep, as: .deleteEvents) { () async throws(StorageError) in
            try await base.settleEvents(of: stream, outcomes)
        }
    }

    func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        try await timed(.upkeep, as: .updateEvents) { () async throws(StorageError) in
            try await base.reviveEvents(of: stream, at: time)
        }
    }

    func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await timed(.upkeep, as: .updateEvents) { () async throws(StorageError) in
            try await base.buryEvents(olderThan: time, limit: limit)
        }
    }
}
