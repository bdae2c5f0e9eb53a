import Foundations
public import SessionEngine
public import SessionStorage
import Synchronization

/// The streams of one app with what waits for them.
struct InMemoryOutbox {
    struct Stream {
        var events: [PendingEvent] = []
        /// The numbers of the events that were given up.
        var dead: Set<Int64> = []
        var owner: String?
        var leasedUntil = Timestamp(milliseconds: 0)
        var lastError: String?
        var lastDelivery: Timestamp?
    }

    private(set) var streams: [EventStreamName: Stream] = [:]
    private var last: Int64 = 0

    mutating func register(_ names: Set<EventStreamName>) {
        for name in names where streams[name] == nil { streams[name] = Stream() }
    }

    mutating func remove(_ name: EventStreamName) -> Int64? {
        streams.removeValue(forKey: name).map { Int64($0.events.count) }
    }

    mutating func note(_ event: AuditEvent, sequence: Int64) {
        for name in streams.keys.sorted() {
            last = last.saturatingAdd(1)
            streams[name]?.events.append(
                PendingEvent(
                    number: last, sequence: sequence, event: event, attempts: 0,
                    nextAttempt: Timestamp(milliseconds: 0), since: event.time))
        }
    }

    mutating func lease(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds, at now: Timestamp
    ) -> Bool {
        guard var stream = streams[name], stream.owner == owner || stream.leasedUntil <= now else { return false }
        (stream.owner, stream.leasedUntil) = (owner, now + span)
        streams[name] = stream
        return true
    }

    /// Changes a stream's events by what became of them; returns how many it changed.
    mutating func settle(_ name: EventStreamName, _ outcomes: [EventOutcome], at now: Timestamp) -> Int {
        guard var stream = streams[name] else { return 0 }
        let changed = outcomes.count { stream.settle($0, at: now) }
        streams[name] = stream
        return changed
    }

    mutating func revive(_ name: EventStreamName, at time: Timestamp) -> Int64 {
        guard var stream = streams[name] else { return 0 }
        let count = stream.dead.count
        for index in stream.events.indices where stream.dead.contains(stream.events[index].number) {
            (stream.events[index].attempts, stream.events[index].nextAttempt) = (0, time)
            stream.events[index].since = time
        }
        stream.dead = []
        streams[name] = stream
        return Int64(count)
    }

    mutating func bury(olderThan time: Timestamp, limit: Int, at now: Timestamp) -> Int {
        streams.keys.map { streams[$0]?.bury(olderThan: time, limit: limit, at: now) ?? 0 }.reduce(0, +)
    }
}

extension InMemoryOutbox.Stream {
    func waiting() -> [PendingEvent] { events.filter { !dead.contains($0.number) } }

    fileprivate mutating func settle(_ outcome: EventOutcome, at now: Timestamp) -> Bool {
        guard let index = events.firstIndex(where: { $0.number == outcome.number }) else { return false }
        let isDead = dead.contains(outcome.number)
        switch outcome.result {
        case .delivered:
            events.remove(at: index)
            dead.remove(outcome.number)
            (lastError, lastDelivery) = (nil, now)
        case .later(let time, let error):
            guard !isDead, events[index].nextAttempt != time else { return false }
            events[index].attempts += 1
            (events[index].nextAttempt, lastError) = (time, error)
        case .dead(let error):
            guard !isDead else { return false }
            events[index].attempts += 1
            (events[index].since, lastError) = (now, error)
            dead.insert(outcome.number)
        }
        return true
    }

    fileprivate mutating func bury(olderThan time: Timestamp, limit: Int, at now: Timestamp) -> Int {
        let most = max(0, limit)
        let old = Set(events.filter { dead.contains($0.number) && $0.since < time }.prefix(most).map(\.number))
        let late = Set(waiting().filter { $0.since < time }.prefix(most).map(\.number))
        events.removeAll { old.contains($0.number) }
        for index in events.indices where late.contains(events[index].number) { events[index].since = now }
        dead = dead.subtracting(old).union(late)
        return old.count + late.count
    }
}

extension InMemorySessionStorage.State {
    /// Writes an entry of the audit log, and what streams are to have of it.
    ///
    /// - Parameter follows: whether it follows an entry about all sessions of its user.
    mutating func note(_ event: AuditEvent?, follows: Bool = false) {
        guard let event else { return }
        let sequence = auditLog.append(event)
        guard !follows, PendingEvent.isNoted(event) else { return }
        outbox.note(event, sequence: sequence)
    }
}

extension InMemorySessionStorage {
    public func registerStreams(_ names: Set<EventStreamName>) async throws(StorageError) {
        try state.withLock { (state) throws(StorageError) in
            try state.admit()
            state.outbox.register(names)
        }
    }

    public func eventStreams() async throws(StorageError) -> [EventStreamState] {
        state.withLock { state in
            state.outbox.streams.sorted { $0.key < $1.key }.map { name, stream in
                let waiting = stream.waiting()
                return EventStreamState(
                    name: name, pending: Int64(waiting.count), dead: Int64(stream.dead.count),
                    oldestPending: waiting.first?.since, lastError: stream.lastError,
                    lastDelivery: stream.lastDelivery)
            }
        }
    }

    public func removeStream(_ name: EventStreamName) async throws(StorageError) -> Int64? {
        state.withLock { $0.outbox.remove(name) }
    }

    public func leaseStream(
        _ name: EventStreamName, for owner: String, lasting span: Milliseconds
    ) async throws(StorageError) -> Bool {
        state.withLock { $0.outbox.lease(name, for: owner, lasting: span, at: $0.clock()) }
    }

    public func pendingEvents(
        of stream: EventStreamName, after number: Int64, limit: Int
    ) async throws(StorageError) -> [PendingEvent] {
        state.withLock { state in
            let waiting = state.outbox.streams[stream]?.waiting() ?? []
            return Array(waiting.filter { $0.number > number }.prefix(max(0, limit)))
        }
    }

    public func settleEvents(
        of stream: EventStreamName, _ outcomes: [EventOutcome]
    ) async throws(StorageError) -> Int {
        state.withLock { $0.outbox.settle(stream, outcomes, at: $0.clock()) }
    }

    public func reviveEvents(of stream: EventStreamName, at time: Timestamp) async throws(StorageError) -> Int64 {
        state.withLock { $0.outbox.revive(stream, at: time) }
    }

    public func buryEvents(olderThan time: Timestamp, limit: Int) async throws(StorageError) -> Int {
        state.withLock { $0.outbox.bury(olderThan: time, limit: limit, at: $0.clock()) }
    }
}
