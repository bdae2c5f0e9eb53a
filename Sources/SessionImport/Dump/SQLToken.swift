/// A word, a value or a sign of SQL.
enum SQLToken: Equatable {
    /// A key word or a name without quotes, in lower case.
    case word(String)
    /// A name in quotes.
    case quotedName(String)
    /// The value of a string literal.
    case text([UInt8])
    /// A number as it stands, without a sign.
    case number(String)
    /// Any other sign.
    case symbol(UInt8)
    /// `;`
    case statementEnd
    /// A command to psql, a line of its own: its first word.
    case metaCommand(String)
    /// The end of the dump.
    case end

    static let open = SQLToken.symbol(UInt8(ascii: "("))
    static let close = SQLToken.symbol(UInt8(ascii: ")"))
    static let comma = SQLToken.symbol(UInt8(ascii: ","))
    static let period = SQLToken.symbol(UInt8(ascii: "."))
    static let minus = SQLToken.symbol(UInt8(ascii: "-"))

    /// The name that this token is, if it is one.
    var name: String? {
        switch self {
        case .word(let text), .quotedName(let text): text
        default: nil
        }
    }
}

/// Which bytes stand for what in SQL.
enum SQLByte {
    static let quote = UInt8(ascii: "'")
    static let doubleQuote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let dollar = UInt8(ascii: "$")
    static let dash = UInt8(ascii: "-")
    static let slash = UInt8(ascii: "/")
    static let star = UInt8(ascii: "*")

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func isNameStart(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
        default: byte >= 0x80
        }
    }

    static func isNamePart(_ byte: UInt8) -> Bool { isNameStart(byte) || isDigit(byte) || byte == dollar }

    static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
