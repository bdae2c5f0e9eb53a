import Foundations
import LibPQFunctions

/// The end of batches and of connections.
extension PipelinedConnection {
    func finish(_ batch: PipelineBatch, _ now: MonotonicTime) {
        state = .ready
        status.noteResponse(after: now - batch.sentAt)
        guard let failure = batch.failure else {
            // Only a warning says that a commit did not wait for the standby.
            let isDurable = batch.isRead || warnings.pointee == 0
            return isDurable ? batch.answerAll() : batch.fail(.unknownOutcome("PostgreSQL gave a warning"))
        }
        let lacksStatement = failure.isUnknownStatement || failure.isStalePlan
        if lacksStatement { prepared = [] }
        if failure.endsConnection {
            settle(batch, failure.message)
            return lose(failure.message, now)
        }
        if let only = batch.requests.first, batch.requests.count == 1 {
            if failure.isTransient || lacksStatement, only.attempts < 10 {
                queue.putBack([only])
            } else {
                only.answer(.failure(.statement(failure)))
            }
        } else {
            queue.putBack(batch.requests.map { $0.single() })
        }
        if lacksStatement { lose("the schema has changed", now) }
    }

    /// Closes the connection and tries again after a while; no one waits for an answer that cannot come.
    func lose(_ reason: String, _ now: MonotonicTime) {
        if case .busy(let batch) = state { settle(batch, reason) }
        status.noteLost(reason, slot: slot)
        if let handle { PQfinish(handle) }
        handle = nil
        needsFlush = false
        setup = ConnectionSetup()
        failures += 1
        state = .resting(until: now + Self.pause(after: failures, now, slot))
    }

    private func settle(_ batch: PipelineBatch, _ reason: String) {
        let isUndone = batch.failure.map { !$0.endsConnection || $0.isReadOnly } ?? false
        guard batch.isRead || isUndone else { return batch.fail(.unknownOutcome(reason)) }
        for request in batch.requests {
            if request.attempts < 5 {
                queue.putBack([isUndone ? request.single() : request])
            } else {
                request.answer(.failure(.unavailable(reason)))
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
        if case .busy(let batch) = state {
            batch.fail(batch.isRead ? .unavailable("the process stops") : .unknownOutcome("the process stops"))
        }
        if let handle { PQfinish(handle) }
        handle = nil
        state = .resting(until: MonotonicTime(nanoseconds: .max))
    }
}

extension PipelineBatch {
    /// Gives all requests the same error.
    func fail(_ error: ClientError) {
        for request in requests { request.answer(.failure(error)) }
    }
}
