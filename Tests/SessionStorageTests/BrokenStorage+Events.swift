import SessionEngine
import SessionStorage

/// Faults of the outbox.
extension BrokenStorage {
    func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        defect == .keepsStreams ? 0 : try await base.removeStream(name)
    }

    func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        let isFree = try await base.leaseStream(name, for: owner, lasting: span)
        return isFree || defect == .leasesToAll
    }

    func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        let start = defect == .repeatsEvents ? min(number, 3) : number
        return try await base.pendingEvents(of: stream, after: start, limit: limit)
    }

    func settleEvents(
        of stream: EventStreamName, _ outcomes: [EventOutcome]
    ) async throws(StorageError) -> Int {
        if defect == .settlesNothing { return outcomes.count }
        var outcomes = outcomes
        if defect == .settlesAsDelivered { outcomes = outcomes.map { EventOutcome($0.number, .delivered) } }
        return try await base.settleEvents(of: stream, outcomes)
    }

    func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        defect == .revivesNothing ? 0 : try await base.reviveEvents(of: stream, at: time)
    }

    func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        defect == .buriesNothing ? 0 : try await base.buryEvents(olderThan: time, limit: limit)
    }
}
