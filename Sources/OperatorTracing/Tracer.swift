package import Foundations
import Synchronization

/// Begins a trace for each request, or continues that of its caller.
package final class Tracer: Sendable {
    /// Where spans wait for their export.
    package let spans: SpanQueue
    private let clock: ClockAndRandomness
    /// A trace whose last 7 bytes are below this is recorded.
    private let threshold: UInt64

    private static let randomBits: UInt64 = 56

    /// Makes a tracer.
    ///
    /// - Parameters:
    ///   - spans: where spans wait for their export.
    ///   - ratio: the share of the traces that begin here which is recorded, from 0 to 1.
    ///   - clock: the time of day, and the source of numbers.
    package init(_ spans: SpanQueue, ratio: Double = 1, clock: ClockAndRandomness = .system) {
        self.spans = spans
        self.clock = clock
        let share = (ratio * Double(1 << Self.randomBits)).rounded()
        threshold = UInt64(exactly: share) ?? 0
    }

    /// Begins the span of a request, now.
    ///
    /// - Parameter origin: the trace of its caller, whose decision to record or not is kept; `nil` for none.
    package func begin(_ origin: TraceOrigin?) -> RequestTrace {
        let (time, now) = (clock.unixNanoseconds(), MonotonicTime.present)
        if let origin {
            return RequestTrace(self, origin.parent.traceID, origin.parent.flags, origin, time: time, moment: now)
        }
        let id = TraceID(random: (clock.randomBits(), clock.randomBits()))
        let isSampled = id.low & (1 << Self.randomBits - 1) < threshold
        return RequestTrace(self, id, isSampled ? [.sampled, .random] : .random, nil, time: time, moment: now)
    }

    func makeSpanID() -> SpanID { SpanID(random: clock.randomBits()) }
}

/// A request's place in a trace, from its head to its reply.
package final class RequestTrace: Sendable {
    /// The request that the work at hand is done for.
    @TaskLocal package static var current: RequestTrace?

    package let traceID: TraceID
    /// The span of the request, of which all others are parts.
    package let spanID: SpanID
    package let flags: TraceFlags
    private let origin: TraceOrigin?
    private let tracer: Tracer
    private let begun: (time: Int64, moment: MonotonicTime)
    private let session = Mutex<String?>(nil)

    fileprivate init(
        _ tracer: Tracer, _ traceID: TraceID, _ flags: TraceFlags, _ origin: TraceOrigin?, time: Int64,
        moment: MonotonicTime
    ) {
        (self.tracer, self.traceID, self.flags, self.origin) = (tracer, traceID, flags, origin)
        spanID = tracer.makeSpanID()
        begun = (time, moment)
    }

    /// Whether its spans are exported.
    package var isSampled: Bool { flags.contains(.sampled) }

    /// What is sent where another program is called for this request.
    package var outgoing: TraceParent { TraceParent(traceID: traceID, parentID: spanID, flags: flags) }

    /// What goes with it.
    package var state: TraceState { origin?.state ?? .none }

    /// Notes which session the request is about.
    ///
    /// - Parameter name: a name from which no one finds the session; the last one counts.
    package func note(session name: String) { session.withLock { $0 = name } }

    /// The session, where one was noted.
    package var sessionName: String? { session.withLock(\.self) }

    /// Records a part of the work that has ended now.
    ///
    /// - Parameters:
    ///   - start: when it began.
    ///   - content: what it was.
    package func addPart(since start: MonotonicTime, _ content: SpanContent) {
        guard isSampled else { return }
        record(tracer.makeSpanID(), parent: spanID, isRemote: false, since: start, content)
    }

    /// Records the request itself, which ends now.
    ///
    /// - Parameter content: what it was.
    package func finish(_ content: @autoclosure () -> SpanContent) {
        guard isSampled else { return }
        record(spanID, parent: origin?.parent.parentID, isRemote: origin != nil, since: begun.moment, content())
    }

    private func record(
        _ id: SpanID, parent: SpanID?, isRemote: Bool, since start: MonotonicTime, _ content: SpanContent
    ) {
        tracer.spans.add(
            SpanRecord(
                traceID: traceID, id: id, parentID: parent, hasRemoteParent: isRemote, flags: flags, state: state,
                name: content.name, kind: content.kind, begun: time(of: start), ended: time(of: .present),
                attributes: content.attributes, hasFailed: content.hasFailed))
    }

    /// A moment of the steady clock as a time of day: within one request the clock of the machine may be set.
    private func time(of moment: MonotonicTime) -> Int64 {
        begun.time.saturatingAdd(moment.nanoseconds.saturatingAdd(0 &- begun.moment.nanoseconds))
    }
}
