package import Foundations
package import LosslessJSON

/// One answer of the feed (docs/feed.md).
package struct FeedPage: Sendable, Equatable {
    /// The most entries of an answer.
    package static let longest = 10_000
    /// The longest cursor that a reader keeps, in bytes.
    package static let longestCursor = 1_024
    /// The longest name of a stream, in bytes.
    package static let longestStream = 128
    /// The longest answer that is read, in bytes: 10,000 entries have less than 2 MB.
    package static let sizeLimit = 4 * 1_024 * 1_024

    /// Which sequence of entries this belongs to; another one where the storage is another.
    package var stream: String
    /// Whether the reader is to begin again: what follows is everything that is still of consequence.
    package var isReset: Bool
    /// Whether there is more, to be asked for at once.
    package var hasMore: Bool
    /// How long ago the core's newest complete reading of its storage began, by its steady clock.
    package var age: Milliseconds
    /// What to ask with the next time, visible ASCII.
    package var next: String
    /// What ended.
    package var entries: [FeedEntry]

    package init(
        stream: String, isReset: Bool = false, hasMore: Bool = false, age: Milliseconds, next: String,
        entries: [FeedEntry] = []
    ) {
        self.stream = stream
        self.isReset = isReset
        self.hasMore = hasMore
        self.age = age
        self.next = next
        self.entries = entries
    }

    /// Reads an answer strictly; members and kinds of entries that are not known here are passed over.
    ///
    /// - Parameter body: the answer.
    /// - Throws: ``FeedProblem``; then nothing of it counts.
    package init(parsing body: [UInt8]) throws(FeedProblem) {
        let limits = JSONLimits(bytes: Self.sizeLimit, depth: 8, numberLength: 20)
        guard let object = try? JSONValue(parsing: body, limits: limits).object else { throw .unreadable("the answer") }
        try self.init(object)
    }

    /// Reads an answer.
    ///
    /// - Throws: ``FeedProblem``.
    package init(_ object: JSONObject) throws(FeedProblem) {
        guard object["status"]?.string == "OK" else { throw .unreadable("status") }
        guard let stream = Self.text(object["stream"], longest: Self.longestStream) else { throw .unreadable("stream") }
        guard let isReset = object["reset"]?.bool else { throw .unreadable("reset") }
        guard let hasMore = object["more"]?.bool else { throw .unreadable("more") }
        guard let age = object["age"]?.number?.int64, age >= 0 else { throw .unreadable("age") }
        guard let next = Self.text(object["next"], longest: Self.longestCursor) else { throw .unreadable("next") }
        guard let list = object["entries"]?.array else { throw .unreadable("entries") }
        guard list.count <= Self.longest else { throw .tooManyEntries }
        var entries: [FeedEntry] = []
        entries.reserveCapacity(list.count)
        for value in list {
            if let entry = try FeedEntry.read(value) { entries.append(entry) }
        }
        self.init(
            stream: stream, isReset: isReset, hasMore: hasMore, age: Milliseconds(age), next: next, entries: entries)
    }

    /// A text of visible ASCII that is neither empty nor long.
    private static func text(_ value: JSONValue?, longest: Int) -> String? {
        guard let text = value?.string, (1...longest).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        return text
    }
}
