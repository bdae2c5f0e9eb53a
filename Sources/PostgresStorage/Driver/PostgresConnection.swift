#if PostgreSQL
    import CPostgreSQL
    import SessionStorage

    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #else
        import Darwin
    #endif

    /// One connection, from its making to its end and again: a state machine that never blocks.
    ///
    /// It belongs to the driver's thread.
    final class PostgresConnection {
        private enum State {
            /// Tries again at a time.
            case resting(until: MonotonicTime)
            case connecting(since: MonotonicTime, wanted: PostgresPollingStatusType)
            case settingUp(since: MonotonicTime)
            case ready
            case busy(PostgresGroup)
        }

        private let settings: PostgresSettings
        private let queue: RequestQueue
        private let status: DriverStatus
        private let slot: Int
        private var state: State
        private var handle: OpaquePointer?
        private var prepared: Set<String> = []
        private var needsFlush = false
        private var failures = 0
        private var setup = ConnectionSetup()
        /// How many warnings the server has sent; written by libpq's callback, which runs inside our calls to libpq.
        private let warnings: UnsafeMutablePointer<Int>

        init(slot: Int, settings: PostgresSettings, queue: RequestQueue, status: DriverStatus) {
            self.slot = slot
            self.settings = settings
            self.queue = queue
            self.status = status
            state = .resting(until: MonotonicTime(nanoseconds: 0))
            warnings = .allocate(capacity: 1)
            warnings.initialize(to: 0)
        }

        deinit {
            if let handle { PQfinish(handle) }
            warnings.deallocate()
        }

        /// Whether it can take statements.
        var isReady: Bool { if case .ready = state { true } else { false } }

        /// What to wait for on its socket; `nil` when there is none.
        var interest: pollfd? {
            guard let handle, PQsocket(handle) >= 0 else { return nil }
            var events = Int16(POLLIN)
            switch state {
            case .resting: return nil
            case .connecting(_, let wanted): events = Int16(wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            default: if needsFlush { events |= Int16(POLLOUT) }
            }
            return pollfd(fd: PQsocket(handle), events: events, revents: 0)
        }

        /// When it has to be looked at, whatever its socket says.
        var nextLook: MonotonicTime? {
            switch state {
            case .resting(let time): time
            case .connecting(let since, _), .settingUp(let since): since + patience
            case .ready: nil
            case .busy(let group): min(group.deadline, group.sentAt + status.longestSilence)
            }
        }

        /// How long an attempt to connect may take.
        ///
        /// Half of the connections are impatient, so that they are back soon after a broken network is; the others wait
        /// for a network that is slow.
        private var patience: Duration {
            slot.isMultiple(of: 2) ? max(.milliseconds(1_500), status.usualConnectTime * 3) : .seconds(10)
        }

        /// Does what the clock asks for.
        func look(at now: MonotonicTime) {
            guard let time = nextLook, time <= now else { return }
            switch state {
            case .resting: connect(now)
            case .connecting, .settingUp: lose("connecting to PostgreSQL took too long", now)
            case .busy:
                status.noteSilence()
                lose("PostgreSQL did not answer in time", now)
            case .ready: break
            }
        }

        /// Does what the socket is ready for.
        func progress(_ now: MonotonicTime) {
            switch state {
            case .resting: break
            case .connecting(let since, _): poll(since: since, now)
            case .settingUp, .ready, .busy: receive(now)
            }
        }

        // MARK: Connecting

        private func connect(_ now: MonotonicTime) {
            let parameters: [(name: String, value: String)] =
                Self.defaults + settings.parameters + [(name: "client_encoding", value: "UTF8")]
            handle = CStrings.with(parameters.map(\.name)) { names in
                CStrings.with(parameters.map(\.value)) { values in PQconnectStartParams(names, values, 1) }
            }
            guard let handle, PQstatus(handle) != CONNECTION_BAD else { return lose(message, now) }
            PQsetNoticeReceiver(
                handle,
                { counter, result in
                    // 'V': the severity in English.
                    guard let counter, let result, let severity = PQresultErrorField(result, 86) else { return }
                    if severity[0] == 87 { counter.assumingMemoryBound(to: Int.self).pointee += 1 }
                }, warnings)
            state = .connecting(since: now, wanted: PGRES_POLLING_WRITING)
        }

        /// What holds unless the operator says something else; a connection that is silent is found out.
        private static let defaults: [(name: String, value: String)] = [
            ("fallback_application_name", "tessera"), ("tcp_user_timeout", "10000"), ("keepalives_idle", "10"),
            ("keepalives_interval", "3"), ("keepalives_count", "3"), ("target_session_attrs", "read-write"),
        ]

        private func poll(since: MonotonicTime, _ now: MonotonicTime) {
            guard let handle else { return }
            switch PQconnectPoll(handle) {
            case PGRES_POLLING_OK:
                guard PQsetnonblocking(handle, 1) == 0, PQsendQuery(handle, setup.sql(settings.deadline)) == 1 else {
                    return lose(message, now)
                }
                state = .settingUp(since: since)
                flush(now)
            case PGRES_POLLING_FAILED: lose(message, now)
            case let wanted: state = .connecting(since: since, wanted: wanted)
            }
        }

        /// libpq's last word; it names no password.
        private var message: String {
            guard let handle, let text = PQerrorMessage(handle) else { return "libpq has no memory" }
            let lines = String(cString: text).split(separator: "\n")
            return lines.isEmpty ? "the connection was closed" : lines.joined(separator: "; ")
        }

        // MARK: Sending and receiving

        /// Sends a group; its requests may not be empty.
        func send(_ requests: [PostgresRequest], _ now: MonotonicTime) {
            guard let handle else { return queue.putBack(requests) }
            var group = PostgresGroup(requests.map { $0.sent() }.sorted { $0.key < $1.key }, sentAt: now)
            var isSent = true
            var known = prepared
            for (index, request) in group.requests.enumerated() {
                let statement = request.statement
                if known.insert(statement.name).inserted {
                    let (types, count) = (request.values.map(\.type), Int32(request.values.count))
                    isSent = isSent && PQsendPrepare(handle, statement.name, statement.sql, count, types) == 1
                    group.noteSent(preparing: statement.name)
                }
                isSent = isSent && Self.execute(statement.name, request.values, on: handle)
                group.noteSent(request: index)
            }
            warnings.pointee = 0
            state = .busy(group)
            guard isSent, PQpipelineSync(handle) == 1 else { return lose(message, now) }
            flush(now)
        }

        private static func execute(_ name: String, _ values: [PostgresValue], on handle: OpaquePointer) -> Bool {
            CStrings.with(values.map(\.encoded)) { texts in
                PQsendQueryPrepared(handle, name, Int32(values.count), texts, nil, nil, 0)
            } == 1
        }

        private func flush(_ now: MonotonicTime) {
            guard let handle else { return }
            switch PQflush(handle) {
            case 0: needsFlush = false
            case 1: needsFlush = true
            default: lose(message, now)
            }
        }

        private func receive(_ now: MonotonicTime) {
            guard let handle else { return }
            if needsFlush { flush(now) }
            guard PQconsumeInput(handle) == 1 else {
                let reason = message
                // What arrived before the end still counts.
                if case .busy(var group) = state {
                    _ = group.read(from: handle, prepared: &prepared)
                    state = .busy(group)
                }
                return lose(reason, now)
            }
            switch state {
            case .settingUp(let since): receiveSetup(since, now)
            case .busy(var group):
                let progress = group.read(from: handle, prepared: &prepared)
                state = .busy(group)
                if progress == .done {
                    finish(group, now)
                } else if PQstatus(handle) == CONNECTION_BAD {
                    lose(message, now)
                }
            default: if PQstatus(handle) == CONNECTION_BAD { lose(message, now) }
            }
        }

        private func receiveSetup(_ since: MonotonicTime, _ now: MonotonicTime) {
            guard let handle else { return }
            guard setup.read(from: handle) else { return }
            switch setup.verdict {
            case .refused(let reason): lose(reason, now)
            case .accepted(let report):
                guard PQenterPipelineMode(handle) == 1 else { return lose(message, now) }
                failures = 0
                prepared = []
                state = .ready
                status.noteConnected(report, slot: slot, after: now - since)
            }
        }

        // MARK: Ends

        private func finish(_ group: PostgresGroup, _ now: MonotonicTime) {
            state = .ready
            status.noteReply(after: now - group.sentAt)
            guard let failure = group.failure else {
                // A commit that did not wait for the standby is told by a warning only.
                let isDurable = group.isRead || warnings.pointee == 0
                return isDurable ? group.answerAll() : group.fail(.unknownOutcome, "PostgreSQL gave a warning")
            }
            if failure.isUnknownStatement || failure.isStalePlan { prepared = [] }
            if failure.endsConnection { return lose(failure.message, now) }
            if let only = group.requests.first, group.requests.count == 1 {
                let again = failure.isTransient || failure.isUnknownStatement || failure.isStalePlan
                if again, only.attempts < 10 {
                    queue.putBack([only])
                } else {
                    only.answer(.failure(failure.storageError))
                }
            } else {
                queue.putBack(group.requests.map { $0.single() })
            }
            if failure.isStalePlan || failure.isUnknownStatement { lose("the schema has changed", now) }
        }

        /// Closes the connection and tries again after a while; nobody waits for an answer that cannot come.
        private func lose(_ reason: String, _ now: MonotonicTime) {
            if case .busy(let group) = state { settle(group, reason) }
            status.noteLost(reason, slot: slot)
            if let handle { PQfinish(handle) }
            handle = nil
            needsFlush = false
            setup = ConnectionSetup()
            failures += 1
            state = .resting(until: now + Self.pause(after: failures, now, slot))
        }

        private func settle(_ group: PostgresGroup, _ reason: String) {
            if let failure = group.failure, !failure.endsConnection {
                return queue.putBack(group.requests.map { $0.single() })
            }
            guard group.isRead else { return group.fail(.unknownOutcome, reason) }
            for request in group.requests {
                if request.attempts < 5 {
                    queue.putBack([request])
                } else {
                    request.answer(.failure(StorageError(.unavailable, reason)))
                }
            }
        }

        /// Between 25 ms and half a second, spread so that many nodes do not come at once.
        private static func pause(after failures: Int, _ now: MonotonicTime, _ slot: Int) -> Duration {
            let longest = min(500, 25 << min(failures, 5))
            let spread = UInt64(bitPattern: now.nanoseconds &+ Int64(slot) &* 7_919) &* 0x9E37_79B9_7F4A_7C15
            return .milliseconds(Int64(longest / 2) + Int64((spread >> 33) % UInt64(longest / 2)))
        }

        /// Ends whatever is under way, because the process stops.
        func close() {
            if case .busy(let group) = state {
                group.fail(group.isRead ? .unavailable : .unknownOutcome, "the process stops")
            }
            if let handle { PQfinish(handle) }
            handle = nil
            state = .resting(until: MonotonicTime(nanoseconds: .max))
        }
    }

    extension PostgresGroup {
        /// Tells everybody the same.
        func fail(_ code: StorageError.Code, _ reason: String) {
            for request in requests { request.answer(.failure(StorageError(code, reason))) }
        }
    }

    extension PostgresRequest {
        fileprivate func sent() -> PostgresRequest {
            var request = self
            request.attempts += 1
            return request
        }

        fileprivate func single() -> PostgresRequest {
            var request = self
            request.isSingle = true
            return request
        }
    }

    /// Texts for C.
    enum CStrings {
        /// Calls a function with an array of C strings that ends with a null pointer.
        static func with<Result>(
            _ texts: [String?], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
        ) -> Result {
            var bytes: [CChar] = []
            var offsets: [Int?] = []
            for text in texts {
                offsets.append(text == nil ? nil : bytes.count)
                guard let text else { continue }
                bytes.append(contentsOf: text.utf8.lazy.map { CChar(bitPattern: $0) })
                bytes.append(0)
            }
            return bytes.withUnsafeBufferPointer { buffer in
                let pointers = offsets.map { offset in offset.flatMap { buffer.baseAddress?.advanced(by: $0) } } + [nil]
                return pointers.withUnsafeBufferPointer { body($0.baseAddress) }
            }
        }
    }
#endif
