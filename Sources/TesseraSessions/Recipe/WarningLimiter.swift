import Foundations
import Synchronization

/// Lets each warning through once an hour, and of all together a few in a minute: what a client sends fills no log and no
/// memory.
final class WarningLimiter: Sendable {
    private struct State {
        var lastTimes: [String: Timestamp] = [:]
        var minute = Timestamp(milliseconds: 0)
        var count = 0
    }

    private static let pause = Milliseconds.seconds(3_600)
    private static let minute = Milliseconds.seconds(60)
    private static let mostPerMinute = 20
    private static let mostKeys = 64

    private let state = Mutex(State())

    /// Whether a warning is due now.
    ///
    /// - Parameters:
    ///   - key: what it is about.
    ///   - now: the time.
    func isDue(_ key: String, at now: Timestamp) -> Bool {
        state.withLock { state in
            if let last = state.lastTimes[key], now < last + Self.pause { return false }
            if state.minute + Self.minute <= now { (state.minute, state.count) = (now, 0) }
            guard state.count < Self.mostPerMinute else { return false }
            state.count += 1
            if state.lastTimes.count >= Self.mostKeys,
                let oldest = state.lastTimes.min(by: { $0.value < $1.value })?.key
            {
                state.lastTimes[oldest] = nil
            }
            state.lastTimes[key] = now
            return true
        }
    }
}
