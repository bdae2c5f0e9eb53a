public import Foundations

/// The long-lived secret that a client exchanges for new tokens.
///
/// It prints as `<redacted>`.
public struct RefreshToken: Sendable, Redacted {
    /// The token as the client holds it.
    ///
    /// Never log it, never store it.
    public let text: String

    /// Takes whatever was presented; only opening it tells whether it is one.
    public init(_ text: String) {
        self.text = text
    }
}

/// The double-submit secret that must come with a request beside the cookies.
///
/// It prints as `<redacted>`.
public struct AntiCSRFToken: Sendable, Redacted {
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
}
