/// A number that only grows, with a series for each combination of values of a closed set.
///
/// All series exist from the start, with 0: "never happened" and "not counted" are different answers.
package final class MetricCounter: MetricSource {
    let description: MetricDescription
    private let series: [[String]]
    private let cells: MetricCells

    init(_ description: MetricDescription, series: [[String]] = [[]]) {
        self.description = description
        self.series = series
        cells = MetricCells(series.count)
    }

    /// Counts one more, or several.
    ///
    /// - Parameters:
    ///   - index: the place of the series; one that does not exist counts nothing.
    ///   - amount: how many.
    package func increment(_ index: Int = 0, by amount: Int = 1) {
        cells.add(UInt64(max(0, amount)), at: index)
    }

    /// How many were counted.
    package func value(_ index: Int = 0) -> UInt64 { cells.value(at: index) }

    func family() -> MetricFamily {
        let samples = series.indices.map { MetricFamily.Sample(labels: series[$0], value: .whole(cells.value(at: $0))) }
        return MetricFamily(description: description, kind: .counter, samples: samples)
    }
}

/// A counter with one label.
package struct LabelledCounter<Label: MetricLabel>: Sendable {
    let counter: MetricCounter

    /// Counts one more, or several, of a value.
    package func add(_ label: Label, by amount: Int = 1) { counter.increment(label.rawValue, by: amount) }

    /// How many of a value were counted.
    package func value(_ label: Label) -> UInt64 { counter.value(label.rawValue) }
}

/// A counter with two labels.
package struct PairCounter<First: MetricLabel, Second: MetricLabel>: Sendable {
    let counter: MetricCounter
    private let width = Second.allCases.count

    init(counter: MetricCounter) { self.counter = counter }

    private func place(_ first: First, _ second: Second) -> Int { first.rawValue &* width &+ second.rawValue }

    /// Counts one more of a pair.
    package func add(_ first: First, _ second: Second) { counter.increment(place(first, second)) }

    /// How many of a pair were counted.
    package func value(_ first: First, _ second: Second) -> UInt64 { counter.value(place(first, second)) }
}

/// A counter whose label has the values of a closed set that another module has.
package struct ValueCounter<Value: Hashable & Sendable>: Sendable {
    let counter: MetricCounter
    private let places: [Value: Int]

    init(_ counter: MetricCounter, _ values: [Value]) {
        self.counter = counter
        places = Dictionary(zip(values, values.indices)) { first, _ in first }
    }

    /// Counts one more, or several, of a value; one that is not in the set is not counted.
    package func add(_ value: Value, by amount: Int = 1) {
        if let place = places[value] { counter.increment(place, by: amount) }
    }

    /// How many of a value were counted.
    package func value(_ value: Value) -> UInt64 { places[value].map { counter.value($0) } ?? 0 }
}
