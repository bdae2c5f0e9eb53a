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

    /// Lets time pass.
    public var pause: @Sendable (Milliseconds) async -> Void

    /// Puts a clock and a source of randomness together.
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
    }

    /// The system's clock and its cryptographic source of randomness.
    public static let system = Ambient(
        time: { Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down))) },
        randomBits: {
            var generator = SystemRandomNumberGenerator()
            return generator.next()
        },
        pause: { try? await Task.sleep(for: .milliseconds($0.count)) })

    /// A generator over the source.
    var random: AmbientRandom { AmbientRandom(randomBits: randomBits) }
}

/// The dice in the shape that the engine takes.
struct AmbientRandom: RandomNumberGenerator {
    let randomBits: @Sendable () -> UInt64

    mutating func next() -> UInt64 { randomBits() }
}
