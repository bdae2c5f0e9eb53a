/// Cuts the SQL of a dump into tokens, one at a time.
struct SQLLexer {
    var reader: ByteReader
    /// Whether backslashes in ordinary string literals are just backslashes.
    var hasStandardStrings = true
    /// Whether the dump has said that it is complete, and nothing came after it.
    var isComplete = false
    private var isAtStart = true

    /// The longest value of a row.
    static let valueLimit = 64 << 20
    private static let wordLimit = 1_024
    private static let lastLine = Array(" PostgreSQL database dump complete".utf8)

    init(_ reader: ByteReader) {
        self.reader = reader
    }

    /// The next token.
    ///
    /// - Parameter keepsText: whether the values of string literals are wanted; otherwise they come out empty.
    mutating func next(keepsText: Bool = false) throws(ImportError) -> SQLToken {
        while let byte = try reader.peek() {
            if SQLByte.isSpace(byte) {
                _ = try reader.next()
            } else if isAtStart, byte == SQLByte.backslash {
                return try metaCommand()
            } else if let token = try token(startingWith: byte, keepsText) {
                isAtStart = token == .statementEnd
                return token
            }
        }
        return .end
    }

    /// A token, or `nil` where a comment was passed over.
    private mutating func token(startingWith byte: UInt8, _ keepsText: Bool) throws(ImportError) -> SQLToken? {
        if SQLByte.isNameStart(byte) { return try word(keepsText) }
        if SQLByte.isDigit(byte) { return .number(try run { SQLByte.isNamePart($0) || $0 == UInt8(ascii: ".") }) }
        _ = try reader.next()
        switch byte {
        case UInt8(ascii: ";"): return .statementEnd
        case SQLByte.quote: return .text(try literal(keepsText, escapes: !hasStandardStrings))
        case SQLByte.doubleQuote: return .quotedName(try quotedName())
        case SQLByte.dollar: return try dollarQuoted()
        case SQLByte.dash where try reader.peek() == SQLByte.dash:
            try lineComment()
            return nil
        case SQLByte.slash where try reader.peek() == SQLByte.star:
            try blockComment()
            return nil
        default: return .symbol(byte)
        }
    }

    private mutating func word(_ keepsText: Bool) throws(ImportError) -> SQLToken {
        let text = try run(SQLByte.isNamePart)
        guard text == "e", try reader.take(SQLByte.quote) else { return .word(text) }
        return .text(try literal(keepsText, escapes: true))
    }

    private mutating func run(_ belongs: (UInt8) -> Bool) throws(ImportError) -> String {
        var bytes: [UInt8] = []
        while let byte = try reader.peek(), belongs(byte) {
            _ = try reader.next()
            if bytes.count < Self.wordLimit { bytes.append(SQLByte.lowercased(byte)) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func quotedName() throws(ImportError) -> String {
        var bytes: [UInt8] = []
        let start = reader.line
        while let byte = try reader.next() {
            if byte == SQLByte.doubleQuote, try !reader.take(SQLByte.doubleQuote) {
                return String(decoding: bytes, as: UTF8.self)
            }
            if bytes.count < Self.wordLimit { bytes.append(byte) }
        }
        throw ImportError(.damaged, "the dump is truncated: it ends in a quoted name", line: start)
    }

    private mutating func metaCommand() throws(ImportError) -> SQLToken {
        let line = try reader.restOfLine(keeping: Self.wordLimit)?.bytes ?? []
        let name = line.dropFirst().prefix { !SQLByte.isSpace($0) }
        return .metaCommand(String(decoding: name, as: UTF8.self))
    }

    private mutating func lineComment() throws(ImportError) {
        _ = try reader.next()
        let text = try reader.restOfLine(keeping: 256)?.bytes ?? []
        if text.starts(with: Self.lastLine) { isComplete = true }
    }

    private mutating func blockComment() throws(ImportError) {
        let start = reader.line
        _ = try reader.next()
        var depth = 1
        while let byte = try reader.next() {
            if byte == SQLByte.star, try reader.take(SQLByte.slash) {
                depth -= 1
                if depth == 0 { return }
            } else if byte == SQLByte.slash, try reader.take(SQLByte.star) {
                depth += 1
            }
        }
        throw ImportError(.damaged, "the dump is truncated: it ends in a comment", line: start)
    }
}
