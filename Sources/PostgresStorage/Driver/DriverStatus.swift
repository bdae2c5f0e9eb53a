#if PostgreSQL
    import Foundations
    import Logging
    import Synchronization

    /// How the connections are doing; tells the operator when that changes.
    final class DriverStatus: Sendable {
        private struct State {
            var connected: Set<Int> = []
            var report: ConnectionSetup.Report?
            var lastFailure: String?
            var usualConnectTime = Duration.zero
            var hasAlarmed = false
            var awaySince: MonotonicTime?
            var usualReply = Duration.zero
            var silences = 0
        }

        private let state = Mutex(State())
        private let logger: Logger
        private let address: String

        init(logger: Logger, address: String) {
            self.logger = logger
            self.address = address
        }

        /// How long the last successful attempt to connect took.
        var usualConnectTime: Duration { state.withLock(\.usualConnectTime) }
        /// How long a connection may be silent before it counts as lost: several times what a reply takes, and the longer
        /// the more often that was in vain, so that a server that is merely slow is not made slower.
        var longestSilence: Duration {
            state.withLock { max(.milliseconds(1_500), $0.usualReply * 4) * (1 << min($0.silences, 4)) }
        }

        /// A reply came.
        func noteReply(after duration: Duration) {
            state.withLock { state in
                state.usualReply = max(duration, state.usualReply * 0.95)
                state.silences = 0
            }
        }

        /// A connection was given up because no reply came.
        func noteSilence() { state.withLock { $0.silences += 1 } }

        /// How many connections there are.
        var connectionCount: Int { state.withLock(\.connected.count) }
        /// Since when there is none, after there was one.
        var awaySince: MonotonicTime? { state.withLock(\.awaySince) }
        /// Why there is none.
        var lastFailure: String? { state.withLock(\.lastFailure) }
        /// What is known of the server.
        var report: ConnectionSetup.Report? { state.withLock(\.report) }

        func noteConnected(_ report: ConnectionSetup.Report, slot: Int, after duration: Duration) {
            let (isFirst, isBack, alarms) = state.withLock { state in
                defer {
                    state.connected.insert(slot)
                    state.report = report
                    state.usualConnectTime = duration
                    state.lastFailure = nil
                    state.awaySince = nil
                    state.hasAlarmed = state.hasAlarmed || report.losesCommits || report.wasAsynchronous
                }
                return (
                    state.connected.isEmpty, state.lastFailure != nil,
                    !state.hasAlarmed && (report.losesCommits || report.wasAsynchronous)
                )
            }
            if isFirst && isBack { logger.notice("connected to \(address) again") }
            if alarms { alarm(report) }
        }

        private func alarm(_ report: ConnectionSetup.Report) {
            if report.losesCommits {
                logger.critical(
                    """
                    synchronous_commit is off by the options of the connection: what has been acknowledged can be lost, \
                    revocations and rotations included
                    """)
            } else {
                logger.warning(
                    """
                    synchronous_commit was off on the server; this process has switched it on for its own connections. \
                    Set it for the role: ALTER ROLE ... SET synchronous_commit = on
                    """)
            }
        }

        func noteLost(_ reason: String, slot: Int) {
            let tells = state.withLock { state in
                let wasConnected = state.connected.remove(slot) != nil
                let isNew = state.lastFailure != reason
                state.lastFailure = reason
                if wasConnected, state.connected.isEmpty { state.awaySince = .present }
                return isNew && (wasConnected || state.connected.isEmpty)
            }
            if tells { logger.error("\(address): \(reason)") }
        }
    }
#endif
