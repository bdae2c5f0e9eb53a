public import Foundations
public import Logging
public import ServiceLifecycle
import SessionEngine
import SessionStorage

/// Removes what no one can use any more: ended sessions and retired keys (docs/specification/core.md 9), and audit
/// events that are too old or too many.
///
/// A run that fails is logged, and the next one comes at its time. Nothing is removed while the clock is far from the
/// time that storage knows (docs/decisions/0028).
public struct Maintenance: Service, CustomStringConvertible {
    /// When what is done.
    public struct Schedule: Sendable {
        /// From the start to the first run, so that a start is not held up.
        public var delay = Duration.seconds(60)
        /// The maximum of a random delay, so that cores that start together do not work together.
        public var spread = Duration.seconds(600)
        /// Between two removals of sessions.
        public var sessionInterval = Duration.seconds(12 * 3_600)
        /// Between two removals of keys.
        public var keyInterval = Duration.seconds(24 * 3_600)
        /// Between two looks at the length of the audit log, and for sessions that were ended and whose rows are left.
        public var auditTrimInterval = Duration.seconds(600)
        /// How many sessions are removed in one step of storage.
        public var batch = 500
        /// Between two steps, for the writes of others.
        public var pause = Duration.milliseconds(100)

        /// The intervals of SuperTokens' core; its first runs come after a whole interval.
        public init() {}
    }

    private let services: @Sendable () async -> [SessionManager]
    private let schedule: Schedule
    private let clock: ClockAndRandomness
    private let wait: @Sendable (Duration) async throws -> Void
    private let logger: Logger
    private let isClockAccepted: Bool
    private let doubt: ClockDoubt

    /// Creates the jobs.
    ///
    /// - Parameters:
    ///   - services: the sessions of every app there is at the time.
    ///   - schedule: when what is done.
    ///   - clock: the source of randomness.
    ///   - wait: how to let time pass; throws when the core stops.
    ///   - isClockAccepted: whether an operator says that the clock is right as it is at the start.
    ///   - acceptance: how an operator says so, for the warning.
    ///   - timeText: how a time is shown to an operator.
    ///   - logger: where runs are logged.
    public init(
        services: @escaping @Sendable () async -> [SessionManager], schedule: Schedule = Schedule(),
        clock: ClockAndRandomness = .system,
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        isClockAccepted: Bool = false, acceptance: String = "start once with --accept-clock",
        timeText: @escaping @Sendable (Timestamp) -> String = { "\($0.milliseconds)" },
        logger: Logger
    ) {
        self.services = services
        self.schedule = schedule
        self.clock = clock
        self.wait = wait
        self.logger = logger
        self.isClockAccepted = isClockAccepted
        doubt = ClockDoubt(timeText: timeText, acceptance: acceptance, logger: logger)
    }

    /// The name alone; libraries log their services.
    public var description: String { "Maintenance" }

    /// Works until the core stops.
    public func run() async throws {
        await cancelWhenGracefulShutdown {
            for service in await services() {
                await attempt { _ = try await mayRemove(from: service, isClockAccepted: isClockAccepted) }
                await attempt { try await service.noteTokenLife() }
            }
            await withTaskGroup { group in
                group.addTask { await repeated(every: schedule.sessionInterval, removeSessions) }
                group.addTask { await repeated(every: schedule.keyInterval, removeKeys) }
                group.addTask { await repeated(every: schedule.auditTrimInterval, sweepCutOffs) }
                group.addTask { await repeated(every: schedule.auditTrimInterval, trimAuditLog) }
                group.addTask { await repeated(every: schedule.auditTrimInterval, trimRevocations) }
                group.addTask { await repeated(every: schedule.auditTrimInterval, buryEvents) }
            }
        }
    }

    private func repeated(
        every interval: Duration, _ job: @Sendable (SessionManager) async throws -> Void
    ) async {
        let thousandth = Int(clock.randomBits() % 1_001)
        var delay = schedule.delay + schedule.spread * thousandth / 1_000
        while (try? await wait(delay)) != nil {
            for service in await services() {
                await attempt {
                    if try await mayRemove(from: service) { try await job(service) }
                }
                if Task.isCancelled { return }
            }
            delay = interval
        }
    }

    private func attempt(_ work: () async throws -> Void) async {
        do {
            try await work()
        } catch is CancellationError {
            return
        } catch ServiceError.storage(let error) {
            logger.error("maintenance failed", metadata: ["error": .string(error.debugDescription)])
        } catch {
            logger.error("maintenance failed", metadata: ["error": "\(error)"])
        }
    }

    /// Whether the clock may say what is too old; the operator is warned when it may not.
    private func mayRemove(from service: SessionManager, isClockAccepted: Bool = false) async throws -> Bool {
        let report = try await service.judgeClock(isAccepted: isClockAccepted)
        doubt.report(report)
        return report.judgement == .right
    }

    private func removeSessions(of service: SessionManager) async throws {
        let count = try await inBatches { try await service.removeExpiredSessions(atMost: $0) }
        if count > 0 { logger.info("expired sessions removed", metadata: ["count": "\(count)"]) }
    }

    private func sweepCutOffs(of service: SessionManager) async throws {
        let count = try await inBatches { try await service.sweepCutOffs(atMost: $0) }
        if count > 0 { logger.info("revoked sessions removed", metadata: ["count": "\(count)"]) }
    }

    private func trimAuditLog(of service: SessionManager) async throws {
        let count = try await inBatches { try await service.trimAuditLog(atMost: $0) }
        if count > 0 { logger.info("old entries of the audit log removed", metadata: ["count": "\(count)"]) }
    }

    private func trimRevocations(of service: SessionManager) async throws {
        let count = try await inBatches { try await service.trimRevocations(atMost: $0) }
        if count > 0 { logger.debug("ends that no verifier needs removed", metadata: ["count": "\(count)"]) }
    }

    private func buryEvents(of service: SessionManager) async throws {
        // The limit is for each stream: nothing is left when nothing went.
        var count = 0
        while true {
            let buried = try await service.buryEvents(atMost: schedule.batch)
            count += buried
            if buried == 0 { break }
            try await wait(schedule.pause)
        }
        if count > 0 { logger.warning("security events given up or deleted", metadata: ["count": "\(count)"]) }
    }

    /// Repeats a removal until there is nothing left, with pauses for the writes of others.
    private func inBatches(_ remove: (Int) async throws -> Int) async throws -> Int {
        var count = 0
        while true {
            let removed = try await remove(schedule.batch)
            count += removed
            if removed < schedule.batch { return count }
            try await wait(schedule.pause)
        }
    }

    private func removeKeys(of service: SessionManager) async throws {
        let count = try await service.removeRetiredKeys()
        if count > 0 { logger.info("retired signing keys removed", metadata: ["count": "\(count)"]) }
    }
}
