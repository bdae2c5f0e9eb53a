import SessionEngine
import Synchronization

/// Whether storage answers, asked at most once a second however many want to know.
///
/// Any client may ask for a health check without a key, so none of them costs a statement of its own.
final class Readiness: Sendable {
    private struct State {
        var known: (isReady: Bool, since: Timestamp)?
        var question: Task<Bool, Never>?
        var isDraining = false
    }

    private let state = Mutex(State())
    private let ask: @Sendable () async -> Bool
    private let time: @Sendable () -> Timestamp
    /// Who says when the answer becomes another one.
    let watch: StorageWatch
    private static let freshness = Milliseconds(1_000)

    /// - Parameters:
    ///   - watch: who says when the answer becomes another one.
    ///   - time: the clock.
    ///   - ask: whether storage answers.
    init(
        _ watch: StorageWatch, time: @escaping @Sendable () -> Timestamp, _ ask: @escaping @Sendable () async -> Bool
    ) {
        self.watch = watch
        self.time = time
        self.ask = ask
    }

    /// What is known and recent enough; `nil` when the database has to be asked.
    var known: Bool? {
        let now = time()
        return state.withLock { state in
            if state.isDraining { return false }
            guard let (isReady, since) = state.known, since <= now, now < since + Self.freshness else { return nil }
            return isReady
        }
    }

    /// Whether storage answers; all who come while one asks get its answer.
    func current() async -> Bool {
        if let known { return known }
        let question = state.withLock { state in
            let question = state.question ?? Task { await self.asked() }
            state.question = question
            return question
        }
        return await question.value
    }

    /// Asks again soon although the answer was yes a moment ago: a request has found that storage does not answer.
    ///
    /// - Parameter reason: what it met.
    func doubt(_ reason: String) {
        guard !watch.isAway else { return }
        watch.suspect(reason)
        let mustAsk = state.withLock { state in
            guard state.question == nil, !state.isDraining else { return false }
            state.known = nil
            return true
        }
        if mustAsk { Task { await current() } }
    }

    /// Whether storage answered when it was last asked; waits for nothing.
    var isUp: Bool { !watch.isAway }

    /// From now on the core is not ready, because it ends.
    func drain() { state.withLock { $0.isDraining = true } }

    private func asked() async -> Bool {
        let isReady = await ask()
        let now = time()
        watch.note(isReady: isReady, at: now)
        return state.withLock { state in
            state.question = nil
            state.known = (isReady, now)
            return isReady && !state.isDraining
        }
    }
}
