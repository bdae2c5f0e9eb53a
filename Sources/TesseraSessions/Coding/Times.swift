import Foundations

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

extension Timestamp {
    /// The same time as Foundation has it.
    public var date: Date { Date(timeIntervalSince1970: Double(milliseconds) / 1_000) }

    /// The millisecond nearest to a date; one beyond 64 bits becomes the nearest end.
    public init(_ date: Date) {
        let milliseconds = (date.timeIntervalSince1970 * 1_000).rounded()
        self.init(milliseconds: Int64(exactly: milliseconds) ?? (milliseconds < 0 ? .min : .max))
    }
}

extension Milliseconds {
    /// The whole milliseconds of a duration; saturates.
    public init(_ duration: Duration) { self.init(duration.inMilliseconds) }

    /// The same span as the standard library has it.
    public var duration: Duration { .milliseconds(count) }
}

extension Duration {
    /// Minutes of 60 seconds.
    public static func minutes(_ count: Int) -> Duration { .seconds(Int64(count).saturatingMultiply(60)) }
    /// Hours of 60 minutes.
    public static func hours(_ count: Int) -> Duration { .seconds(Int64(count).saturatingMultiply(3_600)) }
    /// Days of 24 hours.
    public static func days(_ count: Int) -> Duration { .seconds(Int64(count).saturatingMultiply(86_400)) }
}
