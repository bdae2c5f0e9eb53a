import Foundations
import SessionEngine
import SessionStorage

/// Delivers the events of one stream: at least once each, in order for each session and each user.
///
/// Several processes may do so for one stream; a lease lets one at a time (docs/decisions/0049).
struct StreamDelivery: Sendable {
    let stream: EventStream
    let sessions: @Sendable () async -> SessionManager?
    let sender: any EventSender
    let clock: ClockAndRandomness
    /// The name of this process in the lease.
    let owner: String
    let note: @Sendable (DeliveryVerdict) -> Void

    /// Between two looks where nothing waits.
    static let tick = Milliseconds.seconds(1)
    /// For how long one process has a stream.
    static let lease = Milliseconds.seconds(30)
    /// After this time the lease is renewed.
    static let renewal = Milliseconds.seconds(10)
    /// Before another process is asked for the stream again.
    static let standby = Milliseconds.seconds(5)
    /// The number of events after which the oldest ones are looked at again.
    static let longestPass = 1_000
    private static let pageSize = 200

    /// What one pass leaves for the next.
    struct State {
        var pace = StreamPace()
        /// Until when the receiver is left alone.
        var restsUntil: Timestamp?
        var leasedAt: Timestamp?
        /// What went wrong last, for the log.
        var problem: String?

        fileprivate mutating func note(_ verdict: DeliveryVerdict) {
            pace.note(verdict)
            if case .again(let reason, _) = verdict { problem = reason } else { problem = nil }
        }
    }

    /// Does what there is to do now.
    ///
    /// - Parameter state: of the pass before.
    /// - Returns: how long to wait.
    /// - Throws: ``ServiceError`` while storage does not answer.
    func work(_ state: inout State) async throws(ServiceError) -> Milliseconds {
        guard let sessions = await sessions() else { return Self.standby }
        let now = clock.time()
        // A rest that seems longer than any was begun before the clock was set back.
        if let end = state.restsUntil, now < end, end - now <= BackOff.longest {
            // No other process is to send meanwhile: a receiver that is down would be asked by each.
            guard try await hasLease(&state, sessions) else { return Self.standby }
            return min(end - now, Self.renewal)
        }
        state.restsUntil = nil
        guard try await hasWork(sessions, now) else { return Self.tick }
        guard try await hasLease(&state, sessions) else { return Self.standby }
        let sent = try await pass(&state, sessions)
        if let rest = state.pace.rest(random: clock.randomBits()) {
            state.restsUntil = clock.time() + rest
            return min(rest, Self.renewal)
        }
        return sent > 0 ? Milliseconds(0) : Self.tick
    }

    /// Lets another process have the stream at once.
    func release(_ state: inout State) async {
        guard state.leasedAt != nil, let sessions = await sessions() else { return }
        state.leasedAt = nil
        _ = try? await sessions.lease(stream, for: owner, lasting: Milliseconds(0))
    }

    /// Whether an event is due, or need not be sent.
    private func hasWork(_ sessions: SessionManager, _ now: Timestamp) async throws(ServiceError) -> Bool {
        var order = EventOrder()
        var last: Int64 = 0
        while true {
            let page = try await sessions.pendingEvents(of: stream, after: last, limit: Self.pageSize)
            for pending in page where judge(pending, &order, now) != .held { return true }
            guard page.count == Self.pageSize, let end = page.last else { return false }
            last = end.number
        }
    }

    private func hasLease(_ state: inout State, _ sessions: SessionManager) async throws(ServiceError) -> Bool {
        let now = clock.time()
        if let time = state.leasedAt, time <= now, now < time + Self.renewal { return true }
        let isOurs = try await sessions.lease(stream, for: owner, lasting: Self.lease)
        state.leasedAt = isOurs ? now : nil
        return isOurs
    }

    /// What is done with an event in this pass.
    private enum Judgement: Equatable {
        case sent, held
        /// It is no news for this stream.
        case passedOver
        case unreadable
    }

    private func judge(_ pending: PendingEvent, _ order: inout EventOrder, _ now: Timestamp) -> Judgement {
        if pending.event.name == .unreadable { return .unreadable }
        guard stream.event(pending.event) != nil else { return .passedOver }
        // A time that lies further ahead than any wait is of a clock that was wrong.
        let isDue = pending.nextAttempt <= now || pending.nextAttempt - now > BackOff.longest
        return order.admits(pending.event, isDue: isDue) ? .sent : .held
    }

