import Synchronization

/// Everything that a process counts and measures.
///
/// Counting takes no lock; neither does a scrape take one that a request waits for.
package final class MetricRegistry: Sendable {
    private let sources = Mutex<[any MetricSource]>([])

    package init() {}

    /// Adds a counter without labels.
    package func counter(_ description: MetricDescription) -> MetricCounter { add(MetricCounter(description)) }

    /// Adds a counter with a label.
    ///
    /// - Parameters:
    ///   - description: what is counted; its name ends in `_total`, and it names one label.
    ///   - label: the values.
    package func counter<Label: MetricLabel>(
        _ description: MetricDescription, by label: Label.Type
    ) -> LabelledCounter<Label> {
        LabelledCounter(counter: add(MetricCounter(description, series: Label.allCases.map { [$0.label] })))
    }

    /// Adds a counter with two labels.
    ///
    /// - Parameters:
    ///   - description: what is counted; it names both labels.
    ///   - first: the values of the first one.
    ///   - second: the values of the second one.
    package func counter<First: MetricLabel, Second: MetricLabel>(
        _ description: MetricDescription, by first: First.Type, _ second: Second.Type
    ) -> PairCounter<First, Second> {
        let series = First.allCases.flatMap { one in Second.allCases.map { [one.label, $0.label] } }
        return PairCounter(counter: add(MetricCounter(description, series: series)))
    }

    /// Adds a counter of values that another module has.
    ///
    /// - Parameters:
    ///   - description: what is counted.
    ///   - values: all of them.
    ///   - label: how each is written.
    package func counter<Value: Hashable & Sendable>(
        _ description: MetricDescription, of values: [Value], label: (Value) -> String
    ) -> ValueCounter<Value> {
        ValueCounter(add(MetricCounter(description, series: values.map { [label($0)] })), values)
    }

    /// Adds a histogram without labels.
    ///
    /// - Parameters:
    ///   - description: what is measured, with its unit in the name.
    ///   - buckets: the limits.
    package func histogram(
        _ description: MetricDescription, _ buckets: MetricHistogram.Buckets
    ) -> MetricHistogram {
        add(MetricHistogram(description, buckets))
    }

    /// Adds a histogram with a label.
    ///
    /// - Parameters:
    ///   - description: what is measured; it names one label.
    ///   - buckets: the limits.
    ///   - label: the values.
    package func histogram<Label: MetricLabel>(
        _ description: MetricDescription, _ buckets: MetricHistogram.Buckets, by label: Label.Type
    ) -> LabelledHistogram<Label> {
        LabelledHistogram(
            histogram: add(MetricHistogram(description, buckets, series: Label.allCases.map { [$0.label] })))
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
        add(MetricGauge(description: description, kind: isCounter ? .counter : .gauge, values: values))
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
        for source in sources.withLock(\.self) { text.write(source.family()) }
        text.end()
        return text.text
    }
}
