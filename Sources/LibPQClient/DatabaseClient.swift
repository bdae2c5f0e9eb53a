import Foundations
package import Logging
import PlatformLibC

/// A few connections and the one thread that moves their bytes; no thread waits for a statement.
///
/// Waiting statements are sent in batches: several statements, one sync, one write to the server's disk. Callers get their
/// results when the batch is durable. A batch that fails has done nothing, and its statements are sent again one by one.
package final class DatabaseClient: Sendable {
    package let settings: ClientSettings
    package let status: ClientStatus
    private let queue: RequestQueue

    /// Starts the thread, which begins to connect at once.
    ///
    /// - Throws: `ClientError.unusable` if there is no libpq, `ClientError.unavailable` if the system has no thread or
    ///   file descriptors left.
    package init(_ settings: ClientSettings, logger: Logger) throws(ClientError) {
        try LibPQ.open()
        self.settings = settings
        status = ClientStatus(logger: logger, address: settings.address)
        queue = try RequestQueue(capacity: settings.queueLimit)
        let (queue, status) = (queue, status)
        guard SystemThread.start({ ClientLoop(settings, queue, status).run() }) else {
            throw .unavailable("the system gives no thread for the connections")
        }
    }

    deinit { close() }

    /// How many statements wait for a connection.
    package var waitingCount: Int { queue.count }

    /// Closes the connections; later statements fail.
    package func close() {
        for request in queue.close() { request.answer(.failure(.closed)) }
    }

    /// Runs a statement.
    ///
    /// - Parameters:
    ///   - statement: the statement.
    ///   - values: the values of its parameters, and of those of `first`.
    ///   - first: a statement before it in the same transaction, whose rows are not read.
    ///   - key: the key of the row that it writes; the writes of a batch are sorted by it.
    ///   - priority: its place among those that wait.
    /// - Returns: its rows, when they are durable.
    package func run(
        _ statement: PostgresStatement, _ values: NamedValues, after first: PostgresStatement? = nil, key: String = "",
        priority: StatementPriority = .last
    ) async throws(ClientError) -> PostgresResult {
        let all = values
        let values = try Self.ordered(statement, all)
        var before: ClientRequest.First?
        if let first { before = ClientRequest.First(statement: first, values: try Self.ordered(first, all)) }
        let id = queue.nextID()
        let deadline = MonotonicTime.present + settings.deadline
        let queue = queue
        let answer = await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                queue.add(
                    ClientRequest(
                        id: id, first: before, statement: statement, values: values, key: key, priority: priority,
                        deadline: deadline, waiter: waiter))
            }
        } onCancel: {
            queue.take(id)?.answer(.failure(.unavailable("no caller waits for the answer any more")))
        }
        return try answer.get()
    }

    private static func ordered(
        _ statement: PostgresStatement, _ values: NamedValues
    ) throws(ClientError) -> [PostgresValue] {
        guard let ordered = statement.ordered(values) else {
            throw .unavailable("the statement \(statement.name) lacks a value")
        }
        guard ordered.allSatisfy(\.isStorable) else {
            throw .unstorable("a text has the character U+0000 in it")
        }
        return ordered
    }
}

/// The work of the client's thread until the queue is closed.
private struct ClientLoop {
    private let settings: ClientSettings
    private let queue: RequestQueue
    private let status: ClientStatus
    private let connections: [PipelinedConnection]

    init(_ settings: ClientSettings, _ queue: RequestQueue, _ status: ClientStatus) {
        self.settings = settings
        self.queue = queue
        self.status = status
        connections = (0..<max(1, settings.connections)).map {
            PipelinedConnection(slot: $0, settings: settings, queue: queue, status: status)
        }
    }

    func run() {
        while !queue.isClosed {
            let now = MonotonicTime.present
            for connection in connections { connection.look(at: now) }
            for connection in connections where connection.isReady {
                let requests = queue.take(atMost: max(1, settings.batchLimit))
                if requests.isEmpty { break }
                connection.send(requests, now)
            }
            for request in queue.takeExpired(at: failsFast(now) ? .distantFuture : now) {
                request.answer(.failure(.unavailable(status.lastFailure ?? "PostgreSQL was too busy")))
            }
            wait(from: now)
        }
        for connection in connections { connection.close() }
    }

    /// Whether the database has been unreachable for a second, so that statements fail at once.
    private func failsFast(_ now: MonotonicTime) -> Bool {
        guard let since = status.unreachableSince else { return false }
        return since + .seconds(1) <= now
    }

    /// Sleeps until a socket, the wakeup pipe or the clock has something.
    private func wait(from now: MonotonicTime) {
        var descriptors = [pollfd(fd: queue.wakeupDescriptor, events: Int16(POLLIN), revents: 0)]
        var listening: [PipelinedConnection] = []
        for connection in connections {
            guard let interest = connection.interest else { continue }
            descriptors.append(interest)
            listening.append(connection)
        }
        let canSend = connections.contains(where: \.isReady)
        let timeout = queue.maySleep(canSend: canSend) ? sleep(from: now, canSend) : 0
        let count = poll(&descriptors, nfds_t(descriptors.count), timeout)
        queue.wokeUp(isSignalled: descriptors[0].revents != 0)
        guard count > 0 else { return }
        let woken = MonotonicTime.present
        for (connection, descriptor) in zip(listening, descriptors.dropFirst()) where descriptor.revents != 0 {
            connection.progress(woken)
        }
    }

    /// The number of milliseconds to sleep; statements that cannot be sent are looked at every 20.
    private func sleep(from now: MonotonicTime, _ canSend: Bool) -> Int32 {
        var longest = Int64(canSend ? 1_000 : 20)
        for connection in connections {
            guard let time = connection.nextLook else { continue }
            longest = min(longest, max(0, (time - now).inMilliseconds + 1))
        }
        return Int32(longest)
    }
}
