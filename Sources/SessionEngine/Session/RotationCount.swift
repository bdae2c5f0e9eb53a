/// The rotation count of a session or a refresh token, with the store's restore number in its high byte
/// (docs/decisions/0019).
///
/// Tokens carry it in five authenticated bytes, storage keeps it as one integer: restore number · 2³² + rotations.
public struct RotationCount: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral {
    /// The stored integer, 0 to 254 · 2³² + 2³² − 1.
    public let rawValue: Int64

    /// The largest restore number that a store can have.
    public static let largestRestoreNumber: UInt8 = 254
    private static let perRestore: Int64 = 1 << 32
    private static let largest = Int64(largestRestoreNumber) * perRestore + (perRestore - 1)

    /// Reads a stored integer; one that no release writes becomes the nearest that one does.
    public init(stored value: Int64) {
        rawValue = min(max(0, value), Self.largest)
    }

    /// A count of few rotations, for example in a test.
    public init(integerLiteral value: Int64) {
        self.init(stored: value)
    }

    /// The count of a session that is created in a store.
    public init(restoreNumber: UInt8) {
        self.init(stored: Int64(restoreNumber) * Self.perRestore)
    }

    /// The restore number of the store in which the last rotation was made.
    public var restoreNumber: UInt8 { UInt8(truncatingIfNeeded: rawValue >> 32) }

    /// The rotations since the last restore, or since the session was created.
    public var rotations: UInt32 { UInt32(truncatingIfNeeded: rawValue) }

    /// The count after one more rotation; at the end of 32 bits it stays where it is.
    ///
    /// - Parameter number: the store's restore number: after a restore every successor differs from the one before.
    public func successor(restoreNumber number: UInt8 = 0) -> RotationCount {
        let next = rotations == .max ? self : RotationCount(stored: rawValue + 1)
        let first = RotationCount(restoreNumber: number)
        return next > first ? next : RotationCount(stored: first.rawValue + 1)
    }

    /// How many rotations lie between an older count and this one; negative when `other` is the newer one.
    public func distance(from other: RotationCount) -> Int64 { rawValue - other.rawValue }

    /// Fewer rotations before more.
    public static func < (left: RotationCount, right: RotationCount) -> Bool { left.rawValue < right.rawValue }
}
