#if PostgreSQL
    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #else
        import Darwin
    #endif

    /// A moment of this machine's steady clock, in nanoseconds; for deadlines, never for what is stored.
    struct MonotonicTime: Comparable, Sendable {
        var nanoseconds: Int64

        /// This moment.
        static var present: MonotonicTime {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return MonotonicTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
        }

        /// Later than any.
        static let distantFuture = MonotonicTime(nanoseconds: .max)

        static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

        static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
            MonotonicTime(nanoseconds: time.nanoseconds + duration.inNanoseconds)
        }

        static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
            .nanoseconds(left.nanoseconds - right.nanoseconds)
        }
    }

    extension Duration {
        /// The whole duration.
        var inNanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
        /// Its whole milliseconds.
        var inMilliseconds: Int64 { inNanoseconds / 1_000_000 }
    }
#endif
