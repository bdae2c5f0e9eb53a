package import Foundations
package import SessionEngine
import SessionStorage
import Synchronization

/// The streams whose receivers ask for events (RFC 8936).
package final class EventPolls: Sendable {
    /// What a receiver gets.
    package struct Answer: Sendable, Equatable {
        /// The tokens with their `jti`, the oldest first.
        package var sets: [(id: String, token: String)] = []
        /// Whether there are more.
        package var hasMore = false

        package static func == (left: Answer, right: Answer) -> Bool {
            left.hasMore == right.hasMore && left.sets.elementsEqual(right.sets, by: ==)
        }
    }

    private let streams: [EventStream]
    private let figures: EventFigures
    private let steady: @Sendable () -> MonotonicTime
    private let wait: @Sendable (Duration) async throws -> Void
    private let state = Mutex(State())

    private struct State {
        var waiting = 0
        var isStopped = false
    }

    /// The longest wait for events.
    static let longestWait = Duration.seconds(30)
    /// Between two looks while one waits.
    static let interval = Duration.milliseconds(500)
    /// How many wait at most; the next are answered at once.
    static let mostWaiting = 64
    /// How many rows an answer looks at: what is acknowledged lies among the first.
    static let mostRows = 5_000
    private static let pageSize = 200

    /// Creates the answers for streams.
    ///
    /// - Parameters:
    ///   - figures: the streams, and where is counted what becomes of events.
    ///   - steady: a clock that never jumps.
    ///   - wait: lets time pass; throws when the request ends.
    package init(
        _ figures: EventFigures, steady: @escaping @Sendable () -> MonotonicTime = { .present },
        wait: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        streams = figures.streams.filter { $0.method == .poll }
        (self.figures, self.steady, self.wait) = (figures, steady, wait)
    }

    /// The stream that a receiver may read.
    ///
    /// - Parameters:
    ///   - name: its name.
    ///   - app: its app.
    ///   - token: the bearer token that the receiver shows; compared in time that does not depend on it.
    /// - Returns: `nil` for a stream that is not there or has another token.
    package func stream(_ name: String, of app: AppID, shown token: String) -> EventStream? {
        let stream = streams.first { $0.app == app && $0.name.rawValue == name }
        // Compared also where there is no stream: the time says nothing about which there are.
        let isHolder = ConstantTime.equals(stream?.authorization ?? "no such stream", token)
        return isHolder ? stream : nil
    }

    /// How many wait for events.
    package var waitingCount: Int { state.withLock(\.waiting) }

    /// Answers all who wait, and lets none wait any more: the core stops.
    package func stop() { state.withLock { $0.isStopped = true } }

    /// Takes what a receiver says of events that it got, and answers with the next ones; waits for some where there are none.
    ///
    /// - Parameters:
    ///   - request: what it asks for.
    ///   - stream: its stream.
    ///   - sessions: the sessions of its app.
    /// - Throws: ``ServiceError``.
    package func answer(
        _ request: PollRequest, _ stream: EventStream, of sessions: SessionManager
    ) async throws(ServiceError) -> Answer {
        let deadline = steady() + Self.longestWait
        var answer = try await look(request, stream, sessions)
        guard answer.sets.isEmpty, request.maxEvents > 0, !request.returnsImmediately, begin() else { return answer }
        defer { state.withLock { $0.waiting -= 1 } }
        // What the receiver said counts once.
        var question = PollRequest()
        question.maxEvents = request.maxEvents
        while answer.sets.isEmpty, steady() < deadline, !state.withLock(\.isStopped) {
            guard (try? await wait(Self.interval)) != nil else { break }
            answer = try await look(question, stream, sessions)
        }
        return answer
    }

    private func begin() -> Bool {
        state.withLock { state in
            guard !state.isStopped, state.waiting < Self.mostWaiting else { return false }
            state.waiting += 1
            return true
        }
    }

    /// One look at what there is.
    private func look(
        _ request: PollRequest, _ stream: EventStream, _ sessions: SessionManager
    ) async throws(ServiceError) -> Answer {
        var round = PollRound(request)
        var (outcomes, chosen): ([EventOutcome], [PendingEvent]) = ([], [])
        var (last, rows, isEnd): (Int64, Int, Bool) = (0, 0, false)
        while !isEnd, !round.isComplete, rows < Self.mostRows {
            let page = try await sessions.pendingEvents(of: stream, after: last, limit: Self.pageSize)
            for pending in page {
                switch judge(pending, stream, &round) {
                case .acknowledged: outcomes.append(EventOutcome(pending.number, .delivered))
                case .refused(let reason): outcomes.append(EventOutcome(pending.number, .dead(error: reason)))
                case .sent: chosen.append(pending)
                case .held: break
                }
            }
            (last, rows, isEnd) = (page.last?.number ?? last, rows + page.count, page.count < Self.pageSize)
        }
        if !outcomes.isEmpty { try await sessions.settle(outcomes, of: stream) }
        var answer = Answer(hasMore: round.hasMore || (!isEnd && !round.isComplete))
        for pending in chosen {
            guard let token = try await sessions.token(for: pending, to: stream) else { continue }
            answer.sets.append((stream.id(of: pending).id, token))
        }
        return answer
    }

    private func judge(_ pending: PendingEvent, _ stream: EventStream, _ round: inout PollRound) -> PollRound.Judgement
    {
        if pending.event.name == .unreadable { return .refused(EventOutcome.unreadable) }
        guard stream.event(pending.event) != nil else { return .acknowledged }
        let judgement = round.judge(pending.event, stream.id(of: pending).id)
        switch judgement {
        case .acknowledged: figures.note(.delivered, of: stream)
        case .refused(let code): figures.note(.refused(code), of: stream)
        case .sent, .held: break
        }
        return judgement
    }
}

extension EventOutcome {
    /// Why an event is given up whose row cannot be read.
    static let unreadable = "the row of the event cannot be read"
}

extension SessionManager {
    func pendingEvents(
        of stream: EventStream, after number: Int64, limit: Int
    ) async throws(ServiceError) -> [PendingEvent] {
        try await storing { () async throws(StorageError) in
            try await storage.pendingEvents(of: stream.name, after: number, limit: limit)
        }
    }

    func settle(_ outcomes: [EventOutcome], of stream: EventStream) async throws(ServiceError) {
        _ = try await storing { () async throws(StorageError) in
            try await storage.settleEvents(of: stream.name, outcomes)
        }
    }

    func lease(_ stream: EventStream, for owner: String, lasting span: Milliseconds) async throws(ServiceError) -> Bool
    {
        try await storing { () async throws(StorageError) in
            try await storage.leaseStream(stream.name, for: owner, lasting: span)
        }
    }
}
