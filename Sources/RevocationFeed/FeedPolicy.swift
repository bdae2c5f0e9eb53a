public import Foundations

/// What a verifier does when it does not hear from the feed of ended sessions (docs/feed.md).
public struct FeedPolicy: Sendable, Equatable {
    /// What happens to a request while the feed is silent.
    public enum WhenSilent: String, Sendable, CaseIterable {
        /// The core is asked about its session, as far as ``FeedPolicy/questionsPerSecond`` goes; the others as with ``accept``.
        case ask
        /// It is accepted until ``FeedPolicy/longestStaleness`` has passed, then as with ``reject``.
        case accept
        /// It is answered 503, never 401: the session may be fine.
        case reject
    }

    /// What happens to a request while the feed is silent.
    public var whenSilent: WhenSilent
    /// After what time without news the feed counts as silent.
    public var silence: Milliseconds
    /// For how long after the last news a request is accepted unasked; `nil`: until its token expires.
    public var longestStaleness: Milliseconds?
    /// How many questions of a silent feed one verifier asks the core in a second.
    public var questionsPerSecond: Int

    /// The shortest ``silence``: a question of the feed takes up to a second.
    public static let shortestSilence = Milliseconds.seconds(2)

    /// A policy.
    ///
    /// - Parameters:
    ///   - whenSilent: what happens to a request while the feed is silent.
    ///   - silence: after what time without news it counts as silent; at least ``shortestSilence``, 5 s by default.
    ///   - longestStaleness: for how long after the last news a request is accepted unasked; 60 s by default, `nil`: until its
    ///     token expires.
    ///   - questionsPerSecond: how many questions one verifier asks the core in a second; 100 by default.
    public init(
        whenSilent: WhenSilent = .ask, silence: Milliseconds = .seconds(5),
        longestStaleness: Milliseconds? = .seconds(60), questionsPerSecond: Int = 100
    ) {
        self.whenSilent = whenSilent
        self.silence = max(silence, Self.shortestSilence)
        self.longestStaleness = longestStaleness
        self.questionsPerSecond = min(max(questionsPerSecond, 0), 10_000)
    }
}
