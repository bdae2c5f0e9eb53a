import Foundations

/// The ids of anonymous users: `anon_` and 22 characters of base62, made by the core (docs/decisions/0044).
///
/// No other id is allowed in an anonymous session, so that a service that reads an access token knows without a claim that no user
/// has signed in.
extension UserID {
    private static let anonymousPrefix = Array("anon_".utf8)
    /// 62 to the 22nd is more than 2 to the 128th.
    private static let digitCount = 22

    /// Whether this is the id of an anonymous user, by its form.
    public var isAnonymous: Bool {
        let bytes = rawValue.utf8
        return bytes.count == Self.anonymousPrefix.count + Self.digitCount && bytes.starts(with: Self.anonymousPrefix)
            && bytes.dropFirst(Self.anonymousPrefix.count).allSatisfy(Self.isDigit)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }

    /// A new id of an anonymous user: 131 random bits.
    ///
    /// - Parameter random: the source of randomness.
    package static func makeAnonymous(using random: inout some RandomNumberGenerator) -> UserID {
        UserID("anon_" + RandomText.base62(digitCount, using: &random))
    }
}
