/// What `tessera top` shows at one moment: two pages of metrics compared, or one page since the start of the core.
package struct TopFrame: Sendable, Hashable {
    /// One line of the table.
    package struct Operation: Sendable, Hashable {
        package let name: String
        /// A second.
        package let rate: Double
        /// In seconds; `nil` without a request.
        package let median: Double?
        package let p99: Double?
    }

    package var version: String?
    /// In seconds.
    package var uptime: Double?
    /// Whether rates are averages since the start.
    package var isSinceStart: Bool
    package var requestRate: Double
    package var operations: [Operation]
    package var outcomes: [(String, Double)]
    package var gauges: [String: Double]
    package var sessionRates: [(String, Double)]
    package var storage: [Operation]
    package var storageErrors: Double
    /// Seconds of CPU in a second.
    package var processors: Double?

    package static func == (left: TopFrame, right: TopFrame) -> Bool { left.text() == right.text() }

    package func hash(into hasher: inout Hasher) { hasher.combine(text()) }

    /// Compares two pages.
    ///
    /// - Parameters:
    ///   - page: the newer one.
    ///   - earlier: the one before it; `nil` for averages since the start.
    ///   - seconds: the time between them.
    ///   - time: seconds since 1970, for the uptime.
    package init(_ page: MetricsPage, since earlier: MetricsPage?, seconds: Double, time: Double) {
        let started = page.sum("process_start_time_seconds")
        uptime = started.map { max(0, time - $0) }
        isSinceStart = earlier == nil
        let before = earlier ?? MetricsPage(parsing: "")
        let span = max(0.001, earlier == nil ? uptime ?? seconds : seconds)
        func rate(_ name: String, _ labels: [String: String] = [:]) -> Double {
            max(0, (page.sum(name, labels) ?? 0) - (before.sum(name, labels) ?? 0)) / span
        }
        func rows(_ name: String, by label: String) -> [Operation] {
            page.values(of: label, in: "\(name)_count").map { value in
                let buckets = page.buckets(name, [label: value]).since(before.buckets(name, [label: value]))
                return Operation(
                    name: Figure.name(value), rate: rate("\(name)_count", [label: value]),
                    median: buckets.quantile(0.5),
                    p99: buckets.quantile(0.99))
            }.filter { $0.rate > 0 }.sorted { $0.rate > $1.rate }
        }
        version = page.all("tessera_build_info").first?.labels["version"].map(Figure.name)
        requestRate = rate("tessera_requests_total")
        operations = rows("tessera_request_duration_seconds", by: "operation")
        storage = rows("tessera_storage_duration_seconds", by: "step")
        outcomes = page.values(of: "outcome", in: "tessera_requests_total").map {
            (Figure.name($0), rate("tessera_requests_total", ["outcome": $0]))
        }.filter { $0.1 > 0 }
        sessionRates = [
            ("created", rate("tessera_sessions_created_total")), ("ended", rate("tessera_sessions_ended_total")),
            ("refreshed", rate("tessera_refreshes_total")), ("reuse", rate("tessera_reuses_total")),
        ]
        storageErrors = rate("tessera_storage_errors_total")
        processors = page.sum("process_cpu_seconds_total").map { _ in rate("process_cpu_seconds_total") }
        let names = [
            "tessera_requests_in_flight", "tessera_connections", "tessera_storage_up", "tessera_live_sessions",
            "process_open_fds", "process_max_fds", "process_resident_memory_bytes", "process_threads",
        ]
        gauges = names.reduce(into: [:]) { $0[$1] = page.sum($1) }
        for state in page.values(of: "state", in: "tessera_signing_keys") {
            gauges["keys \(Figure.name(state))"] = page.sum("tessera_signing_keys", ["state": state])
        }
        for state in page.values(of: "state", in: "tessera_storage_connections") {
            gauges["storage \(Figure.name(state))"] = page.sum("tessera_storage_connections", ["state": state])
        }
        gauges["key age"] = page.all("tessera_signing_key_age_seconds").filter { $0.labels["kind"] != "static" }.map(
            \.value
        ).max()
    }
}
