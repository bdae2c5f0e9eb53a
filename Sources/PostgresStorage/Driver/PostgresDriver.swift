#if PostgreSQL
    import Foundations
    import Logging
    import SessionStorage

    import PlatformLibC

    /// A few connections and the one thread that moves their bytes; no thread waits for a statement.
    ///
    /// What waits is sent in groups: several statements, one sync, one write to the server's disk. Whoever waits goes on
    /// when the group is durable. A group that fails has done nothing, and its statements are sent again one by one.
    final class PostgresDriver: Sendable {
        let settings: PostgresSettings
        let status: DriverStatus
        private let queue: RequestQueue

        /// Starts the thread, which begins to connect at once.
        init(_ settings: PostgresSettings, logger: Logger) throws(StorageError) {
            self.settings = settings
            status = DriverStatus(logger: logger, address: settings.address)
            queue = try RequestQueue(capacity: settings.queueLimit)
            let (queue, status) = (queue, status)
            guard SystemThread.start({ DriverLoop(settings, queue, status).run() }) else {
                throw StorageError(.unavailable, "the system gives no thread for the connections")
            }
        }

        deinit { close() }

        /// Ends the connections; nothing can be run any more.
        func close() {
            for request in queue.close() { request.answer(.failure(.databaseClosed)) }
        }

        /// Runs a statement.
        ///
        /// - Parameters:
        ///   - statement: what to run.
        ///   - values: its parameters.
        ///   - key: what it writes; writes of one group are sorted by it.
        ///   - priority: how important it is while others wait.
        ///   - deadline: how long it may take; `nil` for the usual time.
        /// - Returns: its rows, when they are durable.
        func run(
            _ statement: PostgresStatement, _ values: [PostgresValue], key: String = "",
            priority: PostgresPriority = .other, deadline: Duration? = nil
        ) async throws(StorageError) -> PostgresResult {
            guard values.allSatisfy(\.isStorable) else {
                throw StorageError(.unstorable, "PostgreSQL does not store texts with a zero byte")
            }
            let id = queue.nextID()
            let limit = MonotonicTime.present + (deadline ?? settings.deadline)
            let queue = queue
            let answer = await withTaskCancellationHandler {
                await withCheckedContinuation { waiter in
                    queue.add(
                        PostgresRequest(
                            id: id, statement: statement, values: values, key: key, priority: priority,
                            deadline: limit, waiter: waiter))
                }
            } onCancel: {
                queue.take(id)?.answer(.failure(StorageError(.unavailable, "nobody waits for the answer any more")))
            }
            return try answer.get()
        }
    }

    /// What the driver's thread does until the queue is closed.
    private struct DriverLoop {
        private let settings: PostgresSettings
        private let queue: RequestQueue
        private let status: DriverStatus
        private let connections: [PostgresConnection]

        init(_ settings: PostgresSettings, _ queue: RequestQueue, _ status: DriverStatus) {
            self.settings = settings
            self.queue = queue
            self.status = status
            connections = (0..<max(1, settings.connections)).map {
                PostgresConnection(slot: $0, settings: settings, queue: queue, status: status)
            }
        }

        func run() {
            while !queue.isClosed {
                let now = MonotonicTime.present
                for connection in connections { connection.look(at: now) }
                for connection in connections where connection.isReady {
                    let requests = queue.take(atMost: max(1, settings.groupLimit))
                    if requests.isEmpty { break }
                    connection.send(requests, now)
                }
                for request in queue.takeExpired(at: isAway(now) ? .distantFuture : now) {
                    request.answer(.failure(expired))
                }
                wait(from: now)
            }
            for connection in connections { connection.close() }
        }

        /// Whether the database has been away for a while: then nobody waits, because a quick 503 sends a client to where it
        /// is answered.
        private func isAway(_ now: MonotonicTime) -> Bool {
            guard let since = status.awaySince else { return false }
            return since + Self.patience <= now
        }

        private static let patience = Duration.seconds(1)

        private var expired: StorageError {
            StorageError(.unavailable, status.lastFailure ?? "PostgreSQL was too busy")
        }

        /// Sleeps until a socket, the bell or the clock has something.
        private func wait(from now: MonotonicTime) {
            var descriptors = [pollfd(fd: queue.bellDescriptor, events: Int16(POLLIN), revents: 0)]
            var listening: [PostgresConnection] = []
            for connection in connections {
                guard let interest = connection.interest else { continue }
                descriptors.append(interest)
                listening.append(connection)
            }
            let canSend = connections.contains(where: \.isReady)
            let timeout = queue.maySleep(canSend: canSend) ? sleep(from: now, canSend) : 0
            let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
            queue.wokeUp(hasRung: descriptors[0].revents != 0)
            guard count > 0 else { return }
            let woken = MonotonicTime.present
            for (connection, descriptor) in zip(listening, descriptors.dropFirst()) where descriptor.revents != 0 {
                connection.progress(woken)
            }
        }

        /// For how many milliseconds; what cannot be sent is looked at every 20.
        private func sleep(from now: MonotonicTime, _ canSend: Bool) -> Int32 {
            var longest = Int64(canSend ? 1_000 : 20)
            for connection in connections {
                guard let time = connection.nextLook else { continue }
                longest = min(longest, max(0, (time - now).inMilliseconds + 1))
            }
            return Int32(longest)
        }
    }
#endif
