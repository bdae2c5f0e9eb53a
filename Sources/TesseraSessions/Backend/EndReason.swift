public import SessionEngine

#if canImport(FoundationEssentials)
    public import struct FoundationEssentials.Date
#else
    public import struct Foundation.Date
#endif

/// Why a session ended: the answer to "why was I signed out?" (docs/devices.md).
public struct EndReason: Sendable, Hashable {
    /// The cause; its names are stable, for an application with words of its own.
    public var cause: SessionEnd.Cause
    /// The cause in words for the user, a sentence without its full stop; it has nothing in it that helps a thief.
    public var text: String
    /// When the session ended.
    public var endedAt: Date

    /// The answer of a backend of your own.
    public init(cause: SessionEnd.Cause, text: String, endedAt: Date) {
        self.cause = cause
        self.text = text
        self.endedAt = endedAt
    }

    /// What the audit log says.
    package init(_ end: SessionEnd) {
        self.init(cause: end.cause, text: end.userText, endedAt: end.endedAt.date)
    }
}
