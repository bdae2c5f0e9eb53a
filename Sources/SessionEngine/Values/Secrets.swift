/// The long-lived secret that a client exchanges for new tokens.
///
/// It prints as `<redacted>`.
public struct RefreshToken: Sendable, CustomStringConvertible, CustomReflectable {
    /// The token as the client holds it.
    ///
    /// Never log it, never store it.
    public let text: String

    /// Takes whatever was presented; only opening it tells whether it is one.
    public init(_ text: String) {
        self.text = text
    }

    /// Never the token.
    public var description: String { "<redacted>" }
    /// Shows nothing to reflection.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The double-submit secret that must come with a request beside the cookies.
///
/// It prints as `<redacted>`.
public struct AntiCSRFToken: Sendable, CustomStringConvertible, CustomReflectable {
    /// The token as the client holds it.
    public let text: String

    /// Takes whatever was presented.
    public init(_ text: String) {
        self.text = text
    }

    /// A new token in the shape that SDKs expect, a version 4 UUID (docs/specification/core.md 3.4).
    public static func make(using random: inout some RandomNumberGenerator) -> AntiCSRFToken {
        AntiCSRFToken(RandomText.uuid(using: &random))
    }

    /// Whether a presented token is this one, in time that tells nothing about where they differ.
    public func matches(_ presented: AntiCSRFToken?) -> Bool {
        guard let presented else { return false }
        return ConstantTime.equals(text, presented.text)
    }

    /// Never the token.
    public var description: String { "<redacted>" }
    /// Shows nothing to reflection.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The one comparison of secrets (docs/specification/security.md T23).
public enum ConstantTime {
    /// Whether two texts have the same bytes; the time depends on the second one's length only.
    public static func equals(_ expected: String, _ presented: String) -> Bool {
        let expected = Array(expected.utf8)
        let presented = Array(presented.utf8)
        var difference: UInt8 = expected.count == presented.count ? 0 : 1
        for (index, byte) in presented.enumerated() {
            difference |= byte ^ (index < expected.count ? expected[index] : ~byte)
        }
        return difference == 0
    }
}
