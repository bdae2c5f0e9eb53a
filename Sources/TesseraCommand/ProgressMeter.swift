import Foundations
import PlatformLibC
import SessionEngine
import SessionService
import Synchronization

/// Shows on standard error how far a long work is: a bar on a terminal, now and then a line elsewhere.
final class ProgressMeter: Sendable {
    private struct State {
        var shownAt: Timestamp
        var isBarOpen = false
        var started: Timestamp
        var phase = ""
    }

    private let total: Int64
    private let isTerminal: Bool
    private let state: Mutex<State>

    init(total: Int64) {
        self.total = total
        isTerminal = isatty(STDERR_FILENO) == 1
        let now = ClockAndRandomness.system.time()
        state = Mutex(State(shownAt: now, started: now))
    }

    /// Shows a state, unless another was shown a moment ago.
    func show(_ phase: String, bytes: Int64, sessions: Int? = nil) {
        show(phase, part: bytes, of: total, sessions: sessions)
    }

    /// The same of a total that only becomes known on the way.
    func show(_ phase: String, part: Int64, of total: Int64, sessions: Int? = nil) {
        let now = ClockAndRandomness.system.time()
        state.withLock { state in
            if state.phase != phase {
                state.phase = phase
                state.started = now
            }
            let pause = isTerminal ? Milliseconds(100) : .seconds(5)
            guard pause < now - state.shownAt else { return }
            state.shownAt = now
            let line = text(phase, part: part, of: total, sessions: sessions, elapsed: now - state.started)
            if isTerminal {
                state.isBarOpen = true
                Self.put("\r\u{1B}[K\(line)")
            } else {
                Self.put("\(line)\n")
            }
        }
    }

    private func text(
        _ phase: String, part: Int64, of total: Int64, sessions: Int?, elapsed: Milliseconds
    ) -> String {
        let share = total > 0 ? min(1, Double(part) / Double(total)) : 1
        let width = 30
        let filled = Int(share * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        var line = "\(phase) [\(bar)] \(Int(share * 100))%"
        if let sessions {
            let rate = elapsed.count > 0 ? Int64(sessions) * 1_000 / elapsed.count : 0
            line += " \(sessions) sessions, \(rate) a second"
        }
        return line
    }

    /// Takes the bar away.
    func end() {
        state.withLock { state in
            if state.isBarOpen { Self.put("\r\u{1B}[K") }
            state.isBarOpen = false
        }
    }

    /// Says something beside the bar.
    static func report(_ text: String) { put("\(text)\n") }

    private static func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
