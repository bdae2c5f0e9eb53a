/// Whether the clock of a process may say what is too old to be kept (docs/decisions/0028).
///
/// A clock that is years ahead makes every session look expired. Answers change back when it is put right; rows that
/// were deleted are lost.
package enum ClockJudgement: Sendable, Hashable {
    /// Near the time that was noted last: what is too old may be deleted.
    case right
    /// Later than the noted time by more than this process has seen pass.
    case ahead
    /// Earlier than the noted time.
    case behind

    /// How far a clock may be from the time that was noted last.
    package static let tolerance = Milliseconds.seconds(30 * 86_400)

    /// Compares a clock with what is known.
    ///
    /// - Parameters:
    ///   - now: what the clock shows.
    ///   - noted: the time that was noted last, by this process or another one.
    ///   - elapsed: how much time this process has seen pass since, by a clock that only goes forward.
    package init(now: Timestamp, noted: Timestamp, elapsed: Milliseconds) {
        let distance = now - noted
        if distance > Self.tolerance + max(elapsed, Milliseconds(0)) {
            self = .ahead
        } else if distance < Milliseconds(0) - Self.tolerance {
            self = .behind
        } else {
            self = .right
        }
    }
}
