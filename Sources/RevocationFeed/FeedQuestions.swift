import Foundations

/// A question for the core: whether a session is alive.
package struct FeedQuestion: Sendable, Hashable {
    /// The session.
    let session: RevocationDigest
    /// The cut-off that it may fall under; `nil` where the feed is silent.
    let cutOff: Timestamp?
    /// How long the answer is kept.
    let life: Milliseconds
}

/// How a question ended.
package enum FeedAnswer: Sendable, Equatable {
    case alive, ended
    /// There was no answer.
    case failed
}

/// Which questions were answered, and whether one more may be asked: a core that is ill is not asked by all at once.
struct FeedQuestions: Sendable {
    /// For how long the answer of a silent feed's question is kept.
    static let answerLife = Milliseconds.seconds(5)
    /// For how long none is asked after one without an answer.
    static let pause = Duration.seconds(1)
    /// The most answers that are kept.
    static let capacity = 16_384

    private struct Name: Hashable {
        var session: RevocationDigest
        var cutOff: Timestamp?
    }

    private struct Kept {
        var isAlive: Bool
        var until: MonotonicTime
    }

    private var kept: [Name: Kept] = [:]
    private var pausedUntil: MonotonicTime?
    /// When the running second began, and how many questions it has had.
    private var second: (start: MonotonicTime, count: Int)?

    /// How many answers are kept.
    var count: Int { kept.count }

    /// The answer to a question that was asked a while ago.
    func answer(to question: FeedQuestion, at now: MonotonicTime) -> FeedAnswer? {
        guard let kept = kept[Name(session: question.session, cutOff: question.cutOff)], now < kept.until else {
            return nil
        }
        return kept.isAlive ? .alive : .ended
    }

    /// Whether the core may be asked at all.
    func isPaused(at now: MonotonicTime) -> Bool { pausedUntil.map { now < $0 } ?? false }

    /// Whether one more question of a silent feed may be asked; if so, it counts.
    mutating func mayAsk(at now: MonotonicTime, rate: Int) -> Bool {
        guard !isPaused(at: now) else { return false }
        if let running = second, now - running.start < .seconds(1) {
            guard running.count < rate else { return false }
            second = (running.start, running.count + 1)
        } else {
            guard rate > 0 else { return false }
            second = (now, 1)
        }
        return true
    }

    /// Keeps an answer, or a pause where there was none.
    mutating func note(_ answer: FeedAnswer, to question: FeedQuestion, at now: MonotonicTime) {
        guard answer != .failed else {
            pausedUntil = now + Self.pause
            return
        }
        if kept.count >= Self.capacity { kept = kept.filter { now < $0.value.until } }
        if kept.count >= Self.capacity { kept = [:] }
        kept[Name(session: question.session, cutOff: question.cutOff)] = Kept(
            isAlive: answer == .alive, until: now + .milliseconds(question.life.count))
    }
}
