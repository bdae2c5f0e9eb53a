import Synchronization

/// Spans that wait for their export, up to a limit; recording one never waits.
package final class SpanQueue: Sendable {
    /// How many wait at most; what comes beyond is lost and counted.
    package static let capacity = 4_096
    /// How many are exported at once.
    package static let batch = 512

    private let waiting = Mutex<[SpanRecord]>([])
    private let onLoss: @Sendable () -> Void
    /// Has an element when there is something to do.
    let calls: AsyncStream<Void>
    private let call: AsyncStream<Void>.Continuation

    /// Makes an empty queue.
    ///
    /// - Parameter onLoss: called for each span that is lost because too many wait.
    package init(onLoss: @escaping @Sendable () -> Void = {}) {
        self.onLoss = onLoss
        (calls, call) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds a span, or counts it as lost.
    package func add(_ span: SpanRecord) {
        let count = waiting.withLock { spans -> Int? in
            guard spans.count < Self.capacity else { return nil }
            spans.append(span)
            return spans.count
        }
        guard let count else { return onLoss() }
        if count.isMultiple(of: Self.batch) { wake() }
    }

    /// Takes the oldest spans.
    package func take() -> [SpanRecord] {
        waiting.withLock { spans in
            let taken = Array(spans.prefix(Self.batch))
            spans.removeFirst(taken.count)
            return taken
        }
    }

    /// Has the exporter look.
    func wake() { call.yield() }
}
