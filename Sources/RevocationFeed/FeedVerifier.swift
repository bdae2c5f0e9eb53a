package import Foundations
import Synchronization

/// What a process knows of the feed, and what it says about tokens; shared by all who verify in it.
///
/// While the feed is fresh a verdict asks no core and waits for no one.
package final class FeedVerifier: Sendable {
    /// What an operator wants to know.
    package struct Status: Sendable, Equatable {
        package var isFresh: Bool
        package var staleness: Milliseconds
        package var entries: Int
    }

    /// Where a reader continues.
    package struct Turn: Sendable, Equatable {
        /// What to ask with.
        package var cursor: String?
        /// The keys of which it became known that they are trusted no more.
        package var killedKeys: [String] = []
    }

    package let set = RevocationSet()
    package let policy: FeedPolicy
    private let state: Mutex<FeedState>
    private let questions = Mutex(FeedQuestions())
    /// ``FeedState/freshAt`` and ``FeedState/lastFreshAt`` for those who verify, without a lock.
    private let freshAt = Atomic(Int64.min)
    private let lastFreshAt: Atomic<Int64>
    private let wasFresh = Atomic(false)
    private let isBegun = Atomic(false)
    private let sweeps = Atomic(0)
    private let steady: @Sendable () -> MonotonicTime
    private let time: @Sendable () -> Timestamp
    private let hasChanged: @Sendable (Status) -> Void
    private let count: @Sendable (FeedVerdict) -> Void

    /// A verifier that knows nothing yet.
    ///
    /// - Parameters:
    ///   - policy: what it does when the feed is silent.
    ///   - steady: a clock that only goes forward.
    ///   - time: the wall clock.
    ///   - hasChanged: called once each time that the feed falls silent or is fresh again.
    ///   - count: called for each verdict but ``FeedVerdict/accepted``.
    package init(
        policy: FeedPolicy, steady: @escaping @Sendable () -> MonotonicTime = { .present },
        time: @escaping @Sendable () -> Timestamp, hasChanged: @escaping @Sendable (Status) -> Void = { _ in },
        count: @escaping @Sendable (FeedVerdict) -> Void = { _ in }
    ) {
        self.policy = policy
        self.steady = steady
        self.time = time
        self.hasChanged = hasChanged
        self.count = count
        let start = steady()
        state = Mutex(FeedState(startedAt: start))
        lastFreshAt = Atomic(start.nanoseconds)
    }

    /// What is to be said about a token whose signature is good.
    package func verdict(on subject: FeedSubject) -> FeedVerdict {
        let finding = set.finding(of: subject)
        let grounds = grounds()
        if finding == .nothing, grounds.isFresh { return .accepted }
        let session = subject.session.map(RevocationDigest.init(of:))
        let verdict = questions.withLock { FeedVerdict.on(finding, of: session, grounds, &$0) }
        count(verdict)
        return verdict
    }

    /// What is to be said once the core was asked.
    package func verdict(after answer: FeedAnswer, of question: FeedQuestion) -> FeedVerdict {
        let grounds = grounds()
        questions.withLock { $0.note(answer, to: question, at: grounds.moment) }
        let verdict = FeedVerdict.after(answer, of: question, grounds)
        if verdict != .accepted { count(verdict) }
        return verdict
    }

    /// Takes an answer of the feed in; it is known to all verdicts when this returns.
    ///
    /// - Parameters:
    ///   - page: the answer.
    ///   - askedAt: when it was asked for.
    /// - Throws: ``FeedProblem``; its entries count all the same, as what ended has ended.
    package func take(_ page: FeedPage, askedAt: MonotonicTime) throws(FeedProblem) -> Turn {
        let now = time()
        let killed = set.add(page.entries, at: now)
        for _ in 0..<4 { set.sweep(sweeps.wrappingAdd(1, ordering: .relaxed).newValue, at: now) }
        let result = state.withLock { state in
            let result = Result { () throws(FeedProblem) in try state.take(page, askedAt: askedAt) }
            publish(state)
            return result.map { Turn(cursor: state.cursor, killedKeys: killed) }
        }
        noteFreshness()
        return try result.get()
    }

    /// What to ask with; compares the clocks first.
    package func cursor() -> String? {
        state.withLock { state in
            state.compareClocks(time(), steady())
            publish(state)
            return state.cursor
        }
    }

    /// How the feed is.
    package var status: Status {
        let grounds = grounds()
        return Status(isFresh: grounds.isFresh, staleness: grounds.staleness, entries: set.count)
    }

    /// Whether a whole list of what ended was ever read: before that nothing is known, and not merely not the newest.
    package var hasBegun: Bool { isBegun.load(ordering: .acquiring) }

    /// Says so if the feed fell silent or is fresh again.
    package func noteFreshness() { _ = grounds() }

    private func publish(_ state: FeedState) {
        freshAt.store(state.freshAt?.nanoseconds ?? .min, ordering: .releasing)
        if state.freshAt != nil { isBegun.store(true, ordering: .releasing) }
        lastFreshAt.store(state.lastFreshAt.nanoseconds, ordering: .releasing)
    }

    private func grounds() -> FeedVerdict.Grounds {
        let fresh = freshAt.load(ordering: .acquiring)
        let grounds = FeedVerdict.Grounds(
            now: steady(), wall: time(), freshAt: fresh == .min ? nil : MonotonicTime(nanoseconds: fresh),
            lastFreshAt: MonotonicTime(nanoseconds: lastFreshAt.load(ordering: .acquiring)), policy: policy)
        let isFresh = grounds.isFresh
        if wasFresh.load(ordering: .relaxed) != isFresh,
            wasFresh.compareExchange(expected: !isFresh, desired: isFresh, ordering: .relaxed).exchanged
        {
            hasChanged(Status(isFresh: isFresh, staleness: grounds.staleness, entries: set.count))
        }
        return grounds
    }
}
