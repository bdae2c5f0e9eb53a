public import SessionEngine
public import SessionStorage

extension PostgresSessionStorage {
    public func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        throw StorageError(.unavailable, "not yet")
    }

    public func eventStreams() async throws(StorageError) -> [EventStreamState] {
        throw StorageError(.unavailable, "not yet")
    }

    public func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        throw StorageError(.unavailable, "not yet")
    }

    public func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        throw StorageError(.unavailable, "not yet")
    }

    public func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        throw StorageError(.unavailable, "not yet")
    }

    public func settleEvents(of stream: EventStreamName, _ outcomes: [EventOutcome]) async throws(StorageError) -> Int {
        throw StorageError(.unavailable, "not yet")
    }

    public func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        throw StorageError(.unavailable, "not yet")
    }

    public func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        throw StorageError(.unavailable, "not yet")
    }
}
