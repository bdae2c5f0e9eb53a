/// An answer of the feed.
package struct FeedPage: Sendable, Equatable {
    /// Names the history; another one than before means that the time between is not covered.
    package var history: String
    /// Whether it begins again with all that is known.
    package var isReset: Bool
    /// Whether more follows at once.
    package var hasMore: Bool
    /// For how long storage was not read completely.
    package var age: Duration
    /// The cursor for the next question.
    package var next: String
    /// The ends.
    package var entries: [FeedEntry]

    /// The longest wait for news.
    package static let longestWait = Duration.seconds(30)
}
