import PlatformLibC

/// A clock and a cryptographic source of randomness.
///
/// ``system`` is the only place in `Sources` that asks the system for either.
public struct ClockAndRandomness: Sendable {
    /// The time.
    public var time: @Sendable () -> Timestamp
    /// 64 unpredictable bits.
    public var randomBits: @Sendable () -> UInt64

    /// Lets time pass.
    public var pause: @Sendable (Milliseconds) async -> Void

    /// Creates a clock and a random number generator.
    ///
    /// - Parameters:
    ///   - time: the time.
    ///   - randomBits: 64 unpredictable bits.
    ///   - pause: lets time pass; nothing happens by default, as a test's clock is its own.
    public init(
        time: @escaping @Sendable () -> Timestamp, randomBits: @escaping @Sendable () -> UInt64,
        pause: @escaping @Sendable (Milliseconds) async -> Void = { _ in }
    ) {
        self.time = time
        self.randomBits = randomBits
        self.pause = pause
        unixNanoseconds = { time().milliseconds.saturatingMultiply(1_000_000) }
    }

    /// The time in nanoseconds since 1970, for what is measured and never for what is decided; by ``time`` in a test.
    package var unixNanoseconds: @Sendable () -> Int64

    /// The system's clock and its cryptographic source of randomness.
    public static let system: ClockAndRandomness = {
        var clock = ofSystem
        clock.unixNanoseconds = {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        }
        return clock
    }()

    private static let ofSystem = ClockAndRandomness(
        time: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Timestamp(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
        },
        randomBits: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        },
        pause: { try? await Task.sleep(for: .milliseconds($0.count)) })

    /// The randomness in the shape that the standard library and the engine take.
    package struct Generator: RandomNumberGenerator {
        let randomBits: @Sendable () -> UInt64

        package mutating func next() -> UInt64 { randomBits() }
    }

    /// A generator over ``randomBits``.
    package var random: Generator { Generator(randomBits: randomBits) }
}
