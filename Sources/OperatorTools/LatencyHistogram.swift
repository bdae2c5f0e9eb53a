/// Counts of durations with three significant digits, from a microsecond to an hour, in constant room (as HdrHistogram has it).
package struct LatencyHistogram: Sendable, Hashable {
    /// 2,048 values of each power of two: below 2,048 each microsecond by itself, above it to 1 part in 1,024.
    private static let bits = 11
    private static let largest: Int64 = 3_600_000_000
    private var counts: [Int64]
    package private(set) var count: Int64 = 0
    /// In microseconds.
    package private(set) var maximum: Int64 = 0
    private var total = 0.0

    package init() {
        counts = [Int64](repeating: 0, count: Self.index(Self.largest) + 1)
    }

    private static func index(_ value: Int64) -> Int {
        let magnitude = max(0, 63 - (value | 1).leadingZeroBitCount - (bits - 1))
        return magnitude << (bits - 1) + Int(value >> magnitude)
    }

    /// The largest value that is counted at an index.
    private static func value(_ index: Int) -> Int64 {
        let half = 1 << (bits - 1)
        let magnitude = max(0, index / half - 1)
        let lower = Int64(index - magnitude * half) << magnitude
        return lower + (1 << magnitude) - 1
    }

    /// Counts a duration; what is outside of the range is counted at its end.
    ///
    /// - Parameters:
    ///   - microseconds: the duration.
    ///   - times: how often it is counted.
    package mutating func record(_ microseconds: Int64, times: Int64 = 1) {
        let value = min(max(microseconds, 0), Self.largest)
        counts[Self.index(value)] += times
        count += times
        maximum = max(maximum, value)
        total += Double(value) * Double(times)
    }

    /// Adds what another one has counted.
    package mutating func add(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
        total += other.total
    }

    /// The mean in microseconds; 0 without any.
    package var mean: Double { count > 0 ? total / Double(count) : 0 }

    /// The smallest duration that a share of all are not above, in microseconds, to three digits.
    ///
    /// - Parameter share: such as 0.99.
    package func quantile(_ share: Double) -> Int64 {
        guard count > 0 else { return 0 }
        let wanted = max(1, Int64((min(max(share, 0), 1) * Double(count)).rounded(.up)))
        var seen: Int64 = 0
        for (index, found) in counts.enumerated() where found > 0 {
            seen += found
            if seen >= wanted { return min(Self.value(index), maximum) }
        }
        return maximum
    }

    /// The same with the requests that a slow answer kept from being sent: a closed loop waits with the one that it measures,
    /// so that a pause of a second is one slow request where users who do not wait would have had a hundred.
    ///
    /// - Parameter interval: how often a connection would have sent a request, in microseconds.
    package func corrected(interval: Int64) -> LatencyHistogram {
        guard interval > 0 else { return self }
        var corrected = self
        for (index, found) in counts.enumerated() where found > 0 {
            var missing = min(Self.value(index), maximum) - interval
            while missing >= interval {
                corrected.record(missing, times: found)
                missing -= interval
            }
        }
        return corrected
    }
}
