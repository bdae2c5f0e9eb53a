package import Foundations
import SessionEngine
package import SessionStorage
import Synchronization

/// What became of events and what waits, for metrics; read without waiting.
package final class EventFigures: Sendable {
    /// Of one stream.
    package struct Figures: Sendable, Equatable {
        /// How many events the receiver took.
        package var delivered = 0
        /// How many attempts failed and are repeated.
        package var failed = 0
        /// How many events the receiver will never take.
        package var refused = 0
        /// What storage said last; `nil` before the first time.
        package var state: EventStreamState?

        /// For how many seconds the oldest event waits; 0 where none does, `nil` where that is not known.
        package func age(at now: Timestamp) -> Double? {
            state.map { state in state.oldestPending.map { Double(max(0, (now - $0).count)) / 1_000 } ?? 0 }
        }
    }

    private struct Key: Hashable {
        let app: AppID
        let name: EventStreamName
    }

    /// The streams, in the order of the configuration.
    package let streams: [EventStream]
    private let figures: Mutex<[Key: Figures]>

    /// Creates figures, all 0.
    package init(of streams: [EventStream]) {
        self.streams = streams
        figures = Mutex(
            Dictionary(streams.map { (Key(app: $0.app, name: $0.name), Figures()) }) { first, _ in first })
    }

    /// The figures of a stream.
    package func value(of stream: EventStream) -> Figures {
        figures.withLock { $0[Key(app: stream.app, name: stream.name)] ?? Figures() }
    }

    func note(_ verdict: DeliveryVerdict, of stream: EventStream) {
        change(stream.app, stream.name) { figures in
            switch verdict {
            case .delivered: figures.delivered += 1
            case .again: figures.failed += 1
            case .refused: figures.refused += 1
            }
        }
    }

    func note(_ states: [EventStreamState], of app: AppID) {
        for state in states { change(app, state.name) { $0.state = state } }
    }

    private func change(_ app: AppID, _ name: EventStreamName, _ body: (inout Figures) -> Void) {
        figures.withLock { figures in
            let key = Key(app: app, name: name)
            guard var known = figures[key] else { return }
            body(&known)
            figures[key] = known
        }
    }
}
