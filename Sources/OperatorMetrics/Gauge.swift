/// A number that goes up and down, and is asked for at a scrape.
struct MetricGauge: MetricSource {
    let description: MetricDescription
    let kind: MetricFamily.Kind
    let values: @Sendable () -> [(labels: [String], value: Double)]

    func family() -> MetricFamily {
        let samples = values().map { MetricFamily.Sample(labels: $0.labels, value: .number($0.value)) }
        return MetricFamily(description: description, kind: kind, samples: samples)
    }
}

/// How many of something there are now.
package final class MetricLevel: Sendable {
    private let cells = MetricCells(2)

    package init() {}

    /// One more.
    package func enter() { cells.add(1, at: 0) }

    /// One less.
    package func leave() { cells.add(1, at: 1) }

    /// How many there are; never fewer than none, although the two are not read in one moment.
    package var value: Double {
        let left = cells.value(at: 1)
        let entered = cells.value(at: 0)
        return entered > left ? Double(entered - left) : 0
    }
}
