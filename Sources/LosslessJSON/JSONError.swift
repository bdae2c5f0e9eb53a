/// Why a text is not a JSON document that this parser takes.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of fault.
    public enum Reason: String, Sendable {
        /// The document is longer than the limit.
        case tooLong = "the document is too long"
        /// Arrays and objects are nested deeper than the limit.
        case tooDeep = "the document is nested too deeply"
        /// The document ends before its value does.
        case unexpectedEnd = "the document ends too early"
        /// A character stands where none of its kind may stand.
        case unexpectedCharacter = "unexpected character"
        /// A number breaks the grammar or the length limit.
        case invalidNumber = "invalid number"
        /// A string has a bad escape, a control character or half a surrogate pair.
        case invalidString = "invalid string"
        /// The bytes are not UTF-8.
        case invalidUTF8 = "invalid UTF-8"
        /// One object has two members of the same name.
        case duplicateName = "duplicate member name"
    }

    /// What is wrong.
    public let reason: Reason
    /// The offset, in bytes, at which it was noticed.
    public let offset: Int

    /// One line for a log; it quotes nothing of the document.
    public var description: String { "\(reason.rawValue) at byte \(offset)" }
}

/// What a document may cost at most.
public struct JSONLimits: Sendable, Hashable {
    /// The longest document, in bytes.
    public var bytes: Int
    /// The deepest nesting of arrays and objects.
    public var depth: Int
    /// The longest number, in characters.
    public var numberLength: Int

    /// Makes limits; the defaults are 1 MiB, 64 levels (docs/specification/security.md H04) and 256 characters.
    public init(bytes: Int = 1 << 20, depth: Int = 64, numberLength: Int = 256) {
        self.bytes = bytes
        self.depth = depth
        self.numberLength = numberLength
    }

    /// The defaults.
    public static let standard = JSONLimits()
}
