/// What a metric is about: its name, what is said about it, and the names of its labels.
package struct MetricDescription: Sendable {
    /// The name with its unit: snake case, base units; that of a counter ends in `_total`.
    package let name: String
    /// One sentence for an operator.
    package let help: String
    /// The names of the labels, in the order of the values of a series.
    package let labels: [String]

    /// Describes a metric.
    ///
    /// - Parameters:
    ///   - name: the name with its unit, as Prometheus has it.
    ///   - help: one sentence for an operator.
    ///   - labels: the names of its labels; none by default.
    package init(_ name: String, _ help: String, labels: [String] = []) {
        (self.name, self.help, self.labels) = (name, help, labels)
    }
}

/// All series of one metric at the time of a scrape.
struct MetricFamily {
    enum Kind: String {
        case counter, gauge, histogram
    }

    /// One series: the values of its labels, and its value.
    struct Sample {
        let labels: [String]
        let value: Value
    }

    enum Value {
        case number(Double)
        case whole(UInt64)
        case histogram(HistogramSnapshot)
    }

    let description: MetricDescription
    let kind: Kind
    let samples: [Sample]
}

/// What a registry can ask for its present values; it must not wait for anything.
protocol MetricSource: Sendable {
    var description: MetricDescription { get }
    func family() -> MetricFamily
}
