import Foundations
import Synchronization

/// The statements that wait for a connection, up to a limit and in the order of their priorities.
final class RequestQueue: Sendable {
    private struct State {
        var lanes: [[ClientRequest]] = Array(repeating: [], count: StatementPriority.levels)
        var count = 0
        var lastID: UInt64 = 0
        var isClosed = false
        /// Whether the client's thread sleeps and has to be woken.
        var isAsleep = false
    }

    private let state = Mutex(State())
    private let capacity: Int
    private let wakeup: WakeupPipe

    init(capacity: Int) throws(ClientError) {
        self.capacity = capacity
        wakeup = try WakeupPipe()
    }

    /// The file descriptor that the client's thread polls beside its sockets.
    var wakeupDescriptor: Int32 { wakeup.reader }

    /// How many statements wait.
    var count: Int { state.withLock(\.count) }

    /// A number for a new request.
    func nextID() -> UInt64 {
        state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
    }

    /// Adds a request; if the queue is full, the newest of the lowest priority is rejected.
    func add(_ request: ClientRequest) {
        let (refused, wakes, isClosed) = state.withLock { state -> (ClientRequest?, Bool, Bool) in
            if state.isClosed { return (request, false, true) }
            var refused: ClientRequest?
            if state.count >= capacity {
                guard let lane = state.lanes.lastIndex(where: { !$0.isEmpty }), lane > request.priority.level
                else { return (request, false, false) }
                refused = state.lanes[lane].popLast()
                state.count -= 1
            }
            state.lanes[request.priority.level].append(request)
            state.count += 1
            defer { state.isAsleep = false }
            return (refused, state.isAsleep, false)
        }
        refused?.answer(.failure(isClosed ? .closed : .queueIsFull))
        if wakes { wakeup.signal() }
    }

    /// Returns requests to their positions, to run alone.
    func putBack(_ requests: [ClientRequest]) {
        let closed = state.withLock { state -> [ClientRequest] in
            if state.isClosed { return requests }
            for request in requests.reversed() {
                state.lanes[request.priority.level].insert(request, at: 0)
                state.count += 1
            }
            return []
        }
        for request in closed { request.answer(.failure(.closed)) }
    }

    /// Takes what can run together, the most important first.
    func take(atMost limit: Int) -> [ClientRequest] {
        state.withLock { state in
            var batch: [ClientRequest] = []
            for lane in state.lanes.indices {
                var taken = 0
                while taken < state.lanes[lane].count, batch.count < limit, state.lanes[lane][taken].fits(batch) {
                    batch.append(state.lanes[lane][taken])
                    taken += 1
                }
                state.lanes[lane].removeFirst(taken)
            }
            state.count -= batch.count
            return batch
        }
    }

    /// Takes those whose deadline has passed.
    func takeExpired(at now: MonotonicTime) -> [ClientRequest] { takeAll { $0.deadline <= now } }

    /// Takes the one of that number, if it still waits.
    func take(_ id: UInt64) -> ClientRequest? { takeAll { $0.id == id }.first }

    private func takeAll(where condition: @Sendable (ClientRequest) -> Bool) -> [ClientRequest] {
        state.withLock { state in
            guard state.count > 0 else { return [] }
            var taken: [ClientRequest] = []
            for lane in state.lanes.indices where state.lanes[lane].contains(where: condition) {
                taken += state.lanes[lane].filter(condition)
                state.lanes[lane].removeAll(where: condition)
            }
            state.count -= taken.count
            return taken
        }
    }

    /// Whether anything waits.
    var isEmpty: Bool { state.withLock { $0.count == 0 } }

    /// Whether the client's thread may sleep until it is woken; not when something waits and it could be sent.
    func maySleep(canSend: Bool) -> Bool {
        state.withLock { state in
            guard !state.isClosed, !canSend || state.count == 0 else { return false }
            state.isAsleep = canSend
            return true
        }
    }

    /// Drains the pipe after the thread woke up.
    func wokeUp(isSignalled: Bool) {
        state.withLock { $0.isAsleep = false }
        if isSignalled { wakeup.drain() }
    }

    /// Rejects further requests and returns those that waited.
    func close() -> [ClientRequest] {
        let left = state.withLock { state in
            state.isClosed = true
            defer { (state.lanes, state.count) = (state.lanes.map { _ in [] }, 0) }
            return state.lanes.flatMap(\.self)
        }
        wakeup.signal()
        return left
    }

    /// Whether it takes nothing any more.
    var isClosed: Bool { state.withLock(\.isClosed) }
}
