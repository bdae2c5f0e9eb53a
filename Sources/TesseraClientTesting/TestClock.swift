import Foundations
import Synchronization
public import TesseraClient

/// Clocks that a test moves.
///
/// A pause moves them by its length, at once.
public final class TestClock: Sendable {
    private struct Times {
        var wall: Int64
        var steady: Int64
        var bits: UInt64
    }

    private let times: Mutex<Times>

    /// Makes clocks that stand still.
    ///
    /// - Parameters:
    ///   - wall: milliseconds since 1970.
    ///   - seed: of the randomness.
    public init(wall: Int64 = 1_764_282_000_000, seed: UInt64 = 1) {
        times = Mutex(Times(wall: wall, steady: 1_000_000, bits: seed))
    }

    /// The steady clock, in milliseconds.
    public var steady: Int64 { times.withLock { $0.steady } }
    /// The wall clock, in milliseconds since 1970.
    public var wall: Int64 { times.withLock { $0.wall } }

    /// Moves both clocks on.
    public func advance(by duration: Duration) {
        let milliseconds = duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
        times.withLock {
            $0.wall &+= milliseconds
            $0.steady &+= milliseconds
        }
    }

    /// Sets the wall clock alone, as a user or a time server does.
    public func setWall(_ milliseconds: Int64) { times.withLock { $0.wall = milliseconds } }

    /// These clocks for a client.
    ///
    /// - Parameter boot: names the start of the machine.
    public func clock(boot: String = "test") -> ClientClock {
        ClientClock(
            wall: { self.wall }, steady: { self.steady }, boot: boot,
            pause: { duration in
                try Task.checkCancellation()
                self.advance(by: duration)
                await Task.yield()
            },
            randomBits: { self.nextBits() })
    }

    /// 64 bits of a sequence that the seed repeats (SplitMix64).
    public func nextBits() -> UInt64 {
        times.withLock {
            $0.bits &+= 0x9E37_79B9_7F4A_7C15
            var word = $0.bits
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            return word ^ (word >> 31)
        }
    }
}
