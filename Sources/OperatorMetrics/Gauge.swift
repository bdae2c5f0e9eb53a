/// A number that goes up and down, and is asked for when somebody looks.
package struct MetricGauge: MetricSource {
    let description: MetricDescription
    private let kind: MetricFamily.Kind
    private let values: @Sendable () -> [(labels: [String], value: Double)]

    /// A number that is known when it is asked for.
    ///
    /// - Parameters:
    ///   - description: what it is.
    ///   - isCounter: whether it only grows, as the time of a process does.
    ///   - values: the values of the labels of each series with its number; it must not wait for anything.
    init(
        _ description: MetricDescription, isCounter: Bool = false,
        values: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        self.description = description
        kind = isCounter ? .counter : .gauge
        self.values = values
    }

    func family() -> MetricFamily {
        let samples = values().map { MetricFamily.Sample(labels: $0.labels, value: .number($0.value)) }
        return MetricFamily(description: description, kind: kind, samples: samples)
    }
}

/// How many of something there are now.
package final class MetricLevel: Sendable {
    private let cell = MetricCell()

    package init() {}

    /// One more.
    package func enter() { cell.add(1) }

    /// One less.
    package func leave() { cell.subtract(1) }

    /// How many there are.
    package var value: Double { Double(max(0, Int64(truncatingIfNeeded: cell.value))) }
}
