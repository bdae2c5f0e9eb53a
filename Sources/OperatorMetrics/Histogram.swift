/// How often a span of time, or a size, was within each of some limits.
package final class MetricHistogram: MetricSource {
    /// The upper limits of the buckets, rising, with their values in the unit of what is noted.
    package struct Buckets: Sendable {
        /// In the unit of the name, such as seconds.
        let limits: [Double]
        /// How many of what is noted are one of that unit: nanoseconds are noted, seconds are told.
        let scale: Double

        /// Limits in seconds, for spans that are noted in nanoseconds.
        package static func seconds(_ limits: [Double]) -> Buckets { Buckets(limits: limits, scale: 1e9) }
        /// Limits of counts.
        package static func counts(_ limits: [Double]) -> Buckets { Buckets(limits: limits, scale: 1) }
    }

    let description: MetricDescription
    private let buckets: Buckets
    /// The limits in what is noted.
    private let bounds: [UInt64]
    private let series: [[String]]
    private let cells: [(counts: [MetricCell], sum: MetricCell)]

    /// Makes the series.
    ///
    /// - Parameters:
    ///   - description: what is measured.
    ///   - buckets: the limits.
    ///   - series: the values of the labels of each series; one without labels by default.
    init(_ description: MetricDescription, _ buckets: Buckets, series: [[String]] = [[]]) {
        self.description = description
        self.buckets = buckets
        self.series = series
        bounds = buckets.limits.map { UInt64(max(0, ($0 * buckets.scale).rounded())) }
        cells = series.map { _ in ((0...buckets.limits.count).map { _ in MetricCell() }, MetricCell()) }
    }

    /// Notes one value.
    ///
    /// - Parameters:
    ///   - value: in the unit of the buckets' scale, such as nanoseconds; a negative one counts as 0.
    ///   - index: the place of the series; one that does not exist notes nothing.
    package func note(_ value: Int64, _ index: Int = 0) {
        guard cells.indices.contains(index) else { return }
        let value = UInt64(max(0, value))
        let place = bounds.firstIndex { value <= $0 } ?? bounds.count
        cells[index].counts[place].add(1)
        cells[index].sum.add(value)
    }

    func family() -> MetricFamily {
        let samples = zip(series, cells).map { labels, cell in
            MetricFamily.Sample(
                labels: labels,
                value: .histogram(
                    HistogramSnapshot(
                        limits: buckets.limits, counts: cell.counts.map(\.value),
                        sum: Double(cell.sum.value) / buckets.scale)))
        }
        return MetricFamily(description: description, kind: .histogram, samples: samples)
    }
}

/// A histogram at the time of a scrape: its count is that of its buckets, so that they agree whatever is noted meanwhile.
struct HistogramSnapshot {
    /// The upper limits, without the infinite one.
    let limits: [Double]
    /// How many are in each bucket alone; the last is beyond all limits.
    let counts: [UInt64]
    /// The sum of all values, in the unit of the limits.
    let sum: Double

    /// How many are within each limit, the infinite one last.
    var cumulative: [UInt64] {
        var total: UInt64 = 0
        return counts.map { count in
            total &+= count
            return total
        }
    }
}
