public import Foundations

/// The long-lived secret with which a client refreshes.
///
/// It prints as `<redacted>`.
public struct RefreshToken: Sendable, Redacted {
    /// The token as the client holds it.
    ///
    /// Never log it, never store it.
    public let exposed: String

    /// Takes whatever was presented; only decryption shows whether it is one.
    public init(_ text: String) {
        self.exposed = text
    }
}

/// The anti-CSRF token that must be sent with a request beside the cookies.
///
/// It prints as `<redacted>`.
public struct AntiCSRFToken: Sendable, Redacted {
    /// The token as the client holds it.
    public let exposed: String

    /// Takes whatever was presented.
    public init(_ text: String) {
        self.exposed = text
    }

    /// A new token in the shape that SDKs expect, a version 4 UUID (docs/specification/core.md 3.4).
    public static func make(using random: inout some RandomNumberGenerator) -> AntiCSRFToken {
        AntiCSRFToken(RandomText.uuid(using: &random))
    }

    /// Whether a presented token is this one, in time that does not depend on where they differ.
    public func matches(_ presented: AntiCSRFToken?) -> Bool {
        guard let presented else { return false }
        return ConstantTime.equals(exposed, presented.exposed)
    }
}
