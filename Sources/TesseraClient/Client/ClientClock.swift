import Foundations
import PlatformLibC

/// The clocks of a client, and randomness for its pauses; a test has its own.
public struct ClientClock: Sendable {
    /// Milliseconds since 1970, which a user can set wrong.
    public var wall: @Sendable () -> Int64
    /// Milliseconds of a clock that only goes forward, also while the machine sleeps.
    public var steady: @Sendable () -> Int64
    /// Names the start of the machine, with which ``steady`` begins at another number.
    public var boot: String
    /// Lets time pass; throws when its task is cancelled.
    public var pause: @Sendable (Duration) async throws -> Void
    /// 64 unpredictable bits.
    public var randomBits: @Sendable () -> UInt64

    /// Makes a clock.
    ///
    /// - Parameters:
    ///   - wall: milliseconds since 1970.
    ///   - steady: milliseconds of a clock that only goes forward.
    ///   - boot: names the start of the machine.
    ///   - pause: lets time pass.
    ///   - randomBits: 64 unpredictable bits.
    public init(
        wall: @escaping @Sendable () -> Int64, steady: @escaping @Sendable () -> Int64, boot: String,
        pause: @escaping @Sendable (Duration) async throws -> Void, randomBits: @escaping @Sendable () -> UInt64
    ) {
        (self.wall, self.steady, self.boot, self.pause, self.randomBits) = (wall, steady, boot, pause, randomBits)
    }

    /// Those of this machine.
    public static let system = ClientClock(
        wall: { ClockAndRandomness.system.time().milliseconds }, steady: steadyMilliseconds, boot: bootName(),
        pause: { try await Task.sleep(for: $0) }, randomBits: ClockAndRandomness.system.randomBits)

    private static func steadyMilliseconds() -> Int64 {
        var time = timespec()
        #if canImport(Darwin)
            clock_gettime(CLOCK_MONOTONIC, &time)
        #else
            clock_gettime(CLOCK_BOOTTIME, &time)
        #endif
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// `boot_id` of Linux, `kern.bootsessionuuid` of Apple systems; empty where neither can be read.
    private static func bootName() -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        #if canImport(Darwin)
            var length = bytes.count
            guard sysctlbyname("kern.bootsessionuuid", &bytes, &length, nil, 0) == 0 else { return "" }
            let count = length
        #else
            let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { return "" }
            defer { close(descriptor) }
            let count = max(0, read(descriptor, &bytes, bytes.count))
        #endif
        return String(decoding: bytes.prefix(count).filter { $0 > 0x20 }, as: UTF8.self)
    }
}
