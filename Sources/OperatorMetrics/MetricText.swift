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
        let ranges = (accept ?? "*/*").lowercased().split(separator: ",").map(AcceptedRange.init)
        let text = AcceptedRange.weight(of: "text/plain", version: "0.0.4", in: ranges)
        let open = AcceptedRange.weight(of: "application/openmetrics-text", version: "1.0.0", in: ranges)
        self = open > text ? .openMetrics : .prometheus
    }
}

/// One range of an `Accept` field.
private struct AcceptedRange {
    let type: String
    let version: String?
    let weight: Double

    init(_ text: Substring) {
        let parts = text.split(separator: ";").map { part in part.filter { !$0.isWhitespace && $0 != "\"" } }
        func value(of name: String) -> String? {
            parts.dropFirst().first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
        }
        type = parts.first ?? ""
        version = value(of: "version")
        let number = value(of: "q").map { Double($0) ?? 0 } ?? 1
        weight = number.isFinite ? min(max(number, 0), 1) : 0
    }

    /// How much a type is wanted: what the most specific range that names it says.
    static func weight(of type: String, version: String, in ranges: [AcceptedRange]) -> Double {
        let family = type.prefix { $0 != "/" } + "/*"
        let named = ranges.filter { $0.type == type && ($0.version == nil || $0.version == version) }
        for matching in [named, ranges.filter { $0.type == family }, ranges.filter { $0.type == "*/*" }]
        where !matching.isEmpty {
            return matching.map(\.weight).max() ?? 0
        }
        return 0
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
        return abs(value) < 1e15 ? Int64(exactly: value).map { "\($0)" } ?? "\(value)" : "\(value)"
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
