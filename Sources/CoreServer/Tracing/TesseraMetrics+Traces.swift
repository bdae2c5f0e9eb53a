import OperatorMetrics
package import OperatorTracing

extension TesseraMetrics {
    /// A queue of spans whose losses are counted.
    package func spanQueue() -> SpanQueue {
        let dropped = traces.dropped
        return SpanQueue { dropped.add(.queueFull) }
    }

    /// Counts what becomes of spans.
    ///
    /// - Parameter state: called when exports begin to fail, and why; `nil` when they go well again.
    package func exportReports(_ state: @escaping @Sendable (String?) -> Void) -> ExportReports {
        let traces = traces
        var reports = ExportReports()
        reports.exported = { traces.exported.increment(by: $0) }
        reports.lost = { count, loss in traces.dropped.add(loss == .refused ? .refused : .unreachable, by: count) }
        reports.state = state
        return reports
    }
}
