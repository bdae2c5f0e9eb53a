import Synchronization

/// Everything that a process counts and measures.
///
/// Counting takes no lock; neither does a scrape take one that a request waits for.
package final class MetricRegistry: Sendable {
    private let sources = Mutex<[any MetricSource]>([])

    package init() {}

    /// Adds a counter.
    ///
    /// - Parameters:
    ///   - description: what is counted; its name ends in `_total`.
    ///   - series: the values of the labels of each series.
    package func counter(_ description: MetricDescription, series: [[String]] = [[]]) -> MetricCounter {
        add(MetricCounter(description, series: series))
    }

    /// Adds a histogram.
    ///
    /// - Parameters:
    ///   - description: what is measured, with its unit in the name.
    ///   - buckets: the limits.
    ///   - series: the values of the labels of each series.
    package func histogram(
        _ description: MetricDescription, _ buckets: MetricHistogram.Buckets, series: [[String]] = [[]]
    ) -> MetricHistogram {
        add(MetricHistogram(description, buckets, series: series))
    }

    /// Adds a number that is asked for at each scrape.
    ///
    /// - Parameters:
    ///   - description: what it is.
    ///   - isCounter: whether it only grows.
    ///   - values: the values of the labels of each series with its number; it must not wait for anything.
    package func gauge(
        _ description: MetricDescription, isCounter: Bool = false,
        values: @escaping @Sendable () -> [(labels: [String], value: Double)]
    ) {
        _ = add(MetricGauge(description, isCounter: isCounter, values: values))
    }

    /// Adds a number without labels.
    ///
    /// - Parameters:
    ///   - description: what it is.
    ///   - isCounter: whether it only grows.
    ///   - value: the number, or `nil` where it is not known now; then there is no sample.
    package func gauge(
        _ description: MetricDescription, isCounter: Bool = false, value: @escaping @Sendable () -> Double?
    ) {
        gauge(description, isCounter: isCounter) { value().map { [(labels: [], value: $0)] } ?? [] }
    }

    /// Adds a source; one whose name is taken is not shown.
    @discardableResult
    func add<Source: MetricSource>(_ source: Source) -> Source {
        sources.withLock { sources in
            let isTaken = sources.contains { $0.description.name == source.description.name }
            if !isTaken { sources.append(source) }
        }
        return source
    }

    /// The page that is answered to a scrape.
    package func text(_ format: MetricFormat) -> String {
        var text = MetricText(format)
        for source in sources.withLock({ $0 }) { text.write(source.family()) }
        text.end()
        return text.text
    }
}
