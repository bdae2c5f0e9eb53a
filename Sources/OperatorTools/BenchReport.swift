/// What `tessera bench` measured.
package struct BenchReport: Sendable {
    package var subject: String
    /// Requests a second that were to be sent; 0 for a closed loop.
    package var rate: Int
    package var connections: Int
    package var seconds: Double
    package var latencies: LatencyHistogram
    /// Answers by status; 0 stands for none.
    package var statuses: [Int: Int]

    package init(
        subject: String, rate: Int, connections: Int, seconds: Double, latencies: LatencyHistogram, statuses: [Int: Int]
    ) {
        (self.subject, self.rate, self.connections, self.seconds) = (subject, rate, connections, seconds)
        (self.latencies, self.statuses) = (latencies, statuses)
    }

    /// Answers that were no success, or did not come.
    package var failures: Int { statuses.filter { !(200..<300).contains($0.key) }.values.reduce(0, +) }

    /// Each answer a second.
    package var throughput: Double { Double(latencies.count) / max(0.001, seconds) }

    private static let shares: [(String, Double)] = [
        ("50 %", 0.5), ("75 %", 0.75), ("90 %", 0.9), ("99 %", 0.99), ("99.9 %", 0.999), ("99.99 %", 0.999_9),
        ("100 %", 1),
    ]

    /// For people.
    package var text: String {
        // What is measured from the time at which a request was due needs no correction.
        let isClosed = rate == 0
        let corrected = isClosed ? latencies.corrected(interval: max(1, Int64(latencies.mean))) : latencies
        var lines = [
            "\(subject), \(connections) connections, \(isClosed ? "closed loop" : "open loop at \(rate)/s"), \(Figure.rate(seconds)) s",
            "\(Figure.whole(Double(latencies.count))) answers, \(Figure.rate(throughput))/s; "
                + statuses.sorted { $0.key < $1.key }
                .map { "\($0.key == 0 ? "no answer" : "\($0.key)"): \(Figure.whole(Double($0.value)))" }.joined(
                    separator: ", "),
            "",
            Figure.left("share", 10) + Figure.right("latency", 12) + (isClosed ? Figure.right("corrected", 12) : ""),
        ]
        for (name, share) in Self.shares {
            let values = [latencies] + (isClosed ? [corrected] : [])
            lines.append(
                Figure.left(name, 10)
                    + values.map { Figure.right(Figure.duration(Double($0.quantile(share)) / 1_000_000), 12) }.joined())
        }
        if isClosed {
            lines.append("\ncorrected: with the requests that slow answers kept from being sent (coordinated omission)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
