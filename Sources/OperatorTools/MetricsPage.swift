/// What a page of metrics in Prometheus' text format says.
package struct MetricsPage: Sendable, Hashable {
    /// One line.
    package struct Sample: Sendable, Hashable {
        package let name: String
        package let labels: [String: String]
        package let value: Double
    }

    private let samples: [String: [Sample]]

    /// Reads a page; lines that are no samples are passed over.
    ///
    /// - Parameter text: the page, with or without comments, and of either format.
    package init(parsing text: String) {
        let read = text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { Self.sample(Substring($0)) }
        samples = Dictionary(grouping: read, by: \.name)
    }

    private static func sample(_ line: Substring) -> Sample? {
        guard let first = line.first, first != "#" else { return nil }
        let name = line.prefix { $0 != "{" && $0 != " " }
        var rest = line.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.hasPrefix("{") {
            rest = rest.dropFirst()
            guard let read = Self.labels(&rest) else { return nil }
            labels = read
        }
        guard let text = rest.split(separator: " ").first else { return nil }
        let value = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan][text] ?? Double(text)
        return value.map { Sample(name: String(name), labels: labels, value: $0) }
    }

    /// Reads labels up to and with the closing brace.
    private static func labels(_ rest: inout Substring) -> [String: String]? {
        var labels: [String: String] = [:]
        while let next = rest.first {
            if next == "}" {
                rest = rest.dropFirst()
                return labels
            }
            if next == "," || next == " " {
                rest = rest.dropFirst()
                continue
            }
            let name = rest.prefix { $0 != "=" }
            rest = rest.dropFirst(name.count + 1)
            guard rest.first == "\"" else { return nil }
            rest = rest.dropFirst()
            guard let value = quoted(&rest) else { return nil }
            labels[String(name)] = value
        }
        return nil
    }

    private static func quoted(_ rest: inout Substring) -> String? {
        var value = ""
        while let next = rest.popFirst() {
            switch next {
            case "\"": return value
            case "\\":
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == "n" ? "\n" : escaped)
            default: value.append(next)
            }
        }
        return nil
    }

    /// All samples of a name.
    package func all(_ name: String) -> [Sample] { samples[name] ?? [] }

    /// The sum over all samples of a name that have these labels; `nil` where there is none.
    package func sum(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = all(name).filter { sample in labels.allSatisfy { sample.labels[$0.key] == $0.value } }
        return found.isEmpty ? nil : found.reduce(0) { $0 + $1.value }
    }

    /// The values of a label, in the order of the page.
    package func values(of label: String, in name: String) -> [String] {
        var seen: Set<String> = []
        return all(name).compactMap { $0.labels[label] }.filter { seen.insert($0).inserted }
    }

    /// The buckets of a histogram, summed over all series that have these labels: how many were at most that large.
    package func buckets(_ name: String, _ labels: [String: String] = [:]) -> Buckets {
        var counts: [Double: Double] = [:]
        for sample in all("\(name)_bucket") where labels.allSatisfy({ sample.labels[$0.key] == $0.value }) {
            guard let text = sample.labels["le"], let limit = text == "+Inf" ? .infinity : Double(text) else {
                continue
            }
            counts[limit, default: 0] += sample.value
        }
        return Buckets(counts: counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    /// Cumulative counts with their upper limits.
    package struct Buckets: Sendable {
        let counts: [(limit: Double, count: Double)]

        /// What came since an earlier page.
        package func since(_ earlier: Buckets) -> Buckets {
            let before = Dictionary(earlier.counts.map { ($0.limit, $0.count) }) { first, _ in first }
            return Buckets(counts: counts.map { ($0.limit, max(0, $0.count - (before[$0.limit] ?? 0))) })
        }

        /// A quantile, interpolated within its bucket as Prometheus does; `nil` without samples.
        ///
        /// - Parameter quantile: such as 0.99.
        package func quantile(_ quantile: Double) -> Double? {
            guard let total = counts.last?.count, total > 0 else { return nil }
            let rank = quantile * total
            var (lower, below) = (0.0, 0.0)
            for (limit, count) in counts {
                if count >= rank {
                    guard limit.isFinite else { return lower }
                    return count > below ? lower + (limit - lower) * (rank - below) / (count - below) : limit
                }
                (lower, below) = (limit, count)
            }
            return lower
        }
    }
}
