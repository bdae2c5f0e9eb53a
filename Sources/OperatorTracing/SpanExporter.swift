package import Foundations
import Synchronization

/// Where spans go.
package protocol SpanReceiver: Sendable {
    /// Where it is, for an operator.
    var place: String { get }

    /// Sends one `ExportTraceServiceRequest`; ends after a few seconds whatever happens.
    ///
    /// - Parameter request: its JSON, in one line.
    func send(_ request: [UInt8]) async -> ExportOutcome
}

/// What became of an export.
package enum ExportOutcome: Sendable, Hashable {
    case taken
    /// It was not wanted, or it is not known whether it arrived; it is not sent again.
    case refused(String)
    /// The receiver was not there; it may be sent again.
    case unreachable(String)
}

/// What an operator learns of exports.
package struct ExportReports: Sendable {
    package enum Loss: Sendable { case refused, unreachable }

    /// So many spans have arrived.
    package var exported: @Sendable (Int) -> Void = { _ in }
    /// So many are lost.
    package var lost: @Sendable (Int, Loss) -> Void = { _, _ in }
    /// Exports fail from now on, and why; `nil` when they go well again.
    package var state: @Sendable (String?) -> Void = { _ in }

    package init() {}
}

/// Exports the spans of a queue in batches, beside all that answers requests.
package final class SpanExporter: Sendable {
    /// A batch on its way.
    struct Outbox {
        var spans: [SpanRecord] = []
        var tries = 0
        var notBefore = MonotonicTime(nanoseconds: .min)
    }

    /// How long a span waits for others.
    private static let interval = Duration.seconds(1)
    private static let mostTries = 5

    private let queue: SpanQueue
    private let receiver: any SpanReceiver
    private let resource: SpanResource
    private let reports: ExportReports
    private let present: @Sendable () -> MonotonicTime
    private let isEnding = Atomic(false)
    private let isFailing = Atomic(false)

    /// Prepares exports.
    ///
    /// - Parameters:
    ///   - queue: where spans wait.
    ///   - receiver: where they go.
    ///   - resource: who exports.
    ///   - reports: what an operator learns.
    ///   - present: the time.
    package init(
        _ queue: SpanQueue, to receiver: any SpanReceiver, from resource: SpanResource, _ reports: ExportReports,
        present: @escaping @Sendable () -> MonotonicTime = { .present }
    ) {
        (self.queue, self.receiver, self.resource) = (queue, receiver, resource)
        (self.reports, self.present) = (reports, present)
    }

    /// Exports until ``end()``, and then what is left.
    package func run() async {
        let ticks = Task { [queue] in
            while (try? await Task.sleep(for: Self.interval)) != nil { queue.wake() }
        }
        defer { ticks.cancel() }
        var outbox = Outbox()
        for await _ in queue.calls {
            await exportAll(&outbox)
            if isEnding.load(ordering: .relaxed) { return }
        }
    }

    /// Has ``run()`` export what is left, once, and end.
    package func end() {
        isEnding.store(true, ordering: .relaxed)
        queue.wake()
    }

    /// Sends what waits, until nothing does or the receiver has to be left alone for a while.
    func exportAll(_ outbox: inout Outbox) async {
        while true {
            if outbox.spans.isEmpty { outbox = Outbox(spans: queue.take()) }
            let isLast = isEnding.load(ordering: .relaxed)
            guard !outbox.spans.isEmpty, isLast || present() >= outbox.notBefore else { return }
            let outcome = await receiver.send(OTLP.request(outbox.spans, from: resource))
            note(outcome)
            switch outcome {
            case .taken:
                reports.exported(outbox.spans.count)
                outbox = Outbox()
            case .refused:
                reports.lost(outbox.spans.count, .refused)
                outbox = Outbox()
            case .unreachable:
                outbox.tries += 1
                if !isLast, outbox.tries < Self.mostTries {
                    outbox.notBefore = present() + .seconds(1 << outbox.tries)
                } else {
                    reports.lost(outbox.spans.count, .unreachable)
                    outbox = Outbox()
                }
            }
            // A core that ends asks no second time.
            if isLast, outcome != .taken { return loseAll() }
        }
    }

    private func loseAll() {
        while true {
            let spans = queue.take()
            guard !spans.isEmpty else { return }
            reports.lost(spans.count, .unreachable)
        }
    }

    /// Says once that exports fail, and once that they go well again.
    private func note(_ outcome: ExportOutcome) {
        switch outcome {
        case .taken:
            if isFailing.exchange(false, ordering: .relaxed) { reports.state(nil) }
        case .refused(let reason), .unreachable(let reason):
            if !isFailing.exchange(true, ordering: .relaxed) { reports.state(reason) }
        }
    }
}
