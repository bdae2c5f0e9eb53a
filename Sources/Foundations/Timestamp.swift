/// A point in time: whole milliseconds since 1970-01-01T00:00:00Z, as on the wire and in storage.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since 1970.
    public let milliseconds: Int64

    /// The time that many milliseconds after 1970.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Earlier before later.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

    /// The time after a span; saturates at the ends of 64 bits, so that no configuration can trap.
    public static func + (time: Timestamp, span: Milliseconds) -> Timestamp {
        let (sum, overflow) = time.milliseconds.addingReportingOverflow(span.count)
        return Timestamp(milliseconds: overflow ? (span.count < 0 ? .min : .max) : sum)
    }

    /// The span from `right` to `left`; saturates at the ends of 64 bits.
    public static func - (left: Timestamp, right: Timestamp) -> Milliseconds {
        let (difference, overflow) = left.milliseconds.subtractingReportingOverflow(right.milliseconds)
        return Milliseconds(overflow ? (left < right ? .min : .max) : difference)
    }

    /// This time cut down to a whole second, as `iat` and `exp` carry it (docs/specification/core.md 2.3).
    public var wholeSeconds: Int64 { milliseconds / 1000 }
}

/// A span of time in whole milliseconds.
public struct Milliseconds: Sendable, Hashable, Comparable {
    /// How many.
    public let count: Int64

    /// That many milliseconds.
    public init(_ count: Int64) {
        self.count = count
    }

    /// Whole seconds; saturates.
    public static func seconds(_ count: Int64) -> Milliseconds { Milliseconds(count.saturatingMultiply(1000)) }

    /// Shorter before longer.
    public static func < (left: Milliseconds, right: Milliseconds) -> Bool { left.count < right.count }

    /// Both spans together; saturates.
    public static func + (left: Milliseconds, right: Milliseconds) -> Milliseconds {
        (Timestamp(milliseconds: left.count) + right).sinceEpoch
    }

    /// The span shortened by another; saturates.
    public static func - (left: Milliseconds, right: Milliseconds) -> Milliseconds {
        Timestamp(milliseconds: left.count) - Timestamp(milliseconds: right.count)
    }
}

extension Timestamp {
    /// The span since 1970.
    public var sinceEpoch: Milliseconds { Milliseconds(milliseconds) }
}

extension FixedWidthInteger {
    /// The sum, or the nearest end of the type: for numbers that come from storage or from a caller.
    package func saturatingAdd(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}

extension Int64 {
    /// The product, or the nearest end of 64 bits.
    package func saturatingMultiply(_ factor: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: factor)
        return overflow ? ((self < 0) == (factor < 0) ? .max : .min) : product
    }
}

extension Milliseconds {
    /// Minutes of 60 seconds; saturates.
    public static func minutes(_ count: Int64) -> Milliseconds { .seconds(count.saturatingMultiply(60)) }
    /// Hours of 60 minutes; saturates.
    public static func hours(_ count: Int64) -> Milliseconds { .seconds(count.saturatingMultiply(3_600)) }
    /// Days of 24 hours; saturates.
    public static func days(_ count: Int64) -> Milliseconds { .seconds(count.saturatingMultiply(86_400)) }
}
