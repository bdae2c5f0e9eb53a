/// How often a span of time, or a size, was within each of some limits.
package final class MetricHistogram: MetricSource {
    /// The upper limits of the buckets, rising, with their values in the unit of what is noted.
    package struct Buckets: Sendable {
        /// In the unit of the name, such as seconds.
        let limits: [Double]
        /// How many of what is noted are one of that unit: nanoseconds are noted, seconds are shown.
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
    /// For each series its buckets, the one beyond all limits, and the sum.
    private let cells: MetricCells

    init(_ description: MetricDescription, _ buckets: Buckets, series: [[String]] = [[]]) {
        self.description = description
        self.buckets = buckets
        self.series = series
        bounds = buckets.limits.map { UInt64(exactly: ($0 * buckets.scale).rounded()) ?? .max }
        cells = MetricCells(series.count * (bounds.count + 2))
    }

    private var width: Int { bounds.count &+ 2 }

    /// Notes one value.
    ///
    /// - Parameters:
    ///   - value: in the unit of the buckets' scale, such as nanoseconds; a negative one counts as 0.
    ///   - index: the place of the series; one that does not exist notes nothing.
    package func note(_ value: Int64, _ index: Int = 0) {
        guard series.indices.contains(index) else { return }
        let value = UInt64(max(0, value))
        var place = 0
        while place < bounds.count, bounds[place] < value { place &+= 1 }
        let base = index &* width
        cells.add(1, at: base &+ place)
        cells.add(value, at: base &+ bounds.count &+ 1)
    }

    func snapshot(_ index: Int) -> HistogramSnapshot {
        let base = index * width
        return HistogramSnapshot(
            limits: buckets.limits, counts: (0...bounds.count).map { cells.value(at: base + $0) },
            sum: Double(cells.value(at: base + bounds.count + 1)) / buckets.scale)
    }

    func family() -> MetricFamily {
        let samples = series.indices.map { MetricFamily.Sample(labels: series[$0], value: .histogram(snapshot($0))) }
        return MetricFamily(description: description, kind: .histogram, samples: samples)
    }
}

/// A histogram with one label.
package struct LabelledHistogram<Label: MetricLabel>: Sendable {
    let histogram: MetricHistogram

    /// The upper limits of the buckets, without the infinite one.
    package var limits: [Double] { histogram.snapshot(0).limits }

    /// How many values are in each bucket alone; the last is beyond all limits.
    package func counts(_ label: Label) -> [UInt64] { histogram.snapshot(label.rawValue).counts }

    /// Notes one value.
    ///
    /// - Parameters:
    ///   - value: in the unit of the buckets' scale.
    ///   - label: of which series.
    package func note(_ value: Int64, _ label: Label) { histogram.note(value, label.rawValue) }
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
