import Foundations
import Logging
import ServiceLifecycle
import SessionEngine

/// Logs when the clock is set to another time while the core runs: sessions expire by it.
struct ClockJumpWatch: Service, CustomStringConvertible {
    let logger: Logger

    /// A correction that no operator has to know of.
    private static let least: Int64 = 3_600_000

    var description: String { "ClockJumpWatch" }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var last = Self.present
            while (try? await Task.sleep(for: .seconds(1))) != nil {
                let present = Self.present
                let passed = Milliseconds((present.steady - last.steady).inMilliseconds)
                report(from: last.wall + passed, to: present.wall)
                last = present
            }
        }
    }

    private static var present: (wall: Timestamp, steady: MonotonicTime) {
        (ClockAndRandomness.system.time(), MonotonicTime.present)
    }

    private func report(from expected: Timestamp, to found: Timestamp) {
        let jump = (found - expected).count
        guard jump >= Self.least || jump <= -Self.least else { return }
        logger.warning(
            """
            the clock jumped \(jump > 0 ? "ahead" : "back"), from \(expected.rfc3339) to \(found.rfc3339): sessions expire by \
            it. Put it right if it is wrong
            """)
    }
}
