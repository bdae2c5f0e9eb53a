package import Foundations

/// How far a reader of the feed is, and how fresh what it knows; changed by answers and by nothing else.
package struct FeedState: Sendable, Equatable {
    /// What to ask with; `nil`: from the beginning.
    package private(set) var cursor: String?
    /// Which sequence the cursor belongs to.
    package private(set) var stream: String?
    /// Up to this moment everything that ended is known; `nil` before the first whole snapshot of a stream.
    package private(set) var freshAt: MonotonicTime?
    /// The newest ``freshAt`` of any stream; when the reader began before there was one.
    package private(set) var lastFreshAt: MonotonicTime
    /// The wall clock less the steady one when they were compared first, in ms.
    private var clockOffset: Int64?

    /// How far the two clocks may move apart before what was left out as over is asked for again.
    static let clockJump: Int64 = 30_000

    package init(startedAt: MonotonicTime) {
        lastFreshAt = startedAt
    }

    /// Takes an answer in.
    ///
    /// - Parameters:
    ///   - page: the answer; its entries are the caller's to add, whatever this throws.
    ///   - askedAt: when the question was asked, not when the answer came.
    /// - Throws: ``FeedProblem/outOfTurn`` for an answer that continues something else; then the next question is asked from
    ///   the beginning.
    package mutating func take(_ page: FeedPage, askedAt: MonotonicTime) throws(FeedProblem) {
        let isStuck = page.hasMore && page.next == cursor
        guard page.isReset || (page.stream == stream && cursor != nil), !isStuck else {
            cursor = nil
            throw .outOfTurn
        }
        if page.stream != stream { freshAt = nil }
        stream = page.stream
        cursor = page.next
        guard !page.hasMore else { return }
        let moment = askedAt + .milliseconds(-page.age.count)
        freshAt = max(freshAt ?? moment, moment)
        lastFreshAt = max(lastFreshAt, moment)
    }

    /// Compares the clocks: entries are left out by the wall clock, so one that was far off may have lost some.
    ///
    /// - Returns: whether everything is to be asked for again, which counts as silence until it has come.
    @discardableResult
    package mutating func compareClocks(_ wall: Timestamp, _ steady: MonotonicTime) -> Bool {
        let offset = wall.milliseconds.saturatingAdd(-(steady.nanoseconds / 1_000_000))
        let before = clockOffset ?? offset
        let (moved, isFar) = offset.subtractingReportingOverflow(before)
        guard isFar || moved.magnitude > UInt64(Self.clockJump) else {
            clockOffset = before
            return false
        }
        clockOffset = offset
        cursor = nil
        freshAt = nil
        return true
    }
}
