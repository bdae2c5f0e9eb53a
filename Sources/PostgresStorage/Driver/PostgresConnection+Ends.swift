#if PostgreSQL
    import Foundations
    import CPostgreSQL
    import SessionStorage

    /// The end of groups and of connections: who is told what.
    extension PostgresConnection {
        func finish(_ group: PostgresGroup, _ now: MonotonicTime) {
            state = .ready
            status.noteReply(after: now - group.sentAt)
            guard let failure = group.failure else {
                // A commit that did not wait for the standby is told by a warning only.
                let isDurable = group.isRead || warnings.pointee == 0
                return isDurable ? group.answerAll() : group.fail(.unknownOutcome, "PostgreSQL gave a warning")
            }
            if failure.isUnknownStatement || failure.isStalePlan { prepared = [] }
            if failure.endsConnection {
                settle(group, failure.message)
                return lose(failure.message, now)
            }
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
        func lose(_ reason: String, _ now: MonotonicTime) {
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
            let isUndone = group.failure.map { !$0.endsConnection || $0.isReadOnly } ?? false
            guard group.isRead || isUndone else { return group.fail(.unknownOutcome, reason) }
            for request in group.requests {
                if request.attempts < 5 {
                    queue.putBack([isUndone ? request.single() : request])
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
#endif
