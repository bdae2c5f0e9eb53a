public import SessionEngine
public import SessionStorage

extension StorageDecorator {
    public func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        try await base.registerStreams(names)
    }

    public func eventStreams() async throws(StorageError) -> [EventStreamState] {
        try await base.eventStreams()
    }

    public func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        try await base.removeStream(name)
    }

    public func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        try await base.leaseStream(name, for: owner, lasting: span)
    }

    public func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        try await base.pendingEvents(of: stream, after: number, limit: limit)
    }

    public func settleEvents(of stream: EventStreamName, _ outcomes: [EventOutcome]) async throws(StorageError) -> Int {
        try await base.settleEvents(of: stream, outcomes)
    }

    public func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        try await base.reviveEvents(of: stream, at: time)
    }

    public func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        try await base.buryEvents(olderThan: time, limit: limit)
    }
}
