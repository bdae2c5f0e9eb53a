#if PostgreSQL
    import Foundations
    import SessionStorage
    import Synchronization

    /// The statements that wait for a connection: so many at most, the most important first.
    final class RequestQueue: Sendable {
        private struct State {
            var lanes: [[PostgresRequest]] = PostgresPriority.allCases.map { _ in [] }
            var count = 0
            var lastID: UInt64 = 0
            var isClosed = false
            /// Whether the driver's thread sleeps and has to be woken.
            var isAsleep = false
        }

        private let state = Mutex(State())
        private let capacity: Int
        private let bell: Bell

        init(capacity: Int) throws(StorageError) {
            self.capacity = capacity
            bell = try Bell()
        }

        /// What the driver's thread listens to beside its sockets.
        var bellDescriptor: Int32 { bell.reader }

        /// A number for a new request.
        func nextID() -> UInt64 {
            state.withLock { state in
                state.lastID += 1
                return state.lastID
            }
        }

        /// Lets a request wait; where the queue is full, the newest of the least important ones goes.
        func add(_ request: PostgresRequest) {
            let (refused, wakes, isClosed) = state.withLock { state -> (PostgresRequest?, Bool, Bool) in
                if state.isClosed { return (request, false, true) }
                var refused: PostgresRequest?
                if state.count >= capacity {
                    guard let lane = state.lanes.lastIndex(where: { !$0.isEmpty }), lane > request.priority.rawValue
                    else { return (request, false, false) }
                    refused = state.lanes[lane].popLast()
                    state.count -= 1
                }
                state.lanes[request.priority.rawValue].append(request)
                state.count += 1
                defer { state.isAsleep = false }
                return (refused, state.isAsleep, false)
            }
            refused?.answer(.failure(isClosed ? .databaseClosed : .queueIsFull))
            if wakes { bell.ring() }
        }

        /// Puts requests back to where they were, to run alone.
        func putBack(_ requests: [PostgresRequest]) {
            let closed = state.withLock { state -> [PostgresRequest] in
                if state.isClosed { return requests }
                for request in requests.reversed() {
                    state.lanes[request.priority.rawValue].insert(request, at: 0)
                    state.count += 1
                }
                return []
            }
            for request in closed { request.answer(.failure(.databaseClosed)) }
        }

        /// Takes what can run together, the most important first.
        func take(atMost limit: Int) -> [PostgresRequest] {
            state.withLock { state in
                var group: [PostgresRequest] = []
                for lane in state.lanes.indices {
                    var taken = 0
                    while taken < state.lanes[lane].count, group.count < limit, state.lanes[lane][taken].fits(group) {
                        group.append(state.lanes[lane][taken])
                        taken += 1
                    }
                    state.lanes[lane].removeFirst(taken)
                }
                state.count -= group.count
                return group
            }
        }

        /// Takes those whose time is over.
        func takeExpired(at now: MonotonicTime) -> [PostgresRequest] { takeAll { $0.deadline <= now } }

        /// Takes the one of that number, if it still waits.
        func take(_ id: UInt64) -> PostgresRequest? { takeAll { $0.id == id }.first }

        private func takeAll(where condition: @Sendable (PostgresRequest) -> Bool) -> [PostgresRequest] {
            state.withLock { state in
                guard state.count > 0 else { return [] }
                var taken: [PostgresRequest] = []
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

        /// Whether the driver's thread may sleep until it is woken; not when something waits and it could be sent.
        func maySleep(canSend: Bool) -> Bool {
            state.withLock { state in
                guard !state.isClosed, !canSend || state.count == 0 else { return false }
                state.isAsleep = canSend
                return true
            }
        }

        /// Forgets the bell after the thread woke up.
        func wokeUp(hasRung: Bool) {
            state.withLock { $0.isAsleep = false }
            if hasRung { bell.silence() }
        }

        /// Takes nothing any more; gives back what waited.
        func close() -> [PostgresRequest] {
            let left = state.withLock { state in
                state.isClosed = true
                defer { (state.lanes, state.count) = (state.lanes.map { _ in [] }, 0) }
                return state.lanes.flatMap(\.self)
            }
            bell.ring()
            return left
        }

        /// Whether it takes nothing any more.
        var isClosed: Bool { state.withLock(\.isClosed) }
    }

    extension StorageError {
        static let databaseClosed = StorageError(.unavailable, "the connection to PostgreSQL has been closed")
        static let queueIsFull = StorageError(.unavailable, "too many statements wait for PostgreSQL")
    }
#endif
