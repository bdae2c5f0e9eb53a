import Foundations

/// What becomes of a token whose signature, time and claims are good.
package enum FeedVerdict: Sendable, Equatable {
    /// It is good.
    case accepted
    /// The feed is silent, and it is accepted nevertheless.
    case staleAccepted
    /// Its key is trusted no more: as a bad signature.
    case killedKey
    /// Its session ended: as the database would say.
    case ended
    /// Its session ended together with others of its user.
    case cutOff
    /// The core knows; see ``FeedVerdict/after(_:of:_:)``.
    case ask(FeedQuestion)
    /// Nothing can be said: 503, never 401.
    case staleRejected

    /// What a verdict rests on beside what the set says.
    struct Grounds {
        var moment: MonotonicTime
        var wall: Timestamp
        var isFresh: Bool
        var staleness: Milliseconds
        var policy: FeedPolicy

        init(
            now: MonotonicTime, wall: Timestamp, freshAt: MonotonicTime?, lastFreshAt: MonotonicTime, policy: FeedPolicy
        ) {
            (moment, self.wall, self.policy) = (now, wall, policy)
            isFresh = freshAt.map { now - $0 <= .milliseconds(policy.silence.count) } ?? false
            staleness = Milliseconds(max(0, (now - lastFreshAt).inMilliseconds))
        }

        /// What becomes of a token about which the core is not asked while the feed is silent.
        var unasked: FeedVerdict {
            guard let longest = policy.longestStaleness else { return .staleAccepted }
            return staleness <= longest ? .staleAccepted : .staleRejected
        }
    }

    /// The rule of docs/feed.md.
    ///
    /// - Parameters:
    ///   - finding: what the set says.
    ///   - session: the token's session, if it is a session's.
    ///   - grounds: time, freshness and policy.
    ///   - questions: what was asked.
    static func on(
        _ finding: FeedFinding, of session: RevocationDigest?, _ grounds: Grounds, _ questions: inout FeedQuestions
    ) -> FeedVerdict {
        switch finding {
        case .killedKey: return .killedKey
        case .ended: return .ended
        case .cutOff: return .cutOff
        case .unsure(let cutOff, let until):
            guard let session else { return .cutOff }
            let question = FeedQuestion(session: session, cutOff: cutOff, life: until - grounds.wall)
            switch questions.answer(to: question, at: grounds.moment) {
            case .ended?: return .cutOff
            // That it outlived the cut-off is no word about what came later.
            case .alive?: return whenNothing(of: session, grounds, &questions)
            default: return questions.isPaused(at: grounds.moment) ? .staleRejected : .ask(question)
            }
        case .nothing: return whenNothing(of: session, grounds, &questions)
        }
    }

    private static func whenNothing(
        of session: RevocationDigest?, _ grounds: Grounds, _ questions: inout FeedQuestions
    ) -> FeedVerdict {
        guard !grounds.isFresh else { return .accepted }
        switch grounds.policy.whenSilent {
        case .reject: return .staleRejected
        case .accept: return grounds.unasked
        case .ask:
            guard let session else { return grounds.unasked }
            let question = FeedQuestion(session: session, cutOff: nil, life: FeedQuestions.answerLife)
            switch questions.answer(to: question, at: grounds.moment) {
            case .alive?: return .accepted
            case .ended?: return .ended
            default:
                guard questions.mayAsk(at: grounds.moment, rate: grounds.policy.questionsPerSecond) else {
                    return grounds.unasked
                }
                return .ask(question)
            }
        }
    }

    /// What becomes of the token that a question was about.
    static func after(_ answer: FeedAnswer, of question: FeedQuestion, _ grounds: Grounds) -> FeedVerdict {
        switch answer {
        case .alive: .accepted
        case .ended: question.cutOff == nil ? .ended : .cutOff
        case .failed: question.cutOff == nil ? grounds.unasked : .staleRejected
        }
    }

    /// Its name in the metrics; `nil` for what is not counted.
    package var name: String? {
        switch self {
        case .accepted: nil
        case .staleAccepted: "stale_accepted"
        case .killedKey: "key"
        case .ended: "ended"
        case .cutOff: "cutoff"
        case .ask: "asked"
        case .staleRejected: "stale_rejected"
        }
    }

    /// All names.
    package static let names = ["ended", "cutoff", "key", "asked", "stale_accepted", "stale_rejected"]
}
