import Foundations
import Logging
import Synchronization

/// The state of the connections; changes are logged.
package final class ClientStatus: Sendable {
    private struct State {
        var connected: Set<Int> = []
        var report: ConnectionSetup.Report?
        var lastFailure: String?
        var usualConnectTime = Duration.zero
        var hasAlarmed = false
        var unreachableSince: MonotonicTime?
        var usualResponse = Duration.zero
        var timeouts = 0
    }

    private let state = Mutex(State())
    private let logger: Logger
    private let address: String

    init(logger: Logger, address: String) {
        self.logger = logger
        self.address = address
    }

    /// How many connections work.
    package var connectedCount: Int { state.withLock(\.connected.count) }

    /// The duration of the last successful attempt to connect.
    var usualConnectTime: Duration { state.withLock(\.usualConnectTime) }
    /// The response timeout: four times the usual response time, at least 1.5 s, doubled after each timeout.
    ///
    /// So a server that is merely slow is not made slower.
    var responseTimeout: Duration {
        state.withLock { max(.milliseconds(1_500), $0.usualResponse * 4) * (1 << min($0.timeouts, 4)) }
    }

    /// Notes a response.
    func noteResponse(after duration: Duration) {
        state.withLock { state in
            state.usualResponse = max(duration, state.usualResponse * 0.95)
            state.timeouts = 0
        }
    }

    /// Notes that a connection was closed because no response came.
    func noteResponseTimeout() { state.withLock { $0.timeouts += 1 } }

    /// The time since when no connection works, if one has worked before.
    var unreachableSince: MonotonicTime? { state.withLock(\.unreachableSince) }
    /// Whether no connection works, after one has worked.
    package var isUnreachable: Bool { unreachableSince != nil }
    /// The reason of the last loss of a connection.
    package var lastFailure: String? { state.withLock(\.lastFailure) }
    /// The last report of a server.
    var report: ConnectionSetup.Report? { state.withLock(\.report) }

    func noteConnected(_ report: ConnectionSetup.Report, slot: Int, after duration: Duration) {
        let (isFirst, isBack, alarms) = state.withLock { state in
            defer {
                state.connected.insert(slot)
                state.report = report
                state.usualConnectTime = duration
                state.lastFailure = nil
                state.unreachableSince = nil
                state.hasAlarmed = state.hasAlarmed || report.losesCommits || report.wasAsynchronous
            }
            return (
                state.connected.isEmpty, state.lastFailure != nil,
                !state.hasAlarmed && (report.losesCommits || report.wasAsynchronous)
            )
        }
        if isFirst && isBack { logger.info("connected to \(address) again") }
        if alarms { alarm(report) }
    }

    private func alarm(_ report: ConnectionSetup.Report) {
        if report.losesCommits {
            logger.critical(
                """
                synchronous_commit is off by the options of the connection: what has been acknowledged can be lost
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
        let isNews = state.withLock { state in
            let wasConnected = state.connected.remove(slot) != nil
            let isNew = state.lastFailure != reason
            state.lastFailure = reason
            if wasConnected, state.connected.isEmpty { state.unreachableSince = .present }
            return isNew && (wasConnected || state.connected.isEmpty)
        }
        // That storage is away is logged by the user of these connections, once for all of them.
        if isNews { logger.info("\(address): \(reason)") }
    }
}
