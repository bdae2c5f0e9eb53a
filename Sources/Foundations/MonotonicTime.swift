import PlatformLibC

/// A moment of this machine's steady clock, in nanoseconds; for deadlines, never for what is stored.
package struct MonotonicTime: Comparable, Sendable {
    package var nanoseconds: Int64

    package init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// This moment.
    package static var present: MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Later than any.
    package static let distantFuture = MonotonicTime(nanoseconds: .max)

    package static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

    package static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        MonotonicTime(nanoseconds: time.nanoseconds.saturatingAdd(duration.inNanoseconds))
    }

    package static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        .nanoseconds(left.nanoseconds.saturatingAdd(right.nanoseconds == .min ? .max : -right.nanoseconds))
    }
}

extension Duration {
    /// The whole duration; saturates.
    package var inNanoseconds: Int64 {
        components.seconds.saturatingMultiply(1_000_000_000).saturatingAdd(components.attoseconds / 1_000_000_000)
    }
    /// Its whole milliseconds.
    package var inMilliseconds: Int64 { inNanoseconds / 1_000_000 }
}