    /// Sends what may go, the oldest first.
    ///
    /// - Returns: how many events were sent or passed over.
    private func pass(_ state: inout State, _ sessions: SessionManager) async throws(ServiceError) -> Int {
        var order = EventOrder()
        var (last, done): (Int64, Int) = (0, 0)
        while done < Self.longestPass {
            let page = try await sessions.pendingEvents(of: stream, after: last, limit: Self.pageSize)
            var batch = Batch()
            for pending in page {
                switch judge(pending, &order, clock.time()) {
                case .held: continue
                case .passedOver: batch.outcomes.append(EventOutcome(pending.number, .delivered))
                case .unreadable:
                    batch.outcomes.append(EventOutcome(pending.number, .dead(error: EventOutcome.unreadable)))
                case .sent: batch.events.append(pending)
                }
                done += 1
                guard batch.events.count >= state.pace.width else { continue }
                guard try await deliver(batch, &state, sessions) else { return done }
                batch = Batch()
            }
            guard try await deliver(batch, &state, sessions) else { return done }
            guard page.count == Self.pageSize, let end = page.last else { break }
            last = end.number
        }
        return done
    }

    /// Events that are on their way together, and what is known of others already.
    private struct Batch {
        var events: [PendingEvent] = []
        var outcomes: [EventOutcome] = []
    }

    /// Sends a batch and notes what became of it in one step.
    ///
    /// - Returns: whether the pass may continue.
    private func deliver(
        _ batch: Batch, _ state: inout State, _ sessions: SessionManager
    ) async throws(ServiceError) -> Bool {
        guard !batch.events.isEmpty || !batch.outcomes.isEmpty else { return !Task.isCancelled }
        guard try await hasLease(&state, sessions) else { return false }
        let tokens = try await tokens(for: batch.events, sessions)
        let verdicts = await send(tokens)
        var outcomes = batch.outcomes
        for (pending, verdict) in verdicts {
            state.note(verdict)
            note(verdict)
            outcomes.append(EventOutcome(pending.number, result(verdict, pending)))
        }
        try await settle(outcomes, &state, sessions)
        return verdicts.count == tokens.count && !state.pace.isExhausted && !Task.isCancelled
    }

    private func tokens(
        for events: [PendingEvent], _ sessions: SessionManager
    ) async throws(ServiceError) -> [(PendingEvent, String)] {
        var tokens: [(PendingEvent, String)] = []
        for pending in events {
            if let token = try await sessions.token(for: pending, to: stream) { tokens.append((pending, token)) }
        }
        return tokens
    }

    private func settle(
        _ outcomes: [EventOutcome], _ state: inout State, _ sessions: SessionManager
    ) async throws(ServiceError) {
        guard !outcomes.isEmpty else { return }
        do throws(ServiceError) {
            try await sessions.settle(outcomes, of: stream)
            state.pace.noted()
        } catch {
            state.restsUntil = clock.time() + state.pace.restUnnoted(random: clock.randomBits())
            throw error
        }
    }

    /// Sends tokens at the same time; those whose answer the end of the core did not wait for are not in the result.
    private func send(_ tokens: [(PendingEvent, String)]) async -> [(PendingEvent, DeliveryVerdict)] {
        let (sender, stream) = (sender, stream)
        return await withTaskGroup(of: (PendingEvent, DeliveryVerdict)?.self) { group in
            for (pending, token) in tokens {
                group.addTask {
                    let reply = await Abandonable.value { await sender.send(token, to: stream) }
                    return reply.map { (pending, DeliveryVerdict($0, by: stream.method)) }
                }
            }
            var verdicts: [(PendingEvent, DeliveryVerdict)] = []
            for await verdict in group { if let verdict { verdicts.append(verdict) } }
            return verdicts
        }
    }

    private func result(_ verdict: DeliveryVerdict, _ pending: PendingEvent) -> EventOutcome.Result {
        switch verdict {
        case .delivered: return .delivered
        case .refused(let reason): return .dead(error: reason)
        case .again(let reason, let span):
            let own = BackOff.span(after: pending.attempts, random: clock.randomBits())
            return .later(clock.time() + max(own, min(span ?? own, BackOff.longest)), error: reason)
        }
    }
}

/// Work that cannot be cancelled, and need not be waited for.
enum Abandonable {
    /// The result of work.
    ///
    /// - Returns: `nil` where the task that waits for it is cancelled first; the work then ends by itself.
    static func value<Result: Sendable>(_ work: @escaping @Sendable () async -> Result) async -> Result? {
        let (results, end) = AsyncStream.makeStream(of: Result.self)
        Task.detached {
            end.yield(await work())
            end.finish()
        }
        for await result in results { return result }
        return nil
    }
}
