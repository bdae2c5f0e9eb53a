import Foundations
import Synchronization

/// Lets each warning through once an hour, and of all together a few in a minute: what a client sends fills no log and no
/// memory.
final class WarningLimiter: Sendable {
    private struct State {
        var noted: [String: (time: Timestamp, silenced: Int)] = [:]
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
    func isDue(_ key: String, at now: Timestamp) -> Bool { due(key, at: now) != nil }

    /// The same, with how many of this key were not let through since the last one; `nil` where none is due.
    func due(_ key: String, at now: Timestamp) -> Int? {
        state.withLock { state in
            let last = state.noted[key]
            if state.minute + Self.minute <= now { (state.minute, state.count) = (now, 0) }
            guard last.map({ now >= $0.time + Self.pause }) ?? true, state.count < Self.mostPerMinute else {
                state.noted[key]?.silenced &+= 1
                return nil
            }
            state.count += 1
            if last == nil, state.noted.count >= Self.mostKeys,
                let oldest = state.noted.min(by: { $0.value.time < $1.value.time })?.key
            {
                state.noted[oldest] = nil
            }
            state.noted[key] = (now, 0)
            return last?.silenced ?? 0
        }
    }
}
