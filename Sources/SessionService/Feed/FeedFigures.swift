import Foundations
import Synchronization

/// What metrics show of a feed.
final class FeedFigures: Sendable {
    private let state = Mutex<(entries: Int, readAt: MonotonicTime?)>((0, nil))

    func note(entries: Int, readAt: MonotonicTime?) { state.withLock { $0 = (entries, readAt) } }

    /// How many ends are in the list, and for how long storage was not read; `nil` where it is not asked for.
    func value(at now: MonotonicTime) -> (entries: Int, age: Duration)? {
        let (entries, readAt) = state.withLock(\.self)
        return readAt.map { (entries, now - $0) }
    }
}
