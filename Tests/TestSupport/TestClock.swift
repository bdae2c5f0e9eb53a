public import SessionEngine
import Synchronization

/// A clock that stands still until a test moves it.
public final class TestClock: Sendable {
    private let time: Mutex<Timestamp>

    /// Starts at a time, by default somewhere in 2023 and not on a whole second.
    public init(_ start: Timestamp = Timestamp(milliseconds: 1_700_000_000_123)) {
        time = Mutex(start)
    }

    /// The time.
    public var now: Timestamp { time.withLock { $0 } }

    /// Moves the time on.
    public func advance(by span: Milliseconds) {
        time.withLock { $0 = $0 + span }
    }

    /// Moves the time to a point.
    public func set(_ time: Timestamp) {
        self.time.withLock { $0 = time }
    }
}

/// Seeded dice that many tasks may throw.
public final class TestDice: Sendable {
    private let generator: Mutex<SplitMix64>

    /// Starts from a seed.
    public init(seed: UInt64) {
        generator = Mutex(SplitMix64(seed: seed))
    }

    /// The next 64 bits.
    public func next() -> UInt64 { generator.withLock { $0.next() } }
}
