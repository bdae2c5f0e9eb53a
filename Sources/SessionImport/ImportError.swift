/// Why an import stopped.
///
/// Nothing in it is a secret: it names lines, tables and columns, never their contents.
public struct ImportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kinds of failure.
    public enum Kind: Sendable, Equatable {
        /// The file cannot be read.
        case unreadable
        /// The file is something else than a plain dump of PostgreSQL.
        case notADump
        /// The dump is truncated or has been changed.
        case damaged
        /// The dump is whole, and what is in it cannot be taken over.
        case unsuitable
        /// The target has other sessions already.
        case targetTaken
        /// The target could not be written.
        case storage
    }

    /// What kind of failure.
    public let kind: Kind
    /// What happened and what to do, for an operator.
    public let text: String
    /// The line of the dump, counted from 1, if it is about one.
    public let line: Int?

    public init(_ kind: Kind, _ text: String, line: Int? = nil) {
        self.kind = kind
        self.text = text
        self.line = line
    }

    /// The line and the text.
    public var description: String { line.map { "line \($0): \(text)" } ?? text }
}
