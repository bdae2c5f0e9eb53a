public import SessionEngine

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The clock and the dice.
///
/// This file is the only place in `Sources` that asks the system for either.
public struct Ambient: Sendable {
    /// The time.
    public var time: @Sendable () -> Timestamp
    /// 64 unpredictable bits.
    public var randomBits: @Sendable () -> UInt64

    /// Puts a clock and a source of randomness together.
    public init(time: @escaping @Sendable () -> Timestamp, randomBits: @escaping @Sendable () -> UInt64) {
        self.time = time
        self.randomBits = randomBits
    }

    /// The system's clock and its cryptographic source of randomness.
    public static let system = Ambient(
        time: { Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))) },
        randomBits: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        })

    /// A generator over the source.
    var random: AmbientRandom { AmbientRandom(randomBits: randomBits) }
}

/// The dice in the shape that the engine takes.
struct AmbientRandom: RandomNumberGenerator {
    let randomBits: @Sendable () -> UInt64

    mutating func next() -> UInt64 { randomBits() }
}
