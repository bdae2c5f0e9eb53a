import Foundations
import Logging
import SessionEngine
import SessionService
import SessionStorage
import Synchronization

/// What an operator should know of what happens while requests are answered, each once and without a secret
/// (docs/decisions/0026).
final class OperatorEvents: Sendable {
    private struct State {
        var refusedKeys = RepeatedEvents<PeerKey>()
        var failures = RepeatedEvents<StorageError.Code>()
    }

    let logger: Logger
    private let state = Mutex(State())
    private let present: @Sendable () -> MonotonicTime

    /// So many sessions that end at once are worth a line.
    private static let manySessions = 100

    /// Writes to a log.
    ///
    /// - Parameters:
    ///   - logger: where lines go.
    ///   - present: the time.
    init(_ logger: Logger, present: @escaping @Sendable () -> MonotonicTime = { .present }) {
        self.logger = logger
        self.present = present
    }

    /// A request was refused because it showed no API key, or none that is right.
    ///
    /// - Parameters:
    ///   - peer: who is counted apart.
    ///   - name: the address for readers.
    func apiKeyRefused(_ peer: PeerKey, named name: @autoclosure () -> String?) {
        let now = present()
        guard let report = state.withLock({ $0.refusedKeys.note(peer, named: name() ?? "unknown", at: now) }) else {
            return
        }
        say(report)
    }

    private func say(_ report: RepeatedEvents<PeerKey>.Report) {
        logger.warning(
            "refused: no API key, or a wrong one",
            metadata: ["peer": "\(report.subject ?? "others")", "count": .stringConvertible(report.count)])
    }

    /// Says what was counted and not said; to be called now and then.
    func sayWhatIsDue() {
        let now = present()
        for report in state.withLock({ $0.refusedKeys.due(at: now) }) { say(report) }
        for report in state.withLock({ $0.failures.due(at: now) }) {
            logger.error(
                "storage failed again in the last minute",
                metadata: ["kind": "\(report.subject ?? "others")", "count": .stringConvertible(report.count)])
        }
    }

    /// A request met a failure of storage: the first of a kind is logged at once, further ones are counted for a minute.
    func storageFailed(_ error: StorageError) {
        let now = present()
        let report = state.withLock { $0.failures.note(error.code, named: error.description, at: now) }
        let level: Logger.Level = report == nil ? .debug : .error
        let count = Logger.MetadataValue.stringConvertible(report?.count ?? 1)
        logger.log(
            level: level, "storage failed", metadata: ["error": .string(error.debugDescription), "count": count])
    }

    /// A superseded refresh token was presented again.
    ///
    /// - Parameters:
    ///   - handle: the session, as the audit log names it.
    ///   - app: its app.
    ///   - found: how it was superseded.
    ///   - isEnded: whether the session has ended with it.
    func reuse(of handle: SessionHandle, _ app: AppID, _ found: Refresh.ReuseClass, isEnded: Bool) {
        logger.warning(
            "refresh token reuse was detected: there is a copy of the token",
            metadata: [
                "session": "\(handle.rawValue)", "app": "\(app.rawValue)", "class": "\(found.rawValue)",
                "ended": "\(isEnded)",
            ])
    }

    /// Sessions were revoked; a line where they are many.
    ///
    /// - Parameters:
    ///   - count: how many.
    ///   - app: their app.
    ///   - tenant: their tenant, where only its sessions were meant.
    ///   - isOfUser: whether all of a user's were meant; who that is is in the audit log.
    func revoked(_ count: Int, _ app: AppID, _ tenant: TenantID?, isOfUser: Bool) {
        guard count > Self.manySessions else { return }
        var details: Logger.Metadata = [
            "count": .stringConvertible(count), "app": "\(app.rawValue)", "by": isOfUser ? "user" : "handles",
        ]
        if let tenant { details["tenant"] = "\(tenant.rawValue)" }
        logger.info("many sessions were revoked", metadata: details)
    }

    /// An app or a tenant was removed, with all of its sessions.
    ///
    /// - Parameters:
    ///   - app: the app.
    ///   - tenant: the tenant, unless it was the whole app.
    func removed(_ app: AppID, _ tenant: TenantID? = nil) {
        var details: Logger.Metadata = ["app": "\(app.rawValue)"]
        if let tenant { details["tenant"] = "\(tenant.rawValue)" }
        logger.info("\(tenant == nil ? "an app" : "a tenant") was removed with its sessions", metadata: details)
    }
}
