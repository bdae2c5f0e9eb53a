package import Foundations
import Synchronization

/// A question to a core for what ended.
package struct FeedRequest: Sendable, Equatable {
    /// Which of the cores.
    package var core: Int
    /// What goes behind its address.
    package var path: String
    /// For how long the whole answer is waited for.
    package var timeout: Milliseconds
}

/// What a core answered.
package enum FeedReply: Sendable, Equatable {
    /// An answer, and for how many seconds the core asks to be left alone.
    case answer(status: Int, body: [UInt8], retryAfterSeconds: Int64?)
    /// There was none, and why.
    case none(String)
}

/// What an operator is to know of a reader of the feed.
package enum FeedNews: Sendable, Equatable {
    /// No core gave an answer that can be read; said at the first failure of a row.
    case failed(String)
    /// Keys are trusted no more.
    case killed([String])
}

/// Reads the feed of ended sessions for a verifier: long polls of a second, one core as long as it answers, the next one where it
/// does not.
///
/// A long poll and not a stream: when a question was asked is the reader's own knowledge, while a proxy that keeps a stream back
/// could make old news look fresh.
package final class FeedFollower: Sendable {
    /// How a reader asks and waits, so that a test's clock is its own.
    package struct Surroundings: Sendable {
        /// Asks a core; ends by itself.
        package var ask: @Sendable (FeedRequest) async -> FeedReply
        /// A clock that only goes forward.
        package var steady: @Sendable () -> MonotonicTime
        /// Unpredictable bits.
        package var randomBits: @Sendable () -> UInt64
        /// Lets time pass.
        package var pause: @Sendable (Milliseconds) async -> Void
        /// What happened; called by one task.
        package var news: @Sendable (FeedNews) async -> Void

        package init(
            ask: @escaping @Sendable (FeedRequest) async -> FeedReply,
            steady: @escaping @Sendable () -> MonotonicTime = { .present },
            randomBits: @escaping @Sendable () -> UInt64, pause: @escaping @Sendable (Milliseconds) async -> Void,
            news: @escaping @Sendable (FeedNews) async -> Void = { _ in }
        ) {
            (self.ask, self.steady, self.randomBits, self.pause, self.news) = (ask, steady, randomBits, pause, news)
        }
    }

    private struct State {
        var core = 0
        /// Questions without a good answer since the last one.
        var failures = 0
        /// Answers in a row after which there was more.
        var pages = 0
    }

    /// For how many seconds a core holds back an answer without entries.
    static let hold = 1
    /// For how long an answer is waited for, beside the time for which it is held back.
    static let timeout = Milliseconds(2_000)
    /// The least time between two questions, so that a core that holds nothing back is not asked without end.
    static let leastInterval = Milliseconds(50)
    /// As ``leastInterval`` after an answer without entries that came at once.
    static let emptyInterval = Milliseconds(250)
    /// Within what time after a failure the next question is asked.
    static let retry = 500...2_000
    /// Within what time another core is asked after the first failure of one.
    static let turnover = 1...250
    /// The longest time for which a core is left alone because it asks for it.
    static let longestRetryAfter = Milliseconds.seconds(5)
    /// How many pages are read in a row.
    static let pageLimit = 1_000

    private let cores: Int
    private let verifier: FeedVerifier
    private let surroundings: Surroundings
    private let state = Mutex(State())

    /// A reader.
    ///
    /// - Parameters:
    ///   - cores: how many cores there are.
    ///   - verifier: what learns of the answers.
    ///   - surroundings: how to ask and wait.
    package init(cores: Int, verifier: FeedVerifier, _ surroundings: Surroundings) {
        self.cores = max(cores, 1)
        self.verifier = verifier
        self.surroundings = surroundings
    }

    /// Reads until its task is cancelled.
    ///
    /// - Parameter each: called after each answer and each failure.
    package func run(each: @Sendable (FeedVerifier.Status) -> Void = { _ in }) async {
        while !Task.isCancelled {
            let rest = await turn()
            each(verifier.status)
            if rest > Milliseconds(0), !Task.isCancelled { await surroundings.pause(rest) }
        }
    }

    /// Asks one question.
    ///
    /// - Returns: for how long to wait before the next one.
    package func turn() async -> Milliseconds {
        let cursor = verifier.cursor()
        let (core, pages) = state.withLock { ($0.core, $0.pages) }
        let holds = cursor != nil && pages == 0 && verifier.status.isFresh
        var path = "/tessera/feed?wait=\(holds ? Self.hold : 0)"
        if let cursor { path += "&after=\(PercentEncoding.query.encode(cursor))" }
        let held = Milliseconds(holds ? Int64(Self.hold) * 1_000 : 0)
        let askedAt = surroundings.steady()
        let reply = await surroundings.ask(FeedRequest(core: core, path: path, timeout: Self.timeout + held))
        switch reply {
        case .none(let reason): return await fail(reason)
        case .answer(let status, _, let seconds) where status != 200:
            return await fail(Self.reason(status), retryAfterSeconds: seconds)
        case .answer(_, let body, _):
            do throws(FeedProblem) {
                let page = try FeedPage(parsing: body)
                let turn = try verifier.take(page, askedAt: askedAt)
                if !turn.killedKeys.isEmpty { await surroundings.news(.killed(turn.killedKeys)) }
                return try rest(after: page, askedAt)
            } catch {
                return await fail("\(error)")
            }
        }
    }

    private func rest(after page: FeedPage, _ askedAt: MonotonicTime) throws(FeedProblem) -> Milliseconds {
        let pages = state.withLock { state in
            state.pages = page.hasMore ? state.pages + 1 : 0
            if !page.hasMore { state.failures = 0 }
            return state.pages
        }
        guard pages < Self.pageLimit else { throw .tooManyEntries }
        guard !page.hasMore else { return Milliseconds(0) }
        let took = Milliseconds((surroundings.steady() - askedAt).inMilliseconds)
        let least = page.entries.isEmpty ? Self.emptyInterval : Self.leastInterval
        return max(Milliseconds(0), least - took)
    }

    /// Notes a failure; the next question goes to the next core.
    private func fail(_ reason: String, retryAfterSeconds: Int64? = nil) async -> Milliseconds {
        let failures = state.withLock { state in
            state.core = (state.core + 1) % cores
            state.pages = 0
            state.failures = min(state.failures + 1, 1_000_000)
            return state.failures
        }
        verifier.noteFreshness()
        if failures == 1 { await surroundings.news(.failed(reason)) }
        let range = failures < cores ? Self.turnover : Self.retry
        let span = UInt64(range.upperBound - range.lowerBound + 1)
        let random = Milliseconds(Int64(range.lowerBound) + Int64(surroundings.randomBits() % span))
        guard failures >= cores, let retryAfterSeconds else { return random }
        return max(random, min(.seconds(retryAfterSeconds), Self.longestRetryAfter))
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 401, 403: "the core refuses the API key (\(status))"
        case 404: "the core has no feed of ended sessions (404): it is not Tessera's, or older than the feed"
        default: "the core answers \(status)"
        }
    }
}
