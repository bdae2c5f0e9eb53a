import Synchronization

/// A number that only grows, with a series for each combination of values of a closed set.
///
/// All series exist from the start, with 0: that something never happened and that nobody counts it are different answers.
package final class MetricCounter: MetricSource {
    let description: MetricDescription
    private let series: [[String]]
    private let counts: [MetricCell]

    /// Makes the series.
    ///
    /// - Parameters:
    ///   - description: what is counted.
    ///   - series: the values of the labels of each series; one without labels by default.
    init(_ description: MetricDescription, series: [[String]] = [[]]) {
        self.description = description
        self.series = series
        counts = series.map { _ in MetricCell() }
    }

    /// Counts one more, or several.
    ///
    /// - Parameters:
    ///   - index: the place of the series; one that does not exist counts nothing.
    ///   - amount: how many.
    package func increment(_ index: Int = 0, by amount: UInt64 = 1) {
        guard counts.indices.contains(index) else { return }
        counts[index].add(amount)
    }

    /// How many were counted.
    package func value(_ index: Int = 0) -> UInt64 { counts.indices.contains(index) ? counts[index].value : 0 }

    func family() -> MetricFamily {
        let samples = zip(series, counts).map { MetricFamily.Sample(labels: $0, value: .whole($1.value)) }
        return MetricFamily(description: description, kind: .counter, samples: samples)
    }
}

/// One number that many threads add to.
final class MetricCell: Sendable {
    private let number = Atomic<UInt64>(0)

    var value: UInt64 { number.load(ordering: .relaxed) }

    func add(_ amount: UInt64) { number.wrappingAdd(amount, ordering: .relaxed) }

    func subtract(_ amount: UInt64) { number.wrappingSubtract(amount, ordering: .relaxed) }

    func set(_ amount: UInt64) { number.store(amount, ordering: .relaxed) }
}
