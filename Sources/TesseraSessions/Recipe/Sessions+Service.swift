import Foundations
import Logging
public import ServiceLifecycle
import Synchronization

/// Sessions as a service beside the server: `Application(router: router, services: [sessions])`.
extension Sessions: Service {
    /// Keeps house until the application stops.
    ///
    /// In process, ended sessions, old keys and old entries of the audit log are removed, and signing keys are made before
    /// their first use. With a core elsewhere that is the core's work; its feed of ended sessions is read here, where it is to be.
    ///
    /// A graceful shutdown, or the cancellation of the task, ends it. Sessions work without it; a process that never runs it
    /// keeps what is of no use any more, and a warning in the log says so once.
    public func run() async throws {
        upkeep.begin()
        if let work = backend.upkeep(logger: logger) {
            await cancelWhenGracefulShutdown { await work.run() }
        }
        try? await gracefulShutdown()
    }
}

/// Whether what has to be done from time to time is being done.
final class UpkeepWatch: Sendable {
    private let state: Mutex<(omission: String?, since: Timestamp)>
    /// Services begin in their order, beside the first requests.
    private static let grace = Milliseconds.minutes(1)

    init(omission: String?, since: Timestamp) { state = Mutex((omission, since)) }

    /// It is being done from now on.
    func begin() { state.withLock { $0.omission = nil } }

    /// Warns, once, that it is not being done.
    func warnOnce(_ logger: Logger, at now: Timestamp) {
        let omission: String? = state.withLock { state in
            guard let omission = state.omission, now - state.since > Self.grace else { return nil }
            state.omission = nil
            return omission
        }
        guard let omission else { return }
        logger.warning(
            """
            \(omission): give the sessions to the application, as \
            Application(router: router, services: [sessions]), or call sessions.run() in a task
            """)
    }
}

extension Sessions {
    /// Takes it that another does the upkeep, as in tests.
    package func forgoUpkeep() { upkeep.begin() }
}
