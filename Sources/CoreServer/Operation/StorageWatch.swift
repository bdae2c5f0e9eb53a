import Logging
import SessionEngine
import Synchronization

/// Says once that storage no longer answers, and once that it does again.
final class StorageWatch: Sendable {
    private struct State {
        var awaySince: Timestamp?
        /// What the last failure said, for the line.
        var reason: String?
    }

    private let state = Mutex(State())
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    /// Whether storage is known not to answer.
    var isAway: Bool { state.withLock { $0.awaySince != nil } }

    /// Remembers why a request failed, in case storage turns out to be away.
    func suspect(_ reason: String) { state.withLock { $0.reason = reason } }

    /// Takes note of whether storage answers.
    ///
    /// - Parameters:
    ///   - isReady: whether it does.
    ///   - now: the time.
    func note(isReady: Bool, at now: Timestamp) {
        let change = state.withLock { state -> (since: Timestamp?, reason: String?)? in
            guard isReady == (state.awaySince != nil) else { return nil }
            defer { state = State(awaySince: isReady ? nil : now) }
            return (state.awaySince, state.reason)
        }
        guard let change else { return }
        if let since = change.since {
            let seconds = max(0, (now - since).count) / 1_000
            logger.notice("storage is back", metadata: ["awaySeconds": .stringConvertible(seconds)])
        } else {
            logger.error(
                "storage is away: requests that need it get 503 until it is back",
                metadata: change.reason.map { ["reason": "\($0)"] } ?? [:])
        }
    }
}

extension CoreAPI {
    /// Whether storage is known not to answer.
    package var isStorageAway: Bool { readiness.watch.isAway }

    /// Looks after what is said once: whether storage answers, and what was counted of things that happen often.
    ///
    /// To be called about every second; it costs storage nothing while all is well.
    ///
    /// - Parameter problem: why storage cannot answer, where that is known without asking it.
    public func watch(problem: String?) async {
        events.sayWhatIsDue()
        if let problem { readiness.watch.suspect(problem) }
        if problem != nil || readiness.watch.isAway { _ = await readiness.current() }
    }
}
