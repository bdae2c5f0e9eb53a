import Logging
import SessionEngine
import Synchronization

/// Says once that the clock is far from the time that storage knows, and once that it is right again.
final class ClockDoubt: Sendable {
    private let timeText: @Sendable (Timestamp) -> String
    private let acceptance: String
    private let logger: Logger
    private let noted = Mutex(ClockJudgement.right)

    init(timeText: @escaping @Sendable (Timestamp) -> String, acceptance: String, logger: Logger) {
        self.acceptance = acceptance
        self.timeText = timeText
        self.logger = logger
    }

    /// Takes note of a judgement.
    func report(_ report: ClockReport) {
        let isNew = noted.withLock { noted in
            defer { noted = report.judgement }
            return noted != report.judgement
        }
        guard isNew else { return }
        let (now, noted) = (timeText(report.shown), timeText(report.noted))
        guard report.judgement != .right else {
            return logger.notice("the clock is right again (\(now)); what is too old is removed as ever")
        }
        let far = report.judgement == .ahead ? "ahead of" : "behind"
        logger.warning(
            """
            the clock shows \(now), which is more than 30 days \(far) the last time that a core noted here (\(noted)): \
            nothing is removed as too old. Put the clock right; if it is right, \(acceptance)
            """)
    }
}
