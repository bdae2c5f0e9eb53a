/// How a page of metrics is written.
package enum MetricFormat: Sendable, Equatable {
    /// Prometheus' text, version 0.0.4.
    case prometheus
    /// OpenMetrics 1.0.0.
    case openMetrics

    /// What is sent as `Content-Type`.
    package var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What a client prefers, by the weights of its `Accept` (RFC 9110 section 12.5.1); Prometheus' text where it does not
    /// ask for OpenMetrics, or likes both as much.
    ///
    /// - Parameter accept: the field's value; `nil` where there is none.
    package init(accepting accept: String?) {
        var weights: [MetricFormat: Double] = [.prometheus: 0, .openMetrics: 0]
        for range in (accept ?? "*/*").lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.trimmed }
            let weight = parts.first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            switch parts.first {
            case "application/openmetrics-text":
                guard parts.contains("version=1.0.0") || !parts.contains(where: { $0.hasPrefix("version=") }) else { break }
                weights[.openMetrics] = max(weights[.openMetrics] ?? 0, weight)
            case "text/plain", "text/*", "*/*":
                weights[.prometheus] = max(weights[.prometheus] ?? 0, weight)
            default: break
            }
        }
        self = (weights[.openMetrics] ?? 0) > (weights[.prometheus] ?? 0) ? .openMetrics : .prometheus
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

/// Writes families as text.
struct MetricText {
    let format: MetricFormat
    private(set) var text = ""

    init(_ format: MetricFormat) { self.format = format }

    mutating func write(_ family: MetricFamily) {
        let isOpen = format == .openMetrics && family.kind == .counter
        // A counter's family has no `_total` in OpenMetrics; its samples have.
        let name = isOpen ? family.description.name.without("_total") : family.description.name
        text += "# HELP \(name) \(Self.escaped(family.description.help, quotes: format == .openMetrics))\n"
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        for sample in family.samples { write(sample, of: family.description) }
    }

    mutating func end() {
        if format == .openMetrics { text += "# EOF\n" }
    }

    private mutating func write(_ sample: MetricFamily.Sample, of description: MetricDescription) {
        let labels = zip(description.labels, sample.labels).map { (name: $0, value: $1) }
        switch sample.value {
        case .whole(let count): line(description.name, labels, "\(count)")
        case .number(let number): line(description.name, labels, Self.number(number))
        case .histogram(let snapshot):
            let limits = snapshot.limits.map(limit) + ["+Inf"]
            for (limit, count) in zip(limits, snapshot.cumulative) {
                line(description.name + "_bucket", labels + [("le", limit)], "\(count)")
            }
            line(description.name + "_sum", labels, Self.number(snapshot.sum))
            line(description.name + "_count", labels, "\(snapshot.cumulative.last ?? 0)")
        }
    }

    private mutating func line(_ name: String, _ labels: [(name: String, value: String)], _ value: String) {
        text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }
            text += "{" + pairs.joined(separator: ",") + "}"
        }
        text += " " + value + "\n"
    }

    /// A limit in the one spelling that OpenMetrics has for it: `1.0`, and not `1`; Prometheus' text takes any.
    private func limit(_ value: Double) -> String { format == .openMetrics ? "\(value)" : Self.number(value) }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    static func escaped(_ text: String, quotes: Bool) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension String {
    fileprivate func without(_ suffix: String) -> String {
        hasSuffix(suffix) ? String(dropLast(suffix.count)) : self
    }
}
